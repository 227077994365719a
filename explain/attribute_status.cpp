#include "explain/attribute_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/parallel.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

LabelStatus status_of(float truth, bool said) {
    if (std::isnan(truth)) return LabelStatus::unknown;
    if (truth != 0.0F) return said ? LabelStatus::true_positive : LabelStatus::false_negative;
    return said ? LabelStatus::false_positive : LabelStatus::true_negative;
}

ErrorDistance distance(std::span<const float> truth, std::span<const float> predicted) {
    double truth_squared = 0.0;
    double predicted_squared = 0.0;
    double product = 0.0;
    double squared = 0.0;
    bool known = false;
    for (std::size_t l = 0; l < truth.size(); ++l) {
        if (std::isnan(truth[l])) continue;
        known = true;
        const double t = truth[l];
        const double p = predicted[l];
        truth_squared += t * t;
        predicted_squared += p * p;
        product += t * p;
        squared += (t - p) * (t - p);
    }
    ErrorDistance result;
    if (known) result.euclidean = std::sqrt(squared);
    if (truth_squared > 0.0 && predicted_squared > 0.0) {
        result.cosine = 1.0 - product / std::sqrt(truth_squared * predicted_squared);
    }
    return result;
}

// One image's part of the rows, and what it says of it.
struct ImageRow {
    std::vector<LabelStatus> status;
    std::vector<float> truth;
    std::vector<float> predicted;
};

ImageRow image_row(std::span<const Head> heads, std::span<const float> scores, std::span<const float> truth) {
    ImageRow row;
    for (const auto& head : heads) {
        const auto own = scores.first(head.outputs.size());
        const auto target = truth.first(head.target_count());
        scores = scores.subspan(own.size());
        truth = truth.subspan(target.size());
        if (head.kind == HeadKind::regression) continue;
        const auto most_probable = std::ranges::max_element(own) - own.begin();
        for (std::size_t k = 0; k < own.size(); ++k) {
            const bool exclusive = head.kind == HeadKind::one_of_n;
            const float true_value = !exclusive              ? target[k]
                                     : std::isnan(target[0]) ? unknown_target
                                                             : static_cast<float>(target[0] == static_cast<float>(k));
            const bool said = exclusive ? most_probable == static_cast<std::ptrdiff_t>(k) : own[k] > 0.5F;
            row.status.push_back(status_of(true_value, said));
            row.truth.push_back(true_value);
            row.predicted.push_back(own[k]);
        }
    }
    return row;
}

using Member = std::optional<double> ErrorDistance::*;

double sum_of_known(std::span<const ErrorDistance> distances, Member member, double& count) {
    double sum = 0.0;
    for (const auto& each : distances) {
        if (!(each.*member)) continue;
        sum += *(each.*member);
        count += 1.0;
    }
    return sum;
}

}  // namespace

std::string to_string(LabelStatus status) {
    switch (status) {
        case LabelStatus::true_positive:
            return "TP";
        case LabelStatus::false_positive:
            return "FP";
        case LabelStatus::true_negative:
            return "TN";
        case LabelStatus::false_negative:
            return "FN";
        case LabelStatus::unknown:
            return "";
    }
    return "";
}

std::optional<bool> is_true(LabelStatus status) {
    if (status == LabelStatus::unknown) return std::nullopt;
    return status == LabelStatus::true_positive || status == LabelStatus::false_negative;
}

AttributeStatus attribute_status(const Predictions& predictions, std::span<const std::vector<float>> truth) {
    if (truth.size() != predictions.scores.size()) {
        throw UsageError(fmt::format("{} predictions for the truth of {} images (each has one). Give the same images.",
                                     predictions.scores.size(), truth.size()));
    }
    AttributeStatus result;
    for (const auto& head : predictions.heads) {
        if (head.kind == HeadKind::regression) continue;
        for (const auto& name : head.outputs) result.labels.push_back({head.name, name});
    }
    if (result.labels.empty()) {
        throw UsageError(
            fmt::format("model {}: it answers values alone (they are not true or false). Give a model "
                        "with a head of classes, hits or attributes.",
                        predictions.model));
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
        auto row = image_row(predictions.heads, predictions.scores[i], truth[i]);
        result.distances.push_back(distance(row.truth, row.predicted));
        result.status.push_back(std::move(row.status));
        result.truth.push_back(std::move(row.truth));
        result.predicted.push_back(std::move(row.predicted));
    }
    return result;
}

