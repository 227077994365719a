#include "datasets/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "datasets/corpus.hpp"
#include "datasets/view_reduce.hpp"
#include "datasets/view_values.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

void require(const ViewSpec& spec, int width, int height, double gain_adu_per_photon, double offset_adu) {
    validate(spec);
    if (!(gain_adu_per_photon > 0) || !std::isfinite(gain_adu_per_photon) || !std::isfinite(offset_adu)) {
        throw UsageError(
            fmt::format("gain {} ADU per photon and offset {} ADU (the gain must be positive, both finite). "
                        "Give the detector's values.",
                        gain_adu_per_photon, offset_adu));
    }
    if (width < 1 || height < 1) {
        throw DataError(fmt::format("an image of {} x {} pixels has no view.", width, height));
    }
}

int divide_up(int a, int b) { return (a + b - 1) / b; }

// An image as it comes: with a mask and a beam centre, or without.
template <class T>
struct Source {
    const Image<T>& values;
    const Image<std::uint8_t>* usable;  // null = all
    double beam_fast_px;
    double beam_slow_px;
    double gain_adu_per_photon;
    double offset_adu;
};

Reduced reduced(const Source<float>& source, const Region& region, Downsampling method, double factor) {
    return reduce(source.values, source.usable, region, method, factor);
}
Reduced reduced(const Source<std::uint16_t>& source, const Region& region, Downsampling method, double factor) {
    return reduce(source.values, region, method, factor);
}

float median_of(std::vector<float>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// Gives every invalid pixel the median of the valid ones at its distance from the centre (in pixels from the corner);
// where a ring has none, of the nearest ring that has.
void fill_from_rings(Reduced& image, double centre_fast_px, double centre_slow_px) {
    const auto ring_of = [&](int fast, int slow) {
        return static_cast<std::size_t>(std::hypot(fast + 0.5 - centre_fast_px, slow + 0.5 - centre_slow_px));
    };
    std::vector<std::vector<float>> rings;
    for (int slow = 0; slow < image.values.height; ++slow) {
        for (int fast = 0; fast < image.values.width; ++fast) {
            const std::size_t ring = ring_of(fast, slow);
            if (ring >= rings.size()) {
                rings.resize(ring + 1);
            }
            if (image.valid(fast, slow) != 0) {
                rings[ring].push_back(image.values(fast, slow));
            }
        }
    }
    std::vector<float> medians(rings.size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t ring = 0; ring < rings.size(); ++ring) {
        if (!rings[ring].empty()) {
            medians[ring] = median_of(rings[ring]);
        }
    }
    const auto nearest_median = [&](std::size_t ring) {
        for (std::size_t step = 0; step < medians.size(); ++step) {
            if (ring >= step && !std::isnan(medians[ring - step])) {
                return medians[ring - step];
            }
            if (ring + step < medians.size() && !std::isnan(medians[ring + step])) {
                return medians[ring + step];
            }
        }
        return 0.0F;
    };
    for (int slow = 0; slow < image.values.height; ++slow) {
        for (int fast = 0; fast < image.values.width; ++fast) {
            if (image.valid(fast, slow) == 0) {
                image.values(fast, slow) = nearest_median(ring_of(fast, slow));
            }
        }
    }
}

// Beam centres far outside a detector would make rings without end; such a header is wrong or of no use here.
double centre_or_middle(const std::optional<double>& beam_px, int length_px) {
    const double middle = 0.5 * length_px;
    return beam_px && std::abs(*beam_px - middle) < 10.0 * length_px ? *beam_px : middle;
}

// A region downsampled, without holes: what views are cut from.
struct Canvas {
    Reduced image;
    Region region;
    double factor = 1.0;
    bool empty = false;   // no valid pixel
    float median = 0.0F;  // of the valid pixels, for margins
};

// `margins` says if the median will be wanted.
template <class T>
Canvas make_canvas(const Source<T>& source, const Region& region, Downsampling method, double factor, bool margins) {
    Canvas canvas{reduced(source, region, method, factor), region, factor};
    const Image<float>& values = canvas.image.values;
    if (margins || !canvas.image.all_valid) {
        std::vector<float> measured;
        measured.reserve(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (canvas.image.valid.pixels[i] != 0) {
                measured.push_back(values.pixels[i]);
            }
        }
        canvas.empty = measured.empty();
        if (canvas.empty) {
            return canvas;
        }
        canvas.median = margins ? median_of(measured) : 0.0F;
    }
    if (!canvas.image.all_valid) {
        fill_from_rings(canvas.image, (source.beam_fast_px - region.fast_px) / factor,
                        (source.beam_slow_px - region.slow_px) / factor);
    }
    return canvas;
}

// A rectangle of a canvas, in its pixels; what hangs over becomes margin.
struct Cut {
    int fast_px = 0;
    int slow_px = 0;
    int width_px = 0;
    int height_px = 0;
};

// Negative where a square larger than the canvas has margins on both sides; the odd pixel goes right and below.
int centred(int canvas_px, int size_px) {
    return canvas_px >= size_px ? (canvas_px - size_px) / 2 : -((size_px - canvas_px) / 2);
}

Cut centred_square(int width_px, int height_px, int size_px) {
    return {centred(width_px, size_px), centred(height_px, size_px), size_px, size_px};
}

template <class T>
std::optional<View> cut_view(const Source<T>& source, const Canvas& canvas, const Cut& cut) {
    if (canvas.empty) {
        return std::nullopt;
    }
    const auto photons = [&](float value) {
        return static_cast<float>((static_cast<double>(value) - source.offset_adu) / source.gain_adu_per_photon);
    };
    View view{Image<float>(cut.width_px, cut.height_px, photons(canvas.median)),
              Image<std::uint8_t>(cut.width_px, cut.height_px),
              {canvas.factor, canvas.region.fast_px + canvas.factor * cut.fast_px,
               canvas.region.slow_px + canvas.factor * cut.slow_px}};
    const Image<float>& values = canvas.image.values;
    const int fast_begin = std::max(0, cut.fast_px);
    const int fast_end = std::min(values.width, cut.fast_px + cut.width_px);
    const int slow_end = std::min(values.height, cut.slow_px + cut.height_px);
    std::uint8_t any = 0;
    for (int slow = std::max(0, cut.slow_px); slow < slow_end && fast_begin < fast_end; ++slow) {
        const std::size_t from = values.index(fast_begin, slow);
        const std::size_t to = view.photons.index(fast_begin - cut.fast_px, slow - cut.slow_px);
        const auto count = static_cast<std::size_t>(fast_end - fast_begin);
        for (std::size_t i = 0; i < count; ++i) {
            view.photons.pixels[to + i] = photons(values.pixels[from + i]);
        }
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint8_t valid = canvas.image.valid.pixels[from + i];
            view.valid.pixels[to + i] = valid;
            any |= valid;
        }
    }
    return any != 0 ? std::optional(std::move(view)) : std::nullopt;
}

