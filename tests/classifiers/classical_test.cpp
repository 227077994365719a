#include "classifiers/classical/classical.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "classifiers/classical/calibrate.hpp"
#include "classifiers/classical/finder_hits.hpp"
#include "classifiers/classical/glcm.hpp"
#include "classifiers/classical/templates.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "tests/classifiers/drawn_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

Image<std::uint8_t> grey_of(int width, int height, std::vector<std::uint8_t> pixels) {
    Image<std::uint8_t> image(width, height);
    image.pixels = std::move(pixels);
    return image;
}

GlcmProperties properties_of(const Image<std::uint8_t>& image, GlcmOffset offset) {
    return glcm_properties(image, std::vector{offset}).front();
}

// 0 1 / 1 0: along rows both pairs are of 0 and 1, along the diagonal one pair of 0 and 0.
TEST(Glcm, TwoByTwoByHand) {
    const auto image = grey_of(2, 2, {0, 1, 1, 0});
    const auto rows = properties_of(image, {1, 0.0});
    EXPECT_DOUBLE_EQ(rows.contrast, 1.0);
    EXPECT_DOUBLE_EQ(rows.dissimilarity, 1.0);
    EXPECT_DOUBLE_EQ(rows.homogeneity, 0.5);
    EXPECT_DOUBLE_EQ(rows.angular_second_moment, 0.5);
    EXPECT_DOUBLE_EQ(rows.energy, std::sqrt(0.5));
    EXPECT_DOUBLE_EQ(rows.correlation, -1.0);
    const auto diagonal = properties_of(image, {1, 45.0});
    EXPECT_DOUBLE_EQ(diagonal.contrast, 0.0);
    EXPECT_DOUBLE_EQ(diagonal.energy, 1.0);
    EXPECT_DOUBLE_EQ(diagonal.correlation, 1.0);
    // The other diagonal, from (1, 0) to (0, 1).
    EXPECT_DOUBLE_EQ(properties_of(image, {1, 135.0}).angular_second_moment, 1.0);
}

// The example of Haralick et al. 1973, fig. 3: horizontally R = 24 ordered pairs: 4 2 1 0 / 2 4 0 0 / 1 0 6 1 / 0 0
// 1 2.
TEST(Glcm, HaralicksExample) {
    const auto image = grey_of(4, 4, {0, 0, 1, 1, 0, 0, 1, 1, 0, 2, 2, 2, 2, 2, 3, 3});
    const auto horizontal = properties_of(image, {1, 0.0});
    EXPECT_NEAR(horizontal.contrast, (2 * 2 * 1 + 2 * 1 * 4 + 2 * 1 * 1) / 24.0, 1e-15);
    EXPECT_NEAR(horizontal.dissimilarity, (2 * 2 + 2 * 2 + 2) / 24.0, 1e-15);
    EXPECT_NEAR(horizontal.homogeneity, (16 + 4 / 2.0 + 2 / 5.0 + 2 / 2.0) / 24.0, 1e-15);
    EXPECT_NEAR(horizontal.angular_second_moment, (16 + 4 + 1 + 4 + 16 + 1 + 36 + 1 + 1 + 4) / 576.0, 1e-15);
    // Margins 7, 6, 8, 3 of 24.
    const double mean = (6.0 + 16.0 + 9.0) / 24.0;
    const double variance = (6.0 + 32.0 + 27.0) / 24.0 - mean * mean;
    const double product = (4.0 * 1 + 6.0 * 4 + 2.0 * 6 + 2.0 * 9) / 24.0;
    EXPECT_NEAR(horizontal.correlation, (product - mean * mean) / variance, 1e-14);
    // Vertically 6 0 2 0 / 0 4 2 0 / 2 2 2 2 / 0 0 2 0.
    EXPECT_NEAR(properties_of(image, {1, 90.0}).contrast, (4 * 4 + 4 * 1 + 4 * 1) / 24.0, 1e-15);
}

