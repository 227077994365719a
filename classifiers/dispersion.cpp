#include "classifiers/dispersion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "simulator/faults.hpp"

namespace braggbench {
namespace {

constexpr double largest_summed = 16777216.0;  // 2^24
constexpr int extra_half_width_px = 2;         // of the extended finder's second kernel
constexpr int background_reach_px = 5;

void check(const DispersionOptions& options) {
    Faults faults;
    faults.require(options.kernel_half_width_px >= 1 && options.kernel_half_width_px <= 50, "kernel_half_width_px",
                   options.kernel_half_width_px, "a kernel of 3 to 101 px", "Give 1 to 50.");
    faults.require(options.sigma_background >= 0.0, "sigma_background", options.sigma_background,
                   "sigma is counted upwards", "Give 0 or more.");
    faults.require(options.sigma_strong >= 0.0, "sigma_strong", options.sigma_strong, "sigma is counted upwards",
                   "Give 0 or more.");
    faults.require(std::isfinite(options.global_threshold), "global_threshold", options.global_threshold, "",
                   "Give a value of the image.");
    faults.require(options.gain > 0.0, "gain", options.gain, "a variance over a mean", "Give a positive number.");
    faults.require(options.min_valid_pixels >= 2, "min_valid_pixels", options.min_valid_pixels,
                   "a variance needs two pixels", "Give 2 or more.");
    faults.require(options.min_pixels >= 1, "min_pixels", options.min_pixels, "a spot has pixels", "Give 1 or more.");
    faults.require(options.max_pixels >= options.min_pixels, "max_pixels", options.max_pixels,
                   "no spot would have so many", "Give at least min_pixels.");
    faults.require(options.max_peak_centroid_px >= 0.0, "max_peak_centroid_px", options.max_peak_centroid_px,
                   "it is a distance", "Give 0 or more.");
    faults.report();
}

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

// Number, sum and sum of squares of the used pixels in the square around each pixel of a row. Sums are taken anew for
// each row: running sums would leave rounding errors of bright pixels behind in dark regions.
class BoxSums {
public:
    BoxSums(const Image<float>& values, const Image<std::uint8_t>& used, int half_width)
        : values_(values),
          used_(used),
          half_(half_width),
          width_(size_of(values.width)),
          rows_(size_of(2 * half_width + 1), {std::vector<float>(width_), std::vector<float>(width_)}),
          column_count_(width_ + size_of(2 * half_width)),
          column_sum_(column_count_.size()),
          column_squares_(column_count_.size()),
          count(width_),
          sum(width_),
          squares(width_) {}

    void compute(int slow) {
        const int first = std::max(0, slow - half_);
        const int last = std::min(values_.height - 1, slow + half_);
        for (; loaded_ <= last; ++loaded_) load(loaded_);
        std::fill(column_count_.begin(), column_count_.end(), 0.0F);
        std::fill(column_sum_.begin(), column_sum_.end(), 0.0);
        std::fill(column_squares_.begin(), column_squares_.end(), 0.0);
        // In stretches that stay in the first-level cache.
        constexpr std::size_t stretch = 256;
        for (std::size_t start = 0; start < width_; start += stretch) {
            const std::size_t n = std::min(stretch, width_ - start);
            float* c = column_count_.data() + size_of(half_) + start;
            double* s = column_sum_.data() + size_of(half_) + start;
            double* q = column_squares_.data() + size_of(half_) + start;
            for (int y = first; y <= last; ++y) {
                const auto& row = rows_[size_of(y) % rows_.size()];
                const float* u = row.used.data() + start;
                const float* v = row.value.data() + start;
                for (std::size_t i = 0; i < n; ++i) {
                    const auto value = static_cast<double>(v[i]);
                    c[i] += u[i];
                    s[i] += value;
                    q[i] += value * value;
                }
            }
        }
        std::fill(count.begin(), count.end(), 0.0F);
        std::fill(sum.begin(), sum.end(), 0.0);
        std::fill(squares.begin(), squares.end(), 0.0);
        for (std::size_t start = 0; start < width_; start += stretch) {
            const std::size_t n = std::min(stretch, width_ - start);
            for (std::size_t shift = 0; shift < rows_.size(); ++shift) {
                const float* c = column_count_.data() + start + shift;
                const double* s = column_sum_.data() + start + shift;
                const double* q = column_squares_.data() + start + shift;
                for (std::size_t i = 0; i < n; ++i) {
                    count[start + i] += c[i];
                    sum[start + i] += s[i];
                    squares[start + i] += q[i];
                }
            }
        }
    }

private:
    struct Row {
        std::vector<float> used;
        std::vector<float> value;
    };

