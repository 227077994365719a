// Prints how often 95 % intervals hold the truth, how often a comparison of two runs
// between which nothing changed reports a change, and how often changes as large as stated are found.
// Usage: interval_coverage [wilson | bootstrap | paired | alarms | power] [simulations, default 2000]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bench/accuracy/simulated_runs.hpp"
#include "bench/results/comparison.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_paired.hpp"
#include "classifiers/metric_ranking.hpp"
#include "classifiers/parallel.hpp"
#include "explain/explanation_rows.hpp"

namespace braggbench {
namespace {

using Interval = std::optional<std::array<double, 2>>;

struct Coverage {
    int held = 0, above = 0, below = 0, undefined = 0;
};

// How often interval(random) holds `truth`; undefined ones are counted by themselves.
Coverage coverage(int simulations, double truth, const std::function<Interval(RandomStream&)>& interval) {
    std::vector<Interval> intervals(static_cast<std::size_t>(simulations));
    for_each_index(simulations, [&](std::int64_t i) {
        RandomStream random(11, static_cast<std::uint64_t>(i), simulation_stage);
        intervals[static_cast<std::size_t>(i)] = interval(random);
    });
    Coverage result;
    for (const Interval& one : intervals) {
        if (!one) {
            ++result.undefined;
        } else if (truth < (*one)[0] - 1e-12) {
            ++result.above;
        } else if (truth > (*one)[1] + 1e-12) {
            ++result.below;
        } else {
            ++result.held;
        }
    }
    return result;
}

void print_row(const std::string& what, const Coverage& c) {
    const int defined = c.held + c.above + c.below;
    const auto share = [&](int count) { return defined > 0 ? 100.0 * count / defined : 0.0; };
    fmt::print("| {} | {:.1f} % | {:.1f} % | {:.1f} % | {:.1f} % |\n", what, share(c.held), share(c.below),
               share(c.above), 100.0 * c.undefined / std::max(1, defined + c.undefined));
    std::fflush(stdout);
}

void print_header() {
    fmt::print(
        "| interval | holds the truth | ends below it | begins above it | undefined |\n| --- | --- | --- | --- | --- "
        "|\n");
}

// Exact: the sum over all numbers of right answers.
double wilson_coverage(int n, double p) {
    double held = 0.0;
    for (int k = 0; k <= n; ++k) {
        const auto ci = wilson_ci95(k, n);
        if (p < ci[0] || p > ci[1]) continue;
        held += std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + k * std::log(p) +
                         (n - k) * std::log1p(-p));
    }
    return held;
}

void print_wilson() {
    fmt::print(
        "| images | p = 0.5 | 0.8 | 0.9 | 0.95 | 0.99 | mean, p from 0.5 to 0.99 | least |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (const int n : {20, 50, 100, 200, 400, 1000}) {
        std::string row = fmt::format("| {} |", n);
        for (const double p : {0.5, 0.8, 0.9, 0.95, 0.99})
            row += fmt::format(" {:.1f} % |", 100 * wilson_coverage(n, p));
        double sum = 0.0;
        double least = 1.0;
        constexpr int steps = 2000;
        for (int i = 0; i <= steps; ++i) {
            const double c = wilson_coverage(n, 0.5 + 0.49 * i / steps);
            sum += c / (steps + 1);
            least = std::min(least, c);
        }
        fmt::print("{} {:.1f} % | {:.1f} % |\n", row, 100 * sum, 100 * least);
    }
}

// Scores of two normals a distance apart.
struct Binormal {
    double distance;
    int positives, negatives;

    void draw(RandomStream& random, std::vector<int>& truth, std::vector<double>& scores) const {
        for (int i = 0; i < positives + negatives; ++i) {
            truth.push_back(i < positives ? 1 : 0);
            scores.push_back(random.normal() + (i < positives ? distance : 0.0));
        }
    }
    [[nodiscard]] double auc() const { return 0.5 * std::erfc(-distance / 2.0); }
    // The integral of precision over recall, at this share of positives.
    [[nodiscard]] double average_precision() const {
        const double share = static_cast<double>(positives) / (positives + negatives);
        const auto above = [](double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); };
        double area = 0.0;
        constexpr int steps = 200000;
        for (int i = 0; i < steps; ++i) {
            const double x = -10.0 + (20.0 + distance) * (i + 0.5) / steps;
            const double density = std::exp(-0.5 * (x - distance) * (x - distance)) / std::sqrt(2.0 * M_PI);
            const double right = share * above(x - distance);
            const double precision = right / (right + (1.0 - share) * above(x));
            area += precision * density * (20.0 + distance) / steps;
        }
        return area;
    }
};

