#include "tests/simulator/pixel_loop.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>

#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

// R = sum |I1 - I2| / sum I2.
double summed_error(const Image<float>& image, const Image<double>& judge) {
    double difference = 0;
    double sum = 0;
    for (std::size_t i = 0; i < judge.size(); ++i) {
        difference += std::abs(static_cast<double>(image.pixels[i]) - judge.pixels[i]);
        sum += judge.pixels[i];
    }
    return difference / sum;
}

double correlation(const Image<float>& image, const Image<double>& judge) {
    const auto n = static_cast<double>(judge.size());
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < judge.size(); ++i) {
        const auto x = static_cast<double>(image.pixels[i]);
        const double y = judge.pixels[i];
        a += x;
        b += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return (ab - a * b / n) / std::sqrt((aa - a * a / n) * (bb - b * b / n));
}

constexpr UnitCell small_cell{30, 32, 35, 90, 95, 90};
constexpr UnitCell large_cell{281, 281, 165, 90, 90, 120};

struct Case {
    std::string name;
    scenes::OneSpot spot;
    int samples;
};
void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class PixelLoop : public testing::TestWithParam<Case> {};

TEST_P(PixelLoop, SpotAgrees) {
    const auto& [name, spot, samples] = GetParam();
    const Experiment experiment = scenes::one_spot(spot);
    const Rendering rendering = render(experiment);
    const Image<double> judge = pixel_loop(experiment, spot.hkl, samples);
    const double error = summed_error(rendering.expected_photons, judge);
    RecordProperty("R", std::to_string(error));
    // Hard edges slow the judge's own convergence to about 1 % (see Judge.ImportanceSamplingIsUnbiased).
    const bool edged = spot.law == MosaicLaw::nanobragg_cap;
    EXPECT_LT(error, edged ? 0.02 : 0.005);
    EXPECT_GT(correlation(rendering.expected_photons, judge), edged ? 0.9995 : 0.9999);
    ASSERT_EQ(rendering.peaks.size(), 1U);
    EXPECT_EQ(rendering.peaks[0].hkl, spot.hkl);
}

scenes::OneSpot with(UnitCell cell, MillerIndex hkl, double cells, double mosaic_deg, double bandwidth,
                     double divergence_mrad, int size_px) {
    scenes::OneSpot spot;
    spot.cell = cell;
    spot.hkl = hkl;
    spot.cells = cells;
    spot.mosaic_deg = mosaic_deg;
    spot.bandwidth = bandwidth;
    spot.divergence_mrad = divergence_mrad;
    spot.size_px = size_px;
    return spot;
}

scenes::OneSpot off_bragg(scenes::OneSpot spot, double degrees) {
    spot.off_bragg_deg = degrees;
    return spot;
}

scenes::OneSpot along_fast(scenes::OneSpot spot) {
    spot.azimuth_rad = 0;
    return spot;
}

scenes::OneSpot with_edges(scenes::OneSpot spot) {
    spot.law = MosaicLaw::nanobragg_cap;
    spot.profile = SpectrumLine::Profile::top_hat;
    return spot;
}

const UnitCell medium_cell{60, 80, 100, 90, 90, 90};
constexpr MillerIndex low{6, 8, 10};
constexpr MillerIndex high{12, 16, 20};
constexpr MillerIndex large_high{60, 20, 20};