    void load(int slow) {
        auto& row = rows_[size_of(slow) % rows_.size()];
        const std::size_t offset = values_.index(0, slow);
        for (std::size_t i = 0; i < width_; ++i) {
            const bool use = used_.pixels[offset + i] != 0;
            row.used[i] = use ? 1.0F : 0.0F;
            row.value[i] = use ? values_.pixels[offset + i] : 0.0F;
        }
    }

    const Image<float>& values_;
    const Image<std::uint8_t>& used_;
    int half_;
    std::size_t width_;
    int loaded_ = 0;
    std::vector<Row> rows_;
    std::vector<float> column_count_;  // with half_ zeros before and after
    std::vector<double> column_sum_;
    std::vector<double> column_squares_;

public:
    std::vector<float> count;
    std::vector<double> sum;
    std::vector<double> squares;
};

// 1 = valid, and a number.
Image<std::uint8_t> usable_pixels(const Image<float>& values, const Image<std::uint8_t>& valid, float below) {
    Image<std::uint8_t> usable(values.width, values.height);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float value = values.pixels[i];
        const bool good = (valid.size() == 0 || valid.pixels[i] != 0) && value < below &&
                          value > -std::numeric_limits<float>::infinity();
        usable.pixels[i] = good ? 1 : 0;
    }
    return usable;
}

// variance / mean > g (1 + sigma sqrt(2 / (m - 1))), multiplied by m (m - 1) mean and squared: no division, no root.
bool is_dispersed(double m, double sum, double squares, const DispersionOptions& options) {
    const double excess = m * squares - sum * sum - options.gain * sum * (m - 1);
    const double limit = options.gain * options.sigma_background * sum;
    return (sum >= 0.0) & (excess > 0.0) & (excess * excess > 2 * limit * limit * (m - 1));
}

// value > mean + sigma sqrt(g mean), multiplied by m and squared.
bool is_above_mean(double m, double sum, double value, const DispersionOptions& options) {
    const double excess = m * value - sum;
    const double sigma = options.sigma_strong;
    return (excess > 0.0) & (excess * excess > sigma * sigma * options.gain * sum * m);
}

struct Masks {
    Image<std::uint8_t> usable;
    Image<std::uint8_t> summed;
};

Masks checked_masks(const Image<float>& values, const Image<std::uint8_t>& valid, const DispersionOptions& options) {
    check(options);
    check_mask(values, valid);
    return {usable_pixels(values, valid, std::numeric_limits<float>::infinity()),
            usable_pixels(values, valid, static_cast<float>(largest_summed))};
}

// Foreground with no background, and no invalid pixel, within `reach` px along rows, columns and diagonals: a minimum
// over a square, first along rows, then along columns. The image's edge is no background.
Image<std::uint8_t> eroded(const Image<std::uint8_t>& foreground, int reach) {
    Image<std::uint8_t> along_rows(foreground.width, foreground.height);
    const auto width = size_of(foreground.width);
    std::vector<std::uint8_t> padded(width + size_of(2 * reach), 1);
    for (int slow = 0; slow < foreground.height; ++slow) {
        std::copy_n(&foreground.pixels[foreground.index(0, slow)], width, padded.begin() + reach);
        std::uint8_t* out = &along_rows.pixels[along_rows.index(0, slow)];
        std::copy_n(padded.begin(), width, out);
        for (std::size_t shift = 1; shift <= size_of(2 * reach); ++shift) {
            for (std::size_t i = 0; i < width; ++i) out[i] &= padded[i + shift];
        }
    }
    Image<std::uint8_t> result(foreground.width, foreground.height, 1);
    for (int slow = 0; slow < foreground.height; ++slow) {
        std::uint8_t* out = &result.pixels[result.index(0, slow)];
        for (int y = std::max(0, slow - reach); y <= std::min(foreground.height - 1, slow + reach); ++y) {
            const std::uint8_t* in = &along_rows.pixels[along_rows.index(0, y)];
            for (std::size_t i = 0; i < width; ++i) out[i] &= in[i];
        }
    }
    return result;
}

struct SpotSums {
    int fast_min = 0, fast_max = 0, slow_min = 0, slow_max = 0;
    std::uint32_t highest = 0;
    double weight = 0.0, fast = 0.0, slow = 0.0;
};

SpotSums sum_spot(const Image<float>& values, std::span<const std::uint32_t> region) {
    SpotSums sums;
    const auto width = static_cast<std::uint32_t>(values.width);
    sums.fast_min = values.width;
    sums.slow_min = values.height;
    // Of equal pixels the first in reading order counts as the highest.
    sums.highest = region.front();
    for (const auto pixel : region) {
        const auto fast = static_cast<int>(pixel % width);
        const auto slow = static_cast<int>(pixel / width);
        const float value = values.pixels[pixel];
        sums.fast_min = std::min(sums.fast_min, fast);
        sums.fast_max = std::max(sums.fast_max, fast);
        sums.slow_min = std::min(sums.slow_min, slow);
        sums.slow_max = std::max(sums.slow_max, slow);
        if (value > values.pixels[sums.highest]) sums.highest = pixel;
        sums.weight += static_cast<double>(value);
        sums.fast += static_cast<double>(value) * (fast + 0.5);
        sums.slow += static_cast<double>(value) * (slow + 0.5);
    }
    return sums;
}

LocalBackground background_around(const Image<float>& values, const Image<std::uint8_t>& valid,
                                  const Image<std::uint8_t>& strong, const SpotSums& spot) {
    LocalBackground around;
    double sum = 0.0;
    double squares = 0.0;
    for (int y = std::max(0, spot.slow_min - background_reach_px);
         y <= std::min(values.height - 1, spot.slow_max + background_reach_px); ++y) {
        for (int x = std::max(0, spot.fast_min - background_reach_px);
             x <= std::min(values.width - 1, spot.fast_max + background_reach_px); ++x) {
            const auto pixel = values.index(x, y);
            if (strong.pixels[pixel] != 0 || (valid.size() != 0 && valid.pixels[pixel] == 0)) continue;
            const auto value = static_cast<double>(values.pixels[pixel]);
            if (!std::isfinite(value)) continue;
            sum += value;
            squares += value * value;
            ++around.npix;
        }
    }
    if (around.npix == 0) return around;
    around.mean = sum / around.npix;
    around.sigma = std::sqrt(std::max(0.0, squares / around.npix - around.mean * around.mean));
    return around;
}

std::vector<FoundPeak> spots_of(const Image<float>& values, const Image<std::uint8_t>& valid,
                                const Image<std::uint8_t>& strong, const DispersionOptions& options) {
    std::vector<std::uint32_t> pixels;
    for (std::size_t i = 0; i < strong.size(); ++i) {
        if (strong.pixels[i] != 0) pixels.push_back(static_cast<std::uint32_t>(i));
    }
    const auto regions = connect(pixels, values.width, Connectivity::four);
    const auto width = static_cast<std::uint32_t>(values.width);
    std::vector<FoundPeak> spots;
    for (std::size_t r = 0; r < regions.size(); ++r) {
        const auto region = regions[r];
        if (region.size() < size_of(options.min_pixels) || region.size() > size_of(options.max_pixels)) continue;
        const auto sums = sum_spot(values, region);
        if (!(sums.weight > 0.0)) continue;
        FoundPeak spot;
        spot.fast_px = sums.fast / sums.weight;
        spot.slow_px = sums.slow / sums.weight;
        if (std::hypot(spot.fast_px - (sums.highest % width + 0.5), spot.slow_px - (sums.highest / width + 0.5)) >
            options.max_peak_centroid_px) {
            continue;
        }
        const auto around = background_around(values, valid, strong, sums);
        const auto n = static_cast<double>(region.size());
        spot.npix = static_cast<int>(region.size());
        spot.background = around.mean;
        spot.max_value = static_cast<double>(values.pixels[sums.highest]);
        spot.intensity = sums.weight - n * around.mean;
        const double variance = std::max(around.sigma * around.sigma, options.gain * around.mean);
        const double total_variance =
            options.gain * std::max(0.0, spot.intensity) + n * variance * (1.0 + n / std::max(1, around.npix));
        spot.snr = total_variance > 0.0 ? spot.intensity / std::sqrt(total_variance) : 0.0;
        spots.push_back(spot);
    }
    return spots;
}

}  // namespace

