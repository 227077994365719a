#include "simulator/detector.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <cmath>
#include <string>

#include "simulator/faults.hpp"

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

}  // namespace braggbench
