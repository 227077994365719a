#include "classifiers/peak_benchmark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/parallel.hpp"
#include "datasets/image_file.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/response.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr double infinity = std::numeric_limits<double>::infinity();

double spot_size_px(const Peak& peak) {
    const double determinant = static_cast<double>(peak.var_fast_px2) * static_cast<double>(peak.var_slow_px2) -
                               static_cast<double>(peak.cov_px2) * static_cast<double>(peak.cov_px2);
    return std::pow(std::max(determinant, 0.0), 0.25);
}

struct Quantity {
    const char* key;
    double (*of)(const Peak&);
    std::vector<double> edges;  // a band is from an edge, included, to the next
    bool of_place;              // also known of a place where nothing is: then bands have a precision
};

const std::vector<Quantity>& quantities() {
    static const std::vector<Quantity> all = {
        {"by_snr", [](const Peak& peak) { return static_cast<double>(peak.snr); }, {5, 7, 10, 20, 50, infinity}, false},
        {"by_d_A", [](const Peak& peak) { return static_cast<double>(peak.d_A); }, {0, 2.5, 3.5, 5, 8, infinity}, true},
        {"by_size_px", spot_size_px, {0, 0.5, 0.75, 1, 1.5, infinity}, false},
        {"by_background_photons",
         [](const Peak& peak) { return static_cast<double>(peak.background_photons); },
         {0, 0.3, 1, 3, 10, 30, infinity},
         false}};
    return all;
}

std::optional<std::size_t> band_of(const Quantity& quantity, double value) {
    if (!(value >= quantity.edges.front())) return std::nullopt;
    const auto above = std::upper_bound(quantity.edges.begin(), quantity.edges.end() - 1, value);
    return static_cast<std::size_t>(std::distance(quantity.edges.begin(), above)) - 1;
}

// The resolution of places of the image, with the detector moved in its plane to each image's own beam.
class Resolution {
public:
    explicit Resolution(const CorpusReader& corpus) : corpus_(corpus) {
        const Panel& lead = corpus.info().detector.panels.front();
        beam_fast_px_ = -lead.origin_mm.dot(lead.fast_axis) / lead.pixel_size_mm;
        beam_slow_px_ = -lead.origin_mm.dot(lead.slow_axis) / lead.pixel_size_mm;
    }

    [[nodiscard]] double d_A(std::int64_t image, const PixelPosition& place) const {
        const CorpusInfo& info = corpus_.info();
        const Panel* panel = panel_at(info.detector, place.fast_px, place.slow_px);
        if (panel == nullptr) return -1.0;
        const ImageTruth& truth = corpus_.truth()[static_cast<std::size_t>(image)];
        const Panel& lead = info.detector.panels.front();
        Eigen::Vector3d position_mm =
            lab_from_panel_mm(*panel, place.fast_px - panel->image_fast_px, place.slow_px - panel->image_slow_px);
        if (std::isfinite(truth.beam_fast_px) && std::isfinite(truth.beam_slow_px)) {
            position_mm +=
                lead.pixel_size_mm * ((beam_fast_px_ - static_cast<double>(truth.beam_fast_px)) * lead.fast_axis +
                                      (beam_slow_px_ - static_cast<double>(truth.beam_slow_px)) * lead.slow_axis);
        }
        const double cos_two_theta = position_mm.z() / position_mm.norm();
        return info.wavelength_A / std::sqrt(std::max(2.0 * (1.0 - cos_two_theta), 1e-12));
    }

private:
    const CorpusReader& corpus_;
    double beam_fast_px_ = 0.0;
    double beam_slow_px_ = 0.0;
};

struct Counts {
    double found = 0.0;
    double truth = 0.0;
    double matched = 0.0;
    double found_right = 0.0;  // matched ones counted where they were found
    double chance_truth = 0.0;
    double chance_found = 0.0;
};

struct ImageResult {
    ImagePeakCounts counts;
    Counts all;
    std::vector<std::vector<Counts>> bands;  // of every quantity
    std::vector<double> fast_offsets_px;     // found less true, of pairs
    std::vector<double> slow_offsets_px;
};

std::int64_t valid_pixel_count(const CorpusReader& corpus) {
    const auto mask = pixel_mask(corpus.info().response, corpus.info().detector);
    return std::max<std::int64_t>(1, std::ranges::count(mask.pixels, std::uint8_t{0}));
}

