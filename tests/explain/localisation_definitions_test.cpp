// Every score of a map beside its definition, written out as plain loops over small maps with many ties, and at chance
// on maps that know nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "explain/localisation.hpp"
#include "explain/map_baselines.hpp"
#include "explain/peak_bands.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr std::uint64_t seed = 11;

std::vector<Peak> random_peaks(RandomStream& random, int count, int width, int height) {
    std::vector<Peak> peaks(static_cast<std::size_t>(count));
    for (Peak& peak : peaks) {
        peak.visible = true;
        peak.fast_px = static_cast<float>(random.uniform(0.0, width));
        peak.slow_px = static_cast<float>(random.uniform(0.0, height));
    }
    return peaks;
}

// A map of few levels, some of them negative, with a hole in Omega.
struct Scene {
    Image<float> map;
    Mask valid;
    PeakTargets truth;
    std::vector<PeakTargets> nulls;

    Scene(std::uint64_t image, int width, int height, int peaks, double radius_px, int levels)
        : map(width, height), valid(width, height, 1) {
        RandomStream random(seed, image, Stage::scene);
        for (float& value : map.pixels) {
            value = static_cast<float>(std::floor(random.uniform() * levels)) - 1.0F;
        }
        valid(width / 2, height / 2) = 0;
        map(width / 2, height / 2) = std::numeric_limits<float>::quiet_NaN();
        truth = make_targets(random_peaks(random, peaks, width, height), width, height, radius_px);
        for (int j = 0; j < 5; ++j) {
            nulls.push_back(make_targets(random_peaks(random, peaks, width, height), width, height, radius_px));
        }
    }
    // S+ of the pixels of a mask that are on Omega.
    [[nodiscard]] std::vector<double> on(const PeakTargets& targets) const {
        std::vector<double> values;
        const Mask mask = to_mask(targets);
        for (std::size_t i = 0; i < map.size(); ++i) {
            if (mask.pixels[i] != 0 && valid.pixels[i] != 0) values.push_back(std::max(map.pixels[i], 0.0F));
        }
        return values;
    }
    [[nodiscard]] LocalisationScores score(double top_share = 0.05) const {
        return score_map(map, valid, truth, nulls, {.top_share = top_share});
    }
};

double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(ScoreDefinitions, MeansAndPairs) {
    for (std::uint64_t image = 0; image < 50; ++image) {
        const Scene scene(image, 12, 9, 4, 1.0, 6);
        const LocalisationScores scores = scene.score();
        const std::vector<double> on_truth = scene.on(scene.truth);
        std::vector<double> null_means;
        double pairs = 0.0;
        double won = 0.0;
        const Mask truth = to_mask(scene.truth);
        for (const PeakTargets& null : scene.nulls) {
            null_means.push_back(mean_of(scene.on(null)));
            for (const std::uint32_t pixel : null.pixels) {
                if (truth.pixels[pixel] != 0 || scene.valid.pixels[pixel] == 0) continue;
                for (const double positive : on_truth) {
                    const double negative = std::max(scene.map.pixels[pixel], 0.0F);
                    won += positive > negative ? 1.0 : positive == negative ? 0.5 : 0.0;
                    pairs += 1.0;
                }
            }
        }
        EXPECT_NEAR(*scores.slift, mean_of(on_truth) / mean_of(null_means), 1e-12);
        const auto as_high =
            std::count_if(null_means.begin(), null_means.end(), [&](double mean) { return mean >= mean_of(on_truth); });
        EXPECT_DOUBLE_EQ(*scores.slift_p, (1.0 + static_cast<double>(as_high)) / 6.0);
        EXPECT_NEAR(*scores.sauc, won / pairs, 1e-12);

        double total = 0.0;
        std::vector<double> all;
        for (std::size_t i = 0; i < scene.map.size(); ++i) {
            if (scene.valid.pixels[i] == 0) continue;
            all.push_back(scene.map.pixels[i]);
            total += std::max(all.back(), 0.0);
        }
        const double mass = mean_of(on_truth) * static_cast<double>(on_truth.size()) / total;
        EXPECT_NEAR(*scores.mass, mass, 1e-12);
        EXPECT_NEAR(*scores.lift, mass * static_cast<double>(all.size()) / static_cast<double>(on_truth.size()), 1e-12);

        // NSS is of the signed map.
        double squares = 0.0;
        for (const double value : all) squares += (value - mean_of(all)) * (value - mean_of(all));
        std::vector<double> signed_on_truth;
        for (const std::uint32_t pixel : scene.truth.pixels) {
            if (scene.valid.pixels[pixel] != 0) signed_on_truth.push_back(scene.map.pixels[pixel]);
        }
        EXPECT_NEAR(*scores.nss,
                    (mean_of(signed_on_truth) - mean_of(all)) / std::sqrt(squares / static_cast<double>(all.size())),
                    1e-12);
    }
}

