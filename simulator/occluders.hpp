// What stands between the sample and the detector: beam stops and shadows, as flat outlines square to the beam. Lengths
// in mm in the lab frame; a shadow is cast by straight rays from the sample, whatever panels it falls on.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

class Faults;
struct Experiment;

// An outline in the plane z = distance_mm. One corner is a disc of radius_mm, two are a bar with round ends, three or
// more a polygon with rounded corners (sharp ones for radius_mm = 0).
struct Occluder {
    std::vector<Eigen::Vector2d> corners_mm;  // lab x (to the left seen along the beam) and y (up)
    double radius_mm = 0.0;                   // what lies within this distance of the corners' figure belongs to it
    double distance_mm = 0.0;                 // of its plane from the sample
    double transmission = 0.0;                // of its inside, 0 to 1
    double penumbra_mm = 0.0;  // full width of the edge in its plane, half of it outside; at least one pixel's shadow
};

Occluder circular_stop(const Eigen::Vector2d& centre_mm, double diameter_mm, double distance_mm,
                       double penumbra_mm = 0.0);

// A straight holder with square ends.
Occluder linear_stop(const Eigen::Vector2d& from_mm, const Eigen::Vector2d& to_mm, double width_mm, double distance_mm,
                     double penumbra_mm = 0.0);

// An isosceles triangle: its apex, the direction from there to its base (degrees from lab x towards y), full angle.
Occluder wedge_stop(const Eigen::Vector2d& apex_mm, double direction_deg, double opening_deg, double length_mm,
                    double distance_mm, double penumbra_mm = 0.0);

// `name` starts every message, such as "occluders[0].".
void check(const Occluder& occluder, const std::string& name, Faults& faults);

// What reaches each pixel of the image: 1 in the open, 0 where no panel lies; occluders multiply. Averages over a
// pixel's area to about 0.1 where an edge crosses it.
Image<float> transmission(const Experiment& experiment);

// Multiplies expected photons by the transmission, touching only pixels that something shades.
void shade(const Experiment& experiment, Image<float>& expected_photons);

// Scales the peaks' photons by the transmission averaged over their footprints, and drops those that are no longer
// listed. Centroids and footprints stay those of the whole spot.
void shade(const Experiment& experiment, std::vector<Peak>& peaks);

}  // namespace braggbench
