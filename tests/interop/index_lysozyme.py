"""dials.index with the known cell indexes the strong images of a lysozyme corpus, in the orientation that was simulated.

usage: index_lysozyme.py BRAGGBENCH
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
    from corpus_experiments import per_image_experiments
    from dxtbx.model.experiment_list import ExperimentListFactory
except ImportError as error:
    print(f"skipped: {error} (install python3-dials and python3-h5py)")
    sys.exit(77)

IMAGES = 100
UNIT_CELL = (79.15, 79.15, 36.28, 90.0, 90.0, 90.0)  # the built-in lysozyme
MIN_INDEXED = 0.8
MIN_RIGHT = 0.95
MAX_ERROR_DEG = 0.3

# dxtbx has x and z reversed with respect to the NeXus frame of the truth.
DXTBX_FROM_LAB = np.diag([-1.0, 1.0, -1.0])


def orientation_error_deg(dxtbx_crystal, lab_from_crystal) -> float:
    """Angle between the indexed and the simulated lattice, over all ways to name the axes of one lattice."""
    indexed = np.array(dxtbx_crystal.get_A()).reshape(3, 3)
    a, b, c = UNIT_CELL[:3]
    simulated = DXTBX_FROM_LAB @ lab_from_crystal @ np.diag([1 / a, 1 / b, 1 / c])
    change = np.linalg.inv(simulated) @ indexed
    basis = np.rint(change)
    if abs(abs(np.linalg.det(basis)) - 1) > 1e-6 or np.abs(change - basis).max() > 0.2:
        return 180.0
    u, _, v = np.linalg.svd(indexed @ np.linalg.inv(simulated @ basis))
    return float(np.degrees(np.arccos(np.clip((np.trace(u @ v) - 1) / 2, -1, 1))))


def main(braggbench: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "lysozyme.h5"
        command = [braggbench, "generate", "diffranet", "-o", str(corpus), "--images", str(IMAGES), "--quiet"]
        subprocess.run([*command, "--set", "crystal.model=lysozyme"], check=True)
        with h5py.File(corpus) as file:
            names = [text.decode() for text in file["/entry/labels/class"].attrs["names"]]
            strong = np.flatnonzero(file["/entry/labels/class"][()] == names.index("strong"))
            orientations = file["/entry/truth/orientation"][()].reshape(-1, 3, 3).astype(float)
        per_image_experiments(str(corpus), strong).as_file(str(folder / "imported.expt"))
        for step in (
            ["dials.find_spots", "imported.expt", "output.shoeboxes=False", "nproc=2"],
            [
                "dials.index",
                "imported.expt",
                "strong.refl",
                # Debian's DIALS lacks the xfel module that its stills indexer ends with.
                "indexing.stills.indexer=sequences",
                "joint_indexing=False",
                "indexing.method=fft1d",
                # The geometry is the thing to be proved: nothing of it may be fitted.
                "refinement.parameterisation.detector.fix=all",
                "refinement.parameterisation.beam.fix=all",
                "indexing.known_symmetry.unit_cell=" + ",".join(str(v) for v in UNIT_CELL),
                "indexing.known_symmetry.space_group=P43212",
                "indexing.nproc=2",
            ],
        ):
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-8000:] + done.stderr
        indexed = ExperimentListFactory.from_json_file(str(folder / "indexed.expt"), check_format=False)
        errors = {}
        for experiment in indexed:
            image = experiment.imageset.indices()[0]
            error = orientation_error_deg(experiment.crystal, orientations[image])
            errors[image] = min(error, errors.get(image, 180.0))
        values = np.array(list(errors.values()))
        right = int((values <= MAX_ERROR_DEG).sum())
        print(f"indexed {len(errors)} of {len(strong)} strong images ({len(errors) / len(strong):.0%})")
        print(f"within {MAX_ERROR_DEG} deg of the simulated orientation: {right} of {len(errors)}; "
              f"median error {np.median(values):.3f} deg, worst {values.max():.3f} deg")
        assert len(errors) >= MIN_INDEXED * len(strong)
        assert right >= MIN_RIGHT * len(errors)


if __name__ == "__main__":
    main(sys.argv[1])
