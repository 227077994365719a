// Maps on the input's pixels, statuses, and what every network of the zoo gives.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>

#include "classifiers/model.hpp"
#include "explain/attribution.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using enum AttributionMethod;

Image<float> random_photons(int width, int height, std::uint64_t seed) {
    torch::manual_seed(seed);
    const torch::Tensor values = torch::poisson(torch::full({height, width}, 6.0));
    Image<float> image(width, height);
    std::copy_n(values.data_ptr<float>(), image.size(), image.pixels.begin());
    return image;
}

AttributionOptions only(AttributionMethod method) {
    AttributionOptions options;
    options.methods = {method};
    return options;
}

double sum(const Image<float>& map) {
    double total = 0.0;
    for (const float value : map.pixels) total += value;
    return total;
}

// score = 5 x pixel (9, 4), through a convolution of 1 x 1 and a ReLU; the other output is a constant.
class OnePixelNet : public Classifier {
public:
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = torch::relu(photons * gain);
        result.stages.push_back({"only", a, 1.0, 0.0});
        const torch::Tensor score = a.index({torch::indexing::Slice(), 0, 4, 9});
        result.logits = torch::stack({score, torch::ones_like(score)}, 1);
        return result;
    }
    torch::Tensor gain = register_parameter("gain", torch::tensor(5.0));
};

TEST(AttributionAtTheInput, OnePixelHasTheHandComputedMaps) {
    OnePixelNet net;
    const Image<float> photons = random_photons(16, 12, 1);
    AttributionOptions options;
    options.methods = parse_methods(std::vector<std::string>{"all"});
    options.references = {Image<float>(16, 12, 2.0F)};
    options.smooth_noise = 0.1;  // too little to take a pixel below zero, where its gradient ends
    options.occlusion.patches = 16;
    options.rise = {.masks = 3000, .cells = 16, .keep = 0.5};
    const double above = photons(9, 4) - 2.0;
    const auto maps = attribute(net, {photons}, {0}, options)[0];
    for (const StageMap& map : maps) {
        SCOPED_TRACE(to_string(map.method));
        ASSERT_EQ(map.map.width, 16);
        ASSERT_EQ(map.map.height, 12);
        EXPECT_EQ(map.status, AttributionStatus::ok);
        EXPECT_EQ(map.stage, method_entry(map.method).place == MapPlace::stage ? "only" : input_stage);
        if (map.method == rise) {
            EXPECT_NEAR(map.map(9, 4), 5.0 * above, 2.0);
            continue;
        }
        if (map.method == smooth_hires_cam) {
            const double error = 5.0 * options.smooth_noise * std::sqrt((photons(9, 4) + 1.0) / options.smooth_samples);
            EXPECT_NEAR(map.map(9, 4), 5.0 * photons(9, 4), 5.0 * error);
            EXPECT_NEAR(sum(map.map), map.map(9, 4), 1e-4);
            continue;
        }
        const auto brightest = std::ranges::max_element(map.map.pixels) - map.map.pixels.begin();
        if (map.method == grad_cam || map.method == grad_cam_pp) continue;  // they know channels, not places
        EXPECT_EQ(brightest, 4 * 16 + 9);
        const double a = 5.0 * photons(9, 4);
        const double expected = map.method == hires_cam || map.method == layer_cam ? a
                                : map.method == saliency || map.method == smooth_grad || map.method == guided_backprop
                                    ? 5.0
                                : map.method == guided_grad_cam ? 5.0 * a / (16 * 12)
                                                                : 5.0 * above;
        EXPECT_NEAR(map.map(9, 4), expected, 1e-4);
        EXPECT_NEAR(sum(map.map), expected, 1e-4);
    }
}

TEST(AttributionAtTheInput, AConstantOutputIsAllZero) {
    OnePixelNet net;
    AttributionOptions options;
    options.methods = parse_methods(std::vector<std::string>{"all"});
    options.rise.masks = 32;
    const auto maps = attribute(net, {random_photons(16, 12, 1)}, {1}, options)[0];
    for (const StageMap& map : maps) {
        SCOPED_TRACE(to_string(map.method));
        EXPECT_EQ(map.status, AttributionStatus::all_zero);
        EXPECT_EQ(map.map, Image<float>(16, 12));
    }
}

TEST(AttributionAtTheInput, NaNIsReportedNotHidden) {
    OnePixelNet net;
    Image<float> photons = random_photons(16, 12, 1);
    photons(3, 3) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(attribute(net, {photons}, {0}, only(hires_cam))[0][0].status, AttributionStatus::non_finite);
}

// Counts the photons above 20 of each pixel: below that it has no gradient.
class ThresholdNet : public Classifier {
public:
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = photons * gain;
        result.stages.push_back({"only", a, 1.0, 0.0});
        result.logits = torch::relu(a - 20.0).sum({1, 2, 3}).unsqueeze(1);
        return result;
    }
    torch::Tensor gain = register_parameter("gain", torch::tensor(1.0));
};