void print_bootstrap(int simulations) {
    print_header();
    for (const int each : {20, 50, 200}) {
        for (const double recall : {0.8, 0.95}) {
            // Five classes, the last one harder; all else goes to the next class.
            std::vector<double> recalls(5, recall);
            recalls[4] = recall - 0.2;
            double mean = 0.0;
            for (const double r : recalls) mean += r / 5.0;
            const auto confusion = [&](RandomStream& random) {
                std::vector<int> truth;
                std::vector<int> called;
                for (int c = 0; c < 5; ++c) {
                    for (int i = 0; i < each; ++i) {
                        truth.push_back(c);
                        called.push_back(random.uniform() < recalls[static_cast<std::size_t>(c)] ? c : (c + 1) % 5);
                    }
                }
                return confusion_matrix(truth, called, 5);
            };
            print_row(fmt::format("balanced accuracy {:.2f}, 5 x {} images", mean, each),
                      coverage(simulations, mean, [&](RandomStream& r) { return recall_mean_ci95(confusion(r)); }));
            print_row(fmt::format("the same by quantiles of resamples"),
                      coverage(simulations, mean,
                               [&](RandomStream& r) { return bootstrap_ci95(confusion(r), balanced_accuracy, 1); }));
        }
    }
    for (const auto& [positives, negatives] : {std::pair{20, 20}, {50, 50}, {30, 170}, {200, 200}}) {
        for (const double distance : {1.0, 2.0, 3.0}) {
            const Binormal law{distance, positives, negatives};
            print_row(fmt::format("ROC-AUC {:.3f}, {} + {} images", law.auc(), positives, negatives),
                      coverage(simulations, law.auc(), [&](RandomStream& random) {
                          std::vector<int> truth;
                          std::vector<double> scores;
                          law.draw(random, truth, scores);
                          return roc_auc(truth, scores).ci95;
                      }));
            print_row(
                fmt::format("average precision {:.3f}, {} + {} images", law.average_precision(), positives, negatives),
                coverage(simulations, law.average_precision(), [&](RandomStream& random) {
                    std::vector<int> truth;
                    std::vector<double> scores;
                    law.draw(random, truth, scores);
                    return average_precision(truth, scores, 1).ci95;
                }));
        }
    }
    for (const int images : {15, 30, 60, 200}) {
        // sLift of maps: a factor whose logarithm is normal, in three classes of equal law.
        print_row(fmt::format("median sLift 3, {} maps", images), coverage(simulations, 3.0, [&](RandomStream& random) {
                      std::vector<Sample> samples;
                      for (int i = 0; i < images; ++i)
                          samples.push_back({i % 3, 3.0 * std::exp(0.7 * random.normal())});
                      return estimate(samples, Statistic::median, 1).ci95;
                  }));
    }
}

void print_paired(int simulations) {
    print_header();
    for (const int images : {50, 100, 400}) {
        for (const auto& [lost, gained] : {std::pair{0.05, 0.05}, {0.1, 0.02}}) {
            print_row(
                fmt::format("accuracy, {} images, {:.0f} % lost, {:.0f} % gained", images, 100 * lost, 100 * gained),
                coverage(simulations, gained - lost, [&, lost = lost, gained = gained](RandomStream& random) {
                    std::vector<double> before;
                    std::vector<double> after;
                    for (int i = 0; i < images; ++i) {
                        const double u = random.uniform();
                        before.push_back(u < lost || u > 0.3 ? 1.0 : 0.0);
                        after.push_back((u > lost && u < lost + gained) || u > 0.3 ? 1.0 : 0.0);
                    }
                    return paired_change(before, after, {}, SampleSummary::mean, 1).ci95;
                }));
        }
    }
    for (const int images : {30, 60, 200}) {
        for (const auto summary : {SampleSummary::mean, SampleSummary::median}) {
            const bool median = summary == SampleSummary::median;
            const double truth = 3.0 * 0.1 * (median ? 1.0 : std::exp(0.5 * 0.49));
            print_row(fmt::format("{} sLift, {} maps, 10 % more", median ? "median" : "mean", images),
                      coverage(simulations, truth, [&](RandomStream& random) {
                          std::vector<double> before;
                          std::vector<double> after;
                          for (int i = 0; i < images; ++i) {
                              const double common = 0.6 * random.normal();
                              const double own = std::sqrt(0.49 - 0.36);
                              before.push_back(3.0 * std::exp(common + own * random.normal()));
                              after.push_back(3.3 * std::exp(common + own * random.normal()));
                          }
                          return paired_change(before, after, {}, summary, 1).ci95;
                      }));
        }
    }
}

