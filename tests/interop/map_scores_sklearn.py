"""A map file written by h5py is scored, and sAUC, average precision and NSS agree with scikit-learn and NumPy to 1e-6.

usage: map_scores_sklearn.py BRAGGBENCH
"""

import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    from sklearn import metrics
except ImportError as error:
    print(f"skipped: {error} (install python3-h5py and python3-sklearn)")
    sys.exit(77)

SIZE = 96
RADIUS = 2.0


def disc_mask(positions):
    """The union of discs; the pixel that holds a centre always belongs to its disc."""
    slow, fast = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    mask = np.zeros((SIZE, SIZE), bool)
    for x, y in positions:
        if 0 <= x < SIZE and 0 <= y < SIZE:
            mask |= (fast - x) ** 2 + (slow - y) ** 2 <= RADIUS**2
            mask[int(y), int(x)] = True
    return mask


def read_truth(path):
    with h5py.File(path) as f:
        peaks = f["/entry/truth/peaks"]
        offsets = peaks["offsets"][()]
        shown = (peaks["visible"][()] != 0) & (peaks["kind"][()] == 0)
        places = np.stack([peaks["fast_px"][()], peaks["slow_px"][()]], 1).astype(float)
        beams = np.stack([f["/entry/truth/beam_fast_px"][()], f["/entry/truth/beam_slow_px"][()]], 1).astype(float)
        spots = [places[a:b][shown[a:b]] for a, b in zip(offsets[:-1], offsets[1:])]
        return spots, beams, f["/entry/labels/class"][()]


def expected(spots, beams, classes, maps):
    """Means over the images with peaks; all other images of the class are nulls."""
    auc, precision, saliency = [], [], []
    for i, here in enumerate(spots):
        truth = disc_mask(here)
        nulls = [j for j in range(len(spots)) if j != i and classes[j] == classes[i] and len(spots[j])]
        if not truth.any() or not nulls:
            continue
        positive = maps[i][truth]
        negative = np.concatenate([maps[i][disc_mask(spots[j] + beams[i] - beams[j]) & ~truth] for j in nulls])
        labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
        auc.append(metrics.roc_auc_score(labels, np.r_[positive, negative]))
        precision.append(metrics.average_precision_score(truth.ravel(), maps[i].ravel()))
        saliency.append((positive.astype(float).mean() - maps[i].astype(float).mean()) / maps[i].astype(float).std())
    return {"sauc": np.mean(auc), "average_precision": np.mean(precision), "nss": np.mean(saliency)}, len(auc)


def main(braggbench):
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        corpus = folder / "corpus.h5"
        subprocess.run([braggbench, "-q", "generate", "ci", "-n", "24", "-o", corpus], check=True)
        spots, beams, classes = read_truth(corpus)
        maps = rng.random((len(spots), SIZE, SIZE)).astype(np.float32)
        for i, here in enumerate(spots):
            maps[i][disc_mask(here)] += 0.3
        order = rng.permutation(len(spots))
        with h5py.File(folder / "maps.h5", "w") as f:
            f["maps"] = maps[order]
            f["maps"].attrs["view"] = f"downsample:max:{SIZE}"
            f["image_index"] = order
        command = [braggbench, "-q", "score-maps", folder / "maps.h5", corpus, "--nulls", "1000", "--json"]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row = answer["rows"][0]
        values, images = expected(spots, beams, classes, maps)
        assert images > 5, "too few images with peaks to say anything"
        assert row["images"] == images, f"{row['images']} images were scored, should be {images}"
        for score, value in values.items():
            np.testing.assert_allclose(row[score]["value"], value, rtol=1e-6, err_msg=score)
    print(f"{len(values)} scores of {images} maps agree")


if __name__ == "__main__":
    main(sys.argv[1])
