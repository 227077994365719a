#include "classifiers/audit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "classifiers/audit_model.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "tests/datasets/small_corpus.hpp"

namespace braggbench {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double brute_force(const std::vector<int>& truth, const std::vector<double>& scores) {
    double right = 0.0;
    double pairs = 0.0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        for (std::size_t j = 0; j < truth.size(); ++j) {
            if (truth[i] != 1 || truth[j] != 0) continue;
            pairs += 1.0;
            right += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
        }
    }
    return right / pairs;
}

TEST(ClusteredAuc, CountsPairsAndTies) {
    std::mt19937_64 random(3);
    std::vector<int> truth;
    std::vector<double> scores;
    for (int i = 0; i < 90; ++i) {
        truth.push_back(i % 3 == 0 ? 1 : 0);
        scores.push_back(static_cast<double>(random() % 12) + (truth.back() == 1 ? 2.0 : 0.0));
    }
    EXPECT_NEAR(clustered_auc(truth, scores)->auc, brute_force(truth, scores), 1e-12);
}

// DeLong by hand: positives 3, 1, 4 of negatives 2, 0, 5 have placements 2/3, 1/3, 2/3, and the negatives' are 2/3, 1,
// 0. Sums of squares 2/27 and 14/27; variance (2/27 + 14/27) / 2 / 3.
TEST(ClusteredAuc, HasDeLongsVariance) {
    const std::vector<int> truth = {1, 1, 1, 0, 0, 0};
    const std::vector<double> scores = {3, 1, 4, 2, 0, 5};
    const auto measured = clustered_auc(truth, scores);
    const double auc = 5.0 / 9.0;
    EXPECT_NEAR(measured->auc, auc, 1e-12);
    const double half = 1.959963984540054 * std::sqrt(16.0 / 27.0 / 6.0) / (auc * (1.0 - auc));
    EXPECT_NEAR(measured->ci95[0], 1.0 / (1.0 + std::exp(half - std::log(auc / (1.0 - auc)))), 1e-9);
    EXPECT_NEAR(measured->ci95[1], 1.0 / (1.0 + std::exp(-half - std::log(auc / (1.0 - auc)))), 1e-9);
    // Mann-Whitney: U = 5, mean 4.5, variance 3 * 3 * 7 / 12.
    EXPECT_NEAR(measured->z, 0.5 / std::sqrt(5.25), 1e-9);
}

// Every image three times says no more than once.
TEST(ClusteredAuc, CopiesInOneGroupCountOnce) {
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    std::vector<int> truth;
    std::vector<double> scores;
    std::vector<int> copied_truth;
    std::vector<double> copied_scores;
    std::vector<std::int64_t> groups;
    for (int i = 0; i < 60; ++i) {
        truth.push_back(i % 2);
        scores.push_back(normal(random) + 0.5 * truth.back());
        for (int copy = 0; copy < 3; ++copy) {
            copied_truth.push_back(truth.back());
            copied_scores.push_back(scores.back());
            groups.push_back(i);
        }
    }
    const auto once = clustered_auc(truth, scores);
    const auto thrice = clustered_auc(copied_truth, copied_scores, groups);
    EXPECT_NEAR(thrice->auc, once->auc, 1e-12);
    EXPECT_NEAR(thrice->ci95[0], once->ci95[0], 1e-9);
    EXPECT_NEAR(thrice->ci95[1], once->ci95[1], 1e-9);
    EXPECT_EQ(thrice->positive_groups, 30);
    EXPECT_LT(clustered_auc(copied_truth, copied_scores)->ci95[1], once->ci95[1]);
}

TEST(ClusteredAuc, PerfectSeparationOfFewIsUncertain) {
    std::vector<int> truth;
    std::vector<double> scores;
    for (int i = 0; i < 40; ++i) {
        truth.push_back(i < 10 ? 1 : 0);
        scores.push_back(i < 10 ? 1.0 : 0.0);
    }
    const auto measured = clustered_auc(truth, scores);
    EXPECT_EQ(measured->auc, 1.0);
    EXPECT_NEAR(measured->ci95[0], wilson_ci95(10, 10)[0], 1e-9);
    EXPECT_EQ(measured->ci95[1], 1.0);
    EXPECT_FALSE(clustered_auc(std::vector<int>(5, 1), std::vector<double>(5, 0.0)).has_value());
    EXPECT_THROW((void)clustered_auc(std::vector<int>{0, 1}, std::vector<double>{0.0, undefined}), UsageError);
}