// All orders of the pixels that the map's values allow; the scores are their means.
TEST(ScoreDefinitions, RankScoresAreMeansOverAllOrdersOfTies) {
    for (std::uint64_t image = 0; image < 20; ++image) {
        const Scene scene(image, 8, 1, 2, 0.0, 4);
        const LocalisationScores scores = scene.score();
        if (scores.status != MapStatus::ok || !scores.slift) continue;
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < scene.map.size(); ++i) {
            if (scene.valid.pixels[i] != 0) order.push_back(i);
        }
        const Mask truth = to_mask(scene.truth);
        const auto value = [&](std::size_t i) { return std::max(scene.map.pixels[i], 0.0F); };
        const auto positives = static_cast<double>(scores.mask_pixels);
        double orders = 0.0;
        double precision = 0.0;
        double accuracy = 0.0;
        double first = 0.0;
        do {
            if (!std::is_sorted(order.begin(), order.end(),
                                [&](std::size_t a, std::size_t b) { return value(a) > value(b); })) {
                continue;
            }
            orders += 1.0;
            first += truth.pixels[order[0]];
            double hits = 0.0;
            for (std::size_t k = 0; k < order.size(); ++k) {
                if (truth.pixels[order[k]] == 0) continue;
                hits += 1.0;
                precision += hits / static_cast<double>(k + 1) / positives;
                if (static_cast<double>(k) < positives) accuracy += 1.0 / positives;
            }
        } while (std::next_permutation(order.begin(), order.end()));
        EXPECT_NEAR(*scores.average_precision, precision / orders, 1e-12);
        EXPECT_NEAR(*scores.rank_accuracy, accuracy / orders, 1e-12);
        EXPECT_NEAR(*scores.pointing, first / orders, 1e-12);
    }
}

TEST(ScoreDefinitions, AveragePrecisionOfManyTiedPixels) {
    // Nine in ten pixels are tied at zero, as in a map after a ReLU: the closed form beside the sum over places.
    constexpr int size = 200;
    Scene scene(3, size, size, 60, 2.0, 2);
    RandomStream random(seed, 3, Stage::labels);
    for (float& value : scene.map.pixels) {
        value = random.uniform() < 0.9 ? 0.0F : static_cast<float>(std::floor(8.0 * random.uniform()) + 1.0);
    }
    scene.valid = Mask(size, size, 1);
    const Mask truth = to_mask(scene.truth);
    double sum = 0.0;
    double above = 0.0;
    double positives_above = 0.0;
    for (int level = 8; level >= 0; --level) {
        double tied = 0.0;
        double positives = 0.0;
        for (std::size_t i = 0; i < scene.map.size(); ++i) {
            if (scene.map.pixels[i] != static_cast<float>(level)) continue;
            tied += 1.0;
            positives += truth.pixels[i];
        }
        for (double place = 1.0; place <= tied; place += 1.0) {
            sum += positives / tied * (positives_above + 1.0 + (place - 1.0) * (positives - 1.0) / (tied - 1.0)) /
                   (above + place);
        }
        above += tied;
        positives_above += positives;
    }
    EXPECT_NEAR(*scene.score().average_precision, sum / positives_above, 1e-12);
}

