#include "datasets/smv_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "datasets/file_bytes.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// flat_detector() of simulator/experiment.cpp, spelled out so that the header's numbers are seen against their source.
Experiment flat_experiment() {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.response.gain_adu_per_photon = 2.5;
    experiment.response.offset_adu = 10.0;
    Panel panel;
    panel.width_px = 5;
    panel.height_px = 3;
    panel.pixel_size_mm = 0.1;
    panel.origin_mm = {0.275, 0.12, 200.0};  // beam at 2.75, 1.2 px
    experiment.detector.panels = {panel};
    experiment.detector.image_width_px = 5;
    experiment.detector.image_height_px = 3;
    return experiment;
}

Image<std::uint16_t> ramp() {
    Image<std::uint16_t> image(5, 3);
    for (std::size_t i = 0; i < image.size(); ++i) {
        image.pixels[i] = static_cast<std::uint16_t>(i * 4681);  // 0 to 65534
    }
    return image;
}

class SmvFile : public testing::Test {
protected:
    SmvFile() { std::filesystem::create_directories(folder_); }
    ~SmvFile() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        ("smv_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
};

TEST_F(SmvFile, what_is_written_is_read) {
    const std::filesystem::path path = folder_ / "a.img";
    write_smv(path, ramp(), flat_experiment());
    const DetectorImage image = ImageFile(path).read();
    EXPECT_EQ(image.name, "a.img");
    ASSERT_EQ(image.values.width, 5);
    ASSERT_EQ(image.values.height, 3);
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        EXPECT_EQ(image.values.pixels[i], static_cast<float>(ramp().pixels[i]));
        EXPECT_EQ(image.valid.pixels[i], 1);
    }
    EXPECT_NEAR(image.beam_fast_px.value(), 2.75, 1e-6);
    EXPECT_NEAR(image.beam_slow_px.value(), 1.2, 1e-6);
}

TEST_F(SmvFile, the_header_is_512_bytes_in_mosflms_order) {
    const std::filesystem::path path = folder_ / "a.img";
    write_smv(path, ramp(), flat_experiment());
    const std::string bytes = read_file_bytes(path);
    ASSERT_EQ(bytes.size(), 512U + 2U * 15U);
    EXPECT_TRUE(bytes.starts_with("{\nHEADER_BYTES=  512;\n"));
    EXPECT_NE(bytes.find("}\f"), std::string::npos);
    // x is the slow direction there: 1.2 px of 0.1 mm.
    EXPECT_NE(bytes.find("BEAM_CENTER_X=0.12;\nBEAM_CENTER_Y=0.275;\n"), std::string::npos);
    EXPECT_NE(bytes.find("XDS_ORGX=3.25;\nXDS_ORGY=1.7;\n"), std::string::npos);
    EXPECT_NE(bytes.find("DISTANCE=200;\nWAVELENGTH=1.3;\n"), std::string::npos);
    EXPECT_EQ(static_cast<unsigned char>(bytes[512 + 2]) + 256 * static_cast<unsigned char>(bytes[512 + 3]), 4681);
}

TEST_F(SmvFile, beam_centre_without_xds_origin_is_mosflms) {
    const std::string header =
        "{\nHEADER_BYTES=128;\nSIZE1=2;\nSIZE2=1;\nPIXEL_SIZE=0.5;\nBEAM_CENTER_X=3;\n"
        "BEAM_CENTER_Y=7;\nBYTE_ORDER=big_endian;\n}";
    std::string bytes = header;
    bytes.resize(128, ' ');
    bytes += std::string("\x01\x02\x00\x05", 4);
    const DetectorImage image = read_smv("b.img", bytes);
    EXPECT_EQ(image.beam_fast_px, 14.0);
    EXPECT_EQ(image.beam_slow_px, 6.0);
    EXPECT_EQ(image.values.pixels, (std::vector<float>{258, 5}));
}

TEST_F(SmvFile, damaged_files_are_refused) {
    write_smv(folder_ / "a.img", ramp(), flat_experiment());
    const std::string bytes = read_file_bytes(folder_ / "a.img");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THROW((void)read_smv("cut.img", std::string_view(bytes).substr(0, size)), DataError) << size;
    }
    for (const char* key : {"SIZE1=5", "SIZE2=3", "TYPE=unsigned_short"}) {
        std::string bad = bytes;
        bad[bad.find(key) + std::string_view(key).size() - 1] = 'x';
        EXPECT_THROW((void)read_smv("bad.img", bad), DataError) << key;
    }
}

TEST_F(SmvFile, a_detector_smv_cannot_describe_is_refused) {
    Experiment experiment = flat_experiment();
    experiment.detector.panels.push_back(experiment.detector.panels[0]);
    EXPECT_THROW(write_smv(folder_ / "a.img", ramp(), experiment), UsageError);
    experiment = flat_experiment();
    experiment.detector.panels[0].fast_axis = Eigen::Vector3d(-1, 0, 0.1).normalized();
    EXPECT_THROW(write_smv(folder_ / "a.img", ramp(), experiment), UsageError);
    experiment = flat_experiment();
    experiment.detector.panels[0].width_px = 6;
    EXPECT_THROW(write_smv(folder_ / "a.img", ramp(), experiment), UsageError);
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SmvFile, an_unwritable_place_is_a_data_error) {
    EXPECT_THROW(write_smv(folder_ / "missing" / "a.img", ramp(), flat_experiment()), DataError);
    std::filesystem::create_directory(folder_ / "taken.img");
    EXPECT_THROW(write_smv(folder_ / "taken.img", ramp(), flat_experiment()), DataError);
    // Nothing half-written stays behind.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace braggbench
