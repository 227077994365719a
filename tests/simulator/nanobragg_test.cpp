// The spots integrator and the background against images of nanoBragg itself (../shared/reference/nanobragg, MODEL.md
// there gives its model). Its MOSFLM frame has the beam along x, fast along z and slow along -y, so ours is
// (x, y, z) = (-z, y, x) of it.
#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

const std::filesystem::path reference = std::filesystem::path(SHARED_DIR) / "reference" / "nanobragg";
constexpr int size_px = 256;
constexpr double pixel_mm = 0.2;
constexpr double distance_mm = 120.0;
constexpr double beam_px = 129.0;

Image<float> reference_image(const std::string& name) {
    Image<float> image(size_px, size_px);
    std::ifstream file(reference / name / "float_fixed.bin", std::ios::binary);
    file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.size() * sizeof(float)));
    EXPECT_TRUE(file.good()) << name;
    return image;
}

// Stock nanoBragg's GAUSS has an isotropic width of sqrt(0.63 / 4) / (Na Nb Nc) in 1/A, which N_i = 1000 / a_i cells
// reproduce for 10 x 10 x 10. It samples the middle of each pixel, so ours are 1 / 100 as large and as far apart as
// its.
TEST(NanoBragg, GaussianSpotsAgreePointByPoint) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    const Image<float> expected = reference_image("01_gauss_1dom");

    const UnitCell cell{60, 70, 80, 90, 90, 90};
    Eigen::Matrix3d a_matrix;
    std::ifstream matrix(reference / "01_gauss_1dom" / "A.mat");
    for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column) matrix >> a_matrix(row, column);
    }
    ASSERT_TRUE(matrix.good());
    Eigen::Matrix3d ours_from_theirs;
    ours_from_theirs << 0, 0, -1, 0, 1, 0, 1, 0, 0;

    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.fluence_photons_per_m2 = 1e24;
    experiment.beam.polarization = 0.0;
    Crystal crystal;
    crystal.structure_factors = std::make_shared<const StructureFactors>(
        structure_factors_from_hkl(reference / "inputs" / "P1_60x70x80.hkl", cell));
    crystal.lab_from_crystal = ours_from_theirs * a_matrix * reciprocal_basis(cell).inverse();
    crystal.cells_per_block = Eigen::Vector3d(1000.0 / 60, 1000.0 / 70, 1000.0 / 80);
    // One block of theirs: blocks * cells^2 = 1000^2.
    const double cells = crystal.cells_per_block.prod();
    crystal.illuminated_volume_um3 = 1e6 / cells * volume_A3(cell) * 1e-12;
    experiment.crystals.push_back(crystal);

    const float largest = *std::ranges::max_element(expected.pixels);
    constexpr double shrink = 100.0;
    std::vector<float> theirs;
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) {
            if (expected(fast, slow) < 1e-5F * largest) continue;
            Panel panel;
            panel.width_px = panel.height_px = 1;
            panel.pixel_size_mm = pixel_mm / shrink;
            panel.image_fast_px = static_cast<int>(theirs.size());
            const Eigen::Vector3d middle((beam_px - fast - 0.5) * pixel_mm, (beam_px - slow - 0.5) * pixel_mm,
                                         distance_mm);
            panel.origin_mm = middle - 0.5 * panel.pixel_size_mm * (panel.fast_axis + panel.slow_axis);
            experiment.detector.panels.push_back(panel);
            // They took no account of polarisation.
            theirs.push_back(expected(fast, slow) * static_cast<float>(polarization_factor(middle.normalized(), 0.0)));
        }
    }
    ASSERT_GT(theirs.size(), 30U);
    experiment.detector.image_width_px = static_cast<int>(theirs.size());
    experiment.detector.image_height_px = 1;
    const Rendering rendering = render(experiment);
    double difference = 0;
    double sum = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        const double ours = static_cast<double>(rendering.expected_photons.pixels[i]) * shrink * shrink;
        difference += std::abs(ours - static_cast<double>(theirs[i]));
        sum += static_cast<double>(theirs[i]);
    }
    RecordProperty("R", std::to_string(difference / sum));
    EXPECT_LT(difference / sum, 0.003) << theirs.size() << " pixels";
}

// Where the water's F is still its forward 2.57 electrons that nanoBragg takes everywhere; its molar mass is 18.
TEST(NanoBragg, WaterAgreesAtTheBeam) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    const Image<float> expected = reference_image("16_water_20um");
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.fluence_photons_per_m2 = 1.0 / (classical_electron_radius_m * classical_electron_radius_m);
    experiment.beam.polarization = 0.0;
    experiment.beam.diameter_um = 20.0 * std::sqrt(4.0 / std::numbers::pi);
    experiment.detector = flat_detector(size_px, size_px, pixel_mm, distance_mm, beam_px, beam_px);
    experiment.background = {{"water", 20.0}};
    const Image<float> image = render_background(experiment);
    for (const int pixel : {120, 128, 129, 135}) {
        EXPECT_NEAR(image(pixel, 128) / expected(pixel, 128) * 18.015F / 18.0F, 1.0F, 2e-3F) << pixel;
    }
}

}  // namespace
}  // namespace braggbench
