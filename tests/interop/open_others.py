"""fabio and silx open a corpus and what is exported from it: the same pixels as h5py's.

usage: open_others.py WRITE_EXPORT
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import fabio
    import h5py
    import numpy as np
    import silx.io
    from silx.io import nxdata
except ImportError as error:
    print(f"skipped: {error} (install python3-fabio, python3-silx and python3-h5py)")
    sys.exit(77)

# As tests/datasets/small_corpus.hpp states them.
GAIN, OFFSET = 2.3, 10.1


def main(write_export: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([write_export, name], check=True)
        corpus = folder / "corpus.h5"
        with h5py.File(corpus) as file:
            data = file["/entry/data/data"][()]
        with silx.io.open(str(corpus)) as file:
            # What `silx view` shows on opening: the default signal, found by its attributes.
            shown = nxdata.get_default(file)
            assert shown is not None and shown.is_valid
            assert shown.signal.name == "/entry/data/data", shown.signal.name
            np.testing.assert_array_equal(shown.signal[()], data)
        for i, image in enumerate(data):
            np.testing.assert_array_equal(fabio.open(f"{corpus}::/entry/data/data").get_frame(i).data, image)
            for export in (f"smv/image_{i:05}.img", f"pgm/image_{i:05}.pgm"):
                (path,) = (folder / Path(export).parent).rglob(Path(export).name)
                np.testing.assert_array_equal(fabio.open(str(path)).data, image)
            counts = np.maximum(0, np.rint((image - OFFSET) / GAIN)).astype(int)
            np.testing.assert_array_equal(fabio.open(str(folder / "cbf" / f"image_{i:05}.cbf")).data, counts)
        with silx.io.open(str(folder / "resonet.h5")) as file:
            np.testing.assert_array_equal(file["/images"][()], data)
            names = [name.decode() for name in file["/labels"].attrs["names"]]
            assert names == ["class", "num_lat", "multi_lattice", "visible_peaks", "reso"]
            assert file["/labels"].shape == (len(data), 5) and file["/labels"].dtype == np.float32
            np.testing.assert_allclose(file["/geom"][0], [120.7, 0.172, 1.3, 210, 180], rtol=1e-6)
        print(f"{len(data)} images: corpus, SMV, CBF, PGM and resonet's table equal pixel for pixel")


if __name__ == "__main__":
    main(sys.argv[1])
