#include "simulator/detector_presets.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <sstream>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"
#include "simulator/render.hpp"

namespace braggbench {
namespace {

DetectorSetup preset(const std::string& name, const DetectorPlacement& placement = {}) {
    return detector_preset(name, placement);
}

TEST(Presets, AllAreSoundAndNamed) {
    for (const DetectorPreset& entry : detector_presets()) {
        SCOPED_TRACE(std::string(entry.name));
        EXPECT_FALSE(entry.description.empty());
        EXPECT_FALSE(entry.source.empty());
        Experiment experiment;
        const DetectorSetup setup = preset(std::string(entry.name));
        experiment.detector = setup.detector;
        experiment.response = setup.response;
        EXPECT_NO_THROW(validate(experiment));
        // Each pixel of a panel is a pixel of the image, and none twice.
        const Image<std::uint8_t> active = active_pixels(setup.detector);
        const auto shown = std::count(active.pixels.begin(), active.pixels.end(), 1);
        const auto pixels = std::accumulate(
            setup.detector.panels.begin(), setup.detector.panels.end(), std::ptrdiff_t{0},
            [](std::ptrdiff_t sum, const Panel& p) { return sum + std::ptrdiff_t{p.width_px} * p.height_px; });
        EXPECT_EQ(shown, pixels);
        for (const Panel& panel : setup.detector.panels) {
            EXPECT_EQ(panel.origin_mm.z(), 200.0);
            EXPECT_GT(panel.fast_axis.cross(panel.slow_axis).z(), 0.999) << "seen from behind";
        }
    }
}

TEST(Presets, AreInTheDocumentation) {
    std::ifstream file(std::filesystem::path(TEST_DATA_DIR) / "../../docs/detectors.md");
    ASSERT_TRUE(file);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (const DetectorPreset& entry : detector_presets()) {
        EXPECT_NE(text.find(fmt::format("`{}`", entry.name)), std::string::npos) << entry.name;
    }
}

// Sizes of the images as the makers give them.
TEST(Presets, ImageSizes) {
    const auto size = [](const std::string& name) {
        const Detector detector = preset(name).detector;
        return std::pair(detector.image_width_px, detector.image_height_px);
    };
    EXPECT_EQ(size("pilatus-300k"), std::pair(487, 619));
    EXPECT_EQ(size("pilatus-1m"), std::pair(981, 1043));
    EXPECT_EQ(size("pilatus-2m"), std::pair(1475, 1679));
    EXPECT_EQ(size("pilatus-6m"), std::pair(2463, 2527));
    EXPECT_EQ(size("eiger-1m"), std::pair(1030, 1065));
    EXPECT_EQ(size("eiger-4m"), std::pair(2070, 2167));
    EXPECT_EQ(size("eiger-16m"), std::pair(4150, 4371));
    EXPECT_EQ(size("eiger2-16m"), std::pair(4148, 4362));
    EXPECT_EQ(size("jungfrau-4m"), std::pair(2068, 2164));
    EXPECT_EQ(size("agipd-1m"), std::pair(128, 8192));
    EXPECT_EQ(size("cspad"), std::pair(1552, 1480));
    EXPECT_EQ(preset("pilatus-6m").detector.panels.size(), 60U);
    EXPECT_EQ(preset("jungfrau-4m").detector.panels.size(), 8U);
    EXPECT_EQ(preset("agipd-1m").detector.panels.size(), 128U);
    EXPECT_EQ(preset("cspad").detector.panels.size(), 64U);
    // Every binning of a Rayonix covers the same square.
    for (const auto& [name, side_mm] : {std::pair("rayonix-mx340-hs-2x2", 340.0),
                                        {"rayonix-mx340-hs-3x3", 340.0},
                                        {"rayonix-mx340-hs-4x4", 340.0},
                                        {"rayonix-mx340-hs-8x8", 340.0},
                                        {"rayonix-mx225-hs-2x2", 225.0},
                                        {"rayonix-mx225-hs-3x3", 225.0},
                                        {"rayonix-mx225-hs-4x4", 225.0}}) {
        const Panel panel = preset(name).detector.panels.front();
        EXPECT_NEAR(panel.width_px * panel.pixel_size_mm, side_mm, 0.01) << name;
    }
}

TEST(Presets, TheBeamMeetsTheWantedPixel) {
    DetectorPlacement placement;
    placement.distance_mm = 123.0;
    placement.beam_fast_px = 1000.25;
    placement.beam_slow_px = 1200.5;
    const Detector detector = preset("pilatus-6m", placement).detector;
    const Panel* panel = panel_at(detector, 1000.25, 1200.5);
    ASSERT_NE(panel, nullptr);
    const Eigen::Vector3d there =
        lab_from_panel_mm(*panel, 1000.25 - panel->image_fast_px, 1200.5 - panel->image_slow_px);
    EXPECT_TRUE(there.isApprox(Eigen::Vector3d(0, 0, 123), 1e-9)) << there.transpose();
    // The shift moves the detector, not the beam.
    placement.shift_mm = {1.72, -0.172};
    const Detector moved = preset("pilatus-6m", placement).detector;
    EXPECT_TRUE(moved.panels[0].origin_mm.isApprox(detector.panels[0].origin_mm + Eigen::Vector3d(1.72, -0.172, 0)));
    EXPECT_TRUE(
        lab_from_panel_mm(preset("eiger-4m").detector.panels[0], 1035, 1083.5).isApprox(Eigen::Vector3d(0, 0, 200)));
}

TEST(Presets, PilatusGapsLieWhereCrystfelsExampleMasksThem) {
    // CrystFEL's pilatus.geom: fast 487-493, 981-987, ...; slow 195-211, 407-423, ..., all inclusive.
    const Image<std::uint8_t> active = active_pixels(preset("pilatus-6m").detector);
    for (int fast = 0; fast < 2463; ++fast) {
        const int in_module = fast % 494;
        EXPECT_EQ(active(fast, 100), in_module < 487 ? 1 : 0) << fast;
    }
    EXPECT_EQ(active(100, 194), 1);
    EXPECT_EQ(active(100, 195), 0);
    EXPECT_EQ(active(100, 211), 0);
    EXPECT_EQ(active(100, 212), 1);
    EXPECT_EQ(active(100, 2331), 0);
    EXPECT_EQ(active(100, 2332), 1);
}

TEST(Presets, AssembledPanelsKeepTheirPlaceInSpace) {
    for (const char* name : {"agipd-1m", "cspad", "pilatus-6m"}) {
        SCOPED_TRACE(name);
        const Detector raw = preset(name).detector;
        const Detector drawn = assembled(raw);
        ASSERT_EQ(drawn.panels.size(), raw.panels.size());
        const double pixel_mm = raw.panels[0].pixel_size_mm;
        // Where the lab's x = y = 0 lies in the image, from the first panel; all others agree to half a pixel.
        std::vector<double> beam_fast, beam_slow;
        for (std::size_t i = 0; i < raw.panels.size(); ++i) {
            const Panel& a = raw.panels[i];
            const Panel& b = drawn.panels[i];
            const Eigen::Vector3d middle = lab_from_panel_mm(b, 0.5 * b.width_px, 0.5 * b.height_px);
            EXPECT_TRUE(middle.isApprox(lab_from_panel_mm(a, 0.5 * a.width_px, 0.5 * a.height_px), 1e-9));
            EXPECT_LT(b.fast_axis.x(), -0.99);
            EXPECT_LT(b.slow_axis.y(), -0.99);
            beam_fast.push_back(b.image_fast_px + 0.5 * b.width_px + middle.x() / pixel_mm);
            beam_slow.push_back(b.image_slow_px + 0.5 * b.height_px + middle.y() / pixel_mm);
        }
        const auto [fast_low, fast_high] = std::ranges::minmax(beam_fast);
        const auto [slow_low, slow_high] = std::ranges::minmax(beam_slow);
        EXPECT_LT(fast_high - fast_low, 1.001);
        EXPECT_LT(slow_high - slow_low, 1.001);
        Experiment experiment;
        experiment.detector = drawn;
        EXPECT_NO_THROW(validate(experiment));
    }
    const Detector pilatus = preset("pilatus-6m").detector;
    const Detector again = assembled(pilatus);
    EXPECT_EQ(again.image_width_px, 2463);
    EXPECT_EQ(again.image_height_px, 2527);
    EXPECT_EQ(again.panels[7].image_fast_px, pilatus.panels[7].image_fast_px);
}

TEST(Presets, APowderRingIsRoundOnAssembledAgipd) {
    // Water's ring lies at one angle: the brightest pixels sit at one radius, whichever
    // way a panel's rows run.
    Experiment experiment;
    experiment.detector = assembled(preset("agipd-1m", {.distance_mm = 120.0, .wavelength_A = 1.3}).detector);
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.polarization = 0.0;
    experiment.background = {{"water", 10.0}};
    const Image<float> image = render_background(experiment);
    double low = 1e9;
    double high = 0;
    for (const Panel& panel : experiment.detector.panels) {
        for (int slow = 0; slow < panel.height_px; ++slow) {
            for (int fast = 0; fast < panel.width_px; ++fast) {
                const Eigen::Vector3d place = lab_from_panel_mm(panel, fast + 0.5, slow + 0.5);
                const double radius = place.head<2>().norm();
                if (std::abs(radius - 50.0) > 0.1) continue;
                const auto value = static_cast<double>(image(panel.image_fast_px + fast, panel.image_slow_px + slow));
                low = std::min(low, value);
                high = std::max(high, value);
            }
        }
    }
    ASSERT_GT(high, 0);
    EXPECT_GT(low / high, 0.98);
}

TEST(Presets, ResponsesFollowThePhotonEnergy) {
    const DetectorSetup counting = preset("eiger-16m");
    EXPECT_EQ(counting.response.gain_adu_per_photon, 1.0);
    EXPECT_EQ(counting.response.read_noise_rms_adu, 0.0);
    EXPECT_EQ(counting.response.saturation_adu, 65535.0);
    const DetectorSetup cspad = preset("cspad", {.wavelength_A = hc_eV_A / 8000});
    EXPECT_NEAR(cspad.response.gain_adu_per_photon, 27.04, 0.01);  // 3.38 ADU/keV, as CrystFEL's 0.00338 ADU/eV
    EXPECT_NEAR(cspad.response.saturation_adu, 350 * 27.04, 1.0);  // 350 photons of 8 keV
    EXPECT_NEAR(cspad.response.read_noise_rms_adu, 3.38, 0.01);    // 1 keV
    EXPECT_GT(preset("rayonix-mx340-hs-4x4").fibre_point_spread_g_um, 0.0);
    EXPECT_EQ(preset("pilatus-6m").fibre_point_spread_g_um, 0.0);
}

TEST(Attenuation, OfSiliconAgreesWithNist) {
    // Hubbell & Seltzer (NIST), silicon, mu_en/rho in cm2/g: 8 keV 63.13, 10 keV 32.89, 15 keV 9.794. It leaves
    // out the fluorescence that escapes, 1 % or so.
    for (const auto& [energy_eV, cm2_per_g] : {std::pair(8000.0, 63.13), {10000.0, 32.89}, {15000.0, 9.794}}) {
        const double per_g = 1e4 / (attenuation_length_um(SensorMaterial::silicon, energy_eV) * 2.33);
        EXPECT_NEAR(per_g / cm2_per_g, 1.0, 0.03) << energy_eV;
    }
    // A 320 um sensor takes nearly every photon of 8 keV and a fair part of those of 15 keV.
    EXPECT_GT(1 - std::exp(-320 / attenuation_length_um(SensorMaterial::silicon, 8000)), 0.98);
    EXPECT_NEAR(1 - std::exp(-320 / attenuation_length_um(SensorMaterial::silicon, 15000)), 0.52, 0.02);
}

TEST(Attenuation, JumpsAtTheEdgesOfHeavySensors) {
    // Gadolinium's L3 edge lies at 7243 eV, cadmium's K edge at 26711 eV: absorption rises across an edge.
    EXPECT_GT(attenuation_length_um(SensorMaterial::gadolinium_oxysulfide_screen, 7200),
              2 * attenuation_length_um(SensorMaterial::gadolinium_oxysulfide_screen, 7300));
    EXPECT_GT(attenuation_length_um(SensorMaterial::cadmium_telluride, 26600),
              1.5 * attenuation_length_um(SensorMaterial::cadmium_telluride, 26800));
    // What the documentation says that a screen of 40 um captures.
    for (const auto& [energy_eV, capture] : {std::pair(8000.0, 0.99), {9500.0, 0.98}, {12000.0, 0.87}}) {
        const double length_um = attenuation_length_um(SensorMaterial::gadolinium_oxysulfide_screen, energy_eV);
        EXPECT_NEAR(1 - std::exp(-40 / length_um), capture, 0.01) << energy_eV;
    }
    EXPECT_THROW((void)attenuation_length_um(SensorMaterial::silicon, 500), UsageError);
    EXPECT_THROW((void)attenuation_length_um(SensorMaterial::silicon, NAN), UsageError);
}

TEST(Presets, WrongRequestsAreNamed) {
    const auto message = [](const std::string& name, const DetectorPlacement& placement) -> std::string {
        try {
            (void)detector_preset(name, placement);
        } catch (const UsageError& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_NE(message("pilatus6m", {}).find("Did you mean \"pilatus-6m\"?"), std::string::npos);
    EXPECT_NE(message("pilatus-6m", {.distance_mm = -1}).find("distance_mm = -1"), std::string::npos);
    EXPECT_NE(message("pilatus-6m", {.beam_fast_px = 3.0}).find("only one of them"), std::string::npos);
    EXPECT_NE(message("cspad", {.beam_fast_px = 3.0, .beam_slow_px = 4.0}).find("shift_mm"), std::string::npos);
    EXPECT_NE(message("eiger-4m", {.wavelength_A = 50.0}).find("2 to 100 keV"), std::string::npos);
}

// The table of axes of an imgCIF header, just enough of it to place the panels of a CSPAD file.
struct CbfAxis {
    bool rotates = false;
    std::string parent;
    Eigen::Vector3d vector, offset;
    double setting = 0.0;  // degrees or mm
};

std::map<std::string, CbfAxis> cbf_axes(const std::filesystem::path& path) {
    std::map<std::string, CbfAxis> axes;
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line) && line.find("--CIF-BINARY") == std::string::npos) {
        std::istringstream words(line);
        std::string name, kind, equipment;
        words >> name >> kind >> equipment;
        if (equipment == "detector" && (kind == "translation" || kind == "rotation")) {
            CbfAxis axis;
            axis.rotates = kind == "rotation";
            std::string number;
            words >> axis.parent;
            for (int i = 0; i < 6; ++i) {
                words >> number;
                (i < 3 ? axis.vector : axis.offset)[i % 3] = number == "." ? 0.0 : std::stod(number);
            }
            axes[name] = axis;
        } else if (kind == "FRAME1" && axes.contains(name)) {
            double displacement = 0;
            words >> displacement;
            axes[name].setting = axes[name].rotates ? std::stod(equipment) : displacement;
        }
    }
    return axes;
}

Eigen::Isometry3d cbf_pose(const std::map<std::string, CbfAxis>& axes, const std::string& name) {
    if (!axes.contains(name)) return Eigen::Isometry3d::Identity();
    const CbfAxis& axis = axes.at(name);
    Eigen::Isometry3d pose = cbf_pose(axes, axis.parent);
    pose.translate(axis.offset);
    if (axis.rotates) {
        pose.rotate(Eigen::AngleAxisd(axis.setting * std::acos(-1.0) / 180, axis.vector.normalized()));
    } else {
        pose.translate(axis.setting * axis.vector);
    }
    return pose;
}

// Two CSPADs of different years: the same sensors and nearly the same quadrants, which move on rails.
TEST(Presets, CspadIsBuiltAsInARealFile) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/cspad_thermolysin_401.cbf";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent (data beside the repository)";
    const std::map<std::string, CbfAxis> axes = cbf_axes(path);
    std::vector<Eigen::Vector3d> real_centre, real_fast;
    for (int number = 0; number < 64; ++number) {
        const std::string name = fmt::format("AXIS_D0Q{}S{}A{}", number / 16, number / 2 % 8, number % 2);
        ASSERT_TRUE(axes.contains(name + "_F")) << name;
        const Eigen::Isometry3d pose = cbf_pose(axes, name + "_F");
        const Eigen::Vector3d fast = pose.linear() * axes.at(name + "_F").vector;
        const Eigen::Vector3d slow = pose.linear() * axes.at(name + "_S").vector;
        const Eigen::Vector3d centre = pose.translation() + 0.10992 * (97 * fast + 92.5 * slow);
        real_centre.emplace_back(-centre.x(), centre.y(), -centre.z());  // imgCIF to lab
        real_fast.emplace_back(-fast.x(), fast.y(), -fast.z());
    }
    const Detector detector = preset("cspad").detector;
    const auto centre_of = [&](std::size_t i) { return lab_from_panel_mm(detector.panels[i], 97, 92.5); };
    const auto gap = [](const auto& a, const auto& b) { return (a - b).norm(); };
    // The two ASICs of every sensor lie 197 pixels apart.
    for (std::size_t i = 0; i < 64; i += 2) {
        EXPECT_NEAR(gap(centre_of(i), centre_of(i + 1)), gap(real_centre[i], real_centre[i + 1]), 0.06) << i;
    }
    // Each real sensor has its counterpart: same orientation to half a degree, in place to what a quadrant moves.
    double worst_mm = 0;
    double worst_cosine = 1;
    for (std::size_t i = 0; i < 64; ++i) {
        std::size_t nearest = 0;
        for (std::size_t j = 1; j < 64; ++j) {
            const auto distance = [&](std::size_t k) { return gap(centre_of(k).head<2>(), real_centre[i].head<2>()); };
            if (distance(j) < distance(nearest)) nearest = j;
        }
        worst_mm = std::max(worst_mm, gap(centre_of(nearest).head<2>(), real_centre[i].head<2>()));
        worst_cosine = std::min(worst_cosine, std::abs(detector.panels[nearest].fast_axis.dot(real_fast[i])));
    }
    EXPECT_LT(worst_mm, 4.0);
    EXPECT_GT(worst_cosine, std::cos(1.0 * std::acos(-1.0) / 180));
}

}  // namespace
}  // namespace braggbench
