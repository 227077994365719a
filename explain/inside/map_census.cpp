#include "explain/inside/map_census.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "classifiers/metric.hpp"
#include "explain/explanation_rows.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Bins by a float's exponent and the first bit of its mantissa: [2^k, 1.5 x 2^k) and [1.5 x 2^k, 2^(k + 1)).
constexpr int lowest_exponent = -20;
constexpr int highest_exponent = 16;
constexpr std::uint32_t first_bin = std::uint32_t{127 + lowest_exponent} << 1;
constexpr std::uint32_t bin_count = std::uint32_t{highest_exponent - lowest_exponent} << 1;

std::size_t bin_of(float magnitude) {
    const std::uint32_t place = std::bit_cast<std::uint32_t>(magnitude) >> 22;
    return place < first_bin ? 0 : std::min(place - first_bin, bin_count - 1);
}

Metric mean_share(const std::vector<double>& shares, std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const double share : shares) samples.push_back({0, share});
    const Estimate mean = estimate(samples, Statistic::mean, seed);
    return {mean.value, mean.ci95, std::nullopt};
}

}  // namespace

std::vector<double> census_bin_edges() {
    std::vector<double> edges;
    for (int k = lowest_exponent; k < highest_exponent; ++k) {
        edges.push_back(std::ldexp(1.0, k));
        edges.push_back(std::ldexp(1.5, k));
    }
    edges.push_back(std::ldexp(1.0, highest_exponent));
    return edges;
}

std::vector<bool> empty_maps(std::span<const float> values, std::int64_t units, double epsilon) {
    std::vector<bool> empty;
    const auto size = static_cast<std::size_t>(units);
    for (std::size_t begin = 0; begin < values.size(); begin += size) {
        // What is not a number is not empty either.
        empty.push_back(std::ranges::all_of(values.subspan(begin, size), [epsilon](float value) {
            return std::abs(static_cast<double>(value)) <= epsilon;
        }));
    }
    return empty;
}

MapCensus::MapCensus(std::int64_t maps, std::int64_t units, std::vector<std::string> groups, double epsilon)
    : units_(units), epsilon_(epsilon), maps_(static_cast<std::size_t>(maps)) {
    if (maps < 1 || units < 1 || !(epsilon >= 0.0)) {
        throw UsageError(
            fmt::format("{} maps of {} units with epsilon = {} cannot be counted (at least one of each, "
                        "and nothing below 0). Give such numbers.",
                        maps, units, epsilon));
    }
    for (std::string& name : groups) groups_.push_back({std::move(name), {}, std::vector<std::uint64_t>(bin_count)});
}

void MapCensus::add(std::span<const float> values, std::span<const std::size_t> of_groups) {
    const auto units = static_cast<std::size_t>(units_);
    if (values.size() != maps_.size() * units) {
        throw UsageError(fmt::format("{} values for {} maps of {} units (one image at a time). Give all of them.",
                                     values.size(), maps_.size(), units_));
    }
    if (first_.empty()) first_.assign(values.begin(), values.end());
    std::vector<std::uint64_t> histogram(bin_count);
    std::uint64_t zeros = 0;
    std::uint64_t negative = 0;
    std::int64_t empty = 0;
    for (std::size_t m = 0; m < maps_.size(); ++m) {
        Map& map = maps_[m];
        const auto here = values.subspan(m * units, units);
        float largest = 0.0F;
        float difference = 0.0F;
        double sum = 0.0;
        double squares = 0.0;
        for (std::size_t i = 0; i < units; ++i) {
            const float value = here[i];
            const float magnitude = std::abs(value);
            largest = std::max(largest, magnitude);
            difference = std::max(difference, std::abs(value - first_[m * units + i]));
            sum += value;
            squares += static_cast<double>(value) * value;
            if (magnitude <= epsilon_) {
                ++zeros;
            } else {
                ++histogram[bin_of(magnitude)];
                negative += value < 0.0F ? 1 : 0;
            }
        }
        map.finite = map.finite && std::isfinite(squares) && std::isfinite(sum);
        map.largest = std::max(map.largest, static_cast<double>(largest));
        map.difference = std::max(map.difference, static_cast<double>(difference));
        map.sum += sum;
        map.squares += squares;
        empty += std::isfinite(sum) && largest <= epsilon_ ? 1 : 0;
    }
    for (const std::size_t g : of_groups) {
        Group& group = groups_.at(g);
        group.empty_shares.push_back(static_cast<double>(empty) / static_cast<double>(maps_.size()));
        std::ranges::transform(group.histogram, histogram, group.histogram.begin(), std::plus<>());
        group.zeros += zeros;
        group.negative += negative;
    }
    ++images_;
}

