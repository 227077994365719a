// How far the spots integrator is from what the pixels integrator converges to, over scenes of one crystal with a given
// mosaicity, band and divergence.
#pragma once

#include <cstddef>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"

namespace braggbench {

struct SmearedScene {
    enum class Laws {
        gaussian,  // mosaicity and band
        edged,     // nanoBragg's cap and a top hat
    };
    Laws laws = Laws::gaussian;
    double mosaic_rms_deg = 0.0;
    double band = 0.0;  // rms of the Gaussian, full width of the top hat; over the wavelength
    double divergence_rms_mrad = 0.0;
};

// 96 x 96 pixels of 0.172 mm at 150 mm, from 9 to 3 A at 1.3 A, of a cell of 60 x 80 x 100 A in blocks of 20^3 cells
// with Wilson's amplitudes. Tens to hundreds of reflections.
Experiment smeared_scene(const SmearedScene& scene);

// The mean of the pixels integrator over one low-discrepancy list of `samples` (block, source, point of the pixel), in
// pieces that keep the memory small.
Image<double> converged_pixels(const Experiment& experiment, int samples, int oversample);

struct Agreement {
    double pixel_r = 0.0;      // sum |I - judge| / sum judge over pixels
    double spot_r = 0.0;       // the same over the sums of the pixels that are nearest to one listed peak
    double correlation = 0.0;  // of pixels
    // Half of the difference between the two halves of the judge's list: what it does not know itself.
    double judge_pixel_r = 0.0;
    double judge_spot_r = 0.0;
    std::size_t peaks = 0;
};

// `samples` is split in two halves of the list.
Agreement compare_with_converged(const Experiment& experiment, int samples, int oversample);

}  // namespace braggbench