TEST(AttributionAtTheInput, SmoothHiResCamSeesWhatMightHaveBeenAboveAThreshold) {
    ThresholdNet net;
    Image<float> photons(8, 8, 1.0F);
    photons(2, 3) = 18.0F;  // just below it
    photons(5, 5) = 40.0F;
    EXPECT_EQ(attribute(net, {photons}, {0}, only(hires_cam))[0][0].map(2, 3), 0.0F);
    AttributionOptions options = only(smooth_hires_cam);
    options.smooth_samples = 400;
    const Image<float> map = attribute(net, {photons}, {0}, options)[0][0].map;
    // The mean of x where x > 20, x normal about 18 with a variance of 19.
    const double deviation = std::sqrt(19.0);
    const double z = (18.0 - 20.0) / deviation;
    const double above = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
    const double expected = 18.0 * above + deviation * density;
    EXPECT_NEAR(map(2, 3), expected, 4.0 * 11.0 / 20.0);  // x or 0 scatters by 11
    EXPECT_NEAR(map(5, 5), 40.0, 4.0 * std::sqrt(41.0) / 20.0);
    EXPECT_EQ(map(0, 0), 0.0F);
}

TEST(AttributionAtTheInput, SmoothHiResCamWithoutNoiseIsHiResCam) {
    ThresholdNet net;
    Image<float> photons = random_photons(16, 12, 3);
    photons(3, 3) = 30.0F;
    AttributionOptions options;
    options.methods = {hires_cam, smooth_hires_cam};
    options.smooth_noise = 0.0;
    options.smooth_samples = 4;
    const auto maps = attribute(net, {photons}, {0}, options)[0];
    ASSERT_EQ(maps.size(), 2U);
    EXPECT_EQ(maps[0].map(3, 3), 30.0F);
    EXPECT_EQ(maps[0].map, maps[1].map);
}

// A network that answers through an argmax cannot be differentiated.
class StepNet : public Classifier {
public:
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor brightest = photons.flatten(1).argmax(1).to(torch::kFloat32);
        result.logits = torch::stack({brightest, -brightest}, 1);
        return result;
    }
};

TEST(AttributionAtTheInput, AModelWithoutGradientsIsStillAskedFromOutside) {
    StepNet net;
    Image<float> photons = random_photons(16, 16, 2);
    photons(10, 12) = 100.0F;
    AttributionOptions options;
    options.methods = {saliency, smooth_grad, integrated_gradients, guided_backprop, occlusion};
    const auto maps = attribute(net, {photons}, {0}, options)[0];
    ASSERT_EQ(maps.size(), 5U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(maps[i].status, AttributionStatus::no_gradient);
    EXPECT_EQ(maps[4].status, AttributionStatus::ok);
}

// Two convolutions with ReLUs in both forms that torch has, so that guidance has something to cut.
class ReluNet : public Classifier {
public:
    ReluNet() {
        torch::manual_seed(7);
        first_ = register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 6, 3).padding(1)));
        second_ = register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(6, 6, 3).padding(1)));
        head_ = register_module("head", torch::nn::Linear(6, 2));
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        torch::Tensor a = first_(photons * 0.2);
        torch::relu_(a);
        const torch::Tensor b = torch::relu(second_(a));
        result.stages.push_back({"second", b, 1.0, 0.0});
        result.logits = head_(b.mean({2, 3}));
        return result;
    }
    torch::Tensor guided_by_hand(const torch::Tensor& photons, int output) {
        const torch::NoGradGuard no_gradients;
        const torch::Tensor z1 = first_(photons * 0.2);
        const torch::Tensor z2 = second_(torch::relu(z1));
        torch::Tensor g = head_->weight[output].view({1, 6, 1, 1}) / static_cast<double>(z2.size(2) * z2.size(3));
        g = torch::relu(g.expand_as(z2)) * (z2 > 0.0);
        g = torch::conv_transpose2d(g, second_->weight, {}, 1, 1);
        g = torch::relu(g) * (z1 > 0.0);
        return torch::conv_transpose2d(g, first_->weight, {}, 1, 1) * 0.2;
    }

private:
    torch::nn::Conv2d first_{nullptr};
    torch::nn::Conv2d second_{nullptr};
    torch::nn::Linear head_{nullptr};
};

