#include "explain/sanity.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "classifiers/model.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using enum AttributionMethod;

SanityImages images(int count, int size_px) {
    SanityImages result;
    for (int i = 0; i < count; ++i) {
        torch::manual_seed(static_cast<std::uint64_t>(30 + i));
        const torch::Tensor values = torch::poisson(torch::full({size_px, size_px}, 5.0));
        Image<float> image(size_px, size_px);
        std::copy_n(values.data_ptr<float>(), image.size(), image.pixels.begin());
        result.photons.push_back(image);
        result.outputs.push_back(i % 2);
    }
    return result;
}

std::shared_ptr<Classifier> network(std::uint64_t seed) {
    torch::manual_seed(seed);
    return make_model("compact-tiny", {.output_count = 2, .height_px = 64, .width_px = 64});
}

// Its map is the picture, whatever it learned: what a method that fails gives.
class PictureNet : public Classifier {
public:
    explicit PictureNet(double weight) { weight_ = register_parameter("head", torch::tensor(weight)); }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = photons + 0.0 * weight_;
        result.stages.push_back({"picture", a, 1.0, 0.0});
        const torch::Tensor score = a.mean({1, 2, 3}) * weight_;
        result.logits = torch::stack({score, score}, 1);
        return result;
    }

private:
    torch::Tensor weight_;
};

TEST(Sanity, AMapThatDoesNotDependOnTheWeightsFails) {
    PictureNet trained(2.0);
    const PictureNet fresh(0.3);
    PictureNet scratch(0.1);
    SanityImages small = images(3, 16);
    small.attribution.methods = {hires_cam, grad_cam};
    const auto rows = randomisation_check(trained, fresh, scratch, small);
    const nlohmann::json json = sanity_json(rows, 1);
    ASSERT_EQ(json.at("verdicts").size(), 2U);
    EXPECT_NEAR(json.at("verdicts")[0].at("spearman").at("value").get<double>(), 1.0, 1e-9);
    EXPECT_EQ(json.at("verdicts")[0].at("fails_randomisation"), true);
    EXPECT_TRUE(fails_randomisation(hires_cam, "picture", json));
    EXPECT_FALSE(fails_randomisation(hires_cam, "other", json));
    EXPECT_TRUE(fails_randomisation(guided_backprop, "input", nullptr));
}

TEST(Sanity, StepsGoFromTheOutputsToTheInput) {
    const auto trained = network(1);
    const auto fresh = network(2);
    const auto scratch = network(3);
    SanityImages some = images(2, 64);
    some.attribution.methods = {hires_cam, smooth_grad};
    some.attribution.smooth_samples = 2;
    some.attribution.stages = {"stage1"};
    const auto rows = randomisation_check(*trained, *fresh, *scratch, some);
    std::vector<std::string> cascading;
    for (const SanityRow& row : rows) {
        if (row.randomisation == Randomisation::cascading && row.method == hires_cam) cascading.push_back(row.layer);
        EXPECT_EQ(row.similarity.size() + static_cast<std::size_t>(row.undefined), 2U);
        if (row.method == smooth_grad) {
            EXPECT_TRUE(row.everything);
        }
    }
    ASSERT_GE(cascading.size(), 4U);
    EXPECT_EQ(trained->named_parameters().back().key().find(cascading.front() + "."), 0U);
    EXPECT_EQ(trained->named_parameters().front().key().find(cascading.back() + "."), 0U);
    // At the end scratch is fresh: the same maps, and the trained network is as it was.
    const auto expected = attribute(*fresh, some.photons, some.outputs, some.attribution);
    const auto got = attribute(*scratch, some.photons, some.outputs, some.attribution);
    EXPECT_EQ(got[0][0].map, expected[0][0].map);
    const auto again = network(1);
    const auto trained_parameters = trained->parameters();
    const auto again_parameters = again->parameters();
    for (std::size_t i = 0; i < trained_parameters.size(); ++i) {
        EXPECT_TRUE(torch::equal(trained_parameters[i], again_parameters[i]));
    }
}

TEST(Sanity, LabelsWithoutMeaningGiveARowPerMap) {
    const auto trained = network(1);
    const auto shuffled = network(2);
    SanityImages some = images(2, 64);
    const auto rows = label_check(*trained, *shuffled, some);
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows.front().randomisation, Randomisation::other_labels);
    const auto same = label_check(*trained, *trained, some);
    for (const double similarity : same.front().similarity) EXPECT_NEAR(similarity, 1.0, 1e-9);
}

TEST(Sanity, RefusesAnotherArchitecture) {
    const auto trained = network(1);
    torch::manual_seed(1);
    const auto other = make_model("compact", {.output_count = 2, .height_px = 64, .width_px = 64});
    EXPECT_THROW(label_check(*trained, *other, images(1, 64)), UsageError);
    EXPECT_THROW(randomisation_check(*trained, *other, *network(2), images(1, 64)), UsageError);
}

}  // namespace
}  // namespace braggbench
