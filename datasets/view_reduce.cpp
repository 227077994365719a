#include "datasets/view_reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace braggbench {
namespace {

constexpr float none = -std::numeric_limits<float>::infinity();  // no finite value is below

int divide_up(int a, int b) { return (a + b - 1) / b; }

bool is_finite(float value) { return std::abs(value) <= std::numeric_limits<float>::max(); }

// row[i] = max(row[i], value[i]) over the usable ones.
template <class T>
void raise(std::vector<T>& row, const T* values, const std::uint8_t* usable) {
    const std::size_t width = row.size();
    T* const out = row.data();
    if constexpr (std::is_floating_point_v<T>) {
        if (usable == nullptr) {
            for (std::size_t i = 0; i < width; ++i) {
                out[i] = std::max(out[i], is_finite(values[i]) ? values[i] : none);
            }
        } else {
            for (std::size_t i = 0; i < width; ++i) {
                const bool good = (usable[i] != 0) & is_finite(values[i]);
                out[i] = std::max(out[i], good ? values[i] : none);
            }
        }
    } else {
        for (std::size_t i = 0; i < width; ++i) {
            out[i] = std::max(out[i], values[i]);
        }
    }
}

// Maxima of `count` whole runs of `factor` values; a factor known when compiled is worth a vectorised loop.
template <int known_factor, class T>
void run_maxima(const T* values, std::size_t count, int factor, float* out) {
    const auto step = static_cast<std::size_t>(known_factor > 0 ? known_factor : factor);
    for (std::size_t j = 0; j < count; ++j) {
        T highest = values[j * step];
        for (std::size_t k = 1; k < step; ++k) {
            highest = std::max(highest, values[j * step + k]);
        }
        out[j] = static_cast<float>(highest);
    }
}

template <class T>
void block_maxima(const std::vector<T>& row, int factor, float* out) {
    const std::size_t whole = row.size() / static_cast<std::size_t>(factor);
    switch (factor) {
        case 1:
            std::copy(row.begin(), row.end(), out);
            break;
        case 2:
            run_maxima<2>(row.data(), whole, factor, out);
            break;
        case 3:
            run_maxima<3>(row.data(), whole, factor, out);
            break;
        case 4:
            run_maxima<4>(row.data(), whole, factor, out);
            break;
        default:
            run_maxima<0>(row.data(), whole, factor, out);
    }
    const auto rest = row.begin() + static_cast<std::ptrdiff_t>(whole) * factor;
    if (rest != row.end()) {
        out[whole] = static_cast<float>(*std::max_element(rest, row.end()));
    }
}

template <class T>
Reduced reduce_by_max(const Image<T>& values, const Image<std::uint8_t>* usable, const Region& region, int factor) {
    Reduced reduced;
    reduced.values = Image<float>(divide_up(region.width_px, factor), divide_up(region.height_px, factor));
    reduced.valid = Image<std::uint8_t>(reduced.values.width, reduced.values.height, 1);
    constexpr T lowest = std::is_floating_point_v<T> ? static_cast<T>(none) : T{0};
    std::vector<T> row(static_cast<std::size_t>(region.width_px));
    for (int block = 0; block < reduced.values.height; ++block) {
        std::fill(row.begin(), row.end(), lowest);
        const int end = std::min((block + 1) * factor, region.height_px);
        for (int slow = block * factor; slow < end; ++slow) {
            const std::size_t from = values.index(region.fast_px, region.slow_px + slow);
            raise(row, &values.pixels[from], usable == nullptr ? nullptr : &usable->pixels[from]);
        }
        block_maxima(row, factor, &reduced.values(0, block));
    }
    if constexpr (std::is_floating_point_v<T>) {
        std::uint8_t all = 1;
        for (std::size_t i = 0; i < reduced.values.size(); ++i) {
            const auto valid = static_cast<std::uint8_t>(reduced.values.pixels[i] != none);
            reduced.valid.pixels[i] = valid;
            all &= valid;
        }
        reduced.all_valid = all != 0;
    }
    return reduced;
}

// What of a row (or column) enters one reduced pixel: the weights of the pixels from `first` on.
struct Taps {
    int first = 0;
    std::vector<float> weights;
};

Taps tap_of(int index, int length, Downsampling method, double factor) {
    const auto whole_factor = static_cast<int>(factor);
    switch (method) {
        case Downsampling::nearest:
            return {std::min(index * whole_factor + whole_factor / 2, length - 1), {1.0F}};
        case Downsampling::bilinear: {
            const double centre = (index + 0.5) * factor - 0.5;
            const int first = std::clamp(static_cast<int>(std::floor(centre)), 0, length - 1);
            const auto next = static_cast<float>(std::clamp(centre - first, 0.0, 1.0));
            if (first + 1 >= length || next == 0.0F) {
                return {first, {1.0F}};
            }
            return {first, {1.0F - next, next}};
        }
        case Downsampling::max:
        case Downsampling::mean:
        case Downsampling::area:
            break;
    }
    const double begin = index * factor;
    const double end = std::min(begin + factor, static_cast<double>(length));
    Taps taps{static_cast<int>(begin), {}};
    // Rounding may leave a sliver of the next pixel in a block that ends at its edge.
    constexpr double sliver = 1e-6;
    for (int i = taps.first; i < length && i < end - sliver; ++i) {
        const double share = std::min(i + 1.0, end) - std::max(static_cast<double>(i), begin);
        taps.weights.push_back(static_cast<float>(share));
    }
    if (taps.weights.size() > 1 && taps.weights.front() < sliver) {
        taps.weights.erase(taps.weights.begin());
        ++taps.first;
    }
    return taps;
}

std::vector<Taps> taps_along(int length, Downsampling method, double factor) {
    constexpr double sliver = 1e-6;
    const auto count = static_cast<int>(std::ceil(length / factor - sliver));
    std::vector<Taps> taps;
    for (int i = 0; i < count; ++i) {
        taps.push_back(tap_of(i, length, method, factor));
    }
    return taps;
}

float dot(const std::vector<float>& row, const Taps& taps) {
    float sum = 0.0F;
    const float* const values = row.data() + taps.first;
    for (std::size_t k = 0; k < taps.weights.size(); ++k) {
        sum += taps.weights[k] * values[k];
    }
    return sum;
}

// Weighted means. The weights are products of one along each axis, so rows are summed first, then columns; the same for
// the weights themselves, of which masked pixels have none.
template <class T>
Reduced reduce_by_weights(const Image<T>& values, const Image<std::uint8_t>* usable, const Region& region,
                          Downsampling method, double factor) {
    const std::vector<Taps> along_fast = taps_along(region.width_px, method, factor);
    const std::vector<Taps> along_slow = taps_along(region.height_px, method, factor);
    Reduced reduced;
    reduced.values = Image<float>(static_cast<int>(along_fast.size()), static_cast<int>(along_slow.size()));
    reduced.valid = Image<std::uint8_t>(reduced.values.width, reduced.values.height, 1);
    const auto width = static_cast<std::size_t>(region.width_px);
    std::vector<float> sums(width);
    std::vector<float> weights(width);
    for (std::size_t j = 0; j < along_slow.size(); ++j) {
        std::fill(sums.begin(), sums.end(), 0.0F);
        std::fill(weights.begin(), weights.end(), 0.0F);
        for (std::size_t k = 0; k < along_slow[j].weights.size(); ++k) {
            const float weight = along_slow[j].weights[k];
            const std::size_t from =
                values.index(region.fast_px, region.slow_px + along_slow[j].first + static_cast<int>(k));
            for (std::size_t i = 0; i < width; ++i) {
                const auto value = static_cast<float>(values.pixels[from + i]);
                const bool good = (usable == nullptr || usable->pixels[from + i] != 0) && is_finite(value);
                sums[i] += good ? weight * value : 0.0F;
                weights[i] += good ? weight : 0.0F;
            }
        }
        const std::size_t to = reduced.values.index(0, static_cast<int>(j));
        for (std::size_t i = 0; i < along_fast.size(); ++i) {
            const float total = dot(weights, along_fast[i]);
            reduced.values.pixels[to + i] = total > 0.0F ? dot(sums, along_fast[i]) / total : 0.0F;
            reduced.valid.pixels[to + i] = static_cast<std::uint8_t>(total > 0.0F);
            reduced.all_valid = reduced.all_valid && total > 0.0F;
        }
    }
    return reduced;
}

}  // namespace

double factor_to_fit(const Region& region, Downsampling method, int size_px) {
    if (method == Downsampling::area || method == Downsampling::bilinear) {
        return std::max(1.0, static_cast<double>(std::max(region.width_px, region.height_px)) / size_px);
    }
    return std::max(divide_up(region.width_px, size_px), divide_up(region.height_px, size_px));
}

// At factor 1 all methods copy.
Reduced reduce(const Image<float>& values, const Image<std::uint8_t>* usable, const Region& region, Downsampling method,
               double factor) {
    return method == Downsampling::max || factor == 1.0
               ? reduce_by_max(values, usable, region, static_cast<int>(factor))
               : reduce_by_weights(values, usable, region, method, factor);
}

Reduced reduce(const Image<std::uint16_t>& values, const Region& region, Downsampling method, double factor) {
    return method == Downsampling::max || factor == 1.0
               ? reduce_by_max(values, nullptr, region, static_cast<int>(factor))
               : reduce_by_weights(values, nullptr, region, method, factor);
}

}  // namespace braggbench