// Whether the median is needed: a cut that hangs over its canvas.
bool hangs_over(const Cut& cut, int width_px, int height_px) {
    return cut.fast_px < 0 || cut.slow_px < 0 || cut.fast_px + cut.width_px > width_px ||
           cut.slow_px + cut.height_px > height_px;
}

// Corners along one axis: the least number of tiles that overlap as asked for, spread evenly from edge to edge.
std::vector<int> tile_corners(int length_px, int size_px, int overlap_px) {
    if (length_px <= size_px) {
        return {centred(length_px, size_px)};
    }
    const int count = divide_up(length_px - overlap_px, size_px - overlap_px);
    std::vector<int> corners;
    for (int i = 0; i < count; ++i) {
        corners.push_back(static_cast<int>(std::lround(static_cast<double>(i) * (length_px - size_px) / (count - 1))));
    }
    return corners;
}

std::vector<Cut> cuts_of(const ViewSpec& spec, int width_px, int height_px, const DrawKey& key) {
    const int size_px = spec.size_px;
    Cut cut = centred_square(width_px, height_px, size_px);
    if (spec.framing == Framing::tiles) {
        std::vector<Cut> cuts;
        for (const int slow : tile_corners(height_px, size_px, spec.tile_overlap_px)) {
            for (const int fast : tile_corners(width_px, size_px, spec.tile_overlap_px)) {
                cuts.push_back({fast, slow, size_px, size_px});
            }
        }
        return cuts;
    }
    if (spec.framing == Framing::crop && spec.crop == CropPlace::fixed) {
        if (spec.crop_fast_px >= width_px || spec.crop_slow_px >= height_px) {
            throw UsageError(
                fmt::format("a crop with its corner at ({}, {}) px of an image of {} x {} px (it lies outside). Give a "
                            "corner inside.",
                            spec.crop_fast_px, spec.crop_slow_px, width_px, height_px));
        }
        cut.fast_px = spec.crop_fast_px;
        cut.slow_px = spec.crop_slow_px;
    } else if (spec.framing == Framing::crop && spec.crop == CropPlace::random) {
        RandomStream random = keyed_stream(key, DrawPurpose::crop);
        const auto corner = [&](int length_px, int otherwise) {
            const int room = length_px - size_px;
            const double drawn = random.uniform() * (room + 1);
            return room > 0 ? std::min(room, static_cast<int>(drawn)) : otherwise;
        };
        cut.fast_px = corner(width_px, cut.fast_px);
        cut.slow_px = corner(height_px, cut.slow_px);
    }
    return {cut};
}

