#include "labels/truth.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>

#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

Peak peak(int lattice, float snr, float d_A, PeakKind kind = PeakKind::protein, bool visible = true) {
    Peak made;
    made.lattice = static_cast<std::uint8_t>(lattice);
    made.snr = snr;
    made.d_A = d_A;
    made.kind = kind;
    made.visible = visible;
    return made;
}

TEST(Truth, CountsWhatIsVisible) {
    ImageTruth truth;
    count_visible(std::vector<Peak>{peak(0, 8, 4), peak(0, 6, 3), peak(1, 30, 5),
                                    peak(1, 4, 2, PeakKind::protein, false), peak(2, 9, 3.7F, PeakKind::ice)},
                  truth);
    EXPECT_EQ(truth.visible_peaks, 3);
    EXPECT_EQ(truth.visible_lattices, 2);
    EXPECT_EQ(truth.second_lattice_peaks, 1);
    EXPECT_EQ(truth.visible_ice_peaks, 1);
    EXPECT_EQ(truth.resolution_A, 3);
    EXPECT_EQ(truth.median_snr, 8);
    count_visible({}, truth);
    EXPECT_EQ(truth.visible_peaks, 0);
    EXPECT_EQ(truth.resolution_A, 0);
    EXPECT_EQ(truth.median_snr, 0);
}

TEST(Truth, TellsTheAngleBetweenLattices) {
    Experiment experiment;
    experiment.detector = flat_detector(32, 32, 0.172, 100, 16, 12);
    Crystal crystal;
    crystal.structure_factors = std::make_shared<const StructureFactors>(
        UnitCell{50, 50, 50, 90, 90, 90}, "P 1", 3.0, MillerIndex{1, 1, 1}, std::vector<float>(27, 10.0F));
    experiment.crystals = {crystal, crystal};
    const Eigen::Matrix3d turn(Eigen::AngleAxisd(0.1, Eigen::Vector3d(1, 2, 3).normalized()));
    experiment.crystals[1].lab_from_crystal = turn * crystal.lab_from_crystal;
    const ImageTruth truth = image_truth(experiment, render(experiment));
    EXPECT_NEAR(truth.misorientation_deg, 5.72958, 1e-4);
    EXPECT_EQ(truth.lattice_count, 2);
    EXPECT_NEAR(truth.beam_fast_px, 16, 1e-4);
    EXPECT_NEAR(truth.beam_slow_px, 12, 1e-4);
    EXPECT_EQ(truth.orientation[0], 1.0F);
}

}  // namespace
}  // namespace braggbench
