// nanoBragg's command line as it stands: its own option names, units and order of precedence (docs/nanobragg.md).
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "simulator/crystal.hpp"

namespace braggbench::nanobragg {

enum class Convention { custom, adxv, mosflm, xds, dials, denzo };
enum class Pivot { sample, beam };

using Vector = std::array<double, 3>;

// What was asked for, in nanoBragg's units; a field is empty where the option was not given.
struct Options {
    // Crystal
    std::optional<std::filesystem::path> mat, hkl;
    std::filesystem::path dump = "Fdump.bin";
    std::vector<double> cell;  // up to six numbers
    bool cell_given = false;
    std::optional<Vector> misset_deg;
    bool misset_random = false;
    double default_f = 0.0;
    std::array<int, 3> cells{1, 1, 1};
    Vector sample_mm{};  // full widths, 0 = by cells
    BlockShape shape = BlockShape::square;
    double fudge = 1.0;
    std::optional<bool> interpolate;
    double d_min_A = 0.0;
    std::optional<double> mosaic_deg;
    std::optional<int> mosaic_domains;
    std::optional<std::filesystem::path> mosaic_blocks_file;
    // Beam
    double wavelength_A = 1.0;
    std::optional<std::filesystem::path> source_file;
    bool weighted_sources = false;
    double dispersion_percent = 0.0;
    std::optional<int> dispersion_steps;
    std::optional<double> h_divergence_mrad, v_divergence_mrad, h_divergence_step_mrad, v_divergence_step_mrad;
    std::optional<int> h_divergence_steps, v_divergence_steps;
    bool round_divergence = true;
    double polarization = 0.0;
    bool polarized = true;
    std::optional<double> fluence_per_m2;
    double flux_per_s = 0.0, exposure_s = 1.0, beam_size_mm = 0.1;
    double water_um = 0.0;
    // Spindle
    double phi_deg = 0.0;
    std::optional<double> osc_deg, phi_step_deg;
    std::optional<int> phi_steps;
    // Detector
    double pixel_mm = 0.1;
    double distance_mm = 100.0;
    std::optional<double> close_distance_mm;
    double size_fast_mm = 102.4, size_slow_mm = 102.4;
    int pixels_fast = 0, pixels_slow = 0;
    std::optional<double> x_beam_mm, y_beam_mm, x_close_mm, y_close_mm, org_x, org_y;
    Convention convention = Convention::mosflm;
    Pivot pivot = Pivot::beam;
    Vector beam_vector{1, 0, 0}, fast_vector{0, 0, 1}, slow_vector{0, -1, 0}, out_vector{1, 0, 0};
    Vector polar_vector{0, 0, 1}, spindle_vector{0, 0, 1}, twotheta_axis{0, 1, 0};
    Vector tilt_deg{};
    double twotheta_deg = 0.0;
    double thickness_um = 0.0;
    std::optional<int> thickness_steps;
    std::optional<double> attenuation_um;  // infinity: no thickness
    std::optional<int> oversample;
    bool oversample_thick = false, oversample_polar = false, oversample_omega = false;
    bool curved = false, point_pixel = false;
    std::optional<std::array<int, 4>> roi;  // fast first and last, slow first and last
    std::optional<std::filesystem::path> mask, img;
    // Output
    std::filesystem::path float_file = "floatimage.bin", int_file = "intimage.img", pgm_file = "image.pgm",
                          noise_file = "noiseimage.img";
    bool write_noise = true, write_pgm = true;
    double scale = 0.0, pgm_scale = 0.0;  // 0 = automatic
    double adc = 40.0;
    std::optional<long> seed;
    long mosaic_seed = 12345678;
    std::optional<long> misset_seed;
    bool progress = true;
    bool stock = false;
    std::vector<std::string> notes;  // options that are taken but change nothing
};

// `arguments` as typed after `braggbench nanobragg`; a leading "nanoBragg" is skipped. Numbers in the header of a -img
// or -mask file are taken first, so that options win. Throws UsageError for an unknown, incomplete or unsupported
// option, DataError for an unusable -img or -mask file.
Options parse_options(std::span<const std::string> arguments);

// One line for each option: its name, its arguments and what it does.
std::string options_help();

}  // namespace braggbench::nanobragg
