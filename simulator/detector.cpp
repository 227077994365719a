#include "simulator/detector.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

// Beyond this a pixel number no longer fits the 26 bits that the keys of per-pixel random numbers have (response.cpp).
constexpr double max_image_px = 67108864.0;

void check_panel(const Detector& detector, std::size_t number, Faults& faults) {
    const Panel& panel = detector.panels[number];
    const std::string name = fmt::format("panels[{}].", number);
    faults.require(panel.width_px > 0, name + "width_px", panel.width_px, "a panel has at least one pixel",
                   "Give a positive number.");
    faults.require(panel.height_px > 0, name + "height_px", panel.height_px, "a panel has at least one pixel",
                   "Give a positive number.");
    faults.require(panel.pixel_size_mm > 0, name + "pixel_size_mm", panel.pixel_size_mm, "a pixel has a positive size",
                   "Give its edge in millimetres, such as 0.172.");
    if (panel.image_fast_px < 0 || panel.image_slow_px < 0 ||
        panel.image_fast_px > detector.image_width_px - panel.width_px ||
        panel.image_slow_px > detector.image_height_px - panel.height_px) {
        faults.add(
            fmt::format("{}image_fast_px = {}, image_slow_px = {} (the panel of {} x {} pixels leaves the image "
                        "of {} x {}). Move it or enlarge the image.",
                        name, panel.image_fast_px, panel.image_slow_px, panel.width_px, panel.height_px,
                        detector.image_width_px, detector.image_height_px));
    }
    if (!panel.origin_mm.allFinite() || !panel.fast_axis.allFinite() || !panel.slow_axis.allFinite()) {
        faults.add(name + "origin_mm or axes (they must be finite numbers). Give three numbers each.");
        return;
    }
    constexpr double tolerance = 1e-6;
    if (std::abs(panel.fast_axis.norm() - 1) > tolerance || std::abs(panel.slow_axis.norm() - 1) > tolerance ||
        std::abs(panel.fast_axis.dot(panel.slow_axis)) > tolerance) {
        faults.add(
            name +
            "fast_axis and slow_axis (they must be perpendicular unit vectors). Normalise them, or orthogonalise "
            "slow_axis.");
        return;
    }
    const double distance_mm = panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm);
    if (std::abs(distance_mm) < 1e-9) {
        faults.add(name + "origin_mm (the sample lies in the plane of the panel). Move the panel away from it.");
    }
    for (std::size_t other = 0; other < number; ++other) {
        const Panel& b = detector.panels[other];
        if (panel.image_fast_px < b.image_fast_px + b.width_px &&
            b.image_fast_px < panel.image_fast_px + panel.width_px &&
            panel.image_slow_px < b.image_slow_px + b.height_px &&
            b.image_slow_px < panel.image_slow_px + panel.height_px) {
            faults.add(fmt::format("panels[{}] and panels[{}] (they share pixels of the image). Move one of them.",
                                   other, number));
        }
    }
}

// Measured geometries put neighbouring panels up to this far into each other.
constexpr double tolerated_overlap_px = 2.0;

Eigen::Vector3d centre_mm(const Panel& panel) {
    return lab_from_panel_mm(panel, 0.5 * panel.width_px, 0.5 * panel.height_px);
}

double half_diagonal_mm(const Panel& panel) {
    return 0.5 * panel.pixel_size_mm * std::hypot(panel.width_px, panel.height_px);
}

// Half the length of the panel's shadow on an axis.
double half_extent_mm(const Panel& panel, const Eigen::Vector3d& axis) {
    return 0.5 * panel.pixel_size_mm *
           (panel.width_px * std::abs(panel.fast_axis.dot(axis)) +
            panel.height_px * std::abs(panel.slow_axis.dot(axis)));
}

// Two panels that lie in one plane and share some of it, by the separating-axis test. Panels one behind the other are
// no fault.
bool collide(const Panel& a, const Panel& b, const Eigen::Vector3d& a_to_b_mm) {
    const Eigen::Vector3d normal = a.fast_axis.cross(a.slow_axis);
    const double pixel_mm = std::max(a.pixel_size_mm, b.pixel_size_mm);
    constexpr double parallel = 0.999;
    if (std::abs(normal.dot(b.fast_axis.cross(b.slow_axis))) < parallel) return false;
    if (std::abs(normal.dot(a_to_b_mm)) > pixel_mm) return false;
    return std::ranges::all_of(std::array{a.fast_axis, a.slow_axis, b.fast_axis, b.slow_axis}, [&](const auto& axis) {
        return half_extent_mm(a, axis) + half_extent_mm(b, axis) - std::abs(a_to_b_mm.dot(axis)) >
               tolerated_overlap_px * pixel_mm;
    });
}

