// Co-occurrence features of a corpus' images, one row each: contrast of all offsets, then dissimilarity, and so on, the
// order of tools/glcm-forest. Photons by the corpus' gain and offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/classical/glcm.hpp"

namespace braggbench {

inline FeatureTable glcm_table(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                               std::span<const GlcmOffset> offsets, unsigned threads,
                               const ClassicalProgress& progress) {
    const auto& response = corpus.info().response;
    const auto levels = grey_levels(response.gain_adu_per_photon, response.offset_adu);
    constexpr std::size_t properties = 6;
    return feature_table(
        corpus, indices, static_cast<Eigen::Index>(properties * offsets.size()),
        [&](const Image<std::uint16_t>& image, std::span<float> row) {
            const auto of_offsets = glcm_properties(grey_image(image, levels), offsets);
            for (std::size_t o = 0; o < of_offsets.size(); ++o) {
                const auto values = of_offsets[o].values();
                for (std::size_t p = 0; p < properties; ++p) {
                    row[p * of_offsets.size() + o] = static_cast<float>(values[p]);
                }
            }
        },
        threads, progress);
}

}  // namespace braggbench
