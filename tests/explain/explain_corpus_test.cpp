#include "explain/explain_corpus.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>

#include "classifiers/model.hpp"
#include "explain/hit_output.hpp"
#include "explain/map_file.hpp"
#include "explain/score_maps.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 64;
constexpr int images_per_class = 30;

// A network that looks at pixels through one matched filter: its maps must find the peaks.
class SpotNet : public Classifier {
public:
    SpotNet() {
        filter_ =
            register_module("filter", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 3).padding(1).bias(false)));
        const torch::NoGradGuard no_gradients;
        filter_->weight.fill_(-0.125);
        filter_->weight[0][0][1][1] = 1.0;
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = torch::relu(filter_(photons) - 20.0);
        result.stages.push_back({"fine", a, 1.0, 0.0});
        const torch::Tensor b = torch::avg_pool2d(a, 16);
        result.stages.push_back({"coarse", b, 16.0, 7.5});
        const torch::Tensor total = b.sum({1, 2, 3});
        result.logits = torch::stack({torch::ones_like(total), total}, 1);
        return result;
    }

private:
    torch::nn::Conv2d filter_{nullptr};
};

// Two classes, "empty" and "spots" (15 peaks of 100 ADU on a background of 10), every third image of each in the test
// split.
std::vector<Head> class_heads(const std::vector<std::string>& names) {
    return make_heads(std::vector<std::string>{"class"}, {names, {}, {}, "a test"});
}

class ExplainCorpus : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = std::filesystem::temp_directory_path() / ("braggbench-explain-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
        CorpusInfo info;
        info.image_count = 2 * images_per_class;
        info.width_px = size_px;
        info.height_px = size_px;
        info.wavelength_A = 1.3;
        info.class_names = {"empty", "spots"};
        info.detector.image_width_px = size_px;
        info.detector.image_height_px = size_px;
        Panel panel;
        panel.width_px = size_px;
        panel.height_px = size_px;
        panel.pixel_size_mm = 0.1;
        panel.origin_mm = {3.2, 3.2, 100.0};
        info.detector.panels = {panel};
        CorpusWriter writer(corpus_path(), info);
        for (int image = 0; image < 2 * images_per_class; ++image) {
            CorpusRecord record;
            record.image = Image<std::uint16_t>(size_px, size_px, 10);
            record.class_index = image % 2;
            record.split = (image / 2) % 3 == 0 ? Split::test : Split::train;
            record.truth.beam_fast_px = 32.0F;
            record.truth.beam_slow_px = 32.0F;
            RandomStream random(5, static_cast<std::uint64_t>(image), Stage::scene);
            for (int peak = 0; record.class_index == 1 && peak < 15; ++peak) {
                const auto fast = static_cast<int>(random.uniform(2.0, size_px - 2.0));
                const auto slow = static_cast<int>(random.uniform(2.0, size_px - 2.0));
                record.image(fast, slow) = 110;
                Peak truth;
                truth.visible = true;
                truth.fast_px = static_cast<float>(fast) + 0.5F;
                truth.slow_px = static_cast<float>(slow) + 0.5F;
                truth.photons = 100.0F;
                truth.snr = 10.0F;
                truth.var_fast_px2 = 1.0F / 12.0F;
                truth.var_slow_px2 = 1.0F / 12.0F;
                record.peaks.push_back(truth);
            }
            writer.append(encode(std::move(record)));
        }
        writer.finish();
        model_.card.zoo_name = "compact";
        model_.card.heads = class_heads({"empty", "spots"});
        model_.card.view.size_px = size_px;
        model_.network = std::make_shared<SpotNet>();
        model_.network->eval();
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::filesystem::path corpus_path() const { return folder_ / "corpus.h5"; }
    [[nodiscard]] ExplainOptions options() const {
        ExplainOptions result;
        result.model_name = "spot-net";
        result.methods = {AttributionMethod::grad_cam, AttributionMethod::hires_cam};
        result.images_per_class = 4;
        result.localisation.radius_px = 1.0;
        result.output_directory = folder_;
        return result;
    }
    static const nlohmann::json& row(const nlohmann::json& result, const std::string& kind, const std::string& map,
                                     const std::string& stage) {
        for (const auto& candidate : result.at("rows")) {
            if (candidate.at("kind") == kind && candidate.at("map") == map && candidate.at("stage") == stage) {
                return candidate;
            }
        }
        throw std::runtime_error("no row " + kind + " " + map + " " + stage);
    }

    std::filesystem::path folder_;
    TrainedModel model_;
};

