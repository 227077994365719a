#include "classifiers/metric_psychometric.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "simulator/faults.hpp"

namespace braggbench {
namespace {

constexpr std::size_t max_groups = 200;
constexpr int lapse_steps = 5;
constexpr double significant_ratio = 3.841458820694124;  // 95 % quantile of chi squared, one degree of freedom
// Per standard deviation of strength. If one strength separates wrong from right, the likelihood rises with the slope
// for ever, and the midpoint tends to the middle of the gap.
constexpr double steepest = 200.0;

double x_of(double strength, const PsychometricOptions& options) {
    return options.scale == StrengthScale::logarithmic ? std::log(strength) : strength;
}

double strength_of(double x, const PsychometricOptions& options) {
    return options.scale == StrengthScale::logarithmic ? std::exp(x) : x;
}

double logistic(double eta) { return 1.0 / (1.0 + std::exp(-eta)); }

struct Group {
    double x = 0.0;  // standardised
    double count = 0.0;
    double right = 0.0;
};

// eta = a + b x
struct Line {
    double a = 0.0;
    double b = 0.0;
    double lapse = 0.0;
    double log_likelihood = -std::numeric_limits<double>::infinity();
};

double clipped(double p) { return std::clamp(p, 1e-12, 1.0 - 1e-12); }

double log_likelihood(const std::vector<Group>& groups, const Line& line, double chance) {
    double sum = 0.0;
    for (const auto& group : groups) {
        if (group.count == 0.0) continue;
        const double p = clipped(chance + (1.0 - chance - line.lapse) * logistic(line.a + line.b * group.x));
        sum += group.right * std::log(p) + (group.count - group.right) * std::log1p(-p);
    }
    return sum;
}

// Fisher scoring with halved steps, from `line` on, its lapse held.
Line climb(const std::vector<Group>& groups, Line line, double chance) {
    constexpr int max_iterations = 60;
    line.log_likelihood = log_likelihood(groups, line, chance);
    const double scale = 1.0 - chance - line.lapse;
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
        double score_a = 0.0, score_b = 0.0, aa = 1e-9, ab = 0.0, bb = 1e-9;
        for (const auto& group : groups) {
            if (group.count == 0.0) continue;
            const double f = logistic(line.a + line.b * group.x);
            const double p = clipped(chance + scale * f);
            const double dp = scale * f * (1.0 - f);
            const double score = (group.right - group.count * p) * dp / (p * (1.0 - p));
            const double weight = group.count * dp * dp / (p * (1.0 - p));
            score_a += score;
            score_b += score * group.x;
            aa += weight;
            ab += weight * group.x;
            bb += weight * group.x * group.x;
        }
        const double determinant = aa * bb - ab * ab;
        if (!(determinant > 0.0)) break;
        double step_a = (bb * score_a - ab * score_b) / determinant;
        double step_b = (aa * score_b - ab * score_a) / determinant;
        Line next = line;
        bool better = false;
        for (int halving = 0; halving < 30 && !better; ++halving) {
            next.a = line.a + step_a;
            next.b = line.b + step_b;
            if (std::abs(next.b) <= steepest && std::isfinite(next.a)) {
                next.log_likelihood = log_likelihood(groups, next, chance);
                better = next.log_likelihood > line.log_likelihood;
            }
            step_a *= 0.5;
            step_b *= 0.5;
        }
        if (!better) break;
        const double gain = next.log_likelihood - line.log_likelihood;
        line = next;
        if (gain < 1e-10) break;
    }
    return line;
}

Line best_line(const std::vector<Group>& groups, const std::vector<Line>& starts, const PsychometricOptions& options) {
    Line best;
    for (int step = 0; step <= lapse_steps; ++step) {
        for (Line start : starts) {
            start.lapse = options.max_lapse * step / lapse_steps;
            const Line line = climb(groups, start, options.chance);
            // Clearly better, so that the smallest of lapses as good as each other is taken.
            if (line.log_likelihood > best.log_likelihood + 1e-9) best = line;
        }
    }
    return best;
}

std::vector<Line> spread_starts() {
    std::vector<Line> starts;
    for (const double slope : {1.0, 4.0, -1.0, -4.0}) {
        for (const double middle : {-1.0, 0.0, 1.0}) starts.push_back({-slope * middle, slope, 0.0, 0.0});
    }
    return starts;
}

std::optional<double> crossing(const Line& line, double level, double chance) {
    const double f = (level - chance) / (1.0 - chance - line.lapse);
    if (!(f > 0.0 && f < 1.0) || line.b == 0.0) return std::nullopt;
    return (std::log(f / (1.0 - f)) - line.a) / line.b;
}

void check(std::span<const double> strengths, std::span<const int> right, const PsychometricOptions& options) {
    Faults faults;
    if (strengths.size() != right.size()) {
        faults.add(fmt::format("{} strengths for {} answers (one is needed for each). Give those of the same images.",
                               strengths.size(), right.size()));
    }
    faults.require(options.chance >= 0.0 && options.chance < 1.0, "chance", options.chance,
                   "the share of right answers by luck", "Give a number in [0, 1).");
    faults.require(options.bin_count >= 1, "bin_count", options.bin_count, "a table has rows", "Give 1 or more.");
    faults.require(options.max_lapse >= 0.0 && options.max_lapse <= 0.2, "max_lapse", options.max_lapse,
                   "a small share of errors", "Give a number in [0, 0.2].");
    const double level = options.threshold_accuracy.value_or(0.5 * (1.0 + options.chance));
    faults.require(level > options.chance && level < 1.0, "threshold_accuracy", level,
                   "the curve runs from chance to 1", "Give a number between chance and 1.");
    if (!std::is_sorted(options.bin_edges.begin(), options.bin_edges.end(), std::less_equal<>()) ||
        options.bin_edges.size() == 1) {
        faults.add("bin_edges do not ascend (each bin has a lower and a higher one). Give two or more, ascending.");
    }
    for (std::size_t i = 0; i < strengths.size(); ++i) {
        if (std::isfinite(x_of(strengths[i], options))) continue;
        faults.add(
            fmt::format("strength {} of image {} (a number is needed, for a logarithmic scale a positive one). "
                        "Leave out images without it.",
                        strengths[i], i));
        break;
    }
    faults.report();
}

std::vector<std::size_t> by_strength(std::span<const double> strengths) {
    std::vector<std::size_t> order(strengths.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return strengths[a] < strengths[b]; });
    return order;
}

