// How a detector image becomes what a model sees: a square array of the model's size, with its pixels' place known.
#pragma once

#include <string>
#include <vector>

#include "datasets/image_file.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Documented in docs/views.md. In order: (1) the image is reduced by the smallest integer factor f that makes it fit
// into size x size, each output pixel the maximum of the valid pixels in its f x f block; (2) an output pixel without a
// valid one takes the median of the output pixels at the same distance from the beam centre (the image's centre if
// unknown); (3) the result is centred, the margin filled by the median; (4) values become photons: (value - offset) /
// gain.
struct ViewSpec {
    int size_px = 256;
    bool operator==(const ViewSpec&) const = default;
};

// The affine place of a view in the native image: native = offset + factor * view, in pixels from the corner.
struct ViewPlacement {
    int factor = 1;
    double fast_offset_px = 0.0;
    double slow_offset_px = 0.0;
};

struct View {
    Image<float> photons;       // size x size
    Image<std::uint8_t> valid;  // 0 in margins and where every native pixel was masked
    ViewPlacement placement;
};

// Throw UsageError for a size below 1 or a gain that is not positive, DataError for an image without a valid pixel.
View make_view(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu);
View make_view(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu);

// Peaks with their positions and footprints in the view's pixels; those outside are dropped. Their photons, background
// and signal-to-noise stay those of the native image.
std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const ViewPlacement& placement, const ViewSpec& spec);

}  // namespace braggbench
