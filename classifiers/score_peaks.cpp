#include "classifiers/score_peaks.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <numeric>
#include <vector>

#include "classifiers/metric_confusion.hpp"
#include "simulator/faults.hpp"

namespace braggbench {

PeakMatches& PeakMatches::operator+=(const PeakMatches& other) {
    found += other.found;
    truth += other.truth;
    matched += other.matched;
    expected_by_chance += other.expected_by_chance;
    return *this;
}

std::vector<PeakPair> pair_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth,
                                 double radius_px) {
    Faults faults;
    faults.require(radius_px > 0.0, "radius_px", radius_px, "peaks never coincide exactly", "Give a positive number.");
    faults.report();

    std::vector<std::size_t> by_slow(truth.size());
    std::iota(by_slow.begin(), by_slow.end(), std::size_t{0});
    std::stable_sort(by_slow.begin(), by_slow.end(),
                     [&](std::size_t a, std::size_t b) { return truth[a].slow_px < truth[b].slow_px; });
    std::vector<PeakPair> near;
    for (std::size_t f = 0; f < found.size(); ++f) {
        auto candidate = std::partition_point(by_slow.begin(), by_slow.end(), [&](std::size_t t) {
            return truth[t].slow_px < found[f].slow_px - radius_px;
        });
        for (; candidate != by_slow.end() && truth[*candidate].slow_px <= found[f].slow_px + radius_px; ++candidate) {
            const double distance_px =
                std::hypot(truth[*candidate].fast_px - found[f].fast_px, truth[*candidate].slow_px - found[f].slow_px);
            if (distance_px <= radius_px) near.push_back({f, *candidate, distance_px});
        }
    }
    std::stable_sort(near.begin(), near.end(),
                     [](const PeakPair& a, const PeakPair& b) { return a.distance_px < b.distance_px; });

    std::vector<PeakPair> pairs;
    std::vector<char> found_taken(found.size(), 0);
    std::vector<char> truth_taken(truth.size(), 0);
    for (const auto& pair : near) {
        if (found_taken[pair.found] != 0 || truth_taken[pair.truth] != 0) continue;
        found_taken[pair.found] = truth_taken[pair.truth] = 1;
        pairs.push_back(pair);
    }
    return pairs;
}

double chance_of_a_match(std::int64_t strewn, double radius_px, std::int64_t valid_pixels) {
    Faults faults;
    faults.require(valid_pixels >= 1, "valid_pixels", static_cast<double>(valid_pixels),
                   "peaks lie on the usable pixels of an image", "Give their number.");
    faults.report();
    const double share = std::min(1.0, std::numbers::pi * radius_px * radius_px / static_cast<double>(valid_pixels));
    return 1.0 - std::pow(1.0 - share, static_cast<double>(strewn));
}

PeakMatches match_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth, double radius_px,
                        std::int64_t valid_pixels) {
    PeakMatches matches{std::ssize(found), std::ssize(truth), std::ssize(pair_peaks(found, truth, radius_px)), 0.0};
    matches.expected_by_chance =
        std::min(static_cast<double>(matches.truth) * chance_of_a_match(matches.found, radius_px, valid_pixels),
                 static_cast<double>(matches.found));
    return matches;
}

PeakScores peak_scores(const PeakMatches& matches) {
    const auto chance = [&](std::int64_t of) -> std::optional<double> {
        if (of == 0) return std::nullopt;
        return matches.expected_by_chance / static_cast<double>(of);
    };
    auto f1 = f1_score(matches.matched, matches.found, matches.truth);
    if (const auto half = chance(matches.found + matches.truth)) f1.chance = 2.0 * *half;
    return {proportion(matches.matched, matches.found, chance(matches.found)),
            proportion(matches.matched, matches.truth, chance(matches.truth)), f1, matches};
}

PeakScores score_peaks(std::span<const FoundPeak> found, std::span<const Peak> truth, double radius_px,
                       std::int64_t valid_pixels) {
    std::vector<PixelPosition> found_px;
    std::vector<PixelPosition> truth_px;
    for (const auto& peak : found) found_px.push_back({peak.fast_px, peak.slow_px});
    for (const auto& peak : truth) {
        if (peak.visible) truth_px.push_back({static_cast<double>(peak.fast_px), static_cast<double>(peak.slow_px)});
    }
    return peak_scores(match_peaks(found_px, truth_px, radius_px, valid_pixels));
}

}  // namespace braggbench
