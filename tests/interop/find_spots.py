"""dials.find_spots finds the strong spots that the truth of a corpus lists, and little else.

usage: find_spots.py BRAGGBENCH
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
    from corpus_experiments import per_image_experiments
    from dials.array_family import flex
    from scipy.spatial import cKDTree
except ImportError as error:
    print(f"skipped: {error} (install python3-dials, python3-h5py and python3-scipy)")
    sys.exit(77)

IMAGES = 60
# DIALS knows of Poisson noise only. Where read-out noise exceeds it (weak images: background below one photon per pixel)
# it reports spots of noise, which would judge the detector and not the positions.
PHOTON_COUNTING = ["--set", "response.read_noise_rms_adu=0"]
# Our peaks are 1-4 px wide; DIALS' default of 3 drops the narrowest.
MIN_SPOT_PX = 2
MATCH_PX = 2.0
# A spot of DIALS is true if any peak of this signal-to-noise ratio is there; recall counts the clearly strong ones,
# because dials.find_spots wants touching pixels each above 3 sigma, where *visible* is a sum over the footprint.
TRUE_SNR = 3.0
STRONG_SNR = 12.0
MIN_RECALL = 0.97
MIN_PRECISION = 0.99
MAX_MEDIAN_OFFSET_PX = 0.02


def isolated(positions, distance_px: float):
    """Peaks with no other within the distance: DIALS joins those that touch."""
    if len(positions) < 2:
        return np.ones(len(positions), bool)
    nearest = cKDTree(positions).query(positions, k=2)[0][:, 1]
    return nearest > distance_px


def main(braggbench: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpus.h5"
        subprocess.run(
            [braggbench, "generate", "diffranet", "-o", str(corpus), "--images", str(IMAGES), "--quiet", *PHOTON_COUNTING],
            check=True,
        )
        per_image_experiments(str(corpus)).as_file(str(folder / "imported.expt"))
        # A failed run leaves its log in the output below.
        command = ["dials.find_spots", "imported.expt", "output.reflections=strong.refl", "output.shoeboxes=False"]
        command.append(f"spotfinder.filter.min_spot_size={MIN_SPOT_PX}")
        done = subprocess.run([*command, "nproc=2"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        spots = flex.reflection_table.from_file(str(folder / "strong.refl"))
        x, y, _ = spots["xyzobs.px.value"].parts()
        spot_image = np.array(spots["id"])
        spot_xy = np.column_stack([np.array(x), np.array(y)])

        with h5py.File(corpus) as file:
            names = [text.decode() for text in file["/entry/labels/class"].attrs["names"]]
            classes = file["/entry/labels/class"][()]
            peaks = file["/entry/truth/peaks"]
            offsets = peaks["offsets"][()]
            xy = np.column_stack([peaks["fast_px"][()], peaks["slow_px"][()]])
            snr = peaks["snr"][()]
            visible = peaks["visible"][()].astype(bool)

        strong = found = visible_count = visible_found = 0
        spot_count, true_spots = np.zeros(len(names), int), np.zeros(len(names), int)
        shifts = []
        for i in range(IMAGES):
            rows = slice(offsets[i], offsets[i + 1])
            here = spot_xy[spot_image == i]
            spot_count[classes[i]] += len(here)
            listed = xy[rows][snr[rows] >= TRUE_SNR]
            if len(listed) and len(here):
                true_spots[classes[i]] += int((cKDTree(listed).query(here)[0] <= MATCH_PX).sum())
            alone = isolated(xy[rows], 6.0)
            for wanted, count_all in ((visible[rows], True), (visible[rows] & (snr[rows] >= STRONG_SNR) & alone, False)):
                targets = xy[rows][wanted]
                if not len(targets):
                    continue
                hits = np.zeros(len(targets), bool)
                if len(here):
                    distance, nearest = cKDTree(here).query(targets)
                    hits = distance <= MATCH_PX
                    if not count_all:
                        shifts.extend(here[nearest[hits]] - targets[hits])
                if count_all:
                    visible_count += len(targets)
                    visible_found += int(hits.sum())
                else:
                    strong += len(targets)
                    found += int(hits.sum())

        with_crystal = [c for c, name in enumerate(names) if name in ("weak", "good", "strong")]
        recall = found / max(strong, 1)
        precision = true_spots[with_crystal].sum() / max(spot_count[with_crystal].sum(), 1)
        shift = np.median(np.array(shifts), axis=0) if shifts else np.array([np.nan, np.nan])
        counts = {n: int((classes == c).sum()) for c, n in enumerate(names)}
        print(f"{IMAGES} images {counts}: {spot_count.sum()} spots of dials.find_spots")
        for c, name in enumerate(names):
            print(f"  {name}: {spot_count[c]} spots, {true_spots[c]} true")
        print(f"recall of isolated peaks with S/N >= {STRONG_SNR:g}: {recall:.3f} ({found} of {strong})")
        print(f"recall of all visible peaks (S/N >= 5): {visible_found / max(visible_count, 1):.3f} of {visible_count}")
        print(f"precision with a crystal (a peak with S/N >= {TRUE_SNR:g} within {MATCH_PX:g} px): {precision:.3f}")
        print(f"median offset, DIALS - truth: {shift[0]:+.3f}, {shift[1]:+.3f} px")
        assert strong >= 100, "too few strong peaks to judge"
        assert recall >= MIN_RECALL, recall
        assert precision >= MIN_PRECISION, precision
        assert np.abs(shift).max() <= MAX_MEDIAN_OFFSET_PX, shift


if __name__ == "__main__":
    main(sys.argv[1])
