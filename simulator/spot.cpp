#include "simulator/spot.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "simulator/fast_math.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

constexpr double cut2 = spot_cut_sigma * spot_cut_sigma;
constexpr int max_rows = 128;

// Gauss-Legendre nodes in (-1, 1) and weights that sum to 1 (Abramowitz & Stegun 1964, table 25.4).
constexpr int max_nodes = 6;
constexpr std::array<std::array<double, max_nodes>, max_nodes + 1> node = {{
    {},
    {0.0},
    {-0.5773502691896257, 0.5773502691896257},
    {-0.7745966692414834, 0.0, 0.7745966692414834},
    {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526},
    {-0.9061798459386640, -0.5384693101056831, 0.0, 0.5384693101056831, 0.9061798459386640},
    {-0.9324695142031521, -0.6612093864662645, -0.2386191860831969, 0.2386191860831969, 0.6612093864662645,
     0.9324695142031521},
}};
constexpr std::array<std::array<double, max_nodes>, max_nodes + 1> node_weight = {{
    {},
    {1.0},
    {0.5, 0.5},
    {5.0 / 18, 8.0 / 18, 5.0 / 18},
    {0.17392742256872692, 0.32607257743127307, 0.32607257743127307, 0.17392742256872692},
    {0.11846344252809454, 0.23931433524968324, 0.28444444444444444, 0.23931433524968324, 0.11846344252809454},
    {0.08566224618958517, 0.18038078652406930, 0.23395696728634552, 0.23395696728634552, 0.18038078652406930,
     0.08566224618958517},
}};
// Widest interval, in sigma, for which n nodes integrate a Gaussian that is cut into such intervals to 7e-4 of its
// whole in the sum of absolute errors (measured).
constexpr std::array<double, max_nodes + 1> widest_sigma = {0.0, 0.1, 1.0, 2.0, 3.0, 3.7, 4.8};

int nodes_for(double width_sigma) {
    int n = 1;
    while (n < max_nodes && width_sigma > widest_sigma[static_cast<std::size_t>(n)]) ++n;
    return n;
}

// The normal distribution function from a table with linear interpolation: 1e-7 absolute.
class NormalCdf {
public:
    NormalCdf() {
        for (std::size_t i = 0; i < table_.size(); ++i) {
            const double x = -limit + static_cast<double>(i) / per_unit;
            table_[i] = static_cast<float>(0.5 * std::erfc(-x / std::numbers::sqrt2));
        }
    }
    float operator()(float x) const {
        const float t = (std::clamp(x, -limit_f, limit_f) + limit_f) * per_unit;
        const auto i = static_cast<std::size_t>(t);
        const float f = t - static_cast<float>(i);
        return table_[i] + f * (table_[i + 1] - table_[i]);
    }

private:
    static constexpr double limit = 5.5;
    static constexpr float limit_f = 5.5F;
    static constexpr float per_unit = 512.0F;
    std::array<float, 11 * 512 + 2> table_{};
};
const NormalCdf normal_cdf;

using Vec3 = std::array<float, 3>;
Vec3 to_float(const Eigen::Vector3d& v) {
    return {static_cast<float>(v.x()), static_cast<float>(v.y()), static_cast<float>(v.z())};
}

// The Gaussian of one reflection in whitened coordinates y = L (q - r) with L^T L the inverse covariance of all but the
// bandwidth, as a function of the offset (inner, outer) in pixels from the spot's centre.
struct Whitened {
    Vec3 centre;  // y at the centre
    Vec3 p;       // L r
    Vec3 inner;   // dy per pixel before the division by the range
    Vec3 outer;
    Vec3 ray;                                // k L d
    float slope_inner, slope_outer, metric;  // s = |P|^2 / |Pc|^2 - 1 as a polynomial of the offset
    std::array<Vec3, 2> rotate;  // mean tangential displacement of r by mosaic rotation, over sqrt(2) |r|, from y
    float bend;                  // its variance, likewise
    float band2;
};

