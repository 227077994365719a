#include "classifiers/found_peak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// The first pixel of the tree that holds `pixel`, flattening the tree on the way.
std::uint32_t root_of(std::vector<std::uint32_t>& parent, std::uint32_t pixel) {
    while (parent[pixel] != pixel) {
        parent[pixel] = parent[parent[pixel]];
        pixel = parent[pixel];
    }
    return pixel;
}

void join(std::vector<std::uint32_t>& parent, std::uint32_t a, std::uint32_t b) {
    const auto root_a = root_of(parent, a);
    const auto root_b = root_of(parent, b);
    parent[std::max(root_a, root_b)] = std::min(root_a, root_b);
}

}  // namespace

PixelRegions connect(std::span<const std::uint32_t> strong, int width_px, Connectivity connectivity) {
    const auto width = static_cast<std::uint32_t>(width_px);
    const auto count = static_cast<std::uint32_t>(strong.size());
    std::vector<std::uint32_t> parent(count);
    std::iota(parent.begin(), parent.end(), 0U);
    std::uint32_t above = 0;  // the first pixel that may touch this one from the row above
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t pixel = strong[i];
        const std::uint32_t fast = pixel % width;
        if (i > 0 && fast > 0 && strong[i - 1] == pixel - 1) join(parent, i - 1, i);
        if (pixel < width) continue;
        const bool corners = connectivity == Connectivity::eight;
        const std::uint32_t from = pixel - width - (corners && fast > 0 ? 1U : 0U);
        const std::uint32_t to = pixel - width + (corners && fast + 1 < width ? 1U : 0U);
        while (strong[above] < from) ++above;
        for (std::uint32_t k = above; strong[k] <= to; ++k) join(parent, k, i);
    }
    std::vector<std::uint32_t> region(count);  // of a root
    std::vector<std::size_t> sizes;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto root = root_of(parent, i);
        if (root == i) {
            region[i] = static_cast<std::uint32_t>(sizes.size());
            sizes.push_back(0);
        }
        ++sizes[region[root]];
    }
    PixelRegions regions;
    regions.pixels.resize(count);
    for (const auto size : sizes) regions.first.push_back(regions.first.back() + size);
    std::vector<std::size_t> next(regions.first.begin(), regions.first.end() - 1);
    for (std::uint32_t i = 0; i < count; ++i) regions.pixels[next[region[root_of(parent, i)]]++] = strong[i];
    return regions;
}

void check_mask(const Image<float>& values, const Image<std::uint8_t>& valid) {
    if (valid.size() == 0 || (valid.width == values.width && valid.height == values.height)) return;
    throw UsageError(fmt::format(
        "a mask of {} x {} px for an image of {} x {} px (they belong together pixel by pixel). Give one of "
        "the image's size.",
        valid.width, valid.height, values.width, values.height));
}

}  // namespace braggbench