// The interval holds the true AUC of two normals, Phi(d / sqrt 2), as often as it says.
TEST(ClusteredAuc, IntervalsCoverTheTruth) {
    const double shift = 0.7;
    const double auc = 0.5 * std::erfc(-shift / 2.0);
    int held = 0;
    constexpr int trials = 400;
    for (int trial = 0; trial < trials; ++trial) {
        std::mt19937_64 random(static_cast<std::uint64_t>(trial));
        std::normal_distribution<double> normal;
        std::vector<int> truth;
        std::vector<double> scores;
        for (int i = 0; i < 80; ++i) {
            truth.push_back(i % 2);
            scores.push_back(normal(random) + shift * truth.back());
        }
        const auto measured = clustered_auc(truth, scores);
        held += measured->ci95[0] <= auc && auc <= measured->ci95[1] ? 1 : 0;
    }
    // 380 expected; four standard deviations of the binomial are 17.
    EXPECT_GE(held, 363);
    EXPECT_LE(held, 397);
}

// 600 images: labels by coin, an unrelated number, and what a test plants.
struct Planted {
    explicit Planted(std::uint64_t seed, std::size_t images = 600) : random(seed) {
        std::normal_distribution<double> normal;
        LabelColumn ice{"ice", LabelKind::attribute, "1", {}};
        LabelColumn size{"size", LabelKind::value, "um", {}};
        for (std::size_t i = 0; i < images; ++i) {
            ice.values.push_back(random() % 2 == 0 ? 1.0 : 0.0);
            size.values.push_back(normal(random));
            table.splits.push_back(static_cast<Split>(i % 3 == 0 ? 2 : 0));
        }
        table.labels = {ice, size};
        for (const char* name : {"a", "b", "c"}) add(name, [&](std::size_t) { return normal(random); });
    }
    template <class Number>
    void add(const std::string& name, const Number& number, NuisanceKind kind = NuisanceKind::image,
             bool category = false) {
        Nuisance nuisance{name, kind, category, {}, {}};
        for (std::size_t i = 0; i < table.splits.size(); ++i) nuisance.values.push_back(number(i));
        table.nuisances.push_back(std::move(nuisance));
    }
    std::mt19937_64 random;
    AuditTable table;
};

const AuditPair* pair_of(const AuditResult& result, std::size_t label, const std::string& nuisance, AuditShape shape) {
    const auto found = std::ranges::find_if(result.pairs, [&](const AuditPair& pair) {
        return pair.label == label && pair.nuisance == nuisance && pair.shape == shape;
    });
    return found == result.pairs.end() ? nullptr : &*found;
}

TEST(Audit, FindsALevelInEitherDirection) {
    Planted planted(1);
    std::normal_distribution<double> normal;
    planted.add("dim", [&](std::size_t i) { return normal(planted.random) - 2.0 * planted.table.labels[0].values[i]; });
    const AuditResult result = audit(planted.table, {});
    const AuditPair* pair = pair_of(result, 0, "dim", AuditShape::rank);
    ASSERT_NE(pair, nullptr);
    EXPECT_NEAR(*pair->auc.value, 0.5 * std::erfc(-1.0), 0.03);  // Phi(2 / sqrt 2)
    EXPECT_TRUE(pair->exceeds);
    EXPECT_LT(pair->p_holm, 1e-9);
    EXPECT_TRUE(result.labels[0].leaks);
    EXPECT_FALSE(result.labels[1].leaks);
    EXPECT_EQ(result.pairs[*result.labels[0].worst].nuisance, "dim");
    EXPECT_TRUE(result.pairs[*result.labels[0].together].exceeds);
}

// Neither rises nor falls with the label: only the shape tells.
TEST(Audit, FindsALabelOfTheMiddle) {
    Planted planted(2);
    std::normal_distribution<double> normal;
    planted.add("level", [&](std::size_t i) {
        return (planted.table.labels[0].values[i] == 1.0 ? 0.3 : 2.0) * normal(planted.random);
    });
    const AuditResult result = audit(planted.table, {});
    EXPECT_FALSE(pair_of(result, 0, "level", AuditShape::rank)->exceeds);
    EXPECT_TRUE(pair_of(result, 0, "level", AuditShape::any)->exceeds);
    EXPECT_TRUE(result.pairs[*result.labels[0].together].exceeds);
}

