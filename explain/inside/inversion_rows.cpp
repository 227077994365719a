#include "explain/inside/inversion_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "classifiers/metric.hpp"
#include "explain/explanation_rows.hpp"

namespace braggbench {
namespace {

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Values of each image, averaged over its starts.
struct RowSamples {
    std::vector<Sample> feature_error, noise_error, correlation, recall, true_recall;
    std::vector<std::vector<double>> nulls;  // of each image with a recall, per null
    std::int64_t images = 0;
    std::int64_t without_peaks = 0;
    std::set<std::string> faults;
};

void add(RowSamples& row, const InvertedStage& stage, double tv_weight) {
    std::vector<double> errors;
    std::vector<double> noise;
    std::vector<double> correlations;
    std::vector<double> recalls;
    std::vector<double> nulls;
    ++row.images;
    for (const ScoredInversion& scored : stage.inversions) {
        if (scored.inversion.tv_weight != tv_weight) continue;
        if (scored.inversion.status != InversionStatus::ok) {
            row.faults.insert(to_string(scored.inversion.status));
            continue;
        }
        errors.push_back(scored.inversion.feature_error);
        noise.push_back(scored.inversion.noise_error);
        correlations.push_back(scored.correlation);
        if (!scored.recall) continue;
        recalls.push_back(scored.recall->recall);
        nulls.resize(scored.recall->null_recalls.size());
        std::ranges::transform(nulls, scored.recall->null_recalls, nulls.begin(), std::plus<>());
    }
    if (errors.empty()) return;
    row.feature_error.push_back({stage.class_index, mean(errors)});
    row.noise_error.push_back({stage.class_index, mean(noise)});
    row.correlation.push_back({stage.class_index, mean(correlations)});
    if (recalls.empty()) {
        ++row.without_peaks;
        return;
    }
    for (double& null : nulls) null /= static_cast<double>(recalls.size());
    row.recall.push_back({stage.class_index, mean(recalls)});
    row.nulls.push_back(nulls);
    if (stage.true_recall) row.true_recall.push_back({stage.class_index, stage.true_recall->recall});
}

Metric metric_of(const std::vector<Sample>& samples, std::uint64_t seed, std::optional<double> chance = {}) {
    const Estimate estimated = estimate(samples, Statistic::mean, seed);
    return {estimated.value, estimated.ci95, chance};
}

struct NullRecall {
    double mean = 0.0;
    double p = 1.0;  // (1 + nulls of all images together that recall as much) / (1 + nulls)
};

std::optional<NullRecall> null_recall(const RowSamples& row) {
    if (row.nulls.empty()) return std::nullopt;
    std::size_t fewest = row.nulls.front().size();
    NullRecall result;
    for (const auto& of_image : row.nulls) {
        fewest = std::min(fewest, of_image.size());
        result.mean += mean(of_image) / static_cast<double>(row.nulls.size());
    }
    double observed = 0.0;
    for (const Sample& sample : row.recall) observed += sample.value;
    std::size_t as_high = 0;
    for (std::size_t j = 0; j < fewest; ++j) {
        double sum = 0.0;
        for (const auto& of_image : row.nulls) sum += of_image[j];
        as_high += sum >= observed ? 1U : 0U;
    }
    result.p = (1.0 + static_cast<double>(as_high)) / (1.0 + static_cast<double>(fewest));
    return result;
}

}  // namespace

nlohmann::json inversion_rows(const std::vector<InvertedStage>& stages, std::uint64_t seed) {
    using Key = std::tuple<std::string, std::string, double>;
    std::vector<Key> keys;
    for (const InvertedStage& stage : stages) {
        for (const ScoredInversion& scored : stage.inversions) {
            const Key key{stage.network, stage.stage, scored.inversion.tv_weight};
            if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
        }
    }
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& [network, name, tv_weight] : keys) {
        RowSamples row;
        for (const InvertedStage& stage : stages) {
            if (stage.network == network && stage.stage == name) add(row, stage, tv_weight);
        }
        const auto nulls = null_recall(row);
        const auto chance = nulls ? std::optional(nulls->mean) : std::nullopt;
        rows.push_back({{"network", network},
                        {"stage", name},
                        {"tv_weight", tv_weight},
                        {"images", row.images},
                        {"inverted_images", row.feature_error.size()},
                        {"images_without_peaks", row.without_peaks},
                        {"faults", row.faults},
                        {"feature_error", metric_of(row.feature_error, seed)},
                        {"noise_error", metric_of(row.noise_error, seed)},
                        {"correlation", metric_of(row.correlation, seed)},
                        {"spot_recall", metric_of(row.recall, seed, chance)},
                        {"spot_recall_p", nulls ? nlohmann::json(nulls->p) : nlohmann::json()},
                        {"true_spot_recall", metric_of(row.true_recall, seed)}});
    }
    return rows;
}

Picture inversion_picture(const Image<float>& photons, const std::string& caption,
                          const std::vector<const InvertedStage*>& stages) {
    constexpr int cell_px = 192;
    const int factor = std::max(1, cell_px / photons.width);
    std::vector<Tile> tiles = {{resize_nearest(grey_picture(photons), factor), caption}};
    std::size_t columns = 1;
    for (const InvertedStage* stage : stages) {
        std::vector<const ScoredInversion*> best;  // of each weight
        for (const ScoredInversion& scored : stage->inversions) {
            if (best.empty() || best.back()->inversion.tv_weight != scored.inversion.tv_weight) {
                best.push_back(&scored);
            } else if (scored.inversion.objective < best.back()->inversion.objective) {
                best.back() = &scored;
            }
        }
        columns = std::max(columns, best.size());
        // Whole rows: what is left of the one before stays white.
        while (tiles.size() % columns != 0) tiles.push_back({Picture(1, 1, Rgb{255, 255, 255}), ""});
        for (const ScoredInversion* scored : best) {
            const Inversion& inversion = scored->inversion;
            if (inversion.status != InversionStatus::ok) {
                tiles.push_back({Picture(photons.width * factor, photons.height * factor, Rgb{226, 226, 226}),
                                 stage->stage + " " + to_string(inversion.status)});
                continue;
            }
            tiles.push_back(
                {resize_nearest(grey_picture(inversion.photons), factor),
                 fmt::format("{} TV {:g}: {:.2g}", stage->stage, inversion.tv_weight, inversion.feature_error)});
        }
    }
    return contact_sheet(tiles, static_cast<int>(columns));
}

}  // namespace braggbench