TEST(AttributionAtTheInput, GuidedBackpropagationIsWhatItsDefinitionSays) {
    ReluNet net;
    const Image<float> photons = random_photons(20, 18, 3);
    AttributionOptions options;
    options.methods = {saliency, guided_backprop};
    const auto before = attribute(net, {photons}, {1}, only(saliency))[0];
    const auto maps = attribute(net, {photons}, {1}, options)[0];
    const torch::Tensor expected =
        net.guided_by_hand(torch::tensor(std::vector<float>(photons.pixels)).view({1, 1, 18, 20}), 1).contiguous();
    double difference = 0.0;
    for (std::size_t i = 0; i < photons.size(); ++i) {
        EXPECT_NEAR(maps[1].map.pixels[i], expected.data_ptr<float>()[i], 1e-7);
        difference += std::abs(maps[0].map.pixels[i] - std::abs(maps[1].map.pixels[i]));
    }
    EXPECT_GT(difference, 0.1 * sum(maps[0].map));
    // The mode ends with the call.
    EXPECT_EQ(attribute(net, {photons}, {1}, only(saliency))[0][0].map, before[0].map);
}

TEST(AttributionAtTheInput, IntegratedGradientsAreComplete) {
    ReluNet net;
    const Image<float> photons = random_photons(20, 18, 4);
    AttributionOptions options = only(integrated_gradients);
    options.references = {Image<float>(20, 18, 3.0F)};
    options.integration_steps = 64;
    const double change = output_values(net, {photons}, 0)[0] - output_values(net, options.references, 0)[0];
    EXPECT_NEAR(sum(attribute(net, {photons}, {0}, options)[0][0].map), change, 0.01 * std::abs(change));
}

TEST(AttributionAtTheInput, BatchedEqualsSingle) {
    ReluNet net;
    const std::vector<Image<float>> photons = {random_photons(16, 16, 5), random_photons(16, 16, 6)};
    AttributionOptions options;
    options.methods = parse_methods(std::vector<std::string>{"all"});
    options.rise.masks = 20;
    const auto batched = attribute(net, photons, {0, 1}, options);
    for (int i = 0; i < 2; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto single = attribute(net, {photons[at]}, {i}, options)[0];
        ASSERT_EQ(single.size(), options.methods.size());
        for (std::size_t k = 0; k < single.size(); ++k) {
            for (std::size_t p = 0; p < single[k].map.size(); ++p) {
                ASSERT_NEAR(batched[at][k].map.pixels[p], single[k].map.pixels[p], 1e-5) << to_string(single[k].method);
            }
        }
    }
}

TEST(AttributionAtTheInput, AStageThatDoesNotExistIsAnErrorThatListsThem) {
    ReluNet net;
    AttributionOptions options;
    options.stages = {"third"};
    try {
        attribute(net, {Image<float>(16, 16)}, {0}, options);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("second"), std::string::npos);
    }
}

TEST(AttributionAtTheInput, RestoresEverySubmodulesFlag) {
    ReluNet net;
    net.train();
    net.children().front()->eval();
    attribute(net, {Image<float>(16, 16)}, {0});
    EXPECT_TRUE(net.is_training());
    EXPECT_FALSE(net.children().front()->is_training());
    EXPECT_TRUE(net.children().back()->is_training());
}

TEST(AttributionAtTheInput, EveryNetworkOfTheZooGivesMaps) {
    for (const ZooEntry& entry : model_zoo()) {
        SCOPED_TRACE(entry.name);
        if (entry.name == "vgg16" || entry.name == "resnet101" || entry.name == "resnet50") continue;  // as their kin
        torch::manual_seed(1);
        const int size_px = std::max(entry.min_size_px, 64);
        const auto net = make_model(entry.name, {.output_count = 2, .height_px = size_px, .width_px = size_px});
        AttributionOptions options;
        options.methods = {grad_cam, hires_cam, layer_cam, grad_cam_pp, saliency, input_x_gradient, guided_backprop};
        const auto maps = attribute(*net, {random_photons(size_px, size_px, 8)}, {0}, options)[0];
        EXPECT_GE(maps.size(), 4U * 4U + 3U);
        for (const StageMap& map : maps) {
            const bool can_be_zero =
                map.method == layer_cam || map.method == grad_cam_pp || map.method == guided_backprop;
            EXPECT_TRUE(map.status == AttributionStatus::ok ||
                        (can_be_zero && map.status == AttributionStatus::all_zero))
                << map.stage << " " << to_string(map.method) << " " << to_string(map.status);
        }
        for (const torch::Tensor& parameter : net->parameters()) EXPECT_FALSE(parameter.grad().defined());
    }
}

std::int64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::int64_t total = 0;
    std::int64_t resident = 0;
    statm >> total >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

TEST(AttributionAtTheInput, MemoryDoesNotGrow) {
    ReluNet net;
    AttributionOptions options;
    options.methods = {hires_cam, saliency, guided_backprop};
    const std::vector<Image<float>> photons(4, random_photons(64, 64, 9));
    const auto repeat = [&](int times) {
        for (int i = 0; i < times; ++i) attribute(net, photons, {0, 1, 0, 1}, options);
    };
    repeat(20);
    const auto before = resident_bytes();
    repeat(200);
    // One kept graph of 64 x 64 px holds about 1 MB: 200 of them could not be missed.
    EXPECT_LT(resident_bytes(), before + 40'000'000);
}

}  // namespace
}  // namespace braggbench