TEST(Audit, FindsAnOrderAndARhythm) {
    Planted planted(3);
    std::vector<double>& ice = planted.table.labels[0].values;
    for (std::size_t i = 0; i < ice.size(); ++i) ice[i] = i % 4 == 2 ? 1.0 : 0.0;
    std::vector<double>& size = planted.table.labels[1].values;
    for (std::size_t i = 0; i < size.size(); ++i) size[i] += 0.02 * static_cast<double>(i);
    planted.add(
        "order", [](std::size_t i) { return static_cast<double>(i); }, NuisanceKind::file);
    planted.add(
        "modulo 4", [](std::size_t i) { return static_cast<double>(i % 4); }, NuisanceKind::file, true);
    planted.add(
        "modulo 3", [](std::size_t i) { return static_cast<double>(i % 3); }, NuisanceKind::file, true);
    const AuditResult result = audit(planted.table, {});
    EXPECT_EQ(*pair_of(result, 0, "modulo 4", AuditShape::any)->auc.value, 1.0);
    EXPECT_FALSE(pair_of(result, 0, "modulo 3", AuditShape::any)->exceeds);
    EXPECT_FALSE(pair_of(result, 0, "order", AuditShape::rank)->exceeds);
    const AuditPair* pair = pair_of(result, 1, "order", AuditShape::rank);
    EXPECT_TRUE(pair->exceeds);
    EXPECT_GT(*pair->correlation.value, 0.9);
}

TEST(Audit, DrawnAreReportedApartAndRulesLeftOut) {
    Planted planted(4);
    planted.add(
        "told", [&](std::size_t i) { return planted.table.labels[0].values[i]; }, NuisanceKind::drawn);
    planted.add(
        "named", [&](std::size_t i) { return planted.table.labels[0].values[i]; }, NuisanceKind::drawn);
    planted.table.nuisances.back().used_by = {"ice"};
    const AuditResult result = audit(planted.table, {});
    EXPECT_FALSE(result.leaks());
    EXPECT_EQ(result.pairs[*result.labels[0].worst_drawn].nuisance, "told");
    EXPECT_EQ(pair_of(result, 0, "named", AuditShape::rank), nullptr);
    EXPECT_NE(pair_of(result, 1, "named", AuditShape::rank), nullptr);
}

TEST(Audit, SaysWhatItCannotAudit) {
    Planted planted(5, 90);
    planted.table.labels.push_back({"all", LabelKind::attribute, "1", std::vector<double>(90, 1.0)});
    planted.table.labels.push_back({"none", LabelKind::of_class, "1", std::vector<double>(90, 0.0)});
    planted.table.labels.push_back({"unknown", LabelKind::attribute, "1", std::vector<double>(90, undefined)});
    std::vector<double> few(90, 0.0);
    few[3] = few[40] = 1.0;
    planted.table.labels.push_back({"few", LabelKind::attribute, "1", few});
    planted.table.labels.push_back({"fixed", LabelKind::value, "1", std::vector<double>(90, 2.5)});
    std::fill(planted.table.splits.begin(), planted.table.splits.end(), Split::train);
    const AuditResult result = audit(planted.table, {});
    EXPECT_TRUE(result.labels[0].not_audited.empty());
    EXPECT_FALSE(result.labels[0].together.has_value());  // nothing to be tried on
    EXPECT_EQ(result.labels[2].not_audited, "in every image");
    EXPECT_EQ(result.labels[3].not_audited, "in no image");
    EXPECT_EQ(result.labels[4].not_audited, "undefined in every image");
    EXPECT_FALSE(result.labels[5].not_audited.empty());
    EXPECT_EQ(result.labels[6].not_audited, "the same in every image");
    for (std::size_t label = 2; label < 7; ++label) EXPECT_FALSE(result.labels[label].worst.has_value());
    EXPECT_THROW((void)audit(planted.table, {0.4, 1, 0}), UsageError);
}

