"""Co-occurrence properties agree with scikit-image's graycomatrix and graycoprops to 1e-9, on random, flat, sparse and
tiny images at many offsets.

usage: glcm_skimage.py WRITE_GLCM
"""

import json
import subprocess
import sys

try:
    import numpy as np
    from skimage.feature import graycomatrix, graycoprops
except ImportError as error:
    print(f"skipped: {error} (install python3-skimage)")
    sys.exit(77)

TOLERANCE = 1e-9
PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation", "ASM")
DISTANCES = [1, 2, 3, 5, 8, 13]
ANGLES = [0.0, 30.0, 45.0, 60.0, 90.0, 120.0, 135.0, 170.0]


def images(rng):
    yield rng.integers(0, 256, (64, 97))
    yield rng.integers(0, 2, (33, 20)) * 255
    yield rng.poisson(6.0, (128, 128))
    spots = rng.poisson(0.05, (100, 90))
    spots[rng.integers(0, 100, 20), rng.integers(0, 90, 20)] = 255
    yield spots
    one = np.zeros((300, 300), int)
    one[150, 20] = 1
    yield one
    yield np.full((30, 30), 255)
    yield np.full((17, 40), 3)
    yield np.tile(np.arange(256), (20, 1))
    yield rng.integers(0, 9, (1, 50))
    yield rng.integers(0, 9, (6, 6))  # smaller than some distances
    yield rng.integers(0, 9, (1, 1))


def main(write_glcm):
    cases = [image.astype(np.uint8) for image in images(np.random.default_rng(1))]
    text = json.dumps(
        [
            {
                "width": image.shape[1],
                "height": image.shape[0],
                "pixels": image.ravel().tolist(),
                "distances": DISTANCES,
                "angles_deg": ANGLES,
            }
            for image in cases
        ]
    )
    answer = json.loads(subprocess.run([write_glcm], input=text, capture_output=True, text=True, check=True).stdout)
    compared = 0
    for image, ours in zip(cases, answer, strict=True):
        matrix = graycomatrix(image, DISTANCES, np.radians(ANGLES), 256, symmetric=True, normed=True)
        theirs = np.stack([graycoprops(matrix, name).ravel() for name in PROPERTIES], axis=1)
        np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"image of {image.shape}")
        compared += theirs.size
    print(f"{compared} properties agree with scikit-image to {TOLERANCE:g}")


if __name__ == "__main__":
    main(sys.argv[1])
