// Reads cases as JSON on standard input, writes every metric of them as JSON: metrics_sklearn.py compares.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "classifiers/metric_calibration.hpp"
#include "classifiers/metric_comparison.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_paired.hpp"
#include "classifiers/metric_ranking.hpp"
#include "classifiers/metric_regression.hpp"

namespace {

using nlohmann::json;

json optional(const std::optional<double>& value) { return value ? json(*value) : json(); }

json confusion_case(const json& input) {
    const auto truth = input.at("truth").get<std::vector<int>>();
    const auto predicted = input.at("predicted").get<std::vector<int>>();
    const auto confusion = braggbench::confusion_matrix(truth, predicted, input.at("classes").get<int>());
    return {{"confusion", confusion}, {"scores", braggbench::confusion_scores(confusion, 1)}};
}

json ranking_case(const json& input) {
    const auto truth = input.at("truth").get<std::vector<int>>();
    const auto counts = input.at("counts").get<std::vector<int>>();
    const braggbench::Ranking ranking(truth, input.at("scores").get<std::vector<double>>());
    json curve = json::array();
    for (const auto& point : ranking.roc_curve()) {
        curve.push_back({point.false_positive_rate, point.true_positive_rate});
    }
    return {{"roc_auc", optional(ranking.roc_auc())},
            {"average_precision", optional(ranking.average_precision())},
            {"weighted_roc_auc", optional(ranking.roc_auc(counts))},
            {"weighted_average_precision", optional(ranking.average_precision(counts))},
            {"roc_curve", curve}};
}

json one_versus_rest_case(const json& input) {
    const auto truth = input.at("truth").get<std::vector<int>>();
    const auto scores = input.at("scores").get<std::vector<std::vector<double>>>();
    const auto result = braggbench::one_versus_rest(truth, scores, input.at("classes").get<int>(), 1);
    return {{"roc_auc", result.roc_auc},
            {"average_precision", result.average_precision},
            {"mean_roc_auc", result.mean_roc_auc},
            {"mean_average_precision", result.mean_average_precision}};
}

json calibration_case(const json& input) {
    const auto confidences = input.at("confidences").get<std::vector<double>>();
    const auto right = input.at("right").get<std::vector<int>>();
    const int bins = input.at("bins").get<int>();
    json curve = json::array();
    for (const auto& bin : braggbench::reliability_curve(confidences, right, bins)) {
        if (bin.count > 0) curve.push_back({optional(bin.mean_confidence), optional(bin.accuracy.value), bin.count});
    }
    return {{"curve", curve}, {"error", braggbench::expected_calibration_error(confidences, right, 1, bins)}};
}

json regression_case(const json& input) {
    const auto scores = braggbench::regression_scores(input.at("truth").get<std::vector<double>>(),
                                                      input.at("predicted").get<std::vector<double>>(), 1);
    return {{"mae", scores.mean_absolute_error}, {"rmse", scores.root_mean_square}, {"r2", scores.r_squared}};
}

json mcnemar_case(const json& input) {
    const auto p = braggbench::holm_adjusted(input.at("p").get<std::vector<double>>());
    return {{"p", braggbench::mcnemar_exact_p(input.at("first").get<std::int64_t>(),
                                              input.at("second").get<std::int64_t>())},
            {"holm", p}};
}

json rank_sum_case(const json& input) {
    return {{"p", braggbench::rank_sum_p(input.at("first").get<std::vector<double>>(),
                                         input.at("second").get<std::vector<double>>())}};
}

}  // namespace

int main() {
    json output = json::object();
    const auto input = json::parse(std::cin);
    const std::vector<std::pair<const char*, json (*)(const json&)>> kinds = {
        {"confusion", confusion_case},     {"ranking", ranking_case},       {"one_versus_rest", one_versus_rest_case},
        {"calibration", calibration_case}, {"regression", regression_case}, {"mcnemar", mcnemar_case},
        {"rank_sum", rank_sum_case}};
    for (const auto& [name, compute] : kinds) {
        output[name] = json::array();
        for (const auto& one : input.at(name)) output[name].push_back(compute(one));
    }
    std::cout << output.dump() << '\n';
    return EXIT_SUCCESS;
}
