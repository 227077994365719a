// Which feature maps never do anything: maps of one stage counted over many images, with histograms of their units by
// groups of images. Definitions and reasons: docs/inside.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace braggbench {

class MapCensus {
public:
    // A stage of so many maps, each of so many units; an image may belong to several of `groups`. Magnitudes up to
    // `epsilon` are taken for 0.
    MapCensus(std::int64_t maps, std::int64_t units, std::vector<std::string> groups, double epsilon);

    // One image: (maps, units). Throws UsageError for another number of values.
    void add(std::span<const float> values, std::span<const std::size_t> of_groups);

    [[nodiscard]] std::int64_t images() const { return images_; }
    [[nodiscard]] std::vector<std::int64_t> dead() const;      // largest magnitude over images and units <= epsilon
    [[nodiscard]] std::vector<std::int64_t> constant() const;  // alive, one and the same value everywhere
    [[nodiscard]] std::vector<std::int64_t> blind() const;     // not constant, yet the same map for every image
    [[nodiscard]] std::vector<std::int64_t> non_finite() const;

    // docs/results.md, "inside"; intervals are keyed by the seed.
    [[nodiscard]] nlohmann::json json(std::uint64_t seed) const;

private:
    struct Map {
        double largest = 0.0;  // magnitude
        double sum = 0.0;
        double squares = 0.0;
        double difference = 0.0;  // largest, from the first image
        bool finite = true;
    };
    struct Group {
        std::string name;
        std::vector<double> empty_shares;  // of each image
        std::vector<std::uint64_t> histogram;
        std::uint64_t zeros = 0;
        std::uint64_t negative = 0;
    };
    enum class Kind { live, dead, constant, blind, non_finite };
    [[nodiscard]] Kind kind_of(const Map& map) const;
    [[nodiscard]] std::vector<std::int64_t> of_kind(Kind kind) const;

    std::int64_t units_;
    double epsilon_;
    std::vector<Map> maps_;
    std::vector<Group> groups_;
    std::vector<float> first_;  // the first image's values
    std::int64_t images_ = 0;
};

// Of one image: whether no unit of the map (maps, units) is above epsilon in magnitude.
std::vector<bool> empty_maps(std::span<const float> values, std::int64_t units, double epsilon);

// Lower edges of the histograms' bins, two to an octave, and the last one's upper edge.
std::vector<double> census_bin_edges();

}  // namespace braggbench
