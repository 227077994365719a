"""Debian's PyTorch opens what we export and gives the same logits; we give those of a network scripted in Python, and its
stages have the gradients that Python's autograd finds.

usage: torchscript_python.py INTEROP_TORCHSCRIPT
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    from torch import Tensor, nn
except ImportError as error:
    print(f"skipped: {error} (install python3-torch)")
    sys.exit(77)

TOLERANCE = 1e-5
IMAGES, SIZE = 3, 48


class Foreign(nn.Module):
    """Two stages, with the optional methods that make them known."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(6, 2)

    @torch.jit.export
    def features(self, photons: Tensor) -> list[Tensor]:
        early = torch.relu(self.norm(self.first(torch.sqrt(torch.clamp(photons, min=0.0) + 0.375))))
        return [early, torch.relu(self.second(early))]

    @torch.jit.export
    def head(self, features: list[Tensor]) -> Tensor:
        return self.logits(self.dropout(features[1].mean([2, 3])))

    def forward(self, photons: Tensor) -> Tensor:
        return self.head(self.features(photons))


def ours_in_python(program, folder):
    answer = subprocess.run([program, "write", folder], capture_output=True, text=True, check=True)
    worst = 0.0
    models = json.loads(answer.stdout)
    assert models
    for model in models:
        name, size = model["name"], model["size_px"]
        extra = {"braggbench.json": ""}
        network = torch.jit.load(str(folder / f"{name}.torchscript"), _extra_files=extra)
        card = json.loads(extra["braggbench.json"])
        assert card["zoo_name"] == name and card["heads"][0]["outputs"] == ["miss", "maybe", "hit"], card
        assert card["view"]["size_px"] == size, card
        assert sum(p.numel() for p in network.parameters()) == model["parameters"], name
        photons = np.fromfile(folder / f"{name}.photons", "<f4").reshape(-1, 1, size, size)
        expected = np.fromfile(folder / f"{name}.logits", "<f4").reshape(len(photons), 4)
        for mode in (network, network.eval()):
            with torch.no_grad():
                logits = mode(torch.from_numpy(photons)).numpy()
                alone = mode(torch.from_numpy(photons[1:2])).numpy()
            np.testing.assert_allclose(logits, expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
            np.testing.assert_allclose(alone, expected[1:2], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
        worst = max(worst, float(np.abs(logits - expected).max() / np.abs(expected).max()))
    print(
        f"{len(models)} networks of ours give the same logits in PyTorch {torch.__version__}: largest\n"
        f"difference {worst:.1g} of the largest logit"
    )


def theirs_here(program, folder):
    torch.manual_seed(4)
    network = Foreign()
    for _ in range(3):  # moves the norm's statistics away from 0 and 1
        network(torch.poisson(torch.full((8, 1, SIZE, SIZE), 3.0)))
    network.eval()
    photons = torch.poisson(torch.full((IMAGES, 1, SIZE, SIZE), 3.0))
    path = folder / "foreign.torchscript"
    torch.jit.script(network).save(str(path))
    photons.numpy().astype("<f4").tofile(folder / "foreign.photons")
    answer = subprocess.run(
        [program, "read", path, folder / "foreign.photons", str(SIZE)], capture_output=True, text=True, check=True
    )
    ours = json.loads(answer.stdout)
    stages = network.features(photons)
    logits = network.head(stages)
    np.testing.assert_allclose(ours["logits"], logits.detach().numpy().ravel(), rtol=TOLERANCE, atol=TOLERANCE)
    assert [stage["name"] for stage in ours["stages"]] == ["stage1", "stage2"]
    assert [stage["stride_px"] for stage in ours["stages"]] == [2, 4]
    assert [stage["start_px"] for stage in ours["stages"]] == [0.5, 1.5]
    gradients = torch.autograd.grad(logits[:, 0].sum(), stages)
    for mine, stage, gradient in zip(ours["stages"], stages, gradients, strict=True):
        np.testing.assert_allclose(mine["activation"], stage.detach().numpy().ravel(), rtol=TOLERANCE, atol=TOLERANCE)
        np.testing.assert_allclose(mine["gradient"], gradient.numpy().ravel(), rtol=TOLERANCE, atol=1e-7)
    print("a network scripted in Python gives the same logits, stages and gradients here")


def main(program):
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        ours_in_python(program, Path(folder))
        theirs_here(program, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])
