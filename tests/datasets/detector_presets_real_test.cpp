// Detector presets against the pixels that files of the real detectors mask.
#include <gtest/gtest.h>

#include <filesystem>

#include "datasets/image_file.hpp"
#include "simulator/detector_presets.hpp"

namespace braggbench {
namespace {

#define SKIP_WITHOUT(path)                                                   \
    if (!std::filesystem::exists(path)) {                                    \
        GTEST_SKIP() << (path) << " is absent (data beside the repository)"; \
    }

// The file's gaps are the preset's, to the pixel; 609 excluded pixels and a few more are masked on the modules.
TEST(DetectorPresetsReal, pilatus_6m_has_its_gaps_where_the_file_has) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/thau_3_2_0002.cbf.bz2";
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    const Image<std::uint8_t> active = active_pixels(detector_preset("pilatus-6m", {}).detector);
    ASSERT_EQ(active.width, image.valid.width);
    ASSERT_EQ(active.height, image.valid.height);
    int live_in_gaps = 0;
    int masked_on_modules = 0;
    for (std::size_t i = 0; i < active.size(); ++i) {
        const bool valid = image.valid.pixels[i] != 0;
        const bool on = active.pixels[i] != 0;
        live_in_gaps += static_cast<int>(valid && !on);
        masked_on_modules += static_cast<int>(!valid && on);
    }
    EXPECT_EQ(live_in_gaps, 0);
    EXPECT_GT(masked_on_modules, 608);
    EXPECT_LT(masked_on_modules, 700);
}

TEST(DetectorPresetsReal, rayonix_mx340_binned_4x4_has_the_files_size) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/rayonix_hit_20181213155134902.cbf";
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    const Panel panel = detector_preset("rayonix-mx340-hs-4x4", {}).detector.panels.front();
    EXPECT_EQ(image.values.width, panel.width_px);
    EXPECT_EQ(image.values.height, panel.height_px);
    EXPECT_NEAR(image.pixel_size_mm, panel.pixel_size_mm, 1e-6);
}

// Two CSPADs of different years, assembled: most of what one shows the other shows, though quadrants move by
// millimetres.
TEST(DetectorPresetsReal, cspad_assembles_to_the_picture_of_a_real_one) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/cspad_thermolysin_401.cbf";
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    const Detector detector = assembled(detector_preset("cspad", {}).detector);
    const Image<std::uint8_t> active = active_pixels(detector);
    // Put both beams on one pixel.
    const Panel& panel = detector.panels.front();
    const double beam_fast = panel.image_fast_px + panel.origin_mm.x() / panel.pixel_size_mm;
    const double beam_slow = panel.image_slow_px + panel.origin_mm.y() / panel.pixel_size_mm;
    const int fast_shift = static_cast<int>(std::lround(*image.beam_fast_px - beam_fast));
    const int slow_shift = static_cast<int>(std::lround(*image.beam_slow_px - beam_slow));
    std::ptrdiff_t shared = 0;
    std::ptrdiff_t either = 0;
    for (int slow = 0; slow < active.height; ++slow) {
        for (int fast = 0; fast < active.width; ++fast) {
            const int there_fast = fast + fast_shift;
            const int there_slow = slow + slow_shift;
            const bool inside =
                there_fast >= 0 && there_slow >= 0 && there_fast < image.valid.width && there_slow < image.valid.height;
            const bool real = inside && image.valid(there_fast, there_slow) != 0;
            const bool ours = active(fast, slow) != 0;
            shared += static_cast<std::ptrdiff_t>(real && ours);
            either += static_cast<std::ptrdiff_t>(real || ours);
        }
    }
    EXPECT_GT(static_cast<double>(shared) / static_cast<double>(either), 0.85);
}

}  // namespace
}  // namespace braggbench
