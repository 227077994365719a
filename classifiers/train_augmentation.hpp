// How training images are varied, each by random numbers of its own, so that a network learns what matters: the eight
// symmetries of the square, and what may differ on another detector without changing the label.
#pragma once

#include "simulator/image.hpp"
#include "simulator/random.hpp"

namespace braggbench {

// One of the eight symmetries of the square (0 = none), of a square image.
Image<float> dihedral(const Image<float>& image, int symmetry);

// Applied in place to a square image, each now and then: a gain off by up to a tenth, the shadow of a beam stop, a
// margin without data, and the noise of a view that was reduced by maxima. Draws fewer than 64 blocks of four words.
void vary_detector(Image<float>& photons, RandomStream& random);

}  // namespace braggbench
