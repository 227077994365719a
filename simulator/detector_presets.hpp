// Detectors of the field with their published geometry and response, ready to put at a distance. Lengths in mm in the
// lab frame; docs/detectors.md lists them with sources and limits.
#pragma once

#include <Eigen/Core>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "simulator/detector.hpp"
#include "simulator/response.hpp"

namespace braggbench {

struct DetectorPreset {
    std::string_view name;
    std::string_view description;
    std::string_view source;
};

// In the order of the documentation.
std::span<const DetectorPreset> detector_presets();

// Where a preset stands. Without a beam centre the beam meets the middle of the detector, or the origin of a published
// layout (AGIPD, CSPAD), whose image holds the panels as the raw data do: such layouts take `shift_mm` only.
struct DetectorPlacement {
    double distance_mm = 200.0;
    double wavelength_A = 1.0;  // for the sensor's attenuation and for the gain of integrating detectors
    std::optional<double> beam_fast_px = std::nullopt;  // in the image, from the outer corner of pixel (0, 0)
    std::optional<double> beam_slow_px = std::nullopt;
    Eigen::Vector2d shift_mm = Eigen::Vector2d::Zero();  // moves the detector along lab x and y
};

struct DetectorSetup {
    Detector detector;  // square to the beam
    // As published, for one photon of the wavelength. Saturation is cut at the 65535 of 16-bit pixels.
    DetectorResponse response;
    // g of the point spread g / (2 pi) (g^2 + r^2)^(-3/2) of a fibre-coupled phosphor; 0 = no point spread to speak of.
    double fibre_point_spread_g_um = 0.0;
};

// Throws UsageError for an unknown name, with the nearest one, and for a placement that makes no sense.
DetectorSetup detector_preset(const std::string& name, const DetectorPlacement& placement);

enum class SensorMaterial { silicon, cadmium_telluride, gadolinium_oxysulfide_screen };

// 1 / mu by photoelectric absorption, which is what a sensor sees: 2 r_e lambda f'' per atom, with f'' after Cromer and
// Liberman (gemmi). Within 3 % of NIST's tables for silicon from 5 to 20 keV. Throws UsageError outside 2 to 100 keV.
double attenuation_length_um(SensorMaterial material, double photon_energy_eV);

}  // namespace braggbench
