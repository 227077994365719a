// Files of real detectors beside the repository. The numbers were printed by dxtbx 3.12 (and fabio for the two miniCBFs
// and the SMV, in agreement): dxtbx.load(file).get_raw_data().as_numpy_array(), masked as the header says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "datasets/file_bytes.hpp"
#include "datasets/image_file.hpp"
#include "datasets/view.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::filesystem::path real_file(const std::string& name) { return std::filesystem::path(SHARED_DIR) / "real" / name; }

#define SKIP_WITHOUT(path)                                                   \
    if (!std::filesystem::exists(path)) {                                    \
        GTEST_SKIP() << (path) << " is absent (data beside the repository)"; \
    }

double sum(const DetectorImage& image) {
    return std::accumulate(image.values.pixels.begin(), image.values.pixels.end(), 0.0);
}

std::ptrdiff_t masked(const DetectorImage& image) {
    return std::count(image.valid.pixels.begin(), image.valid.pixels.end(), 0);
}

struct Pilatus {
    const char* name;
    double sum;  // over 0 <= value <= Count_cutoff = 115897
    std::ptrdiff_t masked;
    int brightest_fast;
    int brightest_slow;
    float brightest;
    float at_1000_1000;
    float at_700_1500;
};

class PilatusFile : public testing::TestWithParam<Pilatus> {};

TEST_P(PilatusFile, is_what_dxtbx_reads) {
    const Pilatus& expected = GetParam();
    const std::filesystem::path path = real_file(expected.name);
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    ASSERT_EQ(image.values.width, 2463);
    ASSERT_EQ(image.values.height, 2527);
    EXPECT_EQ(sum(image), expected.sum);
    EXPECT_EQ(masked(image), expected.masked);
    EXPECT_EQ(image.values(expected.brightest_fast, expected.brightest_slow), expected.brightest);
    EXPECT_EQ(*std::max_element(image.values.pixels.begin(), image.values.pixels.end()), expected.brightest);
    EXPECT_EQ(image.values(1000, 1000), expected.at_1000_1000);
    EXPECT_EQ(image.values(700, 1500), expected.at_700_1500);
    // dxtbx: panel.get_ray_intersection_px(s0); also the header's Beam_xy.
    EXPECT_EQ(image.beam_fast_px, 1261.61);
    EXPECT_EQ(image.beam_slow_px, 1306.96);
}

INSTANTIATE_TEST_SUITE_P(real, PilatusFile,
                         testing::Values(Pilatus{"thau_3_2_0002.cbf.bz2", 22941537, 526727, 1193, 1452, 2172, 8, 6},
                                         Pilatus{"thau_3_2_0006.cbf.bz2", 22380517, 526727, 1193, 1452, 8949, 4, 14},
                                         Pilatus{"thau_3_2_0013.cbf.bz2", 16060529, 526727, 1192, 1451, 2827, 5, 2},
                                         Pilatus{"thau_3_2_0015.cbf.bz2", 9800092, 526727, 1260, 1319, 112775, 2, 4},
                                         Pilatus{"thau_3_2_0017.cbf.bz2", 8951650, 526728, 1260, 1319, 112775, 6, 3}));

TEST(real, a_pilatus_spot_is_found_in_the_view) {
    const std::filesystem::path path = real_file("thau_3_2_0002.cbf.bz2");
    SKIP_WITHOUT(path);
    const View view = make_view(ImageFile(path).read(), {512}, 1.0, 0.0);
    const ViewPlacement& place = view.placement;
    EXPECT_EQ(place.factor, 5);
    const int fast = static_cast<int>((1193.5 - place.fast_offset_px) / place.factor);
    const int slow = static_cast<int>((1452.5 - place.slow_offset_px) / place.factor);
    EXPECT_EQ(view.photons(fast, slow), 2172.0F);
}

