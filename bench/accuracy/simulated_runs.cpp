#include "bench/accuracy/simulated_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "bench/results/change_test.hpp"
#include "classifiers/metric_clustered_auc.hpp"

namespace braggbench {
namespace {

constexpr std::uint64_t traits_seed = 17;
constexpr std::uint64_t run_seed = 19;

// What an image is like, the same for all runs, and what a run makes of it.
struct Draws {
    RandomStream traits;
    RandomStream run;
};

double mean(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

void set_samples(Measure& measure, std::vector<double> values, bool of_median, double half_width) {
    measure.n = static_cast<std::int64_t>(values.size());
    const double value = of_median ? median(values) : mean(values);
    measure.metric = {value, {{value - half_width, value + half_width}}, {}};
    Samples samples{"images", std::move(values), {}, of_median};
    for (int i = 0; i < measure.n; ++i) samples.strata.push_back(i % 3);
    measure.samples = std::move(samples);
}

double deviation(const std::vector<double>& values) {
    const double centre = mean(values);
    double sum = 0.0;
    for (const double value : values) sum += (value - centre) * (value - centre);
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

void answers(Measure& measure, Draws& draws, int images, double worse) {
    std::vector<double> values;
    for (int i = 0; i < images; ++i) {
        const double kind = draws.traits.uniform();
        const double right = kind < 0.8 ? 0.99 : (kind < 0.95 ? 0.6 : 0.1);
        // Wrong instead of right as often as loses `worse` in all: the mean of `right` is 0.887.
        const bool lost = draws.run.uniform() < worse / 0.887;
        values.push_back(draws.run.uniform() < right && !lost ? 1.0 : 0.0);
    }
    set_samples(measure, std::move(values), false, 0.0);
    measure.metric = proportion(static_cast<std::int64_t>(std::lround(*measure.metric.value * images)), images, {});
}

void median_of_maps(Measure& measure, Draws& draws, double worse) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) {
        const double trait = 0.6 * draws.traits.normal();
        values.push_back(3.0 * std::exp(trait + 0.3 * draws.run.normal()) * (1.0 - worse / 3.0));
    }
    const double half_width = 1.96 * 1.25 * deviation(values) / std::sqrt(60.0);
    set_samples(measure, std::move(values), true, half_width);
}

void mean_share(Measure& measure, Draws& draws, double worse) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) {
        const double trait = draws.traits.uniform();
        values.push_back(std::clamp(0.2 + 0.6 * trait + 0.08 * draws.run.normal(), 0.0, 1.0) - worse);
    }
    const double half_width = 1.96 * deviation(values) / std::sqrt(60.0);
    set_samples(measure, std::move(values), false, half_width);
}

void auc(Measure& measure, Draws& draws, double worse) {
    std::vector<int> truth;
    std::vector<double> scores;
    for (int i = 0; i < 200; ++i) {
        truth.push_back(i % 2);
        scores.push_back(draws.run.normal() + 2.0 * (i % 2));
    }
    const ClusteredAuc result = *clustered_auc(truth, scores);
    measure.n = 200;
    measure.metric = {result.auc - worse, {{result.ci95[0] - worse, result.ci95[1] - worse}}, 0.5};
}

void speed(Measure& measure, Draws& draws, double worse) {
    const double of_run = 200.0 * std::exp(speed_scatter * draws.run.normal()) * (1.0 - worse);
    std::vector<double> values;
    for (int i = 0; i < 5; ++i) values.push_back(of_run * std::exp(0.02 * draws.run.normal()));
    set_samples(measure, std::move(values), false, 0.0);
    measure.kind = MeasureKind::speed;
    measure.unit = "images/s";
}

struct Law {
    std::string name;
    std::function<void(Measure&, Draws&, double worse)> draw;
};

const std::vector<Law>& laws() {
    static const std::vector<Law> list = {
        {"accuracy", [](Measure& m, Draws& d, double worse) { answers(m, d, 300, worse); }},
        {"recall", [](Measure& m, Draws& d, double worse) { answers(m, d, 60, worse); }},
        {"median_slift", median_of_maps},
        {"peak_recall", mean_share},
        {"auc", auc},
        {"speed", speed}};
    return list;
}

}  // namespace

const std::vector<std::string>& simulated_measures() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const Law& law : laws()) list.push_back(law.name);
        return list;
    }();
    return names;
}

Results simulated_run(int groups, std::uint64_t key, int run, const PlantedChange& planted) {
    Results results;
    results.suite = "simulated";
    results.provenance = nlohmann::json::object();
    results.machine = {"none", 1, 1, 1.0, 100.0, 0.0};
    results.steps = {{"drawn", "simulate", "", false, 0.0, 0.0}};
    Draws draws{RandomStream(traits_seed, key, simulation_stage),
                RandomStream(run_seed, 2 * key + static_cast<std::uint64_t>(run), simulation_stage)};
    for (int group = 0; group < groups; ++group) {
        for (const Law& law : laws()) {
            Measure measure;
            measure.id = fmt::format("{}/{}", group, law.name);
            measure.step = "drawn";
            law.draw(measure, draws, measure.id == planted.id ? planted.size : 0.0);
            results.measures.push_back(std::move(measure));
        }
    }
    return results;
}

}  // namespace braggbench
