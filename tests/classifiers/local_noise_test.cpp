#include "classifiers/zoo/local_noise.hpp"

#include <gtest/gtest.h>

namespace braggbench {
namespace {

torch::Tensor background(std::int64_t images, std::int64_t height, std::int64_t width, double photons) {
    torch::manual_seed(3);
    return torch::poisson(torch::full({images, 1, height, width}, photons));
}

void expect_same(const LocalNoise& a, const LocalNoise& b) {
    ASSERT_EQ(a.pixels.sizes(), b.pixels.sizes());
    ASSERT_EQ(a.level.sizes(), b.level.sizes());
    EXPECT_TRUE(torch::allclose(a.pixels, b.pixels, 1e-3, 1e-3)) << (a.pixels - b.pixels).abs().max();
    EXPECT_TRUE(torch::allclose(a.level, b.level, 1e-4, 1e-4)) << (a.level - b.level).abs().max();
}

TEST(LocalNoise, LoopsAndOperatorsAgree) {
    for (const auto& [height, width] : {std::pair{64, 64}, {61, 83}, {32, 130}, {4, 4}}) {
        auto photons = background(3, height, width, 4.0);
        photons[1] -= 6.0;                 // read-out noise below zero
        photons[2] = 0.0;                  // nothing at all
        photons[0][0][2][1] = 60000.0;     // a saturated spot
        photons[0][0][height - 1] *= 9.0;  // more at the border
        for (const auto scale : {PixelScale::local_noise, PixelScale::fourth_root}) {
            expect_same(local_noise(photons, scale), local_noise_by_operators(photons, scale));
        }
    }
}

TEST(LocalNoise, PoissonNoiseHasDeviationOneAtEveryLevel) {
    for (const double photons : {2.0, 20.0, 200.0}) {
        const auto pixels = local_noise(background(1, 256, 256, photons), PixelScale::local_noise).pixels;
        EXPECT_NEAR(pixels.std().item<double>(), 1.0, 0.12) << photons;
        EXPECT_NEAR(pixels.mean().item<double>(), 0.0, 0.02) << photons;
    }
}

TEST(LocalNoise, GradientsReachThePhotons) {
    auto photons = background(1, 32, 32, 5.0).requires_grad_();
    local_noise(photons, PixelScale::local_noise).pixels.square().sum().backward();
    EXPECT_GT(photons.grad().abs().sum().item<double>(), 0.0);
}

}  // namespace
}  // namespace braggbench
