// The detector as flat panels, in the lab frame, and where each lies in the assembled image.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Faults;

// A flat rectangle of square pixels. `origin_mm` is the outer corner of pixel (0, 0).
struct Panel {
    int width_px = 0;
    int height_px = 0;
    double pixel_size_mm = 0.0;
    Eigen::Vector3d origin_mm = Eigen::Vector3d::Zero();
    Eigen::Vector3d fast_axis = -Eigen::Vector3d::UnitX();
    Eigen::Vector3d slow_axis = -Eigen::Vector3d::UnitY();
    int image_fast_px = 0;  // where the panel's pixel (0, 0) lies in the assembled image
    int image_slow_px = 0;
};

struct Detector {
    std::vector<Panel> panels;
    int image_width_px = 0;
    int image_height_px = 0;
    double sensor_thickness_um = 0.0;           // 0 = every photon is captured
    double sensor_attenuation_length_um = 0.0;  // 1 / mu at the beam's energy
};

// A single flat panel square to the beam at distance_mm. The beam meets it at (beam_fast_px, beam_slow_px), in pixels
// from the outer corner of pixel (0, 0).
Detector flat_detector(int width_px, int height_px, double pixel_size_mm, double distance_mm, double beam_fast_px,
                       double beam_slow_px);

// The detector turned as one rigid body about a point of the lab frame. A two-theta arm turns about the sample, which
// is the origin.
Detector tilted(const Detector& detector, const Eigen::Matrix3d& rotation, const Eigen::Vector3d& pivot_mm);

// A right-handed turn by angle_deg about an axis of the lab frame (of any length but 0). Turns combine right to left:
// rotation_about(y, 5) * rotation_about(x, 3) turns about x first.
Eigen::Matrix3d rotation_about(const Eigen::Vector3d& axis, double angle_deg);

// The same pixels in an image drawn as they lie in space, seen along the beam: fast along -x, slow along -y, each panel
// turned by the nearest multiple of 90 degrees (or mirrored, if it must be) and moved by whole pixels. In space nothing
// moves: a position in the image is true to half a pixel plus the panel's in-plane tilt, one in the lab exactly. Throws
// UsageError if the panels' pixels differ in size.
Detector assembled(const Detector& detector);

// 1 where the image shows a pixel of a panel, 0 in the gaps.
Image<std::uint8_t> active_pixels(const Detector& detector);

void check(const Detector& detector, Faults& faults);

}  // namespace braggbench
