"""A plain PyTorch network as a contestant: learns the classes of a corpus, answers its test images, and writes what
`braggbench evaluate corpus.h5 --predictions answers.csv` scores (python3-torch, python3-h5py).

usage: torch_model.py CORPUS ANSWERS.csv [EPOCHS]
"""

import csv
import sys

import torch
from torch import nn
from torch_dataset import Corpus


class Network(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        layers, channels = [], 1
        for width in (8, 16, 32, 64):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            channels = width
        self.layers = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

    def forward(self, photons):
        return self.layers(photons.clamp(min=0).sqrt())


def main(path: str, output: str, epochs: int) -> None:
    torch.manual_seed(1)
    train, test = Corpus(path, "train"), Corpus(path, "test")
    network = Network(len(train.names))
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for epoch in range(epochs):
        losses = []
        for photons, labels in torch.utils.data.DataLoader(train, 16, shuffle=True):
            loss = nn.functional.cross_entropy(network(photons), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)
    network.eval()
    with open(output, "w", newline="") as file, torch.no_grad():
        writer = csv.writer(file)
        writer.writerow(["image"] + [f"class:{name}" for name in test.names])
        for start in range(0, len(test), 16):
            rows = range(start, min(start + 16, len(test)))
            shares = network(torch.stack([test[row][0] for row in rows])).softmax(1)
            for row, values in zip(rows, shares.tolist()):
                writer.writerow([test.indices[row], *values])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5)
