// One Bragg reflection smeared by block shape, mosaic rotation, spectrum and divergence, and its photons integrated
// over the pixels of a panel. Lengths in 1/A and in pixels; the frame is the lab's (docs/frames.md).
//
// With r the mean reciprocal-lattice point and q the scattering vector of a point on the detector at the reference
// wavelength, the offset of a block's own lattice point is q (1 - e) - r - t + r t^2 / (2 r^2) - D, where e is the
// relative change of wavenumber, t the displacement of r by the block's rotation (perpendicular to r; the quadratic
// term keeps |r|) and D that of the source. Shape, t and D are Gaussian and their covariances add (a cap-shaped t
// replaces the Gaussian's profile across r by a table's); the quadratic term is taken at the mean of t given q. The
// mean over e is an integral along the ray through q, a Gaussian across it times the blurred spectrum. A pixel is
// replaced by a few points, each a Gaussian as wide as its part of the pixel, which joins the covariances.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/panel_view.hpp"
#include "simulator/wavelength_smearing.hpp"

namespace braggbench {

// Beyond this many sigma a Gaussian is cut; what is lost is 2.3e-4 of a three-dimensional one's integral.
inline constexpr double spot_cut_sigma = 4.4;

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
};

// Sums over what was deposited, positions (of pixel centres) in pixels from the panel's corner.
struct Deposit {
    double photons = 0.0;
    Eigen::Vector2d first = Eigen::Vector2d::Zero();   // photons * position
    Eigen::Matrix2d second = Eigen::Matrix2d::Zero();  // photons * position position^T
};

// Adds photons_per_px * mean(G) to panels, with G the block's shape transform (1 at its centre) averaged over the
// smearing and the area of each pixel.
class SpotPainter {
public:
    explicit SpotPainter(const Smearing& smearing);
    ~SpotPainter();
    SpotPainter(const SpotPainter&) = delete;
    SpotPainter& operator=(const SpotPainter&) = delete;

    // False if the spot of the lattice point r cannot touch the panel: a cheap test that errs on the side of true.
    [[nodiscard]] bool may_reach(const PanelView& view, const Eigen::Vector3d& r) const;
    // Looks at another reflection. It must lie near the Ewald sphere.
    void set_reflection(const Eigen::Vector3d& r);
    // False if the spot's centre cannot be found on the panel's plane or the spot misses the panel.
    bool place(const PanelView& view);
    // Unit diffracted direction at the centre that place() found.
    [[nodiscard]] const Eigen::Vector3d& direction() const { return direction_; }
    // photons_per_px holds at direction(); the change of the solid angle across the spot is included, that of other
    // factors by their relative change per pixel along fast and slow.
    [[nodiscard]] Deposit paint(double photons_per_px, const Eigen::Vector2d& relative_slope_per_px);
    // The change of the unit direction per pixel along fast and slow, at direction().
    [[nodiscard]] const Eigen::Matrix<double, 3, 2>& direction_per_px() const { return direction_per_px_; }

private:
    struct Work;

    [[nodiscard]] bool is_cap() const;
    // A covariance of whose ellipsoid of spot_cut_sigma nothing of the spot sticks out but along r, where the
    // spectrum is still to join; from what blurs it, in the spot's frame.
    [[nodiscard]] Eigen::Matrix3d envelope(const Eigen::Matrix3d& blur) const;
    [[nodiscard]] Eigen::Matrix2d across_given_along(const Eigen::Matrix3d& blur) const;
    void look_at(const Eigen::Vector2d& position_px);

    const Smearing* smearing_;
    std::unique_ptr<Work> work_;
    Eigen::Matrix3d blur_;  // shape, halo and divergence
    double sqrt_det_shape_;
    double largest_blur2_;  // variance along the worst direction
    double largest_rotation2_;
    // Of the reflection: its frame (columns: two tangents, then along r) and the covariances in it.
    Eigen::Matrix3d lab_from_spot_;
    Eigen::Matrix3d blur_in_spot_;
    Eigen::Matrix2d mosaic_in_spot_;
    double length_ = 0.0;
    Eigen::Matrix3d whiten_from_lab_;  // the envelope's
    // Of the place.
    const PanelView* view_ = nullptr;
    Eigen::Vector3d r_;
    Eigen::Vector3d direction_;
    Eigen::Matrix<double, 3, 2> direction_per_px_;
    Eigen::Vector2d origin_px_;  // where direction_ meets the panel
    Eigen::Vector2d centre_px_;  // the middle of the spot, from there
    Eigen::Matrix2d hessian_;
    double chi2_min_ = 0.0;
    double range_mm_ = 0.0;
};

}  // namespace braggbench