TEST(Audit, UndefinedImagesDoNotCount) {
    Planted planted(6);
    planted.add("leak", [&](std::size_t i) { return planted.table.labels[0].values[i]; });
    for (std::size_t i = 0; i < 300; ++i) planted.table.labels[0].values[i] = undefined;
    for (std::size_t i = 500; i < 600; ++i) planted.table.nuisances.back().values[i] = undefined;
    const AuditResult result = audit(planted.table, {});
    EXPECT_EQ(result.labels[0].images, 300);
    EXPECT_EQ(pair_of(result, 0, "leak", AuditShape::rank)->images, 200);
    EXPECT_EQ(*pair_of(result, 0, "leak", AuditShape::rank)->auc.value, 1.0);
}

TEST(Audit, GradesAreHitOrNotWhereThereAreAny) {
    Planted planted(8);
    LabelColumn grade{"grade", LabelKind::grade, "1", {}};
    for (std::size_t i = 0; i < 600; ++i) grade.values.push_back(i < 200 ? undefined : static_cast<double>(i % 3));
    planted.table.labels.push_back(grade);
    const AuditResult result = audit(planted.table, {});
    EXPECT_EQ(result.labels[2].images, 400);
    EXPECT_EQ(result.labels[2].positives, 134);  // those of 200 to 599 that are 2 modulo 3: 200, 203, ... 599
}

TEST(Audit, DoesNotDependOnTheThreads) {
    Planted planted(7);
    const auto json = [&](unsigned threads) {
        const AuditOptions options{0.6, 1, threads};
        return audit_json(planted.table, options, audit(planted.table, options)).dump();
    };
    EXPECT_EQ(json(1), json(4));
}

// Where there is nothing, Holm's p falls below 5 % in at most 5 % of audits, and no interval lies above 0.6.
TEST(Audit, FlagsNothingWhereThereIsNothing) {
    int wrong = 0;
    constexpr int trials = 200;
    for (int trial = 0; trial < trials; ++trial) {
        Planted planted(1000 + static_cast<std::uint64_t>(trial), 240);
        planted.add(
            "modulo", [](std::size_t i) { return static_cast<double>(i % 5); }, NuisanceKind::file, true);
        const AuditResult result = audit(planted.table, {0.6, static_cast<std::uint64_t>(trial), 1});
        EXPECT_FALSE(result.leaks()) << trial;
        wrong += std::ranges::any_of(result.pairs, [](const AuditPair& pair) { return pair.p_holm <= 0.05; }) ? 1 : 0;
    }
    EXPECT_LE(wrong, 20);  // 10 expected at most; 3.2 standard deviations
}

// Matched pairs that share a level: without their groups the level would seem better known than it is.
TEST(Audit, GroupsStayTogether) {
    int wrong = 0;
    for (std::uint64_t trial = 0; trial < 60; ++trial) {
        std::mt19937_64 random(trial);
        std::normal_distribution<double> normal;
        AuditTable table;
        LabelColumn label{"ice", LabelKind::attribute, "1", {}};
        Nuisance level{"level", NuisanceKind::image, false, {}, {}};
        for (std::int64_t group = 0; group < 60; ++group) {
            const double shared = normal(random);
            const double truth = random() % 2 == 0 ? 1.0 : 0.0;
            for (int member = 0; member < 8; ++member) {
                table.groups.push_back(group);
                table.splits.push_back(group % 3 == 0 ? Split::test : Split::train);
                label.values.push_back(truth);
                level.values.push_back(shared);
            }
        }
        table.labels = {label};
        table.nuisances = {level};
        const AuditResult result = audit(table, {0.6, trial, 1});
        const AuditPair* pair = pair_of(result, 0, "level", AuditShape::rank);
        wrong += pair->p <= 0.05 ? 1 : 0;
    }
    EXPECT_LE(wrong, 9);  // 3 expected; of images counted one by one 26 would be wrong
}

TEST(AuditModel, LearnsTheWeights) {
    std::mt19937_64 random(9);
    std::normal_distribution<double> normal;
    std::vector<double> truth;
    std::vector<double> x;
    std::vector<std::size_t> train;
    std::vector<std::size_t> test;
    for (std::size_t i = 0; i < 4000; ++i) {
        x.push_back(normal(random));
        const double odds = 1.5 * x.back() - 0.5;
        truth.push_back(std::uniform_real_distribution<double>()(random) < 1.0 / (1.0 + std::exp(-odds)) ? 1.0 : 0.0);
        (i % 2 == 0 ? train : test).push_back(i);
    }
    const std::vector<const std::vector<double>*> columns = {&x};
    const Eigen::MatrixXd features = score_features(columns, train);
    const std::vector<double> scores = logistic_scores(features, truth, train, test);
    double squares = 0.0;
    for (std::size_t k = 0; k < test.size(); ++k) squares += std::pow(scores[k] - (1.5 * x[test[k]] - 0.5), 2);
    EXPECT_LT(std::sqrt(squares / static_cast<double>(test.size())), 0.3);
    // A label told for certain must not run away.
    for (std::size_t i = 0; i < truth.size(); ++i) truth[i] = x[i] > 0.0 ? 1.0 : 0.0;
    for (const double score : logistic_scores(features, truth, train, test)) EXPECT_TRUE(std::isfinite(score));
}

