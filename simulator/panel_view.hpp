// A panel as the spots integrator sees it: where its pixels lie in space and in memory.
#pragma once

#include <Eigen/Core>
#include <cstddef>

#include "simulator/detector.hpp"

namespace braggbench {

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

}  // namespace braggbench
