#include "classifiers/train.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "classifiers/classify.hpp"
#include "classifiers/evaluate.hpp"
#include "classifiers/fit.hpp"
#include "classifiers/predict.hpp"
#include "simulator/error.hpp"
#include "tests/classifiers/drawn_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

constexpr test::DrawnImages drawn;

class TrainTest : public testing::Test {
protected:
    TrainTest() { fs::create_directories(directory); }
    ~TrainTest() override { fs::remove_all(directory); }
    const fs::path directory =
        fs::temp_directory_path() /
        ("braggbench-train-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
};

const std::vector<Head> class_head =
    make_heads(std::vector<std::string>{"class"}, {test::drawn_classes, {"crystal"}, {}, "drawn"});

ImageFeed draw_images(int count, std::uint64_t first) {
    auto image = [first](std::int64_t row) {
        const auto label = static_cast<int>(row % 3);
        return LabelledImage{std::make_shared<const Image<std::uint16_t>>(
                                 test::draw_image(drawn, label, first + static_cast<std::uint64_t>(row))),
                             {static_cast<float>(label)}};
    };
    FeedOptions options;
    options.view.size_px = drawn.size_px;
    options.offset_adu = 40.0;
    return {count, image, options, "drawn"};
}

TrainOptions quick_options() {
    TrainOptions options;
    options.model = "compact-tiny";
    options.epochs = 3;
    options.batch_size = 8;
    options.learning_rate = 1e-2;
    return options;
}

struct Fitted {
    std::shared_ptr<Classifier> network;
    FitResult result;
};

Fitted run_fit(const TrainOptions& options, const ImageFeed& images, const FitCalls& calls = {}) {
    torch::manual_seed(options.seed);
    Fitted fitted{make_model(options.model, {.output_count = 3, .height_px = drawn.size_px, .width_px = drawn.size_px}),
                  {}};
    const FitTask task{class_head, {}, [&](int) -> const ImageFeed& { return images; }, images, "corpus"};
    fitted.result = fit(*fitted.network, task, options, calls);
    return fitted;
}

bool same_weights(const Classifier& a, const Classifier& b) {
    const auto left = a.parameters();
    const auto right = b.parameters();
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const torch::Tensor& x, const torch::Tensor& y) { return torch::equal(x, y); });
}

TEST_F(TrainTest, SameSeedGivesTheSameWeightsAlsoWhenResumed) {
    const auto images = draw_images(30, 0);
    auto options = quick_options();
    const auto once = run_fit(options, images);
    EXPECT_TRUE(same_weights(*once.network, *run_fit(options, images).network));

    // Killed in the middle of the second epoch, after its second batch's checkpoint.
    options.checkpoint = directory / "run.checkpoint";
    options.checkpoint_minutes = 1e-9;
    const FitCalls killing = {[](std::int64_t done, std::int64_t, int epoch) {
                                  if (epoch == 2 && done == 24) throw std::runtime_error("killed");
                              },
                              {}};
    EXPECT_THROW(run_fit(options, images, killing), std::runtime_error);
    options.resume = true;
    const auto resumed = run_fit(options, images);
    EXPECT_TRUE(same_weights(*once.network, *resumed.network));
    EXPECT_EQ(resumed.result.epochs[1].train_loss, once.result.epochs[1].train_loss);
    EXPECT_EQ(resumed.result.epochs[1].train_scores, once.result.epochs[1].train_scores);
    ASSERT_EQ(resumed.result.epochs.size(), 3U);
    EXPECT_EQ(resumed.result.epochs[0].train_loss, once.result.epochs[0].train_loss);

    options.seed = 2;
    options.resume = false;
    EXPECT_FALSE(same_weights(*once.network, *run_fit(options, images).network));
}

TEST_F(TrainTest, ACheckpointOfAnotherRunOrABrokenOneIsRefused) {
    const auto images = draw_images(12, 0);
    auto options = quick_options();
    options.epochs = 1;
    options.checkpoint = directory / "run.checkpoint";
    run_fit(options, images);
    options.resume = true;
    auto other = options;
    other.batch_size = 4;
    EXPECT_THROW(run_fit(other, images), UsageError);
    fs::resize_file(options.checkpoint, fs::file_size(options.checkpoint) / 2);
    EXPECT_THROW(run_fit(options, images), DataError);
    fs::remove(options.checkpoint);
    EXPECT_THROW(run_fit(options, images), DataError);
}

TEST_F(TrainTest, DivergenceIsAnError) {
    auto options = quick_options();
    options.learning_rate = 1e30;
    EXPECT_THROW(run_fit(options, draw_images(24, 0)), UsageError);
}

// `absent` leaves one class out of the train split.
fs::path write_corpus(const fs::path& directory, int absent = -1) {
    return test::write_drawn_corpus(directory / "corpus.h5", drawn, 240, [absent](int i) {
        test::DrawnRow row{i % 3, i < 180 ? Split::train : i < 210 ? Split::validation : Split::test};
        if (row.split == Split::train && row.class_index == absent) row.split = Split::test;
        return row;
    });
}