TEST(ScoreDefinitions, PeakRecallWithoutTies) {
    for (std::uint64_t image = 0; image < 20; ++image) {
        Scene scene(image, 20, 20, 6, 1.0, 2);
        RandomStream random(seed, image, Stage::labels);
        for (float& value : scene.map.pixels) value = static_cast<float>(random.uniform());
        const double share = 0.1;
        std::vector<float> all;
        for (std::size_t i = 0; i < scene.map.size(); ++i) {
            if (scene.valid.pixels[i] != 0) all.push_back(scene.map.pixels[i]);
        }
        std::sort(all.begin(), all.end(), std::greater<>());
        const float threshold = all[static_cast<std::size_t>(std::lround(share * static_cast<double>(all.size()))) - 1];
        double found = 0.0;
        for (const auto& disc : scene.truth.discs) {
            found += std::any_of(disc.begin(), disc.end(),
                                 [&](std::uint32_t pixel) {
                                     return scene.valid.pixels[pixel] != 0 && scene.map.pixels[pixel] >= threshold;
                                 })
                         ? 1.0
                         : 0.0;
        }
        EXPECT_DOUBLE_EQ(*scene.score(share).peak_recall, found / static_cast<double>(scene.truth.discs.size()));
    }
}

TEST(ScoreDefinitions, MapsThatCannotPointAreNeverHits) {
    Scene scene(1, 12, 9, 4, 1.0, 6);
    const auto expect_nothing = [&](const Image<float>& map, MapStatus status) {
        const RankedMap ranked(map, scene.valid);
        for (const LocalisationScores& scores : {score_map(ranked, scene.truth, scene.nulls, {}),
                                                 score_some_peaks(ranked, scene.truth, scene.nulls, {})}) {
            EXPECT_EQ(scores.status, status);
            for (const auto member :
                 {&LocalisationScores::mass, &LocalisationScores::lift, &LocalisationScores::slift,
                  &LocalisationScores::slift_p, &LocalisationScores::sauc, &LocalisationScores::average_precision,
                  &LocalisationScores::rank_accuracy, &LocalisationScores::nss, &LocalisationScores::pointing,
                  &LocalisationScores::peak_recall, &LocalisationScores::peak_recall_chance}) {
                EXPECT_FALSE(scores.*member) << to_string(status);
            }
        }
    };
    expect_nothing(Image<float>(12, 9, 0.0F), MapStatus::all_zero);
    expect_nothing(Image<float>(12, 9, -0.0F), MapStatus::all_zero);
    expect_nothing(Image<float>(12, 9, -2.0F), MapStatus::all_zero);
    expect_nothing(Image<float>(12, 9, 3.0F), MapStatus::constant);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        Image<float> map(12, 9, 0.0F);
        map.pixels[scene.truth.pixels.front()] = bad;
        expect_nothing(map, MapStatus::non_finite);
    }
    // What lies off Omega neither makes a map nor breaks it.
    Image<float> map(12, 9, 3.0F);
    map(6, 4) = 100.0F;
    expect_nothing(map, MapStatus::constant);
}

TEST(ScoreDefinitions, UniformScoresAreChance) {
    const Scene scene(2, 30, 30, 8, 2.0, 5);
    const LocalisationScores scores = score_uniform_map(scene.valid, scene.truth, scene.nulls, {});
    EXPECT_NEAR(*scores.slift, 1.0, 1e-12);
    EXPECT_NEAR(*scores.sauc, 0.5, 1e-12);
    EXPECT_NEAR(*scores.rank_accuracy, scores.rho, 1e-12);
    EXPECT_NEAR(*scores.pointing, scores.rho, 1e-12);
    EXPECT_NEAR(*scores.mass, scores.rho, 1e-12);
    EXPECT_FALSE(scores.nss);  // 0 / 0
}

// Smooth maps that know nothing, on images whose peaks, like those of their nulls, gather in the middle.
struct ChanceRun {
    static constexpr int images = 2000;
    static constexpr int levels = 20;
    std::vector<int> p_counts = std::vector<int>(levels);
    std::vector<double> sauc, nss, rank_excess, pointing_excess, recall_excess;