TEST(Glcm, FlatAndTooSmallImages) {
    const auto flat = properties_of(Image<std::uint8_t>(9, 7, 255), {2, 90.0});
    EXPECT_EQ(flat.values(), (std::array{0.0, 0.0, 1.0, 1.0, 1.0, 1.0}));
    const auto small = properties_of(Image<std::uint8_t>(3, 3, 7), {5, 0.0});
    EXPECT_EQ(small.values(), (std::array{0.0, 0.0, 0.0, 0.0, 1.0, 0.0}));
    // A checkerboard of the extremes: every neighbour differs by 255, every other one by 0.
    Image<std::uint8_t> board(8, 8);
    for (int y = 0; y < 8; ++y) {
        for (int x = 0; x < 8; ++x) board(x, y) = (x + y) % 2 == 0 ? 255 : 0;
    }
    EXPECT_DOUBLE_EQ(properties_of(board, {1, 0.0}).contrast, 255.0 * 255.0);
    EXPECT_NEAR(properties_of(board, {1, 0.0}).correlation, -1.0, 1e-15);
    EXPECT_DOUBLE_EQ(properties_of(board, {2, 0.0}).contrast, 0.0);
    EXPECT_DOUBLE_EQ(properties_of(board, {1, 45.0}).contrast, 0.0);
}

TEST(Glcm, GreyIsFourTimesTheRootOfThePhotons) {
    const auto levels = grey_levels(2.0, 10.0);
    EXPECT_EQ(levels[0], 0);    // below the offset
    EXPECT_EQ(levels[10], 0);   // no photon
    EXPECT_EQ(levels[12], 4);   // one
    EXPECT_EQ(levels[14], 5);   // two: 5.66
    EXPECT_EQ(levels[28], 12);  // nine
    EXPECT_EQ(levels[65535], 255);
}

TEST(Calibrate, SigmoidFindsTheLogisticThatDrewTheLabels) {
    RandomStream random(3, 0, Stage::scene);
    std::vector<double> values;
    std::vector<int> truth;
    for (int i = 0; i < 20000; ++i) {
        values.push_back(random.uniform(-3.0, 3.0));
        truth.push_back(random.uniform() < 1.0 / (1.0 + std::exp(-1.5 * values.back() + 0.5)) ? 1 : 0);
    }
    const auto fit = fit_sigmoid(values, truth);
    EXPECT_NEAR(fit.a, -1.5, 0.06);
    EXPECT_NEAR(fit.b, 0.5, 0.06);
    EXPECT_NEAR(fit(1.0), 1.0 / (1.0 + std::exp(-1.0)), 0.02);
    // Separable values do not become certain.
    const auto separable = fit_sigmoid(std::vector{-1.0, -1.0, 1.0, 1.0}, std::vector{0, 0, 1, 1});
    EXPECT_NEAR(separable(1.0), 0.75, 0.01);
}

TEST(Calibrate, CouplingGivesBackConsistentPairs) {
    const Eigen::Vector4d p(0.5, 0.3, 0.15, 0.05);
    Eigen::MatrixXd pairs = Eigen::MatrixXd::Zero(4, 4);
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
            if (i != j) pairs(i, j) = p[i] / (p[i] + p[j]);
        }
    }
    EXPECT_LT((couple_pairs(pairs) - p).norm(), 1e-12);
    EXPECT_NEAR(minimise_log_scale([](double x) { return std::pow(std::log(x / 7.0), 2); }, 0.1, 100.0), 7.0, 1e-4);
}

TEST(Templates, DistancesAreThoseOfPlainLoops) {
    RandomStream random(4, 0, Stage::scene);
    FeatureTable images(5, 36);
    FeatureTable templates(4, 36);
    for (auto* table : {&images, &templates}) {
        for (Eigen::Index i = 0; i < table->size(); ++i) {
            table->data()[i] = static_cast<float>(random.uniform(0.0, 255.0));
        }
    }
    images.row(3) = templates.row(2);
    const std::vector classes = {0, 2, 2, 0};
    const auto nearest = nearest_templates(images, templates, classes, 3);
    for (Eigen::Index i = 0; i < 5; ++i) {
        const auto distance = [&](Eigen::Index t) { return (images.row(i) - templates.row(t)).norm(); };
        EXPECT_NEAR(nearest(i, 0), std::min(distance(0), distance(3)), 1e-3F);
        EXPECT_NEAR(nearest(i, 2), std::min(distance(1), distance(2)), 0.5F);  // 0 up to rounding for image 3
        EXPECT_TRUE(std::isinf(nearest(i, 1)));
    }
    EXPECT_EQ(ranked_by_distance(nearest, 2).front(), 3U);
}

