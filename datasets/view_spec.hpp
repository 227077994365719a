// What a view is, as plain data, and its one text form for command lines and model cards, such as
// "downsample:max:256" or "downsample:bilinear:960+crop:random:720+lcn". Lengths in pixels; docs/views.md.
#pragma once

#include <string>
#include <string_view>

namespace braggbench {

// What of the image is seen.
enum class Framing {
    fit,       // all of it, downsampled into a square of size_px
    native,    // all of it as it is, not square
    crop,      // a square of size_px
    tiles,     // overlapping squares of size_px that cover it
    quadrants  // its four quarters, each downsampled into a square of size_px
};

// How several native pixels become one. Maximum, mean and nearest use blocks of whole pixels, area and bilinear any
// ratio.
enum class Downsampling { max, mean, area, nearest, bilinear };

enum class CropPlace { centre, random, fixed };

// How the predictions for the tiles (or quadrants) of an image become one.
enum class TileJoin { mean, max };

enum class ValueTransform { linear, sqrt, log, percentile };

// What happens to the photons, in this order.
struct ValueRule {
    int contrast_box_px = 0;  // local contrast normalisation over a square of this odd edge; 0 = none
    ValueTransform transform = ValueTransform::linear;
    double percentile_low = 1.0;       // of the valid pixels: becomes 0
    double percentile_high = 99.8;     // becomes 1
    bool bytes = false;                // whole numbers from 0 to 255
    double byte_low_photons = 0.0;     // becomes 0; with percentiles these take their place
    double byte_high_photons = 255.0;  // becomes 255
    bool operator==(const ValueRule&) const = default;
};

// Documented in docs/views.md. The default is what models are trained on.
struct ViewSpec {
    int size_px = 256;  // edge of the square that is seen; not used by Framing::native
    Framing framing = Framing::fit;
    Downsampling downsampling = Downsampling::max;
    int canvas_px = 0;  // crops and tiles are cut from the image downsampled into this square; 0 = from native pixels
    CropPlace crop = CropPlace::centre;
    int crop_fast_px = 0;  // corner of a fixed crop, in pixels of what it is cut from
    int crop_slow_px = 0;
    int tile_overlap_px = 0;  // at least; tiles are spread evenly
    TileJoin join = TileJoin::mean;
    ValueRule values = {};
    bool operator==(const ViewSpec&) const = default;
};

// One line for each token of the text form, for help texts.
std::string view_help();

// Throws UsageError naming the token at fault, with the nearest known name; validate() is included.
ViewSpec parse_view(std::string_view text);

// parse_view() of it gives the same view again.
std::string to_text(const ViewSpec& spec);

// Throws UsageError that lists every fault at once.
void validate(const ViewSpec& spec);

}  // namespace braggbench