ImageResult count_image(const CorpusReader& corpus, const PeakContestant& contestant, std::int64_t image,
                        std::int64_t valid_pixels, const PeakBenchmarkOptions& options) {
    std::vector<Peak> visible;
    std::vector<PixelPosition> visible_px;
    std::vector<PixelPosition> faint_px;
    for (const Peak& peak : corpus.peaks(image)) {
        const PixelPosition place{static_cast<double>(peak.fast_px), static_cast<double>(peak.slow_px)};
        if (peak.visible) {
            visible.push_back(peak);
            visible_px.push_back(place);
        } else if (peak.snr >= options.faint_from_snr) {
            faint_px.push_back(place);
        }
    }
    const auto& found = contestant.peaks.at(static_cast<std::size_t>(image));
    const auto pairs = pair_peaks(found, visible_px, options.radius_px);
    std::vector<char> right(found.size(), 0);
    for (const auto& pair : pairs) right[pair.found] = 1;
    std::vector<PixelPosition> unmatched;
    std::vector<std::size_t> unmatched_index;
    for (std::size_t f = 0; f < found.size(); ++f) {
        if (right[f] != 0) continue;
        unmatched.push_back(found[f]);
        unmatched_index.push_back(f);
    }
    std::vector<char> counted(found.size(), 1);
    const auto faint = pair_peaks(unmatched, faint_px, options.radius_px);
    for (const auto& pair : faint) counted[unmatched_index[pair.found]] = 0;

    ImageResult result;
    result.counts = {std::ssize(found) - std::ssize(faint), std::ssize(visible), std::ssize(pairs), std::ssize(faint)};
    const double hit_by_chance = chance_of_a_match(std::ssize(found), options.radius_px, valid_pixels);
    const double true_by_chance = chance_of_a_match(std::ssize(visible), options.radius_px, valid_pixels);
    for (const auto& quantity : quantities()) result.bands.emplace_back(quantity.edges.size() - 1);
    const Resolution resolution(corpus);
    const auto add = [&](Counts& counts, bool is_found, bool is_right) {
        if (is_found) {
            counts.found += 1.0;
            counts.found_right += is_right ? 1.0 : 0.0;
            counts.chance_found += true_by_chance;
        } else {
            counts.truth += 1.0;
            counts.matched += is_right ? 1.0 : 0.0;
            counts.chance_truth += hit_by_chance;
        }
    };
    std::vector<char> recalled(visible.size(), 0);
    for (const auto& pair : pairs) {
        recalled[pair.truth] = 1;
        result.fast_offsets_px.push_back(found[pair.found].fast_px - visible_px[pair.truth].fast_px);
        result.slow_offsets_px.push_back(found[pair.found].slow_px - visible_px[pair.truth].slow_px);
    }
    for (std::size_t t = 0; t < visible.size(); ++t) {
        add(result.all, false, recalled[t] != 0);
        for (std::size_t q = 0; q < quantities().size(); ++q) {
            if (const auto band = band_of(quantities()[q], quantities()[q].of(visible[t]))) {
                add(result.bands[q][*band], false, recalled[t] != 0);
            }
        }
    }
    for (std::size_t f = 0; f < found.size(); ++f) {
        if (counted[f] == 0) continue;
        add(result.all, true, right[f] != 0);
        for (std::size_t q = 0; q < quantities().size(); ++q) {
            if (!quantities()[q].of_place) continue;
            if (const auto band = band_of(quantities()[q], resolution.d_A(image, found[f]))) {
                add(result.bands[q][*band], true, right[f] != 0);
            }
        }
    }
    return result;
}

// Scores of sums over images, with intervals of images resampled within their classes.
class Scorer {
public:
    Scorer(std::vector<int> strata, std::uint64_t seed) : strata_(std::move(strata)), seed_(seed) {}

