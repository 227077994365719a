// Detector presets against the pixels that files of the real detectors mask.
#include <gtest/gtest.h>

#include <cmath>
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
}

// Share of the pixels that either detector shows that both show, with their beams on one pixel; `mirrored` turns ours
// left to right.
double overlap(const DetectorImage& image, const Detector& detector, bool mirrored) {
    const Image<std::uint8_t> active = active_pixels(detector);
    const Panel& panel = detector.panels.front();
    const double beam_fast = panel.image_fast_px + panel.origin_mm.x() / panel.pixel_size_mm;
    const double beam_slow = panel.image_slow_px + panel.origin_mm.y() / panel.pixel_size_mm;
    std::ptrdiff_t shared = 0;
    std::ptrdiff_t either = 0;
    for (int slow = 0; slow < active.height; ++slow) {
        for (int fast = 0; fast < active.width; ++fast) {
            const double from_beam = (mirrored ? -1 : 1) * (fast + 0.5 - beam_fast);
            const int there_fast = static_cast<int>(std::floor(*image.beam_fast_px + from_beam));
            const int there_slow = static_cast<int>(std::floor(*image.beam_slow_px + slow + 0.5 - beam_slow));
            const bool inside =
                there_fast >= 0 && there_slow >= 0 && there_fast < image.valid.width && there_slow < image.valid.height;
            const bool real = inside && image.valid(there_fast, there_slow) != 0;
            const bool ours = active(fast, slow) != 0;
            shared += static_cast<std::ptrdiff_t>(real && ours);
            either += static_cast<std::ptrdiff_t>(real || ours);
        }
    }
    return static_cast<double>(shared) / static_cast<double>(either);
}

// Two CSPADs of different years, assembled: most of what one shows the other shows, though quadrants move by
// millimetres. Its pinwheel of sensors tells left from right.
TEST(DetectorPresetsReal, cspad_assembles_to_the_picture_of_a_real_one) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/cspad_thermolysin_401.cbf";
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    const Detector detector = assembled(detector_preset("cspad", {}).detector);
    EXPECT_GT(overlap(image, detector, false), 0.82);
    EXPECT_LT(overlap(image, detector, true), 0.78);
}

}  // namespace
}  // namespace braggbench
