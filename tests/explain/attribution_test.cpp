#include "explain/attribution.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "classifiers/model.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// conv 5x5/2 pad 1 -> ReLU -> [first] conv 3x3/2 pad 1 -> ReLU -> [last] global mean -> linear, and a stage beside the
// path that no logit depends on.
class SmallNet : public Classifier {
public:
    SmallNet() {
        torch::manual_seed(11);
        first_ = register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 4, 5).stride(2).padding(1)));
        norm_ = register_module("norm", torch::nn::BatchNorm2d(4));
        second_ = register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 6, 3).stride(2).padding(1)));
        head = register_module("head", torch::nn::Linear(6, 3));
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = torch::relu(norm_(first_(photons)));
        const torch::Tensor b = torch::relu(second_(a));
        result.stages.push_back({"first", a, 2.0, 1.0});
        result.stages.push_back({"unused", photons * 2.0, 1.0, 0.0});
        result.stages.push_back({"last", b, 4.0, 1.0});
        result.logits = head(b.mean({2, 3}));
        return result;
    }
    torch::nn::Linear head{nullptr};

private:
    torch::nn::Conv2d first_{nullptr};
    torch::nn::BatchNorm2d norm_{nullptr};
    torch::nn::Conv2d second_{nullptr};
};

Image<float> random_photons(int width, int height, std::int64_t seed) {
    torch::manual_seed(static_cast<std::uint64_t>(seed));
    const torch::Tensor values = torch::rand({height, width}) * 10.0;
    Image<float> image(width, height);
    std::copy_n(values.data_ptr<float>(), image.size(), image.pixels.begin());
    return image;
}

const StageMap& find(const std::vector<StageMap>& maps, const std::string& stage, AttributionMethod method) {
    const auto found = std::find_if(maps.begin(), maps.end(),
                                    [&](const StageMap& map) { return map.stage == stage && map.method == method; });
    if (found == maps.end()) {
        throw std::runtime_error("no map of " + stage);
    }
    return *found;
}

double sum(const Image<float>& map) {
    double total = 0.0;
    for (const float value : map.pixels) {
        total += value;
    }
    return total;
}

void expect_near(const Image<float>& a, const Image<float>& b, double tolerance) {
    ASSERT_EQ(a.width, b.width);
    ASSERT_EQ(a.height, b.height);
    for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_NEAR(a.pixels[i], b.pixels[i], tolerance);
    }
}

TEST(Attribution, HiResCamSumPlusBiasIsTheLogitUnderAMeanAndLinearHead) {
    SmallNet net;
    net.eval();
    const Image<float> photons = random_photons(30, 26, 1);
    for (int index = 0; index < 3; ++index) {
        const auto maps = attribute(net, {photons}, {index});
        const torch::Tensor input = torch::tensor(std::vector<float>(photons.pixels)).reshape({1, 1, 26, 30});
        const double logit = net.forward(input)[0][index].item<double>();
        const double bias = net.head->bias[index].item<double>();
        EXPECT_NEAR(sum(find(maps[0], "last", AttributionMethod::hires_cam).map) + bias, logit, 1e-4);
    }
}

TEST(Attribution, HiResCamIsGradCamUnderAMeanAndLinearHead) {
    SmallNet net;
    const auto maps = attribute(net, {random_photons(32, 32, 2)}, {1});
    expect_near(find(maps[0], "last", AttributionMethod::hires_cam).map,
                find(maps[0], "last", AttributionMethod::grad_cam).map, 1e-6);
    // Before the head they differ, or the test above could not fail.
    const Image<float>& hires = find(maps[0], "first", AttributionMethod::hires_cam).map;
    const Image<float>& grad = find(maps[0], "first", AttributionMethod::grad_cam).map;
    double difference = 0.0;
    for (std::size_t i = 0; i < hires.size(); ++i) {
        difference += std::abs(hires.pixels[i] - grad.pixels[i]);
    }
    EXPECT_GT(difference, 1e-3);
}

