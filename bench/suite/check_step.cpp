#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>

#include "bench/suite/known_names.hpp"
#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/find_peaks.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_ranking.hpp"
#include "classifiers/parallel.hpp"
#include "explain/attribution.hpp"
#include "simulator/geometry.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

// A number that is known by hand. The text says so, or what came out instead.
Measure known_number(const std::string& id, std::optional<double> value, double by_hand, double tolerance) {
    const bool agrees = value && std::abs(*value - by_hand) <= tolerance;
    if (agrees) return exact_measure(id, fmt::format("{:.6f}, as by hand", by_hand), 1);
    return wrong_measure(
        id, fmt::format("{} instead of {:.6f}", value ? fmt::format("{:.6f}", *value) : "undefined", by_hand), 1);
}

constexpr double rounding = 1e-6;

// Answers whose confusion matrix (rows: true classes) is not symmetric, so that swapped axes show:
//     8  2  0
//     2 12  6
//     0  0  5
std::vector<Measure> check_metrics() {
    const Confusion counts = {{8, 2, 0}, {2, 12, 6}, {0, 0, 5}};
    std::vector<int> truth;
    std::vector<int> said;
    for (int t = 0; t < 3; ++t) {
        for (int s = 0; s < 3; ++s) {
            const auto count = counts[static_cast<std::size_t>(t)][static_cast<std::size_t>(s)];
            truth.insert(truth.end(), static_cast<std::size_t>(count), t);
            said.insert(said.end(), static_cast<std::size_t>(count), s);
        }
    }
    const auto scores = confusion_scores(confusion_matrix(truth, said, 3), 1);
    const Ranking ranking(std::vector<int>{0, 0, 1, 1, 1}, std::vector<double>{0.1, 0.4, 0.35, 0.8, 0.4});
    const double f1_mean = (2.0 * 8 / 20 + 2.0 * 12 / 34 + 2.0 * 5 / 16) / 3;
    const double mcc = (25.0 * 35 - 435) / std::sqrt((35.0 * 35 - 417) * (35.0 * 35 - 525));
    const auto wilson = wilson_ci95(8, 10);
    return {known_number("accuracy", scores.accuracy.value, 25.0 / 35, rounding),
            known_number("balanced_accuracy", scores.balanced_accuracy.value, (8.0 / 10 + 12.0 / 20 + 5.0 / 5) / 3,
                         rounding),
            known_number("precision", scores.classes[2].precision.value, 5.0 / 11, rounding),
            known_number("recall", scores.classes[2].recall.value, 5.0 / 5, rounding),
            known_number("macro_f1", scores.macro_f1.value, f1_mean, rounding),
            known_number("mcc", scores.mcc.value, mcc, rounding),
            known_number("roc_auc", ranking.roc_auc(), 4.5 / 6, rounding),
            // p = 0.8, n = 10, z^2 = 3.841459.
            known_number("wilson_low", wilson[0], 0.490162, rounding)};
}

// One hot unit of a coarse map: where bilinear registration has its centre, along fast and slow.
std::vector<Measure> check_registration() {
    std::vector<Measure> measures;
    struct Grid {
        double stride_px;
        double start_px;
    };
    // Centres of units that plain enlargement of the map would miss by 7.5 and 15.5 px, and one that a grid from 0
    // would.
    for (const auto& [stride_px, start_px] : {Grid{8.0, 3.5}, Grid{16.0, 0.0}, Grid{32.0, 0.0}}) {
        constexpr int fast = 3;
        constexpr int slow = 5;
        StageMap map{"stage",  AttributionMethod::hires_cam, Image<float>(8, 8), stride_px,
                     start_px, AttributionStatus::ok};
        map.map(fast, slow) = 1.0F;
        const int size_px = static_cast<int>(8 * stride_px);
        const auto registered = register_to_input(map, size_px, size_px);
        double sum = 0.0;
        double sum_fast = 0.0;
        double sum_slow = 0.0;
        for (int y = 0; y < size_px; ++y) {
            for (int x = 0; x < size_px; ++x) {
                const auto value = static_cast<double>(registered(x, y));
                sum += value;
                sum_fast += value * x;
                sum_slow += value * y;
            }
        }
        const auto name = fmt::format("stride_{}", stride_px);
        measures.push_back(known_number(name + "/fast_px", sum_fast / sum, start_px + stride_px * fast, 1e-3));
        measures.push_back(known_number(name + "/slow_px", sum_slow / sum, start_px + stride_px * slow, 1e-3));
    }
    return measures;
}

