"""dxtbx opens a corpus as NXmx: pixels equal to h5py's, geometry as written.

usage: corpus_dxtbx.py WRITE_CORPUS
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

# The detector of write_corpus.cpp, from its definition and not from the file: 210 x 180 px of 0.172 mm, the beam
# 1.25 px right of and 2.75 px above the middle.
WIDTH, HEIGHT, PIXEL_MM, DISTANCE_MM, WAVELENGTH_A = 210, 180, 0.172, 120.7, 1.3
BEAM_FAST_PX, BEAM_SLOW_PX = WIDTH / 2 + 1.25, HEIGHT / 2 - 2.75


def judge(write_corpus: str, thickness_um: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.h5"
        subprocess.run([write_corpus, str(path), str(thickness_um)], check=True)
        experiments = ExperimentListFactory.from_filenames([str(path)])
        imagesets = experiments.imagesets()
        image_format = imagesets[0].get_format_class().__name__
        print(f"{len(experiments)} experiments, {len(imagesets)} image sets, {image_format}")
        assert image_format == "FormatNXmx", image_format
        assert all(experiment.is_still() for experiment in experiments)

        with h5py.File(path) as file:
            data = file["/entry/data/data"][()]
            assert data.shape == (5, HEIGHT, WIDTH), data.shape
            assert data.dtype == np.uint16
            assert list(file["/entry/labels/class"].attrs["names"])[3].decode() == "très bon"
            assert np.isfinite(file["/entry/result_1/peakXPosRaw"][()]).all()
            visible = file["/entry/truth/peaks/visible"][()].astype(bool)
            offsets = file["/entry/truth/peaks/offsets"][()]
            fast = file["/entry/truth/peaks/fast_px"][()]
            for i, count in enumerate(file["/entry_1/result_1/nPeaks"][()]):
                listed = slice(offsets[i], offsets[i + 1])
                x = file["/entry_1/result_1/peakXPosRaw"][i, :count]
                np.testing.assert_array_equal(x, fast[listed][visible[listed]] - np.float32(0.5))

        shown = 0
        for imageset in imagesets:
            for i in range(len(imageset)):
                (pixels,) = imageset.get_raw_data(i)
                np.testing.assert_array_equal(pixels.as_numpy_array(), data[shown])
                (mask,) = imageset.get_mask(i)
                assert mask.all_eq(True), "no pixel is masked or saturated"
                panel = imageset.get_detector(i)[0]
                beam = imageset.get_beam(i)
                assert panel.get_image_size() == (WIDTH, HEIGHT)
                np.testing.assert_allclose(panel.get_pixel_size(), (PIXEL_MM, PIXEL_MM), rtol=1e-12)
                np.testing.assert_allclose(panel.get_distance(), DISTANCE_MM, rtol=1e-12)
                np.testing.assert_allclose(beam.get_wavelength(), WAVELENGTH_A, rtol=1e-12)
                centre_mm = panel.get_beam_centre(beam.get_s0())
                np.testing.assert_allclose(
                    centre_mm, (BEAM_FAST_PX * PIXEL_MM, BEAM_SLOW_PX * PIXEL_MM), rtol=1e-10
                )
                # dxtbx's frame has x and z reversed: fast runs along +x and slow along -y there.
                np.testing.assert_allclose(panel.get_fast_axis(), (1, 0, 0), atol=1e-12)
                np.testing.assert_allclose(panel.get_slow_axis(), (0, -1, 0), atol=1e-12)
                np.testing.assert_allclose(panel.get_thickness(), thickness_um / 1000, atol=2e-6)
                assert panel.get_material() == "Si"
                assert panel.get_trusted_range()[1] == 65000
                shown += 1
        assert shown == 5, shown
        print(f"sensor of {thickness_um:g} um: 5 images equal pixel for pixel; geometry as written")


if __name__ == "__main__":
    for thickness in (320.0, 0.0):
        judge(sys.argv[1], thickness)
