#include "explain/causal_control.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "classifiers/metric.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/substrate.hpp"

namespace braggbench {
namespace {

constexpr double significance = 0.05;

nlohmann::json part_json(std::span<const CausalSample> samples, std::uint64_t seed) {
    const auto mean = [&](auto value) {
        std::vector<Sample> values;
        for (const CausalSample& sample : samples) values.push_back({sample.class_index, value(sample)});
        const Estimate result = estimate(values, Statistic::mean, seed);
        return Metric{result.value, result.ci95, result.value ? std::optional(0.0) : std::nullopt};
    };
    const auto significant =
        std::ranges::count_if(samples, [](const CausalSample& sample) { return sample.raw.p <= significance + 1e-9; });
    return {{"images", samples.size()},
            {"d", mean([](const CausalSample& sample) { return sample.probability.d(); })},
            {"d_raw", mean([](const CausalSample& sample) { return sample.raw.d(); })},
            {"drop", mean([](const CausalSample& sample) { return sample.probability.drop; })},
            {"null_drop", mean([](const CausalSample& sample) { return sample.probability.null_drop; })},
            {"significant", proportion(significant, static_cast<std::int64_t>(samples.size()), significance)}};
}

}  // namespace

std::vector<Image<float>> causal_images(const Image<float>& photons, const Image<float>& substrate,
                                        const TargetSet& removed) {
    std::vector<Image<float>> images = {photons, without(photons, removed.truth, substrate)};
    for (const PeakTargets& null : removed.nulls) images.push_back(without(photons, null, substrate));
    return images;
}

CausalControl causal_control(std::span<const double> scores) {
    if (scores.size() < 3) throw std::logic_error("a causal control needs an image, its removal and a null");
    const auto nulls = scores.subspan(2);
    const auto count = static_cast<double>(nulls.size());
    CausalControl control;
    control.drop = scores[0] - scores[1];
    double as_far = 0.0;
    for (const double null : nulls) {
        control.null_drop += (scores[0] - null) / count;
        as_far += null <= scores[1] ? 1.0 : 0.0;
    }
    control.p = (1.0 + as_far) / (1.0 + count);
    return control;
}

nlohmann::json causal_json(std::span<const CausalSample> samples, const std::vector<std::string>& class_names,
                           std::uint64_t seed) {
    nlohmann::json json = part_json(samples, seed);
    json["by_class"] = nlohmann::json::array();
    for (std::size_t index = 0; index < class_names.size(); ++index) {
        std::vector<CausalSample> members;
        std::ranges::copy_if(samples, std::back_inserter(members),
                             [&](const CausalSample& sample) { return sample.class_index == static_cast<int>(index); });
        if (members.empty()) continue;
        json["by_class"].push_back(part_json(members, seed));
        json["by_class"].back()["name"] = class_names[index];
    }
    return json;
}

}  // namespace braggbench
