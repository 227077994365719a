// Every network of the table: what it promises as a Classifier, its size and its cost.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "classifiers/model.hpp"
#include "classifiers/multiply_adds.hpp"
#include "classifiers/zoo/input.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

torch::Tensor noise(int count, int height, int width) {
    torch::manual_seed(7);
    return torch::poisson(torch::full({count, 1, height, width}, 3.0));
}

std::int64_t parameters_of(const std::string& name, int outputs, int size_px) {
    return parameter_count(*make_model(name, {.output_count = outputs, .height_px = size_px, .width_px = size_px}));
}

class Zoo : public testing::TestWithParam<std::string> {
protected:
    // The smallest image with a stage or two to spare.
    int size() const { return std::max(zoo_entry(GetParam()).min_size_px, 64); }

    std::shared_ptr<Classifier> network(int outputs, int height, int width) const {
        torch::manual_seed(1);
        auto made = make_model(GetParam(), {.output_count = outputs, .height_px = height, .width_px = width});
        made->eval();
        return made;
    }
};

TEST_P(Zoo, TakesAnySizeAndGivesAnyOutputs) {
    const torch::NoGradGuard no_grad;
    const int smallest = zoo_entry(GetParam()).min_size_px;
    for (const auto& [height, width, outputs] :
         {std::tuple{smallest, smallest, 1}, std::tuple{smallest + 13, smallest + 38, 17}}) {
        const auto made = network(outputs, height, width);
        const auto x = noise(2, height, width);
        const auto trace = made->trace(x);
        EXPECT_EQ(trace.logits.sizes(), (std::vector<std::int64_t>{2, outputs}));
        EXPECT_TRUE(torch::equal(trace.logits, made->forward(x)));  // and again: eval is deterministic
        ASSERT_EQ(trace.features.dim(), 2);
        EXPECT_EQ(trace.features.size(0), 2);
        std::set<std::string> names;
        double stride = 1.0;
        for (const auto& stage : trace.stages) {
            EXPECT_TRUE(names.insert(stage.name).second) << stage.name;
            EXPECT_GE(stage.stride_px, stride);
            stride = stage.stride_px;
            EXPECT_EQ(stage.activation.size(0), 2);
            // The last unit's centre is inside the image, or, of networks that pad it, less than a stride beyond.
            EXPECT_LT(stage.start_px + stride * static_cast<double>(stage.activation.size(2) - 2), height);
            EXPECT_LT(stage.start_px + stride * static_cast<double>(stage.activation.size(3) - 2), width);
        }
        EXPECT_GE(trace.stages.size(), 3U);
        // One image's answer does not depend on its neighbours in the batch. Fresh deep networks have logits of 1e4, of
        // which floats round some near 0 by more than themselves; doubles show that it is rounding.
        const auto expect_same = [](const torch::Tensor& together, const torch::Tensor& alone, double part) {
            EXPECT_LE((together - alone).abs().max().item<double>(), part * together.abs().max().item<double>());
        };
        expect_same(trace.logits[1], made->forward(x.narrow(0, 1, 1))[0], 1e-4);
        if (GetParam() == "ke2018") continue;  // its front gives floats
        made->to(torch::kFloat64);
        const auto doubles = x.to(torch::kFloat64);
        expect_same(made->forward(doubles)[1], made->forward(doubles.narrow(0, 1, 1))[0], 1e-12);
    }
    EXPECT_THROW(network(2, smallest - 1, smallest), UsageError);
}

TEST_P(Zoo, GradientsReachEveryParameterAndTheInput) {
    // In eval mode: in training, a bias before a batch norm has none.
    const auto made = network(3, size(), size());
    auto x = noise(2, size(), size()).requires_grad_();
    made->forward(x).square().sum().backward();
    for (const auto& parameter : made->named_parameters()) {
        ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
        EXPECT_GT(parameter.value().grad().abs().sum().item<float>(), 0.0F) << parameter.key();
    }
    EXPECT_GT(x.grad().abs().sum().item<float>(), 0.0F);
}

TEST_P(Zoo, HardValuesGiveFiniteLogitsAndGradients) {
    const auto made = network(2, size(), size());
    for (const double value : {-1000.0, -0.5, 0.0, 65535.0}) {
        auto x = torch::full({1, 1, size(), size()}, value);
        x[0][0][10][10] = 65535.0;
        x.requires_grad_();
        const auto logits = made->forward(x);
        EXPECT_TRUE(torch::isfinite(logits).all().item<bool>()) << value;
        logits.sum().backward();
        EXPECT_TRUE(torch::isfinite(x.grad()).all().item<bool>()) << value;
    }
}

