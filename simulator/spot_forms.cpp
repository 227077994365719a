#include "simulator/spot_forms.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace braggbench {
namespace {

using Kind = WavelengthSmearing::Kind;

SpotForm::Vec3 to_float(const Eigen::Vector3d& v) {
    return {static_cast<float>(v.x()), static_cast<float>(v.y()), static_cast<float>(v.z())};
}

// Of the curve of constant direction.z, where scattering angles are alike: px per px^2.
double ring_curvature(const Eigen::Vector3d& direction, const Eigen::Vector3d& inner_axis,
                      const Eigen::Vector3d& outer_axis, double angle_per_px) {
    const double radial = direction.dot(inner_axis);
    const double tangential = direction.dot(outer_axis);
    const double z = direction.z();
    const double slope_in = inner_axis.z() - z * radial;
    const double slope_out = outer_axis.z() - z * tangential;
    if (!(std::abs(slope_in) > std::abs(slope_out))) return 0.0;
    const double in_in = -2.0 * inner_axis.z() * radial - z * (1.0 - 3.0 * radial * radial);
    const double in_out = -inner_axis.z() * tangential - outer_axis.z() * radial + 3.0 * z * radial * tangential;
    const double out_out = -2.0 * outer_axis.z() * tangential - z * (1.0 - 3.0 * tangential * tangential);
    const double u1 = -slope_out / slope_in;
    return -angle_per_px * (out_out + 2.0 * u1 * in_out + u1 * u1 * in_in) / slope_in;
}

}  // namespace

SpotView::SpotView(const SmearedReflection& smeared, const SpotPlace& at, const SpotWhitening& whitened,
                   int outer_number)
    : reflection(smeared), place(at), whitening(whitened), inner(1 - outer_number), outer(outer_number) {
    const Panel& panel = *at.view->panel;
    inner_axis = inner == 1 ? panel.slow_axis : panel.fast_axis;
    outer_axis = outer == 1 ? panel.slow_axis : panel.fast_axis;
}

SpotForms::SpotForms(const Smearing& smearing)
    : smearing_(smearing),
      sqrt_det_shape_(std::sqrt(smearing.shape.determinant())),
      band_(static_cast<std::size_t>(smearing.wavelengths->bins()) + 1) {}

void SpotForms::set(const SpotView& spot, double photons_per_px, int points_per_px,
                    const Eigen::Vector2d& relative_slope_per_px) {
    const Cholesky& factor = spot.whitening.factor;
    method_ = {};
    method_.kind = smearing_.wavelengths->kind();
    method_.cap = spot.reflection.cap;
    method_.clipped = smearing_.clipped;
    form_.amplitude =
        static_cast<float>(photons_per_px * sqrt_det_shape_ / (factor.l00 * factor.l11 * factor.l22) / points_per_px);
    set_points(spot, relative_slope_per_px);
    set_spectrum(spot);
    if (method_.cap) {
        set_cap(spot);
    } else if (method_.kind != Kind::sharp) {
        set_source(spot);
    }
    if (method_.clipped) set_index_limits(spot);
    curvature_per_px_ = 0.0;
    if (spot.reflection.mosaic.trace() > 0) set_mosaic(spot);
    split(spot);
}

void SpotForms::set_points(const SpotView& spot, const Eigen::Vector2d& relative_slope_per_px) {
    const SpotWhitening& w = spot.whitening;
    const double k = smearing_.wavelengths->wavenumber_invA();
    const double angle_per_px = spot.place.angle_per_px();
    const Eigen::Vector3d& direction = spot.place.direction;
    form_.centre = to_float(w.whiten_from_spot * w.offset_in_spot);
    form_.inner = to_float(w.whiten_from_lab * spot.inner_axis * (k * angle_per_px));
    form_.outer = to_float(w.whiten_from_lab * spot.outer_axis * (k * angle_per_px));
    form_.ray = to_float(w.whiten_from_lab * direction * k);
    form_.slope_inner = static_cast<float>(2.0 * direction.dot(spot.inner_axis) * angle_per_px);
    form_.slope_outer = static_cast<float>(2.0 * direction.dot(spot.outer_axis) * angle_per_px);
    form_.metric = static_cast<float>(angle_per_px * angle_per_px);
    form_.length = static_cast<float>(spot.reflection.length / w.factor.l22);
    form_.factor_inner = static_cast<float>(relative_slope_per_px[spot.inner]);
    form_.factor_outer = static_cast<float>(relative_slope_per_px[spot.outer]);
}