struct Rows {
    std::array<float, max_rows> offset;     // outer coordinate from the centre, px
    std::array<float, max_rows> predicted;  // of the row's maximum, inner coordinate from the centre, px
    std::array<float, max_rows> weight;
    std::array<int, max_rows> pixel;        // the row of pixels it lies in
    std::array<float, max_rows> top;        // the row's maximum, smeared amplitude and solid angle included
    std::array<float, max_rows> middle;     // where it lies
    std::array<float, max_rows> curvature;  // 1 / sigma^2 along the row
};

// chi^2 at an offset; `factor` gets the smearing by the band and the change of solid angle.
template <bool has_band, bool is_bent>
inline float chi2(const Whitened& w, float in, float out, float& factor) {
    const float s = w.slope_inner * in + w.slope_outer * out + w.metric * (in * in + out * out);
    const float n = std::sqrt(1.0F + s);
    const float reciprocal = 1.0F / (n * (1.0F + n));
    // d - d_c = (delta - d_c s / (1 + n)) / n, free of cancellation.
    const float along = (1.0F + n) * reciprocal;
    const float back = s * reciprocal;
    float y0 = w.centre[0] + along * (w.inner[0] * in + w.outer[0] * out) - back * w.ray[0];
    float y1 = w.centre[1] + along * (w.inner[1] * in + w.outer[1] * out) - back * w.ray[1];
    float y2 = w.centre[2] + along * (w.inner[2] * in + w.outer[2] * out) - back * w.ray[2];
    factor = along * along * along;
    if constexpr (is_bent) {
        float e0 = y0;
        float e1 = y1;
        float e2 = y2;
        if constexpr (has_band) {
            const float v0 = w.p[0] + y0;
            const float v1 = w.p[1] + y1;
            const float v2 = w.p[2] + y2;
            const float e = w.band2 * (y0 * v0 + y1 * v1 + y2 * v2) / (1.0F + w.band2 * (v0 * v0 + v1 * v1 + v2 * v2));
            e0 -= e * v0;
            e1 -= e * v1;
            e2 -= e * v2;
        }
        const float t0 = w.rotate[0][0] * e0 + w.rotate[0][1] * e1 + w.rotate[0][2] * e2;
        const float t1 = w.rotate[1][0] * e0 + w.rotate[1][1] * e1 + w.rotate[1][2] * e2;
        const float shift = t0 * t0 + t1 * t1 + w.bend;
        y0 += shift * w.p[0];
        y1 += shift * w.p[1];
        y2 += shift * w.p[2];
    }
    const float a = y0 * y0 + y1 * y1 + y2 * y2;
    if constexpr (!has_band) return a;
    const float v0 = w.p[0] + y0;
    const float v1 = w.p[1] + y1;
    const float v2 = w.p[2] + y2;
    const float c0 = y1 * v2 - y2 * v1;
    const float c1 = y2 * v0 - y0 * v2;
    const float c2 = y0 * v1 - y1 * v0;
    const float g = 1.0F / (1.0F + w.band2 * (v0 * v0 + v1 * v1 + v2 * v2));
    factor *= std::sqrt(g);
    return (a + w.band2 * (c0 * c0 + c1 * c1 + c2 * c2)) * g;
}

// Along a row chi^2 is a parabola as nearly as the Ewald sphere is straight across a spot: three points give its
// vertex, height and width.
template <bool has_band, bool is_bent>
void fit_rows(const Whitened& w, Rows& rows, int count, float step) {
    const float per_step = 1.0F / step;
    for (int i = 0; i < count; ++i) {
        const auto j = static_cast<std::size_t>(i);
        float factor = 0;
        float unused = 0;
        const float out = rows.offset[j];
        const float in = rows.predicted[j];
        const float before = chi2<has_band, is_bent>(w, in - step, out, unused);
        const float here = chi2<has_band, is_bent>(w, in, out, factor);
        const float after = chi2<has_band, is_bent>(w, in + step, out, unused);
        const float half_slope = 0.25F * (after - before);
        const float bend = std::max(0.5F * (after + before) - here, 1e-3F);
        const float move = -half_slope / bend;
        rows.middle[j] = in + move * step;
        rows.curvature[j] = bend * per_step * per_step;
        rows.top[j] = rows.weight[j] * factor * fast_exp(-0.5F * std::max(here + half_slope * move, 0.0F));
    }
}

}  // namespace