// With kernels that are mirror images of themselves, a network is one about each of its units: of two points at the
// same distance on either side of where a unit is registered, the mean of the two responses' centroids lies there.
TEST_P(Zoo, StagesLieWhereTheyAreRegistered) {
    if (GetParam().starts_with("compact")) GTEST_SKIP() << "model_test.cpp asks them with weights as they are drawn";
    const torch::NoGradGuard no_grad;
    const auto smallest = network(2, size(), size())->trace(noise(1, size(), size())).stages;
    const int edge = std::max({size(), 160, static_cast<int>(5.0 * smallest.back().stride_px)});
    const auto made = network(2, edge, edge);
    for (const auto& parameter : made->named_parameters()) {
        auto value = parameter.value();
        if (value.dim() == 4) {
            const auto kernel = value.size(2);
            // Narrow, so that the image's border is far away.
            const auto from_centre = torch::arange(kernel) - static_cast<double>(kernel - 1) / 2.0;
            const auto bell = torch::exp(-0.5 * torch::square(from_centre * 6.0 / static_cast<double>(kernel)));
            value.copy_((torch::outer(bell, bell) / bell.sum().square() / value.size(1)).expand_as(value));
        } else if (value.dim() == 1) {
            // Whatever is below the input's mean must not fall under a ReLU.
            value.fill_(parameter.key().ends_with("weight") ? 1.0 : 0.5);
        }
    }
    auto flat = torch::full({1, 1, edge, edge}, 4.0);
    flat[0][0][0][0] = 400.0;  // so that the brightest pixel stays the same
    const auto before = made->trace(flat).stages;
    for (std::size_t s = 0; s < before.size(); ++s) {
        const double stride = before[s].stride_px;
        const auto units = before[s].activation.size(2);
        const double unit = before[s].start_px + stride * static_cast<double>(units / 2);
        for (const double distance : {stride / 4.0, stride / 2.0}) {
            double centroids = 0.0;
            for (const double sign : {-1.0, 1.0}) {
                // The unit may lie between two pixels.
                const double wanted = unit + sign * std::floor(distance);
                const auto pixel = static_cast<std::int64_t>(sign < 0.0 ? std::floor(wanted) : std::ceil(wanted));
                auto point = flat.clone();
                point[0][0][pixel][pixel] = 60.0;
                const auto change = (made->trace(point).stages[s].activation - before[s].activation)
                                        .abs()
                                        .sum(1)[0]
                                        .to(torch::kFloat64);
                ASSERT_GT(change.sum().item<double>(), 0.0) << before[s].name;
                const auto along = change.sum(1);
                centroids += ((along * torch::arange(units, torch::kFloat64)).sum() / along.sum()).item<double>();
            }
            EXPECT_NEAR(before[s].start_px + stride * centroids / 2.0, unit, 0.15 * stride)
                << before[s].name << ", points " << distance << " px away";
        }
    }
}

// Stages are frozen by name.
TEST_P(Zoo, EveryParameterBelongsToAStageOrTheHead) {
    if (GetParam().starts_with("compact")) GTEST_SKIP() << "its stages share a head of their own kind";
    const auto made = network(2, size(), size());
    const torch::NoGradGuard no_grad;
    std::set<std::string> names = {"head"};
    for (const auto& stage : made->trace(noise(1, size(), size())).stages) names.insert(stage.name);
    for (const auto& child : made->named_children()) EXPECT_TRUE(names.erase(child.key())) << child.key();
    EXPECT_TRUE(names.empty());
}

std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& entry : model_zoo()) all.push_back(entry.name);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Table, Zoo, testing::ValuesIn(names()), [](const auto& information) {
    auto name = information.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST(PublishedSizes, Ke2018) { EXPECT_EQ(parameters_of("ke2018", 3, 720), 7291); }

TEST(PublishedSizes, DeepFreak) { EXPECT_EQ(parameters_of("deepfreak", 5, 512), 405373); }

// Published for 3 channels and 1000 classes; the first convolution has 2 channels less here.
TEST(PublishedSizes, AlexNet) { EXPECT_EQ(parameters_of("alexnet", 1000, 224), 61100840 - 2 * 64 * 11 * 11); }

TEST(PublishedSizes, ResNets) {
    const std::int64_t stem = 2 * 64 * 7 * 7;
    EXPECT_EQ(parameters_of("resnet18", 1000, 224), 11689512 - stem);
    EXPECT_EQ(parameters_of("resnet34", 1000, 224), 21797672 - stem);
    EXPECT_EQ(parameters_of("resnet50", 1000, 224), 25557032 - stem);
    EXPECT_EQ(parameters_of("resnet101", 1000, 224), 44549160 - stem);
}

// 568 390 341 at 512 px; here fc1 sees 2 x 2 units instead of 16 x 16.
TEST(PublishedSizes, Vgg16) {
    EXPECT_EQ(parameters_of("vgg16", 5, 64), 568390341 - std::int64_t{512} * (16 * 16 - 2 * 2) * 4096);
}

// Layer by layer from the page's listing, with one channel, 256 px and one output.
TEST(PublishedSizes, Yang2016) {
    const std::int64_t convolutions = (9 + 1) * 32 + (9 * 32 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 64;
    EXPECT_EQ(parameters_of("yang2016", 1, 256), convolutions + (64 * 15 * 15 + 1) * 64 + 64 + 1);
}

class ByHand : public Classifier {
public:
    ByHand() {
        convolution_ = register_module(
            "convolution",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 6, {3, 5}).stride(2).padding({1, 0}).bias(true)));
        grouped_ =
            register_module("grouped", torch::nn::Conv2d(torch::nn::Conv2dOptions(6, 6, 3).groups(3).padding(1)));
        dense_ = register_module("dense", torch::nn::Linear(6, 4));
    }
    Trace trace(const torch::Tensor& photons) override {
        const auto x = grouped_(convolution_(photons));
        const auto attention =
            torch::matmul(x.flatten(2), x.flatten(2).transpose(1, 2));  // (1, 6, units) x (1, units, 6)
        return {{}, dense_(attention.mean(1))};
    }

private:
    torch::nn::Conv2d convolution_{nullptr};
    torch::nn::Conv2d grouped_{nullptr};
    torch::nn::Linear dense_{nullptr};
};