Image<std::uint8_t> dispersion_mask(const Image<float>& values, const Image<std::uint8_t>& valid,
                                    const DispersionOptions& options) {
    const auto [usable, summed] = checked_masks(values, valid, options);
    Image<std::uint8_t> strong(values.width, values.height);
    BoxSums box(values, summed, options.kernel_half_width_px);
    for (int slow = 0; slow < values.height; ++slow) {
        box.compute(slow);
        const std::size_t offset = values.index(0, slow);
        for (std::size_t i = 0; i < size_of(values.width); ++i) {
            const auto m = static_cast<double>(box.count[i]);
            const auto value = static_cast<double>(values.pixels[offset + i]);
            const bool is_strong = (usable.pixels[offset + i] != 0) & (m >= options.min_valid_pixels) &
                                   (value > options.global_threshold) & is_above_mean(m, box.sum[i], value, options) &
                                   is_dispersed(m, box.sum[i], box.squares[i], options);
            strong.pixels[offset + i] = is_strong ? 1 : 0;
        }
    }
    return strong;
}

Image<std::uint8_t> dispersion_extended_mask(const Image<float>& values, const Image<std::uint8_t>& valid,
                                             const DispersionOptions& options) {
    const auto [usable, summed] = checked_masks(values, valid, options);
    Image<std::uint8_t> foreground(values.width, values.height);
    {
        BoxSums box(values, summed, options.kernel_half_width_px);
        for (int slow = 0; slow < values.height; ++slow) {
            box.compute(slow);
            const std::size_t offset = values.index(0, slow);
            for (std::size_t i = 0; i < size_of(values.width); ++i) {
                const auto m = static_cast<double>(box.count[i]);
                const bool dispersed = (usable.pixels[offset + i] != 0) & (m >= options.min_valid_pixels) &
                                       is_dispersed(m, box.sum[i], box.squares[i], options);
                foreground.pixels[offset + i] = dispersed ? 1 : 0;
            }
        }
    }
    const auto kept = eroded(foreground, options.kernel_half_width_px - 1);
    Image<std::uint8_t> background(values.width, values.height);
    for (std::size_t i = 0; i < values.size(); ++i) {
        background.pixels[i] = summed.pixels[i] & static_cast<std::uint8_t>(kept.pixels[i] ^ 1U);
    }
    Image<std::uint8_t> strong(values.width, values.height);
    BoxSums box(values, background, options.kernel_half_width_px + extra_half_width_px);
    for (int slow = 0; slow < values.height; ++slow) {
        const std::size_t offset = values.index(0, slow);
        const std::uint8_t* row = &kept.pixels[offset];
        if (std::none_of(row, row + values.width, [](std::uint8_t k) { return k != 0; })) continue;
        box.compute(slow);
        for (std::size_t i = 0; i < size_of(values.width); ++i) {
            const auto value = static_cast<double>(values.pixels[offset + i]);
            if (row[i] == 0 || !(value > options.global_threshold)) continue;
            const auto m = static_cast<double>(box.count[i]);
            const double mean = m >= 2 ? box.sum[i] / m : 0.0;
            strong.pixels[offset + i] =
                mean >= 0.0 && value >= mean + options.sigma_strong * std::sqrt(options.gain * mean) ? 1 : 0;
        }
    }
    return strong;
}

std::vector<FoundPeak> dispersion(const Image<float>& values, const Image<std::uint8_t>& valid,
                                  const DispersionOptions& options) {
    return spots_of(values, valid, dispersion_mask(values, valid, options), options);
}

std::vector<FoundPeak> dispersion_extended(const Image<float>& values, const Image<std::uint8_t>& valid,
                                           const DispersionOptions& options) {
    return spots_of(values, valid, dispersion_extended_mask(values, valid, options), options);
}

}  // namespace braggbench
