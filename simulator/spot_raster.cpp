#include "simulator/spot_raster.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "simulator/spot_rows.hpp"

namespace braggbench {
namespace {

constexpr std::size_t most_points = 2048;
constexpr std::size_t most_shifts = 4;

using Floats = std::array<float, most_points + lanes>;

struct Shift {
    float inner_px, outer_px;
};

// One axis of the panel, cut into cells.
struct Axis {
    Axis(const PanelView& view, const SpotEllipse& ellipse, const PixelParts& parts_of_pixel, int axis)
        : number(axis),
          parts(parts_of_pixel),
          size_px(axis == 1 ? view.panel->height_px : view.panel->width_px),
          stride(axis == 1 ? static_cast<std::int32_t>(view.image_width_px) : 1),
          origin_px(ellipse.origin_px[axis]),
          middle_px(ellipse.middle_px[axis]),
          cells(parts.cells) {}

    int number;  // 0 = fast, 1 = slow
    PixelParts parts;
    int size_px;
    std::int32_t stride;
    double origin_px;
    double middle_px;
    double cells;
};

RowShape shape_of(const SpotEllipse& ellipse, const Axis& inner, const Axis& outer, int first_row, double base_cell) {
    RowShape shape{};
    shape.first_out_px = static_cast<float>((first_row + 0.5) / outer.cells - outer.origin_px);
    shape.per_outer = static_cast<float>(1.0 / outer.cells);
    shape.middle_out_px = static_cast<float>(outer.middle_px);
    shape.room = static_cast<float>(ellipse.room);
    shape.stiffness = static_cast<float>(1.0 / ellipse.inverse_hessian(outer.number, outer.number));
    const double across = ellipse.hessian(inner.number, inner.number);
    shape.half2_per_room = static_cast<float>(1.0 / across);
    shape.middle_in_px = static_cast<float>(inner.middle_px);
    shape.tilt = static_cast<float>(-ellipse.hessian(inner.number, outer.number) / across);
    shape.half_curvature = static_cast<float>(0.5 * ellipse.curvature_per_px);
    shape.margin_px = static_cast<float>(inner.parts.offset);
    shape.cells = static_cast<float>(inner.cells);
    shape.base_fraction = static_cast<float>(inner.origin_px * inner.cells - base_cell);
    const auto base = static_cast<std::int32_t>(base_cell);
    shape.lowest_cell = -base;
    shape.highest_cell = inner.size_px * inner.parts.cells - 1 - base;
    return shape;
}

}  // namespace

struct SpotRaster::Points {
    alignas(32) Floats inner_px;
    alignas(32) Floats outer_px;
    alignas(32) Floats intensity;
    alignas(32) Floats form_intensity;
    alignas(32) std::array<std::int32_t, most_points + lanes> pixel;
    // The points at every shift, one shift after the other.
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_inner_px;
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_outer_px;
    alignas(32) std::array<float, most_shifts*(most_points + lanes)> shifted_intensity;
};

// One spot under way: points are gathered until there are many, then all are computed.
class SpotRaster::Spot {
public:
    Spot(Points& points, const Axis& inner, const Axis& outer, std::span<const SpotForm> forms, SpotMethod method,
         float* pixel00)
        : points_(points), inner_(inner), outer_(outer), forms_(forms), method_(method), pixel00_(pixel00) {
        for (int a = 0; a < outer.parts.points; ++a) {
            for (int b = 0; b < inner.parts.points; ++b) {
                shifts_[shift_count_++] = {static_cast<float>((b == 0 ? -1 : 1) * inner.parts.offset),
                                           static_cast<float>((a == 0 ? -1 : 1) * outer.parts.offset)};
            }
        }
    }

    void add_rows(const SpotEllipse& ellipse);
    // Everything that was added. The offsets of cells' middles; a pixel's own variance belongs to the footprint.
    [[nodiscard]] Deposit deposit(const Eigen::Vector2d& origin_px) const;

private:
    void compute(std::size_t count);
    void set_intensity_of(const SpotForm& form, std::size_t whole, float* intensity);
    void sum_up(std::size_t whole);