void SpotForms::set_spectrum(const SpotView& spot) {
    const WavelengthSmearing& wavelengths = *smearing_.wavelengths;
    const double band2 = wavelengths.rms() * wavelengths.rms();
    constexpr double sharpest_band2 = 1e-15;  // of the smaller nothing is seen, and their reciprocals overflow
    form_.band2 = static_cast<float>(band2);
    form_.band_mean = static_cast<float>(wavelengths.mean());
    form_.per_band2 = static_cast<float>(1.0 / std::max(band2, sharpest_band2));
    form_.mean_per_band2 = form_.per_band2 * form_.band_mean;
    form_.half_range = wavelengths.half_range() > 0 ? static_cast<float>(wavelengths.half_range()) : 1e9F;
    if (method_.kind == Kind::top_hat) {
        const double h = wavelengths.half_range();
        form_.top_hat_scale = static_cast<float>(std::sqrt(2.0 * std::numbers::pi) * (1.0 - h * h) / (2.0 * h));
    } else if (method_.kind == Kind::table) {
        set_table(spot);
    }
}

void SpotForms::set_table(const SpotView& spot) {
    const WavelengthSmearing& wavelengths = *smearing_.wavelengths;
    const double blur_in_e = spot.whitening.factor.l22 / spot.reflection.length;
    if (blur_in_e > wavelengths.widest_blur() || (method_.cap && !spot.whitening.tilted)) {
        method_.kind = Kind::gaussian;
        return;
    }
    const double reach = wavelengths.half_range() + spot_cut_sigma * blur_in_e;
    const auto bin_at = [&](double e) { return (e - wavelengths.first()) / wavelengths.bin(); };
    const int low = std::max(0, static_cast<int>(bin_at(-reach)));
    const int high = std::min(wavelengths.bins() - 1, static_cast<int>(bin_at(reach)) + 2);
    wavelengths.blurred(blur_in_e, low, high, band_);
    // The mean of a Gaussian of rms 1 / |v| over the density is what is wanted.
    for (int i = low; i <= high; ++i) {
        band_[static_cast<std::size_t>(i)] *= static_cast<float>(std::sqrt(2.0 * std::numbers::pi));
    }
    form_.band_table = band_.data();
    form_.band_first = static_cast<float>(wavelengths.first());
    form_.band_per_bin = static_cast<float>(1.0 / wavelengths.bin());
    form_.band_low = static_cast<float>(low);
    form_.band_high = static_cast<float>(high) - 1.01F;
}

void SpotForms::set_cap(const SpotView& spot) {
    const SpotWhitening& w = spot.whitening;
    const Eigen::Matrix2d across = spot.reflection.across_given_along(w.split.blur, *smearing_.wavelengths);
    if (w.tilted) {
        form_.tilt_0 = static_cast<float>(w.tilt[0]);
        form_.tilt_1 = static_cast<float>(w.tilt[1]);
    } else {
        const double rms = smearing_.wavelengths->rms() * spot.reflection.length;
        form_.radial = to_float(Eigen::Vector3d(w.factor.l20, w.factor.l21, w.factor.l22) /
                                std::sqrt(w.split.blur(2, 2) + rms * rms));
    }
    const Eigen::Matrix2d whole = across + spot.reflection.mosaic;
    const double w00 = 1.0 / std::sqrt(whole(0, 0));
    const double l10 = whole(1, 0) * w00;
    const double w11 = 1.0 / std::sqrt(std::max(whole(1, 1) - l10 * l10, 1e-300));
    Eigen::Matrix2d whiten;
    whiten << w00, 0, -l10 * w00 * w11, w11;
    const Eigen::Matrix2d share = whiten * across * whiten.transpose();
    form_.skew_0 = static_cast<float>(0.5 * (share(0, 0) - share(1, 1)));
    form_.skew_1 = static_cast<float>(share(0, 1));
    MosaicCapTable::instance().select(0.5 * share.trace(), cap_.data());
    form_.cap_table = cap_.data();
    form_.cap_last = MosaicCapTable::last_column;
}