TEST_F(ExplainCorpus, FindsPeaksWhereTheNetworkLooksAtThem) {
    const CorpusReader corpus(corpus_path());
    std::int64_t last_done = 0;
    const nlohmann::json result = explain_corpus(model_, corpus, options(), [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, 8);
        last_done = done;
    });
    EXPECT_EQ(last_done, 8);
    EXPECT_EQ(result.at("images"), 8);
    EXPECT_EQ(result.at("undefined_images"), 4);
    EXPECT_EQ(result.at("right_predictions"), 8);
    EXPECT_EQ(result.at("fewest_nulls"), 20);

    const auto& fine = row(result, "attribution", "hires_cam", "fine");
    EXPECT_EQ(fine.at("images"), 4);
    EXPECT_EQ(fine.at("zero_maps_without_peaks"), 4);  // "empty" is a constant logit
    EXPECT_GT(fine.at("slift").at("value").get<double>(), 10.0);
    EXPECT_DOUBLE_EQ(fine.at("significant").at("value"), 1.0);
    EXPECT_DOUBLE_EQ(fine.at("peak_recall").at("value"), 1.0);
    EXPECT_GT(fine.at("ceiling_fraction").at("value").get<double>(), 0.7);
    const auto& coarse = row(result, "attribution", "hires_cam", "coarse");
    EXPECT_LT(coarse.at("slift").at("value").get<double>(), 0.5 * fine.at("slift").at("value").get<double>());
    EXPECT_DOUBLE_EQ(coarse.at("stride_px"), 16.0);

    EXPECT_NEAR(row(result, "baseline", "uniform", "input").at("slift").at("value"), 1.0, 1e-9);
    EXPECT_NEAR(row(result, "baseline", "random_pixels", "input").at("sauc").at("value"), 0.5, 0.1);
    EXPECT_GT(row(result, "baseline", "intensity", "input").at("slift").at("value").get<double>(), 5.0);
    // The network under test is none of the zoo, whatever its card says: it cannot be made anew.
    EXPECT_THROW(row(result, "untrained", "hires_cam", "stage1"), std::runtime_error);
    EXPECT_TRUE(result.at("sanity").at("verdicts").empty());
    const auto& oracle = row(result, "oracle", "oracle", "fine");
    EXPECT_EQ(oracle.at("oracle_slift"), oracle.at("slift").at("value"));
    EXPECT_EQ(oracle.at("oracle_slift"), fine.at("oracle_slift"));
}

TEST_F(ExplainCorpus, DoesNotDependOnThreads) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions one = options();
    one.threads = 1;
    ExplainOptions three = options();
    three.threads = 3;
    // Not EXPECT_EQ: it would print both objects.
    EXPECT_TRUE(explain_corpus(model_, corpus, one, {}) == explain_corpus(model_, corpus, three, {}));
}

TEST_F(ExplainCorpus, HandsOverTheScoresOfEveryImage) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions watched = options();
    std::size_t rows = 0;
    watched.on_row = [&](const MapRow& row, std::span<const std::int64_t> images) {
        ++rows;
        ASSERT_EQ(row.images.size(), images.size());
        for (std::size_t i = 0; i < images.size(); ++i) {
            EXPECT_EQ(row.images[i].class_index, corpus.class_indices()[static_cast<std::size_t>(images[i])]);
        }
    };
    EXPECT_EQ(explain_corpus(model_, corpus, watched, {}).at("rows").size(), rows);
    EXPECT_GT(rows, 0U);
}

TEST_F(ExplainCorpus, WritesOverlays) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions with_overlays = options();
    with_overlays.overlay_images = 2;
    const nlohmann::json result = explain_corpus(model_, corpus, with_overlays, {});
    ASSERT_EQ(result.at("overlays").size(), 4U);  // the best HiResCAM and the last Grad-CAM of two images
    EXPECT_EQ(result.at("overlays")[0].at("stage"), "fine");
    EXPECT_EQ(result.at("overlays")[1].at("map"), "grad_cam");
    EXPECT_EQ(result.at("overlays")[0].at("predicted"), "spots");
    for (const auto& overlay : result.at("overlays")) {
        EXPECT_TRUE(std::filesystem::exists(folder_ / overlay.at("file").get<std::string>()));
    }
}

