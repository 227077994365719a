#include "classifiers/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "classifiers/interval_classifier.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_regression.hpp"
#include "classifiers/radial_forest.hpp"

namespace braggbench {
namespace {

// What does not depend on the baseline.
struct Setting {
    int class_count = 0;
    std::vector<double> train_shares;
    std::vector<double> test_shares;
    std::optional<double> accuracy_chance;
    std::optional<double> balanced_chance;  // of any guess that ignores the image
};

Setting setting_of(const BaselineData& data) {
    Setting setting;
    setting.class_count = static_cast<int>(data.outputs.size());
    setting.train_shares = class_shares(data.train_labels, setting.class_count);
    setting.test_shares = class_shares(data.test_labels, setting.class_count);
    if (data.test_labels.empty()) return setting;
    const auto occurring = std::ranges::count_if(setting.test_shares, [](double share) { return share > 0.0; });
    setting.balanced_chance = 1.0 / static_cast<double>(occurring);
    if (!data.train_labels.empty()) {
        const auto majority =
            std::distance(setting.train_shares.begin(), std::ranges::max_element(setting.train_shares));
        setting.accuracy_chance = setting.test_shares[static_cast<std::size_t>(majority)];
    }
    return setting;
}

bool ranks(const BaselineData& data) { return data.outputs.size() == 2; }

// An answer that does not depend on the image.
ChanceLevel guess(std::string name, Metric accuracy, const BaselineData& data, const Setting& setting) {
    accuracy.chance = setting.accuracy_chance;
    ChanceLevel level{std::move(name),
                      accuracy,
                      {accuracy.value ? setting.balanced_chance : std::nullopt, std::nullopt, setting.balanced_chance},
                      std::nullopt};
    const bool both = std::ranges::count_if(setting.test_shares, [](double share) { return share > 0.0; }) == 2;
    if (ranks(data)) level.roc_auc = {both ? std::optional(0.5) : std::nullopt, std::nullopt, 0.5};
    return level;
}

Metric constant_accuracy(const BaselineData& data, std::ptrdiff_t c) {
    return proportion(std::ranges::count(data.test_labels, static_cast<int>(c)),
                      static_cast<std::int64_t>(data.test_labels.size()), std::nullopt);
}

// Each image is guessed right with the probability guess[its class]; the interval is that of their mean.
Metric expected_accuracy(const Setting& setting, std::span<const double> guess, std::size_t images) {
    if (images == 0) return {};
    double mean = 0.0;
    double square = 0.0;
    for (std::size_t c = 0; c < guess.size(); ++c) {
        mean += setting.test_shares[c] * guess[c];
        square += setting.test_shares[c] * guess[c] * guess[c];
    }
    const double half = 1.959964 * std::sqrt(std::max(0.0, square - mean * mean) / static_cast<double>(images));
    return {mean, std::array{std::max(0.0, mean - half), std::min(1.0, mean + half)}, std::nullopt};
}

Metric auc_metric(std::span<const int> truth, std::span<const double> scores) {
    const auto auc = clustered_auc(truth, scores);
    if (!auc) return {std::nullopt, std::nullopt, 0.5};
    return {auc->auc, auc->ci95, 0.5};
}

ChanceLevel answered(std::string name, std::span<const int> for_accuracy, std::span<const int> for_balance,
                     const BaselineData& data, const Setting& setting) {
    const auto by_accuracy = confusion_matrix(data.test_labels, for_accuracy, setting.class_count);
    const auto by_balance = confusion_matrix(data.test_labels, for_balance, setting.class_count);
    std::int64_t right = 0;
    for (std::size_t c = 0; c < by_accuracy.size(); ++c) right += by_accuracy[c][c];
    return {
        std::move(name),
        proportion(right, static_cast<std::int64_t>(data.test_labels.size()), setting.accuracy_chance),
        {braggbench::balanced_accuracy(by_balance), recall_mean_ci95(by_balance), setting.balanced_chance},
        std::nullopt,
    };
}

ChanceLevel number_level(std::string name, double ImageSummary::*number, const BaselineData& data,
                         std::span<const int> train_labels, const Setting& setting) {
    const auto numbers = [number](std::span<const ImageSummary> images) {
        std::vector<double> values;
        for (const auto& image : images) values.push_back(image.*number);
        return values;
    };
    const auto train_values = numbers(data.train_images);
    auto test_values = numbers(data.test_images);
    const auto answers = [&](FittedFor goal) {
        const auto rule = IntervalClassifier::fit(train_values, train_labels, setting.class_count, data.seed, goal);
        std::vector<int> said;
        for (const double value : test_values) said.push_back(rule.classify(value));
        return said;
    };
    auto level =
        answered(std::move(name), answers(FittedFor::accuracy), answers(FittedFor::balanced_accuracy), data, setting);
    if (!ranks(data)) return level;
    const auto direction = clustered_auc(train_labels, train_values);
    if (direction && direction->auc < 0.5) {
        for (double& value : test_values) value = -value;
    }
    level.roc_auc = auc_metric(data.test_labels, test_values);
    return level;
}

ChanceLevel forest_level(const BaselineData& data, std::span<const int> train_labels, const Setting& setting) {
    const auto votes = forest_votes(data.train_images, train_labels, data.test_images, setting.class_count, data.seed);
    const auto shares = class_shares(train_labels, setting.class_count);
    std::vector<int> most;
    std::vector<int> most_for_its_share;  // Bayes' rule with equal priors
    std::vector<double> positive;
    for (const auto& row : votes) {
        most.push_back(static_cast<int>(std::distance(row.begin(), std::ranges::max_element(row))));
        std::vector<double> weighed(row);
        for (std::size_t c = 0; c < row.size(); ++c) weighed[c] = shares[c] > 0.0 ? row[c] / shares[c] : 0.0;
        most_for_its_share.push_back(
            static_cast<int>(std::distance(weighed.begin(), std::ranges::max_element(weighed))));
        positive.push_back(row.back());
    }
    auto level = answered("radial_profile", most, most_for_its_share, data, setting);
    if (ranks(data)) level.roc_auc = auc_metric(data.test_labels, positive);
    return level;
}

nlohmann::json scores_json(const RegressionScores& by_median, const RegressionScores& by_mean) {
    return {{"mean_absolute_error", by_median.mean_absolute_error},
            {"root_mean_square", by_mean.root_mean_square},
            {"r_squared", by_mean.r_squared}};
}

}  // namespace

std::vector<double> class_shares(std::span<const int> labels, int class_count) {
    std::vector<double> shares(static_cast<std::size_t>(class_count), 0.0);
    for (const int label : labels) shares[static_cast<std::size_t>(label)] += 1.0;
    for (auto& share : shares) share /= std::max(1.0, static_cast<double>(labels.size()));
    return shares;
}

std::vector<ChanceLevel> chance_levels(const BaselineData& data) {
    const auto setting = setting_of(data);
    const bool has_train = !data.train_labels.empty();
    const auto majority = std::distance(setting.train_shares.begin(), std::ranges::max_element(setting.train_shares));
    const Metric most_frequent = has_train ? constant_accuracy(data, majority) : Metric{};
    const std::size_t images = data.test_labels.size();
    std::vector<ChanceLevel> levels;
    levels.push_back(guess("majority", most_frequent, data, setting));
    levels.push_back(guess("prior", most_frequent, data, setting));
    levels.push_back(guess(
        "stratified", has_train ? expected_accuracy(setting, setting.train_shares, images) : Metric{}, data, setting));
    Metric uniform;
    if (images > 0) uniform.value = 1.0 / setting.class_count;
    levels.push_back(guess("uniform", uniform, data, setting));
    for (std::size_t c = 0; c < data.outputs.size(); ++c) {
        levels.push_back(guess("constant_" + data.outputs[c], constant_accuracy(data, static_cast<std::ptrdiff_t>(c)),
                               data, setting));
    }
    if (data.train_images.empty() || images == 0) return levels;
    const auto train_labels = std::span(data.train_labels).first(data.train_images.size());
    levels.push_back(number_level("total_intensity", &ImageSummary::total_photons, data, train_labels, setting));
    levels.push_back(number_level("spot_count", &ImageSummary::spot_count, data, train_labels, setting));
    levels.push_back(forest_level(data, train_labels, setting));
    return levels;
}

nlohmann::json chance_json(std::span<const ChanceLevel> levels) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& level : levels) {
        auto& entry = json[level.name] = {{"accuracy", level.accuracy}, {"balanced_accuracy", level.balanced_accuracy}};
        if (level.roc_auc) entry["roc_auc"] = *level.roc_auc;
    }
    return json;
}

