"""Other programs as contestants, as the examples have them: DIALS' spots are scored by score-peaks, a plain PyTorch
network's answers by evaluate.

usage: contestants.py BRAGGBENCH
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import dials  # noqa: F401
    import h5py  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    print(f"skipped: {error} (install python3-dials, python3-h5py and python3-torch)")
    sys.exit(77)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def main(braggbench: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(*command):
            done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        # Without read-out noise: DIALS knows of Poisson noise only.
        settings = ["--set", "response.read_noise_rms_adu=0", "--set", "corpus.image_count=60"]
        run(braggbench, "-q", "generate", "diffranet-small", "-o", "corpus.h5", *settings)
        print(run("/usr/bin/python3", "-B", EXAMPLES / "dials_peaks.py", "corpus.h5", "dials.csv",
                  "spotfinder.filter.min_spot_size=2", "spotfinder.threshold.algorithm=dispersion"))
        run(braggbench, "-q", "find-peaks", "corpus.h5", "--finder", "dispersion", "--min-pixels", "2", "-o", "ours.cxi")
        print(run(braggbench, "-q", "score-peaks", "corpus.h5", "--peaks", "dials.csv", "ours.cxi", "-o", "scores.json"))
        theirs, ours = json.loads((folder / "scores.json").read_text())["finders"]
        assert theirs["finder"] == "dials" and theirs["recall"]["value"] > 0.5, theirs["recall"]
        assert abs(theirs["offset"]["median_fast_px"]) < 0.1 and abs(theirs["offset"]["median_slow_px"]) < 0.1
        # The same thresholds; only their unit of a shoebox differs (pixels of three images here, of one there).
        assert abs(theirs["f1"]["value"] - ours["f1"]["value"]) < 0.02, (theirs["f1"], ours["f1"])

        print(run("/usr/bin/python3", "-B", EXAMPLES / "torch_model.py", "corpus.h5", "answers.csv", "1"))
        print(run(braggbench, "-q", "evaluate", "corpus.h5", "--predictions", "answers.csv", "--baseline-images", "0"))


if __name__ == "__main__":
    main(sys.argv[1])
