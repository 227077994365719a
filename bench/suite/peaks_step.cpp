#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/find_peaks.hpp"
#include "classifiers/parallel.hpp"
#include "classifiers/score_peaks.hpp"
#include "datasets/image_file.hpp"
#include "explain/peak_bands.hpp"

namespace braggbench {
namespace {

// One image's found peaks against its visible ones.
struct ImageMatches {
    PeakMatches all;
    std::vector<PeakMatches> bands;  // of truth, as peak_bands has them; `found` means nothing
    std::vector<double> fast_offsets_px;
    std::vector<double> slow_offsets_px;
};

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

ImageMatches match(const std::vector<FoundPeak>& found, const std::vector<Peak>& peaks, double radius_px,
                   std::int64_t valid_pixels) {
    std::vector<PixelPosition> found_px;
    std::vector<PixelPosition> truth_px;
    std::vector<Peak> visible;
    for (const auto& peak : found) found_px.push_back({peak.fast_px, peak.slow_px});
    for (const auto& peak : peaks) {
        if (!peak.visible) continue;
        visible.push_back(peak);
        truth_px.push_back({static_cast<double>(peak.fast_px), static_cast<double>(peak.slow_px)});
    }
    ImageMatches result;
    result.all = match_peaks(found_px, truth_px, radius_px, valid_pixels);
    result.bands.resize(peak_bands.size());
    const double chance = visible.empty() ? 0.0 : result.all.expected_by_chance / static_cast<double>(visible.size());
    const auto for_each_band = [&](const Peak& peak, const auto& change) {
        for (std::size_t b = 0; b < peak_bands.size(); ++b) {
            const float value = peak.*peak_bands[b].member;
            if (value >= peak_bands[b].low && value < peak_bands[b].high) change(result.bands[b]);
        }
    };
    for (const auto& peak : visible) {
        for_each_band(peak, [&](PeakMatches& band) {
            ++band.truth;
            band.expected_by_chance += chance;
        });
    }
    for (const auto& pair : pair_peaks(found_px, truth_px, radius_px)) {
        for_each_band(visible[pair.truth], [](PeakMatches& band) { ++band.matched; });
        result.fast_offsets_px.push_back(found_px[pair.found].fast_px - truth_px[pair.truth].fast_px);
        result.slow_offsets_px.push_back(found_px[pair.found].slow_px - truth_px[pair.truth].slow_px);
    }
    return result;
}

// A share of each image's peaks, with chance as the mean of the images'.
class Shares {
public:
    void add(std::int64_t image, double part, double whole, double by_chance) {
        if (!(whole > 0.0)) return;
        values_.add(image, part / whole);
        chance_ += by_chance / whole;
    }
    [[nodiscard]] Measure measure(const MeasureMaker& maker, const std::string& id) const {
        std::optional<double> chance;
        if (!values_.values.empty()) chance = chance_ / static_cast<double>(values_.values.size());
        return maker.of(id, values_, Better::higher, chance);
    }

private:
    ImageValues values_;
    double chance_ = 0.0;
};

std::string band_name(const PeakBand& band) {
    return std::isinf(band.high) ? fmt::format("{}_{:g}_up", band.quantity, band.low)
                                 : fmt::format("{}_{:g}_{:g}", band.quantity, band.low, band.high);
}

void add_measures(std::vector<Measure>& measures, const std::string& finder, const MeasureMaker& maker,
                  const std::vector<std::int64_t>& images, const std::vector<ImageMatches>& matches) {
    Shares precision;
    Shares recall;
    Shares f1;
    std::vector<Shares> bands(peak_bands.size());
    ImageValues fast;
    ImageValues slow;
    ImageValues false_peaks;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto& of_image = matches[i];
        const auto found = static_cast<double>(of_image.all.found);
        const auto truth = static_cast<double>(of_image.all.truth);
        const auto matched = static_cast<double>(of_image.all.matched);
        const double by_chance = of_image.all.expected_by_chance;
        if (truth > 0.0) {
            precision.add(images[i], matched, found, by_chance);
            recall.add(images[i], matched, truth, by_chance);
            f1.add(images[i], 2.0 * matched, found + truth, 2.0 * by_chance);
        } else {
            false_peaks.add(images[i], found);
        }
        for (std::size_t b = 0; b < bands.size(); ++b) {
            const auto& band = of_image.bands[b];
            bands[b].add(images[i], static_cast<double>(band.matched), static_cast<double>(band.truth),
                         band.expected_by_chance);
        }
        if (of_image.fast_offsets_px.empty()) continue;
        fast.add(images[i], std::abs(median(of_image.fast_offsets_px)));
        slow.add(images[i], std::abs(median(of_image.slow_offsets_px)));
    }
    const auto id = [&](const std::string& measure) { return finder + "/" + measure; };
    measures.push_back(precision.measure(maker, id("precision")));
    measures.push_back(recall.measure(maker, id("recall")));
    measures.push_back(f1.measure(maker, id("f1")));
    for (std::size_t b = 0; b < bands.size(); ++b) {
        measures.push_back(bands[b].measure(maker, id("recall/" + band_name(peak_bands[b]))));
    }
    measures.push_back(maker.of(id("fast_offset"), fast, Better::lower, {}, Statistic::mean, "px"));
    measures.push_back(maker.of(id("slow_offset"), slow, Better::lower, {}, Statistic::mean, "px"));
    measures.push_back(maker.of(id("false_peaks_per_empty_image"), false_peaks, Better::lower, {}));
}

}  // namespace

StepResult run_peaks_step(const PeaksStep& step, const std::filesystem::path& corpus, const StepWork& work) {
    const CorpusReader reader(corpus);
    const ImageFile file(corpus);
    const auto images = reader.indices(split_of(step.split));
    const MeasureMaker maker(reader, "");
    StepResult result;
    std::mutex mutex;
    const auto total = static_cast<std::int64_t>(images.size() * step.finders.size());
    std::int64_t done = 0;
    for (const auto& finder : step.finders) {
        FindPeaksOptions options;
        options.finder = peak_finder_of(finder);
        options.peakfinder8.threshold = options.dispersion.global_threshold = step.threshold;
        std::vector<ImageMatches> matches(images.size());
        for_each_index(
            static_cast<std::int64_t>(images.size()),
            [&](std::int64_t k) {
                const auto i = static_cast<std::size_t>(k);
                const auto image = file.read(images[i]);
                const auto valid = image.valid.pixels.empty()
                                       ? static_cast<std::ptrdiff_t>(image.values.size())
                                       : std::ranges::count_if(image.valid.pixels, [](auto v) { return v != 0; });
                matches[i] = match(find_peaks(image, options), reader.peaks(images[i]), step.radius_px, valid);
                const std::scoped_lock lock(mutex);
                work.progress(++done, total);
            },
            static_cast<unsigned>(work.threads));
        add_measures(result.measures, finder, maker, images, matches);
    }
    return result;
}

}  // namespace braggbench