// Every peak finder on round spots at known places.
std::vector<Measure> check_centroids() {
    constexpr int size_px = 96;
    constexpr double background = 4.0;
    struct Place {
        double fast_px;
        double slow_px;
    };
    constexpr std::array places = {Place{20.25, 24.5}, Place{60.75, 30.0}, Place{41.5, 70.25}};
    DetectorImage image;
    image.values = Image<float>(size_px, size_px);
    RandomStream random(1, 0, Stage::photon_noise);
    for (int y = 0; y < size_px; ++y) {
        for (int x = 0; x < size_px; ++x) {
            double expected = background;
            for (const auto& place : places) {
                const double fast = x + 0.5 - place.fast_px;
                const double slow = y + 0.5 - place.slow_px;
                expected += 400.0 * std::exp(-0.5 * (fast * fast + slow * slow));
            }
            image.values(x, y) = static_cast<float>(random.poisson(expected));
        }
    }
    image.valid = Image<std::uint8_t>(size_px, size_px, 1);
    std::vector<Measure> measures;
    for (const auto& name : peak_finder_names()) {
        FindPeaksOptions options;
        options.finder = peak_finder_of(name);
        const auto found = find_peaks(image, options);
        double worst_px = found.size() == places.size() ? 0.0 : size_px;
        for (const auto& place : places) {
            double nearest_px = size_px;
            for (const auto& peak : found) {
                nearest_px = std::min(nearest_px, std::max(std::abs(peak.fast_px - place.fast_px),
                                                           std::abs(peak.slow_px - place.slow_px)));
            }
            worst_px = std::max(worst_px, nearest_px);
        }
        constexpr double tolerance_px = 0.2;
        const auto count = static_cast<std::int64_t>(places.size());
        measures.push_back(
            worst_px <= tolerance_px
                ? exact_measure(name, fmt::format("{} spots within {} px", count, tolerance_px), count)
                : wrong_measure(name,
                                fmt::format("{} spots of {}, the worst {:.2f} px off", found.size(), count, worst_px),
                                count));
    }
    return measures;
}

// The degree of polarisation that an image without peaks shows. On a flat detector square to the beam all that
// scatters evenly around the beam gives each ring a (1 + cos^2 2theta - K cos 2psi sin^2 2theta) / 2 with psi from lab
// x (Kahn et al. 1982, J. Appl. Cryst. 15, 330), so that over a whole ring
//     sum I cos 2psi = -K sin^2 2theta / (2 (1 + cos^2 2theta)) sum I.
// Rings that leave the image are left out. Absent if there are too few photons.
std::optional<double> shown_polarisation(const Image<std::uint16_t>& image, const Recipe& recipe, double beam_fast_px,
                                         double beam_slow_px) {
    constexpr double least_photons = 2e4;
    constexpr double innermost_px = 8.0;
    const double outermost_px =
        std::min({beam_fast_px, beam_slow_px, image.width - beam_fast_px, image.height - beam_slow_px}) - 1.0;
    double photons = 0.0;
    double moment = 0.0;
    double expected = 0.0;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const double fast = x + 0.5 - beam_fast_px;
            const double slow = y + 0.5 - beam_slow_px;
            const double radius_px = std::hypot(fast, slow);
            if (radius_px < innermost_px || radius_px > outermost_px) continue;
            const double tangent = radius_px * recipe.pixel_size_mm / recipe.distance_mm;
            const double cosine2 = 1.0 / (1.0 + tangent * tangent);
            const double counted =
                (static_cast<double>(image(x, y)) - recipe.response.offset_adu) / recipe.response.gain_adu_per_photon;
            photons += counted;
            moment += counted * (fast * fast - slow * slow) / (radius_px * radius_px);
            expected -= counted * (1.0 - cosine2) / (2.0 * (1.0 + cosine2));
        }
    }
    if (photons < least_photons) return std::nullopt;
    return moment / expected;
}

std::vector<Measure> check_polarisation(const std::filesystem::path& corpus, const Recipe& recipe,
                                        const StepWork& work) {
    const CorpusReader reader(corpus);
    std::vector<std::optional<double>> shown(static_cast<std::size_t>(reader.info().image_count));
    for_each_index(
        reader.info().image_count,
        [&](std::int64_t k) {
            const auto i = static_cast<std::size_t>(k);
            const auto& truth = reader.truth()[i];
            if (truth.spot_photons > 0.0F) return;
            shown[i] = shown_polarisation(*reader.shared_image(k), recipe, static_cast<double>(truth.beam_fast_px),
                                          static_cast<double>(truth.beam_slow_px));
        },
        static_cast<unsigned>(work.threads));
    ImageValues errors;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        if (shown[i]) errors.add(static_cast<std::int64_t>(i), std::abs(*shown[i] - recipe.polarization));
    }
    // At 2 theta = 60 degrees along lab x and y, all of the field along x.
    const double half = std::sqrt(0.75);
    return {MeasureMaker(reader, "").of("background_error", errors, Better::lower, std::nullopt),
            known_number("factor_along_x", polarization_factor(Eigen::Vector3d(half, 0.0, 0.5), 1.0), 0.25, rounding),
            known_number("factor_along_y", polarization_factor(Eigen::Vector3d(0.0, half, 0.5), 1.0), 1.0, rounding)};
}

}  // namespace

const std::vector<std::string>& known_checks() {
    static const std::vector<std::string> names = {"metrics", "registration", "centroids", "polarisation"};
    return names;
}

bool check_needs_corpus(const std::string& check) { return check == "polarisation"; }

StepResult run_check_step(const CheckStep& step, const std::filesystem::path& corpus, const Recipe* recipe,
                          const StepWork& work) {
    StepResult result;
    if (step.check == "metrics") result.measures = check_metrics();
    if (step.check == "registration") result.measures = check_registration();
    if (step.check == "centroids") result.measures = check_centroids();
    if (step.check == "polarisation") result.measures = check_polarisation(corpus, *recipe, work);
    return result;
}

}  // namespace braggbench
