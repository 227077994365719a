#include "simulator/crystfel_geometry.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <fstream>
#include <string>

#include "simulator/detector_presets.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

class Crystfel : public testing::Test {
protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = std::filesystem::path(testing::TempDir()) / (std::string("crystfel_") + info->name());
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::filesystem::path path() const { return folder_ / "test.geom"; }

    CrystfelGeometry read(const std::string& text, const CrystfelOptions& options = {}) const {
        std::ofstream(path()) << text;
        return read_crystfel_geometry(path(), options);
    }

    std::string error_of(const std::string& text) const {
        try {
            (void)read(text);
        } catch (const DataError& error) {
            return error.what();
        }
        return "accepted";
    }

private:
    std::filesystem::path folder_;
};

// One panel in the plainest form: pixel (0, 0)'s corner 3 px to the left of the beam and 2 px above it.
const std::string plain = R"(photon_energy = 9000 eV  ; a comment
adu_per_eV = 0.002
clen = 0.1
res = 10000
p0/min_fs = 0
p0/max_fs = 9
p0/min_ss = 0
p0/max_ss = 4
p0/corner_x = 3
p0/corner_y = 2
p0/fs = -x
p0/ss = -y
)";

TEST_F(Crystfel, FrameAndUnits) {
    const CrystfelGeometry geometry = read(plain);
    ASSERT_EQ(geometry.detector.panels.size(), 1U);
    const Panel& panel = geometry.detector.panels[0];
    EXPECT_EQ(panel.width_px, 10);  // limits are inclusive
    EXPECT_EQ(panel.height_px, 5);
    EXPECT_NEAR(panel.pixel_size_mm, 0.1, 1e-12);
    // Our own detector with the beam at (3, 2): the same frame and the same corner.
    const Panel ours = flat_detector(10, 5, 0.1, 100.0, 3, 2).panels[0];
    EXPECT_TRUE(panel.origin_mm.isApprox(ours.origin_mm, 1e-9));
    EXPECT_TRUE(panel.fast_axis.isApprox(ours.fast_axis));
    EXPECT_TRUE(panel.slow_axis.isApprox(ours.slow_axis));
    EXPECT_EQ(geometry.photon_energy_eV, 9000);
    EXPECT_NEAR(gain_adu_per_photon(geometry).value(), 18.0, 1e-9);
}

// The conventions of published files: defaults set between panels, HDF5 places, masks, rigid groups, bad regions.
const std::string two_asics = R"(; Example in the style of files made at LCLS
adu_per_eV = 0.00338
res = 9090.91
clen = /LCLS/detector_1/EncoderValue ; in mm in the data file
coffset = 0.573224
photon_energy = /LCLS/photon_energy_eV
dim0 = %
dim1 = ss
dim2 = fs
data = /entry_1/data_1/data
mask = /entry_1/data_1/mask
mask_good = 0x0000
mask_bad = 0xffff
rigid_group_q0 = q0a0,q0a1
rigid_group_collection_quadrants = q0

q0a0/min_fs = 0
q0a0/min_ss = 0
q0a0/max_fs = 193
q0a0/max_ss = 184
q0a0/fs = +0.004806x +0.999989y
q0a0/ss = -0.999989x +0.004806y
q0a0/corner_x = 443.819
q0a0/corner_y = -49.8719

coffset = 0.6
q0a1/min_fs = 194
q0a1/min_ss = 0
q0a1/max_fs = 387
q0a1/max_ss = 184
q0a1/fs = +0.004806x +0.999989y
q0a1/ss = -0.999989x +0.004806y
q0a1/corner_x = 444.766
q0a1/corner_y = 147.126
q0a1/max_adu = 9000
q0a1/no_index = 1

badstop/min_x = 300
badstop/max_x = 310
badstop/min_y = 50
badstop/max_y = 60
badrow1/min_fs = 0
badrow1/max_fs = 193
badrow1/min_ss = 10
badrow1/max_ss = 12
badrow1/panel = q0a0
)";

