#include "explain/embed_predictions.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "classifiers/csv.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "tests/classifiers/labelled_corpus.hpp"

namespace braggbench {
namespace {

// 90 test images, of the three classes in turn; every fifth has ice, of the first it is not known. A model that knows
// the class of all but every tenth, and features that tell the classes apart.
class EmbedPredictions : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = std::filesystem::temp_directory_path() / ("braggbench-embed-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
        std::vector<test::LabelledImage> images;
        for (int i = 0; i < 120; ++i) {
            const auto ice = i == 3 ? ImageLabels::unknown : static_cast<std::uint8_t>(i % 5 == 0);
            images.push_back({i % 3, i < 3 || i >= 93 ? Split::train : Split::test, {ice, 0}});
        }
        test::write_labelled_corpus(folder_ / "corpus.h5", images);
        features_.resize(90, 4);
        RandomStream random(1, 0, Stage::scene);
        predictions_.model = "a test";
        predictions_.heads.resize(2);
        predictions_.heads[0].name = "class";
        predictions_.heads[0].outputs = test::labelled_classes;
        predictions_.heads[1].name = "attributes";
        predictions_.heads[1].kind = HeadKind::multi_label;
        predictions_.heads[1].outputs = {"ice"};
        for (int i = 3; i < 93; ++i) {
            predictions_.image_indices.push_back(i);
            std::vector<float> scores(3, 0.1F);
            scores[static_cast<std::size_t>(i % 10 == 0 ? (i + 1) % 3 : i % 3)] = 0.8F;
            scores.push_back(static_cast<float>(random.uniform()));
            predictions_.scores.push_back(scores);
            for (Eigen::Index d = 0; d < 4; ++d) features_(i - 3, d) = random.normal() + (d == i % 3 ? 9.0 : 0.0);
        }
        options_.perplexity = 10.0;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] CorpusReader corpus() const { return CorpusReader(folder_ / "corpus.h5"); }