void print_alarms(int simulations) {
    fmt::print(
        "| measures | comparisons | with a change | of them a regression | tests with p <= 0.05 |\n"
        "| --- | --- | --- | --- | --- |\n");
    for (const int groups : {1, 5, 20}) {
        std::vector<int> changed(static_cast<std::size_t>(simulations));
        std::vector<int> worse(changed.size());
        std::vector<double> small(changed.size());
        std::size_t measures = 0;
        for_each_index(simulations, [&](std::int64_t i) {
            const auto key = static_cast<std::uint64_t>(i);
            const auto comparison =
                compare_results(simulated_run(groups, key, 0, {}), simulated_run(groups, key, 1, {}));
            const auto place = static_cast<std::size_t>(i);
            worse[place] = comparison.count(Verdict::regression) > 0 ? 1 : 0;
            changed[place] = worse[place] != 0 || comparison.count(Verdict::improvement) > 0 ? 1 : 0;
            for (const MeasureChange& change : comparison.changes) {
                small[place] +=
                    change.p && *change.p <= 0.05 ? 1.0 / static_cast<double>(comparison.changes.size()) : 0.0;
            }
            if (i == 0) measures = comparison.changes.size();
        });
        const auto sum = [](const auto& values) {
            double total = 0.0;
            for (const auto value : values) total += value;
            return total;
        };
        fmt::print("| {} | {} | {:.2f} % | {:.2f} % | {:.1f} % |\n", measures, simulations,
                   100.0 * sum(changed) / simulations, 100.0 * sum(worse) / simulations,
                   100.0 * sum(small) / simulations);
        std::fflush(stdout);
    }
}

void print_power(int simulations) {
    const Results base = simulated_run(5, 0, 0, {});
    const auto same = compare_results(base, simulated_run(5, 0, 1, {}));
    fmt::print("{} measures in the comparison.\n\n", same.changes.size());
    fmt::print(
        "| measure | value | detectable | found at half of it | at it | at twice |\n"
        "| --- | --- | --- | --- | --- | --- |\n");
    for (const std::string& id : simulated_measures()) {
        // The mean of what such comparisons state.
        double detectable = 0.0;
        double value = 0.0;
        constexpr int states = 50;
        for (int i = 0; i < states; ++i) {
            const auto key = static_cast<std::uint64_t>(i);
            const auto one = compare_results(simulated_run(5, key, 0, {}), simulated_run(5, key, 1, {}));
            for (const MeasureChange& change : one.changes) {
                if (change.id != "0/" + id) continue;
                detectable += *change.detectable / states;
                value += *change.base->value / states;
            }
        }
        std::string row = fmt::format("| {} | {:.3g} | {:.3g} |", id, value, detectable);
        for (const double part : {0.5, 1.0, 2.0}) {
            std::vector<int> found(static_cast<std::size_t>(simulations));
            for_each_index(simulations, [&](std::int64_t i) {
                const auto key = static_cast<std::uint64_t>(i);
                const auto comparison = compare_results(simulated_run(5, key, 0, {}),
                                                        simulated_run(5, key, 1, {"0/" + id, part * detectable}));
                for (const MeasureChange& change : comparison.changes) {
                    if (change.id == "0/" + id) {
                        found[static_cast<std::size_t>(i)] = change.verdict == Verdict::regression ? 1 : 0;
                    }
                }
            });
            double sum = 0.0;
            for (const int one : found) sum += one;
            row += fmt::format(" {:.0f} % |", 100.0 * sum / simulations);
        }
        fmt::print("{}\n", row);
        std::fflush(stdout);
    }
}

void print(const std::string& only, int simulations) {
    const auto wanted = [&](const char* what) { return only.empty() || only == what; };
    if (wanted("wilson")) print_wilson();
    if (wanted("bootstrap")) print_bootstrap(simulations);
    if (wanted("paired")) print_paired(simulations);
    if (wanted("alarms")) print_alarms(simulations);
    if (wanted("power")) print_power(simulations);
}

}  // namespace
}  // namespace braggbench

int main(int argc, char** argv) {
    braggbench::print(argc > 1 ? argv[1] : "", argc > 2 ? std::atoi(argv[2]) : 2000);
    return 0;
}
