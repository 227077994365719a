// The detector as flat panels, in the lab frame, and where each lies in the assembled image.
#pragma once

#include <Eigen/Core>
#include <vector>

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

void check(const Detector& detector, Faults& faults);

}  // namespace braggbench