TEST(Attribution, BatchedEqualsSingle) {
    SmallNet net;
    std::vector<Image<float>> photons;
    std::vector<int> classes;
    for (int i = 0; i < 5; ++i) {
        photons.push_back(random_photons(32, 32, 20 + i));
        classes.push_back(i % 3);
    }
    const auto batched = attribute(net, photons, classes);
    ASSERT_EQ(batched.size(), photons.size());
    for (std::size_t i = 0; i < photons.size(); ++i) {
        const auto single = attribute(net, {photons[i]}, {classes[i]});
        ASSERT_EQ(batched[i].size(), 6U);
        for (std::size_t k = 0; k < batched[i].size(); ++k) {
            EXPECT_EQ(batched[i][k].stage, single[0][k].stage);
            expect_near(batched[i][k].map, single[0][k].map, 1e-6);
        }
    }
}

TEST(Attribution, AStageWithoutInfluenceGivesZeroMapsAndSaysSo) {
    SmallNet net;
    const auto maps = attribute(net, {random_photons(32, 32, 3)}, {0});
    EXPECT_EQ(find(maps[0], "unused", AttributionMethod::hires_cam).status, AttributionStatus::no_gradient);
    EXPECT_EQ(find(maps[0], "first", AttributionMethod::hires_cam).status, AttributionStatus::ok);
    const Image<float>& map = find(maps[0], "unused", AttributionMethod::hires_cam).map;
    EXPECT_EQ(map.width, 32);
    EXPECT_TRUE(std::all_of(map.pixels.begin(), map.pixels.end(), [](float value) { return value == 0.0F; }));
}

TEST(Attribution, LeavesTheModelAsItWas) {
    SmallNet net;
    net.train();
    attribute(net, {random_photons(32, 32, 4)}, {0});
    EXPECT_TRUE(net.is_training());
    for (const torch::Tensor& parameter : net.parameters()) {
        EXPECT_TRUE(parameter.requires_grad());
        EXPECT_FALSE(parameter.grad().defined());
    }
    // In training mode the running statistics would have moved.
    for (const auto& buffer : net.named_buffers()) {
        if (buffer.key() == "norm.running_mean") {
            EXPECT_EQ(buffer.value().abs().sum().item<double>(), 0.0);
        }
    }
}

TEST(Attribution, WorksWithFrozenParametersAndUnderNoGrad) {
    SmallNet net;
    const Image<float> photons = random_photons(32, 32, 5);
    const auto expected = attribute(net, {photons}, {2});
    for (torch::Tensor& parameter : net.parameters()) {
        parameter.set_requires_grad(false);
    }
    const torch::NoGradGuard no_gradients;
    const auto frozen = attribute(net, {photons}, {2});
    for (std::size_t k = 0; k < expected[0].size(); ++k) {
        expect_near(frozen[0][k].map, expected[0][k].map, 0.0);
    }
    EXPECT_GT(std::abs(sum(frozen[0][0].map)), 0.0);
}

TEST(Attribution, RefusesMismatchedRequests) {
    SmallNet net;
    EXPECT_TRUE(attribute(net, {}, {}).empty());
    EXPECT_THROW(attribute(net, {Image<float>(32, 32)}, {}), UsageError);
    EXPECT_THROW(attribute(net, {Image<float>(32, 32)}, {3}), UsageError);
    EXPECT_THROW(attribute(net, {Image<float>(32, 32)}, {-1}), UsageError);
    EXPECT_THROW(attribute(net, {Image<float>(32, 32), Image<float>(16, 32)}, {0, 0}), UsageError);
}

// A matched filter for one-pixel peaks: conv 3x3/2 with weights (8 in the middle, -1 around), ReLU, sum, two logits
// (sum and minus the sum).
class PeakNet : public Classifier {
public:
    PeakNet() {
        filter_ = register_module(
            "filter", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 3).stride(2).padding(1).bias(false)));
        const torch::NoGradGuard no_gradients;
        filter_->weight.fill_(-1.0);
        filter_->weight[0][0][1][1] = 8.0;
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = torch::relu(filter_(photons));
        // Padding 1 and kernel 3: unit 0 is centred on pixel 0 (reference: start += ((k - 1) / 2 - p) * jump).
        result.stages.push_back({"filter", a, 2.0, 0.0});
        const torch::Tensor total = a.sum({1, 2, 3});
        result.logits = torch::stack({total, -total}, 1);
        return result;
    }

