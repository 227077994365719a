#include "classifiers/image_summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "classifiers/parallel.hpp"
#include "classifiers/spot_finder.hpp"

namespace braggbench {
namespace {

constexpr std::uint8_t no_ring = 255;
static_assert(summary_rings < no_ring);

// The ring of every pixel. One geometry serves all images: a glance does not know each image's own beam centre.
std::vector<std::uint8_t> ring_of_pixels(const CorpusInfo& info) {
    const auto active = active_pixels(info.detector);
    const Panel& panel = info.detector.panels.front();
    const double fast = panel.image_fast_px - panel.origin_mm.dot(panel.fast_axis) / panel.pixel_size_mm;
    const double slow = panel.image_slow_px - panel.origin_mm.dot(panel.slow_axis) / panel.pixel_size_mm;
    const double farthest = std::hypot(std::max(std::abs(fast), std::abs(info.width_px - fast)),
                                       std::max(std::abs(slow), std::abs(info.height_px - slow)));
    std::vector<std::uint8_t> rings(static_cast<std::size_t>(info.width_px) * static_cast<std::size_t>(info.height_px));
    for (int y = 0; y < info.height_px; ++y) {
        for (int x = 0; x < info.width_px; ++x) {
            const double radius = std::hypot(x + 0.5 - fast, y + 0.5 - slow);
            const int ring = std::min(static_cast<int>(radius / farthest * summary_rings), summary_rings - 1);
            rings[active.index(x, y)] = active(x, y) != 0 ? static_cast<std::uint8_t>(ring) : no_ring;
        }
    }
    return rings;
}

}  // namespace

std::vector<ImageSummary> summarise_images(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                           unsigned threads) {
    const auto& response = corpus.info().response;
    const auto rings = ring_of_pixels(corpus.info());
    std::vector<ImageSummary> summaries(indices.size());
    for_each_index(
        static_cast<std::int64_t>(indices.size()),
        [&](std::int64_t i) {
            const auto k = static_cast<std::size_t>(i);
            const auto raw = corpus.shared_image(indices[k]);
            Image<float> photons(raw->width, raw->height);
            std::array<double, no_ring + 1> sums{};
            std::array<std::int64_t, no_ring + 1> counts{};
            for (std::size_t p = 0; p < raw->size(); ++p) {
                const double value = (raw->pixels[p] - response.offset_adu) / response.gain_adu_per_photon;
                photons.pixels[p] = static_cast<float>(value);
                sums[rings[p]] += value;
                ++counts[rings[p]];
            }
            auto& summary = summaries[k];
            for (std::size_t r = 0; r < summary_rings; ++r) {
                summary.total_photons += sums[r];
                summary.radial_photons.push_back(
                    counts[r] > 0 ? static_cast<float>(sums[r] / static_cast<double>(counts[r])) : 0.0F);
            }
            summary.spot_count = static_cast<double>(find_spots(photons, {}).size());
        },
        threads);
    return summaries;
}

}  // namespace braggbench
