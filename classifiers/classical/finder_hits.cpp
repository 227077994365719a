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
        std::vector<FindPeaksOptions> choices;
        for (const double threshold : threshold_choices) {
            if (threshold_of(options_) < 0.0) choices.push_back(with_threshold(threshold));
        }
        if (choices.empty()) choices.push_back(options_);
        const auto counts = count_peaks(job.corpus, job.validation.indices, choices, job.threads, job.progress);
        for (std::size_t c = 0; c < choices.size(); ++c) {
            const auto rule = fit_peak_count_rule(counts[c], job.validation.targets);
            const bool better = rule.balanced_accuracy > rule_.balanced_accuracy ||
                                (rule.balanced_accuracy == rule_.balanced_accuracy && rule.log_loss < rule_.log_loss);
            if (c > 0 && !better) continue;
            rule_ = rule;
            options_ = choices[c];
        }
        return {{"threshold_photons", threshold_of(options_)},
                {"threshold_peaks", rule_.threshold},
                {"steepness", rule_.steepness},
                {"validation_balanced_accuracy", rule_.balanced_accuracy}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        std::vector<std::vector<float>> rows;
        const auto counts = count_peaks(corpus, indices, {&options_, 1}, threads, progress);
        for (const int count : counts.front()) {
            const double p = rule_.probability(count);
            rows.push_back({static_cast<float>(1.0 - p), static_cast<float>(p)});
        }
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "threshold_photons" << threshold_of(options_) << "threshold_peaks" << rule_.threshold << "steepness"
                << rule_.steepness << "balanced_accuracy" << rule_.balanced_accuracy;
    }

    void read(const cv::FileNode& node) override {
        double photons = -1.0;
        node["threshold_photons"] >> photons;
        options_ = with_threshold(photons);
        node["threshold_peaks"] >> rule_.threshold;
        node["steepness"] >> rule_.steepness;
        node["balanced_accuracy"] >> rule_.balanced_accuracy;
        if (!(photons >= 0.0) || rule_.threshold < 1 || !(rule_.steepness > 0.0)) throw DataError("no rule");
    }

private:
    static double threshold_of(const FindPeaksOptions& options) {
        return options.finder == PeakFinder::peakfinder8 ? options.peakfinder8.threshold
                                                         : options.dispersion.global_threshold;
    }
    [[nodiscard]] FindPeaksOptions with_threshold(double photons) const {
        FindPeaksOptions options = options_;
        options.peakfinder8.threshold = options.dispersion.global_threshold = photons;
        return options;
    }

    FindPeaksOptions options_;
    PeakCountRule rule_;
};

}  // namespace

std::vector<std::vector<int>> count_peaks(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                          std::span<const FindPeaksOptions> finders, unsigned threads,
                                          const ClassicalProgress& progress) {
    std::vector<std::vector<int>> counts(finders.size(), std::vector<int>(indices.size()));
    if (indices.empty()) return counts;
    // Mask, beam, gain and offset are the same for all images of a corpus; reading them anew costs more than the peaks.
    const DetectorImage frame = ImageFile(corpus.path()).read(indices.front());
    for_each_counted(std::ssize(indices), threads, progress, [&](std::int64_t i) {
        const auto k = static_cast<std::size_t>(i);
        const auto values = corpus.shared_image(indices[k]);
        DetectorImage image = frame;
        for (std::size_t p = 0; p < values->size(); ++p) {
            image.values.pixels[p] = frame.valid.pixels[p] != 0 ? static_cast<float>(values->pixels[p]) : 0.0F;
        }
        for (std::size_t f = 0; f < finders.size(); ++f) {
            counts[f][k] = static_cast<int>(find_peaks(image, finders[f]).size());
        }
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
    rule.log_loss = surprise(rule.steepness) / static_cast<double>(counts.size());
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
