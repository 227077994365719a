"""A corpus as a torch.utils.data.Dataset: photons and class of each image of a split (python3-h5py, python3-torch).

usage: torch_dataset.py CORPUS
"""

import sys

import h5py
import numpy as np
import torch


class Corpus(torch.utils.data.Dataset):
    def __init__(self, path: str, split: str = "train"):
        self.path, self.file = path, None
        with h5py.File(path) as file:
            splits = [name.decode() for name in file["/entry/labels/split"].attrs["names"]]
            self.indices = np.flatnonzero(file["/entry/labels/split"][()] == splits.index(split))
            self.labels = file["/entry/labels/class"][()]
            self.names = [name.decode() for name in file["/entry/labels/class"].attrs["names"]]
            detector = file["/entry/instrument/detector"]
            self.gain, self.offset = detector["gain_adu_per_photon"][()], detector["offset_adu"][()]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, int]:
        if self.file is None:  # opened in the worker: HDF5 files do not survive a fork
            self.file = h5py.File(self.path)
        index = self.indices[item]
        photons = (self.file["/entry/data/data"][index].astype(np.float32) - self.offset) / self.gain
        return torch.from_numpy(photons.astype(np.float32))[None], int(self.labels[index])


if __name__ == "__main__":
    corpus = Corpus(sys.argv[1])
    for images, labels in torch.utils.data.DataLoader(corpus, batch_size=4, num_workers=2):
        print(tuple(images.shape), f"{images.mean():.3f} photons/px", [corpus.names[label] for label in labels])
