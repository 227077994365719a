// Images with Gaussian spots at known places, and finding them again from the pixels alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "datasets/image_file.hpp"
#include "simulator/peak.hpp"

namespace braggbench::test {

struct Planted {
    DetectorImage image;
    std::vector<Peak> peaks;
};

// Spots of this sigma on a level of 10, at least 40 px from each other and 12 px from the edges.
inline Planted plant_peaks(int width_px, int height_px, double sigma_px, double height = 2000.0) {
    Planted planted;
    planted.image.name = "planted";
    planted.image.values = Image<float>(width_px, height_px, 10.0F);
    planted.image.valid = Image<std::uint8_t>(width_px, height_px, 1);
    std::mt19937 random(99);
    std::uniform_real_distribution<double> fast(12.0, width_px - 12.0);
    std::uniform_real_distribution<double> slow(12.0, height_px - 12.0);
    for (int attempt = 0; attempt < 2000; ++attempt) {
        const double f = fast(random);
        const double s = slow(random);
        const bool free = std::none_of(planted.peaks.begin(), planted.peaks.end(), [&](const Peak& other) {
            return std::hypot(static_cast<double>(other.fast_px) - f, static_cast<double>(other.slow_px) - s) < 40.0;
        });
        if (!free) continue;
        Peak peak;
        peak.fast_px = static_cast<float>(f);
        peak.slow_px = static_cast<float>(s);
        peak.photons = static_cast<float>(height * 6.2832 * sigma_px * sigma_px);
        peak.var_fast_px2 = peak.var_slow_px2 = static_cast<float>(sigma_px * sigma_px + 1.0 / 12.0);
        peak.background_photons = 10.0F;
        peak.snr = 100.0F;
        peak.visible = true;
        planted.peaks.push_back(peak);
        for (int y = 0; y < height_px; ++y) {
            for (int x = 0; x < width_px; ++x) {
                const double r2 = (x + 0.5 - f) * (x + 0.5 - f) + (y + 0.5 - s) * (y + 0.5 - s);
                if (r2 < 64.0 * sigma_px * sigma_px) {
                    planted.image.values(x, y) +=
                        static_cast<float>(height * std::exp(-0.5 * r2 / (sigma_px * sigma_px)));
                }
            }
        }
    }
    return planted;
}

struct Found {
    double fast_px;
    double slow_px;
};

// Brightest pixels of their 7 x 7 surroundings that stand well above the image's median; from each, the centroid under
// a Gaussian window that follows it, so that noise in which pixel is brightest does not matter.
inline std::vector<Found> find_peaks(const Image<float>& image) {
    std::vector<float> sorted = image.pixels;
    std::sort(sorted.begin(), sorted.end());
    const float median = sorted[sorted.size() / 2];
    const float threshold = median + 0.3F * (sorted.back() - median);
    const auto each_near = [&](int x, int y, int reach, const auto& visit) {
        for (int v = std::max(0, y - reach); v <= std::min(image.height - 1, y + reach); ++v) {
            for (int u = std::max(0, x - reach); u <= std::min(image.width - 1, x + reach); ++u) visit(u, v);
        }
    };
    std::vector<Found> found;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            if (image(x, y) < threshold) continue;
            bool highest = true;
            each_near(x, y, 3, [&](int u, int v) {
                // Of equal pixels the first counts.
                const bool before = v < y || (v == y && u < x);
                highest = highest && (before ? image(u, v) < image(x, y) : image(u, v) <= image(x, y));
            });
            if (!highest) continue;
            Found centre{x + 0.5, y + 0.5};
            for (int pass = 0; pass < 10; ++pass) {
                double sum = 0;
                double fast = 0;
                double slow = 0;
                each_near(x, y, 5, [&](int u, int v) {
                    const double df = u + 0.5 - centre.fast_px;
                    const double ds = v + 0.5 - centre.slow_px;
                    const double weight = static_cast<double>(std::max(0.0F, image(u, v) - median)) *
                                          std::exp(-0.5 * (df * df + ds * ds) / 4.0);
                    sum += weight;
                    fast += weight * (u + 0.5);
                    slow += weight * (v + 0.5);
                });
                // Under a window as wide as the spot the centroid moves half of the way.
                centre = {centre.fast_px + 1.5 * (fast / sum - centre.fast_px),
                          centre.slow_px + 1.5 * (slow / sum - centre.slow_px)};
            }
            found.push_back(centre);
        }
    }
    return found;
}

// How many of the peaks with only valid pixels within 4 px were looked for, how many were found, and the farthest along
// either axis.
struct Recovery {
    int expected = 0;
    int found = 0;
    double worst_px = 0.0;
};
inline Recovery recover(const Image<float>& image, const Image<std::uint8_t>& valid, const std::vector<Peak>& peaks) {
    const std::vector<Found> found = find_peaks(image);
    Recovery recovery;
    for (const Peak& peak : peaks) {
        const auto fast = static_cast<double>(peak.fast_px);
        const auto slow = static_cast<double>(peak.slow_px);
        if (fast < 4.0 || slow < 4.0 || fast >= image.width - 4.0 || slow >= image.height - 4.0) continue;
        bool whole = true;
        for (int corner = 0; corner < 81; ++corner) {
            whole =
                whole && valid(static_cast<int>(fast) + corner % 9 - 4, static_cast<int>(slow) + corner / 9 - 4) != 0;
        }
        if (!whole) continue;
        ++recovery.expected;
        double nearest = 3.0;
        for (const Found& candidate : found) {
            nearest =
                std::min(nearest, std::max(std::abs(candidate.fast_px - fast), std::abs(candidate.slow_px - slow)));
        }
        if (nearest < 3.0) {
            ++recovery.found;
            recovery.worst_px = std::max(recovery.worst_px, nearest);
        }
    }
    return recovery;
}

}  // namespace braggbench::test
