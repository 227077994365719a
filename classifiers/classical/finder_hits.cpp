#include "classifiers/classical/finder_hits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "classifiers/classical/calibrate.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

class FinderHits : public ClassicalModel {
public:
    FinderHits(PeakFinder finder, const SettingValues& settings) {
        options_.finder = finder;
        if (finder == PeakFinder::peakfinder8) {
            options_.peakfinder8.threshold = settings.at("threshold");
            options_.peakfinder8.min_snr = settings.at("min_snr");
            options_.peakfinder8.min_pixels = static_cast<int>(settings.at("min_pixels"));
            options_.peakfinder8.max_pixels = static_cast<int>(settings.at("max_pixels"));
            options_.peakfinder8.local_background_radius_px =
                static_cast<int>(settings.at("local_background_radius_px"));
        } else {
            options_.dispersion.global_threshold = settings.at("threshold");
            options_.dispersion.sigma_background = settings.at("sigma_background");
            options_.dispersion.sigma_strong = settings.at("sigma_strong");
            options_.dispersion.min_pixels = static_cast<int>(settings.at("min_pixels"));
            options_.dispersion.max_pixels = static_cast<int>(settings.at("max_pixels"));
        }
    }

    nlohmann::json fit(const FitJob& job) override {
        const auto counts = count_peaks(job.corpus, job.validation.indices, options_, job.threads, job.progress);
        rule_ = fit_peak_count_rule(counts, job.validation.targets);
        return {{"threshold_peaks", rule_.threshold},
                {"steepness", rule_.steepness},
                {"validation_balanced_accuracy", rule_.balanced_accuracy}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        std::vector<std::vector<float>> rows;
        for (const int count : count_peaks(corpus, indices, options_, threads, progress)) {
            const double p = rule_.probability(count);
            rows.push_back({static_cast<float>(1.0 - p), static_cast<float>(p)});
        }
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "threshold_peaks" << rule_.threshold << "steepness" << rule_.steepness << "balanced_accuracy"
                << rule_.balanced_accuracy;
    }

    void read(const cv::FileNode& node) override {
        node["threshold_peaks"] >> rule_.threshold;
        node["steepness"] >> rule_.steepness;
        node["balanced_accuracy"] >> rule_.balanced_accuracy;
        if (rule_.threshold < 1 || !(rule_.steepness > 0.0)) throw DataError("no rule");
    }

private:
    FindPeaksOptions options_;
    PeakCountRule rule_;
};

}  // namespace

std::vector<int> count_peaks(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                             const FindPeaksOptions& options, unsigned threads, const ClassicalProgress& progress) {
    const ImageFile file(corpus.path());
    std::vector<int> counts(indices.size());
    for_each_counted(std::ssize(indices), threads, progress, [&](std::int64_t i) {
        const auto k = static_cast<std::size_t>(i);
        counts[k] = static_cast<int>(find_peaks(file.read(indices[k]), options).size());
    });
    return counts;
}

double PeakCountRule::probability(int count) const {
    return 1.0 / (1.0 + std::pow((threshold + 0.5) / (count + 1.0), steepness));
}

PeakCountRule fit_peak_count_rule(std::span<const int> counts, std::span<const int> truth) {
    const auto hits = std::ranges::count(truth, 1);
    const auto misses = std::ssize(truth) - hits;
    if (hits == 0 || misses == 0) {
        throw UsageError(fmt::format(
            "{} hits and {} misses to choose a number of peaks by (it takes both). Use a corpus whose validation split "
            "has images with and without crystals.",
            hits, misses));
    }
    const int most = std::ranges::max(counts);
    PeakCountRule rule;
    rule.balanced_accuracy = -1.0;
    int last = 0;
    for (int threshold = 1; threshold <= most + 1; ++threshold) {
        std::int64_t right_hits = 0;
        std::int64_t right_misses = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const bool called = counts[i] >= threshold;
            right_hits += called && truth[i] == 1 ? 1 : 0;
            right_misses += !called && truth[i] != 1 ? 1 : 0;
        }
        const double score = 0.5 * (static_cast<double>(right_hits) / static_cast<double>(hits) +
                                    static_cast<double>(right_misses) / static_cast<double>(misses));
        if (score > rule.balanced_accuracy) {
            rule.threshold = last = threshold;
            rule.balanced_accuracy = score;
        } else if (score == rule.balanced_accuracy && last == threshold - 1) {
            last = threshold;
        }
    }
    rule.threshold = (rule.threshold + last) / 2;
    const auto surprise = [&](double steepness) {
        PeakCountRule tried = rule;
        tried.steepness = steepness;
        double sum = 0.0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const double p = tried.probability(counts[i]);
            sum -= std::log(std::max(truth[i] == 1 ? p : 1.0 - p, 1e-12));
        }
        return sum;
    };
    rule.steepness = minimise_log_scale(surprise, 0.1, 10.0);
    return rule;
}

std::unique_ptr<ClassicalModel> make_peakfinder8_hits(const SettingValues& settings) {
    return std::make_unique<FinderHits>(PeakFinder::peakfinder8, settings);
}
std::unique_ptr<ClassicalModel> make_dispersion_hits(const SettingValues& settings) {
    return std::make_unique<FinderHits>(PeakFinder::dispersion, settings);
}
std::unique_ptr<ClassicalModel> make_dispersion_extended_hits(const SettingValues& settings) {
    return std::make_unique<FinderHits>(PeakFinder::dispersion_extended, settings);
}

}  // namespace braggbench
