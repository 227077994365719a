#include "classifiers/image_feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::shared_ptr<const Image<std::uint16_t>> every_value(int width, int height) {
    Image<std::uint16_t> image(width, height);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        image.pixels[i] = static_cast<std::uint16_t>(i * std::numeric_limits<std::uint16_t>::max() / image.size());
    }
    image.pixels.back() = std::numeric_limits<std::uint16_t>::max();
    return std::make_shared<const Image<std::uint16_t>>(std::move(image));
}

ImageFeed feed_of(const std::shared_ptr<const Image<std::uint16_t>>& image, const FeedOptions& options) {
    return {1, [image](std::int64_t) { return LabelledImage{image, {1.0F}}; }, options, "drawn"};
}

// Images that are seen as they are go another way than reduced or framed ones.
TEST(ImageFeed, GivesTheViewsPhotonsRoundedAndClamped) {
    constexpr std::array<std::int64_t, 1> rows = {0};
    for (const auto& [width, height, size] : {std::array{32, 32, 32}, {32, 24, 32}, {64, 64, 32}}) {
        for (const double gain : {1.0, 0.3}) {
            FeedOptions options;
            options.view.size_px = size;
            options.gain_adu_per_photon = gain;
            options.offset_adu = 40.5;
            const auto image = every_value(width, height);
            auto view = make_view(*image, options.view, gain, options.offset_adu);
            const auto wanted = torch::from_blob(view.photons.pixels.data(), {1, 1, size, size})
                                    .clamp(-65504.0, 65504.0)
                                    .to(torch::kFloat16)
                                    .to(torch::kFloat32);
            EXPECT_TRUE(torch::equal(feed_of(image, options).batch(rows).photons, wanted)) << width << " x " << height;
        }
    }
}

TEST(ImageFeed, RejectsPhotonsThatAreNotFinite) {
    constexpr std::array<std::int64_t, 1> rows = {0};
    FeedOptions options;
    options.view.size_px = 32;
    options.gain_adu_per_photon = 1e-37;
    EXPECT_THROW((void)feed_of(every_value(32, 32), options).batch(rows), DataError);
}

}  // namespace
}  // namespace braggbench
