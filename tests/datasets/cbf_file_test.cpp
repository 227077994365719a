#include "datasets/cbf_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// The byte-offset compression of Pilatus files: each difference in 1, 2 or 4 bytes (International Tables G, 5.6.3.4).
std::string byte_offset(const std::vector<int>& values) {
    std::string bytes;
    const auto append = [&bytes](int value, int count) {
        for (int i = 0; i < count; ++i) {
            bytes += static_cast<char>((static_cast<unsigned>(value) >> (8 * i)) & 0xffU);
        }
    };
    int previous = 0;
    for (const int value : values) {
        const int difference = value - previous;
        previous = value;
        if (difference >= -127 && difference <= 127) {
            append(difference, 1);
        } else if (difference >= -32767 && difference <= 32767) {
            append(-128, 1);
            append(difference, 2);
        } else {
            append(-128, 1);
            append(-32768, 2);
            append(difference, 4);
        }
    }
    return bytes;
}

std::string section(const std::vector<int>& values, int fast, int slow, int third = 0, int id = 1) {
    const std::string data = byte_offset(values);
    std::string text = fmt::format(
        "_array_data.data\r\n;\r\n--CIF-BINARY-FORMAT-SECTION--\r\n"
        "Content-Type: application/octet-stream;\r\n     conversions=\"x-CBF_BYTE_OFFSET\"\r\n"
        "Content-Transfer-Encoding: BINARY\r\nX-Binary-Size: {}\r\nX-Binary-ID: {}\r\n"
        "X-Binary-Element-Type: \"signed 32-bit integer\"\r\nX-Binary-Element-Byte-Order: LITTLE_ENDIAN\r\n"
        "X-Binary-Number-of-Elements: {}\r\nX-Binary-Size-Fastest-Dimension: {}\r\n"
        "X-Binary-Size-Second-Dimension: {}\r\n",
        data.size(), id, values.size(), fast, slow);
    if (third > 0) {
        text += fmt::format("X-Binary-Size-Third-Dimension: {}\r\n", third);
    }
    return text + "\r\n\x0c\x1a\x04\xd5" + data + "\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n";
}

std::string mini_cbf(const std::vector<int>& values, int fast, int slow) {
    return "###CBF: VERSION 1.5\r\n\r\ndata_test\r\n\r\n_array_data.header_convention \"PILATUS_1.2\"\r\n"
           "_array_data.header_contents\r\n;\r\n# Detector: test\r\n# Count_cutoff 1000 counts\r\n"
           "# Beam_xy (1.25, 2.5) pixels\r\n;\r\n\r\n" +
           section(values, fast, slow);
}

TEST(cbf_file, a_minicbf_gives_values_mask_and_beam) {
    const DetectorImage image = read_cbf("a.cbf", mini_cbf({0, 1, -1, 300, -2, 1000, 70000, 7}, 4, 2));
    EXPECT_EQ(image.values.width, 4);
    EXPECT_EQ(image.values.height, 2);
    EXPECT_EQ(image.values.pixels, (std::vector<float>{0, 1, 0, 300, 0, 1000, 0, 7}));
    EXPECT_EQ(image.valid.pixels, (std::vector<std::uint8_t>{1, 1, 0, 1, 0, 1, 0, 1}));
    EXPECT_EQ(image.beam_fast_px, 1.25);
    EXPECT_EQ(image.beam_slow_px, 2.5);
}

// What a DataError says; the test fails if there is none.
std::string complaint(const std::string& bytes) {
    try {
        (void)read_cbf("bad.cbf", bytes);
    } catch (const DataError& error) {
        return error.what();
    }
    ADD_FAILURE() << "no DataError";
    return {};
}

TEST(cbf_file, bad_files_are_refused_by_name) {
    const std::string good = mini_cbf(std::vector<int>(64, 5000), 8, 8);
    EXPECT_NE(complaint("not a cbf at all").find("bad.cbf: is not a CBF"), std::string::npos);
    EXPECT_NE(complaint("").find("bad.cbf"), std::string::npos);
    EXPECT_NE(complaint("###CBF: VERSION 1.5\r\ndata_x\r\n_a.b c\r\n").find("holds no image"), std::string::npos);
    EXPECT_NE(complaint(good.substr(0, good.size() - 80)).find("truncated"), std::string::npos);
}

// No cut of a file may crash or give an image without complaint, wherever it falls before the end of the pixels.
TEST(cbf_file, every_truncation_is_an_error) {
    std::vector<int> values(24);
    std::iota(values.begin(), values.end(), 0);
    const std::string good = mini_cbf(values, 6, 4);
    const std::size_t end_of_pixels = good.find("\r\n--CIF-BINARY-FORMAT-SECTION----");
    for (std::size_t size = 0; size < end_of_pixels; ++size) {
        EXPECT_THROW((void)read_cbf("cut.cbf", good.substr(0, size)), DataError) << size;
    }
    EXPECT_NO_THROW((void)read_cbf("whole.cbf", good));
}