    using Part = double Counts::*;
    // sum of the numerator / sum of the denominator
    [[nodiscard]] Metric ratio(const std::vector<Counts>& images, std::vector<Part> numerator,
                               std::vector<Part> denominator, Part chance, double factor = 1.0) const {
        const auto total = [&](std::span<const int> draws, const std::vector<Part>& parts) {
            double sum = 0.0;
            for (std::size_t i = 0; i < images.size(); ++i) {
                for (const Part part : parts) sum += draws[i] * images[i].*part;
            }
            return sum;
        };
        const auto statistic = [&](std::span<const int> draws) -> std::optional<double> {
            const double below = total(draws, denominator);
            if (below == 0.0) return std::nullopt;
            return factor * total(draws, numerator) / below;
        };
        const std::vector<int> once(images.size(), 1);
        std::optional<double> by_chance;
        if (const double below = total(once, denominator); below > 0.0) {
            by_chance = std::min(1.0, factor * total(once, {chance}) / below);
        }
        return bootstrapped(strata_, statistic, by_chance, seed_);
    }
    [[nodiscard]] Metric precision(const std::vector<Counts>& images) const {
        return ratio(images, {&Counts::found_right}, {&Counts::found}, &Counts::chance_found);
    }
    [[nodiscard]] Metric recall(const std::vector<Counts>& images) const {
        return ratio(images, {&Counts::matched}, {&Counts::truth}, &Counts::chance_truth);
    }
    [[nodiscard]] Metric f1(const std::vector<Counts>& images) const {
        return ratio(images, {&Counts::matched}, {&Counts::found, &Counts::truth}, &Counts::chance_truth, 2.0);
    }

private:
    std::vector<int> strata_;
    std::uint64_t seed_;
};

json number_or_null(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

double sum_of(const std::vector<Counts>& images, Scorer::Part part) {
    return std::accumulate(images.begin(), images.end(), 0.0,
                           [part](double sum, const Counts& counts) { return sum + counts.*part; });
}

double median(std::vector<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

json offsets_json(const std::vector<ImageResult>& images) {
    std::vector<double> fast;
    std::vector<double> slow;
    double squares = 0.0;
    for (const auto& image : images) {
        fast.insert(fast.end(), image.fast_offsets_px.begin(), image.fast_offsets_px.end());
        slow.insert(slow.end(), image.slow_offsets_px.begin(), image.slow_offsets_px.end());
    }
    for (std::size_t i = 0; i < fast.size(); ++i) squares += fast[i] * fast[i] + slow[i] * slow[i];
    const double rms =
        fast.empty() ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(squares / static_cast<double>(fast.size()));
    return {{"median_fast_px", number_or_null(median(fast))},
            {"median_slow_px", number_or_null(median(slow))},
            {"rms_px", number_or_null(rms)}};
}

json finder_json(const CorpusReader& corpus, const PeakContestant& contestant, const std::vector<ImageResult>& images,
                 const Scorer& scorer) {
    std::vector<Counts> all;
    std::vector<Counts> empty_images(images.size());
    std::int64_t faint = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
        all.push_back(images[i].all);
        faint += images[i].counts.faint;
        // "truth" counts the images without peaks here, so that the ratio is false peaks for each of them.
        if (images[i].counts.truth == 0) empty_images[i] = {images[i].all.found, 1.0, 0.0, 0.0, 0.0, 0.0};
    }
    Metric false_peaks = scorer.ratio(empty_images, {&Counts::found}, {&Counts::truth}, &Counts::chance_truth);
    false_peaks.chance.reset();
    json result = {{"finder", contestant.name},
                   {"images_per_s", contestant.images_per_s ? json(*contestant.images_per_s) : json(nullptr)},
                   {"found_peaks", sum_of(all, &Counts::found)},
                   {"matched_peaks", sum_of(all, &Counts::matched)},
                   {"faint_peaks", faint},
                   {"precision", scorer.precision(all)},
                   {"recall", scorer.recall(all)},
                   {"f1", scorer.f1(all)},
                   {"false_peaks_per_empty_image", false_peaks},
                   {"offset", offsets_json(images)}};
    for (std::size_t q = 0; q < quantities().size(); ++q) {
        const auto& quantity = quantities()[q];
        json bands = json::array();
        for (std::size_t b = 0; b + 1 < quantity.edges.size(); ++b) {
            std::vector<Counts> band;
            for (const auto& image : images) band.push_back(image.bands[q][b]);
            json row = {{"low", quantity.edges[b]},
                        {"high", number_or_null(quantity.edges[b + 1])},
                        {"true_peaks", sum_of(band, &Counts::truth)},
                        {"recall", scorer.recall(band)}};
            if (quantity.of_place) {
                row["found_peaks"] = sum_of(band, &Counts::found);
                row["precision"] = scorer.precision(band);
            }
            bands.push_back(row);
        }
        result[quantity.key] = bands;
    }
    json classes = json::array();
    for (std::size_t c = 0; c < corpus.info().class_names.size(); ++c) {
        std::vector<Counts> of_class(images.size());
        std::int64_t count = 0;
        for (std::size_t i = 0; i < images.size(); ++i) {
            if (corpus.class_indices()[i] != static_cast<std::int32_t>(c)) continue;
            of_class[i] = images[i].all;
            ++count;
        }
        classes.push_back({{"name", corpus.info().class_names[c]},
                           {"images", count},
                           {"true_peaks", sum_of(of_class, &Counts::truth)},
                           {"found_peaks", sum_of(of_class, &Counts::found)},
                           {"precision", scorer.precision(of_class)},
                           {"recall", scorer.recall(of_class)},
                           {"f1", scorer.f1(of_class)}});
    }
    result["by_class"] = classes;
    return result;
}

void require_truth(const CorpusReader& corpus) {
    if (corpus.info().peak_source == PeakSource::simulated) return;
    throw UsageError(
        fmt::format("{}: its peaks are {} (what is not listed may be there all the same, so that nobody can be called "
                    "right or wrong). Use a corpus made by `braggbench generate`.",
                    corpus.path().string(), to_string(corpus.info().peak_source)));
}

std::vector<ImageResult> count_all(const CorpusReader& corpus, const PeakContestant& contestant,
                                   const PeakBenchmarkOptions& options) {
    require_truth(corpus);
    if (std::ssize(contestant.peaks) != corpus.info().image_count) {
        throw UsageError(fmt::format("{}: peaks of {} images ({} has {}). Find those of every image.", contestant.name,
                                     contestant.peaks.size(), corpus.path().string(), corpus.info().image_count));
    }
    const std::int64_t valid_pixels = valid_pixel_count(corpus);
    std::vector<ImageResult> images(contestant.peaks.size());
    for_each_index(std::ssize(images), [&](std::int64_t i) {
        images[static_cast<std::size_t>(i)] = count_image(corpus, contestant, i, valid_pixels, options);
    });
    return images;
}

}  // namespace