std::vector<LabelScores> label_scores(const AttributeStatus& status, std::span<const std::size_t> rows) {
    std::vector<LabelScores> result;
    for (std::size_t l = 0; l < status.labels.size(); ++l) {
        LabelScores scores;
        scores.label = status.labels[l];
        for (const auto row : rows) {
            if (row >= status.status.size()) {
                throw UsageError(fmt::format("image {} of a selection (there are {}). Select among those.", row,
                                             status.status.size()));
            }
            switch (status.status[row][l]) {
                case LabelStatus::true_positive:
                    ++scores.true_positives;
                    break;
                case LabelStatus::false_positive:
                    ++scores.false_positives;
                    break;
                case LabelStatus::true_negative:
                    ++scores.true_negatives;
                    break;
                case LabelStatus::false_negative:
                    ++scores.false_negatives;
                    break;
                case LabelStatus::unknown:
                    ++scores.unknown;
                    break;
            }
        }
        const Confusion confusion = {{scores.true_negatives, scores.false_positives},
                                     {scores.false_negatives, scores.true_positives}};
        const auto support = scores.true_positives + scores.false_negatives;
        const auto images = support + scores.true_negatives + scores.false_positives;
        if (images > 0) {
            const auto said_true = class_scores(confusion)[1];
            scores.precision = said_true.precision;
            scores.recall = said_true.recall;
            scores.f1 = said_true.f1;
            scores.accuracy =
                proportion(scores.true_positives + scores.true_negatives, images,
                           static_cast<double>(std::max(support, images - support)) / static_cast<double>(images));
        }
        result.push_back(std::move(scores));
    }
    return result;
}

void to_json(nlohmann::json& json, const LabelScores& scores) {
    json = {{"head", scores.label.head},
            {"name", scores.label.name},
            {"unknown", scores.unknown},
            {"true_positives", scores.true_positives},
            {"false_positives", scores.false_positives},
            {"true_negatives", scores.true_negatives},
            {"false_negatives", scores.false_negatives},
            {"precision", scores.precision},
            {"recall", scores.recall},
            {"f1", scores.f1},
            {"accuracy", scores.accuracy}};
}

DistanceScores distance_scores(const AttributeStatus& status, std::uint64_t seed, unsigned threads) {
    const auto count = status.distances.size();
    struct Sum {
        double sum = 0.0;
        double count = 0.0;
    };
    struct Sums {
        Sum cosine;
        Sum euclidean;
    };
    std::vector<Sums> others(count);
    for_each_index(
        static_cast<std::int64_t>(count),
        [&](std::int64_t row) {
            const auto i = static_cast<std::size_t>(row);
            std::vector<ErrorDistance> distances;
            for (std::size_t j = 0; j < count; ++j) {
                if (j != i) distances.push_back(distance(status.truth[j], status.predicted[i]));
            }
            others[i].cosine.sum = sum_of_known(distances, &ErrorDistance::cosine, others[i].cosine.count);
            others[i].euclidean.sum = sum_of_known(distances, &ErrorDistance::euclidean, others[i].euclidean.count);
        },
        threads);
    const auto metric = [&](Member member, Sum Sums::*part) {
        Sum chance;
        for (const auto& sums : others) {
            chance.sum += (sums.*part).sum;
            chance.count += (sums.*part).count;
        }
        std::vector<double> values;
        for (const auto& each : status.distances) {
            if (each.*member) values.push_back(*(each.*member));
        }
        const auto mean = [&](std::span<const int> counts) -> std::optional<double> {
            if (values.empty()) return std::nullopt;
            return std::inner_product(values.begin(), values.end(), counts.begin(), 0.0) /
                   static_cast<double>(values.size());
        };
        return bootstrapped(std::vector<int>(values.size(), 0), mean,
                            chance.count > 0.0 ? std::optional(chance.sum / chance.count) : std::nullopt, seed);
    };
    DistanceScores scores;
    scores.cosine = metric(&ErrorDistance::cosine, &Sums::cosine);
    scores.euclidean = metric(&ErrorDistance::euclidean, &Sums::euclidean);
    scores.cosine_undefined =
        std::ranges::count_if(status.distances, [](const ErrorDistance& each) { return !each.cosine; });
    return scores;
}

void to_json(nlohmann::json& json, const DistanceScores& scores) {
    json = {{"cosine", scores.cosine}, {"euclidean", scores.euclidean}, {"cosine_undefined", scores.cosine_undefined}};
}

}  // namespace braggbench
