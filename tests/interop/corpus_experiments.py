"""A corpus as dxtbx experiments with each image's own beam centre.

dxtbx keeps one detector for a NXmx stack, at the mean beam centre of the recipe; where a recipe lets the centre vary, the
centre of each image stands in /entry/truth. This module moves the detector of each image there. It also tells dxtbx the
offset and gain of the detector, which NXmx has no field for, and that spots lie where the beam meets the sensor's front:
the simulator's sensor absorbs, but does not smear along its depth.

usage: corpus_experiments.py CORPUS OUTPUT.expt
"""

import copy
import sys

import h5py
import numpy as np
from dxtbx.model import SimplePxMmStrategy
from dxtbx.model.experiment_list import ExperimentList, ExperimentListFactory
from scitbx import matrix


def per_image_experiments(path: str, images=None) -> ExperimentList:
    """Experiments of the given images (all by default), in their order."""
    with h5py.File(path) as file:
        fast = file["/entry/truth/beam_fast_px"][()]
        slow = file["/entry/truth/beam_slow_px"][()]
        offset = float(file["/entry/instrument/detector/offset_adu"][()])
        gain = float(file["/entry/instrument/detector/gain_adu_per_photon"][()])
    imported = ExperimentListFactory.from_filenames([str(path)])
    chosen = ExperimentList()
    for i in range(len(imported)) if images is None else images:
        experiment = imported[int(i)]
        assert list(experiment.imageset.indices()) == [i], "one still per experiment"
        detector = copy.deepcopy(experiment.imageset.get_detector(0))  # dxtbx shares one between all images
        panel = detector[0]
        pixel_mm = panel.get_pixel_size()[0]
        old_fast, old_slow = (v / pixel_mm for v in panel.get_beam_centre(experiment.beam.get_s0()))
        fast_axis, slow_axis = (matrix.col(panel.get_fast_axis()), matrix.col(panel.get_slow_axis()))
        shift = pixel_mm * ((float(fast[i]) - old_fast) * fast_axis + (float(slow[i]) - old_slow) * slow_axis)
        panel.set_frame(fast_axis, slow_axis, matrix.col(panel.get_origin()) - shift)
        panel.set_px_mm_strategy(SimplePxMmStrategy())
        panel.set_pedestal(offset)
        panel.set_gain(gain)
        experiment.detector = detector
        experiment.imageset.set_detector(detector)
        chosen.append(experiment)
    for i, experiment in zip(range(len(imported)) if images is None else images, chosen):
        centre_mm = experiment.detector[0].get_beam_centre(experiment.beam.get_s0())
        np.testing.assert_allclose(np.array(centre_mm) / pixel_mm, (fast[i], slow[i]), atol=1e-3)
    return chosen


if __name__ == "__main__":
    per_image_experiments(sys.argv[1]).as_file(sys.argv[2])
