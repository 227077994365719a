#include "classifiers/classical/glcm.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace braggbench {
namespace {

constexpr std::size_t level_count = 256;

struct Step {
    int fast;
    int slow;
};

Step step_of(const GlcmOffset& offset) {
    const auto rounded = [](double r) { return static_cast<int>(r > 0.0 ? r + 0.5 : r - 0.5); };
    const double angle = offset.angle_deg * std::numbers::pi / 180.0;
    const double distance = offset.distance_px;
    return {rounded(std::cos(angle) * distance), rounded(std::sin(angle) * distance)};
}

// Ordered pairs of levels, counted in two tables by turns: increments of one and the same place, which flat images are
// full of, would wait for each other.
class PairCounts {
public:
    explicit PairCounts(std::size_t levels) : levels_(levels), even_(levels * levels), odd_(levels * levels) {}

    void count(const Image<std::uint8_t>& grey, Step step) {
        std::fill(even_.begin(), even_.end(), 0U);
        std::fill(odd_.begin(), odd_.end(), 0U);
        const int fast_begin = std::max(0, -step.fast);
        const int fast_end = std::min(grey.width, grey.width - step.fast);
        const int slow_end = std::min(grey.height, grey.height - step.slow);
        for (int slow = std::max(0, -step.slow); slow < slow_end; ++slow) {
            if (fast_begin >= fast_end) break;
            const std::uint8_t* const from = grey.pixels.data() + grey.index(fast_begin, slow);
            const std::uint8_t* const to = grey.pixels.data() + grey.index(fast_begin + step.fast, slow + step.slow);
            const auto pairs = static_cast<std::size_t>(fast_end - fast_begin);
            std::size_t k = 0;
            for (; k + 1 < pairs; k += 2) {
                ++even_[from[k] * levels_ + to[k]];
                ++odd_[from[k + 1] * levels_ + to[k + 1]];
            }
            if (k < pairs) ++even_[from[k] * levels_ + to[k]];
        }
    }

    [[nodiscard]] GlcmProperties properties() {
        for (std::size_t k = 0; k < even_.size(); ++k) even_[k] += odd_[k];
        // Of the symmetric matrix, in whole numbers: sums over differences and over levels.
        std::array<std::uint64_t, level_count> of_difference{};
        std::array<std::uint64_t, level_count> of_level{};
        std::uint64_t squares = 0;
        for (std::size_t i = 0; i < levels_; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                const std::uint64_t both = std::uint64_t{even_[i * levels_ + j]} + even_[j * levels_ + i];
                of_difference[i - j] += 2 * both;
                of_level[i] += both;
                of_level[j] += both;
                squares += 2 * both * both;
            }
            const std::uint64_t both = 2 * std::uint64_t{even_[i * levels_ + i]};
            of_difference[0] += both;
            of_level[i] += both;
            squares += both * both;
        }
        double total = 0.0;
        double first = 0.0;
        for (std::size_t i = 0; i < levels_; ++i) {
            total += static_cast<double>(of_level[i]);
            first += static_cast<double>(of_level[i]) * static_cast<double>(i);
        }
        GlcmProperties result;
        if (total == 0.0) return result;
        for (std::size_t k = 0; k < levels_; ++k) {
            const double share = static_cast<double>(of_difference[k]) / total;
            const auto difference = static_cast<double>(k);
            result.contrast += share * difference * difference;
            result.dissimilarity += share * difference;
            result.homogeneity += share / (1.0 + difference * difference);
        }
        result.angular_second_moment = static_cast<double>(squares) / total / total;
        result.energy = std::sqrt(result.angular_second_moment);
        // Both margins are the same, so that E (i - j)^2 = 2 variance - 2 covariance.
        const double mean = first / total;
        double variance = 0.0;
        for (std::size_t i = 0; i < levels_; ++i) {
            const double deviation = static_cast<double>(i) - mean;
            variance += static_cast<double>(of_level[i]) / total * deviation * deviation;
        }
        const bool one_level =
            of_level[static_cast<std::size_t>(std::lround(mean))] == static_cast<std::uint64_t>(total);
        result.correlation = one_level ? 1.0 : 1.0 - 0.5 * result.contrast / variance;
        return result;
    }

private:
    std::size_t levels_;
    std::vector<std::uint32_t> even_;
    std::vector<std::uint32_t> odd_;
};

}  // namespace

std::vector<GlcmOffset> glcm_offsets(std::span<const int> distances_px, std::span<const double> angles_deg) {
    std::vector<GlcmOffset> offsets;
    for (const int distance : distances_px) {
        for (const double angle : angles_deg) offsets.push_back({distance, angle});
    }
    return offsets;
}

std::vector<GlcmProperties> glcm_properties(const Image<std::uint8_t>& grey, std::span<const GlcmOffset> offsets) {
    std::vector<GlcmProperties> all;
    const auto highest = grey.pixels.empty() ? std::uint8_t{0} : *std::ranges::max_element(grey.pixels);
    PairCounts counts(std::size_t{highest} + 1);
    for (const auto& offset : offsets) {
        counts.count(grey, step_of(offset));
        all.push_back(counts.properties());
    }
    return all;
}

GreyLevels grey_levels(double gain_adu_per_photon, double offset_adu) {
    GreyLevels levels(65536);
    const auto gain = static_cast<float>(gain_adu_per_photon);
    const auto offset = static_cast<float>(offset_adu);
    for (std::size_t value = 0; value < levels.size(); ++value) {
        const float photons = (static_cast<float>(value) - offset) / gain;
        levels[value] = static_cast<std::uint8_t>(std::clamp(4.0F * std::sqrt(std::max(photons, 0.0F)), 0.0F, 255.0F));
    }
    return levels;
}

Image<std::uint8_t> grey_image(const Image<std::uint16_t>& image, const GreyLevels& levels) {
    Image<std::uint8_t> grey(image.width, image.height);
    std::ranges::transform(image.pixels, grey.pixels.begin(), [&](std::uint16_t value) { return levels[value]; });
    return grey;
}

}  // namespace braggbench
