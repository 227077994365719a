// Which integrator finds the expected photons of lattices, and how closely the one that samples does so.
#pragma once

namespace braggbench {

class Faults;

enum class Integrator {
    spots,   // each reflection painted once, its smearing folded in (simulator/spots.hpp)
    pixels,  // nanoBragg's sum at every pixel, over blocks, wavelengths and directions (simulator/pixels.hpp)
};

struct Integration {
    Integrator integrator = Integrator::spots;
    // Of `pixels`: a low-discrepancy list of so many (block, wavelength, direction, point of the pixel) drawn together,
    // with oversample^2 points in each pixel.
    int samples = 4096;
    int oversample = 4;
};

void check(const Integration& integration, Faults& faults);

}  // namespace braggbench
