#include "classifiers/peakfinder8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "simulator/faults.hpp"

namespace braggbench {
namespace {

constexpr int iterations = 5;
constexpr std::uint16_t no_ring = 0xFFFF;
constexpr double max_radius = 65000.0;  // fits 16 bits beside `none`
constexpr double start_cut = 1e9;
constexpr std::size_t block = 512;  // values summed in single precision before they enter the double sums

struct Ring {
    float mean = 0.0F;
    float sigma = 0.0F;
    float high = std::numeric_limits<float>::infinity();
};

struct Moments {
    double count = 0.0;
    double sum = 0.0;          // of value - shift
    double sum_squared = 0.0;  // of (value - shift)^2
};

// NaN is between no limits.
Moments moments_between(std::span<const float> values, float low, float high, float shift) {
    Moments total;
    alignas(32) std::array<float, block> inside;
    alignas(32) std::array<float, block> excess;
    for (std::size_t start = 0; start < values.size(); start += block) {
        const std::size_t n = std::min(block, values.size() - start);
        const float* part = values.data() + start;
        for (std::size_t i = 0; i < n; ++i) {
            const bool in = (part[i] > low) & (part[i] < high);
            inside[i] = in ? 1.0F : 0.0F;
            excess[i] = in ? part[i] - shift : 0.0F;
        }
        using Values = Eigen::Map<const Eigen::VectorXf>;
        const auto size = static_cast<Eigen::Index>(n);
        const Values excesses(excess.data(), size);
        total.count += static_cast<double>(Values(inside.data(), size).sum());
        total.sum += static_cast<double>(excesses.sum());
        total.sum_squared += static_cast<double>(excesses.squaredNorm());
    }
    return total;
}

// The ring's values are few enough to stay in the first-level cache over all iterations.
Ring measure_ring(std::span<const float> values, const PeakFinder8Options& options) {
    Ring ring;
    auto low = static_cast<float>(-start_cut);
    auto high = static_cast<float>(start_cut);
    // Differences to a typical value keep their digits when squared.
    const auto first = std::find_if(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
    float shift = first == values.end() ? 0.0F : *first;
    for (int k = 0; k < iterations; ++k) {
        const Moments moments = moments_between(values, low, high, shift);
        if (moments.count == 0.0) return {};
        const double mean = moments.sum / moments.count;
        const double variance = std::max(0.0, moments.sum_squared / moments.count - mean * mean);
        ring.mean = static_cast<float>(mean + static_cast<double>(shift));
        ring.sigma = static_cast<float>(std::sqrt(variance));
        const double reach = options.min_snr * static_cast<double>(ring.sigma);
        const auto new_low = static_cast<float>(static_cast<double>(ring.mean) - reach);
        const auto new_high = static_cast<float>(std::max(static_cast<double>(ring.mean) + reach, options.threshold));
        ring.high = new_high;
        if (new_low == low && new_high == high) break;
        low = new_low;
        high = new_high;
        shift = ring.mean;
    }
    return ring;
}

// One more than there are rings: the last is of the pixels that belong to none.
std::vector<Ring> measure_rings(const Image<float>& values, const Image<std::uint8_t>& valid, const RadialBins& bins,
                                const PeakFinder8Options& options) {
    // Rings lie thousands of pixels apart in memory and are read five times: so sorted first. The memory is kept from
    // image to image, as fetching it from the system would take as long as the rest.
    thread_local std::vector<float> sorted;
    sorted.resize(values.size());
    const std::uint32_t* place = bins.places().data();
    if (valid.size() == 0) {
        for (std::size_t i = 0; i < values.size(); ++i) sorted[place[i]] = values.pixels[i];
    } else {
        constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
        for (std::size_t i = 0; i < values.size(); ++i) {
            sorted[place[i]] = valid.pixels[i] != 0 ? values.pixels[i] : not_a_number;
        }
    }
    std::vector<Ring> rings(bins.count() + 1);
    const auto& begin = bins.begin();
    for (std::size_t b = 0; b < bins.count(); ++b) {
        if (static_cast<double>(b) < options.min_radius_px || static_cast<double>(b) > options.max_radius_px) continue;
        rings[b] = measure_ring(std::span<const float>(sorted).subspan(begin[b], begin[b + 1] - begin[b]), options);
    }
    return rings;
}

// Pixels above their ring's `high`, in reading order.
std::vector<std::uint32_t> strong_pixels(const Image<float>& values, const Image<std::uint8_t>& valid,
                                         const RadialBins& bins, const std::vector<Ring>& rings) {
    std::vector<float> high(rings.size());
    std::transform(rings.begin(), rings.end(), high.begin(), [](const Ring& ring) { return ring.high; });
    std::vector<std::uint32_t> strong;
    const std::uint16_t* bin = bins.bins().pixels.data();
    const float* value = values.pixels.data();
    // Few stretches have any; those without need no branch per pixel.
    constexpr std::size_t stretch = 64;
    for (std::size_t start = 0; start < values.size(); start += stretch) {
        const std::size_t end = std::min(start + stretch, values.size());
        int above = 0;
        for (std::size_t i = start; i < end; ++i) above += value[i] > high[bin[i]] ? 1 : 0;
        if (above == 0) continue;
        for (std::size_t i = start; i < end; ++i) {
            // An infinite value is above its ring but no measurement.
            if (value[i] > high[bin[i]] && (valid.size() == 0 || valid.pixels[i] != 0) && std::isfinite(value[i])) {
                strong.push_back(static_cast<std::uint32_t>(i));
            }
        }
    }
    return strong;
}

class PeakJudge {
public:
    PeakJudge(const Image<float>& values, const Image<std::uint8_t>& valid, const RadialBins& bins,
              const std::vector<Ring>& rings, const PeakFinder8Options& options)
        : values_(values), valid_(valid), bins_(bins), rings_(rings), options_(options) {}

    // The region as a peak; its npix is 0 if it is none.
    [[nodiscard]] FoundPeak judge(std::span<const std::uint32_t> region) const {
        FoundPeak peak;
        if (region.size() < static_cast<std::size_t>(options_.min_pixels) ||
            region.size() > static_cast<std::size_t>(options_.max_pixels) || !off_border(region)) {
            return peak;
        }
        const auto width = static_cast<std::uint32_t>(values_.width);
        double weights = 0.0;
        double sum = 0.0;
        double highest = -std::numeric_limits<double>::infinity();
        for (const auto pixel : region) {
            const double value = static_cast<double>(values_.pixels[pixel]);
            const double weight = std::abs(value - static_cast<double>(ring(pixel).mean));
            weights += weight;
            peak.fast_px += weight * (pixel % width + 0.5);
            peak.slow_px += weight * (pixel / width + 0.5);
            sum += value;
            highest = std::max(highest, value);
        }
        if (!(weights > 0.0)) return {};
        peak.fast_px /= weights;
        peak.slow_px /= weights;

        const auto& own = ring(region.front());
        auto around = surroundings(peak, static_cast<double>(own.mean));
        if (around.npix == 0) around.mean = around.max_value = static_cast<double>(own.mean);
        // Where the surroundings are all alike (few photons), the ring knows more of the spread.
        if (!(around.sigma > 0.0)) around.sigma = static_cast<double>(own.sigma);
        peak.background = around.mean;
        peak.intensity = sum - static_cast<double>(region.size()) * around.mean;
        peak.max_value = highest;
        peak.snr = around.sigma > 0.0 ? peak.intensity / around.sigma : std::numeric_limits<float>::max();
        if (!(peak.intensity > 0.0) || peak.snr < options_.min_snr || highest < around.max_value) return {};
        peak.npix = static_cast<int>(region.size());
        return peak;
    }

private:
    [[nodiscard]] const Ring& ring(std::uint32_t pixel) const { return rings_[bins_.bins().pixels[pixel]]; }

    [[nodiscard]] bool off_border(std::span<const std::uint32_t> region) const {
        const auto width = static_cast<std::uint32_t>(values_.width);
        const auto height = static_cast<std::uint32_t>(values_.height);
        return std::any_of(region.begin(), region.end(), [&](std::uint32_t pixel) {
            const auto fast = pixel % width;
            const auto slow = pixel / width;
            return fast > 0 && fast + 1 < width && slow > 0 && slow + 1 < height;
        });
    }

    [[nodiscard]] LocalBackground surroundings(const FoundPeak& peak, double shift) const {
        const int radius = 2 * options_.local_background_radius_px;
        const auto centre_fast = static_cast<int>(peak.fast_px);
        const auto centre_slow = static_cast<int>(peak.slow_px);
        LocalBackground around;
        around.max_value = -std::numeric_limits<double>::infinity();
        double sum = 0.0;
        double squares = 0.0;
        for (int y = std::max(0, centre_slow - radius); y <= std::min(values_.height - 1, centre_slow + radius); ++y) {
            for (int x = std::max(0, centre_fast - radius); x <= std::min(values_.width - 1, centre_fast + radius);
                 ++x) {
                const int dx = x - centre_fast;
                const int dy = y - centre_slow;
                if (dx * dx + dy * dy > radius * radius) continue;
                const auto pixel = static_cast<std::uint32_t>(values_.index(x, y));
                if (valid_.size() != 0 && valid_.pixels[pixel] == 0) continue;
                // Rings without values have an infinite `high`; their pixels are no background either.
                const auto& own = ring(pixel);
                const float value = values_.pixels[pixel];
                if (!std::isfinite(own.high) || !(value <= own.high) || !std::isfinite(value)) continue;
                const double excess = static_cast<double>(value) - shift;
                sum += excess;
                squares += excess * excess;
                around.max_value = std::max(around.max_value, static_cast<double>(value));
                ++around.npix;
            }
        }
        if (around.npix == 0) return around;
        const double mean_excess = sum / around.npix;
        around.mean = shift + mean_excess;
        around.sigma = std::sqrt(std::max(0.0, squares / around.npix - mean_excess * mean_excess));
        return around;
    }

    const Image<float>& values_;
    const Image<std::uint8_t>& valid_;
    const RadialBins& bins_;
    const std::vector<Ring>& rings_;
    const PeakFinder8Options& options_;
};

void check(const PeakFinder8Options& options) {
    Faults faults;
    faults.require(options.min_snr > 0.0, "min_snr", options.min_snr, "sigma is counted upwards",
                   "Give a positive number.");
    faults.require(options.min_pixels >= 1, "min_pixels", options.min_pixels, "a peak has pixels", "Give 1 or more.");
    faults.require(options.max_pixels >= options.min_pixels, "max_pixels", options.max_pixels,
                   "no peak would have so many", "Give at least min_pixels.");
    faults.require(options.local_background_radius_px >= 1 && options.local_background_radius_px <= 100,
                   "local_background_radius_px", options.local_background_radius_px, "a disc of 1 to 100 px",
                   "Give about the distance of neighbouring spots.");
    faults.require(std::isfinite(options.threshold), "threshold", options.threshold, "", "Give a value of the image.");
    faults.require(options.max_radius_px > options.min_radius_px, "max_radius_px", options.max_radius_px,
                   "no ring is left", "Give more than min_radius_px.");
    faults.report();
}

}  // namespace

RadialBins::RadialBins(int width_px, int height_px, double beam_fast_px, double beam_slow_px) {
    Faults faults;
    faults.require(width_px > 0, "width_px", width_px, "an image has pixels", "Give its size.");
    faults.require(height_px > 0, "height_px", height_px, "an image has pixels", "Give its size.");
    for (const auto& [name, value] :
         {std::pair{"beam_fast_px", beam_fast_px}, std::pair{"beam_slow_px", beam_slow_px}}) {
        faults.require(std::abs(value) <= 30000.0, name, value, "so far from the image rings are straight lines",
                       "Give the beam's position in px.");
    }
    faults.report();
    bins_ = Image<std::uint16_t>(width_px, height_px);
    for (int slow = 0; slow < height_px; ++slow) {
        for (int fast = 0; fast < width_px; ++fast) {
            const double x = fast + 0.5 - beam_fast_px;
            const double y = slow + 0.5 - beam_slow_px;
            bins_(fast, slow) = static_cast<std::uint16_t>(std::min(max_radius, std::sqrt(x * x + y * y) + 0.5));
        }
    }
    sort_pixels();
}

RadialBins::RadialBins(const Detector& detector) : bins_(detector.image_width_px, detector.image_height_px, no_ring) {
    for (const auto& panel : detector.panels) {
        const auto& reference = detector.panels.front();
        for (int slow = 0; slow < panel.height_px; ++slow) {
            for (int fast = 0; fast < panel.width_px; ++fast) {
                const Eigen::Vector3d lab_mm = panel.origin_mm + panel.pixel_size_mm * ((fast + 0.5) * panel.fast_axis +
                                                                                        (slow + 0.5) * panel.slow_axis);
                if (!(lab_mm.z() > 0.0)) continue;
                const double radius_px =
                    std::hypot(lab_mm.x(), lab_mm.y()) / lab_mm.z() * reference.origin_mm.z() / reference.pixel_size_mm;
                bins_(panel.image_fast_px + fast, panel.image_slow_px + slow) =
                    static_cast<std::uint16_t>(std::min(max_radius, radius_px + 0.5));
            }
        }
    }
    sort_pixels();
}

void RadialBins::sort_pixels() {
    std::size_t count = 0;
    for (const auto bin : bins_.pixels) {
        if (bin != no_ring) count = std::max(count, static_cast<std::size_t>(bin) + 1);
    }
    begin_.assign(count + 1, 0);
    for (auto& bin : bins_.pixels) {
        if (bin == no_ring) {
            bin = static_cast<std::uint16_t>(count);
        } else {
            ++begin_[bin + 1U];
        }
    }
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    places_.resize(bins_.size());
    std::vector<std::size_t> next(begin_.begin(), begin_.end());
    for (std::size_t i = 0; i < bins_.size(); ++i) places_[i] = static_cast<std::uint32_t>(next[bins_.pixels[i]]++);
}

std::vector<FoundPeak> peakfinder8(const Image<float>& values, const Image<std::uint8_t>& valid, const RadialBins& bins,
                                   const PeakFinder8Options& options) {
    check(options);
    check_mask(values, valid);
    if (bins.bins().width != values.width || bins.bins().height != values.height) {
        throw UsageError(
            fmt::format("rings of {} x {} px for an image of {} x {} px (they belong together pixel by "
                        "pixel). Make them for the image's detector.",
                        bins.bins().width, bins.bins().height, values.width, values.height));
    }
    const auto rings = measure_rings(values, valid, bins, options);
    const auto regions = connect(strong_pixels(values, valid, bins, rings), values.width, Connectivity::eight);
    const PeakJudge judge(values, valid, bins, rings, options);
    std::vector<FoundPeak> peaks;
    for (std::size_t r = 0; r < regions.size(); ++r) {
        const auto peak = judge.judge(regions[r]);
        if (peak.npix > 0) peaks.push_back(peak);
    }
    return peaks;
}

}  // namespace braggbench
