#include "classifiers/spot_finder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr int box = 1;   // half-width of the 3 x 3 box
constexpr int ring = 3;  // of the 7 x 7 box around it
constexpr int min_ring_pixels = 15;
// A spot's profile along either axis, about 2 px wide at half height; profile_norm is the sum of its squared products.
constexpr std::array profile = {0.25, 0.5, 0.25};
constexpr double profile_norm = (0.0625 + 0.25 + 0.0625) * (0.0625 + 0.25 + 0.0625);

// Ties go to the first pixel in reading order.
bool is_local_maximum(const Image<float>& photons, const Image<std::uint8_t>& valid, int fast, int slow) {
    const float centre = photons(fast, slow);
    for (int y = slow - box; y <= slow + box; ++y) {
        for (int x = fast - box; x <= fast + box; ++x) {
            if (valid.size() != 0 && valid(x, y) == 0) return false;
            const bool earlier = y < slow || (y == slow && x < fast);
            const float value = photons(x, y);
            if (value > centre || (earlier && value == centre)) return false;
        }
    }
    return true;
}

std::optional<Spot> measure(const Image<float>& photons, const Image<std::uint8_t>& valid, int fast, int slow) {
    double sum = 0.0;
    double sum_squared = 0.0;
    int count = 0;
    for (int y = std::max(0, slow - ring); y <= std::min(photons.height - 1, slow + ring); ++y) {
        for (int x = std::max(0, fast - ring); x <= std::min(photons.width - 1, fast + ring); ++x) {
            if (std::abs(x - fast) <= box && std::abs(y - slow) <= box) continue;
            if (valid.size() != 0 && valid(x, y) == 0) continue;
            const double value = photons(x, y);
            sum += value;
            sum_squared += value * value;
            ++count;
        }
    }
    if (count < min_ring_pixels) return std::nullopt;
    const double mean = sum / count;
    const double variance = std::max({(sum_squared - sum * mean) / (count - 1), mean, 1.0});
    if (photons(fast, slow) < mean + 3.0 * std::sqrt(variance)) return std::nullopt;

    Spot spot;
    double weight = 0.0;
    double matched = 0.0;
    for (std::size_t i = 0; i < profile.size(); ++i) {
        for (std::size_t j = 0; j < profile.size(); ++j) {
            const int y = slow - box + static_cast<int>(i);
            const int x = fast - box + static_cast<int>(j);
            const double excess = photons(x, y) - mean;
            spot.photons += excess;
            matched += profile[i] * profile[j] * excess;
            const double positive = std::max(0.0, excess);
            weight += positive;
            spot.fast_px += positive * (x + 0.5);
            spot.slow_px += positive * (y + 0.5);
        }
    }
    spot.fast_px /= weight;
    spot.slow_px /= weight;
    spot.snr = matched / std::sqrt(variance * (profile_norm + 1.0 / count));
    return spot;
}

}  // namespace

std::vector<Spot> find_spots(const Image<float>& photons, const Image<std::uint8_t>& valid,
                             const SpotFinderOptions& options) {
    if (valid.size() != 0 && (valid.width != photons.width || valid.height != photons.height)) {
        throw UsageError("a mask of another size than its image (they belong together pixel by pixel). Give one of " +
                         std::to_string(photons.width) + " x " + std::to_string(photons.height) + " px.");
    }
    std::vector<Spot> spots;
    for (int slow = box; slow < photons.height - box; ++slow) {
        for (int fast = box; fast < photons.width - box; ++fast) {
            if (!is_local_maximum(photons, valid, fast, slow)) continue;
            const auto spot = measure(photons, valid, fast, slow);
            if (spot && spot->snr >= options.min_snr) spots.push_back(*spot);
        }
    }
    return spots;
}

}  // namespace braggbench
