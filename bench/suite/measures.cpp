#include "bench/suite/measures.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "simulator/structure_factor_cache.hpp"

namespace braggbench {
namespace {

constexpr std::string_view wrong = "wrong: ";

}  // namespace

MeasureMaker::MeasureMaker(const CorpusReader& corpus, std::string scored)
    : corpus_(&corpus), scored_(std::move(scored)) {}

Measure MeasureMaker::bare(const std::string& id, const ImageValues& values, Better better) const {
    Measure measure;
    measure.id = id;
    measure.better = better;
    measure.n = static_cast<std::int64_t>(values.values.size());
    if (values.values.empty()) return measure;
    ContentKey key;
    key.add(scored_);
    Samples samples;
    const auto& checksums = corpus_->checksums();
    for (const auto image : values.images) {
        const auto i = static_cast<std::size_t>(image);
        samples.strata.push_back(corpus_->class_indices()[i]);
        key.add(fmt::format("{} {:x} {}", image, checksums.empty() ? 0U : checksums[i], samples.strata.back()));
    }
    samples.units = key.hex();
    samples.values = values.values;
    measure.samples = std::move(samples);
    return measure;
}

Measure MeasureMaker::of(const std::string& id, const ImageValues& values, Better better, std::optional<double> chance,
                         Statistic statistic, const std::string& unit) const {
    Measure measure = bare(id, values, better);
    measure.unit = unit;
    measure.metric.chance = chance;
    if (!measure.samples) return measure;
    measure.samples->median = statistic == Statistic::median;
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < values.values.size(); ++i) {
        samples.push_back({measure.samples->strata[i], values.values[i]});
    }
    const auto result = estimate(samples, statistic, corpus_->info().seed);
    measure.metric.value = result.value;
    measure.metric.ci95 = result.ci95;
    return measure;
}

Measure MeasureMaker::share_of(const std::string& id, const ImageValues& values, std::optional<double> chance) const {
    Measure measure = bare(id, values, Better::higher);
    const double sum = std::accumulate(values.values.begin(), values.values.end(), 0.0);
    measure.metric = proportion(std::llround(sum), measure.n, chance);
    return measure;
}

Measure plain_score(const std::string& id, const Metric& metric, std::int64_t n, Better better) {
    Measure measure;
    measure.id = id;
    measure.better = better;
    measure.metric = metric;
    measure.n = n;
    return measure;
}

Metric metric_of(const nlohmann::json& json) {
    Metric metric;
    if (json.at("value").is_number()) metric.value = json.at("value").get<double>();
    if (json.at("ci95").is_array()) metric.ci95 = json.at("ci95").get<std::array<double, 2>>();
    if (json.at("chance").is_number()) metric.chance = json.at("chance").get<double>();
    return metric;
}

Measure exact_measure(const std::string& id, const std::string& text, std::int64_t n) {
    Measure measure;
    measure.id = id;
    measure.kind = MeasureKind::exact;
    measure.text = text;
    measure.n = n;
    return measure;
}

Measure wrong_measure(const std::string& id, const std::string& text, std::int64_t n) {
    return exact_measure(id, std::string(wrong) + text, n);
}

bool is_wrong(const Measure& measure) { return measure.kind == MeasureKind::exact && measure.text.starts_with(wrong); }

}  // namespace braggbench