// The part of the image that a cut of native pixels touches, and the cut within it: no more of a large image is looked
// at than is seen.
std::pair<Region, Cut> native_part(const Cut& cut, int width_px, int height_px) {
    const int fast = std::max(0, cut.fast_px);
    const int slow = std::max(0, cut.slow_px);
    const Region region{fast, slow, std::min(width_px, cut.fast_px + cut.width_px) - fast,
                        std::min(height_px, cut.slow_px + cut.height_px) - slow};
    return {region, {cut.fast_px - fast, cut.slow_px - slow, cut.width_px, cut.height_px}};
}

template <class T>
void append_fit(std::vector<View>& views, const Source<T>& source, const ViewSpec& spec, const Region& region) {
    const double factor = factor_to_fit(region, spec.downsampling, spec.size_px);
    // An exact ratio makes its sides size_px at most; a margin is needed unless both are.
    constexpr double sliver = 1e-6;
    const auto side = [&](int length_px) { return static_cast<int>(std::ceil(length_px / factor - sliver)); };
    const Cut cut = centred_square(side(region.width_px), side(region.height_px), spec.size_px);
    const bool margins = hangs_over(cut, side(region.width_px), side(region.height_px));
    if (auto view = cut_view(source, make_canvas(source, region, spec.downsampling, factor, margins), cut)) {
        views.push_back(std::move(*view));
    }
}

template <class T>
std::vector<View> views_of(const Source<T>& source, const ViewSpec& spec, const DrawKey& key) {
    const int width = source.values.width;
    const int height = source.values.height;
    const Region whole{0, 0, width, height};
    std::vector<View> views;
    const auto add = [&](const Canvas& canvas, const Cut& cut) {
        if (auto view = cut_view(source, canvas, cut)) {
            views.push_back(std::move(*view));
        }
    };
    if (spec.framing == Framing::fit) {
        append_fit(views, source, spec, whole);
    } else if (spec.framing == Framing::quadrants) {
        const int half_width = divide_up(width, 2);
        const int half_height = divide_up(height, 2);
        for (const int slow : {0, height - half_height}) {
            for (const int fast : {0, width - half_width}) {
                append_fit(views, source, spec, {fast, slow, half_width, half_height});
            }
        }
    } else if (spec.framing == Framing::native) {
        add(make_canvas(source, whole, Downsampling::max, 1.0, false), {0, 0, width, height});
    } else if (spec.canvas_px == 0) {
        for (const Cut& cut : cuts_of(spec, width, height, key)) {
            const auto [region, inner] = native_part(cut, width, height);
            add(make_canvas(source, region, Downsampling::max, 1.0,
                            hangs_over(inner, region.width_px, region.height_px)),
                inner);
        }
    } else {
        const Canvas canvas = make_canvas(source, whole, spec.downsampling,
                                          factor_to_fit(whole, spec.downsampling, spec.canvas_px), true);
        for (const Cut& cut : cuts_of(spec, canvas.image.values.width, canvas.image.values.height, key)) {
            add(canvas, cut);
        }
    }
    for (View& view : views) {
        apply_values(view.photons, view.valid, spec.values);
    }
    return views;
}

std::vector<View> require_some(std::vector<View> views, const std::string& name) {
    if (views.empty()) {
        throw DataError(fmt::format("{}: has no valid pixel (all are masked).", name.empty() ? "the image" : name));
    }
    return views;
}

View only_view(std::vector<View> views, const ViewSpec& spec) {
    if (spec.framing == Framing::tiles || spec.framing == Framing::quadrants) {
        throw UsageError(
            fmt::format("view \"{}\" (it makes several images of one, and one is wanted here). Choose another view.",
                        to_text(spec)));
    }
    return std::move(views.front());
}

Source<float> source_of(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon,
                        double offset_adu) {
    require(spec, image.values.width, image.values.height, gain_adu_per_photon, offset_adu);
    if (image.valid.width != image.values.width || image.valid.height != image.values.height) {
        throw DataError(fmt::format("{}: its mask of {} x {} pixels does not fit its {} x {} values.", image.name,
                                    image.valid.width, image.valid.height, image.values.width, image.values.height));
    }
    return {image.values,
            &image.valid,
            centre_or_middle(image.beam_fast_px, image.values.width),
            centre_or_middle(image.beam_slow_px, image.values.height),
            gain_adu_per_photon,
            offset_adu};
}

Source<std::uint16_t> source_of(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon,
                                double offset_adu) {
    require(spec, image.width, image.height, gain_adu_per_photon, offset_adu);
    return {image, nullptr, 0.5 * image.width, 0.5 * image.height, gain_adu_per_photon, offset_adu};
}

