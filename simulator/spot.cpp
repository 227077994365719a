#include "simulator/spot.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

namespace braggbench {

SpotPainter::SpotPainter(const Smearing& smearing)
    : smearing_(smearing),
      blur_(smearing.blur()),
      largest_blur2_(largest_eigenvalue(blur_)),
      largest_rotation2_(largest_eigenvalue(smearing.rotation)),
      forms_(smearing) {}

bool SpotPainter::may_reach(const PanelView& view, const Eigen::Vector3d& r) const {
    const WavelengthSmearing& wavelengths = *smearing_.wavelengths;
    const double k = wavelengths.wavenumber_invA();
    const double r2 = r.squaredNorm();
    const double rms2 = wavelengths.half_range() > 0 ? 0.0 : wavelengths.rms() * wavelengths.rms();
    const double reach = spot_cut_sigma * std::sqrt(largest_blur2_ + (largest_rotation2_ + rms2) * r2) +
                         wavelengths.half_range() * std::sqrt(r2);
    const Eigen::Vector3d ray = r + Eigen::Vector3d(0, 0, k);
    const double length = ray.norm();
    // Both the middle that place() starts from and every point of the spot lie within reach of r; 10 % more for chords.
    const double angle = 1.1 * (reach + std::min(reach, std::abs(length - k))) / k;
    const Eigen::Vector3d direction = ray / length;
    const double cosine = view.normal.dot(direction);
    const double least_cosine = cosine - angle;
    if (angle > 0.5 || least_cosine < 0.05) return true;
    const Panel& panel = *view.panel;
    const Eigen::Vector3d from_origin = direction * (view.close_mm / cosine) - panel.origin_mm;
    constexpr double room_px = 2.0;
    const double margin_mm = view.close_mm * angle / (cosine * least_cosine) + room_px * panel.pixel_size_mm;
    const double fast_mm = from_origin.dot(panel.fast_axis);
    const double slow_mm = from_origin.dot(panel.slow_axis);
    return fast_mm > -margin_mm && fast_mm < panel.width_px * panel.pixel_size_mm + margin_mm && slow_mm > -margin_mm &&
           slow_mm < panel.height_px * panel.pixel_size_mm + margin_mm;
}

void SpotPainter::set_reflection(const Eigen::Vector3d& r) {
    reflection_ = SmearedReflection(smearing_, blur_, r);
    Cholesky factor(reflection_.envelope(reflection_.blur));
    factor.l22 = envelope_pivot(factor.l22, *smearing_.wavelengths, reflection_.length);
    whiten_from_lab_ = factor.inverse() * reflection_.lab_from_spot.transpose();
}

bool SpotPainter::place(const PanelView& view) {
    const double k = smearing_.wavelengths->wavenumber_invA();
    const Eigen::Vector3d s0(0, 0, k);
    Eigen::Vector2d position_px;
    if (!view.intersect((reflection_.r + s0).normalized(), position_px)) return false;
    place_ = SpotPlace(view, position_px);
    Eigen::Matrix2d inverse_metric;
    Eigen::Vector2d centre_px;  // the middle of the spot, from the place
    double chi2_min = 0.0;
    // Where the spot is flat enough for one step, its middle need not be the origin of offsets.
    constexpr double near_px = 3.0;
    for (int iteration = 0; iteration < 4; ++iteration) {
        const Eigen::Vector3d y = whiten_from_lab_ * (k * place_.direction - s0 - reflection_.r);
        const Eigen::Matrix<double, 3, 2> jacobian = whiten_from_lab_ * (k * place_.direction_per_px);
        metric_ = jacobian.transpose() * jacobian;
        inverse_metric = metric_.inverse();
        const Eigen::Vector2d gradient = jacobian.transpose() * y;
        centre_px = -inverse_metric * gradient;
        chi2_min = y.squaredNorm() + gradient.dot(centre_px);
        if (centre_px.squaredNorm() < near_px * near_px || chi2_min > 4.0 * spot_cut2) break;
        place_ = SpotPlace(view, place_.origin_px + centre_px);
    }
    const double room = spot_cut2 - chi2_min;
    if (!(room > 0)) return false;
    for (int axis = 0; axis < 2; ++axis) {
        const double half = std::sqrt(room * inverse_metric(axis, axis)) + 1.0;
        const int size = axis == 0 ? view.panel->width_px : view.panel->height_px;
        const double middle = place_.origin_px[axis] + centre_px[axis];
        if (middle + half < 0 || middle - half > size) return false;
    }
    return true;
}

Deposit SpotPainter::paint(double photons_per_px, const Eigen::Vector2d& relative_slope_per_px) {
    const auto parts = parts_of_pixels(smearing_, reflection_, place_, metric_);
    const SpotWhitening whitening(smearing_, reflection_, place_, parts);
    auto ellipse = whitening.ellipse(*smearing_.wavelengths, reflection_, place_);
    if (!ellipse) return {};
    const int points_per_px = parts[0].cells * parts[0].points * parts[1].cells * parts[1].points;
    forms_.set(SpotView(reflection_, place_, whitening, ellipse->outer_axis()), photons_per_px, points_per_px,
               relative_slope_per_px);
    ellipse->curvature_per_px = forms_.curvature_per_px();
    return raster_.add(*place_.view, *ellipse, parts, forms_.forms(), forms_.method());
}

}  // namespace braggbench
