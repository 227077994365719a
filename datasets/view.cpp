#include "datasets/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

void require(const ViewSpec& spec, int width, int height, double gain_adu_per_photon, double offset_adu) {
    constexpr int max_size_px = 16384;
    if (spec.size_px < 1 || spec.size_px > max_size_px) {
        throw UsageError(fmt::format("view size {} px (it must be 1 to {}). Give the model's input size.", spec.size_px,
                                     max_size_px));
    }
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

struct Reduced {
    Image<float> values;
    Image<std::uint8_t> valid;
};

// Block maxima over the usable pixels. `usable` null means all.
template <class T>
Reduced reduce_by_max(const Image<T>& values, const Image<std::uint8_t>* usable, int factor) {
    Reduced reduced{Image<float>(divide_up(values.width, factor), divide_up(values.height, factor),
                                 std::numeric_limits<float>::lowest()),
                    Image<std::uint8_t>(divide_up(values.width, factor), divide_up(values.height, factor))};
    for (int slow = 0; slow < values.height; ++slow) {
        const std::size_t from = values.index(0, slow);
        const std::size_t to = reduced.values.index(0, slow / factor);
        for (int block = 0; block < reduced.values.width; ++block) {
            const std::size_t target = to + static_cast<std::size_t>(block);
            const int last = std::min((block + 1) * factor, values.width);
            float highest = reduced.values.pixels[target];
            bool any = false;
            for (std::size_t i = from + static_cast<std::size_t>(block * factor);
                 i < from + static_cast<std::size_t>(last); ++i) {
                const auto value = static_cast<float>(values.pixels[i]);
                if ((usable == nullptr || usable->pixels[i] != 0) && std::isfinite(value)) {
                    highest = std::max(highest, value);
                    any = true;
                }
            }
            reduced.values.pixels[target] = highest;
            reduced.valid.pixels[target] |= static_cast<std::uint8_t>(any);
        }
    }
    return reduced;
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

template <class T>
View reduced_view(const Image<T>& values, const Image<std::uint8_t>* usable, double beam_fast_px, double beam_slow_px,
                  const ViewSpec& spec, double gain_adu_per_photon, double offset_adu, const std::string& name) {
    const int factor = std::max(divide_up(values.width, spec.size_px), divide_up(values.height, spec.size_px));
    Reduced reduced = reduce_by_max(values, usable, factor);

    std::vector<float> measured;
    measured.reserve(reduced.values.size());
    for (std::size_t i = 0; i < reduced.values.size(); ++i) {
        if (reduced.valid.pixels[i] != 0) {
            measured.push_back(reduced.values.pixels[i]);
        }
    }
    if (measured.empty()) {
        throw DataError(fmt::format("{}: has no valid pixel (all are masked).", name.empty() ? "the image" : name));
    }
    if (measured.size() != reduced.values.size()) {
        fill_from_rings(reduced, beam_fast_px / factor, beam_slow_px / factor);
    }

    const auto photons = [&](float value) {
        return static_cast<float>((static_cast<double>(value) - offset_adu) / gain_adu_per_photon);
    };
    const int fast_margin = (spec.size_px - reduced.values.width) / 2;
    const int slow_margin = (spec.size_px - reduced.values.height) / 2;
    View view{Image<float>(spec.size_px, spec.size_px, photons(median_of(measured))),
              Image<std::uint8_t>(spec.size_px, spec.size_px),
              {factor, -static_cast<double>(factor) * fast_margin, -static_cast<double>(factor) * slow_margin}};
    for (int slow = 0; slow < reduced.values.height; ++slow) {
        const std::size_t from = reduced.values.index(0, slow);
        const std::size_t to = view.photons.index(fast_margin, slow + slow_margin);
        for (std::size_t i = 0; i < static_cast<std::size_t>(reduced.values.width); ++i) {
            view.photons.pixels[to + i] = photons(reduced.values.pixels[from + i]);
            view.valid.pixels[to + i] = reduced.valid.pixels[from + i];
        }
    }
    return view;
}

}  // namespace

View make_view(const DetectorImage& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu) {
    require(spec, image.values.width, image.values.height, gain_adu_per_photon, offset_adu);
    if (image.valid.width != image.values.width || image.valid.height != image.values.height) {
        throw DataError(fmt::format("{}: its mask of {} x {} pixels does not fit its {} x {} values.", image.name,
                                    image.valid.width, image.valid.height, image.values.width, image.values.height));
    }
    return reduced_view(image.values, &image.valid, centre_or_middle(image.beam_fast_px, image.values.width),
                        centre_or_middle(image.beam_slow_px, image.values.height), spec, gain_adu_per_photon,
                        offset_adu, image.name);
}

View make_view(const Image<std::uint16_t>& image, const ViewSpec& spec, double gain_adu_per_photon, double offset_adu) {
    require(spec, image.width, image.height, gain_adu_per_photon, offset_adu);
    if (image.width == spec.size_px && image.height == spec.size_px) {
        View view{Image<float>(spec.size_px, spec.size_px), Image<std::uint8_t>(spec.size_px, spec.size_px, 1), {}};
        std::transform(image.pixels.begin(), image.pixels.end(), view.photons.pixels.begin(), [&](std::uint16_t value) {
            return static_cast<float>((static_cast<double>(value) - offset_adu) / gain_adu_per_photon);
        });
        return view;
    }
    return reduced_view(image, nullptr, 0.5 * image.width, 0.5 * image.height, spec, gain_adu_per_photon, offset_adu,
                        {});
}

std::vector<Peak> peaks_in_view(std::vector<Peak> peaks, const ViewPlacement& placement, const ViewSpec& spec) {
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
    const auto size = static_cast<float>(spec.size_px);
    std::erase_if(peaks, [&](const Peak& peak) {
        return !(peak.fast_px >= 0 && peak.slow_px >= 0 && peak.fast_px < size && peak.slow_px < size);
    });
    return peaks;
}

}  // namespace braggbench