    Points& points_;
    const Axis& inner_;
    const Axis& outer_;
    std::span<const SpotForm> forms_;
    SpotMethod method_;
    float* pixel00_;
    std::array<Shift, most_shifts> shifts_{};
    std::size_t shift_count_ = 0;
    Deposit sum_;  // offsets from the ellipse's origin
};

void SpotRaster::Spot::set_intensity_of(const SpotForm& form, std::size_t whole, float* intensity) {
    if (shift_count_ == 1) {
        set_intensity(form, method_, points_.inner_px.data(), points_.outer_px.data(), static_cast<int>(whole),
                      intensity);
        return;
    }
    set_intensity(form, method_, points_.shifted_inner_px.data(), points_.shifted_outer_px.data(),
                  static_cast<int>(shift_count_ * whole), points_.shifted_intensity.data());
    sum_shifts(points_.shifted_intensity.data(), shift_count_, whole, intensity);
}

void SpotRaster::Spot::sum_up(std::size_t whole) {
    using Lanes = Eigen::Array<float, lanes, 1>;
    std::array<Lanes, 6> sums;
    sums.fill(Lanes::Zero());
    for (std::size_t i = 0; i < whole; i += lanes) {
        const Lanes value = Eigen::Map<const Lanes, Eigen::Aligned32>(&points_.intensity[i]);
        const Lanes u = Eigen::Map<const Lanes, Eigen::Aligned32>(&points_.inner_px[i]);
        const Lanes v = Eigen::Map<const Lanes, Eigen::Aligned32>(&points_.outer_px[i]);
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
    const int inner = inner_.number;
    const int outer = outer_.number;
    sum_.photons += total(0);
    sum_.first[inner] += total(1);
    sum_.first[outer] += total(2);
    sum_.second(inner, inner) += total(3);
    sum_.second(0, 1) += total(4);
    sum_.second(outer, outer) += total(5);
}

void SpotRaster::Spot::compute(std::size_t count) {
    const std::size_t whole = (count + lanes - 1) / lanes * lanes;
    std::fill_n(&points_.inner_px[count], lanes, points_.inner_px[count - 1]);
    std::fill_n(&points_.outer_px[count], lanes, points_.outer_px[count - 1]);
    if (shift_count_ > 1) {
        for (std::size_t n = 0; n < shift_count_; ++n) {
            shift_points(points_.inner_px.data(), shifts_[n].inner_px, whole, &points_.shifted_inner_px[n * whole]);
            shift_points(points_.outer_px.data(), shifts_[n].outer_px, whole, &points_.shifted_outer_px[n * whole]);
        }
    }
    set_intensity_of(forms_[0], whole, points_.intensity.data());
    for (const SpotForm& form : forms_.subspan(1)) {
        set_intensity_of(form, whole, points_.form_intensity.data());
        for (std::size_t i = 0; i < whole; ++i) points_.intensity[i] += points_.form_intensity[i];
    }
    for (std::size_t i = 0; i < count; ++i) pixel00_[points_.pixel[i]] += points_.intensity[i];
    std::fill_n(&points_.intensity[count], lanes, 0.0F);
    sum_up(whole);
}

void SpotRaster::Spot::add_rows(const SpotEllipse& ellipse) {
    const double half_outer =
        std::sqrt(ellipse.room * ellipse.inverse_hessian(outer_.number, outer_.number)) + outer_.parts.offset;
    const double outer_middle = outer_.origin_px + outer_.middle_px;
    const auto first_row = static_cast<int>(std::max(0.0, std::ceil((outer_middle - half_outer) * outer_.cells - 0.5)));
    const auto last_row = static_cast<int>(
        std::min(outer_.size_px * outer_.cells - 1.0, std::floor((outer_middle + half_outer) * outer_.cells - 0.5)));
    const double base_cell = std::floor(inner_.origin_px * inner_.cells);
    const RowShape shape = shape_of(ellipse, inner_, outer_, first_row, base_cell);
    const auto base = static_cast<std::int32_t>(base_cell);
    const auto per_inner = static_cast<float>(1.0 / inner_.cells);
    const float to_middle = 0.5F - shape.base_fraction;
    const std::int32_t pixel_step = inner_.stride;
    const double per_inner_cell = 1.0 / inner_.cells;
    const double per_outer_cell = 1.0 / outer_.cells;
    Points& points = points_;
    std::size_t count = 0;
    alignas(32) std::array<float, row_batch> out_px;
    alignas(32) std::array<std::int32_t, row_batch> first_cell;
    alignas(32) std::array<std::int32_t, row_batch> last_cell;
    for (int batch = first_row; batch <= last_row; batch += static_cast<int>(row_batch)) {
        rows_of(shape, batch - first_row, out_px.data(), first_cell.data(), last_cell.data());
        const int end = std::min(last_row + 1 - batch, static_cast<int>(row_batch));
        for (int row = 0; row < end; ++row) {
            const auto slot = static_cast<std::size_t>(row);
            const std::int32_t line = pixel_of(batch + row, per_outer_cell) * outer_.stride;
            const std::int32_t last = last_cell[slot];
            for (std::int32_t cell = first_cell[slot]; cell <= last; cell += lane_count) {
                if (count + lanes > most_points) {
                    compute(count);
                    count = 0;
                }
                std::fill_n(&points.outer_px[count], lanes, out_px[slot]);
                for (std::size_t i = 0; i < lanes; ++i) {
                    const auto ahead = static_cast<std::int32_t>(i);
                    points.inner_px[count + i] = (static_cast<float>(cell + ahead) + to_middle) * per_inner;
                    points.pixel[count + i] = line + (base + cell + ahead) * pixel_step;
                }
                if (inner_.parts.cells > 1) {
                    for (std::size_t i = 0; i < lanes; ++i) {
                        const std::int32_t number = base + cell + static_cast<std::int32_t>(i);
                        points.pixel[count + i] = line + pixel_of(number, per_inner_cell) * pixel_step;
                    }
                }
                // The image is larger than the nearest caches: what is fetched here will be there when it is added to.
                __builtin_prefetch(pixel00_ + points.pixel[count], 1);
                if (pixel_step != 1) {
                    const auto end_lane = static_cast<std::size_t>(std::min(last - cell + 1, lane_count));
                    for (std::size_t i = 1; i < end_lane; ++i) {
                        __builtin_prefetch(pixel00_ + points.pixel[count + i], 1);
                    }
                }
                count += static_cast<std::size_t>(std::min(last - cell + 1, lane_count));
            }
        }
    }
    if (count > 0) compute(count);
}

Deposit SpotRaster::Spot::deposit(const Eigen::Vector2d& origin_px) const {
    const auto uniform = [](const PixelParts& p) { return (1.0 - 1.0 / (p.cells * p.cells)) / 12.0; };
    Deposit sum = sum_;
    sum.second(inner_.number, inner_.number) += sum.photons * uniform(inner_.parts);
    sum.second(outer_.number, outer_.number) += sum.photons * uniform(outer_.parts);
    sum.second(1, 0) = sum.second(0, 1);
    const Eigen::Vector2d offset_sum = sum.first;
    sum.second += offset_sum * origin_px.transpose() + origin_px * offset_sum.transpose() +
                  sum.photons * origin_px * origin_px.transpose();
    sum.first += sum.photons * origin_px;
    return sum;
}

SpotRaster::SpotRaster() : points_(std::make_unique<Points>()) {}
SpotRaster::~SpotRaster() = default;

Deposit SpotRaster::add(const PanelView& view, const SpotEllipse& ellipse, const std::array<PixelParts, 2>& parts,
                        std::span<const SpotForm> forms, SpotMethod method) {
    const int outer_number = ellipse.outer_axis();
    const int inner_number = 1 - outer_number;
    const Axis outer(view, ellipse, parts[static_cast<std::size_t>(outer_number)], outer_number);
    const Axis inner(view, ellipse, parts[static_cast<std::size_t>(inner_number)], inner_number);
    Spot spot(*points_, inner, outer, forms, method, view.pixel00);
    spot.add_rows(ellipse);
    return spot.deposit(ellipse.origin_px);
}

}  // namespace braggbench