void SpotForms::set_source(const SpotView& spot) {
    const Eigen::Matrix3d& to_y = spot.whitening.whiten_from_lab;
    const Eigen::Matrix3d source = to_y * smearing_.divergence * to_y.transpose();
    form_.source_across = static_cast<float>(0.5 * (source(0, 0) + source(1, 1)));
    // Widths that differ by less than 0.1 % over the spectrum's rms are left alike.
    method_.stretched = smearing_.wavelengths->rms() * static_cast<double>(form_.source_across) > 1e-3;
    form_.source = {static_cast<float>(source(0, 0)),       static_cast<float>(source(1, 1)),
                    static_cast<float>(source(2, 2)),       static_cast<float>(2.0 * source(0, 1)),
                    static_cast<float>(2.0 * source(0, 2)), static_cast<float>(2.0 * source(1, 2))};
}

void SpotForms::set_index_limits(const SpotView& spot) {
    const Eigen::Matrix3d& lab_from_spot = spot.reflection.lab_from_spot;
    const Eigen::Matrix3d shape = lab_from_spot.transpose() * smearing_.shape * lab_from_spot;
    const Eigen::Matrix3d index_from_spot = smearing_.hkl_from_lab * lab_from_spot;
    const Eigen::Matrix3d from_y = index_from_spot * shape * spot.whitening.whiten_from_blur.transpose();
    const Eigen::Matrix3d rest = index_from_spot * shape * index_from_spot.transpose() - from_y * from_y.transpose();
    for (int axis = 0; axis < 3; ++axis) {
        constexpr double sharpest = 1e-3;
        form_.index_shift[static_cast<std::size_t>(axis)] = to_float(from_y.row(axis).transpose());
        form_.index_per_rms[static_cast<std::size_t>(axis)] =
            static_cast<float>(1.0 / std::sqrt(std::max(rest(axis, axis), sharpest * sharpest)));
    }
}

void SpotForms::set_mosaic(const SpotView& spot) {
    const Eigen::Matrix2d& mosaic = spot.reflection.mosaic;
    const double length = spot.reflection.length;
    const Eigen::Matrix<double, 2, 3> from_y = mosaic * spot.whitening.whiten_from_blur.transpose().topRows<2>();
    const Eigen::Matrix<double, 2, 3> rotate = from_y / (std::numbers::sqrt2 * length);
    const double explained = rotate.squaredNorm();
    const double bend = std::max(0.5 * mosaic.trace() / (length * length) - explained, 0.0);
    form_.rotate = {to_float(rotate.row(0).transpose()), to_float(rotate.row(1).transpose())};
    form_.bend = static_cast<float>(bend);
    // A bend below 1 % of the narrowest sigma is left out.
    method_.bent = (bend + spot_cut2 * explained) * static_cast<double>(form_.length) > 0.01;
    if (!method_.bent) return;
    // Mosaic spread leaves |q| alone, hence the scattering angle.
    const double share = mosaic.trace() / spot.whitening.covariance.topLeftCorner<2, 2>().trace();
    curvature_per_px_ =
        share * ring_curvature(spot.place.direction, spot.inner_axis, spot.outer_axis, spot.place.angle_per_px());
}

void SpotForms::split(const SpotView& spot) {
    const SpotWhitening& w = spot.whitening;
    parts_.clear();
    if (w.split.count == 1) return;
    parts_.assign(w.split.count, form_);
    for (std::size_t i = 0; i < w.split.count; ++i) {
        parts_[i].centre = to_float(w.whiten_from_spot * (w.offset_in_spot - w.split.displacement[i]));
        parts_[i].amplitude *= static_cast<float>(w.split.share[i]);
    }
}

}  // namespace braggbench
