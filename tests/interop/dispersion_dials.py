"""The dispersion finders mark the pixels and list the spots that DIALS does.

Pixels: against DIALS' own thresholds, on integer images, where both sums are exact. Spots: against dials.find_spots on an
SMV image written here.

usage: dispersion_dials.py WRITE_SPOTS
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    from dials.algorithms.image.threshold import DispersionExtendedThreshold, DispersionThreshold
    from dials.array_family import flex
    from scipy.spatial import cKDTree
except ImportError as error:
    print(f"skipped: {error} (install python3-dials and python3-scipy)")
    sys.exit(77)

WIDTH, HEIGHT = 517, 389
THRESHOLDS = {"dispersion": DispersionThreshold, "extended": DispersionExtendedThreshold}


def draw(seed, background):
    """Falling background with spots of 1 to 5 px, some at the edges."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(x - 260, y - 190) / 200
    image = rng.poisson(background * np.exp(-radius)).astype(np.float32)
    for cx, cy in zip(rng.uniform(0, WIDTH, 150), rng.uniform(0, HEIGHT, 150)):
        sigma = rng.uniform(0.5, 1.8)
        near = np.exp(-((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2) / (2 * sigma**2))
        image += rng.poisson(rng.uniform(2, 400) * near * (near > 1e-4))
    return image


def ours(program, folder, image, valid):
    image.astype("<f4").tofile(folder / "image")
    valid.astype(np.uint8).tofile(folder / "valid")
    subprocess.run(
        [program, folder / "image", folder / "valid", str(WIDTH), str(HEIGHT), folder / "out"], check=True
    )
    masks, spots = {}, {}
    for name in THRESHOLDS:
        masks[name] = np.fromfile(folder / f"out.{name}.mask", np.uint8).reshape(HEIGHT, WIDTH).astype(bool)
        with open(folder / f"out.{name}.csv") as file:
            spots[name] = [(float(r["fast_px"]), float(r["slow_px"]), int(r["npix"])) for r in csv.DictReader(file)]
    return masks, spots


def theirs(name, image, valid):
    threshold = THRESHOLDS[name]((HEIGHT, WIDTH), (3, 3), 6.0, 3.0, 0.0, 2)
    result = flex.bool(flex.grid(HEIGHT, WIDTH))
    threshold(
        flex.double(np.ascontiguousarray(image.astype(float))), flex.bool(np.ascontiguousarray(valid)), result
    )
    return result.as_numpy_array()


def write_smv(path, image):
    header = (
        f"{{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1={WIDTH};\nSIZE2={HEIGHT};\n"
        "PIXEL_SIZE=0.1;\nDISTANCE=100.0;\nWAVELENGTH=1.0;\nBEAM_CENTER_X=19.0;\nBEAM_CENTER_Y=26.0;\n"
        "PHI=0.0;\nOSC_START=0.0;\nOSC_RANGE=0.0;\nTIME=1.0;\nTWOTHETA=0.0;\nDETECTOR_SN=1;\n"
        "GAIN=1.0;\nIMAGE_PEDESTAL=0;\nBEAMLINE=none;\nDATE=Thu Jan 01 00:00:00 1970;\n}\f\n"
    )
    path.write_bytes(header.encode().ljust(512) + image.astype("<u2").tobytes())


def find_spots(folder, name):
    run = [
        "dials.find_spots",
        "image_001.img",
        f"spotfinder.threshold.algorithm={name}",
        "spotfinder.filter.min_spot_size=3",
        "spotfinder.threshold.dispersion.gain=1",
        "nproc=1",
    ]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = flex.reflection_table.from_file(str(folder / "strong.refl"))
    x, y, _ = table["xyzobs.px.value"].parts()
    return np.column_stack([x, y])


def main(program):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for seed, background in enumerate((0.05, 1.0, 30.0)):
            image = draw(seed, background)
            valid = np.ones((HEIGHT, WIDTH), bool)
            valid[:, 100:107] = False
            valid[200, 300] = False
            masks, _ = ours(program, folder, image, valid)
            for name in THRESHOLDS:
                expected = theirs(name, image, valid)
                differ = int((masks[name] != expected).sum())
                print(f"background {background:g}, {name}: {expected.sum()} strong pixels, {differ} differ")
                assert expected.sum() > 100
                assert differ == 0, differ

            image = np.minimum(image, 60000)
            write_smv(folder / "image_001.img", image)
            _, spots = ours(program, folder, image, np.ones((HEIGHT, WIDTH), bool))
            for name, algorithm in (("dispersion", "dispersion"), ("extended", "dispersion_extended")):
                reference = find_spots(folder, algorithm)
                mine = np.array([spot[:2] for spot in spots[name]])
                distance = cKDTree(mine).query(reference)[0] if len(mine) else np.full(len(reference), np.inf)
                print(
                    f"  dials.find_spots, {algorithm}: {len(reference)} spots, ours {len(mine)}, "
                    f"{int((distance < 0.01).sum())} at the same place, furthest {distance.max():.3f} px"
                )
                assert len(reference) > 30
                assert len(mine) == len(reference)
                assert (distance < 0.01).all()


if __name__ == "__main__":
    main(sys.argv[1])
