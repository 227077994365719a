// Per-pixel geometry of a panel: direction, solid angle, polarisation, capture. Shared by every integrator.
#pragma once

#include <Eigen/Core>

#include "simulator/experiment.hpp"

namespace braggbench {

// Lab position in mm of the point (fast_px, slow_px) of a panel, in pixels from the outer corner of its pixel (0, 0).
Eigen::Vector3d lab_from_panel_mm(const Panel& panel, double fast_px, double slow_px);

// The panel that shows the point (fast_px, slow_px) of the image, or nullptr in a gap or off the image.
const Panel* panel_at(const Detector& detector, double image_fast_px, double image_slow_px);

// Kahn et al. 1982: 0.5 (1 + cos^2 2theta - K cos(2 psi) sin^2 2theta) for the unit diffracted direction, beam along
// +z, electric field preferred along lab x.
double polarization_factor(const Eigen::Vector3d& direction, double kahn_factor);

// Solid angle of a whole pixel in sr: p^2 d_close / R^3.
double solid_angle_sr(const Panel& panel, const Eigen::Vector3d& position_mm);

// Share of photons that a sensor absorbs on an oblique path: 1 - exp(-t / (l cos)); 1 for a sensor without thickness.
double capture_fraction(const Detector& detector, const Panel& panel, const Eigen::Vector3d& direction);

}  // namespace braggbench