    std::filesystem::path folder_;
    Predictions predictions_;
    Points features_;
    EmbedOptions options_;
};

TEST_F(EmbedPredictions, MeasuresTheThreeSpaces) {
    std::set<std::string> done;
    const auto embedding =
        embed_predictions(corpus(), predictions_, features_, options_,
                          [&](const std::string& what, std::int64_t, std::int64_t) { done.insert(what); });
    EXPECT_EQ(done, (std::set<std::string>{"t-SNE act", "t-SNE fea", "t-SNE prd"}));
    const auto& json = embedding.json;
    ASSERT_EQ(json.at("spaces").size(), 3U);
    const auto& act = json.at("spaces")[0];
    EXPECT_EQ(act.at("images"), 89);
    EXPECT_EQ(act.at("left_out"), 1) << "whether it has ice is not known";
    EXPECT_EQ(act.at("dimensions"), 4);
    EXPECT_EQ(act.at("tsne").at("image_indices").size(), 89U);
    EXPECT_EQ(act.at("tsne").at("image_indices")[0], 4);
    EXPECT_GT(act.at("tsne").at("crowded_points"), 0);
    EXPECT_EQ(act.at("purity")[0].at("purity").at("value"), 1.0);
    EXPECT_FALSE(act.contains("nearest_images"));

    const auto& fea = json.at("spaces")[1];
    ASSERT_EQ(fea.at("purity").size(), 4U);
    EXPECT_EQ(fea.at("purity")[3].at("label"), "attributes/ice");
    EXPECT_EQ(fea.at("purity")[3].at("images"), 18);
    EXPECT_EQ(fea.at("purity")[0].at("purity").at("value"), 1.0);
    EXPECT_NEAR(fea.at("purity")[0].at("purity").at("chance").get<double>(), 29.0 / 89.0, 1e-12);
    // Features know nothing of ice.
    EXPECT_NEAR(fea.at("purity")[3].at("purity").at("value").get<double>(),
                fea.at("purity")[3].at("purity").at("chance").get<double>(), 0.12);
    ASSERT_EQ(fea.at("nearest_images").size(), 90U);
    for (const auto& neighbour : fea.at("nearest_images")[7]) EXPECT_EQ(neighbour.get<int>() % 3, 10 % 3);
    EXPECT_EQ(fea.at("nearest_images")[7].size(), 10U);

    EXPECT_EQ(json.at("status").at("labels")[0].at("true_positives"), 27);
    EXPECT_EQ(json.at("status").at("labels")[3].at("unknown"), 1);
    EXPECT_LT(json.at("status").at("distance").at("cosine").at("value"),
              json.at("status").at("distance").at("cosine").at("chance"));
    EXPECT_EQ(embedding.spaces[1].places.rows(), 90);
}

TEST_F(EmbedPredictions, WritesALinePerImage) {
    options_.spaces = {Space::act, Space::prd};
    const auto embedding = embed_predictions(corpus(), predictions_, {}, options_, {});
    const auto file = folder_ / "embedding.csv";
    std::ofstream(file) << embedding.csv;
    const auto lines = read_csv(file);
    ASSERT_EQ(lines.size(), 91U);
    EXPECT_EQ(lines[0].cells, (std::vector<std::string>{"image", "class", "labels", "act_x", "act_y", "prd_x", "prd_y",
                                                        "cosine_distance", "euclidean_distance", "class/blank",
                                                        "class/weak", "class/strong", "attributes/ice"}));
    EXPECT_EQ(lines[1].cells[0], "3");
    EXPECT_EQ(lines[1].cells[3], "") << "it is not in the label space";
    EXPECT_NE(lines[1].cells[5], "");
    EXPECT_EQ(lines[1].cells[12], "");
    EXPECT_EQ(lines[8].cells[0], "10");
    EXPECT_EQ(lines[8].cells[1], "weak");
    EXPECT_EQ(lines[8].cells[2], "weak;ice");
    EXPECT_EQ(lines[8].cells[10], "FN");
    EXPECT_EQ(lines[8].cells[11], "FP");
}

TEST_F(EmbedPredictions, DoesNotDependOnThreads) {
    options_.threads = 1;
    const auto one = embed_predictions(corpus(), predictions_, features_, options_, {});
    options_.threads = 3;
    const auto three = embed_predictions(corpus(), predictions_, features_, options_, {});
    EXPECT_TRUE(one.json == three.json);
    EXPECT_EQ(one.csv, three.csv);
}

TEST_F(EmbedPredictions, RefusesWhatCannotBeDrawn) {
    EXPECT_THROW(embed_predictions(corpus(), predictions_, {}, options_, {}), UsageError) << "no features";
    EXPECT_THROW(embed_predictions(corpus(), predictions_, Points::Ones(90, 4), options_, {}), UsageError)
        << "all at one place";
    options_.perplexity = 30.0;
    EXPECT_THROW(embed_predictions(corpus(), predictions_, features_, options_, {}), UsageError);
    EXPECT_THROW(choose_embedded(corpus(), options_), UsageError);
    options_.perplexity = 29.0;
    EXPECT_EQ(choose_embedded(corpus(), options_).size(), 90U);
    predictions_.heads[1].outputs = {"oil"};
    EXPECT_THROW(embed_predictions(corpus(), predictions_, features_, options_, {}), UsageError);
    EXPECT_THROW(space_of("features"), UsageError);
}

TEST_F(EmbedPredictions, ChoosesImagesByTheSeed) {
    options_.limit = 50;
    const auto fifty = choose_embedded(corpus(), options_);
    ASSERT_EQ(fifty.size(), 50U);
    EXPECT_TRUE(std::ranges::is_sorted(fifty));
    options_.limit = 60;
    const auto sixty = choose_embedded(corpus(), options_);
    EXPECT_TRUE(std::ranges::includes(sixty, fifty)) << "a larger limit adds images";
    options_.seed = 2;
    EXPECT_NE(choose_embedded(corpus(), options_), sixty);
}

}  // namespace
}  // namespace braggbench