TEST_F(Crystfel, PublishedConventions) {
    const CrystfelGeometry geometry = read(two_asics, {.camera_length_mm = -450.0});
    ASSERT_EQ(geometry.panels.size(), 2U);
    const Panel& first = geometry.detector.panels[0];
    EXPECT_EQ(first.width_px, 194);
    EXPECT_EQ(first.height_px, 185);
    EXPECT_NEAR(first.origin_mm.z(), -450 + 573.224, 1e-9);
    EXPECT_NEAR(first.origin_mm.x(), 443.819 / 9.09091, 1e-6);
    EXPECT_NEAR(first.fast_axis.norm(), 1.0, 1e-12);
    EXPECT_NEAR(first.fast_axis.dot(first.slow_axis), 0.0, 1e-12);
    // A default changed later does not reach back.
    EXPECT_NEAR(geometry.detector.panels[1].origin_mm.z(), -450 + 600, 1e-9);
    EXPECT_EQ(geometry.detector.panels[1].image_fast_px, 194);
    EXPECT_EQ(geometry.detector.image_width_px, 388);
    EXPECT_EQ(geometry.detector.image_height_px, 185);
    EXPECT_EQ(geometry.panels[1].max_adu, 9000);
    EXPECT_TRUE(geometry.panels[0].indexed);
    EXPECT_FALSE(geometry.panels[1].indexed);
    EXPECT_FALSE(geometry.photon_energy_eV.has_value());
    EXPECT_FALSE(gain_adu_per_photon(geometry).has_value());
    const auto says = [&](const std::string& key, const std::string& value) {
        return std::ranges::count(geometry.panels[0].statements, CrystfelStatement{key, value}) +
               std::ranges::count(geometry.statements, CrystfelStatement{key, value});
    };
    EXPECT_EQ(says("data", "/entry_1/data_1/data"), 1);
    EXPECT_EQ(says("mask_bad", "0xffff"), 1);
    EXPECT_EQ(says("dim0", "%"), 1);
    EXPECT_EQ(says("rigid_group_q0", "q0a0,q0a1"), 1);
    EXPECT_EQ(says("photon_energy", "/LCLS/photon_energy_eV"), 1);

    const Image<std::uint8_t> good = good_pixels(geometry);
    EXPECT_EQ(good(0, 9), 1);
    EXPECT_EQ(good(0, 10), 0);
    EXPECT_EQ(good(193, 12), 0);
    EXPECT_EQ(good(193, 13), 1);
    EXPECT_EQ(good(200, 20), 0);  // the panel that is not indexed
    // The pixel in the middle of the stop's square, at x = 305, y = 55 px: fast runs along y, slow along -x.
    EXPECT_EQ(good(static_cast<int>(55 + 49.9 - 0.7), static_cast<int>(443.8 - 305)), 0);
    EXPECT_EQ(good(50, 138), 1);
}

TEST_F(Crystfel, RoundTripKeepsEverything) {
    const CrystfelGeometry first = read(two_asics, {.camera_length_mm = -450.0});
    write_crystfel_geometry(path(), first);
    const CrystfelGeometry again = read_crystfel_geometry(path());
    ASSERT_EQ(again.panels.size(), first.panels.size());
    EXPECT_EQ(again.statements, first.statements);
    EXPECT_EQ(again.bad_regions.size(), first.bad_regions.size());
    EXPECT_EQ(good_pixels(again), good_pixels(first));
    for (std::size_t i = 0; i < first.panels.size(); ++i) {
        const Panel& a = first.detector.panels[i];
        const Panel& b = again.detector.panels[i];
        EXPECT_EQ(again.panels[i].name, first.panels[i].name);
        EXPECT_EQ(again.panels[i].statements, first.panels[i].statements);
        EXPECT_EQ(again.panels[i].adu_per_eV, first.panels[i].adu_per_eV);
        EXPECT_EQ(again.panels[i].max_adu, first.panels[i].max_adu);
        EXPECT_EQ(again.panels[i].indexed, first.panels[i].indexed);
        EXPECT_TRUE(a.origin_mm.isApprox(b.origin_mm, 1e-10));
        EXPECT_TRUE(a.fast_axis.isApprox(b.fast_axis, 1e-11));
        EXPECT_TRUE(a.slow_axis.isApprox(b.slow_axis, 1e-11));
        EXPECT_NEAR(a.pixel_size_mm, b.pixel_size_mm, 1e-12);
        EXPECT_EQ(a.image_fast_px, b.image_fast_px);
        EXPECT_EQ(a.image_slow_px, b.image_slow_px);
    }
}

