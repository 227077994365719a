"""The Python examples read a corpus: their arrays equal h5py's own and the truth of the writer.

usage: examples_python.py WRITE_CORPUS
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error} (install python3-h5py and python3-torch)")
    sys.exit(77)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
sys.dont_write_bytecode = True
# As tests/datasets/small_corpus.hpp states them.
GAIN, OFFSET, CLASSES = 2.3, 10.1, ["blank", "no-crystal", "weak", "très bon"]


def main(write_corpus: str) -> None:
    import read_corpus
    import torch_dataset

    readers = ("read_corpus.py", "torch_dataset.py")
    for example in readers:
        assert len((EXAMPLES / example).read_text().splitlines()) < 40, example
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "corpus.h5")
        subprocess.run([write_corpus, path, "320"], check=True)
        with h5py.File(path) as file:
            data = file["/entry/data/data"][()]
        for i in range(5):
            shot = read_corpus.read(path, i)
            np.testing.assert_array_equal(shot["image"], data[i])
            assert shot["whole"]
            assert shot["class"] == CLASSES[i % 4]
            assert shot["split"] == ("train", "validation", "test")[i % 3]
            assert len(shot["peaks"]["fast_px"]) == 7 * i
            assert shot["peak_source"] == "simulated"
        for split, indices in {"train": [0, 3], "validation": [1, 4], "test": [2]}.items():
            corpus = torch_dataset.Corpus(path, split)
            assert len(corpus) == len(indices)
            loader = torch.utils.data.DataLoader(corpus, batch_size=2, num_workers=2)
            images, labels = next(iter(loader))
            assert images.dtype == torch.float32 and labels.tolist() == [i % 4 for i in indices]
            np.testing.assert_allclose(images[:, 0].numpy(), (data[indices] - OFFSET) / GAIN, rtol=1e-6, atol=1e-6)
        for example in readers:
            command = ["/usr/bin/python3", "-B", str(EXAMPLES / example), path]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main(sys.argv[1])