    ChanceRun() {
        constexpr int size = 32;
        for (std::uint64_t image = 0; image < images; ++image) {
            RandomStream random(seed, image, Stage::scene);
            const auto peaks = [&] {
                std::vector<Peak> drawn;
                while (drawn.size() < 8) {
                    Peak peak;
                    peak.visible = true;
                    peak.fast_px = static_cast<float>(0.5 * size + 6.0 * random.normal());
                    peak.slow_px = static_cast<float>(0.5 * size + 6.0 * random.normal());
                    if (peak.fast_px > 0 && peak.fast_px < size && peak.slow_px > 0 && peak.slow_px < size) {
                        drawn.push_back(peak);
                    }
                }
                return make_targets(drawn, size, size, 1.0);
            };
            const PeakTargets truth = peaks();
            std::vector<PeakTargets> nulls;
            for (int j = 1; j < levels; ++j) nulls.push_back(peaks());
            const Image<float> map = image % 2 == 0 ? random_coarse_map(size, size, 8, seed, image)
                                                    : random_pixel_map(size, size, seed, image);
            const LocalisationScores scores = score_map(map, Mask(size, size, 1), truth, nulls, {});
            ++p_counts[static_cast<std::size_t>(std::lround(*scores.slift_p * levels)) - 1];
            sauc.push_back(*scores.sauc - 0.5);
            recall_excess.push_back(*scores.peak_recall - *scores.peak_recall_chance);
            // Interpolated values scatter less between units than on them: such a map prefers places, which the nulls
            // share and these do not.
            if (image % 2 == 0) continue;
            nss.push_back(*scores.nss);
            rank_excess.push_back(*scores.rank_accuracy - scores.rho);
            pointing_excess.push_back(*scores.pointing - scores.rho);
        }
    }
};

// A mean of 0 within 4.9 standard errors: a false alarm once in a million.
void expect_zero_mean(const std::vector<double>& values, const char* what) {
    const double mean = mean_of(values);
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double error = std::sqrt(squares) / static_cast<double>(values.size());
    EXPECT_LT(std::abs(mean), 4.9 * error) << what << ": " << mean << " +- " << error;
}

TEST(ScoreChance, NullsAreAtChanceOnMapsThatKnowNothing) {
    const ChanceRun run;
    // p is uniform over its 20 values: chi square of 19 degrees of freedom is above 63.0 once in 1.4 million.
    double chi2 = 0.0;
    constexpr double expected = static_cast<double>(ChanceRun::images) / ChanceRun::levels;
    for (const int count : run.p_counts) chi2 += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi2, 63.0);
    expect_zero_mean(run.sauc, "sAUC");
    expect_zero_mean(run.nss, "NSS");
    expect_zero_mean(run.rank_excess, "rank accuracy");
    expect_zero_mean(run.pointing_excess, "pointing game");
    expect_zero_mean(run.recall_excess, "peak recall");
}

TEST(PeakBands, DivideThePeaksWithoutRest) {
    RandomStream random(seed, 0, Stage::scene);
    std::vector<Peak> peaks = random_peaks(random, 500, 10, 10);
    for (Peak& peak : peaks) {
        peak.snr = static_cast<float>(random.log_uniform(5.0, 1000.0));
        peak.d_A = static_cast<float>(random.log_uniform(1.0, 50.0));
    }
    peaks[0].snr = 10.0F;
    std::size_t by_snr = 0;
    std::size_t by_d = 0;
    for (const PeakBand& band : peak_bands) {
        const std::vector<Peak> inside = in_band(peaks, band);
        (std::string(band.quantity) == "snr" ? by_snr : by_d) += inside.size();
        for (const Peak& peak : inside) {
            EXPECT_GE(peak.*band.member, band.low);
            EXPECT_LT(peak.*band.member, band.high);
        }
    }
    EXPECT_EQ(by_snr, peaks.size());
    EXPECT_EQ(by_d, peaks.size());
    // A foreign list has no such numbers.
    EXPECT_TRUE(in_band(std::vector<Peak>(3), peak_bands.back()).empty());
}

}  // namespace
}  // namespace braggbench
