// How a detector image becomes what a model sees: a square array of the model's size, with its pixels' place known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/image_file.hpp"
#include "datasets/view_spec.hpp"
#include "simulator/image.hpp"
#include "simulator/random.hpp"

namespace braggbench {

struct CorpusInfo;

// The affine place of a view in the native image: native = offset + factor * view, in pixels from the corner.
struct ViewPlacement {
    double factor = 1.0;
    double fast_offset_px = 0.0;
    double slow_offset_px = 0.0;
};

struct View {
    Image<float> photons;       // or what ViewSpec::values makes of them
    Image<std::uint8_t> valid;  // 0 in margins and where every native pixel was masked
    ViewPlacement placement;
};

// What a random crop, or an augmentation, is drawn for.
struct DrawKey {
    std::uint64_t seed = 0;
    std::uint64_t image_index = 0;
    std::uint32_t epoch = 0;
};

// Each purpose has its own random numbers for one key.
enum class DrawPurpose : std::uint64_t { crop = 0, transform = 1, noise = 2 };
RandomStream keyed_stream(const DrawKey& key, DrawPurpose purpose);

// What the images of a corpus share: the pixels that measure, and where the beam meets them.
struct ImageFrame {
    Image<std::uint8_t> valid;  // 0 in gaps and dead pixels; empty: all measure
    double beam_fast_px = 0.0;
    double beam_slow_px = 0.0;
};
// As the corpus's file says, so that an image has one view, whether it is read as one of a corpus or as one of a file.
ImageFrame image_frame(const CorpusInfo& info);

// Throw UsageError for a bad spec, a gain that is not positive or a spec of several views, DataError for an image
// without a valid pixel. `key` matters to random crops alone.
View make_view(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu,
               const DrawKey& key = {});
View make_view(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu,
               const DrawKey& key = {});
View make_view(const Image<std::uint16_t>& image, const ImageFrame& frame, const ViewSpec& spec,
               double gain_adu_per_photon, double offset_adu, const DrawKey& key = {});

// The same for any spec: all tiles row by row, or the quadrants, of which those without a valid pixel are left out.
std::vector<View> make_views(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon,
                             double offset_adu, const DrawKey& key = {});
std::vector<View> make_views(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon,
                             double offset_adu, const DrawKey& key = {});

// Peaks with their positions and footprints in the view's pixels. Their photons, background and signal-to-noise stay
// those of the native image. Dropped are those outside and those whose pixel is not valid: a margin of a quadrant lies
// where its neighbours' peaks are. Without the view itself, which must then be a square of spec.size_px, masks are not
// looked at.
std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const View& view);
std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const ViewPlacement& placement, const ViewSpec& spec);

}  // namespace braggbench