TEST(real, damaged_pilatus_files_are_refused) {
    const std::filesystem::path path = real_file("thau_3_2_0002.cbf.bz2");
    SKIP_WITHOUT(path);
    const std::string packed = read_file_bytes(path);
    std::string bytes = decompress(path, packed);
    const std::filesystem::path damaged = std::filesystem::path(testing::TempDir()) / "damaged_pilatus.cbf";
    for (const std::string_view content :
         {std::string_view(packed).substr(0, packed.size() / 2), std::string_view(bytes).substr(0, bytes.size() / 2)}) {
        replace_file(damaged, content);
        EXPECT_THROW((void)ImageFile(damaged).read(), DataError);
    }
    // One flipped bit in the pixels: the header's MD5 tells.
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    replace_file(damaged, bytes);
    EXPECT_THROW((void)ImageFile(damaged).read(), DataError);
    std::filesystem::remove(damaged);
}

TEST(real, the_rayonix_image_is_what_dxtbx_reads) {
    const std::filesystem::path path = real_file("rayonix_hit_20181213155134902.cbf");
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    ASSERT_EQ(image.values.width, 1920);
    ASSERT_EQ(image.values.height, 1920);
    EXPECT_EQ(sum(image), 3410756158.0);
    EXPECT_EQ(masked(image), 0);
    EXPECT_EQ(image.values(1, 0), 31096.0F);
    EXPECT_EQ(image.values(0, 0), 731.0F);
    EXPECT_EQ(image.values(50, 100), 137.0F);
    EXPECT_EQ(image.values(300, 1500), 281.0F);
    EXPECT_NEAR(image.beam_fast_px.value(), 960.0, 1e-6);
    EXPECT_NEAR(image.beam_slow_px.value(), 960.0, 1e-6);
}

// The brightest pixel of four of the 64 panels, and where dxtbx says its centre lies:
// x, y = panel.get_pixel_lab_coord((f + 0.5, s + 0.5)) in mm.
TEST(real, the_cspad_panels_lie_where_dxtbx_puts_them) {
    const std::filesystem::path path = real_file("cspad_thermolysin_401.cbf");
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    ASSERT_EQ(image.values.width, 1726);
    ASSERT_EQ(image.values.height, 1723);
    EXPECT_EQ(sum(image), 32888157.0);
    // The gaps and two pixels at the undefined value -400.
    EXPECT_EQ(masked(image), 1726 * 1723 - 64 * 194 * 185 + 2);
    struct Place {
        double x_px;
        double y_px;
        float value;
    };
    for (const auto& [x_px, y_px, value] : {Place{-286.35463, 80.44434, 1605}, Place{233.23474, 291.73517, 1440},
                                            Place{-431.64705, -59.12758, 466}, Place{547.22283, -595.11537, 117}}) {
        const double fast = image.beam_fast_px.value() + x_px;
        const double slow = image.beam_slow_px.value() - y_px;
        double nearest = 1e9;
        for (int s = 0; s < image.values.height; ++s) {
            for (int f = 0; f < image.values.width; ++f) {
                if (image.values(f, s) == value) {
                    nearest = std::min(nearest, std::hypot(f + 0.5 - fast, s + 0.5 - slow));
                }
            }
        }
        // Half a pixel of rounding along each axis and up to 0.4 px of a panel's tilt.
        EXPECT_LT(nearest, 1.0) << value;
    }
}

TEST(real, the_smv_image_is_what_dxtbx_reads) {
    const std::filesystem::path path = real_file("simtbx_FormatSMVJHSim_001.img");
    SKIP_WITHOUT(path);
    const DetectorImage image = ImageFile(path).read();
    ASSERT_EQ(image.values.width, 1024);
    ASSERT_EQ(image.values.height, 1024);
    EXPECT_EQ(sum(image), 2691223.0);
    EXPECT_EQ(image.values(507, 479), 873.0F);
    // The header's own DIALS_ORIGIN, 28.16 mm of 0.055 mm; dxtbx's class for this simulator adds a pixel to both.
    EXPECT_EQ(image.beam_fast_px, 512.0);
    EXPECT_EQ(image.beam_slow_px, 512.0);
}

}  // namespace
}  // namespace braggbench