TEST_F(Crystfel, EveryPresetSurvivesTheRoundTripAlsoTilted) {
    for (const DetectorPreset& preset : detector_presets()) {
        SCOPED_TRACE(std::string(preset.name));
        const Detector flat = detector_preset(std::string(preset.name), {.distance_mm = 151.5}).detector;
        const Detector detector = tilted(flat, rotation_about({0.3, 1, 0.1}, 7.0), {0, 0, 151.5});
        write_crystfel_geometry(path(), crystfel_geometry(detector, 9500, 2.5));
        const CrystfelGeometry again = read_crystfel_geometry(path());
        EXPECT_EQ(again.photon_energy_eV, 9500);
        EXPECT_EQ(gain_adu_per_photon(again), 2.5);
        EXPECT_EQ(again.detector.image_width_px, detector.image_width_px);
        EXPECT_EQ(again.detector.image_height_px, detector.image_height_px);
        ASSERT_EQ(again.detector.panels.size(), detector.panels.size());
        for (std::size_t i = 0; i < detector.panels.size(); ++i) {
            const Panel& a = detector.panels[i];
            const Panel& b = again.detector.panels[i];
            EXPECT_TRUE(lab_from_panel_mm(a, 3, 4).isApprox(lab_from_panel_mm(b, 3, 4), 1e-9));
            EXPECT_TRUE(lab_from_panel_mm(a, a.width_px, a.height_px)
                            .isApprox(lab_from_panel_mm(b, b.width_px, b.height_px), 1e-9));
        }
    }
}

TEST_F(Crystfel, ModulesAlongAFixedDimensionAreStackedInNumericalOrder) {
    std::string text = "clen = 0.2\nres = 5000\nadu_per_photon = 1\ndim0 = %\ndim2 = ss\ndim3 = fs\n";
    for (const int module : {10, 2}) {
        const std::string name = "p" + std::to_string(module);
        text += name + "/dim1 = " + std::to_string(module) + "\n" + name + "/min_fs = 0\n" + name + "/max_fs = 127\n" +
                name + "/min_ss = 0\n" + name + "/max_ss = 63\n" + name + "/fs = -1.x +0.y\n" + name + "/ss = -1.0y\n" +
                name + "/corner_x = " + std::to_string(module * 200) + "\n" + name + "/corner_y = 0\n";
    }
    const CrystfelGeometry geometry = read(text);
    EXPECT_EQ(geometry.detector.image_height_px, 128);
    EXPECT_EQ(geometry.panels[0].name, "p10");
    EXPECT_EQ(geometry.detector.panels[0].image_slow_px, 64);
    EXPECT_EQ(geometry.detector.panels[1].image_slow_px, 0);
    write_crystfel_geometry(path(), geometry);
    const CrystfelGeometry again = read_crystfel_geometry(path());
    EXPECT_EQ(again.detector.panels[0].image_slow_px, 64);
    EXPECT_EQ(again.panels[0].first_slow_px, 0);
}

TEST_F(Crystfel, NumbersUnitsAndShifts) {
    const std::string rest = plain.substr(plain.find("adu_per_eV"));
    EXPECT_EQ(read("photon_energy = 9 keV\n" + rest).photon_energy_eV, 9000);
    EXPECT_NEAR(read("wavelength = 1.5 A\n" + rest).photon_energy_eV.value(), 8265.61, 0.01);
    EXPECT_NEAR(read("wavelength = 1.5e-10 m\n" + rest).photon_energy_eV.value(), 8265.61, 0.01);
    const CrystfelGeometry moved =
        read("detector_shift_x = 2 mm\ndetector_shift_y = -0.001\n" + rest + "p0/clen = 120 mm\n");
    EXPECT_TRUE(moved.detector.panels[0].origin_mm.isApprox(Eigen::Vector3d(0.3 + 2, 0.2 - 1, 120), 1e-9));
    // A tilt out of the plane, terms in any order and spacing.
    const CrystfelGeometry tilt = read(rest + "p0/fs = - 0.6 z -.8x\np0/ss=-1y\n");
    EXPECT_TRUE(tilt.detector.panels[0].fast_axis.isApprox(Eigen::Vector3d(-0.8, 0, -0.6), 1e-12));
}

