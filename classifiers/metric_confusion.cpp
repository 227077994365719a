#include "classifiers/metric_confusion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

struct Margins {
    std::vector<std::int64_t> support;
    std::vector<std::int64_t> called;
    std::int64_t total = 0;
};

Margins margins(const Confusion& confusion) {
    Margins sums{std::vector<std::int64_t>(confusion.size(), 0), std::vector<std::int64_t>(confusion.size(), 0)};
    for (std::size_t t = 0; t < confusion.size(); ++t) {
        for (std::size_t p = 0; p < confusion.size(); ++p) {
            sums.support[t] += confusion[t][p];
            sums.called[p] += confusion[t][p];
            sums.total += confusion[t][p];
        }
    }
    return sums;
}

std::vector<double> shares(const std::vector<std::int64_t>& counts, std::int64_t total) {
    std::vector<double> result;
    for (const auto count : counts) {
        result.push_back(total == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(total));
    }
    return result;
}

std::vector<double> guesses(const Confusion& confusion, const Margins& sums, std::span<const double> guess_shares) {
    if (guess_shares.empty()) return shares(sums.support, sums.total);
    if (guess_shares.size() != confusion.size()) {
        throw UsageError(fmt::format("{} shares of guesses for {} classes (one is needed for each). Give as many.",
                                     guess_shares.size(), confusion.size()));
    }
    return {guess_shares.begin(), guess_shares.end()};
}

int group_of(int label, std::span<const int> group_of_class, int group_count) {
    if (label < 0 || static_cast<std::size_t>(label) >= group_of_class.size()) {
        throw UsageError(
            fmt::format("class {} (groups are given for {} classes, counted from 0). Give every class its "
                        "group.",
                        label, group_of_class.size()));
    }
    const int group = group_of_class[static_cast<std::size_t>(label)];
    if (group < 0 || group >= group_count) {
        throw UsageError(fmt::format("group {} of class {} (there are {} groups, counted from 0). Give one of these.",
                                     group, label, group_count));
    }
    return group;
}

}  // namespace

Metric f1_score(std::int64_t right, std::int64_t called, std::int64_t support) {
    const std::int64_t either = called + support - right;
    if (either == 0) return {};
    const auto from_jaccard = [](double jaccard) { return 2.0 * jaccard / (1.0 + jaccard); };
    const auto jaccard = wilson_ci95(right, either);
    return {2.0 * static_cast<double>(right) / static_cast<double>(called + support),
            std::array{from_jaccard(jaccard[0]), from_jaccard(jaccard[1])}, std::nullopt};
}

std::vector<ClassScores> class_scores(const Confusion& confusion, std::span<const double> guess_shares) {
    const auto sums = margins(confusion);
    const auto guess = guesses(confusion, sums, guess_shares);
    const auto occurs = shares(sums.support, sums.total);
    std::vector<ClassScores> classes;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        ClassScores scores;
        scores.support = sums.support[c];
        scores.called = sums.called[c];
        std::optional<double> share;
        if (sums.total > 0) share = occurs[c];
        scores.precision = proportion(confusion[c][c], scores.called, share);
        scores.recall = proportion(confusion[c][c], scores.support, guess[c]);
        scores.f1 = f1_score(confusion[c][c], scores.called, scores.support);
        if (occurs[c] + guess[c] > 0.0) scores.f1.chance = 2.0 * occurs[c] * guess[c] / (occurs[c] + guess[c]);
        classes.push_back(scores);
    }
    return classes;
}

std::optional<double> macro_f1(const Confusion& confusion) {
    const auto sums = margins(confusion);
    double sum = 0.0;
    int defined = 0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        const auto either = sums.called[c] + sums.support[c];
        if (either == 0) continue;
        sum += 2.0 * static_cast<double>(confusion[c][c]) / static_cast<double>(either);
        ++defined;
    }
    if (defined == 0) return std::nullopt;
    return sum / defined;
}

std::optional<double> quadratic_weighted_kappa(const Confusion& confusion) {
    const auto sums = margins(confusion);
    double observed = 0.0;
    double expected = 0.0;
    for (std::size_t t = 0; t < confusion.size(); ++t) {
        for (std::size_t p = 0; p < confusion.size(); ++p) {
            const double step = static_cast<double>(t) - static_cast<double>(p);
            observed += step * step * static_cast<double>(confusion[t][p]);
            expected += step * step * static_cast<double>(sums.support[t]) * static_cast<double>(sums.called[p]);
        }
    }
    if (expected <= 0.0) return std::nullopt;
    return 1.0 - observed * static_cast<double>(sums.total) / expected;
}