TEST(AuditTable, RulesNameWhatIsBehindALabel) {
    const Recipe recipe = parse_recipe(R"(
name = "r"
[[class]]
name = "dry"
beam.fluence_photons_per_m2 = 1e20
[[class]]
name = "bright"
beam.fluence_photons_per_m2 = 1e21
[[variation]]
name = "icy"
ice.thickness_um = 3
[[attribute]]
name = "ice"
rule = "variation.icy and visible_ice_peaks >= 1"
[[attribute]]
name = "large"
rule = "crystal.volume_um3 >= 2"
)",
                                       "test");
    const auto behind = [&](const char* name, LabelKind kind) {
        return quantities_behind(recipe, {name, kind, "1", {}});
    };
    const auto holds = [](const std::vector<std::string>& names, const char* name) {
        return std::ranges::find(names, name) != names.end();
    };
    EXPECT_EQ(behind("dry", LabelKind::of_class), std::vector<std::string>{"beam.fluence_photons_per_m2"});
    EXPECT_TRUE(holds(behind("ice", LabelKind::attribute), "ice.thickness_um"));
    EXPECT_FALSE(holds(behind("ice", LabelKind::attribute), "crystal.volume_um3"));
    EXPECT_TRUE(holds(behind("large", LabelKind::attribute), "crystal.volume_um3"));
}

// A corpus with nothing in it but noise, and one leak each: of the level, the beam centre, the order.
class AuditOfCorpus : public testing::Test {
protected:
    enum class Leak { none, level, beam_centre, order };
    AuditResult audited(Leak leak) {
        constexpr std::int64_t images = 240;
        CorpusInfo info = test::small_info(images, 32, 24);
        info.class_names = {"first", "second"};
        info.labels = {};
        info.labels.attributes = {"ice"};
        info.drawn_names = {"crystal.volume_um3"};
        info.recipe_toml.clear();
        std::mt19937_64 random(12);
        CorpusWriter writer(folder_ / "corpus.h5", info);
        for (std::int64_t i = 0; i < images; ++i) {
            CorpusRecord record;
            const bool ice = random() % 2 == 0;
            record.class_index =
                leak == Leak::order ? static_cast<int>(i >= images / 2) : static_cast<int>(random() % 2);
            record.split = static_cast<Split>(random() % 3);
            record.labels.attributes = {static_cast<std::uint8_t>(ice ? 1 : 0)};
            record.group = i;
            record.image = Image<std::uint16_t>(32, 24);
            std::poisson_distribution<int> photons(20.0);
            for (auto& pixel : record.image.pixels) {
                pixel = static_cast<std::uint16_t>(40 + photons(random) + (ice && leak == Leak::level ? 3 : 0));
            }
            record.truth.beam_fast_px =
                static_cast<float>(16.0 + std::uniform_real_distribution<double>(-3, 3)(random));
            record.truth.beam_slow_px = 12.0F;
            if (ice && leak == Leak::beam_centre) record.truth.beam_fast_px += 3.0F;
            record.drawn = {static_cast<float>(random() % 100)};
            writer.append(encode(std::move(record)));
        }
        writer.finish();
        const CorpusReader corpus(folder_ / "corpus.h5");
        const CorpusStatistics statistics = corpus_statistics(corpus, 2, {});
        const CorpusReader* const corpora[] = {&corpus};
        const std::vector<ImageStatistics>* const measured[] = {&statistics.images};
        table_ = audit_table(corpora, measured);
        return audit(table_, {0.6, 1, 2});
    }
    std::string worst(const AuditResult& result, std::size_t label) const {
        return result.pairs[*result.labels[label].worst].nuisance;
    }
    test::ScratchFolder folder_;
    AuditTable table_;
};