std::vector<Peak> moved_peaks(std::vector<Peak> peaks, const ViewPlacement& placement, int width_px, int height_px) {
    if (placement.factor < 1) {
        throw UsageError(fmt::format("a view placed with factor {} (it must be at least 1).", placement.factor));
    }
    const double factor = placement.factor;
    const double factor2 = factor * factor;
    // A footprint contains the 1/12 px^2 of the pixel that recorded it; the view's pixels are larger.
    const double pixel_variance = (1.0 - 1.0 / factor2) / 12.0;
    for (Peak& peak : peaks) {
        peak.fast_px = static_cast<float>((static_cast<double>(peak.fast_px) - placement.fast_offset_px) / factor);
        peak.slow_px = static_cast<float>((static_cast<double>(peak.slow_px) - placement.slow_offset_px) / factor);
        peak.var_fast_px2 = static_cast<float>(static_cast<double>(peak.var_fast_px2) / factor2 + pixel_variance);
        peak.var_slow_px2 = static_cast<float>(static_cast<double>(peak.var_slow_px2) / factor2 + pixel_variance);
        peak.cov_px2 = static_cast<float>(static_cast<double>(peak.cov_px2) / factor2);
    }
    const auto width = static_cast<float>(width_px);
    const auto height = static_cast<float>(height_px);
    std::erase_if(peaks, [&](const Peak& peak) {
        return !(peak.fast_px >= 0 && peak.slow_px >= 0 && peak.fast_px < width && peak.slow_px < height);
    });
    return peaks;
}

}  // namespace

RandomStream keyed_stream(const DrawKey& key, DrawPurpose purpose) {
    const auto words = philox_block(key.seed, key.image_index, Stage::augmentation, key.epoch);
    const std::uint64_t seed = (static_cast<std::uint64_t>(words[0]) << 32U) | words[1];
    return {seed, static_cast<std::uint64_t>(purpose), Stage::augmentation};
}

ImageFrame image_frame(const CorpusInfo& info) {
    const Eigen::Vector2d beam = beam_centre_px(info.detector.panels.front());
    const Image<std::uint8_t> mask =
        info.pixel_mask.pixels.empty() ? pixel_mask(info.response, info.detector) : info.pixel_mask;
    ImageFrame frame{{}, beam.x(), beam.y()};
    if (std::ranges::all_of(mask.pixels, [](std::uint8_t masked) { return masked == 0; })) return frame;
    frame.valid = Image<std::uint8_t>(mask.width, mask.height);
    std::ranges::transform(mask.pixels, frame.valid.pixels.begin(),
                           [](std::uint8_t masked) { return static_cast<std::uint8_t>(masked == 0 ? 1 : 0); });
    return frame;
}

std::vector<View> make_views(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon,
                             double offset_adu, const DrawKey& key) {
    return require_some(views_of(source_of(image, spec, gain_adu_per_photon, offset_adu), spec, key), image.name);
}

std::vector<View> make_views(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon,
                             double offset_adu, const DrawKey& key) {
    return require_some(views_of(source_of(image, spec, gain_adu_per_photon, offset_adu), spec, key), {});
}

View make_view(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu,
               const DrawKey& key) {
    return only_view(make_views(image, spec, gain_adu_per_photon, offset_adu, key), spec);
}

View make_view(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu,
               const DrawKey& key) {
    return only_view(make_views(image, spec, gain_adu_per_photon, offset_adu, key), spec);
}

View make_view(const Image<std::uint16_t>& image, const ImageFrame& frame, const ViewSpec& spec,
               double gain_adu_per_photon, double offset_adu, const DrawKey& key) {
    // Without a mask nothing is filled, so that the beam does not matter, and whole numbers reduce faster.
    if (frame.valid.pixels.empty()) return make_view(image, spec, gain_adu_per_photon, offset_adu, key);
    DetectorImage masked;
    masked.name = "an image of the corpus";
    masked.values = Image<float>(image.width, image.height);
    std::copy(image.pixels.begin(), image.pixels.end(), masked.values.pixels.begin());
    masked.valid = frame.valid;
    masked.beam_fast_px = frame.beam_fast_px;
    masked.beam_slow_px = frame.beam_slow_px;
    return make_view(masked, spec, gain_adu_per_photon, offset_adu, key);
}

std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const View& view) {
    peaks = moved_peaks(std::move(peaks), view.placement, view.photons.width, view.photons.height);
    std::erase_if(peaks, [&](const Peak& peak) {
        return view.valid(static_cast<int>(peak.fast_px), static_cast<int>(peak.slow_px)) == 0;
    });
    return peaks;
}

std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const ViewPlacement& placement, const ViewSpec& spec) {
    if (spec.framing == Framing::native) {
        throw UsageError("the peaks of a native view (its size is the image's). Give the view itself.");
    }
    return moved_peaks(std::move(peaks), placement, spec.size_px, spec.size_px);
}

}  // namespace braggbench