std::optional<std::array<double, 2>> recall_mean_ci95(const Confusion& confusion) {
    double sum = 0.0;
    std::array<double, 2> squares = {0.0, 0.0};
    int classes = 0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        const auto support = std::accumulate(confusion[c].begin(), confusion[c].end(), std::int64_t{0});
        if (support == 0) continue;
        const double recall = static_cast<double>(confusion[c][c]) / static_cast<double>(support);
        const auto wilson = wilson_ci95(confusion[c][c], support);
        sum += recall;
        for (std::size_t end = 0; end < 2; ++end) squares[end] += (wilson[end] - recall) * (wilson[end] - recall);
        ++classes;
    }
    if (classes == 0) return std::nullopt;
    return std::array{(sum - std::sqrt(squares[0])) / classes, (sum + std::sqrt(squares[1])) / classes};
}

Confusion merge_classes(const Confusion& confusion, std::span<const int> group_of_class, int group_count) {
    const auto count = static_cast<std::size_t>(std::max(0, group_count));
    Confusion merged(count, std::vector<std::int64_t>(count, 0));
    for (std::size_t t = 0; t < confusion.size(); ++t) {
        const int row = group_of(static_cast<int>(t), group_of_class, group_count);
        for (std::size_t p = 0; p < confusion.size(); ++p) {
            const int column = group_of(static_cast<int>(p), group_of_class, group_count);
            merged[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] += confusion[t][p];
        }
    }
    return merged;
}

std::vector<int> merge_labels(std::span<const int> labels, std::span<const int> group_of_class, int group_count) {
    std::vector<int> merged;
    merged.reserve(labels.size());
    for (const int label : labels) merged.push_back(group_of(label, group_of_class, group_count));
    return merged;
}

ConfusionScores confusion_scores(const Confusion& confusion, std::uint64_t seed, std::span<const double> guess_shares,
                                 int resamples) {
    const auto sums = margins(confusion);
    const auto guess = guesses(confusion, sums, guess_shares);
    std::int64_t right = 0;
    int occurring = 0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        right += confusion[c][c];
        occurring += sums.support[c] > 0 ? 1 : 0;
    }
    const auto with_bootstrap = [&](const ConfusionStatistic& statistic, std::optional<double> chance,
                                    BootstrapInterval interval) {
        const auto value = statistic(confusion);
        if (!value) return Metric{std::nullopt, std::nullopt, chance};
        return Metric{
            value, interval_ci95(*value, resampled_values(confusion, statistic, seed, resamples), interval, resamples),
            chance};
    };
    ConfusionScores scores;
    scores.classes = class_scores(confusion, guess_shares);
    std::optional<double> majority;
    std::optional<double> f1_chance;
    if (sums.total > 0) {
        const auto largest = std::distance(guess.begin(), std::max_element(guess.begin(), guess.end()));
        majority = shares(sums.support, sums.total)[static_cast<std::size_t>(largest)];
        double sum = 0.0;
        int defined = 0;
        for (const auto& one : scores.classes) {
            if (!one.f1.chance) continue;
            sum += *one.f1.chance;
            ++defined;
        }
        if (defined > 0) f1_chance = sum / defined;
    }
    scores.accuracy = proportion(right, sums.total, majority);
    scores.balanced_accuracy = {balanced_accuracy(confusion), recall_mean_ci95(confusion),
                                occurring > 0 ? std::optional(1.0 / occurring) : std::nullopt};
    scores.macro_f1 = with_bootstrap(macro_f1, f1_chance, BootstrapInterval::logit);
    scores.mcc = with_bootstrap(matthews_correlation, 0.0, BootstrapInterval::percentile);
    scores.quadratic_kappa = with_bootstrap(quadratic_weighted_kappa, 0.0, BootstrapInterval::percentile);
    return scores;
}

void to_json(nlohmann::json& json, const ClassScores& scores) {
    json = {{"support", scores.support},
            {"called", scores.called},
            {"precision", scores.precision},
            {"recall", scores.recall},
            {"f1", scores.f1}};
}

void to_json(nlohmann::json& json, const ConfusionScores& scores) {
    json = {
        {"accuracy", scores.accuracy}, {"balanced_accuracy", scores.balanced_accuracy}, {"macro_f1", scores.macro_f1},
        {"mcc", scores.mcc},           {"quadratic_kappa", scores.quadratic_kappa},     {"classes", scores.classes}};
}

}  // namespace braggbench
