#include "explain/ranked_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {

const char* to_string(MapStatus status) {
    switch (status) {
        case MapStatus::ok:
            return "ok";
        case MapStatus::all_zero:
            return "all_zero";
        case MapStatus::constant:
            return "constant";
        case MapStatus::non_finite:
            return "non_finite";
    }
    return "";
}

// Least-significant-digit radix sort: a comparison sort of 512 x 512 pixels takes longer than all the scores together.
void sort_descending(std::vector<std::uint32_t>& keys) {
    constexpr std::size_t few = 512;
    if (keys.size() < few) {
        std::sort(keys.begin(), keys.end(), std::greater<>());
        return;
    }
    constexpr int digit_bits = 11;
    constexpr std::size_t digits = std::size_t{1} << digit_bits;
    constexpr std::size_t passes = 3;
    std::array<std::array<std::uint32_t, digits>, passes> begin{};
    const auto digit = [](std::uint32_t key, std::size_t pass) { return (~key >> (pass * digit_bits)) & (digits - 1); };
    for (const std::uint32_t key : keys) {
        for (std::size_t pass = 0; pass < passes; ++pass) {
            ++begin[pass][digit(key, pass)];
        }
    }
    std::vector<std::uint32_t> other(keys.size());
    for (std::size_t pass = 0; pass < passes; ++pass) {
        std::exclusive_scan(begin[pass].begin(), begin[pass].end(), begin[pass].begin(), std::uint32_t{0});
        for (const std::uint32_t key : keys) {
            other[begin[pass][digit(key, pass)]++] = key;
        }
        keys.swap(other);
    }
}

RankedMap::RankedMap(const Image<float>& map, const Mask& valid)
    : width_px_(map.width), height_px_(map.height), values_(map.size()), valid_(valid.pixels) {
    if (valid.width != map.width || valid.height != map.height) {
        throw UsageError(fmt::format(
            "cannot score a map of {} x {} pixels (the view is of {} x {}). Bring the map to the view's size first.",
            map.width, map.height, valid.width, valid.height));
    }
    double sum = 0.0;
    double highest = -INFINITY;
    double lowest = INFINITY;
    keys_.reserve(map.size());
    for (std::size_t i = 0; i < map.size(); ++i) {
        if (valid_[i] == 0) {
            continue;
        }
        const float value = map.pixels[i];
        if (!std::isfinite(value)) {
            status_ = MapStatus::non_finite;
            keys_.clear();
            return;
        }
        values_[i] = value;
        ++valid_pixels_;
        sum += value;
        highest = std::max(highest, double{value});
        lowest = std::min(lowest, double{value});
        if (value > 0.0F) {
            total_ += value;
            keys_.push_back(std::bit_cast<std::uint32_t>(value));
        }
    }
    if (keys_.empty()) {
        status_ = MapStatus::all_zero;
        return;
    }
    mean_ = sum / static_cast<double>(valid_pixels_);
    if (highest == lowest) {
        status_ = MapStatus::constant;
    } else {
        double squares = 0.0;
        for (std::size_t i = 0; i < map.size(); ++i) {
            const double offset = valid_[i] != 0 ? values_[i] - mean_ : 0.0;
            squares += offset * offset;
        }
        sigma_ = std::sqrt(squares / static_cast<double>(valid_pixels_));
    }
    sort_descending(keys_);
}

std::uint32_t RankedMap::key(std::uint32_t pixel) const {
    // Not std::max: it would keep the sign of -0, whose bits sort above everything.
    return values_[pixel] > 0.0F ? std::bit_cast<std::uint32_t>(values_[pixel]) : 0U;
}

RankedMap::Place RankedMap::place_of(std::uint32_t key) const {
    const auto [first, last] = std::equal_range(keys_.begin(), keys_.end(), key, std::greater<>());
    const std::int64_t above = first - keys_.begin();
    return {above, key == 0 ? valid_pixels_ - above : last - first};
}

std::uint32_t RankedMap::key_at(std::int64_t rank) const {
    return rank <= static_cast<std::int64_t>(keys_.size()) ? keys_[static_cast<std::size_t>(rank - 1)] : 0U;
}

}  // namespace braggbench
