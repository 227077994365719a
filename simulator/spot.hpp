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

#include "simulator/panel_view.hpp"
#include "simulator/smearing.hpp"
#include "simulator/spot_forms.hpp"
#include "simulator/spot_raster.hpp"
#include "simulator/spot_whitening.hpp"

namespace braggbench {

// Adds photons_per_px * mean(G) to panels, with G the block's shape transform (1 at its centre) averaged over the
// smearing and the area of each pixel.
class SpotPainter {
public:
    // The smearing must outlive the painter.
    explicit SpotPainter(const Smearing& smearing);

    // False if the spot of the lattice point r cannot touch the panel: a cheap test that errs on the side of true.
    [[nodiscard]] bool may_reach(const PanelView& view, const Eigen::Vector3d& r) const;
    // Looks at another reflection. It must lie near the Ewald sphere.
    void set_reflection(const Eigen::Vector3d& r);
    // False if the spot's centre cannot be found on the panel's plane or the spot misses the panel.
    bool place(const PanelView& view);
    // Unit diffracted direction at the centre that place() found.
    [[nodiscard]] const Eigen::Vector3d& direction() const { return place_.direction; }
    // photons_per_px holds at direction(); the change of the solid angle across the spot is included, that of other
    // factors by their relative change per pixel along fast and slow.
    [[nodiscard]] Deposit paint(double photons_per_px, const Eigen::Vector2d& relative_slope_per_px);
    // The change of the unit direction per pixel along fast and slow, at direction().
    [[nodiscard]] const Eigen::Matrix<double, 3, 2>& direction_per_px() const { return place_.direction_per_px; }

private:
    const Smearing& smearing_;
    Eigen::Matrix3d blur_;
    double largest_blur2_;  // variance along the worst direction
    double largest_rotation2_;
    SmearedReflection reflection_;
    Eigen::Matrix2d metric_;  // the envelope's at the place, per squared pixel
    SpotForms forms_;
    SpotPlace place_;
    SpotRaster raster_;
    Eigen::Matrix3d whiten_from_lab_;  // the envelope's
};

}  // namespace braggbench