TEST(cbf_file, a_header_of_the_wrong_size_is_an_error) {
    for (const auto& [fast, slow] : {std::pair{5, 2}, {4, 3}, {0, 8}, {100000, 100000}}) {
        EXPECT_THROW((void)read_cbf("size.cbf", mini_cbf(std::vector<int>(8, 1), fast, slow)), DataError);
    }
    std::string many = mini_cbf(std::vector<int>(8, 1), 4, 2);
    const std::string key = "Number-of-Elements: 8";
    many.replace(many.find(key), key.size(), "Number-of-Elements: 4000000000");
    EXPECT_THROW((void)read_cbf("many.cbf", many), DataError);
}

// Two 3 x 2 panels of 1 mm pixels in one array of two planes. Panel A lies as the assembled image does (fast along +x,
// slow along -y), its corner at x = -4, y = 1. Panel B is turned by 90 degrees about z (fast along +y, slow along +x),
// its corner at x = 1, y = -2.
std::string two_panels(const std::string& angle_deg) {
    std::string text =
        "###CBF: VERSION 1.5\r\ndata_two\r\n"
        "loop_\r\n_array_structure_list.array_id\r\n_array_structure_list.array_section_id\r\n"
        "_array_structure_list.index\r\n_array_structure_list.dimension\r\n_array_structure_list.precedence\r\n"
        "_array_structure_list.direction\r\n_array_structure_list.axis_set_id\r\n"
        "ARR . 1 3 1 increasing .\r\nARR . 2 2 2 increasing .\r\nARR . 3 2 3 increasing .\r\n"
        "ARR A 1 3 1 increasing AF\r\nARR A 2 2 2 increasing AS\r\n"
        "ARR B 1 3 1 increasing BF\r\nARR B 2 2 2 increasing BS\r\n"
        "loop_\r\n_array_structure_list_section.array_id\r\n_array_structure_list_section.id\r\n"
        "_array_structure_list_section.index\r\n_array_structure_list_section.start\r\n"
        "_array_structure_list_section.end\r\n"
        "ARR A 1 1 3\r\nARR A 2 1 2\r\nARR A 3 1 1\r\nARR B 1 1 3\r\nARR B 2 1 2\r\nARR B 3 2 2\r\n"
        "loop_\r\n_array_structure_list_axis.axis_set_id\r\n_array_structure_list_axis.axis_id\r\n"
        "_array_structure_list_axis.displacement\r\n_array_structure_list_axis.displacement_increment\r\n"
        "AF AF 0.0 1.0\r\nAS AS 0.0 1.0\r\nBF BF 0.0 1.0\r\nBS BS 0.0 1.0\r\n"
        "loop_\r\n_axis.id\r\n_axis.type\r\n_axis.equipment\r\n_axis.depends_on\r\n_axis.vector[1]\r\n"
        "_axis.vector[2]\r\n_axis.vector[3]\r\n_axis.offset[1]\r\n_axis.offset[2]\r\n_axis.offset[3]\r\n"
        "Z translation detector . 0 0 1 . . .\r\n"
        "AS translation detector Z 0 -1 0 -4 1 0\r\nAF translation detector AS 1 0 0 0 0 0\r\n"
        "R rotation detector Z 0 0 1 1 -2 0\r\n"
        "BS translation detector R 0 -1 0 0 0 0\r\nBF translation detector BS 1 0 0 0 0 0\r\n"
        "loop_\r\n_diffrn_scan_frame_axis.axis_id\r\n_diffrn_scan_frame_axis.frame_id\r\n"
        "_diffrn_scan_frame_axis.angle\r\n_diffrn_scan_frame_axis.displacement\r\n"
        "Z F1 0 -100\r\nR F1 ";
    text += angle_deg;
    text +=
        " 0\r\n"
        "loop_\r\n_array_intensities.array_id\r\n_array_intensities.binary_id\r\n_array_intensities.overload\r\n"
        "_array_intensities.undefined_value\r\nARR 1 50 -10\r\n"
        "_array_data.array_id ARR\r\n_array_data.binary_id 1\r\n";
    return text + section({-1, 2, 3, 4, 5, -10, 7, 8, 9, 10, 11, 60}, 3, 2, 2);
}

TEST(cbf_file, panels_are_assembled_by_their_axes) {
    const DetectorImage image = read_cbf("two.cbf", two_panels("90"));
    // x from -4 to 3 and y from 1 down to -2; the pixel left of and above the beam is (3, 0).
    ASSERT_EQ(image.values.width, 7);
    ASSERT_EQ(image.values.height, 3);
    EXPECT_EQ(image.beam_fast_px, 4.0);
    EXPECT_EQ(image.beam_slow_px, 1.0);
    // clang-format off
    EXPECT_EQ(image.values.pixels, (std::vector<float>{-1, 2, 3, 0, 0, 9, 0,
                                                        4, 5, 0, 0, 0, 8, 11,
                                                        0, 0, 0, 0, 0, 7, 10}));
    EXPECT_EQ(image.valid.pixels, (std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 0,
                                                             1, 1, 0, 0, 0, 1, 1,
                                                             0, 0, 0, 0, 0, 1, 1}));
    // clang-format on
}

TEST(cbf_file, a_small_tilt_is_rounded_and_a_large_one_refused) {
    EXPECT_EQ(read_cbf("two.cbf", two_panels("89.5")).values, read_cbf("two.cbf", two_panels("90")).values);
    EXPECT_THROW((void)read_cbf("two.cbf", two_panels("70")), DataError);
}

}  // namespace
}  // namespace braggbench