nlohmann::json best_json(std::span<const ChanceLevel> levels) {
    nlohmann::json json = nlohmann::json::object();
    const auto best_by = [&](const char* score, const auto& metric_of) {
        nlohmann::json best = {{"name", nullptr}, {"value", nullptr}};
        double highest = -1.0;
        for (const auto& level : levels) {
            const std::optional<double> value = metric_of(level).value;
            if (!value || *value <= highest) continue;
            highest = *value;
            best = {{"name", level.name}, {"value", *value}};
        }
        json[score] = best;
    };
    best_by("accuracy", [](const ChanceLevel& level) { return level.accuracy; });
    best_by("balanced_accuracy", [](const ChanceLevel& level) { return level.balanced_accuracy; });
    if (!levels.empty() && levels.front().roc_auc) {
        best_by("roc_auc", [](const ChanceLevel& level) { return level.roc_auc.value_or(Metric{}); });
    }
    return json;
}

nlohmann::json value_chance_json(const ValueBaselineData& data) {
    nlohmann::json json = nlohmann::json::object();
    if (data.train_values.empty() || data.test_values.empty()) return json;
    auto sorted = data.train_values;
    std::ranges::sort(sorted);
    const double median = std::midpoint(sorted[(sorted.size() - 1) / 2], sorted[sorted.size() / 2]);
    const double mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size());
    const auto score = [&](std::span<const double> predicted) {
        return scores_json(regression_scores(data.test_values, predicted, data.seed, median),
                           regression_scores(data.test_values, predicted, data.seed, mean));
    };
    json["train_median"] = score(std::vector<double>(data.test_values.size(), median));
    json["train_mean"] = score(std::vector<double>(data.test_values.size(), mean));
    if (!data.train_images.empty()) {
        const auto train_values = std::span(data.train_values).first(data.train_images.size());
        json["radial_profile"] = score(forest_values(data.train_images, train_values, data.test_images, data.seed));
    }
    return json;
}

}  // namespace braggbench
