#include "classifiers/score_peaks.hpp"

#include <algorithm>
#include <cmath>
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

namespace {

void require_radius(Faults& faults, double radius_px) {
    faults.require(radius_px > 0.0, "radius_px", radius_px, "peaks never coincide exactly", "Give a positive number.");
}

}  // namespace

std::vector<PeakPair> pair_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth,
                                 double radius_px) {
    Faults faults;
    require_radius(faults, radius_px);
    faults.report();

    struct Candidate {
        double distance_squared;
        PeakPair pair;
    };
    std::vector<std::size_t> by_slow(truth.size());
    std::iota(by_slow.begin(), by_slow.end(), std::size_t{0});
    std::stable_sort(by_slow.begin(), by_slow.end(),
                     [&](std::size_t a, std::size_t b) { return truth[a].slow_px < truth[b].slow_px; });
    std::vector<Candidate> candidates;
    for (std::size_t f = 0; f < found.size(); ++f) {
        auto near = std::partition_point(by_slow.begin(), by_slow.end(), [&](std::size_t t) {
            return truth[t].slow_px < found[f].slow_px - radius_px;
        });
        for (; near != by_slow.end() && truth[*near].slow_px <= found[f].slow_px + radius_px; ++near) {
            const double fast = truth[*near].fast_px - found[f].fast_px;
            const double slow = truth[*near].slow_px - found[f].slow_px;
            const double distance_squared = fast * fast + slow * slow;
            if (distance_squared <= radius_px * radius_px) candidates.push_back({distance_squared, {f, *near}});
        }
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.distance_squared < b.distance_squared; });

    std::vector<PeakPair> pairs;
    std::vector<char> found_taken(found.size(), 0);
    std::vector<char> truth_taken(truth.size(), 0);
    for (const auto& [distance_squared, pair] : candidates) {
        if (found_taken[pair.found] != 0 || truth_taken[pair.truth] != 0) continue;
        found_taken[pair.found] = truth_taken[pair.truth] = 1;
        pairs.push_back(pair);
    }
    return pairs;
}

PeakMatches match_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth, double radius_px,
                        std::int64_t valid_pixels) {
    Faults faults;
    require_radius(faults, radius_px);
    faults.require(valid_pixels >= 1, "valid_pixels", static_cast<double>(valid_pixels),
                   "peaks lie on the usable pixels of an image", "Give their number.");
    faults.report();

    PeakMatches matches{static_cast<std::int64_t>(found.size()), static_cast<std::int64_t>(truth.size()), 0, 0.0};
    matches.matched = static_cast<std::int64_t>(pair_peaks(found, truth, radius_px).size());
    const double share = std::min(1.0, std::numbers::pi * radius_px * radius_px / static_cast<double>(valid_pixels));
    const double missed = std::pow(1.0 - share, static_cast<double>(found.size()));
    matches.expected_by_chance =
        std::min(static_cast<double>(truth.size()) * (1.0 - missed), static_cast<double>(found.size()));
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
