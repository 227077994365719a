#include "explain/deletion_curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "explain/random_stages.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::vector<std::size_t> order_of(const Image<float>& map, const Mask& valid, std::uint64_t seed) {
    RandomStream random(seed, 0, stage_random_order);
    struct Place {
        float value;
        std::uint32_t lot;
        std::size_t pixel;
    };
    std::vector<Place> places;
    for (std::size_t pixel = 0; pixel < map.size(); ++pixel) {
        if (valid.pixels[pixel] != 0) places.push_back({map.pixels[pixel], random.bits(), pixel});
    }
    std::ranges::sort(places, [](const Place& a, const Place& b) {
        return a.value != b.value ? a.value > b.value : a.lot != b.lot ? a.lot < b.lot : a.pixel < b.pixel;
    });
    std::vector<std::size_t> order;
    for (const Place& place : places) order.push_back(place.pixel);
    return order;
}

// By trapezoids, per unit of the axis.
double mean_over_log_share(const std::vector<double>& scores) {
    double area = 0.0;
    for (std::size_t i = 1; i < scores.size(); ++i) {
        area += 0.5 * (scores[i] + scores[i - 1]) * std::log(curve_shares[i] / curve_shares[i - 1]);
    }
    return area / std::log(curve_shares.back() / curve_shares.front());
}

}  // namespace

CurveAreas deletion_and_insertion(const Image<float>& map, const Image<float>& photons, const Image<float>& substrate,
                                  const Mask& valid, const ScoreFunction& score, std::uint64_t seed) {
    for (const Image<float>* other : {&photons, &substrate}) {
        if (other->width != map.width || other->height != map.height || valid.size() != map.size()) {
            throw UsageError(
                fmt::format("a map of {} x {} px for an image of {} x {} (pixels are removed in the map's "
                            "order). Bring the map to the image's size.",
                            map.width, map.height, other->width, other->height));
        }
    }
    const std::vector<std::size_t> order = order_of(map, valid, seed);
    std::vector<Image<float>> deleted;
    std::vector<Image<float>> inserted;
    Image<float> less = photons;
    Image<float> more = substrate;
    std::size_t done = 0;
    for (const double share : curve_shares) {
        const auto until = static_cast<std::size_t>(std::lround(share * static_cast<double>(order.size())));
        for (; done < until; ++done) {
            less.pixels[order[done]] = substrate.pixels[order[done]];
            more.pixels[order[done]] = photons.pixels[order[done]];
        }
        deleted.push_back(less);
        inserted.push_back(more);
    }
    return {mean_over_log_share(score(deleted)), mean_over_log_share(score(inserted))};
}

}  // namespace braggbench