// Where stretches of about `wanted` equal sizes begin, images of equal strength kept together; ends with the size.
std::vector<std::size_t> stretches(std::span<const double> strengths, const std::vector<std::size_t>& order,
                                   std::size_t wanted) {
    std::vector<std::size_t> begin = {0};
    for (std::size_t k = 1; k < wanted; ++k) {
        std::size_t cut = std::max(k * order.size() / wanted, begin.back());
        while (cut > 0 && cut < order.size() && strengths[order[cut]] == strengths[order[cut - 1]]) ++cut;
        if (cut > begin.back() && cut < order.size()) begin.push_back(cut);
    }
    begin.push_back(order.size());
    return begin;
}

std::vector<StrengthBin> strength_bins(std::span<const double> strengths, std::span<const int> right,
                                       const PsychometricOptions& options) {
    std::vector<StrengthBin> bins;
    const auto order = by_strength(strengths);
    std::vector<std::size_t> begin;
    if (options.bin_edges.empty()) {
        begin = stretches(strengths, order, static_cast<std::size_t>(options.bin_count));
    } else {
        for (const double edge : options.bin_edges) {
            const bool last = edge == options.bin_edges.back();
            const auto cut = std::partition_point(order.begin(), order.end(), [&](std::size_t i) {
                return last ? strengths[i] <= edge : strengths[i] < edge;
            });
            begin.push_back(static_cast<std::size_t>(cut - order.begin()));
        }
    }
    for (std::size_t b = 0; b + 1 < begin.size(); ++b) {
        StrengthBin bin;
        std::int64_t hits = 0;
        double sum = 0.0;
        for (std::size_t k = begin[b]; k < begin[b + 1]; ++k) {
            sum += strengths[order[k]];
            hits += right[order[k]] != 0 ? 1 : 0;
            ++bin.count;
        }
        if (bin.count > 0) bin.mean_strength = sum / static_cast<double>(bin.count);
        if (!options.bin_edges.empty()) {
            bin.low = options.bin_edges[b];
            bin.high = options.bin_edges[b + 1];
        } else if (bin.count > 0) {
            bin.low = strengths[order[begin[b]]];
            bin.high = strengths[order[begin[b + 1] - 1]];
        }
        bin.accuracy = proportion(hits, bin.count, options.chance);
        bins.push_back(bin);
    }
    return bins;
}

}  // namespace