Eigen::Matrix3d smeared_covariance(const Smearing& smearing, const Eigen::Vector3d& r) {
    const double mosaic2 = smearing.mosaic_rms_rad * smearing.mosaic_rms_rad;
    const double band2 = smearing.bandwidth_rms * smearing.bandwidth_rms;
    Eigen::Matrix3d covariance = smearing.shape + smearing.divergence + (band2 - mosaic2) * r * r.transpose();
    covariance.diagonal().array() += mosaic2 * r.squaredNorm();
    return covariance;
}

PanelView::PanelView(const Panel& panel_in, float* pixel00_in, std::ptrdiff_t image_width_px_in)
    : panel(&panel_in), pixel00(pixel00_in), image_width_px(image_width_px_in) {
    normal = panel_in.fast_axis.cross(panel_in.slow_axis);
    close_mm = normal.dot(panel_in.origin_mm);
    if (close_mm < 0) {
        normal = -normal;
        close_mm = -close_mm;
    }
}

bool PanelView::intersect(const Eigen::Vector3d& direction, Eigen::Vector2d& position_px) const {
    const double cosine = normal.dot(direction);
    if (!(cosine > 0.05)) return false;
    const Eigen::Vector3d from_origin = direction * (close_mm / cosine) - panel->origin_mm;
    position_px =
        Eigen::Vector2d(from_origin.dot(panel->fast_axis), from_origin.dot(panel->slow_axis)) / panel->pixel_size_mm;
    return true;
}

SpotPainter::SpotPainter(const Smearing& smearing)
    : smearing_(&smearing), sqrt_det_shape_(std::sqrt(smearing.shape.determinant())) {}

void SpotPainter::look_at_centre() {
    const Eigen::Vector3d position = lab_from_panel_mm(*view_->panel, centre_px_.x(), centre_px_.y());
    range_mm_ = position.norm();
    direction_ = position / range_mm_;
}

bool SpotPainter::place(const PanelView& view, const Eigen::Vector3d& r) {
    view_ = &view;
    r_ = r;
    const double k = smearing_->wavenumber_invA;
    const Eigen::Vector3d s0(0, 0, k);
    direction_ = (r + s0).normalized();
    if (!view.intersect(direction_, centre_px_)) return false;

    covariance_ = smeared_covariance(*smearing_, r);
    const Eigen::Matrix3d inverse = covariance_.inverse();
    const Panel& panel = *view.panel;
    Eigen::Matrix2d inverse_hessian;
    look_at_centre();
    for (int iteration = 0; iteration < 3; ++iteration) {
        const Eigen::Vector3d x = k * direction_ - s0 - r;
        Eigen::Matrix<double, 3, 2> jacobian;
        const double per_px = k * panel.pixel_size_mm / range_mm_;
        jacobian.col(0) = per_px * (panel.fast_axis - direction_ * direction_.dot(panel.fast_axis));
        jacobian.col(1) = per_px * (panel.slow_axis - direction_ * direction_.dot(panel.slow_axis));
        const Eigen::Matrix<double, 3, 2> weighted = inverse * jacobian;
        hessian_ = jacobian.transpose() * weighted;
        inverse_hessian = hessian_.inverse();
        const Eigen::Vector2d gradient = weighted.transpose() * x;
        const Eigen::Vector2d step = -inverse_hessian * gradient;
        chi2_min_ = x.dot(inverse * x) + gradient.dot(step);
        if (step.dot(hessian_ * step) < 0.01) break;
        centre_px_ += step;
        look_at_centre();
    }
    if (!(chi2_min_ < cut2)) return false;
    const double room = cut2 - chi2_min_;
    for (int axis = 0; axis < 2; ++axis) {
        const double half = std::sqrt(room * inverse_hessian(axis, axis));
        const int size = axis == 0 ? panel.width_px : panel.height_px;
        if (centre_px_[axis] + half < 0 || centre_px_[axis] - half > size) return false;
    }
    return true;
}