TEST_F(TrainTest, LearnsFromACorpusAndIsScoredBesideChance) {
    const CorpusReader corpus(write_corpus(directory));
    auto options = quick_options();
    options.model = "compact";
    options.epochs = 15;
    const auto model = train(corpus, options);
    EXPECT_EQ(model.card.hit_classes, std::vector<std::string>{"crystal"});
    EXPECT_EQ(model.card.view.size_px, drawn.size_px);
    EXPECT_EQ(model.card.training.at("epochs").size(), 15U);
    EXPECT_GT(model.card.training.at("parameters").get<int>(), 1000);

    const auto predictions = predict(model, corpus, Split::test, {});
    const auto json = evaluation_json(predictions, corpus);
    EXPECT_EQ(json.at("images"), 30);
    const auto& task = json.at("tasks").at(0);
    EXPECT_GE(task.at("accuracy").at("value").get<double>(), 0.9);
    EXPECT_NEAR(task.at("accuracy").at("chance").get<double>(), 1.0 / 3.0, 1e-9);
    EXPECT_EQ(task.at("classes").at(2).at("support"), 10);
    EXPECT_EQ(task.at("confusion").size(), 3U);

    const auto path = directory / "model.bbm";
    save_model(path, model);
    const auto loaded = load_model(path);
    EXPECT_EQ(predict(loaded, corpus, Split::test, {}).scores, predictions.scores);
    EXPECT_EQ(loaded.card.training, model.card.training);

    DetectorImage image;
    image.name = "a crystal";
    const auto raw = corpus.image(corpus.indices(Split::test)[2]);
    image.values = Image<float>(drawn.size_px, drawn.size_px);
    std::copy(raw.pixels.begin(), raw.pixels.end(), image.values.pixels.begin());
    image.valid = Image<std::uint8_t>(drawn.size_px, drawn.size_px, 1);
    const auto classification = classify(loaded, image);
    EXPECT_EQ(classification.class_name, "crystal");
    ASSERT_TRUE(classification.hit_probability);
    EXPECT_NEAR(*classification.hit_probability, predictions.scores[2][2], 1e-4);
    EXPECT_GE(classification.spot_count, 4);
    EXPECT_THROW(classify(loaded, image, {.gain_adu_per_photon = 0.0, .offset_adu = {}}), UsageError);
    std::fill(image.valid.pixels.begin(), image.valid.pixels.end(), std::uint8_t{0});
    EXPECT_THROW(classify(loaded, image), DataError);
}

TEST_F(TrainTest, LearnsFromAStreamReproducibly) {
    const Recipe recipe =
        load_recipe("diffranet-small", {"corpus.image_count=60", "corpus.validation_fraction=0.5",
                                        "detector.width_px=64", "detector.height_px=64", "detector.beam_fast_px=32",
                                        "detector.beam_slow_px=32", "crystal.d_min_A=6"});
    auto options = quick_options();
    options.epochs = 2;
    const auto once = train_on_stream(recipe, options);
    EXPECT_EQ(once.card.training.at("corpus"), "stream:diffranet-small");
    EXPECT_TRUE(same_weights(*once.network, *train_on_stream(recipe, options).network));
    Recipe other = recipe;
    other.seed = 2;
    EXPECT_FALSE(same_weights(*once.network, *train_on_stream(other, options).network));
    other.validation_fraction = 0;
    EXPECT_THROW(train_on_stream(other, options), DataError);
}

TEST_F(TrainTest, AClassThatIsMissingIsNamed) {
    const CorpusReader corpus(write_corpus(directory, 1));
    try {
        train(corpus, quick_options());
        FAIL();
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("no-crystal"), std::string::npos);
    }
}

TEST_F(TrainTest, BadOptionsAreListedTogether) {
    const CorpusReader corpus(write_corpus(directory));
    auto options = quick_options();
    options.epochs = 0;
    options.learning_rate = -1.0;
    try {
        train(corpus, options);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("epochs"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("lr ="), std::string::npos);
    }
}

TEST_F(TrainTest, AFileThatIsNoModelIsRefused) {
    const auto path = directory / "x.bbm";
    EXPECT_THROW(load_model(path), DataError);
    std::ofstream(path) << "not a model";
    EXPECT_THROW(load_model(path), DataError);
    TrainedModel model;
    model.card.zoo_name = "compact-tiny";
    model.card.heads = class_head;
    model.card.view.size_px = drawn.size_px;
    model.network = make_model("compact-tiny", shape_of(model.card));
    save_model(path, model);
    EXPECT_NO_THROW(load_model(path));
    fs::resize_file(path, fs::file_size(path) - 200);
    EXPECT_THROW(load_model(path), DataError);
    EXPECT_THROW(save_model(directory / "absent" / "x.bbm", model), DataError);
}

}  // namespace
}  // namespace braggbench
