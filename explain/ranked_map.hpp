// A saliency map made ready for scoring: what can be said of it at all, and its positive part S+ on the valid pixels
// (Omega) in rank order, so that any number of target sets are scored after one sort.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "explain/peak_targets.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Only maps that are `ok` point at anything: all others are counted and have no scores.
enum class MapStatus : std::uint8_t {
    ok,
    all_zero,   // no positive value on Omega
    constant,   // the same positive value everywhere on Omega
    non_finite  // a NaN or infinity on Omega
};
const char* to_string(MapStatus status);

class RankedMap {
public:
    // `map` may be signed; Omega is where `valid` is 1. Throws UsageError if sizes differ.
    RankedMap(const Image<float>& map, const Mask& valid);

    [[nodiscard]] MapStatus status() const { return status_; }
    [[nodiscard]] int width_px() const { return width_px_; }
    [[nodiscard]] int height_px() const { return height_px_; }
    [[nodiscard]] std::int64_t valid_pixels() const { return valid_pixels_; }
    [[nodiscard]] double total() const { return total_; }  // of S+
    [[nodiscard]] double mean() const { return mean_; }    // of S, the signed map
    [[nodiscard]] double sigma() const { return sigma_; }  // of S; 0 if it is constant

    [[nodiscard]] bool is_valid(std::uint32_t pixel) const { return valid_[pixel] != 0; }
    [[nodiscard]] float value(std::uint32_t pixel) const { return values_[pixel]; }  // S; 0 off Omega
    // A pixel's S+ as a number that orders as S+ does: non-negative floats order as their bit patterns do.
    [[nodiscard]] std::uint32_t key(std::uint32_t pixel) const;

    // Keys of the pixels with a positive value, descending; the other valid pixels are tied at 0.
    [[nodiscard]] std::span<const std::uint32_t> positive_keys() const { return keys_; }

    // How many valid pixels have a higher key, and how many just this one.
    struct Place {
        std::int64_t above = 0;
        std::int64_t tied = 0;
    };
    [[nodiscard]] Place place_of(std::uint32_t key) const;
    // The key of rank `rank` from the top, from 1 to valid_pixels().
    [[nodiscard]] std::uint32_t key_at(std::int64_t rank) const;

private:
    MapStatus status_ = MapStatus::ok;
    int width_px_ = 0;
    int height_px_ = 0;
    std::int64_t valid_pixels_ = 0;
    double total_ = 0.0;
    double mean_ = 0.0;
    double sigma_ = 0.0;
    std::vector<float> values_;
    std::vector<std::uint8_t> valid_;
    std::vector<std::uint32_t> keys_;
};

// Any 32-bit numbers, in linear time.
void sort_descending(std::vector<std::uint32_t>& keys);

}  // namespace braggbench
