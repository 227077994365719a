#include "bench/results/change_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bench/results/student_t.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "classifiers/metric_comparison.hpp"
#include "classifiers/metric_paired.hpp"

namespace braggbench {
namespace {

constexpr double z95 = 1.959963984540054;
constexpr double z_power = 0.8416212335729143;  // 80 %
constexpr std::uint64_t seed = 1;
constexpr std::size_t fewest_repeats = 3;

double mean(std::span<const double> values) {
    return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
}

double variance(std::span<const double> values) {
    const double centre = mean(values);
    double sum = 0.0;
    for (const double value : values) sum += (value - centre) * (value - centre);
    return values.size() < 2 ? 0.0 : sum / static_cast<double>(values.size() - 1);
}

bool zero_or_one(const Samples& samples) {
    return std::all_of(samples.values.begin(), samples.values.end(), [](double x) { return x == 0.0 || x == 1.0; });
}

double half_width(const std::optional<std::array<double, 2>>& ci95) {
    return ci95 ? 0.5 * ((*ci95)[1] - (*ci95)[0]) : 0.0;
}

// Of a perfect share, which resampling gives no interval: Wilson's of n right (or wrong) answers.
std::optional<std::array<double, 2>> interval_of(const Metric& metric, std::int64_t n, const std::string& unit) {
    if (metric.ci95 || !metric.value) return metric.ci95;
    if (unit.empty() && n > 0 && (*metric.value == 1.0 || *metric.value == 0.0)) {
        return wilson_ci95(*metric.value == 1.0 ? n : 0, n);
    }
    return std::nullopt;
}

// McNemar's test needs `fewest` changed answers even if all change the same way; `fewest` + 0.84 sqrt(fewest) are
// expected where it gets them in 4 of 5 comparisons. Where `changed` others change half this way, half that, the
// statistic is (added) / sqrt(changed + added), whose deviation follows from Poisson counts to first order.
double mcnemar_detectable(double level, double changed, double n) {
    const double fewest = std::ceil(1.0 - std::log2(level));
    const double z = upper_normal_quantile(0.5 * level);
    const auto found = [&](double added) {
        const double all = changed + added;
        const double tilt = 0.5 * added / all;
        const double variance =
            ((0.5 * changed + added) * (1.0 - tilt) * (1.0 - tilt) + 0.5 * changed * (1.0 + tilt) * (1.0 + tilt)) / all;
        return added / std::sqrt(all) >= z + z_power * std::sqrt(variance);
    };
    double low = fewest + z_power * std::sqrt(fewest);
    if (found(low)) return low / n;
    double high = 2.0 * low;
    while (!found(high)) high *= 2.0;
    for (int step = 0; step < 50; ++step) {
        const double middle = 0.5 * (low + high);
        (found(middle) ? high : low) = middle;
    }
    return high / n;
}

}  // namespace

double upper_normal_quantile(double p) {
    double low = -40.0;
    double high = 40.0;
    for (int step = 0; step < 100; ++step) {
        const double middle = 0.5 * (low + high);
        (one_sided_p(middle) > p ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

double normal_detectable(double level, double deviation) {
    return (upper_normal_quantile(0.5 * level) + z_power) * deviation;
}

TestedChange test_pairs(MeasureChange change, const Samples& base, const Samples& fresh) {
    const auto summary = base.median ? SampleSummary::median : SampleSummary::mean;
    const PairedChange paired = paired_change(base.values, fresh.values, base.strata, summary, seed);
    change.difference = paired.difference;
    change.ci95 = paired.ci95;
    change.p = paired.p;
    change.margin = paired_margin * half_width(interval_of(*change.base, change.base_n, change.unit));
    const auto n = static_cast<double>(base.values.size());
    std::vector<double> changes(base.values.size());
    std::transform(fresh.values.begin(), fresh.values.end(), base.values.begin(), changes.begin(), std::minus<>());
    if (!base.median && zero_or_one(base) && zero_or_one(fresh)) {
        change.test = "McNemar";
        const auto changed = static_cast<double>(
            std::count_if(changes.begin(), changes.end(), [](double difference) { return difference != 0.0; }));
        return {std::move(change), [changed, n](double level) { return mcnemar_detectable(level, changed, n); }};
    }
    change.test = "swapped pairs";
    // Runs that hardly differ do not tell how a real change would scatter from image to image: at most as if the runs
    // had nothing in common.
    const double apart = variance(base.values) + variance(fresh.values);
    double deviation = std::sqrt(variance(changes) / n);
    const bool alike = variance(changes) < 0.01 * apart;
    if (alike) deviation = std::sqrt(apart / n);
    if (base.median) {
        deviation = alike || !change.ci95
                        ? std::hypot(half_width(change.base->ci95), half_width(change.fresh->ci95)) / z95
                        : half_width(change.ci95) / z95;
    }
    return {std::move(change), [deviation](double level) { return normal_detectable(level, deviation); }};
}

TestedChange test_intervals(MeasureChange change, const std::optional<TrainingScatter>& scatter) {
    const double base = *change.base->value;
    const double fresh = *change.fresh->value;
    const auto base_ci = interval_of(*change.base, change.base_n, change.unit);
    const auto fresh_ci = interval_of(*change.fresh, change.fresh_n, change.unit);
    change.difference = fresh - base;
    change.test = "intervals";
    if (!base_ci || !fresh_ci) {
        if (fresh == base) {
            change.verdict = Verdict::unchanged;
        } else {
            change.why = fmt::format("no interval in {} and no pairs", !base_ci ? "BASE" : "NEW");
        }
        return {std::move(change), {}};
    }
    const double between = scatter ? std::sqrt(2.0) * scatter->deviation : 0.0;
    const double below = std::hypot(fresh - (*fresh_ci)[0], (*base_ci)[1] - base, z95 * between);
    const double above = std::hypot((*fresh_ci)[1] - fresh, base - (*base_ci)[0], z95 * between);
    change.ci95 = {*change.difference - below, *change.difference + above};
    change.margin = *change.difference > 0.0 ? below : above;
    const double deviation = std::max(below, above) / z95;
    if (between == 0.0) {
        change.p = *change.margin > 0.0 ? two_sided_p(z95 * *change.difference / *change.margin)
                                        : (*change.difference == 0.0 ? 1.0 : 0.0);
        return {std::move(change), [deviation](double level) { return normal_detectable(level, deviation); }};
    }
    // How the images scatter is known well, how the trainings do by as many as there were.
    const double towards = *change.margin / z95;
    const double freedom = std::min((scatter->trainings - 1) * std::pow(towards / between, 4), 1e6);
    change.p = 2.0 * student_t_cdf(-std::abs(*change.difference) / towards, freedom);
    return {std::move(change), [deviation, freedom](double level) {
                return (student_t_quantile(1.0 - 0.5 * level, freedom) + z_power) * deviation;
            }};
}

TestedChange test_speeds(MeasureChange change, const RelativeSpeeds& base, const RelativeSpeeds& fresh) {
    change.test = "repeats";
    if (base.repeats.size() < fewest_repeats || fresh.repeats.size() < fewest_repeats) {
        change.why = fmt::format("{} and {} repeats (their scatter needs {} in each)", base.repeats.size(),
                                 fresh.repeats.size(), fewest_repeats);
        return {std::move(change), {}};
    }
    const auto logarithms = [](const RelativeSpeeds& speeds) {
        std::vector<double> result;
        for (const double value : speeds.repeats) result.push_back(std::log(value));
        return result;
    };
    const auto before = logarithms(base);
    const auto after = logarithms(fresh);
    const double difference = mean(after) - mean(before);
    const double deviation = std::sqrt(
        variance(before) / static_cast<double>(before.size()) + variance(after) / static_cast<double>(after.size()) +
        2.0 * speed_scatter * speed_scatter + base.scatter * base.scatter + fresh.scatter * fresh.scatter);
    change.difference = std::expm1(difference);
    change.ci95 = {std::expm1(difference - z95 * deviation), std::expm1(difference + z95 * deviation)};
    change.margin = -std::expm1(-z95 * deviation);
    change.p = two_sided_p(difference / deviation);
    // How much slower: that many percent less.
    return {std::move(change), [deviation](double level) { return -std::expm1(-normal_detectable(level, deviation)); }};
}

void judge(std::vector<TestedChange>& changes) {
    std::vector<double> p_values;
    for (const TestedChange& tested : changes) {
        if (tested.change.p) p_values.push_back(*tested.change.p);
    }
    if (p_values.empty()) return;
    const auto adjusted = holm_adjusted(p_values);
    const double level = false_alarm_rate / static_cast<double>(p_values.size());
    std::size_t next = 0;
    for (TestedChange& tested : changes) {
        MeasureChange& change = tested.change;
        if (!change.p) continue;
        change.p_holm = adjusted[next++];
        change.detectable = std::max(*change.margin, tested.detectable(level));
        const double difference = *change.difference;
        // A speed's difference is how much faster it is, whatever it was measured in.
        const bool up_is_better = change.kind == MeasureKind::speed || change.better == Better::higher;
        if (*change.p_holm > false_alarm_rate || std::abs(difference) <= *change.margin) {
            change.verdict = Verdict::unchanged;
        } else {
            change.verdict = (difference > 0.0) == up_is_better ? Verdict::improvement : Verdict::regression;
        }
    }
}

}  // namespace braggbench
