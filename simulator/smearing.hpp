// What smears the reflections of a lattice, and one of them smeared. Lengths in 1/A.
#pragma once

#include <Eigen/Core>

#include "simulator/experiment.hpp"
#include "simulator/wavelength_smearing.hpp"

namespace braggbench {

// Beyond this many sigma a Gaussian is cut; what is lost is 2.3e-4 of a three-dimensional one's integral.
inline constexpr double spot_cut_sigma = 4.4;
inline constexpr double spot_cut2 = spot_cut_sigma * spot_cut_sigma;

// What smears every reflection of one lattice.
struct Smearing {
    Eigen::Matrix3d shape;                               // covariance of a block's shape transform, 1/A^2
    Eigen::Matrix3d halo = Eigen::Matrix3d::Zero();      // joins shape where the diffuse halo is meant
    Eigen::Matrix3d divergence;                          // covariance of s0, 1/A^2
    Eigen::Matrix3d rotation = Eigen::Matrix3d::Zero();  // covariance of the blocks' rotation vectors, rad^2
    MosaicLaw mosaic_law = MosaicLaw::gaussian;
    const WavelengthSmearing* wavelengths = nullptr;
    // With blocks of few cells a reflection ends half an index from its lattice point, as in nanoBragg.
    bool clipped = false;
    Eigen::Matrix3d hkl_from_lab;

    [[nodiscard]] Eigen::Matrix3d blur() const { return shape + halo + divergence; }
};

// One reflection in its own frame: two tangents of the sphere through r, then along r.
struct SmearedReflection {
    SmearedReflection() = default;
    // Of the lattice point `point`; `lab_blur` is the smearing's blur().
    SmearedReflection(const Smearing& smearing, const Eigen::Matrix3d& lab_blur, const Eigen::Vector3d& point);

    // A covariance of whose ellipsoid of spot_cut_sigma nothing of the spot sticks out but along r, where the spectrum
    // is still to join; from what blurs it.
    [[nodiscard]] Eigen::Matrix3d envelope(const Eigen::Matrix3d& with_blur) const;
    // Given what lies along r, the Gaussian across it is narrower; how much is known of that, as if the spectrum were
    // Gaussian.
    [[nodiscard]] Eigen::Matrix2d across_given_along(const Eigen::Matrix3d& with_blur,
                                                     const WavelengthSmearing& wavelengths) const;

    Eigen::Vector3d r;
    double length = 0.0;
    Eigen::Matrix2d mosaic;  // of the blocks' rotation
    Eigen::Matrix3d blur;    // of shape, halo and divergence
    Eigen::Matrix3d lab_from_spot;
    bool cap = false;  // mosaic is a cap's, not a Gaussian's
};

// Lower triangle of the Cholesky factor of a 3 x 3 covariance, and its inverse.
struct Cholesky {
    explicit Cholesky(const Eigen::Matrix3d& covariance);
    [[nodiscard]] Eigen::Matrix3d inverse() const;
    double l00, l10, l11, l20, l21, l22;
};

// The last pivot, along r given what lies across it, with the spectrum's spread of r joined: wide enough that nothing
// beyond cut sigma matters.
double envelope_pivot(double pivot, const WavelengthSmearing& wavelengths, double length);

double largest_eigenvalue(const Eigen::Matrix3d& symmetric);

}  // namespace braggbench
