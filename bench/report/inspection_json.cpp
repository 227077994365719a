#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/report/corpus_summary.hpp"
#include "bench/report/inspection.hpp"
#include "datasets/label_columns.hpp"

namespace braggbench {

using nlohmann::json;

namespace {

struct ImageNumber {
    const char* name;
    double ImageStatistics::*member;
};
constexpr std::array<ImageNumber, 13> image_numbers = {{{"total_adu", &ImageStatistics::total_adu},
                                                        {"mean_adu", &ImageStatistics::mean_adu},
                                                        {"median_adu", &ImageStatistics::median_adu},
                                                        {"sigma_adu", &ImageStatistics::sigma_adu},
                                                        {"max_adu", &ImageStatistics::max_adu},
                                                        {"p01_adu", &ImageStatistics::p01_adu},
                                                        {"p99_adu", &ImageStatistics::p99_adu},
                                                        {"corners_adu", &ImageStatistics::corners_adu},
                                                        {"edges_adu", &ImageStatistics::edges_adu},
                                                        {"saturated_px", &ImageStatistics::saturated_px},
                                                        {"stored_bytes", &ImageStatistics::stored_bytes},
                                                        {"visible_peaks", &ImageStatistics::visible_peaks},
                                                        {"median_snr", &ImageStatistics::median_snr}}};

// Nearest rank, of the finite ones.
json quantiles(std::vector<double> values) {
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    if (values.empty()) return nullptr;
    std::sort(values.begin(), values.end());
    const auto quantile = [&](double p) {
        const double rank = std::ceil(p * static_cast<double>(values.size())) - 1.0;
        return values[static_cast<std::size_t>(std::max(rank, 0.0))];
    };
    return {{"p05", quantile(0.05)}, {"median", quantile(0.5)}, {"p95", quantile(0.95)}};
}

json number_or_null(const std::optional<double>& value) { return value ? json(*value) : json(); }

json correlations_json(const std::vector<LabelColumn>& columns) {
    json names = json::array();
    json matrix = json::array();
    for (const LabelColumn& column : columns) names.push_back(column.name);
    for (const auto& row : correlation_matrix(columns)) {
        json cells = json::array();
        for (const auto& cell : row) cells.push_back(number_or_null(cell));
        matrix.push_back(std::move(cells));
    }
    return {{"names", std::move(names)}, {"matrix", std::move(matrix)}};
}

// Share of the pixels per ADU, so that bins of different width compare.
json density(const PixelSums& sums, const std::vector<int>& edges) {
    double pixels = 0.0;
    for (const std::uint64_t count : sums.histogram) pixels += static_cast<double>(count);
    json shares = json::array();
    for (std::size_t b = 0; b < sums.histogram.size(); ++b) {
        const double width = edges[b + 1] - edges[b];
        shares.push_back(pixels > 0.0 ? json(static_cast<double>(sums.histogram[b]) / pixels / width) : json());
    }
    return shares;
}

json profile(const PixelSums& sums, const DetectorResponse& response) {
    json photons = json::array();
    for (std::size_t b = 0; b < sums.radial_pixels.size(); ++b) {
        if (sums.radial_pixels[b] == 0) {
            photons.push_back(nullptr);
            continue;
        }
        const double mean_adu = static_cast<double>(sums.radial_adu[b]) / static_cast<double>(sums.radial_pixels[b]);
        photons.push_back((mean_adu - response.offset_adu) / response.gain_adu_per_photon);
    }
    return photons;
}

// Classes, and both sides of every attribute: {"of", "name", "side"?, "images", KEY: values}.
template <class Values>
json by_group(const CorpusStatistics& statistics, const char* key, const Values& values) {
    json groups = json::array();
    const auto add = [&](const PixelSums& sums, const char* of, json side) {
        groups.push_back(
            {{"of", of}, {"name", sums.name}, {"side", std::move(side)}, {"images", sums.images}, {key, values(sums)}});
    };
    for (const PixelSums& sums : statistics.classes) add(sums, "class", nullptr);
    for (std::size_t a = 0; a < statistics.with_attribute.size(); ++a) {
        add(statistics.with_attribute[a], "attribute", true);
        add(statistics.without_attribute[a], "attribute", false);
    }
    return groups;
}

}  // namespace

json label_counts_json(const CorpusReader& corpus) {
    json labels = json::array();
    for (const LabelColumn& column : label_columns(corpus)) {
        std::array<std::int64_t, 3> defined = {0, 0, 0};
        std::array<std::int64_t, 3> positive = {0, 0, 0};
        std::array<std::int64_t, 3> grades = {0, 0, 0};
        std::vector<double> known;
        for (std::size_t i = 0; i < column.values.size(); ++i) {
            const double value = column.values[i];
            if (!std::isfinite(value)) continue;
            const auto split = static_cast<std::size_t>(corpus.splits()[i]);
            ++defined[split];
            known.push_back(value);
            if (column.kind == LabelKind::grade) {
                ++grades[static_cast<std::size_t>(value)];
                if (value == static_cast<double>(Grade::hit)) ++positive[split];
            } else if (column.kind != LabelKind::value && value == 1.0) {
                ++positive[split];
            }
        }
        json label = {{"name", column.name}, {"kind", name_of(column.kind)}, {"units", column.units},
                      {"defined", defined},  {"positive", nullptr},          {"prevalence", nullptr}};
        const auto count = static_cast<double>(known.size());
        if (column.kind == LabelKind::value) {
            label["quantiles"] = quantiles(known);
        } else {
            label["positive"] = positive;
            if (count > 0.0) {
                label["prevalence"] = static_cast<double>(positive[0] + positive[1] + positive[2]) / count;
            }
        }
        if (column.kind == LabelKind::grade) label["grades"] = grades;
        labels.push_back(std::move(label));
    }
    return labels;
}

json inspection_json(const CorpusReader& corpus, const CorpusStatistics& statistics) {
    const CorpusInfo& info = corpus.info();
    json result = corpus_summary(corpus);
    result["command"] = "inspect";
    result["labels"] = label_counts_json(corpus);
    result["correlations"] = correlations_json(label_columns(corpus));

    json numbers = json::array();
    for (std::size_t c = 0; c < info.class_names.size(); ++c) {
        json row = {{"class", info.class_names[c]}};
        for (const ImageNumber& number : image_numbers) {
            std::vector<double> values;
            for (std::size_t i = 0; i < statistics.images.size(); ++i) {
                if (corpus.class_indices()[i] == static_cast<std::int32_t>(c)) {
                    values.push_back(statistics.images[i].*(number.member));
                }
            }
            row[number.name] = quantiles(std::move(values));
        }
        numbers.push_back(std::move(row));
    }
    result["image_numbers"] = std::move(numbers);
    result["histograms"] = {{"edges_adu", statistics.bin_edges_adu},
                            {"groups", by_group(statistics, "share_per_adu", [&](const PixelSums& sums) {
                                 return density(sums, statistics.bin_edges_adu);
                             })}};
    json places = json::array();
    for (int b = 0; b < radial_bins; ++b) places.push_back((b + 0.5) * statistics.s_max_invA / radial_bins);
    result["radial_profiles"] = {{"s_invA", std::move(places)},
                                 {"groups", by_group(statistics, "photons_per_px", [&](const PixelSums& sums) {
                                      return profile(sums, info.response);
                                  })}};
    result["peaks"] = {
        {"snr_edges", statistics.snr_edges},
        {"groups", by_group(statistics, "peaks", [](const PixelSums& sums) { return json(sums.peaks_by_snr); })}};
    return result;
}

std::vector<ExampleImage> example_images(const CorpusReader& corpus, int per_class, std::uint64_t seed) {
    const CorpusInfo& info = corpus.info();
    std::vector<ExampleImage> examples;
    for (const auto& images : sample_by_class(corpus, per_class, seed)) {
        for (const std::int64_t index : images) {
            const auto at = static_cast<std::size_t>(index);
            const ImageLabels& labels = corpus.labels()[at];
            const Tile tile = corpus_tile(corpus, index);
            ExampleImage example;
            example.class_name = info.class_names[static_cast<std::size_t>(corpus.class_indices()[at])];
            example.caption = tile.caption;
            if (info.labels.graded) {
                constexpr std::array<const char*, 3> grades = {"miss", "maybe", "hit"};
                example.caption += fmt::format(" \u00b7 {}", grades[static_cast<std::size_t>(labels.grade)]);
            }
            for (std::size_t a = 0; a < labels.attributes.size(); ++a) {
                if (labels.attributes[a] == 1) example.caption += fmt::format(" \u00b7 {}", info.labels.attributes[a]);
            }
            for (std::size_t v = 0; v < labels.values.size(); ++v) {
                if (!std::isfinite(labels.values[v])) continue;
                example.caption += fmt::format(" \u00b7 {} {:.3g}", info.labels.values[v], labels.values[v]);
            }
            example.png = encode_png(tile.picture);
            examples.push_back(std::move(example));
        }
    }
    return examples;
}

}  // namespace braggbench
