#include "bench/ablation/cell_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_ranking.hpp"
#include "classifiers/parallel.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using Counts = std::span<const int>;
using Statistic = std::function<std::optional<double>(Counts)>;

// One question of one cell, on the images whose truth is known.
struct Column {
    std::vector<std::size_t> images;  // rows of the cell
    std::vector<double> truth;
    std::vector<std::vector<double>> scores;  // a row per image, the outputs that belong to the question
};

struct Place {
    std::size_t output = 0;  // the first that belongs to the question
    std::size_t outputs = 1;
    std::size_t target = 0;
};

std::optional<Place> place_of(const CellResult& cell, const Question& question) {
    Place place;
    for (const auto& head : cell.heads) {
        if (head.name == question.head) {
            if (head.kind == HeadKind::one_of_n) {
                place.outputs = head.outputs.size();
                return place;
            }
            const auto found = std::ranges::find(head.outputs, question.name);
            if (found == head.outputs.end()) return std::nullopt;
            const auto at = static_cast<std::size_t>(found - head.outputs.begin());
            return Place{place.output + at, 1, place.target + at};
        }
        place.output += head.outputs.size();
        place.target += head.target_count();
    }
    return std::nullopt;
}

Column column_of(const CellResult& cell, const Place& place) {
    Column column;
    for (std::size_t i = 0; i < cell.images.size(); ++i) {
        const float truth = cell.truth[i][place.target];
        if (std::isnan(truth)) continue;
        column.images.push_back(i);
        column.truth.push_back(static_cast<double>(truth));
        auto& scores = column.scores.emplace_back();
        for (std::size_t o = 0; o < place.outputs; ++o) {
            scores.push_back(static_cast<double>(cell.scores[i][place.output + o]));
            if (!std::isfinite(scores.back())) {
                throw DataError(
                    fmt::format("cell {}: its answer for image {} is not a number (its training diverged). "
                                "Give a smaller learning rate.",
                                cell.hash, cell.images[i]));
            }
        }
    }
    return column;
}

std::vector<int> classes_of(const std::vector<double>& values) {
    std::vector<int> classes;
    for (const double value : values) classes.push_back(value > 0.5 ? static_cast<int>(std::lround(value)) : 0);
    return classes;
}

// Mean recall over the classes that occur.
Statistic balanced_accuracy_of(std::vector<int> truth, std::vector<int> said) {
    const int classes = truth.empty() ? 0 : std::ranges::max(truth) + 1;
    return [truth = std::move(truth), said = std::move(said), classes](Counts counts) -> std::optional<double> {
        std::vector<double> right(static_cast<std::size_t>(classes), 0.0);
        std::vector<double> all(right.size(), 0.0);
        for (std::size_t i = 0; i < truth.size(); ++i) {
            const auto c = static_cast<std::size_t>(truth[i]);
            all[c] += counts[i];
            if (said[i] == truth[i]) right[c] += counts[i];
        }
        double sum = 0.0;
        int occur = 0;
        for (std::size_t c = 0; c < all.size(); ++c) {
            if (all[c] == 0.0) continue;
            sum += right[c] / all[c];
            ++occur;
        }
        return occur > 0 ? std::optional(sum / occur) : std::nullopt;
    };
}

Statistic auc_of(const Column& column, std::size_t output, int of_class) {
    std::vector<int> truth;
    std::vector<double> scores;
    for (std::size_t i = 0; i < column.truth.size(); ++i) {
        truth.push_back(std::lround(column.truth[i]) == of_class ? 1 : 0);
        scores.push_back(column.scores[i][output]);
    }
    return [ranking = Ranking(truth, scores)](Counts counts) { return ranking.roc_auc(counts); };
}

Statistic mean_auc_of(const Column& column) {
    std::vector<Statistic> each;
    const auto classes = column.scores.empty() ? 0 : column.scores.front().size();
    for (std::size_t c = 0; c < classes; ++c) each.push_back(auc_of(column, c, static_cast<int>(c)));
    return [each](Counts counts) -> std::optional<double> {
        double sum = 0.0;
        int defined = 0;
        for (const auto& one : each) {
            if (const auto value = one(counts)) {
                sum += *value;
                ++defined;
            }
        }
        return defined > 0 ? std::optional(sum / defined) : std::nullopt;
    };
}

Statistic r_squared_of(const Column& column) {
    return [&column](Counts counts) -> std::optional<double> {
        double weight = 0.0;
        double sum = 0.0;
        for (std::size_t i = 0; i < column.truth.size(); ++i) {
            weight += counts[i];
            sum += counts[i] * column.truth[i];
        }
        if (weight == 0.0) return std::nullopt;
        const double mean = sum / weight;
        double residual = 0.0;
        double total = 0.0;
        for (std::size_t i = 0; i < column.truth.size(); ++i) {
            const double error = column.truth[i] - column.scores[i][0];
            residual += counts[i] * error * error;
            total += counts[i] * (column.truth[i] - mean) * (column.truth[i] - mean);
        }
        return total > 0.0 ? std::optional(1.0 - residual / total) : std::nullopt;
    };
}