TEST(Templates, RotationsTurnABlobAboutTheCentre) {
    constexpr int size = 33;
    FeatureTable one = FeatureTable::Zero(1, size * size);
    const auto blob = [](double x, double y, int px, int py) {
        return std::exp(-0.5 * (std::pow(px - x, 2) + std::pow(py - y, 2)) / 4.0);
    };
    for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) one(0, y * size + x) = static_cast<float>(blob(24.0, 16.0, x, y));
    }
    const auto turned = rotated_templates(one, size);
    ASSERT_EQ(turned.rows(), template_rotations);
    EXPECT_EQ(turned.row(0), one.row(0));
    for (const int k : {9, 18, 27, 35}) {
        const double angle = 5.0 * k * std::numbers::pi / 180.0;
        const double x = 16.0 + 8.0 * std::cos(angle);
        const double y = 16.0 - 8.0 * std::sin(angle);  // counter-clockwise as seen, slow pointing down
        double worst = 0.0;
        for (int py = 0; py < size; ++py) {
            for (int px = 0; px < size; ++px) {
                worst = std::max(worst, std::abs(static_cast<double>(turned(k, py * size + px)) - blob(x, y, px, py)));
            }
        }
        EXPECT_LT(worst, 0.03) << 5 * k << " degrees";
    }
}

TEST(FinderHits, ThresholdOfTheHighestBalancedAccuracyInTheMiddleOfItsStretch) {
    const std::vector counts = {0, 1, 2, 2, 10, 11, 30};
    const std::vector truth = {0, 0, 0, 0, 1, 1, 1};
    const auto rule = fit_peak_count_rule(counts, truth);
    EXPECT_EQ(rule.threshold, 6);  // 3 to 10 do equally well
    EXPECT_DOUBLE_EQ(rule.balanced_accuracy, 1.0);
    for (const double steepness : {0.3, 1.0, 4.0}) {
        const PeakCountRule tried{6, steepness, 1.0, 0.0};
        double before = -1.0;
        for (int count = 0; count < 200; ++count) {
            EXPECT_EQ(tried.probability(count) > 0.5, count >= 6) << count;
            EXPECT_GT(tried.probability(count), before);
            before = tried.probability(count);
        }
    }
    const auto noisy = fit_peak_count_rule(std::vector{0, 5, 1, 2, 4, 9}, std::vector{0, 0, 0, 1, 1, 1});
    EXPECT_EQ(noisy.threshold, 2);
    EXPECT_NEAR(noisy.balanced_accuracy, 5.0 / 6.0, 1e-12);
    EXPECT_THROW((void)fit_peak_count_rule(std::vector{1, 2}, std::vector{1, 1}), UsageError);
}

TEST(Sampling, FoldsAndSamplesAreStratified) {
    std::vector<int> targets;
    for (int i = 0; i < 60; ++i) targets.push_back(i < 50 ? 0 : 1);
    const auto folds = stratified_folds(targets, 5, 1);
    std::vector<int> of_second(5, 0);
    for (std::size_t i = 50; i < 60; ++i) ++of_second[static_cast<std::size_t>(folds[i])];
    EXPECT_EQ(of_second, std::vector<int>(5, 2));
    const auto sample = stratified_sample(targets, 16, 1);
    EXPECT_EQ(std::ranges::count_if(sample, [](auto i) { return i >= 50; }), 8);
    EXPECT_EQ(stratified_sample(targets, 100, 1).size(), 60U);
    EXPECT_NE(sample, stratified_sample(targets, 16, 2));
}