private:
    torch::nn::Conv2d filter_{nullptr};
};

TEST(Attribution, OnePeakHasTheHandComputedMap) {
    // Background 2, a peak of 10 more on pixel (12, 6), on a unit's centre: 8 * 10 = 80 there, nothing inside the image
    // elsewhere (the filter sums to zero); units on the padded edge see 2 * (9 - pixels inside).
    PeakNet net;
    Image<float> photons(21, 17, 2.0F);
    photons(12, 6) += 10.0F;
    const auto maps = attribute(net, {photons, photons}, {0, 1});
    const Image<float>& map = find(maps[0], "filter", AttributionMethod::hires_cam).map;
    ASSERT_EQ(map.width, 11);
    ASSERT_EQ(map.height, 9);
    for (int slow = 1; slow < 8; ++slow) {
        for (int fast = 1; fast < 10; ++fast) {
            EXPECT_FLOAT_EQ(map(fast, slow), fast == 6 && slow == 3 ? 80.0F : 0.0F);
        }
    }
    EXPECT_FLOAT_EQ(map(0, 0), 10.0F);
    EXPECT_FLOAT_EQ(map(5, 0), 6.0F);
    // The other logit is the negative: maps are signed.
    EXPECT_FLOAT_EQ(find(maps[1], "filter", AttributionMethod::grad_cam).map(6, 3), -80.0F);

    const Image<float> registered =
        register_to_input(find(maps[0], "filter", AttributionMethod::hires_cam), photons.width, photons.height);
    EXPECT_FLOAT_EQ(registered(12, 6), 80.0F);
    EXPECT_FLOAT_EQ(registered(13, 6), 40.0F);
    EXPECT_FLOAT_EQ(registered(11, 6), 40.0F);
    EXPECT_FLOAT_EQ(registered(14, 6), 0.0F);
}

// conv with kernel k, stride s, padding p: an impulse far from the edges must come back, after registration, centred
// where it was. A plain resize would be off by (stride - 1) / 2.
class BoxNet : public Classifier {
public:
    BoxNet() {
        for (const auto& [kernel, stride, padding] : {std::array{5, 2, 2}, std::array{3, 2, 0}, std::array{7, 4, 3}}) {
            torch::nn::Conv2d box(torch::nn::Conv2dOptions(1, 1, kernel).stride(stride).padding(padding).bias(false));
            const torch::NoGradGuard no_gradients;
            box->weight.fill_(1.0);
            boxes_->push_back(box);
            start_ += (0.5 * (kernel - 1) - padding) * jump_;
            jump_ *= stride;
        }
        register_module("boxes", boxes_);
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = boxes_->forward(photons);
        result.stages.push_back({"box", a, jump_, start_});
        result.logits = a.sum({1, 2, 3}).unsqueeze(1);
        return result;
    }

private:
    torch::nn::Sequential boxes_;
    double start_ = 0.0;
    double jump_ = 1.0;
};

TEST(Attribution, RegisteredImpulsesStayInPlace) {
    // Which side of the impulse a stride-16 grid falls on varies with its phase; over all 16 phases the offset of the
    // registered map's centroid must average out.
    BoxNet net;
    constexpr int size = 256;
    double offset = 0.0;
    for (int phase = 0; phase < 16; ++phase) {
        Image<float> photons(size, size);
        photons(120 + phase, 120 + phase) = 1.0F;
        const auto maps = attribute(net, {photons}, {0});
        const Image<float> map = register_to_input(maps[0][0], size, size);
        double weight = 0.0;
        double fast_sum = 0.0;
        for (int slow = 0; slow < size; ++slow) {
            for (int fast = 0; fast < size; ++fast) {
                weight += map(fast, slow);
                fast_sum += static_cast<double>(map(fast, slow)) * fast;
            }
        }
        offset += fast_sum / weight - (120 + phase);
    }
    EXPECT_NEAR(offset / 16.0, 0.0, 0.25);
}

}  // namespace
}  // namespace braggbench
