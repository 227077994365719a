// From nanoBragg's options to an Experiment with its sampling, and the image files that nanoBragg writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "simulator/nanobragg/files.hpp"
#include "simulator/nanobragg/options.hpp"
#include "simulator/pixels.hpp"

namespace braggbench::nanobragg {

// The detector in the frame of the convention, as nanoBragg has it after all rotations; what image headers hold.
struct Geometry {
    Eigen::Vector3d pix0_mm, fast, slow, out, beam, polar, spindle;
    double pixel_mm = 0.0;
    int pixels_fast = 0, pixels_slow = 0;
    double distance_mm = 0.0, close_distance_mm = 0.0;
    double x_beam_mm = 0.0, y_beam_mm = 0.0;  // in the convention's way
    double f_beam_mm = 0.0, s_beam_mm = 0.0;  // direct beam along fast and slow
    double f_close_mm = 0.0, s_close_mm = 0.0;
    double size_slow_mm = 0.0;
    // Rows: lab x, y, z in the convention's frame. z is the beam, x against the electric field.
    Eigen::Matrix3d lab_from_convention;
};

// Throws UsageError for vectors and distances that contradict each other.
Geometry geometry_of(const Options& options);

struct Run {
    Geometry geometry;
    Experiment experiment;
    PixelSampling sampling;
    PixelOptions pixels;
    AmplitudeBox amplitudes;
    double wavelength_A = 1.0;
    double phi_deg = 0.0, osc_deg = 0.0, twotheta_deg = 0.0;
    std::vector<std::string> notes;  // what the user should know
};

// Reads the files that the options name, relative to the current directory. Throws UsageError or DataError.
Run prepare(const Options& options);

struct Output {
    std::vector<std::filesystem::path> files;
    double sum = 0.0;
    double max = 0.0;
    double scale = 0.0;
};

// Writes what the options ask for; nothing to /dev/null. The noise is Poisson's, keyed by -seed, and not nanoBragg's
// own sequence.
Output write_images(const Options& options, const Run& run, const Image<float>& photons);

}  // namespace braggbench::nanobragg