MapCensus::Kind MapCensus::kind_of(const Map& map) const {
    if (!map.finite) return Kind::non_finite;
    if (map.largest <= epsilon_) return Kind::dead;
    const double n = static_cast<double>(units_) * static_cast<double>(std::max<std::int64_t>(images_, 1));
    const double mean = map.sum / n;
    // Single precision rounds a map that is the same everywhere in its seventh digit.
    const double tolerance = epsilon_ * std::max(1.0, std::abs(mean));
    if (map.squares / n - mean * mean <= tolerance * tolerance) return Kind::constant;
    return images_ > 1 && map.difference <= epsilon_ * std::max(1.0, map.largest) ? Kind::blind : Kind::live;
}

std::vector<std::int64_t> MapCensus::of_kind(Kind kind) const {
    std::vector<std::int64_t> maps;
    for (std::size_t m = 0; m < maps_.size(); ++m) {
        if (kind_of(maps_[m]) == kind) maps.push_back(static_cast<std::int64_t>(m));
    }
    return maps;
}

std::vector<std::int64_t> MapCensus::dead() const { return of_kind(Kind::dead); }
std::vector<std::int64_t> MapCensus::constant() const { return of_kind(Kind::constant); }
std::vector<std::int64_t> MapCensus::blind() const { return of_kind(Kind::blind); }
std::vector<std::int64_t> MapCensus::non_finite() const { return of_kind(Kind::non_finite); }

nlohmann::json MapCensus::json(std::uint64_t seed) const {
    double squares = 0.0;
    double largest = 0.0;
    for (const Map& map : maps_) {
        squares += map.squares;
        largest = std::max(largest, map.largest);
    }
    const double n = static_cast<double>(units_) * static_cast<double>(maps_.size()) *
                     static_cast<double>(std::max<std::int64_t>(images_, 1));
    nlohmann::json groups = nlohmann::json::array();
    for (const Group& group : groups_) {
        if (group.empty_shares.empty()) continue;
        const double units = static_cast<double>(group.empty_shares.size()) * static_cast<double>(units_) *
                             static_cast<double>(maps_.size());
        nlohmann::json shares = nlohmann::json::array();
        for (const std::uint64_t count : group.histogram) shares.push_back(static_cast<double>(count) / units);
        groups.push_back({{"name", group.name},
                          {"images", group.empty_shares.size()},
                          {"empty_maps", mean_share(group.empty_shares, seed)},
                          {"zero_units", static_cast<double>(group.zeros) / units},
                          {"negative_units", static_cast<double>(group.negative) / units},
                          {"shares", shares}});
    }
    const auto finite = [](double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); };
    return {{"maps", maps_.size()},
            {"images", images_},
            {"dead", dead()},
            {"constant", constant()},
            {"blind", blind()},
            {"non_finite", non_finite()},
            // A map that did nothing in any image may still do something in so many of others.
            {"dead_at_most", wilson_ci95(0, images_)[1]},
            {"rms", finite(std::sqrt(squares / n))},
            {"largest", finite(largest)},
            {"groups", groups}};
}

}  // namespace braggbench
