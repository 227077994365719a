"""The spots of dials.find_spots in every image of a corpus, as a list for `braggbench score-peaks` (python3-dials).

usage: dials_peaks.py CORPUS PEAKS.csv [dials.find_spots' own parameters ...]

  dials_peaks.py corpus.h5 dials.csv spotfinder.filter.min_spot_size=2
  braggbench score-peaks corpus.h5 --peaks dials.csv --finder peakfinder8
"""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
from dials.array_family import flex
from dxtbx.model.experiment_list import ExperimentListFactory


def main(corpus: str, output: str, parameters: list) -> None:
    experiments = ExperimentListFactory.from_filenames([corpus])
    with h5py.File(corpus) as file:  # NXmx has no field for these, and DIALS' thresholds count photons
        offset, gain = (float(file[f"/entry/instrument/detector/{name}"][()]) for name in ("offset_adu", "gain_adu_per_photon"))
    for experiment in experiments:
        for panel in experiment.detector:
            panel.set_pedestal(offset)
            panel.set_gain(gain)
        experiment.imageset.set_detector(experiment.detector)
    with tempfile.TemporaryDirectory() as folder:
        experiments.as_file(str(Path(folder) / "imported.expt"))
        command = ["dials.find_spots", "imported.expt", "output.reflections=strong.refl", "output.shoeboxes=False"]
        command += ["nproc=1"]  # without it DIALS 3.12 fails where it has no shoeboxes to keep; yours counts, if given
        begin = time.monotonic()
        done = subprocess.run([*command, *parameters], cwd=folder, capture_output=True, text=True)
        seconds = time.monotonic() - begin
        if done.returncode != 0:
            sys.exit(f"dials.find_spots failed:\n{done.stdout}{done.stderr}")
        spots = flex.reflection_table.from_file(str(Path(folder) / "strong.refl"))
    fast, slow, _ = spots["xyzobs.px.value"].parts()
    with open(output, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "image", "fast_px", "slow_px"])
        for image, x, y in zip(spots["id"], fast, slow):
            writer.writerow([corpus, image, f"{x:.3f}", f"{y:.3f}"])
    print(f"{len(spots)} spots in {len(experiments)} images, {len(experiments) / seconds:.1f} images/s")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
