#include "simulator/spot_whitening.hpp"

#include <Eigen/LU>
#include <cmath>
#include <cstddef>

#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

// Hard edges are narrow in a small part of a spot only; so divided, a whole image stays within 2e-3 (docs/spots.md).
constexpr double edge_relief = 1.6;

Eigen::Matrix<double, 3, 2> scattering_vector_per_px(const Smearing& smearing, const SmearedReflection& reflection,
                                                     const SpotPlace& place) {
    return reflection.lab_from_spot.transpose() * (smearing.wavelengths->wavenumber_invA() * place.direction_per_px);
}

Eigen::Matrix3d blur_with_pixels(const Eigen::Matrix3d& blur, const std::array<PixelParts, 2>& parts,
                                 const Eigen::Matrix<double, 3, 2>& q_per_px) {
    Eigen::Matrix3d sum = blur;
    for (int axis = 0; axis < 2; ++axis) {
        sum += parts[static_cast<std::size_t>(axis)].variance * q_per_px.col(axis) * q_per_px.col(axis).transpose();
    }
    return sum;
}

BlurSplit split_for(const Smearing& smearing, const SmearedReflection& reflection, const Eigen::Matrix3d& blur) {
    return reflection.cap ? split_blur(blur, reflection.across_given_along(blur, *smearing.wavelengths))
                          : BlurSplit(blur);
}

bool is_tilted(const WavelengthSmearing& wavelengths, const SmearedReflection& reflection,
               const Eigen::Matrix3d& blur) {
    const bool wide_blur = wavelengths.kind() == WavelengthSmearing::Kind::table &&
                           std::sqrt(blur(2, 2)) / reflection.length > wavelengths.widest_blur();
    return reflection.cap && wavelengths.half_range() > 0 && !wide_blur;
}

Eigen::Matrix3d covariance_of(const WavelengthSmearing& wavelengths, const SmearedReflection& reflection,
                              const Eigen::Matrix3d& blur, bool tilted) {
    Eigen::Matrix3d covariance = blur;
    if (tilted) {
        covariance.topLeftCorner<2, 2>() = reflection.across_given_along(blur, wavelengths) + reflection.mosaic;
        covariance.topRightCorner<2, 1>().setZero();
        covariance.bottomLeftCorner<1, 2>().setZero();
    } else {
        covariance.topLeftCorner<2, 2>() += reflection.mosaic;
    }
    return covariance;
}

}  // namespace

SpotPlace::SpotPlace(const PanelView& panel_view, const Eigen::Vector2d& position_px)
    : view(&panel_view), origin_px(position_px) {
    const Panel& panel = *view->panel;
    const Eigen::Vector3d position = lab_from_panel_mm(panel, position_px.x(), position_px.y());
    range_mm = position.norm();
    direction = position / range_mm;
    const double per_px = angle_per_px();
    direction_per_px.col(0) = per_px * (panel.fast_axis - direction * direction.dot(panel.fast_axis));
    direction_per_px.col(1) = per_px * (panel.slow_axis - direction * direction.dot(panel.slow_axis));
}

std::array<PixelParts, 2> parts_of_pixels(const Smearing& smearing, const SmearedReflection& reflection,
                                          const SpotPlace& place, const Eigen::Matrix2d& metric) {
    const WavelengthSmearing& wavelengths = *smearing.wavelengths;
    if (!reflection.cap && wavelengths.half_range() == 0) {
        return {parts_for(std::sqrt(metric(0, 0))), parts_for(std::sqrt(metric(1, 1)))};
    }
    Eigen::Matrix3d narrow = reflection.blur;
    if (!reflection.cap) narrow.topLeftCorner<2, 2>() += reflection.mosaic;
    Cholesky factor(narrow);
    if (wavelengths.half_range() == 0) factor.l22 = envelope_pivot(factor.l22, wavelengths, reflection.length);
    const Eigen::Matrix<double, 3, 2> per_px = factor.inverse() * scattering_vector_per_px(smearing, reflection, place);
    return {parts_for(per_px.col(0).norm() / edge_relief), parts_for(per_px.col(1).norm() / edge_relief)};
}

SpotWhitening::SpotWhitening(const Smearing& smearing, const SmearedReflection& reflection, const SpotPlace& place,
                             const std::array<PixelParts, 2>& parts)
    : q_per_px(scattering_vector_per_px(smearing, reflection, place)),
      whole_blur(blur_with_pixels(reflection.blur, parts, q_per_px)),
      split(split_for(smearing, reflection, whole_blur)),
      tilted(is_tilted(*smearing.wavelengths, reflection, split.blur)),
      covariance(covariance_of(*smearing.wavelengths, reflection, split.blur, tilted)),
      factor(covariance),
      whiten_from_spot(factor.inverse()),
      whiten_from_lab(whiten_from_spot * reflection.lab_from_spot.transpose()),
      whiten_from_blur(whiten_from_spot) {
    const double k = smearing.wavelengths->wavenumber_invA();
    offset_in_spot =
        reflection.lab_from_spot.transpose() * (k * place.direction - Eigen::Vector3d(0, 0, k) - reflection.r);
    if (tilted) {
        tilt = whiten_from_spot.topLeftCorner<2, 2>() * split.blur.topRightCorner<2, 1>() / factor.l22;
        whiten_from_blur.topRightCorner<2, 1>() = -tilt / factor.l22;
    }
}

std::optional<SpotEllipse> SpotWhitening::ellipse(const WavelengthSmearing& wavelengths,
                                                  const SmearedReflection& reflection, const SpotPlace& place) const {
    Cholesky envelope_factor = reflection.cap ? Cholesky(reflection.envelope(whole_blur)) : factor;
    envelope_factor.l22 = envelope_pivot(envelope_factor.l22, wavelengths, reflection.length);
    Eigen::Matrix3d envelope_from_spot = whiten_from_spot;
    if (reflection.cap) {
        envelope_from_spot = envelope_factor.inverse();
    } else {
        envelope_from_spot.row(2) *= factor.l22 / envelope_factor.l22;
    }
    const Eigen::Vector3d offset = envelope_from_spot * offset_in_spot;
    const Eigen::Matrix<double, 3, 2> per_px = envelope_from_spot * q_per_px;
    const Eigen::Matrix2d hessian = per_px.transpose() * per_px;
    const Eigen::Matrix2d inverse_hessian = hessian.inverse();
    const Eigen::Vector2d gradient = per_px.transpose() * offset;
    const Eigen::Vector2d middle = -inverse_hessian * gradient;
    const double room = spot_cut2 - (offset.squaredNorm() + gradient.dot(middle));
    if (!(room > 0)) return std::nullopt;
    return SpotEllipse{place.origin_px, middle, hessian, inverse_hessian, room};
}

}  // namespace braggbench