void check_collisions(const Detector& detector, Faults& faults) {
    std::vector<Eigen::Vector3d> centres;
    std::vector<double> reaches_mm;
    for (const Panel& panel : detector.panels) {
        centres.push_back(centre_mm(panel));
        reaches_mm.push_back(half_diagonal_mm(panel));
    }
    for (std::size_t j = 1; j < centres.size(); ++j) {
        for (std::size_t i = 0; i < j; ++i) {
            const Panel& a = detector.panels[i];
            const Panel& b = detector.panels[j];
            const Eigen::Vector3d a_to_b = centres[j] - centres[i];
            const double reach = reaches_mm[i] + reaches_mm[j];
            if (a_to_b.squaredNorm() < reach * reach && collide(a, b, a_to_b)) {
                faults.add(
                    fmt::format("panels[{}] and panels[{}] (they lie in one plane and overlap there by more than {} "
                                "pixels). Move one of them.",
                                i, j, tolerated_overlap_px));
            }
        }
    }
}

// The direction along or against one of two axes that is nearest to `wanted`.
struct AxisChoice {
    bool slow = false;
    bool reversed = false;
};

AxisChoice nearest_axis(const Panel& panel, const Eigen::Vector3d& wanted) {
    const double fast = panel.fast_axis.dot(wanted);
    const double slow = panel.slow_axis.dot(wanted);
    if (std::abs(slow) > std::abs(fast)) return {true, slow < 0};
    return {false, fast < 0};
}

// The panel counted from the corner from which fast runs along -x and slow along -y, as nearly as it can.
Panel drawn_upright(const Panel& panel) {
    const AxisChoice fast = nearest_axis(panel, -Eigen::Vector3d::UnitX());
    const double slow_along_y = (fast.slow ? panel.fast_axis : panel.slow_axis).y();
    const bool slow_reversed = slow_along_y > 0;
    const bool fast_end = fast.slow ? slow_reversed : fast.reversed;
    const bool slow_end = fast.slow ? fast.reversed : slow_reversed;
    Panel upright = panel;
    upright.origin_mm = lab_from_panel_mm(panel, fast_end ? panel.width_px : 0, slow_end ? panel.height_px : 0);
    upright.fast_axis = (fast.reversed ? -1.0 : 1.0) * (fast.slow ? panel.slow_axis : panel.fast_axis);
    upright.slow_axis = (slow_reversed ? -1.0 : 1.0) * (fast.slow ? panel.fast_axis : panel.slow_axis);
    if (fast.slow) std::swap(upright.width_px, upright.height_px);
    return upright;
}

}  // namespace

void check(const Detector& detector, Faults& faults) {
    if (detector.panels.empty()) faults.add("panels (the detector has none). Give at least one.");
    faults.require(detector.image_width_px > 0, "image_width_px", detector.image_width_px, "an image has pixels",
                   "Give a positive number.");
    faults.require(detector.image_height_px > 0, "image_height_px", detector.image_height_px, "an image has pixels",
                   "Give a positive number.");
    const double size_px = static_cast<double>(detector.image_width_px) * detector.image_height_px;
    faults.require(size_px <= max_image_px, "image size in pixels", size_px, "at most 2^26 are supported",
                   "Make the image smaller.");
    for (std::size_t number = 0; number < detector.panels.size(); ++number) check_panel(detector, number, faults);
    check_collisions(detector, faults);
    faults.require(detector.sensor_thickness_um >= 0, "sensor_thickness_um", detector.sensor_thickness_um,
                   "a thickness cannot be negative", "Give 0 to capture every photon.");
    faults.require(detector.sensor_thickness_um == 0 || detector.sensor_attenuation_length_um > 0,
                   "sensor_attenuation_length_um", detector.sensor_attenuation_length_um,
                   "a sensor with a thickness needs a positive attenuation length", "Give 1 / mu in micrometres.");
}

