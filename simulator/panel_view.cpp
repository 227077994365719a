#include "simulator/panel_view.hpp"

#include <Eigen/Geometry>

namespace braggbench {

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

}  // namespace braggbench
