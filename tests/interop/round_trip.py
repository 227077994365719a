"""Every built-in recipe generates, verifies, exports, is imported again and compares equal, judged by h5py.

usage: round_trip.py BRAGGBENCH
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def same(of, back, name):
    """Faults of `back` against `of`, both /entry groups; images are matched by the numbers in their files' names."""
    files = back["process/image_sources"][()].decode().split()
    order = [int(re.search(r"image_(\d+)\.", file).group(1)) for file in files]
    if sorted(order) != list(range(len(of["data/data"]))):
        return [f"{name}: images {order} came back"]
    faults = []
    for place, index in enumerate(order):
        if not np.array_equal(of["data/data"][index], back["data/data"][place]):
            faults.append(f"{name}: image {index} differs")
    was, now = of["labels"], back["labels"]
    names = [was["class"].attrs["names"][label] for label in was["class"][()][order]]
    if names != [now["class"].attrs["names"][label] for label in now["class"][()]]:
        faults.append(f"{name}: classes differ")
    columns = ["split"] + (["grade"] if "grade" in was else [])
    columns += [f"{kind}/{column}" for kind in ("attributes", "values") for column in was[kind]]
    for column in columns:
        if not np.array_equal(was[column][()][order], now[column][()], equal_nan=column.startswith("values")):
            faults.append(f"{name}: {column} differs")
    return faults


def main(braggbench):
    faults = []
    for line in run(braggbench, "recipes").splitlines():
        name = line.split()[0]
        group = re.search(r"groups of (\d+)", line)
        images = int(group.group(1)) if group else 5
        if name == "still":
            images = 1
        with tempfile.TemporaryDirectory() as folder:
            corpus, files, again = Path(folder, "corpus.h5"), Path(folder, "files"), Path(folder, "again.h5")
            run(braggbench, "-q", "generate", name, "-n", images, "-o", corpus)
            run(braggbench, "-q", "verify", corpus)
            run(braggbench, "-q", "export", corpus, "-o", files, "--as", "diffranet")
            run(braggbench, "-q", "import", files, "-o", again)
            run(braggbench, "-q", "verify", again)
            with h5py.File(corpus) as of, h5py.File(again) as back:
                faults += same(of["/entry"], back["/entry"], name)
        print(f"{name}: {images} images")
    if faults:
        raise SystemExit("\n".join(faults))


main(sys.argv[1])
