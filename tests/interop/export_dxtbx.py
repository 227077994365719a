"""dxtbx opens exported SMV and miniCBF: the corpus' pixels, and each image's own beam centre.

usage: export_dxtbx.py WRITE_EXPORT
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
    from dxtbx.model.experiment_list import ExperimentListFactory
except ImportError as error:
    print(f"skipped: {error} (install python3-dials and python3-h5py)")
    sys.exit(77)

# As tests/datasets/small_corpus.hpp states them.
GAIN, OFFSET, PIXEL_MM, DISTANCE_MM, WAVELENGTH_A = 2.3, 10.1, 0.172, 120.7, 1.3


def judge(path: Path, expected: np.ndarray, beam_px: tuple[float, float]) -> None:
    (imageset,) = ExperimentListFactory.from_filenames([str(path)]).imagesets()
    (pixels,) = imageset.get_raw_data(0)
    np.testing.assert_array_equal(pixels.as_numpy_array(), expected)
    panel, beam = imageset.get_detector()[0], imageset.get_beam()
    assert panel.get_image_size() == expected.shape[::-1]
    np.testing.assert_allclose(panel.get_pixel_size(), (PIXEL_MM, PIXEL_MM), rtol=1e-6)
    np.testing.assert_allclose(beam.get_wavelength(), WAVELENGTH_A, rtol=1e-6)
    np.testing.assert_allclose(panel.get_directed_distance(), DISTANCE_MM, rtol=1e-6)
    centre = np.divide(panel.get_ray_intersection(beam.get_s0()), PIXEL_MM)
    np.testing.assert_allclose(centre, beam_px, atol=0.01)
    print(path.name, imageset.get_format_class().__name__, centre)


def main(write_export: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([write_export, name], check=True)
        with h5py.File(folder / "corpus.h5") as file:
            data = file["/entry/data/data"][()]
            fast = file["/entry/truth/beam_fast_px"][()]
            slow = file["/entry/truth/beam_slow_px"][()]
        for i, image in enumerate(data):
            judge(folder / "smv" / f"image_{i:05}.img", image, (fast[i], slow[i]))
            counts = np.maximum(0, np.rint((image - OFFSET) / GAIN)).astype(int)
            judge(folder / "cbf" / f"image_{i:05}.cbf", counts, (fast[i], slow[i]))


if __name__ == "__main__":
    main(sys.argv[1])
