"""Debian's PyTorch, with the weights that we export and a network written anew there, finds the maps that we find; and of
a network scripted in Python, with ReLUs that TorchScript optimises, we find those that Python's autograd finds.

usage: attribution_python.py INTEROP_ATTRIBUTION
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
except ImportError as error:
    print(f"skipped: {error} (install python3-torch)")
    sys.exit(77)

TOLERANCE = 1e-4  # of the map's largest modulus
IMAGES, SIZE = 2, 48


class GuidedReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient.clamp(min=0) * (x > 0)


def alexnet(weights, photons, relu):
    """Krizhevsky 2014 in one tower, on square roots of photons: logits, and every convolution's map before its pool."""
    x = (photons.clamp(0, 255.0**2) + 0.375).sqrt() - 0.375**0.5
    stages = []
    for number, (stride, padding, pool) in enumerate([(4, 2, True), (1, 2, True), (1, 1, False), (1, 1, False), (1, 1, True)]):
        name = f"conv{number + 1}"
        x = relu(F.conv2d(x, weights[f"{name}.0.weight"], weights[f"{name}.0.bias"], stride, padding))
        stages.append((name, x))
        if pool:
            x = F.max_pool2d(x, 3, 2)
    x = F.adaptive_avg_pool2d(x, 6).flatten(1)
    for name in ("fc1", "fc2"):
        x = relu(F.linear(x, weights[f"head.{name}.weight"], weights[f"head.{name}.bias"]))
    return F.linear(x, weights["head.logits.weight"], weights["head.logits.bias"]), stages


class Foreign(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.logits = nn.Linear(6, 2)

    @torch.jit.export
    def features(self, photons: Tensor) -> list[Tensor]:
        early = torch.relu(self.first(torch.sqrt(torch.clamp(photons, min=0.0) + 0.375)))
        return [early, torch.relu(self.second(early))]

    @torch.jit.export
    def head(self, features: list[Tensor]) -> Tensor:
        return self.logits(features[1].mean([2, 3]))

    def forward(self, photons: Tensor) -> Tensor:
        return self.head(self.features(photons))

    def with_relu(self, photons, relu):
        early = relu(self.first(torch.sqrt(torch.clamp(photons, min=0.0) + 0.375)))
        late = relu(self.second(early))
        return self.logits(late.mean([2, 3])), [("stage1", early), ("stage2", late)]


def expected_maps(network, photons):
    """Of every image those of its own output, as the papers define them."""
    maps = {}
    for image in range(IMAGES):
        x = photons[image : image + 1].clone().requires_grad_()
        logits, stages = network(x, torch.relu)
        gradients = torch.autograd.grad(logits[0, image], [a for _, a in stages] + [x])
        for (name, a), g in zip(stages, gradients, strict=False):
            maps[image, name, "grad_cam"] = (g.mean((2, 3), keepdim=True) * a).sum(1)
            maps[image, name, "hires_cam"] = (g * a).sum(1)
            maps[image, name, "layer_cam"] = (g.clamp(min=0) * a).sum(1)
        maps[image, "input", "saliency"] = gradients[-1].abs()
        guided = network(x, GuidedReLU.apply)[0][0, image]
        maps[image, "input", "guided_backprop"] = torch.autograd.grad(guided, x)[0]
    return {key: value.detach().numpy().squeeze() for key, value in maps.items()}


def compare(ours, expected):
    assert len(ours) == len(expected), (len(ours), len(expected))
    worst = 0.0
    for mine in ours:
        theirs = expected[mine["image"], mine["stage"], mine["method"]]
        values = np.array(mine["values"], "<f4").reshape(mine["shape"])
        largest = np.abs(theirs).max()
        assert largest > 0, mine["stage"]
        difference = float(np.abs(values - theirs).max() / largest)
        assert difference < TOLERANCE, (mine["stage"], mine["method"], difference)
        worst = max(worst, difference)
    return worst


def run(*arguments):
    answer = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def main(program):
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = run(program, "write", folder)
        photons = torch.from_numpy(np.fromfile(folder / "alexnet.photons", "<f4").reshape(IMAGES, 1, 96, 96))
        weights = dict(torch.jit.load(str(folder / "alexnet.torchscript")).named_parameters())
        worst = compare(ours, expected_maps(lambda x, relu: alexnet(weights, x, relu), photons))
        print(f"AlexNet: {len(ours)} maps as in PyTorch {torch.__version__}, largest difference {worst:.1g} of the maximum")

        torch.manual_seed(4)
        network = Foreign().eval()
        photons = torch.poisson(torch.full((IMAGES, 1, SIZE, SIZE), 3.0))
        torch.jit.script(network).save(str(folder / "foreign.torchscript"))
        photons.numpy().astype("<f4").tofile(folder / "foreign.photons")
        ours = run(program, "read", folder / "foreign.torchscript", folder / "foreign.photons", SIZE)
        worst = compare(ours, expected_maps(network.with_relu, photons))
        print(f"a scripted network: {len(ours)} maps, largest difference {worst:.1g} of the maximum")


if __name__ == "__main__":
    main(sys.argv[1])
