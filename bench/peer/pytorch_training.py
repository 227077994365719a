#!/usr/bin/python3
"""Steps of training `compact`, ours beside Debian's PyTorch at its defaults, turn about in one run.

Usage: bench/peer/pytorch_training.py build/release/braggbench_micro [rounds]

The network below is classifiers/zoo/compact.cpp written again with PyTorch's own modules, as somebody would who had
only Python; both learn from 16 images of 512 x 512 px at a time with AdamW. Each process is started anew, so that each
has its own defaults. PyTorch is run a third time with its threads and glibc's allocator set as we set them, which says
where the gain comes from.
"""
import json
import os
import statistics
import subprocess
import sys
import time

BATCH = 16
SIZE = 512


def step_rate(threads):
    import torch
    from torch import nn
    from torch.nn import functional as F

    if threads:
        torch.set_num_threads(threads)

    class Compact(nn.Module):
        def __init__(self, widths=(8, 16, 32, 32, 64), hidden=48, outputs=5):
            super().__init__()
            self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
            channels, pooled = 1, 2
            for i, width in enumerate(widths):
                self.convolutions.append(nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False))
                self.norms.append(nn.BatchNorm2d(width))
                channels = width + (2 if i == 1 else 0)
                pooled += width if i >= 1 else 0
            self.hidden = nn.Linear(pooled, hidden)
            self.outputs = nn.Linear(hidden, outputs)

        def forward(self, photons):
            root = torch.clamp(photons + 3.375, min=0.375).sqrt().sqrt()
            mean = F.avg_pool2d(root, 4)
            variance = (F.avg_pool2d(root * root, 4) - mean * mean).clamp(min=5e-4)
            level = F.avg_pool2d(mean, 5, 1, 2, count_include_pad=False)
            inverse = F.avg_pool2d(1 / variance, 5, 1, 2, count_include_pad=False)
            wide = lambda blocks: F.interpolate(blocks, scale_factor=4, mode="nearest")
            x = (root - wide(level)) * wide(inverse.sqrt())
            beside = torch.cat([level.log(), -0.5 * inverse.log()], 1)
            pooled = [beside.mean((2, 3))]
            for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
                x = norm(convolution(x)).relu()
                if i >= 1:
                    pooled.append(x.mean((2, 3)))
                if i == 1:
                    x = torch.cat([x, beside], 1)
            return self.outputs(self.hidden(torch.cat(pooled, 1)).relu())

    torch.manual_seed(1)
    network = Compact().train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    images = torch.poisson(torch.full((BATCH, 1, SIZE, SIZE), 3.0))
    labels = torch.randint(5, (BATCH,))
    fastest = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        fastest = min(fastest, time.perf_counter() - begin)
    parameters = sum(p.numel() for p in network.parameters())
    print(json.dumps({"rate": BATCH / fastest, "parameters": parameters, "threads": torch.get_num_threads()}))


def python_rate(threads, environment):
    command = [sys.executable, __file__, "--step", str(threads)]
    result = subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def our_rate(program):
    command = [program, "--benchmark_filter=^training_step/size_px:512/batch:16", "--benchmark_format=json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["benchmarks"][0]["items_per_second"]


def main():
    if sys.argv[1] == "--step":
        return step_rate(int(sys.argv[2]))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    cores = os.cpu_count()
    allocator = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "1000000000000", "MALLOC_TOP_PAD_": "67108864"}
    rates = {"braggbench": [], "pytorch": [], "pytorch, all cores": [], "pytorch, all cores, our allocator": []}
    for _ in range(rounds):
        rates["braggbench"].append(our_rate(sys.argv[1]))
        plain = python_rate(0, {})
        rates["pytorch"].append(plain["rate"])
        rates["pytorch, all cores"].append(python_rate(cores, {})["rate"])
        rates["pytorch, all cores, our allocator"].append(python_rate(cores, allocator)["rate"])
    print(f"{plain['parameters']} parameters, {BATCH} images of {SIZE} px a step; PyTorch's default: {plain['threads']} threads")
    ours = statistics.median(rates["braggbench"])
    for name, values in rates.items():
        median = statistics.median(values)
        print(f"{name:36} {median:7.1f} images/s ({min(values):.1f} to {max(values):.1f})  ours is {ours / median:.2f} times")


main()
