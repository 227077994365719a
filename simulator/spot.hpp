// One Bragg reflection as a smeared 3-D Gaussian in reciprocal space, and its photons integrated over the pixels of a
// panel. Lengths in 1/A and in pixels; the frame is the lab's (simulator/experiment.hpp).
//
// With r the mean reciprocal-lattice point and q the scattering vector of a point on the detector, the offset of a
// block's own lattice point is q (1 - e) - r - t + r t^2 / (2 r^2) - D, where e is the relative change of wavelength, t
// the displacement of r by the block's rotation (perpendicular to r; the quadratic term keeps |r|) and D that of the
// source. All are Gaussian, so the mean over e, D and the linear part of t is a Gaussian in q whose covariances add;
// the term in e is kept as the exact rank-one update with q itself, the quadratic term at the mean of t given q.
#pragma once

#include <Eigen/Core>

#include "simulator/experiment.hpp"

namespace braggbench {

// Beyond this many sigma a Gaussian is cut; what is lost is 7e-5 of a three-dimensional one's integral.
inline constexpr double spot_cut_sigma = 4.7;

// What smears every reflection of one lattice.
struct Smearing {
    Eigen::Matrix3d shape;         // covariance of a block's shape transform, 1/A^2
    Eigen::Matrix3d divergence;    // covariance of s0, 1/A^2
    double mosaic_rms_rad = 0.0;   // about each axis
    double bandwidth_rms = 0.0;    // relative
    double wavenumber_invA = 1.0;  // 1 / wavelength
};

// The covariance of q - r for one reflection, everything included (to first order in the bandwidth).
Eigen::Matrix3d smeared_covariance(const Smearing& smearing, const Eigen::Vector3d& r);

// A panel as the painter sees it: where its pixels lie in space and in memory.
struct PanelView {
    PanelView(const Panel& panel, float* pixel00, std::ptrdiff_t image_width_px);

    // Panel coordinates in pixels where a ray from the sample along `direction` meets the panel's plane; false if it
    // runs away from the plane or within 3 degrees of it.
    [[nodiscard]] bool intersect(const Eigen::Vector3d& direction, Eigen::Vector2d& position_px) const;

    const Panel* panel;
    float* pixel00;
    std::ptrdiff_t image_width_px;
    Eigen::Vector3d normal;  // away from the sample
    double close_mm;         // the plane's distance from the sample
};

// Sums over what was deposited, positions in pixels from the panel's corner.
struct Deposit {
    double photons = 0.0;
    Eigen::Vector2d first = Eigen::Vector2d::Zero();   // photons * position
    Eigen::Matrix2d second = Eigen::Matrix2d::Zero();  // photons * position position^T
};

// Adds photons_per_px * mean(G) to the panel, with G the block's shape transform (1 at its centre) averaged over the
// smearing and the area of each pixel. photons_per_px holds at the spot's centre; the solid angle's change across the
// spot is included. `r` must lie near the Ewald sphere.
class SpotPainter {
public:
    explicit SpotPainter(const Smearing& smearing);

    // False if the spot's centre cannot be found on the panel's plane or the spot misses the panel.
    bool place(const PanelView& view, const Eigen::Vector3d& r);
    // Unit diffracted direction at the centre that place() found.
    [[nodiscard]] const Eigen::Vector3d& direction() const { return direction_; }
    [[nodiscard]] Deposit paint(double photons_per_px);

private:
    void look_at_centre();

    const Smearing* smearing_;
    double sqrt_det_shape_;
    const PanelView* view_ = nullptr;
    Eigen::Vector3d r_;
    Eigen::Vector3d direction_;
    Eigen::Matrix3d covariance_;
    Eigen::Vector2d centre_px_;
    Eigen::Matrix2d hessian_;
    double chi2_min_ = 0.0;
    double range_mm_ = 0.0;
};

}  // namespace braggbench