TEST_F(ExplainCorpus, RemovesPeaksToSeeThatTheyAreUsed) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions with_curves = options();
    with_curves.curve_images = 2;
    const nlohmann::json result = explain_corpus(model_, corpus, with_curves, {});
    // softmax(1, 4.7) with the peaks, softmax(1, 0) without; other images' peaks overlap by a fifth.
    const auto& control = result.at("causal_control");
    EXPECT_EQ(control.at("images"), 4);
    EXPECT_NEAR(control.at("drop").at("value").get<double>(), 0.976 - 0.269, 0.05);
    EXPECT_GT(control.at("d").at("value").get<double>(), 0.5);
    EXPECT_DOUBLE_EQ(control.at("significant").at("value"), 1.0);
    ASSERT_EQ(result.at("curves").size(), 6U);  // two methods at two stages, random order, intensity
    const auto curve = [&](const char* map, const char* key) {
        for (const auto& row : result.at("curves")) {
            if (row.at("map") == map && row.at("stage") != "coarse") return row.at(key).at("value").get<double>();
        }
        throw std::runtime_error(map);
    };
    EXPECT_LT(curve("hires_cam", "deletion"), curve("random_pixels", "deletion") - 0.1);
    EXPECT_GT(curve("hires_cam", "insertion"), curve("random_pixels", "insertion") + 0.1);
}

// The log-odds of "spots" against "empty" are its logit less 1.
TEST_F(ExplainCorpus, ExplainsThatThereIsACrystal) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions named = options();
    named.stages = {"fine"};
    named.output = "spots";
    const nlohmann::json spots = explain_corpus(model_, corpus, named, {});
    model_.card.hit_classes = {"spots"};
    named.output = "hit";
    const nlohmann::json hit = explain_corpus(model_, corpus, named, {});
    EXPECT_EQ(hit.at("explained_class"), "hit:hit");
    EXPECT_EQ(row(hit, "attribution", "hires_cam", "fine").at("slift"),
              row(spots, "attribution", "hires_cam", "fine").at("slift"));
    for (const char* key : {"d", "d_raw"}) {
        EXPECT_NEAR(hit.at("causal_control").at(key).at("value").get<double>(),
                    spots.at("causal_control").at(key).at("value").get<double>(), 1e-6);
    }

    named.output = "hits";
    try {
        explain_corpus(model_, corpus, named, {});
        ADD_FAILURE() << "an output that there is not";
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("class:spots, hit:hit"), std::string::npos) << error.what();
    }

    const auto with_hit = with_hit_output(model_);
    EXPECT_EQ(output_count(with_hit.card.heads), 3U);
    const torch::Tensor photons = 100.0 * torch::rand({2, 1, size_px, size_px});
    const torch::Tensor logits = with_hit.network->forward(photons);
    const torch::Tensor classes = torch::softmax(model_.network->forward(photons), 1);
    EXPECT_TRUE(torch::allclose(torch::sigmoid(logits.select(1, 2)), classes.select(1, 1), 1e-5, 1e-7));
    EXPECT_TRUE(torch::equal(logits.narrow(1, 0, 2), model_.network->forward(photons)));
    EXPECT_EQ(with_hit.network->named_parameters().keys(), model_.network->named_parameters().keys());
    model_.card.hit_classes = {"empty", "spots"};
    EXPECT_FALSE(offers_hit_output(model_.card));
}

