// What makes smooth scattering depend on the azimuth: films and holders that shade part of the detector, and the streak
// of a liquid jet. Azimuths run from lab +x towards +y; q = s1 - s0 in 1/A without 2 pi.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

class Faults;
struct Experiment;

// A sector about the beam behind something of even transmission.
struct SectorShadow {
    double azimuth_deg = 0.0;  // of its middle
    double half_width_deg = 20.0;
    double edge_deg = 2.0;  // over which each border rises smoothly, centred on it
    double transmission = 0.5;
};

// A flat film beside the beam, as Kapton tape under drops: rays towards it cross thickness / cos(angle to its normal),
// so that the shadow deepens towards the film's plane and ends where rays pass its downstream edge. (The geometry of
// Fuller et al. 2017, Nat. Methods 14, 443.)
struct FilmShadow {
    Eigen::Vector3d normal = -Eigen::Vector3d::UnitY();  // from the sample towards the film
    double distance_um = 50.0;                           // of its plane from the sample
    double reach_um = 1000.0;                            // of its edge along the beam; 0 = endless
    double thickness_um = 25.0;
    double attenuation_length_um = 2500.0;  // 1 / mu at the beam's energy
    double edge_deg = 0.2;                  // over which the edge's shadow rises smoothly
};

// photons (q0 / |q across the jet|)^falloff, as wide as width_invA (rms) along the jet, across which it runs.
struct JetStreak {
    double jet_azimuth_deg = 90.0;
    double photons_per_px = 0.0;  // at q0, on the streak's ridge
    double q0_invA = 0.02;
    double falloff = 1.0;
    double width_invA = 0.002;
    double core_invA = 0.002;  // the rise ends inside it
};

struct Anisotropy {
    std::vector<SectorShadow> sectors;
    std::vector<FilmShadow> films;
    std::vector<JetStreak> streaks;
};

void check(const Anisotropy& anisotropy, Faults& faults);

// Share of photons along a unit direction that reach the detector past all shadows.
double shadow_transmission(const Experiment& experiment, const Eigen::Vector3d& direction);

// Multiplies every pixel by its share, to 1e-6 of the photons and 1e-7 rad of a film's edge. Call it once all photons
// have been added.
void apply_shadows(const Experiment& experiment, Image<float>& expected_photons);
// The same with an image of the background alone, and the photons of peaks at their centres.
void apply_shadows(const Experiment& experiment, Image<float>& expected_photons, Image<float>& background,
                   std::vector<Peak>& peaks);

// Adds the jet streaks.
void add_streaks(const Experiment& experiment, Image<float>& expected_photons);

}  // namespace braggbench