constexpr test::DrawnImages drawn{.size_px = 96, .spots = 30, .spot_px = 2};

// Classes in turn; `only` = all of that one. Two thirds are for training, a sixth each for validation and test, or none
// for training.
fs::path write_corpus(const fs::path& directory, int count, int only = -1, bool untrained = false) {
    return test::write_drawn_corpus(directory / "corpus.h5", drawn, count, [only, untrained](int i) {
        const auto split = i % 18 < 3 ? Split::validation : i % 18 < 6 ? Split::test : Split::train;
        return test::DrawnRow{only < 0 ? i % 3 : only, untrained ? Split::test : split};
    });
}

class ClassicalTest : public testing::Test {
protected:
    ClassicalTest() { fs::create_directories(directory); }
    ~ClassicalTest() override { fs::remove_all(directory); }
    const fs::path directory =
        fs::temp_directory_path() /
        ("braggbench-classical-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
};

// So that the table's models take seconds, not minutes.
ClassicalOptions quick_options(const std::string& model) {
    ClassicalOptions options;
    options.model = model;
    if (model == "glcm-forest") options.settings = {{"trees", 50}};
    if (model == "glcm-svm") options.settings = {{"c", 10}, {"gamma_times_features", 1}};
    if (model == "orb-mlp") options.settings = {{"words", 16}, {"hidden", 8}, {"epochs", 100}};
    if (model == "templates") options.settings = {{"per_class", 4}, {"size_px", 32}};
    return options;
}

TEST_F(ClassicalTest, EveryModelLearnsIsSavedAndIsTheSameOnAnyNumberOfThreads) {
    const CorpusReader corpus(write_corpus(directory, 216));
    for (const auto& info : classical_models()) {
        SCOPED_TRACE(info.name);
        auto options = quick_options(info.name);
        std::int64_t last = 0;
        const auto model = fit_classical(corpus, options, [&](std::int64_t done, std::int64_t) { last = done; });
        EXPECT_GT(last, 0);
        const auto predictions = predict_classical(model, corpus, Split::test, {});
        EXPECT_EQ(predictions.model, info.name);
        EXPECT_EQ(predictions.image_indices, corpus.indices(Split::test));
        EXPECT_EQ(predictions.heads.front().name, info.head);
        const auto truth = truth_of(corpus, predictions.heads, predictions.image_indices);
        int right = 0;
        for (std::size_t i = 0; i < predictions.scores.size(); ++i) {
            const auto& row = predictions.scores[i];
            float sum = 0.0F;
            for (const float p : row) {
                EXPECT_GE(p, 0.0F);
                sum += p;
            }
            EXPECT_NEAR(sum, 1.0F, 1e-5F);
            right += std::ranges::max_element(row) - row.begin() == static_cast<std::ptrdiff_t>(truth[i].front());
        }
        const auto count = static_cast<int>(predictions.scores.size());
        ASSERT_EQ(count, 36);
        // Templates compare pixels, of which spots at new places have none in common: above chance is all they promise.
        EXPECT_GE(right, info.name == "templates" ? count / 2 : count - 2);

        options.threads = 1;
        const auto again = fit_classical(corpus, options, {});
        EXPECT_EQ(predict_classical(again, corpus, Split::test, {}, 1).scores, predictions.scores);
        const auto path = directory / "model";
        const auto path_again = directory / "again";
        save_classical(path, model);
        save_classical(path_again, again);
        EXPECT_EQ(read_file_bytes(path), read_file_bytes(path_again));
        EXPECT_TRUE(is_classical_model(path));
        const auto loaded = load_classical(path);
        EXPECT_EQ(loaded.card.model, info.name);
        EXPECT_EQ(loaded.card.head, model.card.head);
        EXPECT_EQ(loaded.card.settings, model.card.settings);
        EXPECT_EQ(loaded.card.training, model.card.training);
        EXPECT_EQ(predict_classical(loaded, corpus, Split::test, {}).scores, predictions.scores);
    }
}

TEST_F(ClassicalTest, PeaksAreCountedAsFindPeaksFindsThem) {
    const CorpusReader corpus(write_corpus(directory, 18));
    const auto indices = corpus.indices(Split::train);
    std::vector<FindPeaksOptions> finders(3);
    finders[1].finder = PeakFinder::dispersion;
    finders[2].peakfinder8.threshold = 30.0;
    const auto counts = count_peaks(corpus, indices, finders, 2, {});
    const std::vector files = {corpus.path()};
    for (std::size_t f = 0; f < finders.size(); ++f) {
        const auto list = find_peaks(files, finders[f], 1, {});
        for (std::size_t i = 0; i < indices.size(); ++i) {
            EXPECT_EQ(counts[f][i], std::ssize(list.images[static_cast<std::size_t>(indices[i])].peaks));
        }
    }
    EXPECT_GT(std::ranges::max(counts[2]), 15);
}

TEST_F(ClassicalTest, SearchedKernelIsRecorded) {
    const CorpusReader corpus(write_corpus(directory, 108));
    const auto model = fit_classical(corpus, {.model = "glcm-svm", .settings = {{"search_images", 40}}}, {});
    EXPECT_GT(model.card.training.at("c").get<double>(), 0.0);
    EXPECT_GT(model.card.training.at("cross_validated_accuracy").get<double>(), 0.9);
}

TEST_F(ClassicalTest, SplitsThatTeachNothingAreNamed) {
    const CorpusReader one_class(write_corpus(directory, 36, 2));
    for (const auto& info : classical_models()) {
        EXPECT_THROW(fit_classical(one_class, quick_options(info.name), {}), UsageError) << info.name;
    }
    const auto other = directory / "other";
    fs::create_directories(other);
    const CorpusReader untrained(write_corpus(other, 18, -1, true));
    for (const auto& info : classical_models()) {
        EXPECT_THROW(fit_classical(untrained, quick_options(info.name), {}), UsageError) << info.name;
    }
}

TEST_F(ClassicalTest, ADamagedFileIsRefused) {
    const CorpusReader corpus(write_corpus(directory, 54));
    const auto path = directory / "model";
    save_classical(path, fit_classical(corpus, quick_options("templates"), {}));
    const auto bytes = read_file_bytes(path);
    const auto refused = [&](const std::string& content) {
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_THROW(load_classical(path), DataError) << content.size();
    };
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{20}, std::size_t{45}, bytes.size() / 2, bytes.size() - 1}) {
        refused(bytes.substr(0, size));
    }
    auto changed = bytes;
    changed[bytes.size() / 2] = static_cast<char>(changed[bytes.size() / 2] ^ 1);
    refused(changed);
    EXPECT_THROW(load_classical(directory / "absent"), DataError);
    EXPECT_FALSE(is_classical_model(directory / "absent"));
    EXPECT_FALSE(is_classical_model(corpus.path()));
    EXPECT_THROW(save_classical(directory / "absent" / "model", fit_classical(corpus, quick_options("templates"), {})),
                 DataError);
}

TEST_F(ClassicalTest, UnknownModelsAndSettingsAreNamed) {
    const CorpusReader corpus(write_corpus(directory, 18));
    const auto message = [&](const ClassicalOptions& options) -> std::string {
        try {
            fit_classical(corpus, options, {});
        } catch (const UsageError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(message({.model = "glcm-forrest"}).find("\"glcm-forest\""), std::string::npos);
    EXPECT_NE(message({.model = "templates", .settings = {{"sizepx", 32}}}).find("\"size_px\""), std::string::npos);
    EXPECT_NE(message({.model = "glcm-forest", .settings = {{"trees", 2.5}}}).find("whole number"), std::string::npos);
    EXPECT_NE(message({.model = "glcm-forest", .settings = {{"trees", 0}}}).find("from 1"), std::string::npos);
    EXPECT_TRUE(is_classical_name("dispersion-extended"));
    EXPECT_FALSE(is_classical_name("compact"));
}

}  // namespace
}  // namespace braggbench
