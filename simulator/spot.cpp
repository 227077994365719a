#include "simulator/spot.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

#include "simulator/blur_split.hpp"
#include "simulator/geometry.hpp"
#include "simulator/mosaic_cap.hpp"
#include "simulator/pixel_parts.hpp"
#include "simulator/spot_form.hpp"
#include "simulator/spot_rows.hpp"

namespace braggbench {
namespace {

using Kind = WavelengthSmearing::Kind;

constexpr double cut2 = spot_cut_sigma * spot_cut_sigma;
constexpr std::size_t most_points = 2048;
constexpr std::size_t most_shifts = 4;

// Hard edges are narrow in a small part of a spot only; so divided, a whole image stays within 2e-3 (docs/spots.md).
constexpr double edge_relief = 1.6;

// Lower triangle of the Cholesky factor of a 3 x 3 covariance, and its inverse.
struct Cholesky {
    explicit Cholesky(const Eigen::Matrix3d& c) {
        l00 = std::sqrt(c(0, 0));
        l10 = c(1, 0) / l00;
        l11 = std::sqrt(std::max(c(1, 1) - l10 * l10, 1e-300));
        l20 = c(2, 0) / l00;
        l21 = (c(2, 1) - l20 * l10) / l11;
        l22 = std::sqrt(std::max(c(2, 2) - l20 * l20 - l21 * l21, 1e-300));
    }
    [[nodiscard]] Eigen::Matrix3d inverse() const {
        const double i00 = 1.0 / l00;
        const double i11 = 1.0 / l11;
        const double i22 = 1.0 / l22;
        const double i10 = -l10 * i00 * i11;
        const double i21 = -l21 * i11 * i22;
        const double i20 = -(l20 * i00 + l21 * i10) * i22;
        Eigen::Matrix3d result;
        result << i00, 0, 0, i10, i11, 0, i20, i21, i22;
        return result;
    }
    double l00, l10, l11, l20, l21, l22;
};

// The last pivot, along r given what lies across it, with the spectrum's spread of r joined: wide enough that nothing
// beyond cut sigma matters.
double envelope_pivot(double pivot, const WavelengthSmearing& wavelengths, double length) {
    const double rms = wavelengths.rms() * length;
    const double as_gaussian = std::sqrt(pivot * pivot + rms * rms);
    if (wavelengths.kind() == Kind::sharp || wavelengths.kind() == Kind::gaussian) return as_gaussian;
    const double as_edges = pivot + wavelengths.half_range() * length / spot_cut_sigma;
    return wavelengths.kind() == Kind::top_hat ? std::min(as_gaussian, as_edges) : as_edges;
}

double largest_eigenvalue(const Eigen::Matrix3d& symmetric) {
    return Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(symmetric, Eigen::EigenvaluesOnly).eigenvalues().z();
}

SpotForm::Vec3 to_float(const Eigen::Vector3d& v) {
    return {static_cast<float>(v.x()), static_cast<float>(v.y()), static_cast<float>(v.z())};
}

}  // namespace

struct SpotPainter::Work {
    alignas(32) std::array<float, std::size_t{2} * MosaicCapTable::columns> cap;
    std::vector<float> band;
    // What a method does not read is left as an earlier spot of the lattice had it.
    SpotForm form{};
    alignas(32) std::array<float, most_points + lanes> inner_px;
    alignas(32) std::array<float, most_points + lanes> outer_px;
    alignas(32) std::array<float, most_points + lanes> intensity;
    alignas(32) std::array<float, most_points + lanes> part_intensity;
    alignas(32) std::array<std::int32_t, most_points + lanes> pixel;
    // The points at every shift, one shift after the other.
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_inner_px;
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_outer_px;
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_intensity;
};

SpotPainter::SpotPainter(const Smearing& smearing)
    : smearing_(&smearing),
      work_(std::make_unique<Work>()),
      blur_(smearing.shape + smearing.halo + smearing.divergence),
      sqrt_det_shape_(std::sqrt(smearing.shape.determinant())),
      largest_blur2_(largest_eigenvalue(blur_)),
      largest_rotation2_(largest_eigenvalue(smearing.rotation)) {
    work_->band.resize(static_cast<std::size_t>(smearing.wavelengths->bins()) + 1);
}

SpotPainter::~SpotPainter() = default;

bool SpotPainter::may_reach(const PanelView& view, const Eigen::Vector3d& r) const {
    const WavelengthSmearing& wavelengths = *smearing_->wavelengths;
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
    r_ = r;
    length_ = r.norm();
    const Eigen::Vector3d along = r / length_;
    const Eigen::Vector3d tangent0 = along.unitOrthogonal();
    const Eigen::Vector3d tangent1 = along.cross(tangent0);
    lab_from_spot_.col(0) = tangent0;
    lab_from_spot_.col(1) = tangent1;
    lab_from_spot_.col(2) = along;
    blur_in_spot_ = lab_from_spot_.transpose() * blur_ * lab_from_spot_;
    // A small rotation w displaces r by w x r.
    const Eigen::Vector3d rotation0 = smearing_->rotation * tangent0;
    const double across = -tangent1.dot(rotation0);
    mosaic_in_spot_ << tangent1.dot(smearing_->rotation * tangent1), across, across, tangent0.dot(rotation0);
    mosaic_in_spot_ *= length_ * length_;

    Cholesky factor(envelope(blur_in_spot_));
    factor.l22 = envelope_pivot(factor.l22, *smearing_->wavelengths, length_);
    whiten_from_lab_ = factor.inverse() * lab_from_spot_.transpose();
}

bool SpotPainter::is_cap() const {
    return smearing_->mosaic_law == MosaicLaw::nanobragg_cap && mosaic_in_spot_(0, 0) > 0;
}

Eigen::Matrix3d SpotPainter::envelope(const Eigen::Matrix3d& blur) const {
    Eigen::Matrix3d covariance = blur;
    if (is_cap()) {
        // A cap ends at its edge, so what lies within cut sigma of the blur around it is enough: the sum of two
        // ellipsoids A and B lies within (1 + t) A + (1 + 1 / t) B for every t > 0 (Kurzhanski & Valyi 1997).
        constexpr double cap_share = 1.0 / (cap_rms_per_edge * cap_rms_per_edge * cut2);
        const double blur2 = blur(0, 0) + blur(1, 1);
        const double cap2 = cap_share * mosaic_in_spot_.trace();
        if (2.0 * std::sqrt(blur2 * cap2) + cap2 < mosaic_in_spot_.trace()) {
            const double t = std::sqrt(cap2 / blur2);
            covariance *= 1.0 + t;
            covariance.topLeftCorner<2, 2>() += (1.0 + 1.0 / t) * cap_share * mosaic_in_spot_;
            return covariance;
        }
    }
    covariance.topLeftCorner<2, 2>() += mosaic_in_spot_;
    return covariance;
}

Eigen::Matrix2d SpotPainter::across_given_along(const Eigen::Matrix3d& blur) const {
    // Given what lies along r, the Gaussian across it is narrower; how much is known of that, as if the spectrum were
    // Gaussian.
    Eigen::Matrix2d across = blur.topLeftCorner<2, 2>();
    const Eigen::Vector2d tilt = blur.topRightCorner<2, 1>();
    const double rms = smearing_->wavelengths->rms() * length_;
    across -= tilt * tilt.transpose() / (blur(2, 2) + rms * rms);
    return across;
}

void SpotPainter::look_at(const Eigen::Vector2d& position_px) {
    const Panel& panel = *view_->panel;
    const Eigen::Vector3d position = lab_from_panel_mm(panel, position_px.x(), position_px.y());
    range_mm_ = position.norm();
    direction_ = position / range_mm_;
    const double per_px = panel.pixel_size_mm / range_mm_;
    direction_per_px_.col(0) = per_px * (panel.fast_axis - direction_ * direction_.dot(panel.fast_axis));
    direction_per_px_.col(1) = per_px * (panel.slow_axis - direction_ * direction_.dot(panel.slow_axis));
    origin_px_ = position_px;
}

bool SpotPainter::place(const PanelView& view) {
    view_ = &view;
    const double k = smearing_->wavelengths->wavenumber_invA();
    const Eigen::Vector3d s0(0, 0, k);
    Eigen::Vector2d position_px;
    if (!view.intersect((r_ + s0).normalized(), position_px)) return false;
    look_at(position_px);
    Eigen::Matrix2d inverse_hessian;
    // Where the spot is flat enough for one step, its middle need not be the origin of offsets.
    constexpr double near_px = 3.0;
    for (int iteration = 0; iteration < 4; ++iteration) {
        const Eigen::Vector3d y = whiten_from_lab_ * (k * direction_ - s0 - r_);
        const Eigen::Matrix<double, 3, 2> jacobian = whiten_from_lab_ * (k * direction_per_px_);
        hessian_ = jacobian.transpose() * jacobian;
        inverse_hessian = hessian_.inverse();
        const Eigen::Vector2d gradient = jacobian.transpose() * y;
        centre_px_ = -inverse_hessian * gradient;
        chi2_min_ = y.squaredNorm() + gradient.dot(centre_px_);
        if (centre_px_.squaredNorm() < near_px * near_px || chi2_min_ > 4.0 * cut2) break;
        look_at(origin_px_ + centre_px_);
    }
    const double room = cut2 - chi2_min_;
    if (!(room > 0)) return false;
    for (int axis = 0; axis < 2; ++axis) {
        const double half = std::sqrt(room * inverse_hessian(axis, axis)) + 1.0;
        const int size = axis == 0 ? view.panel->width_px : view.panel->height_px;
        const double middle = origin_px_[axis] + centre_px_[axis];
        if (middle + half < 0 || middle - half > size) return false;
    }
    return true;
}

Deposit SpotPainter::paint(double photons_per_px, const Eigen::Vector2d& relative_slope_per_px) {
    const Panel& panel = *view_->panel;
    const WavelengthSmearing& wavelengths = *smearing_->wavelengths;
    const double k = wavelengths.wavenumber_invA();
    const bool cap = is_cap();
    const bool edged = cap || wavelengths.half_range() > 0;
    const Eigen::Matrix<double, 3, 2> q_per_px = lab_from_spot_.transpose() * (k * direction_per_px_);

    // How many parts a pixel needs follows from what is narrowest.
    std::array<PixelParts, 2> parts;
    if (!edged) {
        // The envelope's metric, which place() has left behind.
        for (int axis = 0; axis < 2; ++axis) {
            parts[static_cast<std::size_t>(axis)] = parts_for(std::sqrt(hessian_(axis, axis)));
        }
    } else {
        Eigen::Matrix3d narrow = blur_in_spot_;
        if (!cap) narrow.topLeftCorner<2, 2>() += mosaic_in_spot_;
        Cholesky factor(narrow);
        if (wavelengths.half_range() == 0) factor.l22 = envelope_pivot(factor.l22, wavelengths, length_);
        const Eigen::Matrix<double, 3, 2> per_px = factor.inverse() * q_per_px;
        for (int axis = 0; axis < 2; ++axis) {
            parts[static_cast<std::size_t>(axis)] = parts_for(per_px.col(axis).norm() / edge_relief);
        }
    }
    Eigen::Matrix3d blur = blur_in_spot_;
    for (int axis = 0; axis < 2; ++axis) {
        blur += parts[static_cast<std::size_t>(axis)].variance * q_per_px.col(axis) * q_per_px.col(axis).transpose();
    }
    const Eigen::Matrix3d whole_blur = blur;
    BlurSplit split;
    if (cap) {
        split = split_blur(blur, across_given_along(blur));
        blur = split.blur;
    }
    Eigen::Matrix3d covariance = blur;
    covariance.topLeftCorner<2, 2>() += mosaic_in_spot_;
    // Where a spectrum with edges meets a cap, what lies along r and across it given that are whitened apart.
    const bool wide_blur =
        wavelengths.kind() == Kind::table && std::sqrt(blur(2, 2)) / length_ > wavelengths.widest_blur();
    const bool tilted = cap && wavelengths.half_range() > 0 && !wide_blur;
    if (tilted) {
        covariance.topLeftCorner<2, 2>() = across_given_along(blur) + mosaic_in_spot_;
        covariance.topRightCorner<2, 1>().setZero();
        covariance.bottomLeftCorner<1, 2>().setZero();
    }
    const Cholesky factor(covariance);
    const Eigen::Matrix3d whiten_from_spot = factor.inverse();
    // From the same with the blur along r in the place of what lies there.
    Eigen::Matrix3d whiten_from_blur = whiten_from_spot;
    const Eigen::Vector3d offset_in_spot =
        lab_from_spot_.transpose() * (k * direction_ - Eigen::Vector3d(0, 0, k) - r_);
    const Eigen::Vector3d offset = whiten_from_spot * offset_in_spot;

    // The ellipse that holds the spot.
    Cholesky envelope_factor = cap ? Cholesky(envelope(whole_blur)) : factor;
    envelope_factor.l22 = envelope_pivot(envelope_factor.l22, wavelengths, length_);
    Eigen::Matrix3d envelope_from_spot = whiten_from_spot;
    if (cap) {
        envelope_from_spot = envelope_factor.inverse();
    } else {
        envelope_from_spot.row(2) *= factor.l22 / envelope_factor.l22;
    }
    const Eigen::Vector3d envelope_offset = envelope_from_spot * offset_in_spot;
    const Eigen::Matrix<double, 3, 2> envelope_per_px = envelope_from_spot * q_per_px;
    const Eigen::Matrix2d hessian = envelope_per_px.transpose() * envelope_per_px;
    const Eigen::Matrix2d inverse_hessian = hessian.inverse();
    const Eigen::Vector2d gradient = envelope_per_px.transpose() * envelope_offset;
    const Eigen::Vector2d middle = -inverse_hessian * gradient;
    const double room = cut2 - (envelope_offset.squaredNorm() + gradient.dot(middle));
    if (!(room > 0)) return {};

    // Rows run along the axis in which the spot is shorter, so that a spot bent by mosaic spread is cut across.
    const int outer = inverse_hessian(1, 1) >= inverse_hessian(0, 0) ? 1 : 0;
    const int inner = 1 - outer;
    const PixelParts& inner_parts = parts[static_cast<std::size_t>(inner)];
    const PixelParts& outer_parts = parts[static_cast<std::size_t>(outer)];
    const Eigen::Vector3d& outer_axis = outer == 1 ? panel.slow_axis : panel.fast_axis;
    const Eigen::Vector3d& inner_axis = outer == 1 ? panel.fast_axis : panel.slow_axis;
    const int outer_size = outer == 1 ? panel.height_px : panel.width_px;
    const int inner_size = outer == 1 ? panel.width_px : panel.height_px;
    const std::ptrdiff_t outer_stride = outer == 1 ? view_->image_width_px : 1;
    const std::ptrdiff_t inner_stride = outer == 1 ? 1 : view_->image_width_px;

    SpotForm& form = work_->form;
    SpotMethod method;
    method.kind = wavelengths.kind();
    method.cap = cap;
    method.clipped = smearing_->clipped;
    const double angle_per_px = panel.pixel_size_mm / range_mm_;
    const Eigen::Matrix3d whiten_from_lab = whiten_from_spot * lab_from_spot_.transpose();
    form.centre = to_float(offset);
    form.inner = to_float(whiten_from_lab * inner_axis * (k * angle_per_px));
    form.outer = to_float(whiten_from_lab * outer_axis * (k * angle_per_px));
    form.ray = to_float(whiten_from_lab * direction_ * k);
    form.slope_inner = static_cast<float>(2.0 * direction_.dot(inner_axis) * angle_per_px);
    form.slope_outer = static_cast<float>(2.0 * direction_.dot(outer_axis) * angle_per_px);
    form.metric = static_cast<float>(angle_per_px * angle_per_px);
    form.length = static_cast<float>(length_ / factor.l22);
    form.factor_inner = static_cast<float>(relative_slope_per_px[inner]);
    form.factor_outer = static_cast<float>(relative_slope_per_px[outer]);
    form.amplitude =
        static_cast<float>(photons_per_px * sqrt_det_shape_ / (factor.l00 * factor.l11 * factor.l22) /
                           (inner_parts.cells * inner_parts.points * outer_parts.cells * outer_parts.points));
    const double band2 = wavelengths.rms() * wavelengths.rms();
    constexpr double sharpest_band2 = 1e-15;  // of the smaller nothing is seen, and their reciprocals overflow
    form.band2 = static_cast<float>(band2);
    form.band_mean = static_cast<float>(wavelengths.mean());
    form.per_band2 = static_cast<float>(1.0 / std::max(band2, sharpest_band2));
    form.mean_per_band2 = form.per_band2 * form.band_mean;
    form.half_range = wavelengths.half_range() > 0 ? static_cast<float>(wavelengths.half_range()) : 1e9F;
    if (method.kind == Kind::top_hat) {
        const double h = wavelengths.half_range();
        form.top_hat_scale = static_cast<float>(std::sqrt(2.0 * std::numbers::pi) * (1.0 - h * h) / (2.0 * h));
    } else if (method.kind == Kind::table) {
        const double blur_in_e = factor.l22 / length_;
        if (blur_in_e > wavelengths.widest_blur() || (cap && !tilted)) {
            method.kind = Kind::gaussian;
        } else {
            const double reach = wavelengths.half_range() + spot_cut_sigma * blur_in_e;
            const auto bin_at = [&](double e) { return (e - wavelengths.first()) / wavelengths.bin(); };
            const int low = std::max(0, static_cast<int>(bin_at(-reach)));
            const int high = std::min(wavelengths.bins() - 1, static_cast<int>(bin_at(reach)) + 2);
            wavelengths.blurred(blur_in_e, low, high, work_->band);
            // The mean of a Gaussian of rms 1 / |v| over the density is what is wanted.
            for (int i = low; i <= high; ++i) {
                work_->band[static_cast<std::size_t>(i)] *= static_cast<float>(std::sqrt(2.0 * std::numbers::pi));
            }
            form.band_table = work_->band.data();
            form.band_first = static_cast<float>(wavelengths.first());
            form.band_per_bin = static_cast<float>(1.0 / wavelengths.bin());
            form.band_low = static_cast<float>(low);
            form.band_high = static_cast<float>(high) - 1.01F;
        }
    }
    if (cap) {
        const double rms = wavelengths.rms() * length_;
        const Eigen::Matrix2d across = across_given_along(blur);
        if (tilted) {
            const Eigen::Vector2d move =
                whiten_from_spot.topLeftCorner<2, 2>() * blur.topRightCorner<2, 1>() / factor.l22;
            form.tilt_0 = static_cast<float>(move[0]);
            form.tilt_1 = static_cast<float>(move[1]);
            whiten_from_blur.topRightCorner<2, 1>() = -move / factor.l22;
        } else {
            form.radial =
                to_float(Eigen::Vector3d(factor.l20, factor.l21, factor.l22) / std::sqrt(blur(2, 2) + rms * rms));
        }
        const Eigen::Matrix2d whole = across + mosaic_in_spot_;
        const double w00 = 1.0 / std::sqrt(whole(0, 0));
        const double l10 = whole(1, 0) * w00;
        const double w11 = 1.0 / std::sqrt(std::max(whole(1, 1) - l10 * l10, 1e-300));
        Eigen::Matrix2d whiten;
        whiten << w00, 0, -l10 * w00 * w11, w11;
        const Eigen::Matrix2d share = whiten * across * whiten.transpose();
        form.skew_0 = static_cast<float>(0.5 * (share(0, 0) - share(1, 1)));
        form.skew_1 = static_cast<float>(share(0, 1));
        MosaicCapTable::instance().select(0.5 * share.trace(), work_->cap.data());
        form.cap_table = work_->cap.data();
        form.cap_last = MosaicCapTable::last_column;
    }
    if (!cap && method.kind != Kind::sharp) {
        const Eigen::Matrix3d to_y = whiten_from_spot * lab_from_spot_.transpose();
        const Eigen::Matrix3d source = to_y * smearing_->divergence * to_y.transpose();
        form.source_across = static_cast<float>(0.5 * (source(0, 0) + source(1, 1)));
        // Widths that differ by less than 0.1 % over the spectrum's rms are left alike.
        method.stretched = wavelengths.rms() * static_cast<double>(form.source_across) > 1e-3;
        form.source = {static_cast<float>(source(0, 0)),       static_cast<float>(source(1, 1)),
                       static_cast<float>(source(2, 2)),       static_cast<float>(2.0 * source(0, 1)),
                       static_cast<float>(2.0 * source(0, 2)), static_cast<float>(2.0 * source(1, 2))};
    }
    if (smearing_->clipped) {
        const Eigen::Matrix3d shape = lab_from_spot_.transpose() * smearing_->shape * lab_from_spot_;
        const Eigen::Matrix3d index_from_spot = smearing_->hkl_from_lab * lab_from_spot_;
        const Eigen::Matrix3d from_y = index_from_spot * shape * whiten_from_blur.transpose();
        const Eigen::Matrix3d rest =
            index_from_spot * shape * index_from_spot.transpose() - from_y * from_y.transpose();
        for (int axis = 0; axis < 3; ++axis) {
            constexpr double sharpest = 1e-3;
            form.index_shift[static_cast<std::size_t>(axis)] = to_float(from_y.row(axis).transpose());
            form.index_per_rms[static_cast<std::size_t>(axis)] =
                static_cast<float>(1.0 / std::sqrt(std::max(rest(axis, axis), sharpest * sharpest)));
        }
    }

    double curvature = 0.0;  // of the spot's spine, px per px^2
    if (mosaic_in_spot_(0, 0) + mosaic_in_spot_(1, 1) > 0) {
        const Eigen::Matrix<double, 2, 3> from_y = mosaic_in_spot_ * whiten_from_blur.transpose().topRows<2>();
        const Eigen::Matrix<double, 2, 3> rotate = from_y / (std::numbers::sqrt2 * length_);
        const double explained = rotate.squaredNorm();
        const double bend = std::max(0.5 * mosaic_in_spot_.trace() / (length_ * length_) - explained, 0.0);
        form.rotate = {to_float(rotate.row(0).transpose()), to_float(rotate.row(1).transpose())};
        form.bend = static_cast<float>(bend);
        // A bend below 1 % of the narrowest sigma is left out.
        method.bent = (bend + cut2 * explained) * static_cast<double>(form.length) > 0.01;
        const double radial = direction_.dot(inner_axis);
        const double tangential = direction_.dot(outer_axis);
        const double z = direction_.z();
        const double slope_in = inner_axis.z() - z * radial;
        const double slope_out = outer_axis.z() - z * tangential;
        if (method.bent && std::abs(slope_in) > std::abs(slope_out)) {
            // Mosaic spread leaves |q| alone, hence the scattering angle: the curve of constant direction.z.
            const double in_in = -2.0 * inner_axis.z() * radial - z * (1.0 - 3.0 * radial * radial);
            const double in_out =
                -inner_axis.z() * tangential - outer_axis.z() * radial + 3.0 * z * radial * tangential;
            const double out_out = -2.0 * outer_axis.z() * tangential - z * (1.0 - 3.0 * tangential * tangential);
            const double u1 = -slope_out / slope_in;
            const double share = mosaic_in_spot_.trace() / covariance.topLeftCorner<2, 2>().trace();
            curvature = -share * angle_per_px * (out_out + 2.0 * u1 * in_out + u1 * u1 * in_in) / slope_in;
        }
    }

    struct Shift {
        float inner_px, outer_px;
    };
    std::array<Shift, most_shifts> shifts{};
    std::size_t shift_count = 0;
    for (int a = 0; a < outer_parts.points; ++a) {
        for (int b = 0; b < inner_parts.points; ++b) {
            shifts[shift_count++] = {static_cast<float>((b == 0 ? -1 : 1) * inner_parts.offset),
                                     static_cast<float>((a == 0 ? -1 : 1) * outer_parts.offset)};
        }
    }

    Work& work = *work_;
    Deposit sum;  // offsets from origin_px_
    std::size_t count = 0;
    const auto flush = [&] {
        const std::size_t whole = (count + lanes - 1) / lanes * lanes;
        std::fill_n(&work.inner_px[count], lanes, work.inner_px[count - 1]);
        std::fill_n(&work.outer_px[count], lanes, work.outer_px[count - 1]);
        if (shift_count > 1) {
            for (std::size_t n = 0; n < shift_count; ++n) {
                shift_points(work.inner_px.data(), shifts[n].inner_px, whole, &work.shifted_inner_px[n * whole]);
                shift_points(work.outer_px.data(), shifts[n].outer_px, whole, &work.shifted_outer_px[n * whole]);
            }
        }
        const auto evaluate = [&](const SpotForm& part, float* intensity) {
            if (shift_count == 1) {
                set_intensity(part, method, work.inner_px.data(), work.outer_px.data(), static_cast<int>(whole),
                              intensity);
                return;
            }
            set_intensity(part, method, work.shifted_inner_px.data(), work.shifted_outer_px.data(),
                          static_cast<int>(shift_count * whole), work.shifted_intensity.data());
            sum_shifts(work.shifted_intensity.data(), shift_count, whole, intensity);
        };
        if (split.count == 1) {
            evaluate(form, work.intensity.data());
        } else {
            std::fill_n(work.intensity.begin(), whole, 0.0F);
            for (std::size_t i = 0; i < split.count; ++i) {
                SpotForm part = form;
                part.centre = to_float(whiten_from_spot * (offset_in_spot - split.displacement[i]));
                part.amplitude *= static_cast<float>(split.share[i]);
                evaluate(part, work.part_intensity.data());
                for (std::size_t n = 0; n < whole; ++n) work.intensity[n] += work.part_intensity[n];
            }
        }
        float* const origin = view_->pixel00;
        for (std::size_t i = 0; i < count; ++i) origin[work.pixel[i]] += work.intensity[i];
        std::fill_n(&work.intensity[count], lanes, 0.0F);
        using Lanes = Eigen::Array<float, 8, 1>;
        std::array<Lanes, 6> sums;
        sums.fill(Lanes::Zero());
        for (std::size_t i = 0; i < whole; i += 8) {
            const Lanes value = Eigen::Map<const Lanes, Eigen::Aligned32>(&work.intensity[i]);
            const Lanes u = Eigen::Map<const Lanes, Eigen::Aligned32>(&work.inner_px[i]);
            const Lanes v = Eigen::Map<const Lanes, Eigen::Aligned32>(&work.outer_px[i]);
            const Lanes value_u = value * u;
            const Lanes value_v = value * v;
            sums[0] += value;
            sums[1] += value_u;
            sums[2] += value_v;
            sums[3] += value_u * u;
            sums[4] += value_u * v;
            sums[5] += value_v * v;
        }
        const auto total = [&](std::size_t i) { return static_cast<double>(sums[i].sum()); };
        sum.photons += total(0);
        sum.first[inner] += total(1);
        sum.first[outer] += total(2);
        sum.second(inner, inner) += total(3);
        sum.second(0, 1) += total(4);
        sum.second(outer, outer) += total(5);
        count = 0;
    };

    const double tilt = -hessian(inner, outer) / hessian(inner, inner);
    const double stiffness = 1.0 / inverse_hessian(outer, outer);
    const double outer_origin = origin_px_[outer];
    const double inner_origin = origin_px_[inner];
    const double half_outer = std::sqrt(room * inverse_hessian(outer, outer)) + outer_parts.offset;
    const double outer_middle = outer_origin + middle[outer];
    const double outer_cells = outer_parts.cells;
    const double inner_cells = inner_parts.cells;
    const auto first_row = static_cast<int>(std::max(0.0, std::ceil((outer_middle - half_outer) * outer_cells - 0.5)));
    const auto last_row = static_cast<int>(
        std::min(outer_size * outer_cells - 1.0, std::floor((outer_middle + half_outer) * outer_cells - 0.5)));
    const double base_cell = std::floor(inner_origin * inner_cells);
    RowShape shape{};
    shape.first_out_px = static_cast<float>((first_row + 0.5) / outer_cells - outer_origin);
    shape.per_outer = static_cast<float>(1.0 / outer_cells);
    shape.middle_out_px = static_cast<float>(middle[outer]);
    shape.room = static_cast<float>(room);
    shape.stiffness = static_cast<float>(stiffness);
    shape.half2_per_room = static_cast<float>(1.0 / hessian(inner, inner));
    shape.middle_in_px = static_cast<float>(middle[inner]);
    shape.tilt = static_cast<float>(tilt);
    shape.half_curvature = static_cast<float>(0.5 * curvature);
    shape.margin_px = static_cast<float>(inner_parts.offset);
    shape.cells = static_cast<float>(inner_cells);
    shape.base_fraction = static_cast<float>(inner_origin * inner_cells - base_cell);
    const auto base = static_cast<std::int32_t>(base_cell);
    shape.lowest_cell = -base;
    shape.highest_cell = inner_size * inner_parts.cells - 1 - base;
    const auto per_inner = static_cast<float>(1.0 / inner_cells);
    const float to_middle = 0.5F - shape.base_fraction;
    const auto pixel_step = static_cast<std::int32_t>(inner_stride);
    const auto line_step = static_cast<std::int32_t>(outer_stride);
    const double per_inner_cell = 1.0 / inner_cells;
    const double per_outer_cell = 1.0 / outer_cells;
    alignas(32) std::array<float, row_batch> out_px;
    alignas(32) std::array<std::int32_t, row_batch> first_cell;
    alignas(32) std::array<std::int32_t, row_batch> last_cell;
    for (int batch = first_row; batch <= last_row; batch += static_cast<int>(row_batch)) {
        rows_of(shape, batch - first_row, out_px.data(), first_cell.data(), last_cell.data());
        const int end = std::min(last_row + 1 - batch, static_cast<int>(row_batch));
        for (int row = 0; row < end; ++row) {
            const auto slot = static_cast<std::size_t>(row);
            const std::int32_t line = pixel_of(batch + row, per_outer_cell) * line_step;
            const std::int32_t last = last_cell[slot];
            for (std::int32_t cell = first_cell[slot]; cell <= last; cell += lane_count) {
                if (count + lanes > most_points) flush();
                std::fill_n(&work.outer_px[count], lanes, out_px[slot]);
                for (std::size_t i = 0; i < lanes; ++i) {
                    const auto ahead = static_cast<std::int32_t>(i);
                    work.inner_px[count + i] = (static_cast<float>(cell + ahead) + to_middle) * per_inner;
                    work.pixel[count + i] = line + (base + cell + ahead) * pixel_step;
                }
                if (inner_parts.cells > 1) {
                    for (std::size_t i = 0; i < lanes; ++i) {
                        const std::int32_t number = base + cell + static_cast<std::int32_t>(i);
                        work.pixel[count + i] = line + pixel_of(number, per_inner_cell) * pixel_step;
                    }
                }
                // The image is larger than the nearest caches: what is fetched here will be there when it is added to.
                __builtin_prefetch(view_->pixel00 + work.pixel[count], 1);
                if (pixel_step != 1) {
                    const auto end_lane = static_cast<std::size_t>(std::min(last - cell + 1, lane_count));
                    for (std::size_t i = 1; i < end_lane; ++i) {
                        __builtin_prefetch(view_->pixel00 + work.pixel[count + i], 1);
                    }
                }
                count += static_cast<std::size_t>(std::min(last - cell + 1, lane_count));
            }
        }
    }
    if (count > 0) flush();

    // Offsets are those of cells' middles; a pixel's own variance belongs to the footprint.
    const auto uniform = [](const PixelParts& p) { return (1.0 - 1.0 / (p.cells * p.cells)) / 12.0; };
    sum.second(inner, inner) += sum.photons * uniform(inner_parts);
    sum.second(outer, outer) += sum.photons * uniform(outer_parts);
    sum.second(1, 0) = sum.second(0, 1);
    const Eigen::Vector2d offset_sum = sum.first;
    sum.second += offset_sum * origin_px_.transpose() + origin_px_ * offset_sum.transpose() +
                  sum.photons * origin_px_ * origin_px_.transpose();
    sum.first += sum.photons * origin_px_;
    return sum;
}

}  // namespace braggbench