double PsychometricFit::accuracy_at(double strength, const PsychometricOptions& options) const {
    return options.chance +
           (1.0 - options.chance - lapse) * logistic(slope * (x_of(strength, options) - x_of(midpoint, options)));
}

PsychometricCurve psychometric_curve(std::span<const double> strengths, std::span<const int> right, std::uint64_t seed,
                                     const PsychometricOptions& options) {
    check(strengths, right, options);
    PsychometricCurve curve;
    if (strengths.empty()) return curve;
    curve.bins = strength_bins(strengths, right, options);

    const auto n = static_cast<double>(strengths.size());
    std::vector<double> x;
    for (const double strength : strengths) x.push_back(x_of(strength, options));
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    double squares = 0.0;
    for (const double value : x) squares += (value - mean) * (value - mean);
    const double sigma = std::sqrt(squares / n);
    const auto [lowest, highest] = std::minmax_element(x.begin(), x.end());
    if (*lowest == *highest || !(sigma > 0.0)) return curve;

    const auto order = by_strength(x);
    const auto begin = stretches(x, order, std::min(max_groups, x.size()));
    std::vector<Group> groups(begin.size() - 1);
    std::vector<std::size_t> group_of(x.size());
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (std::size_t k = begin[g]; k < begin[g + 1]; ++k) {
            const std::size_t i = order[k];
            group_of[i] = g;
            groups[g].x += (x[i] - mean) / sigma;
            groups[g].count += 1.0;
            groups[g].right += right[i] != 0 ? 1.0 : 0.0;
        }
        groups[g].x /= groups[g].count;
    }
    const Line line = best_line(groups, spread_starts(), options);
    double hits = 0.0;
    for (const auto& group : groups) hits += group.right;
    const double flat = clipped(hits / n);
    const double flat_log_likelihood = hits * std::log(flat) + (n - hits) * std::log1p(-flat);
    const double midpoint = line.b == 0.0 ? mean : mean - sigma * line.a / line.b;
    curve.fit = PsychometricFit{strength_of(midpoint, options), line.b / sigma, line.lapse, line.log_likelihood,
                                flat_log_likelihood};

    const double level = options.threshold_accuracy.value_or(0.5 * (1.0 + options.chance));
    const auto threshold = crossing(line, level, options.chance);
    if (!threshold || 2.0 * (line.log_likelihood - flat_log_likelihood) < significant_ratio) return curve;
    const double at = mean + sigma * *threshold;
    if (at < *lowest || at > *highest) return curve;
    curve.threshold.value = strength_of(at, options);
    // Starting from the fit: a resample's own is near.
    const std::vector<int> strata(x.size(), 0);
    curve.threshold.ci95 = bootstrap_ci95(
        strata,
        [&](std::span<const int> counts) -> std::optional<double> {
            std::vector<Group> resample = groups;
            for (auto& group : resample) group.count = group.right = 0.0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                resample[group_of[i]].count += counts[i];
                resample[group_of[i]].right += right[i] != 0 ? counts[i] : 0;
            }
            const auto here = crossing(best_line(resample, {line}, options), level, options.chance);
            if (!here) return std::nullopt;
            return strength_of(mean + sigma * *here, options);
        },
        seed, options.resamples);
    return curve;
}

void to_json(nlohmann::json& json, const PsychometricCurve& curve) {
    nlohmann::json bins = nlohmann::json::array();
    for (const auto& bin : curve.bins) {
        bins.push_back({{"low", bin.low}, {"high", bin.high}, {"count", bin.count}, {"accuracy", bin.accuracy}});
        bins.back()["mean_strength"] = bin.mean_strength ? nlohmann::json(*bin.mean_strength) : nlohmann::json();
    }
    json = {{"bins", bins}, {"fit", nullptr}, {"threshold", curve.threshold}};
    if (curve.fit) {
        json["fit"] = {{"midpoint", curve.fit->midpoint},
                       {"slope", curve.fit->slope},
                       {"lapse", curve.fit->lapse},
                       {"log_likelihood", curve.fit->log_likelihood},
                       {"flat_log_likelihood", curve.fit->flat_log_likelihood}};
    }
}

}  // namespace braggbench