Detector flat_detector(int width_px, int height_px, double pixel_size_mm, double distance_mm, double beam_fast_px,
                       double beam_slow_px) {
    Faults faults;
    faults.require(width_px > 0, "width_px", width_px, "an image has pixels", "Give a positive number.");
    faults.require(height_px > 0, "height_px", height_px, "an image has pixels", "Give a positive number.");
    faults.require(pixel_size_mm > 0, "pixel_size_mm", pixel_size_mm, "a pixel has a positive size",
                   "Give its edge in millimetres, such as 0.172.");
    faults.require(distance_mm > 0, "distance_mm", distance_mm, "the detector must be downstream of the sample",
                   "Give a positive distance.");
    faults.require(true, "beam_fast_px", beam_fast_px, "", "Give the pixel that the beam meets.");
    faults.require(true, "beam_slow_px", beam_slow_px, "", "Give the pixel that the beam meets.");
    faults.report();

    Panel panel;
    panel.width_px = width_px;
    panel.height_px = height_px;
    panel.pixel_size_mm = pixel_size_mm;
    panel.origin_mm = Eigen::Vector3d(0, 0, distance_mm) -
                      pixel_size_mm * (beam_fast_px * panel.fast_axis + beam_slow_px * panel.slow_axis);
    Detector detector;
    detector.panels.push_back(panel);
    detector.image_width_px = width_px;
    detector.image_height_px = height_px;
    return detector;
}

Detector tilted(const Detector& detector, const Eigen::Matrix3d& rotation, const Eigen::Vector3d& pivot_mm) {
    Detector result = detector;
    for (Panel& panel : result.panels) {
        panel.origin_mm = pivot_mm + rotation * (panel.origin_mm - pivot_mm);
        panel.fast_axis = rotation * panel.fast_axis;
        panel.slow_axis = rotation * panel.slow_axis;
    }
    return result;
}

Eigen::Matrix3d rotation_about(const Eigen::Vector3d& axis, double angle_deg) {
    Faults faults;
    faults.require(true, "angle_deg", angle_deg, "", "Give it in degrees.");
    faults.require(axis.norm() > 0, "length of the axis", axis.norm(), "a rotation needs a direction",
                   "Give three numbers of which one is not 0.");
    faults.report();
    return Eigen::AngleAxisd(angle_deg * rad_per_deg, axis.normalized()).toRotationMatrix();
}

Detector assembled(const Detector& detector) {
    Detector result = detector;
    int left_px = std::numeric_limits<int>::max();
    int top_px = std::numeric_limits<int>::max();
    Eigen::Vector2d first_corner_px = Eigen::Vector2d::Zero();
    for (Panel& panel : result.panels) {
        if (std::abs(panel.pixel_size_mm / detector.panels.front().pixel_size_mm - 1) > 1e-3) {
            throw UsageError(
                fmt::format("pixel_size_mm = {} and {} (an image has pixels of one size). Assemble panels of "
                            "one kind at a time.",
                            detector.panels.front().pixel_size_mm, panel.pixel_size_mm));
        }
        panel = drawn_upright(panel);
        const Eigen::Vector3d centre_px = centre_mm(panel) / panel.pixel_size_mm;
        const Eigen::Vector2d corner_px(-centre_px.x() - 0.5 * panel.width_px, -centre_px.y() - 0.5 * panel.height_px);
        if (&panel == &result.panels.front()) first_corner_px = corner_px;
        // From the first panel, so that a lattice of whole pixels stays one.
        panel.image_fast_px = static_cast<int>(std::lround(corner_px.x() - first_corner_px.x()));
        panel.image_slow_px = static_cast<int>(std::lround(corner_px.y() - first_corner_px.y()));
        left_px = std::min(left_px, panel.image_fast_px);
        top_px = std::min(top_px, panel.image_slow_px);
    }
    result.image_width_px = 0;
    result.image_height_px = 0;
    for (Panel& panel : result.panels) {
        panel.image_fast_px -= left_px;
        panel.image_slow_px -= top_px;
        result.image_width_px = std::max(result.image_width_px, panel.image_fast_px + panel.width_px);
        result.image_height_px = std::max(result.image_height_px, panel.image_slow_px + panel.height_px);
    }
    return result;
}

Image<std::uint8_t> active_pixels(const Detector& detector) {
    Image<std::uint8_t> active(detector.image_width_px, detector.image_height_px);
    for (const Panel& panel : detector.panels) {
        for (int slow = 0; slow < panel.height_px; ++slow) {
            std::fill_n(&active(panel.image_fast_px, panel.image_slow_px + slow), panel.width_px, std::uint8_t{1});
        }
    }
    return active;
}

}  // namespace braggbench
