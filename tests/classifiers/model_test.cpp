#include "classifiers/model.hpp"

#include <gtest/gtest.h>

#include "classifiers/image_feed.hpp"
#include "classifiers/train_augmentation.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

torch::Tensor noise(int count, int height, int width) {
    torch::manual_seed(7);
    return torch::poisson(torch::full({count, 1, height, width}, 3.0));
}

TEST(Registration, FollowsTheCentresOfReceptiveFields) {
    const auto stem = Registration{}.after(7, 2, 0).after(3, 2, 0);  // Ke et al. 2018: no padding
    EXPECT_EQ(stem.stride_px, 4.0);
    EXPECT_EQ(stem.start_px, 5.0);
    const auto padded = Registration{}.after(7, 2, 3).after(3, 2, 1).after(3, 2, 1);
    EXPECT_EQ(padded.stride_px, 8.0);
    EXPECT_EQ(padded.start_px, 0.0);
    EXPECT_EQ(Registration{}.after(4, 4, 0).start_px, 1.5);  // an even kernel lies between pixels
}

TEST(ModelZoo, UnknownNamesAreRefusedWithTheNearest) {
    try {
        make_model("compactt", {.output_count = 3});
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("'compact'"), std::string::npos);
    }
    EXPECT_THROW(make_model("compact", {.output_count = 3, .height_px = 16, .width_px = 16}), UsageError);
}

// What an output gains from a unit of the last stage does not depend on where in the image that lies, nor on whether it
// is its channel's highest, unless maxima are pooled too.
TEST(Compact, EveryUnitOfTheLastStageCountsAlikeUnlessMaximaArePooled) {
    for (const auto& [name, alike] : {std::pair{"compact", true}, std::pair{"compact-max", false}}) {
        torch::manual_seed(1);
        const auto network = make_model(name, {.output_count = 3});
        network->eval();
        const auto trace = network->trace(noise(2, 128, 128));
        const auto gains = torch::autograd::grad({trace.logits.sum()}, {trace.stages.back().activation}).front();
        EXPECT_GT(gains.abs().max().item<double>(), 0.0);
        EXPECT_EQ(torch::allclose(gains, gains.mean({2, 3}, true).expand_as(gains)), alike) << name;
    }
}

class EveryModel : public testing::TestWithParam<std::string> {};

TEST_P(EveryModel, TracesStagesAndLogits) {
    torch::manual_seed(1);
    const auto network = make_model(GetParam(), {.output_count = 5});
    network->eval();
    const torch::NoGradGuard no_grad;
    for (const auto& [height, width] : {std::pair{64, 64}, std::pair{47, 90}}) {
        const auto x = noise(3, height, width);
        const auto trace = network->trace(x);
        EXPECT_EQ(trace.logits.sizes(), (std::vector<std::int64_t>{3, 5}));
        EXPECT_TRUE(torch::equal(trace.logits, network->forward(x)));
        double stride = 1.0;
        for (const auto& stage : trace.stages) {
            EXPECT_GT(stage.stride_px, stride);
            stride = stage.stride_px;
            // The last unit's centre is inside the image, and the next one's would not be.
            const auto last = stage.start_px + stage.stride_px * static_cast<double>(stage.activation.size(2) - 1);
            EXPECT_LT(last, height);
            EXPECT_GE(last + stage.stride_px, height - 1);
            EXPECT_EQ(stage.activation.size(0), 3);
        }
    }
}

// Averaged over random networks: in a single one, the one path from a stage's unit to its centre may have a weight near
// 0.
TEST_P(EveryModel, APointLightsUpTheUnitRegisteredThere) {
    const torch::NoGradGuard no_grad;
    const auto flat = torch::full({1, 1, 128, 128}, 4.0);
    std::vector<torch::Tensor> changes;
    std::vector<std::int64_t> expected;
    for (int seed = 0; seed < 16; ++seed) {
        torch::manual_seed(static_cast<std::uint64_t>(seed));
        const auto network = make_model(GetParam(), {.output_count = 5});
        network->eval();
        const auto before = network->trace(flat);
        changes.resize(before.stages.size());
        for (std::size_t s = 0; s < before.stages.size(); ++s) {
            const auto& stage = before.stages[s];
            const std::int64_t row = stage.activation.size(2) / 2;
            const std::int64_t column = stage.activation.size(3) / 3;
            const auto pixel = [&](std::int64_t unit) {
                return static_cast<std::int64_t>(stage.start_px + stage.stride_px * static_cast<double>(unit));
            };
            auto impulse = flat.clone();
            impulse[0][0][pixel(row)][pixel(column)] = 20.0;
            const auto change = (network->trace(impulse).stages[s].activation - stage.activation).abs().sum(1)[0];
            changes[s] = seed == 0 ? change : changes[s] + change;
            if (seed == 0) expected.push_back(row * change.size(1) + column);
        }
    }
    for (std::size_t s = 0; s < changes.size(); ++s) {
        EXPECT_EQ(changes[s].argmax().item<std::int64_t>(), expected[s]) << "stage " << s + 1;
    }
}

