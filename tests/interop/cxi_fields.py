"""A corpus field by field as CrystFEL reads CXI: the image stack, the photon energy and the peak list.

CrystFEL is not packaged, so what it reads is taken from its documentation: crystfel_geometry(5) for `data`, `dim0 = %`,
`photon_energy`, `mask`, `peak_list`; indexamajig(1), --peaks=cxi, for nPeaks, peakXPosRaw, peakYPosRaw and
peakTotalIntensity and for the half pixel that is added to positions (on by default); CXI 1.6 (cxidb.org) for cxi_version
and entry_1.

usage: cxi_fields.py WRITE_CORPUS
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(f"skipped: {error} (install python3-h5py)")
    sys.exit(77)

# docs/corpus.md gives this geometry file.
GEOMETRY = {
    "data": "/entry_1/data_1/data",
    "photon_energy": "/entry_1/event/photon_energy_eV",
    "peak_list": "/entry_1/result_1",
    "mask": "/entry_1/instrument/detector/pixel_mask",
}


def main(write_corpus: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.h5"
        subprocess.run([write_corpus, str(path), "320"], check=True)
        with h5py.File(path) as file:
            assert file["/cxi_version"][()] == 160
            data = file[GEOMETRY["data"]]
            # dim0 = %, dim1 = ss, dim2 = fs; integers or floats.
            assert data.ndim == 3 and data.dtype == np.uint16
            frames = data.shape[0]
            energy = file[GEOMETRY["photon_energy"]]
            assert energy.shape == (frames,) and energy.dtype.kind == "f"
            np.testing.assert_allclose(energy[()], 12398.4198 / 1.3, rtol=1e-6)
            mask = file[GEOMETRY["mask"]]
            assert mask.shape == data.shape[1:] and not mask[()].any()

            peaks = file[GEOMETRY["peak_list"]]
            counts = peaks["nPeaks"]
            assert counts.shape == (frames,) and counts.dtype.kind == "i"
            tables = [peaks[name] for name in ("peakXPosRaw", "peakYPosRaw", "peakTotalIntensity")]
            for table in tables:
                assert table.ndim == 2 and table.shape == tables[0].shape and table.dtype == np.float32
                assert table.shape[0] == frames and counts[()].max() <= table.shape[1] <= 2048
                assert np.isfinite(table[()]).all()
            truth = file["/entry/truth/peaks"]
            offsets = truth["offsets"][()]
            listed = 0
            for i in range(frames):
                rows = slice(offsets[i], offsets[i + 1])
                visible = truth["visible"][rows].astype(bool)
                assert counts[i] == visible.sum()
                fast, slow, intensity = (table[i, : counts[i]] for table in tables)
                # As indexamajig takes them: half a pixel further, counted from the pixel's corner, x along fs.
                np.testing.assert_array_equal(fast + np.float32(0.5), truth["fast_px"][rows][visible])
                np.testing.assert_array_equal(slow + np.float32(0.5), truth["slow_px"][rows][visible])
                np.testing.assert_array_equal(intensity, truth["photons"][rows][visible])
                # The pixel under a strong spot is brighter than the image, x along the second axis of the array.
                for x, y in zip(fast, slow):
                    assert data[i, int(y + 0.5), int(x + 0.5)] > 3 * np.median(data[i])
                    listed += 1
                for table in tables:
                    assert not table[i, counts[i] :].any()
            assert listed > 0
            print(f"{frames} frames, {listed} peaks: every field as CrystFEL documents it")


if __name__ == "__main__":
    main(sys.argv[1])