TEST_F(AuditOfCorpus, CleanOne) {
    const AuditResult result = audited(Leak::none);
    EXPECT_FALSE(result.leaks());
    for (const AuditPair& pair : result.pairs) EXPECT_GT(pair.p_holm, 0.05) << pair.nuisance;
    EXPECT_TRUE(table_.groups.empty());
    // Constant, and so no nuisance: image size, saturated pixels, the beam centre along slow.
    for (const Nuisance& nuisance : table_.nuisances) {
        EXPECT_NE(nuisance.name, "image width");
        EXPECT_NE(nuisance.name, "saturated pixels");
        EXPECT_NE(nuisance.name, "beam centre, slow");
    }
}

TEST_F(AuditOfCorpus, LevelOfAnAttribute) {
    const AuditResult result = audited(Leak::level);
    EXPECT_TRUE(result.labels[2].leaks);
    EXPECT_FALSE(result.labels[0].leaks);
    EXPECT_TRUE(pair_of(result, 2, "total intensity", AuditShape::rank)->exceeds);
    EXPECT_TRUE(pair_of(result, 2, "background in the corners", AuditShape::rank)->exceeds);
}

TEST_F(AuditOfCorpus, BeamCentreOfAnAttribute) {
    const AuditResult result = audited(Leak::beam_centre);
    EXPECT_TRUE(result.labels[2].leaks);
    EXPECT_EQ(worst(result, 2), "beam centre, fast");
}

TEST_F(AuditOfCorpus, FileOrderedByClass) {
    const AuditResult result = audited(Leak::order);
    EXPECT_TRUE(result.labels[0].leaks);
    EXPECT_EQ(worst(result, 0), "order in the file");
    EXPECT_FALSE(result.labels[2].leaks);
}

// Two corpora of other sizes and classes put together.
TEST_F(AuditOfCorpus, TwoCorporaTellTheirClassesBySize) {
    const auto write = [&](const char* name, int width_px, const char* class_name, const char* attribute) {
        CorpusInfo info = test::small_info(60, width_px, 24);
        info.class_names = {class_name};
        info.labels = {};
        info.labels.attributes = {attribute};
        info.drawn_names.clear();
        info.recipe_toml.clear();
        std::mt19937_64 random(5);
        CorpusWriter writer(folder_ / name, info);
        for (std::int64_t i = 0; i < 60; ++i) {
            CorpusRecord record;
            record.image = Image<std::uint16_t>(width_px, 24, static_cast<std::uint16_t>(random() % 100));
            record.labels.attributes = {static_cast<std::uint8_t>(random() % 2)};
            record.group = i;
            record.split = static_cast<Split>(i % 3);
            writer.append(encode(std::move(record)));
        }
        writer.finish();
    };
    write("a.h5", 32, "crystal", "ice");
    write("b.h5", 48, "blank", "salt");
    const CorpusReader a(folder_ / "a.h5");
    const CorpusReader b(folder_ / "b.h5");
    const CorpusStatistics of_a = corpus_statistics(a, 1, {});
    const CorpusStatistics of_b = corpus_statistics(b, 1, {});
    const CorpusReader* const corpora[] = {&a, &b};
    const std::vector<ImageStatistics>* const measured[] = {&of_a.images, &of_b.images};
    const AuditTable table = audit_table(corpora, measured);
    ASSERT_EQ(table.labels.size(), 4U);
    EXPECT_EQ(table.labels[0].name, "crystal");
    EXPECT_EQ(table.labels[0].values.at(119), 0.0);
    EXPECT_EQ(table.labels[2].name, "blank");
    EXPECT_EQ(table.labels[2].values.at(0), 0.0);
    EXPECT_TRUE(std::isnan(table.labels[1].values.at(119)));  // ice, which b doesn't know
    const AuditResult result = audit(table, {});
    EXPECT_EQ(*pair_of(result, 0, "image width", AuditShape::rank)->auc.value, 1.0);
    EXPECT_EQ(*pair_of(result, 0, "which corpus", AuditShape::any)->auc.value, 1.0);
    EXPECT_EQ(result.labels[1].images, 60);
    EXPECT_EQ(pair_of(result, 1, "image width", AuditShape::rank), nullptr);
}

}  // namespace
}  // namespace braggbench
