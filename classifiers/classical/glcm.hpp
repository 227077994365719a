// Texture of an image in six numbers per offset: properties of its grey-level co-occurrence matrix (Haralick et al.
// 1973, IEEE Trans. SMC-3, 610), symmetric and normed, by scikit-image's conventions (graycomatrix, graycoprops), with
// which they agree to 1e-9. Lengths in pixels. 8-bit levels are 4 sqrt(photons), cut to whole numbers, as in
// tools/glcm-forest, by which the difficulty of the recipe `diffranet` was set.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

// A pixel (fast, slow) is paired with (fast + round(d cos), slow + round(d sin)), halves rounded away from 0.
struct GlcmOffset {
    int distance_px = 1;
    double angle_deg = 0.0;
};
// Distances outside, angles inside: scikit-image's order.
std::vector<GlcmOffset> glcm_offsets(std::span<const int> distances_px, std::span<const double> angles_deg);

// With p(i, j) the share of pairs of levels i and j. Images too small for an offset have no pairs: 0, correlation 1.
struct GlcmProperties {
    double contrast = 0.0;               // sum p (i - j)^2
    double dissimilarity = 0.0;          // sum p |i - j|
    double homogeneity = 0.0;            // sum p / (1 + (i - j)^2)
    double energy = 0.0;                 // root of the next but one
    double correlation = 1.0;            // of i and j; 1 where there is one level only
    double angular_second_moment = 0.0;  // sum p^2
    [[nodiscard]] std::array<double, 6> values() const {
        return {contrast, dissimilarity, homogeneity, energy, correlation, angular_second_moment};
    }
};

// One per offset.
std::vector<GlcmProperties> glcm_properties(const Image<std::uint8_t>& grey, std::span<const GlcmOffset> offsets);

// The level of each of the 65 536 values a pixel can have; in single precision, as tools/glcm-forest computes it.
using GreyLevels = std::vector<std::uint8_t>;
GreyLevels grey_levels(double gain_adu_per_photon, double offset_adu);
Image<std::uint8_t> grey_image(const Image<std::uint16_t>& image, const GreyLevels& levels);

}  // namespace braggbench