Statistic statistic_of(const Column& column, const Question& question, const std::string& measure) {
    if (measure == "r_squared") return r_squared_of(column);
    if (measure == "roc_auc") return auc_of(column, 0, 1);
    if (measure == "mean_roc_auc") return mean_auc_of(column);
    std::vector<double> said;
    for (const auto& scores : column.scores) {
        said.push_back(question.kind == HeadKind::multi_label
                           ? (scores[0] > 0.5 ? 1.0 : 0.0)
                           : static_cast<double>(std::ranges::max_element(scores) - scores.begin()));
    }
    return balanced_accuracy_of(classes_of(column.truth), classes_of(said));
}

double chance_of(const Column& column, const std::string& measure) {
    if (measure == "r_squared") return 0.0;
    if (measure != "balanced_accuracy") return 0.5;
    auto classes = classes_of(column.truth);
    std::ranges::sort(classes);
    const auto distinct = std::distance(classes.begin(), std::ranges::unique(classes).begin());
    return distinct > 0 ? 1.0 / static_cast<double>(distinct) : 0.5;
}

}  // namespace

std::vector<Question> questions_of(std::span<const CellResult> cells) {
    std::vector<Question> questions;
    const auto add = [&](Question question) {
        if (std::ranges::find(questions, question) == questions.end()) questions.push_back(std::move(question));
    };
    for (const auto& cell : cells) {
        for (const auto& head : cell.heads) {
            if (head.kind == HeadKind::one_of_n) {
                add({head.name, head.name, head.kind, ""});
                continue;
            }
            for (std::size_t o = 0; o < head.outputs.size(); ++o) {
                add({head.name, head.outputs[o], head.kind, o < head.units.size() ? head.units[o] : ""});
            }
        }
    }
    return questions;
}

std::vector<std::string> measures_of(HeadKind kind) {
    switch (kind) {
        case HeadKind::one_of_n:
            return {"balanced_accuracy", "mean_roc_auc"};
        case HeadKind::multi_label:
            return {"roc_auc", "balanced_accuracy"};
        case HeadKind::regression:
            return {"r_squared"};
    }
    return {};
}

Resamples draw_resamples(std::size_t images, std::uint64_t seed, int count) {
    Resamples resamples(static_cast<std::size_t>(count), std::vector<int>(images, 0));
    for (std::size_t r = 0; r < resamples.size(); ++r) {
        RandomStream random(seed, r, bootstrap_stage);
        for (std::size_t i = 0; i < images; ++i) ++resamples[r][draw_index(random, images)];
    }
    return resamples;
}

std::vector<MeasuredCell> measure_cells(std::span<const CellResult> cells, const Question& question,
                                        const std::string& measure, const Resamples& resamples, unsigned threads) {
    std::vector<const CellResult*> answering;
    for (const auto& cell : cells) {
        if (place_of(cell, question)) answering.push_back(&cell);
    }
    std::vector<MeasuredCell> measured(answering.size());
    for_each_index(
        static_cast<std::int64_t>(answering.size()),
        [&](std::int64_t k) {
            const auto& cell = *answering[static_cast<std::size_t>(k)];
            const Column column = column_of(cell, *place_of(cell, question));
            const Statistic statistic = statistic_of(column, question, measure);
            std::vector<int> counts(column.images.size(), 1);
            auto& result = measured[static_cast<std::size_t>(k)];
            result.score = {cell.cell, statistic(counts), {}};
            std::vector<double> defined;
            for (const auto& resample : resamples) {
                for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = resample[column.images[i]];
                result.score.resampled.push_back(statistic(counts));
                if (result.score.resampled.back()) defined.push_back(*result.score.resampled.back());
            }
            const auto rule = measure == "r_squared" ? BootstrapInterval::percentile : BootstrapInterval::logit;
            result.metric = {result.score.value, std::nullopt, chance_of(column, measure)};
            if (result.score.value) {
                result.metric.ci95 =
                    interval_ci95(*result.score.value, defined, rule, static_cast<int>(resamples.size()));
            }
            result.images = column.images.size();
            if (question.kind == HeadKind::multi_label && !column.truth.empty()) {
                for (const double truth : column.truth) result.prevalence += truth;
                result.prevalence /= static_cast<double>(column.truth.size());
            }
        },
        threads);
    return measured;
}

}  // namespace braggbench
