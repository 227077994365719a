// The points of one spot on its panel: rows of cells (parts of pixels) within an ellipse. What the spot's forms give
// there is added to the image and summed up.
#pragma once

#include <Eigen/Core>
#include <array>
#include <memory>
#include <span>

#include "simulator/panel_view.hpp"
#include "simulator/pixel_parts.hpp"
#include "simulator/spot_form.hpp"

namespace braggbench {

// Sums over what was deposited, positions (of pixel centres) in pixels from the panel's corner.
struct Deposit {
    double photons = 0.0;
    Eigen::Vector2d first = Eigen::Vector2d::Zero();   // photons * position
    Eigen::Matrix2d second = Eigen::Matrix2d::Zero();  // photons * position position^T
};

// What holds a spot: offsets d from origin_px, along fast and slow, with (d - middle)^T hessian (d - middle) <= room.
struct SpotEllipse {
    Eigen::Vector2d origin_px;
    Eigen::Vector2d middle_px;
    Eigen::Matrix2d hessian;
    Eigen::Matrix2d inverse_hessian;
    double room;
    double curvature_per_px = 0.0;  // of the spine of a spot that is bent along its rows

    // Rows run along the axis in which the spot is shorter, so that a spot bent by mosaic spread is cut across; this is
    // the other one (0 = fast, 1 = slow).
    [[nodiscard]] int outer_axis() const { return inverse_hessian(1, 1) >= inverse_hessian(0, 0) ? 1 : 0; }
};

class SpotRaster {
public:
    SpotRaster();
    ~SpotRaster();
    SpotRaster(const SpotRaster&) = delete;
    SpotRaster& operator=(const SpotRaster&) = delete;

    // The spot is the sum of `forms`, at least one, whose inner and outer directions are the ellipse's.
    Deposit add(const PanelView& view, const SpotEllipse& ellipse, const std::array<PixelParts, 2>& parts,
                std::span<const SpotForm> forms, SpotMethod method);

private:
    struct Points;
    class Spot;
    std::unique_ptr<Points> points_;
};

}  // namespace braggbench