Deposit SpotPainter::paint(double photons_per_px) {
    const Panel& panel = *view_->panel;
    const double k = smearing_->wavenumber_invA;
    const double mosaic2 = smearing_->mosaic_rms_rad * smearing_->mosaic_rms_rad;
    Eigen::Matrix3d covariance = smearing_->shape + smearing_->divergence - mosaic2 * r_ * r_.transpose();
    covariance.diagonal().array() += mosaic2 * r_.squaredNorm();
    const Eigen::Matrix3d lower = covariance.llt().matrixL();
    const Eigen::Matrix3d whitening = lower.triangularView<Eigen::Lower>().solve(Eigen::Matrix3d::Identity());
    const double amplitude = sqrt_det_shape_ * whitening.diagonal().prod();

    // Rows run along the axis in which the spot is shorter, so that a spot bent by mosaic spread is cut across.
    const Eigen::Matrix2d inverse_hessian = hessian_.inverse();
    const int outer = inverse_hessian(1, 1) >= inverse_hessian(0, 0) ? 1 : 0;
    const int inner = 1 - outer;
    const Eigen::Vector3d& outer_axis = outer == 1 ? panel.slow_axis : panel.fast_axis;
    const Eigen::Vector3d& inner_axis = outer == 1 ? panel.fast_axis : panel.slow_axis;
    const int outer_size = outer == 1 ? panel.height_px : panel.width_px;
    const int inner_size = outer == 1 ? panel.width_px : panel.height_px;
    const std::ptrdiff_t outer_stride = outer == 1 ? view_->image_width_px : 1;
    const std::ptrdiff_t inner_stride = outer == 1 ? 1 : view_->image_width_px;

    const double angle_per_px = panel.pixel_size_mm / range_mm_;
    Whitened w{};
    const Eigen::Vector3d p = whitening * r_;
    w.centre = to_float(whitening * (k * direction_ - Eigen::Vector3d(0, 0, k) - r_));
    w.p = to_float(p);
    w.inner = to_float(whitening * inner_axis * (k * angle_per_px));
    w.outer = to_float(whitening * outer_axis * (k * angle_per_px));
    w.ray = to_float(whitening * direction_ * k);
    w.slope_inner = static_cast<float>(2.0 * direction_.dot(inner_axis) * angle_per_px);
    w.slope_outer = static_cast<float>(2.0 * direction_.dot(outer_axis) * angle_per_px);
    w.metric = static_cast<float>(angle_per_px * angle_per_px);
    w.band2 = static_cast<float>(smearing_->bandwidth_rms * smearing_->bandwidth_rms);

    // A bend below 2 % of the narrowest sigma is left out.
    bool is_bent = false;
    if (mosaic2 > 0) {
        const Eigen::Vector3d tangent0 = r_.unitOrthogonal();
        const Eigen::Vector3d tangent1 = r_.cross(tangent0).normalized();
        const double scale = mosaic2 * r_.norm() / std::numbers::sqrt2;
        const Eigen::Vector3d rotate0 = scale * (whitening * tangent0);
        const Eigen::Vector3d rotate1 = scale * (whitening * tangent1);
        const double explained = rotate0.squaredNorm() + rotate1.squaredNorm();
        const double bend = std::max(mosaic2 - explained, 0.0);
        w.rotate = {to_float(rotate0), to_float(rotate1)};
        w.bend = static_cast<float>(bend);
        is_bent = (bend + cut2 * explained) * p.norm() > 0.02;
    }

    const double step_px = 1.2 / std::sqrt(hessian_(inner, inner));
    const double tilt = -hessian_(inner, outer) / hessian_(inner, inner);
    const double scale = photons_per_px * amplitude;
    float* const origin = view_->pixel00;
    Rows rows;
    int count = 0;
    Deposit deposit;
    const double inner_centre = centre_px_[inner];
    const double outer_centre = centre_px_[outer];

    const auto flush = [&] {
        const auto step = static_cast<float>(step_px);
        if (w.band2 > 0) {
            is_bent ? fit_rows<true, true>(w, rows, count, step) : fit_rows<true, false>(w, rows, count, step);
        } else {
            is_bent ? fit_rows<false, true>(w, rows, count, step) : fit_rows<false, false>(w, rows, count, step);
        }
        for (int i = 0; i < count; ++i) {
            const auto j = static_cast<std::size_t>(i);
            constexpr float window_sigma = 4.2F;
            const float per_sigma = std::sqrt(rows.curvature[j]);
            const float sigma = 1.0F / per_sigma;
            const double low_px = inner_centre + static_cast<double>(rows.middle[j] - window_sigma * sigma);
            const double high_px = inner_centre + static_cast<double>(rows.middle[j] + window_sigma * sigma);
            if (!(low_px < inner_size && high_px > 0)) continue;
            const int first = std::max(0, static_cast<int>(low_px));
            const int last = std::min(inner_size - 1, static_cast<int>(high_px));
            const auto row_photons =
                static_cast<float>(scale * std::sqrt(2.0 * std::numbers::pi)) * rows.top[j] * sigma;
            float* pixel = origin + rows.pixel[j] * outer_stride + first * inner_stride;
            const float start =
                (static_cast<float>(static_cast<double>(first) - inner_centre) - rows.middle[j]) * per_sigma;
            const float below_first = normal_cdf(start);
            float below = below_first;
            for (int n = 1; n <= last - first + 1; ++n) {
                const float next = normal_cdf(start + static_cast<float>(n) * per_sigma);
                *pixel += row_photons * (next - below);
                pixel += inner_stride;
                below = next;
            }
            const auto share = static_cast<double>(below - below_first);
            if (!(share > 1e-6)) continue;
            auto mean = static_cast<double>(rows.middle[j]);
            double variance = static_cast<double>(sigma) * static_cast<double>(sigma);
            if (share < 0.999) {
                // The mean and variance of a Gaussian cut at the panel's edges.
                const auto a = static_cast<double>(start);
                const double b = a + (last - first + 1) * static_cast<double>(per_sigma);
                const double pdf_a = std::exp(-0.5 * a * a) / std::sqrt(2.0 * std::numbers::pi);
                const double pdf_b = std::exp(-0.5 * b * b) / std::sqrt(2.0 * std::numbers::pi);
                const double shift = (pdf_a - pdf_b) / share;
                mean += static_cast<double>(sigma) * shift;
                variance *= std::max(0.0, 1.0 + (a * pdf_a - b * pdf_b) / share - shift * shift);
            }
            const double photons = static_cast<double>(row_photons) * share;
            const auto along = static_cast<double>(rows.offset[j]);
            deposit.photons += photons;
            deposit.first[inner] += photons * mean;
            deposit.first[outer] += photons * along;
            deposit.second(inner, inner) += photons * (mean * mean + variance);
            deposit.second(outer, outer) += photons * along * along;
            deposit.second(0, 1) += photons * mean * along;
        }
        count = 0;
    };

    const double half = std::sqrt((cut2 - chi2_min_) * inverse_hessian(outer, outer));
    const double low = std::max(0.0, outer_centre - half);
    const double high = std::min(static_cast<double>(outer_size), outer_centre + half);
    const double sigma = 1.0 / std::sqrt(hessian_(outer, outer));
    for (double edge = low; edge < high;) {
        const double next_edge = std::min(high, std::floor(edge) + 1.0);
        const double width = next_edge - edge;
        const int pieces = std::max(1, static_cast<int>(std::ceil(width / (widest_sigma.back() * sigma))));
        const double piece = width / pieces;
        const auto nodes = static_cast<std::size_t>(nodes_for(piece / sigma));
        for (int part = 0; part < pieces; ++part) {
            for (std::size_t n = 0; n < nodes; ++n) {
                const double position = edge + piece * (part + 0.5 * (1.0 + node[nodes][n]));
                const auto j = static_cast<std::size_t>(count);
                const double offset = position - outer_centre;
                rows.pixel[j] = static_cast<int>(edge);
                rows.offset[j] = static_cast<float>(offset);
                rows.predicted[j] = static_cast<float>(tilt * offset);
                rows.weight[j] = static_cast<float>(piece * node_weight[nodes][n]);
                if (++count == max_rows) flush();
            }
        }
        edge = next_edge;
    }
    flush();

    deposit.second(1, 0) = deposit.second(0, 1);
    // From offsets to panel coordinates.
    const Eigen::Vector2d offset_sum = deposit.first;
    deposit.second += offset_sum * centre_px_.transpose() + centre_px_ * offset_sum.transpose() +
                      deposit.photons * centre_px_ * centre_px_.transpose();
    deposit.first += deposit.photons * centre_px_;
    return deposit;
}

}  // namespace braggbench
