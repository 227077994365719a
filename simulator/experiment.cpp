#include "simulator/experiment.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <cmath>
#include <string_view>

#include "simulator/background.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

// Beyond this a pixel number no longer fits the 26 bits that the keys of per-pixel random numbers have (response.cpp).
constexpr double max_image_px = 67108864.0;

class Faults {
public:
    // `good` must be written so that NaN fails it.
    void require(bool good, const std::string& name, double value, std::string_view why, std::string_view remedy) {
        if (good && std::isfinite(value)) return;
        add(fmt::format("{} = {} ({}). {}", name, value, std::isfinite(value) ? why : "it must be a finite number",
                        remedy));
    }
    void add(const std::string& message) { text_ += (text_.empty() ? "" : "\n") + message; }
    void report() const {
        if (!text_.empty()) throw UsageError(text_);
    }

private:
    std::string text_;
};

void check_beam(const Beam& beam, Faults& faults) {
    faults.require(beam.wavelength_A > 0, "wavelength_A", beam.wavelength_A, "a wavelength is positive",
                   "Give it in angstrom, such as 1.3.");
    faults.require(beam.bandwidth_rms_fraction >= 0 && beam.bandwidth_rms_fraction <= 0.05, "bandwidth_rms_fraction",
                   beam.bandwidth_rms_fraction, "the Gaussian band holds from 0 to 0.05",
                   "Give sigma(wavelength) / wavelength.");
    faults.require(beam.divergence_rms_mrad >= 0 && beam.divergence_rms_mrad <= 20, "divergence_rms_mrad",
                   beam.divergence_rms_mrad, "the small-angle divergence holds from 0 to 20 mrad",
                   "Give the rms angle per transverse axis.");
    faults.require(beam.fluence_photons_per_m2 >= 0, "fluence_photons_per_m2", beam.fluence_photons_per_m2,
                   "a fluence cannot be negative", "Give 0 for no X-rays.");
    faults.require(beam.diameter_um > 0, "diameter_um", beam.diameter_um, "the beam has a positive diameter",
                   "Give it in micrometres.");
    faults.require(std::abs(beam.polarization) <= 1, "polarization", beam.polarization,
                   "the Kahn factor lies in [-1, 1]", "Give 1 for an electric field along lab x.");
}

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

void check_detector(const Detector& detector, Faults& faults) {
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

void check_crystal(const Crystal& crystal, std::size_t number, Faults& faults) {
    const std::string name = fmt::format("crystals[{}].", number);
    if (!crystal.structure_factors) {
        faults.add(name + "structure_factors (there are none). Load a model.");
    } else {
        const double volume = volume_A3(crystal.structure_factors->cell());
        faults.require(volume > 0, name + "cell volume", volume, "a cell has a positive volume", "Check the cell.");
    }
    const Eigen::Matrix3d& u = crystal.lab_from_crystal;
    if (!u.allFinite() || !(u * u.transpose()).isIdentity(1e-6) || u.determinant() < 0) {
        faults.add(name + "lab_from_crystal (it is not a rotation). Give an orthonormal matrix of determinant 1.");
    }
    for (const double cells : crystal.cells_per_block) {
        faults.require(cells >= 1 && cells <= 1e6, name + "cells_per_block", cells,
                       "a block has from 1 to 1e6 cells along each axis", "Give three numbers such as 20.");
    }
    faults.require(crystal.mosaic_spread_rms_deg >= 0 && crystal.mosaic_spread_rms_deg <= 5,
                   name + "mosaic_spread_rms_deg", crystal.mosaic_spread_rms_deg,
                   "the small-angle mosaic spread holds from 0 to 5 degrees", "Give the rms rotation about each axis.");
    faults.require(crystal.illuminated_volume_um3 > 0, name + "illuminated_volume_um3", crystal.illuminated_volume_um3,
                   "a crystal in the beam has a volume", "Leave the crystal out where there is none.");
}

}  // namespace

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

void validate(const Experiment& experiment) {
    Faults faults;
    check_beam(experiment.beam, faults);
    check_detector(experiment.detector, faults);
    if (experiment.crystals.size() > 256) {
        faults.add(fmt::format("crystals: {} of them (a peak's lattice number has 8 bits). Give at most 256.",
                               experiment.crystals.size()));
    }
    for (std::size_t number = 0; number < experiment.crystals.size(); ++number) {
        check_crystal(experiment.crystals[number], number, faults);
    }
    for (std::size_t number = 0; number < experiment.background.size(); ++number) {
        const AmorphousLayer& layer = experiment.background[number];
        try {
            (void)amorphous_material(layer.material);
        } catch (const UsageError& error) {
            faults.add(error.what());
        }
        faults.require(layer.thickness_um >= 0, fmt::format("background[{}].thickness_um", number), layer.thickness_um,
                       "a thickness cannot be negative", "Give it in micrometres.");
    }
    const DetectorResponse& response = experiment.response;
    faults.require(response.gain_adu_per_photon > 0, "gain_adu_per_photon", response.gain_adu_per_photon,
                   "a gain is positive", "Give ADU per photon.");
    faults.require(response.read_noise_rms_adu >= 0, "read_noise_rms_adu", response.read_noise_rms_adu,
                   "a noise cannot be negative", "Give its rms in ADU.");
    faults.require(true, "offset_adu", response.offset_adu, "", "Give it in ADU.");
    faults.require(response.saturation_adu > 0 && response.saturation_adu <= 65535, "saturation_adu",
                   response.saturation_adu, "pixels are stored in 16 bits", "Give a value in (0, 65535].");
    faults.report();
}

}  // namespace braggbench
