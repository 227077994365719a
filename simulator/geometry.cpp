#include "simulator/geometry.hpp"

#include <Eigen/Geometry>
#include <cmath>

namespace braggbench {

Eigen::Vector3d lab_from_panel_mm(const Panel& panel, double fast_px, double slow_px) {
    return panel.origin_mm + panel.pixel_size_mm * (fast_px * panel.fast_axis + slow_px * panel.slow_axis);
}

const Panel* panel_at(const Detector& detector, double image_fast_px, double image_slow_px) {
    for (const Panel& panel : detector.panels) {
        const double fast = image_fast_px - panel.image_fast_px;
        const double slow = image_slow_px - panel.image_slow_px;
        if (fast >= 0 && fast < panel.width_px && slow >= 0 && slow < panel.height_px) return &panel;
    }
    return nullptr;
}

double polarization_factor(const Eigen::Vector3d& direction, double kahn_factor) {
    // psi is the azimuth from lab x: cos(2 psi) sin^2(2 theta) = x^2 - y^2 of the unit direction.
    const double azimuthal = direction.x() * direction.x() - direction.y() * direction.y();
    return 0.5 * (1.0 + direction.z() * direction.z() - kahn_factor * azimuthal);
}

double solid_angle_sr(const Panel& panel, const Eigen::Vector3d& position_mm) {
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    const double range_mm = position_mm.norm();
    return panel.pixel_size_mm * panel.pixel_size_mm * close_mm / (range_mm * range_mm * range_mm);
}

double capture_fraction(const Detector& detector, const Panel& panel, const Eigen::Vector3d& direction) {
    if (detector.sensor_thickness_um <= 0.0) return 1.0;
    const double cosine = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(direction));
    return -std::expm1(-detector.sensor_thickness_um / (detector.sensor_attenuation_length_um * cosine));
}

}  // namespace braggbench