TEST_F(ExplainCorpus, ExplainsTheOutputThatIsNamed) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions named = options();
    named.output = "spots";
    named.stages = {"fine"};
    const nlohmann::json result = explain_corpus(model_, corpus, named, {});
    EXPECT_EQ(result.at("explained_class"), "class:spots");
    // Images without peaks are explained for "spots" too: nothing of them passes the filter.
    EXPECT_EQ(row(result, "attribution", "hires_cam", "fine").at("zero_maps_without_peaks"), 4);
    EXPECT_THROW(row(result, "attribution", "hires_cam", "coarse"), std::runtime_error);
    // The other class' logit is constant.
    EXPECT_EQ(row(result, "wrong_class", "hires_cam", "fine").at("zero_maps"), 4);
    named.output = "spot";
    EXPECT_THROW(explain_corpus(model_, corpus, named, {}), UsageError);
    named.output = "hit";  // nobody says which classes are hits
    EXPECT_THROW(explain_corpus(model_, corpus, named, {}), UsageError);
    named.output = "";
    named.stages = {"finest"};
    EXPECT_THROW(explain_corpus(model_, corpus, named, {}), UsageError);
}

TEST_F(ExplainCorpus, WritesMapsThatScoreTheSame) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions with_maps = options();
    with_maps.maps_directory = folder_ / "maps";
    const nlohmann::json result = explain_corpus(model_, corpus, with_maps, {});
    const MapFile file(folder_ / "maps" / "spot-net-fine-hires_cam.h5");
    EXPECT_EQ(file.info().stage, "fine");
    EXPECT_EQ(file.image_indices().size(), 8U);
    ScoreMapsOptions scoring;
    scoring.nulls_per_image = with_maps.nulls_per_image;
    scoring.localisation = with_maps.localisation;
    scoring.seed = with_maps.seed;
    const nlohmann::json scored = score_maps(file, corpus, scoring, {});
    EXPECT_EQ(row(scored, "given", "hires_cam", "fine").at("slift"),
              row(result, "attribution", "hires_cam", "fine").at("slift"));
}

TEST_F(ExplainCorpus, ChecksSanityAndFlagsWhatFails) {
    const CorpusReader corpus(corpus_path());
    TrainedModel tiny = model_;
    tiny.card.zoo_name = "compact-tiny";
    torch::manual_seed(3);
    tiny.network = make_model("compact-tiny", shape_of(tiny.card));
    tiny.network->eval();
    ExplainOptions checked = options();
    checked.methods = {AttributionMethod::hires_cam, AttributionMethod::guided_backprop};
    checked.sanity_images = 2;
    checked.shuffled = &tiny;
    const nlohmann::json result = explain_corpus(tiny, corpus, checked, {});
    EXPECT_EQ(row(result, "attribution", "guided_backprop", "input").at("fails_randomisation"), true);
    EXPECT_EQ(result.at("sanity").at("verdicts").size(), 5U);  // four stages and the input
    // Untrained: fresh weights from another seed at the same stages, with oracles of their own grids.
    EXPECT_NO_THROW(row(result, "untrained", "hires_cam", "stage1"));
    EXPECT_GT(row(result, "untrained", "hires_cam", "stage1").at("oracle_slift").get<double>(), 1.5);
    EXPECT_EQ(result.at("sanity").at("rows").back().at("randomisation"), "other_labels");
}

TEST_F(ExplainCorpus, SeveralModelsShareATable) {
    const CorpusReader corpus(corpus_path());
    ExplainOptions second = options();
    second.model_name = "other";
    const nlohmann::json one = explain_corpus(model_, corpus, options(), {});
    const nlohmann::json merged = merge_explanations({one, explain_corpus(model_, corpus, second, {})});
    EXPECT_EQ(merged.at("rows").size(), 2 * one.at("rows").size());
    EXPECT_EQ(merged.at("rows").back().at("model"), "other");
    ASSERT_EQ(merged.at("models").size(), 2U);
    EXPECT_EQ(merged.at("models")[0].at("right_predictions"), 8);
    EXPECT_TRUE(merge_explanations({one}) == one);
}

TEST_F(ExplainCorpus, RefusesOtherClassesAndEmptySplits) {
    const CorpusReader corpus(corpus_path());
    TrainedModel other = model_;
    other.card.heads = class_heads({"spots", "empty"});
    EXPECT_THROW(explain_corpus(other, corpus, options(), {}), UsageError);
    ExplainOptions validation = options();
    validation.split = Split::validation;
    EXPECT_THROW(explain_corpus(model_, corpus, validation, {}), DataError);
    ExplainOptions none = options();
    none.nulls_per_image = 0;
    EXPECT_THROW(explain_corpus(model_, corpus, none, {}), UsageError);
}

}  // namespace
}  // namespace braggbench
