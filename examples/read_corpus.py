"""Reads one image of a corpus with its label and its true peaks. Needs h5py (Debian: python3-h5py) alone.

usage: read_corpus.py CORPUS [IMAGE]
"""

import sys
import zlib

import h5py


def read(path: str, index: int) -> dict:
    with h5py.File(path) as file:
        image = file["/entry/data/data"][index]
        names, splits = (file[f"/entry/labels/{column}"].attrs["names"] for column in ("class", "split"))
        peaks = file["/entry/truth/peaks"]
        start, end = peaks["offsets"][index : index + 2]
        return {
            "image": image,
            "whole": zlib.crc32(image.tobytes()) == file["/entry/data/checksum"][index],
            "class": names[file["/entry/labels/class"][index]].decode(),
            "split": splits[file["/entry/labels/split"][index]].decode(),
            # "simulated" is all there are, "listed" is what some program found, "unknown" is that nobody has looked.
            "peak_source": file["/entry/truth"].attrs["peaks"].decode(),
            # From the outer corner of pixel (0, 0): the pixel is int(fast), int(slow).
            "peaks": {name: peaks[name][start:end] for name in ("fast_px", "slow_px", "photons", "visible")},
        }


if __name__ == "__main__":
    shot = read(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    visible = shot["peaks"]["visible"].astype(bool)
    print(f"{shot['class']}, {shot['split']}, {shot['image'].shape}, whole: {shot['whole']}")
    print(f"{visible.sum()} visible peaks of {visible.size} ({shot['peak_source']})")
    for fast, slow in zip(shot["peaks"]["fast_px"][visible][:5], shot["peaks"]["slow_px"][visible][:5]):
        print(f"  ({fast:.2f}, {slow:.2f}) px, value {shot['image'][int(slow), int(fast)]}")