TEST(MultiplyAdds, AreCountedByHand) {
    ByHand network;
    network.train();
    // 20 x 30 px: maps of (20 + 2 - 3) / 2 + 1 = 10 by (30 - 5) / 2 + 1 = 13.
    const std::int64_t units = 10 * 13;
    EXPECT_EQ(multiply_adds(network, {.output_count = 4, .height_px = 20, .width_px = 30}),
              units * 6 * 3 * 5 + units * 6 * 2 * 9 + 6 * units * 6 + 6 * 4);
    EXPECT_TRUE(network.is_training());
}

// Published for 3 channels at 224 px: 15.5 (VGG16), 1.8 (ResNet-18), 4.1 (ResNet-50) thousand millions; two channels
// less in the first convolution.
TEST(MultiplyAdds, AgreeWithPublishedFigures) {
    const auto cost = [](const std::string& name) {
        const ModelShape shape{.output_count = 1000, .height_px = 224, .width_px = 224};
        return static_cast<double>(multiply_adds(*make_model(name, shape), shape));
    };
    const double vgg_first = 2.0 * 64 * 9 * 224 * 224;
    const double stem = 2.0 * 64 * 49 * 112 * 112;
    EXPECT_NEAR(cost("vgg16") + vgg_first, 15.5e9, 0.03 * 15.5e9);
    EXPECT_NEAR(cost("resnet18") + stem, 1.8e9, 0.03 * 1.8e9);
    EXPECT_NEAR(cost("resnet50") + stem, 4.1e9, 0.03 * 4.1e9);
}

TEST(ZooInput, LocalContrastIsTheBoxs) {
    torch::manual_seed(3);
    const auto x = torch::poisson(torch::full({1, 1, 9, 11}, 5.0)) + 30000.0;
    const auto z = local_contrast(x, 5);
    const auto box = x[0][0].slice(0, 2, 7).slice(1, 4, 9).to(torch::kFloat64);
    const auto expected = (x[0][0][4][6].to(torch::kFloat64) - box.mean()) / box.std(false);
    EXPECT_NEAR(z[0][0][4][6].item<double>(), expected.item<double>(), 1e-5);
    const auto corner = x[0][0].slice(0, 0, 3).slice(1, 0, 3).to(torch::kFloat64);
    EXPECT_NEAR(z[0][0][0][0].item<double>(),
                ((x[0][0][0][0].to(torch::kFloat64) - corner.mean()) / corner.std(false)).item<double>(), 1e-5);
    EXPECT_EQ(local_contrast(torch::full({1, 1, 8, 8}, 7.0), 5).abs().max().item<float>(), 0.0F);
}

TEST(ZooInput, RootAndScale) {
    const auto x = torch::tensor({-3.0F, 0.0F, 4.0F, 65025.0F, 1e9F}).view({1, 1, 1, 5});
    const auto root = root_of_photons(x).flatten();
    EXPECT_EQ(root[0].item<float>(), 0.0F);
    EXPECT_EQ(root[1].item<float>(), 0.0F);
    EXPECT_NEAR(root[2].item<float>(), std::sqrt(4.375) - std::sqrt(0.375), 1e-6);
    EXPECT_EQ(root[3].item<float>(), root[4].item<float>());
    const auto scaled = scaled_by_maximum(torch::cat({x, torch::full_like(x, 8.0)})).flatten(1);
    EXPECT_EQ(scaled[0][0].item<float>(), 0.0F);
    EXPECT_EQ(scaled[0][4].item<float>(), 1.0F);
    EXPECT_EQ(scaled[1][2].item<float>(), 1.0F);
}

}  // namespace
}  // namespace braggbench