TEST_P(EveryModel, GradientsReachEveryParameterAndTheInput) {
    torch::manual_seed(1);
    const auto network = make_model(GetParam(), {.output_count = 3});
    const auto x = noise(4, 64, 64).requires_grad_();
    network->forward(x).square().sum().backward();
    for (const auto& parameter : network->named_parameters()) {
        ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
        EXPECT_GT(parameter.value().grad().abs().sum().item<float>(), 0.0F) << parameter.key();
    }
    EXPECT_GT(x.grad().abs().sum().item<float>(), 0.0F);
    EXPECT_TRUE(torch::isfinite(x.grad()).all().item<bool>());
}

TEST_P(EveryModel, SeedDecidesTheWeights) {
    const auto make = [&](std::uint64_t seed) {
        torch::manual_seed(seed);
        auto network = make_model(GetParam(), {.output_count = 4});
        network->eval();
        return network;
    };
    const auto x = noise(2, 64, 64);
    EXPECT_TRUE(torch::equal(make(3)->forward(x), make(3)->forward(x)));
    EXPECT_FALSE(torch::equal(make(3)->forward(x), make(4)->forward(x)));
}

TEST_P(EveryModel, HardValuesGiveFiniteLogits) {
    torch::manual_seed(1);
    const auto network = make_model(GetParam(), {.output_count = 4});
    network->eval();
    for (const double value : {-1000.0, -0.5, 0.0, 65504.0}) {
        auto x = torch::full({1, 1, 64, 64}, value);
        x[0][0][10][10] = 65504.0;
        x.requires_grad_();
        const auto logits = network->forward(x);
        EXPECT_TRUE(torch::isfinite(logits).all().item<bool>()) << value;
        logits.sum().backward();
        EXPECT_TRUE(torch::isfinite(x.grad()).all().item<bool>()) << value;
    }
}

TEST_P(EveryModel, ImagesOfABatchDoNotInfluenceEachOther) {
    torch::manual_seed(1);
    const auto network = make_model(GetParam(), {.output_count = 4});
    network->eval();
    const torch::NoGradGuard no_grad;
    const auto x = noise(3, 64, 64);
    EXPECT_TRUE(torch::allclose(network->forward(x)[1], network->forward(x.narrow(0, 1, 1))[0], 1e-4, 1e-5));
}

// Networks of ours; zoo_test.cpp asks all of them, those of the literature at the sizes they were made for.
std::vector<std::string> names() {
    std::vector<std::string> ours;
    for (const auto& entry : model_zoo()) {
        if (entry.name.starts_with("compact")) ours.push_back(entry.name);
    }
    return ours;
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryModel, testing::ValuesIn(names()), [](const auto& information) {
    auto name = information.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST(TrainAugmentation, TheEightSymmetriesDiffer) {
    Image<float> image(3, 3);
    std::iota(image.pixels.begin(), image.pixels.end(), 0.0F);
    for (int a = 0; a < 8; ++a) {
        for (int b = 0; b < a; ++b) EXPECT_NE(dihedral(image, a).pixels, dihedral(image, b).pixels) << a << ' ' << b;
    }
    EXPECT_EQ(dihedral(image, 0).pixels, image.pixels);
}

TEST(ImageFeed, VariationDependsOnSeedRowAndEpochOnlyAndNotOnTheCache) {
    static constexpr int edge = 64;
    const auto draw = [](std::int64_t row) {
        RandomStream random(1, static_cast<std::uint64_t>(row), Stage::photon_noise);
        auto image = std::make_shared<Image<std::uint16_t>>(edge, edge);
        for (auto& value : image->pixels) value = static_cast<std::uint16_t>(random.poisson(20.0));
        return LabelledImage{std::move(image), {static_cast<float>(row)}};
    };
    FeedOptions options;
    options.view.size_px = edge;
    const ImageFeed images(6, draw, options, "drawn");
    options.cache_bytes = 0;
    const ImageFeed uncached(6, draw, options, "drawn");
    const std::vector<std::int64_t> all = {0, 1, 2, 3, 4, 5};
    const std::vector<std::int64_t> some = {4, 1};
    const VariationKey key{TrainVariation::detector, 1, 3};
    const auto batch = images.batch(all, key);
    EXPECT_TRUE(torch::equal(images.batch(some, key).photons[0], batch.photons[4]));
    EXPECT_TRUE(torch::equal(uncached.batch(all, key).photons, batch.photons));
    EXPECT_TRUE(torch::equal(batch.targets, images.all_targets()));
    EXPECT_FALSE(torch::equal(images.batch(all, {TrainVariation::detector, 1, 4}).photons, batch.photons));
    EXPECT_FALSE(torch::equal(images.batch(all, {TrainVariation::detector, 2, 3}).photons, batch.photons));
    const auto plain = images.batch(some);
    EXPECT_EQ(plain.photons[1][0][5][7].item<float>(), static_cast<float>((*draw(1).image)(7, 5)));
    EXPECT_TRUE(torch::equal(images.batch(some, {TrainVariation::none, 1, 3}).photons, plain.photons));
}

}  // namespace
}  // namespace braggbench