PeakContestant run_peak_finder(const CorpusReader& corpus, const FindPeaksOptions& options, unsigned threads,
                               const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const ImageFile file(corpus.path());
    const std::int64_t images = corpus.info().image_count;
    PeakContestant result{peak_finder_names()[static_cast<std::size_t>(options.finder)],
                          std::vector<std::vector<PixelPosition>>(static_cast<std::size_t>(images)), std::nullopt};
    const auto begin = std::chrono::steady_clock::now();
    std::int64_t done = 0;
    std::mutex mutex;
    for_each_index(
        images,
        [&](std::int64_t i) {
            for (const auto& peak : find_peaks(file.read(i), options)) {
                result.peaks[static_cast<std::size_t>(i)].push_back({peak.fast_px, peak.slow_px});
            }
            if (!progress) return;
            const std::scoped_lock lock(mutex);
            progress(++done, images);
        },
        threads);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (images > 0) result.images_per_s = static_cast<double>(images) / elapsed.count();
    return result;
}

std::vector<ImagePeakCounts> count_image_peaks(const CorpusReader& corpus, const PeakContestant& contestant,
                                               const PeakBenchmarkOptions& options) {
    std::vector<ImagePeakCounts> counts;
    for (const auto& image : count_all(corpus, contestant, options)) counts.push_back(image.counts);
    return counts;
}

json score_peak_lists(const CorpusReader& corpus, std::span<const PeakContestant> contestants,
                      const PeakBenchmarkOptions& options) {
    require_truth(corpus);
    std::vector<int> strata(corpus.class_indices().begin(), corpus.class_indices().end());
    const Scorer scorer(std::move(strata), options.seed);
    json finders = json::array();
    std::int64_t visible = 0;
    for (const auto& contestant : contestants) {
        const auto images = count_all(corpus, contestant, options);
        visible = std::transform_reduce(images.begin(), images.end(), std::int64_t{0}, std::plus<>(),
                                        [](const ImageResult& image) { return image.counts.truth; });
        finders.push_back(finder_json(corpus, contestant, images, scorer));
    }
    return {{"command", "score-peaks"},
            {"corpus", corpus.path().string()},
            {"images", corpus.info().image_count},
            {"visible_peaks", visible},
            {"radius_px", options.radius_px},
            {"faint_from_snr", options.faint_from_snr},
            {"seed", options.seed},
            {"finders", finders},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace braggbench