INSTANTIATE_TEST_SUITE_P(
    Recipe, PixelLoop,
    testing::Values(Case{"shape", with(medium_cell, low, 20, 0, 0, 0, 16), 4000},
                    Case{"shape_small_block", with(small_cell, {2, 1, 1}, 10, 0, 0, 0, 32), 1000},
                    Case{"shape_large_block", with(large_cell, {40, 20, 15}, 40, 0, 0, 0, 6), 16000},
                    Case{"mosaic", with(medium_cell, low, 20, 0.2, 0, 0, 18), 2000},
                    Case{"mosaic_small_block", with(small_cell, {5, 5, 3}, 10, 0.4, 0, 0, 36), 1000},
                    Case{"mosaic_high_angle", with(medium_cell, high, 20, 0.4, 0, 0, 36), 1000},
                    Case{"mosaic_large_block", along_fast(with(large_cell, large_high, 40, 0.4, 0, 0, 36)), 4000},
                    Case{"mosaic_off_bragg", off_bragg(with(large_cell, large_high, 40, 0.4, 0, 0, 32), 0.5), 4000},
                    Case{"band", with(medium_cell, high, 20, 0, 0.003, 0, 20), 4000},
                    Case{"band_off_bragg", off_bragg(with(medium_cell, high, 20, 0, 0.003, 0, 20), 0.05), 4000},
                    Case{"band_large_block", with(large_cell, large_high, 40, 0, 0.003, 0, 12), 16000},
                    Case{"divergence", with(medium_cell, low, 20, 0, 0, 0.5, 18), 2000},
                    Case{"divergence_large_block", with(large_cell, large_high, 40, 0, 0, 0.5, 12), 8000},
                    Case{"everything", with(medium_cell, low, 20, 0.2, 0.002, 0.3, 22), 1500},
                    Case{"everything_wide", with(medium_cell, high, 20, 0.4, 0.003, 0.5, 44), 1000},
                    Case{"everything_large_block", with(large_cell, large_high, 40, 0.4, 0.003, 0.5, 36), 2000},
                    Case{"everything_off_bragg", off_bragg(with(medium_cell, low, 20, 0.1, 0.001, 0.1, 16), 0.2),
                         4000}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Edges, PixelLoop,
    testing::Values(
        Case{"cap", with_edges(with(medium_cell, low, 20, 0.1, 0, 0, 20)), 8000},
        Case{"cap_small_block", with_edges(with(small_cell, {5, 5, 3}, 10, 0.4, 0, 0, 36)), 4000},
        Case{"cap_narrow", with_edges(with(medium_cell, low, 20, 0.02, 0, 0, 16)), 8000},
        Case{"cap_wide", with_edges(with(medium_cell, low, 20, 1.0, 0, 0, 44)), 8000},
        Case{"cap_large_block", along_fast(with_edges(with(large_cell, large_high, 40, 0.2, 0, 0, 28))), 8000},
        Case{"top_hat", with_edges(with(medium_cell, high, 20, 0, 0.003, 0, 20)), 8000},
        Case{"top_hat_wide", with_edges(with(medium_cell, low, 20, 0, 0.03, 0, 32)), 8000},
        Case{"top_hat_large_block", with_edges(with(large_cell, large_high, 40, 0, 0.003, 0, 12)), 16000},
        Case{"gaussian_band_wide", with(medium_cell, low, 20, 0, 0.03, 0, 40), 4000},
        Case{"gaussian_band_end", off_bragg(with(medium_cell, low, 20, 0, 0.03, 0, 40), 0.3), 4000},
        Case{"gaussian_band_and_divergence", with(medium_cell, low, 20, 0, 0.03, 1.0, 40), 4000},
        Case{"gaussian_band_end_and_divergence", off_bragg(with(medium_cell, low, 20, 0, 0.03, 1.0, 40), 0.3), 4000},
        Case{"edges", with_edges(with(medium_cell, low, 20, 0.2, 0.003, 0.3, 24)), 8000},
        Case{"edges_large_block", with_edges(with(large_cell, large_high, 40, 0.2, 0.003, 0.5, 36)), 8000},
        Case{"edges_wide", with_edges(with(medium_cell, low, 20, 1.0, 0.03, 1.0, 48)), 8000},
        Case{"edges_off_bragg", off_bragg(with_edges(with(medium_cell, low, 20, 0.1, 0.003, 0.1, 24)), 0.2), 8000}),
    [](const auto& instance) { return instance.param.name; });

// The importance sampling of the judge against its plain sampling, where the latter converges.
TEST(Judge, ImportanceSamplingIsUnbiased) {
    const scenes::OneSpot gaussian = with(small_cell, {5, 5, 3}, 10, 0.2, 0.002, 0.3, 20);
    for (const scenes::OneSpot& spot : {gaussian, with_edges(gaussian)}) {
        const Experiment experiment = scenes::one_spot(spot);
        const Image<double> plain = pixel_loop(experiment, 4000);
        const Image<double> weighted = pixel_loop(experiment, spot.hkl, 1000);
        double difference = 0;
        double sum = 0;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            difference += plain.pixels[i] - weighted.pixels[i];
            sum += plain.pixels[i];
        }
        EXPECT_LT(std::abs(difference / sum), 0.01);
    }
}

// All reflections of two lattices on a whole panel: nothing is missed, nothing counted twice.
TEST(PixelLoop, WholePatternOfTwoLattices) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.spectrum = Spectrum::gaussian(0.002);
    experiment.beam.polarization = 0.9;
    experiment.detector = flat_detector(64, 64, 2.0, 120.0, 25.3, 31.9);
    RandomStream stream(3, 0, Stage::scene);
    for (int lattice = 0; lattice < 2; ++lattice) {
        Crystal crystal;
        crystal.structure_factors = scenes::flat_factors(small_cell, {25, 25, 25}, 100.0F);
        crystal.lab_from_crystal = stream.rotation();
        crystal.cells_per_block = Eigen::Vector3d(4, 5, 6);
        crystal.mosaic_spread_rms_deg.setConstant(0.3);
        experiment.crystals.push_back(crystal);
    }
    const Image<double> judge = pixel_loop(experiment, 3000);
    const double error = summed_error(render(experiment).expected_photons, judge);
    RecordProperty("R", std::to_string(error));
    EXPECT_LT(error, 0.01);
}

}  // namespace
}  // namespace braggbench