TEST_F(Crystfel, ErrorsNameFileLineAndRemedy) {
    const auto expect = [&](const std::string& text, const std::vector<std::string>& parts) {
        const std::string message = error_of(text);
        for (const std::string& part : parts)
            EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
    };
    const auto replaced = [](const std::string& from, const std::string& to) {
        std::string text = plain;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    expect(replaced("p0/corner_x = 3", "p0/corner_x = three"), {"test.geom:9:", "p0/corner_x = three", "number"});
    expect(replaced("p0/corner_x = 3", "p0/cornerx = 3"), {"test.geom:9:", "cornerx", "Did you mean corner_x?"});
    expect(replaced("p0/corner_x = 3\n", ""), {"test.geom:5:", "panel p0 has no corner_x"});
    expect(replaced("p0/max_fs = 9", "p0/max_fs = -9"), {"test.geom:6:", "from 0 in whole numbers"});
    expect(replaced("p0/min_fs = 0", "p0/min_fs = 12"), {"panel p0 of -2 x 5 pixels"});
    expect(replaced("p0/fs = -x", "p0/fs = -2x"), {"test.geom:11:", "length is 2"});
    expect(replaced("p0/fs = -x", "p0/fs = nonsense"), {"test.geom:11:", "not a direction"});
    expect(replaced("p0/fs = -x", "p0/fs = 0.999x 0.0447y"), {});
    expect(replaced("p0/fs = -x", "p0/fs = -y"), {"test.geom:12:", "right angles"});
    expect(replaced("res = 10000", "res = -1"), {"res = -1", "positive"});
    expect(replaced("clen = 0.1", "clen = 0.1 inches"), {"test.geom:3:", "m or mm"});
    expect(replaced("clen = 0.1", "clen = /LCLS/detectorPosition"), {"test.geom:3:", "data file", "camera length"});
    expect(replaced("clen = 0.1\n", ""), {"no clen"});
    expect(replaced("photon_energy = 9000 eV", "photon_energy = -1"), {"test.geom:1:", "positive"});
    expect(replaced("photon_energy = 9000 eV", "electron_voltage = 200 kV"), {"test.geom:1:", "electrons"});
    expect(plain + "garbage\n", {"test.geom:13:", "not a statement"});
    expect(plain + "bad1/min_fs = 0\n", {"test.geom:13:", "bad1 has no max_fs"});
    expect(plain + "bad1/panel = p1\nbad1/min_fs = 0\nbad1/max_fs = 0\nbad1/min_ss = 0\nbad1/max_ss = 0\n",
           {"no such panel", "Did you mean p0?"});
    expect(plain + "bad1/mn_fs = 0\n", {"Did you mean min_fs?"});
    expect("; nothing here\n", {"no panel in it"});
    EXPECT_THROW((void)read_crystfel_geometry("/nonexistent.geom"), DataError);
}

TEST_F(Crystfel, PanelsThatOverlapAreRefused) {
    const std::string second = R"(
p1/min_fs = 0
p1/max_fs = 9
p1/min_ss = 5
p1/max_ss = 9
p1/corner_x = 3
p1/corner_y = -2.5
p1/fs = -x
p1/ss = -y
)";
    // Half a row of pixels in common is what measured geometries have.
    EXPECT_EQ(error_of(plain + second), "accepted");
    std::string text = plain + second;
    text.replace(text.find("corner_y = -2.5"), 15, "corner_y = 1");
    EXPECT_NE(error_of(text).find("panels[0] and panels[1] (they lie in one plane and overlap"), std::string::npos);
    text = plain + second;
    text.replace(text.find("p1/min_ss = 5"), 13, "p1/min_ss = 3");
    EXPECT_NE(error_of(text).find("share pixels of the image"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
