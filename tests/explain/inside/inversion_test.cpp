#include "explain/inside/inversion.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "simulator/error.hpp"
#include "tests/explain/inside/planted_net.hpp"

namespace braggbench {
namespace {

// A single convolution, near to doing nothing, a stage that no pixel reaches and one that is nothing.
class NearlyNothing : public Classifier {
public:
    NearlyNothing() {
        filter_ = register_module("filter", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 3).padding(1)));
        const torch::NoGradGuard no_gradients;
        filter_->weight.fill_(0.02);
        filter_->weight[0][0][1][1] = 1.0;
        filter_->bias.zero_();
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = filter_(photons);
        result.stages.push_back({"one", a, 1.0, 0.0});
        result.stages.push_back({"cut", a.detach() + filter_->bias, 1.0, 0.0});
        result.stages.push_back({"nothing", a * 0.0, 1.0, 0.0});
        result.logits = a.mean({2, 3});
        return result;
    }

private:
    torch::nn::Conv2d filter_{nullptr};
};

Image<float> spotty(int size) {
    const torch::Tensor values = planted_images(1, size);
    Image<float> image(size, size);
    std::copy_n(values.data_ptr<float>(), image.size(), image.pixels.begin());
    return image;
}

InversionOptions quick() {
    InversionOptions options;
    options.steps = 400;
    options.starts = 1;
    options.tv_weights = {0.0};
    return options;
}

TEST(Inversion, RecoversTheImageFromOneConvolution) {
    NearlyNothing net;
    const Image<float> photons = spotty(16);
    InversionOptions options = quick();
    options.steps = 2000;
    options.range_weight = 0.0;  // which pulls the brightest pixel down
    const auto found = invert(net, "one", photons, root_scale(std::span(&photons, 1)), options);
    ASSERT_EQ(found.size(), 1U);
    ASSERT_EQ(found[0].status, InversionStatus::ok);
    EXPECT_LT(found[0].feature_error, 1e-5);
    EXPECT_GT(found[0].noise_error, 0.1);
    EXPECT_GT(root_correlation(found[0].photons, photons, Image<std::uint8_t>(16, 16, 1)), 0.999);
    for (std::size_t i = 0; i < photons.size(); ++i) {
        ASSERT_NEAR(found[0].photons.pixels[i], photons.pixels[i], 0.5) << i;
    }
}

TEST(Inversion, TotalVariationWashesPeaksOut) {
    NearlyNothing net;
    const Image<float> photons = spotty(16);
    InversionOptions options = quick();
    options.tv_weights = {0.0, 10.0};
    const auto found = invert(net, "one", photons, root_scale(std::span(&photons, 1)), options);
    ASSERT_EQ(found.size(), 2U);
    const auto largest = [](const Image<float>& image) { return *std::ranges::max_element(image.pixels); };
    EXPECT_GT(largest(found[0].photons), 0.9 * planted_highest);
    EXPECT_LT(largest(found[1].photons), 0.5 * planted_highest);
    EXPECT_GT(found[1].feature_error, 100.0 * found[0].feature_error);
}

TEST(Inversion, EachIsAsIfItWereAloneAndThreadsDoNotMatter) {
    PlantedNet net;
    const Image<float> photons = spotty(12);
    const RootScale scale = root_scale(std::span(&photons, 1));
    InversionOptions options = quick();
    options.steps = 30;
    options.starts = 2;
    options.tv_weights = {0.0, 0.1};
    const int threads = torch::get_num_threads();
    torch::set_num_threads(1);
    const auto all = invert(net, "two", photons, scale, options);
    torch::set_num_threads(4);
    const auto again = invert(net, "two", photons, scale, options);
    torch::set_num_threads(threads);
    options.tv_weights = {0.1};
    const auto alone = invert(net, "two", photons, scale, options);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[3].start, 1);
    EXPECT_EQ(all[3].tv_weight, 0.1);
    for (std::size_t k = 0; k < all.size(); ++k) EXPECT_EQ(all[k].photons, again[k].photons) << k;
    for (std::size_t i = 0; i < photons.size(); ++i) {
        ASSERT_NEAR(all[2].photons.pixels[i], alone[0].photons.pixels[i], 1e-2);
    }
    EXPECT_NE(all[2].photons, all[3].photons);
    options.seed = 2;
    EXPECT_NE(invert(net, "two", photons, scale, options)[0].photons, alone[0].photons);
}

TEST(Inversion, SaysWhatItCannotDo) {
    NearlyNothing net;
    const Image<float> photons = spotty(8);
    const RootScale scale = root_scale(std::span(&photons, 1));
    EXPECT_EQ(invert(net, "cut", photons, scale, quick())[0].status, InversionStatus::no_gradient);
    EXPECT_EQ(invert(net, "nothing", photons, scale, quick())[0].status, InversionStatus::empty);
    Image<float> broken = photons;
    broken.pixels[3] = std::nanf("");
    EXPECT_EQ(invert(net, "one", broken, scale, quick())[0].status, InversionStatus::non_finite);
    try {
        invert(net, "tow", photons, scale, quick());
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("one, cut, nothing"), std::string::npos) << error.what();
    }
    InversionOptions options = quick();
    options.tv_weights = {-1.0};
    EXPECT_THROW(invert(net, "one", photons, scale, options), UsageError);
    EXPECT_THROW(root_scale({}), UsageError);
}

TEST(Inversion, LeavesTheModelAsItWas) {
    PlantedNet net;
    net.train();
    const Image<float> photons = spotty(8);
    InversionOptions options = quick();
    options.steps = 2;
    invert(net, "one", photons, root_scale(std::span(&photons, 1)), options);
    EXPECT_TRUE(net.is_training());
    for (const auto& parameter : net.parameters()) EXPECT_FALSE(parameter.grad().defined());
}

TEST(Inversion, FlatImagesHaveAScale) {
    const Image<float> flat(4, 4, 9.0F);
    const RootScale scale = root_scale(std::span(&flat, 1));
    EXPECT_NEAR(scale.mean, std::sqrt(9.375), 1e-9);
    EXPECT_EQ(scale.deviation, 1.0);
    EXPECT_EQ(scale.range, 1.0);
    EXPECT_EQ(root_correlation(flat, flat, Image<std::uint8_t>(4, 4, 1)), 0.0);
}

}  // namespace
}  // namespace braggbench
