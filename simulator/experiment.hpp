// One shot as plain data: beam, detector, crystals, amorphous material and the detector's response.
// Lab frame (docs/frames.md): the sample at the origin, +z along the beam, +y up, +x to the left seen along the beam
// (the NeXus / McStas frame). Reciprocal vectors are in 1/A with |s| = 1/wavelength, without a factor 2 pi.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

namespace braggbench {

class StructureFactors;

struct Beam {
    double wavelength_A = 1.0;
    double bandwidth_rms_fraction = 0.0;   // Gaussian, sigma(lambda) / lambda
    double divergence_rms_mrad = 0.0;      // Gaussian, per transverse axis
    double fluence_photons_per_m2 = 1e24;  // of one exposure, over the illuminated area; 0 = no X-rays
    double diameter_um = 3.0;              // of a uniform round beam
    double polarization = 1.0;             // Kahn factor: 1 = all electric field along lab x, 0 = none preferred
};

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

// One lattice. The crystal is made of many blocks of cells_per_block cells that scatter incoherently to each other.
struct Crystal {
    std::shared_ptr<const StructureFactors> structure_factors;          // carries the cell
    Eigen::Matrix3d lab_from_crystal = Eigen::Matrix3d::Identity();     // a rotation
    Eigen::Vector3d cells_per_block = Eigen::Vector3d::Constant(20.0);  // Na, Nb, Nc
    double mosaic_spread_rms_deg = 0.0;                                 // Gaussian rotation about each axis
    double illuminated_volume_um3 = 1.0;
};

// Amorphous matter in the beam, as a slab whose scattering per molecule is tabulated.
struct AmorphousLayer {
    std::string material;  // a name from amorphous_materials(): "water", "air"
    double thickness_um = 0.0;
};

struct DetectorResponse {
    double gain_adu_per_photon = 1.0;
    double read_noise_rms_adu = 0.0;
    double offset_adu = 0.0;
    double saturation_adu = 65535.0;  // the highest value a pixel can report
};

struct Experiment {
    Beam beam;
    Detector detector;
    std::vector<Crystal> crystals;
    std::vector<AmorphousLayer> background;
    DetectorResponse response;
};

// A single flat panel square to the beam at distance_mm. The beam meets it at (beam_fast_px, beam_slow_px), in pixels
// from the outer corner of pixel (0, 0).
Detector flat_detector(int width_px, int height_px, double pixel_size_mm, double distance_mm, double beam_fast_px,
                       double beam_slow_px);

// Throws UsageError that lists every fault of the experiment at once (non-finite or out-of-range values).
void validate(const Experiment& experiment);

}  // namespace braggbench
