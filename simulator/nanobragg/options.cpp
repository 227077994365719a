#include "simulator/nanobragg/options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "simulator/error.hpp"
#include "simulator/nanobragg/files.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench::nanobragg {
namespace {

double to_number(const std::string& option, const std::string& text) {
    double value = 0.0;
    const char* first = text.data();
    if (!text.empty() && text.front() == '+') ++first;
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
        throw UsageError(fmt::format("{} {} (not a number). Give a finite number.", option, text));
    }
    return value;
}

int to_integer(const std::string& option, const std::string& text) {
    const double value = to_number(option, text);
    if (value != std::floor(value) || std::abs(value) > 2e9) {
        throw UsageError(fmt::format("{} {} (not a whole number within 2e9). Give a whole number.", option, text));
    }
    return static_cast<int>(value);
}

// The arguments that follow one option.
class Words {
public:
    Words(std::string option, std::span<const std::string> words) : option_(std::move(option)), words_(words) {}
    [[nodiscard]] double number(std::size_t i = 0) const { return to_number(option_, words_[i]); }
    [[nodiscard]] int integer(std::size_t i = 0) const { return to_integer(option_, words_[i]); }
    [[nodiscard]] const std::string& text(std::size_t i = 0) const { return words_[i]; }
    [[nodiscard]] Vector vector() const { return {number(0), number(1), number(2)}; }
    [[nodiscard]] std::size_t size() const { return words_.size(); }

private:
    std::string option_;
    std::span<const std::string> words_;
};

struct Option {
    std::vector<std::string> names;  // the first is shown; one that ends in '*' stands for all that begin so
    int arguments = 0;
    const char* shown = "";
    const char* help = "";
    std::function<void(Options&, const Words&)> take;
};

void custom(Options& options, Vector Options::*member, const Words& words) {
    options.convention = Convention::custom;
    options.*member = words.vector();
}

void convention(Options& options, Convention convention, Pivot pivot) {
    options.convention = convention;
    options.pivot = pivot;
}

void no_effect(Options& options, const char* note) { options.notes.emplace_back(note); }

std::vector<Option> crystal_options() {
    return {
        {{"-mat*"},
         1,
         "FILE",
         "MOSFLM matrix: a*, b*, c* as columns, times the wavelength",
         [](Options& o, const Words& w) { o.mat = w.text(); }},
        {{"-hkl*"},
         1,
         "FILE",
         "text lines h k l F, of space group P1",
         [](Options& o, const Words& w) { o.hkl = w.text(); }},
        {{"-dump*"},
         1,
         "FILE",
         "binary structure factors, written with -hkl and read without (Fdump.bin)",
         [](Options& o, const Words& w) { o.dump = w.text(); }},
        {{"-default_F"},
         1,
         "F",
         "of every reflection that is not listed (0)",
         [](Options& o, const Words& w) { o.default_f = w.number(); }},
        {{"-cell"},
         -6,
         "a b c al be ga",
         "unit cell in A and degrees; a* along x, b* in the xy plane",
         [](Options& o, const Words& w) {
             o.cell_given = true;
             o.cell.clear();
             for (std::size_t i = 0; i < w.size(); ++i) o.cell.push_back(w.number(i));
         }},
        {{"-misset"},
         -3,
         "x y z | random",
         "rotations about x, then y, then z in degrees",
         [](Options& o, const Words& w) {
             o.misset_random = w.text().find("rand") != std::string::npos;
             o.misset_deg.reset();
             if (o.misset_random) return;
             if (w.size() < 3) throw UsageError("-misset needs three angles, or the word random.");
             o.misset_deg = w.vector();
         }},
        {{"-misset_seed"},
         1,
         "N",
         "for -misset random (that of -seed)",
         [](Options& o, const Words& w) { o.misset_seed = w.integer(); }},
        {{"-N"},
         1,
         "N",
         "cells along each axis (1)",
         [](Options& o, const Words& w) {
             o.cells = {w.integer(), w.integer(), w.integer()};
         }},
        {{"-Na"}, 1, "N", "cells along a", [](Options& o, const Words& w) { o.cells[0] = w.integer(); }},
        {{"-Nb"}, 1, "N", "cells along b", [](Options& o, const Words& w) { o.cells[1] = w.integer(); }},
        {{"-Nc"}, 1, "N", "cells along c", [](Options& o, const Words& w) { o.cells[2] = w.integer(); }},
        {{"-xtalsize", "-xtal_size", "-samplesize", "-sample_size"},
         1,
         "mm",
         "full width of the crystal, instead of -N",
         [](Options& o, const Words& w) {
             o.sample_mm = {w.number(), w.number(), w.number()};
         }},
        {{"-xtal_x", "-xtal_thick*", "-sample_x", "-sample_thick*"},
         1,
         "mm",
         "its width along a",
         [](Options& o, const Words& w) { o.sample_mm[0] = w.number(); }},
        {{"-xtal_y", "-xtal_width*", "-sample_y", "-sample_width*", "-width"},
         1,
         "mm",
         "its width along b",
         [](Options& o, const Words& w) { o.sample_mm[1] = w.number(); }},
        {{"-xtal_z", "-xtal_heigh*", "-sample_z", "-sample_heigh*", "-heigh*"},
         1,
         "mm",
         "its width along c",
         [](Options& o, const Words& w) { o.sample_mm[2] = w.number(); }},
        {{"-square_xtal"},
         0,
         "",
         "a parallelepiped, with fringes (default)",
         [](Options& o, const Words&) { o.shape = BlockShape::square; }},
        {{"-round_xtal"}, 0, "", "an ellipsoid", [](Options& o, const Words&) { o.shape = BlockShape::round; }},
        {{"-gauss_xtal"},
         0,
         "",
         "Gaussian spots without fringes",
         [](Options& o, const Words&) { o.shape = BlockShape::gaussian_stock; }},
        {{"-tophat_spots", "-binary_spots"},
         0,
         "",
         "uniform spots without fringes",
         [](Options& o, const Words&) { o.shape = BlockShape::top_hat; }},
        {{"-fudge"},
         1,
         "x",
         "multiplies the squared distance from a lattice point (1)",
         [](Options& o, const Words& w) { o.fudge = w.number(); }},
        {{"-interpolate"},
         0,
         "",
         "tricubic F between lattice points (default if N < 3)",
         [](Options& o, const Words&) { o.interpolate = true; }},
        {{"-nointerpolate"},
         0,
         "",
         "F of the nearest lattice point",
         [](Options& o, const Words&) { o.interpolate = false; }},
        {{"-dmin"},
         1,
         "A",
         "no spots in pixels beyond this resolution",
         [](Options& o, const Words& w) { o.d_min_A = w.number(); }},
        {{"-mosaic", "-mosaici*", "-mosaic_spr*"},
         1,
         "deg",
         "edge of the distribution of mosaic blocks",
         [](Options& o, const Words& w) { o.mosaic_deg = w.number(); }},
        {{"-mosaic_domains", "-mosaic_dom*"},
         1,
         "N",
         "number of mosaic blocks (10 if -mosaic is given)",
         [](Options& o, const Words& w) { o.mosaic_domains = w.integer(); }},
        {{"-mosaic_seed"},
         1,
         "N",
         "which random blocks (12345678)",
         [](Options& o, const Words& w) { o.mosaic_seed = w.integer(); }},
        {{"-mosaic_blocks_file"},
         1,
         "FILE",
         "blocks as given: nine numbers a line, a rotation matrix by rows",
         [](Options& o, const Words& w) { o.mosaic_blocks_file = w.text(); }},
        {{"-density", "-sample_den*", "-MW", "-molec*"},
         1,
         "x",
         "has no effect in nanoBragg",
         [](Options& o, const Words&) { no_effect(o, "density and molecular weight have no effect"); }},
    };
}

std::vector<Option> beam_options() {
    return {
        {{"-lambda", "-wave*"},
         1,
         "A",
         "wavelength (1)",
         [](Options& o, const Words& w) { o.wavelength_A = w.number(); }},
        {{"-energy"},
         1,
         "eV",
         "photon energy, instead of -lambda",
         [](Options& o, const Words& w) { o.wavelength_A = 12398.42 / w.number(); }},
        {{"-sourcefile"},
         1,
         "FILE",
         "lines X Y Z I lambda: direction to a source, intensity, wavelength in m",
         [](Options& o, const Words& w) { o.source_file = w.text(); }},
        {{"-weighted_sources"},
         0,
         "",
         "count the intensities of -sourcefile, which nanoBragg reads but ignores",
         [](Options& o, const Words&) { o.weighted_sources = true; }},
        {{"-dispersion"},
         1,
         "%",
         "full width of the band",
         [](Options& o, const Words& w) { o.dispersion_percent = w.number(); }},
        {{"-dispsteps"},
         1,
         "N",
         "wavelengths across it, ends included (2)",
         [](Options& o, const Words& w) { o.dispersion_steps = w.integer(); }},
        {{"-divergence"},
         1,
         "mrad",
         "full width, both ways",
         [](Options& o, const Words& w) { o.h_divergence_mrad = o.v_divergence_mrad = w.number(); }},
        {{"-hdivrange"},
         1,
         "mrad",
         "full width of the horizontal divergence",
         [](Options& o, const Words& w) { o.h_divergence_mrad = w.number(); }},
        {{"-vdivrange"},
         1,
         "mrad",
         "full width of the vertical divergence",
         [](Options& o, const Words& w) { o.v_divergence_mrad = w.number(); }},
        {{"-hdivstep"},
         1,
         "mrad",
         "between directions",
         [](Options& o, const Words& w) { o.h_divergence_step_mrad = w.number(); }},
        {{"-vdivstep"},
         1,
         "mrad",
         "between directions",
         [](Options& o, const Words& w) { o.v_divergence_step_mrad = w.number(); }},
        {{"-hdivsteps"},
         1,
         "N",
         "directions, ends included",
         [](Options& o, const Words& w) { o.h_divergence_steps = w.integer(); }},
        {{"-vdivsteps"},
         1,
         "N",
         "directions, ends included",
         [](Options& o, const Words& w) { o.v_divergence_steps = w.integer(); }},
        {{"-divsteps"},
         1,
         "N",
         "both",
         [](Options& o, const Words& w) { o.h_divergence_steps = o.v_divergence_steps = w.integer(); }},
        {{"-round_div"},
         0,
         "",
         "leave out the corners of the grid of directions (default)",
         [](Options& o, const Words&) { o.round_divergence = true; }},
        {{"-square_div"}, 0, "", "the full grid", [](Options& o, const Words&) { o.round_divergence = false; }},
        {{"-polar"},
         1,
         "K",
         "Kahn polarisation factor (0)",
         [](Options& o, const Words& w) {
             o.polarization = w.number();
             o.polarized = true;
         }},
        {{"-nopolar"}, 0, "", "no polarisation factor", [](Options& o, const Words&) { o.polarized = false; }},
        {{"-fluence"},
         1,
         "/m^2",
         "photons (1 / r_e^2)",
         [](Options& o, const Words& w) { o.fluence_per_m2 = w.number(); }},
        {{"-flux"},
         1,
         "/s",
         "photons, with -exposure and -beamsize",
         [](Options& o, const Words& w) { o.flux_per_s = w.number(); }},
        {{"-exposure"}, 1, "s", "(1)", [](Options& o, const Words& w) { o.exposure_s = w.number(); }},
        {{"-beamsize"}, 1, "mm", "(0.1)", [](Options& o, const Words& w) { o.beam_size_mm = w.number(); }},
        {{"-water"}, 1, "um", "edge of a cube of water", [](Options& o, const Words& w) { o.water_um = w.number(); }},
        {{"-phi"},
         1,
         "deg",
         "start of the rotation about the spindle (0)",
         [](Options& o, const Words& w) { o.phi_deg = w.number(); }},
        {{"-osc"}, 1, "deg", "range of the rotation", [](Options& o, const Words& w) { o.osc_deg = w.number(); }},
        {{"-phistep"}, 1, "deg", "between settings", [](Options& o, const Words& w) { o.phi_step_deg = w.number(); }},
        {{"-phisteps"},
         1,
         "N",
         "settings, at the beginning of each step (2)",
         [](Options& o, const Words& w) { o.phi_steps = w.integer(); }},
        {{"-stol", "-4stol", "-Q", "-stolout"},
         1,
         "FILE",
         "has no effect in nanoBragg",
         [](Options& o, const Words&) { no_effect(o, "amorphous structure factors have no effect"); }},
        {{"-coherent"},
         0,
         "",
         "has no effect in nanoBragg",
         [](Options& o, const Words&) { no_effect(o, "-coherent has no effect"); }},
    };
}

std::vector<Option> detector_options() {
    return {
        {{"-distance"},
         1,
         "mm",
         "along the beam (100)",
         [](Options& o, const Words& w) {
             o.distance_mm = w.number();
             o.pivot = Pivot::beam;
         }},
        {{"-close_distance"},
         1,
         "mm",
         "to the nearest point of the detector's plane",
         [](Options& o, const Words& w) {
             o.close_distance_mm = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-pixel"}, 1, "mm", "(0.1)", [](Options& o, const Words& w) { o.pixel_mm = w.number(); }},
        {{"-detsize"},
         1,
         "mm",
         "(102.4)",
         [](Options& o, const Words& w) { o.size_fast_mm = o.size_slow_mm = w.number(); }},
        {{"-detsize_f"}, 1, "mm", "along fast", [](Options& o, const Words& w) { o.size_fast_mm = w.number(); }},
        {{"-detsize_s"}, 1, "mm", "along slow", [](Options& o, const Words& w) { o.size_slow_mm = w.number(); }},
        {{"-detpixels"},
         1,
         "N",
         "instead of -detsize",
         [](Options& o, const Words& w) { o.pixels_fast = o.pixels_slow = w.integer(); }},
        {{"-detpixels_f", "-detpixels_x"},
         1,
         "N",
         "along fast",
         [](Options& o, const Words& w) { o.pixels_fast = w.integer(); }},
        {{"-detpixels_s", "-detpixels_y"},
         1,
         "N",
         "along slow",
         [](Options& o, const Words& w) { o.pixels_slow = w.integer(); }},
        {{"-mosflm"},
         0,
         "",
         "convention of frame and beam centre (default)",
         [](Options& o, const Words&) { convention(o, Convention::mosflm, Pivot::beam); }},
        {{"-xds"},
         0,
         "",
         "convention",
         [](Options& o, const Words&) { convention(o, Convention::xds, Pivot::sample); }},
        {{"-adxv"},
         0,
         "",
         "convention",
         [](Options& o, const Words&) { convention(o, Convention::adxv, Pivot::beam); }},
        {{"-denzo"},
         0,
         "",
         "convention",
         [](Options& o, const Words&) { convention(o, Convention::denzo, Pivot::beam); }},
        {{"-dials"},
         0,
         "",
         "convention",
         [](Options& o, const Words&) { convention(o, Convention::dials, Pivot::beam); }},
        {{"-Xbeam"},
         1,
         "mm",
         "direct beam, in the convention's way",
         [](Options& o, const Words& w) {
             o.x_beam_mm = w.number();
             o.pivot = Pivot::beam;
         }},
        {{"-Ybeam"},
         1,
         "mm",
         "direct beam, in the convention's way",
         [](Options& o, const Words& w) {
             o.y_beam_mm = w.number();
             o.pivot = Pivot::beam;
         }},
        {{"-Xclose"},
         1,
         "mm",
         "nearest point, with -*_vector",
         [](Options& o, const Words& w) {
             o.x_close_mm = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-Yclose"},
         1,
         "mm",
         "nearest point, with -*_vector",
         [](Options& o, const Words& w) {
             o.y_close_mm = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-ORGX"},
         1,
         "px",
         "nearest point, as XDS counts pixels",
         [](Options& o, const Words& w) {
             o.org_x = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-ORGY"},
         1,
         "px",
         "nearest point, as XDS counts pixels",
         [](Options& o, const Words& w) {
             o.org_y = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-pivot"},
         1,
         "sample|beam",
         "what stays in place when the detector turns; conventions have their own",
         [](Options& o, const Words& w) {
             if (w.text() != "sample" && w.text() != "beam") {
                 throw UsageError(fmt::format("-pivot {} (it is the sample or the beam). Give one of them.", w.text()));
             }
             o.pivot = w.text() == "sample" ? Pivot::sample : Pivot::beam;
         }},
        {{"-fdet_vector"},
         3,
         "x y z",
         "direction of fast",
         [](Options& o, const Words& w) { custom(o, &Options::fast_vector, w); }},
        {{"-sdet_vector"},
         3,
         "x y z",
         "direction of slow",
         [](Options& o, const Words& w) { custom(o, &Options::slow_vector, w); }},
        {{"-odet_vector"},
         3,
         "x y z",
         "direction of distance",
         [](Options& o, const Words& w) { custom(o, &Options::out_vector, w); }},
        {{"-beam_vector"},
         3,
         "x y z",
         "direction of the beam",
         [](Options& o, const Words& w) { custom(o, &Options::beam_vector, w); }},
        {{"-polar_vector"},
         3,
         "x y z",
         "direction of the electric field",
         [](Options& o, const Words& w) { custom(o, &Options::polar_vector, w); }},
        {{"-spindle_axis"},
         3,
         "x y z",
         "right-handed axis of phi",
         [](Options& o, const Words& w) { custom(o, &Options::spindle_vector, w); }},
        {{"-twotheta_axis"},
         3,
         "x y z",
         "right-handed axis of -twotheta",
         [](Options& o, const Words& w) {
             custom(o, &Options::twotheta_axis, w);
             o.pivot = Pivot::sample;
         }},
        {{"-pix0_vector"},
         3,
         "x y z",
         "has no effect in nanoBragg but to select -*_vector conventions",
         [](Options& o, const Words& w) {
             (void)w.vector();
             o.convention = Convention::custom;
             no_effect(o, "-pix0_vector is overwritten by distance and beam centre, as nanoBragg does");
         }},
        {{"-twotheta"},
         1,
         "deg",
         "swing of the detector",
         [](Options& o, const Words& w) {
             o.twotheta_deg = w.number();
             o.pivot = Pivot::sample;
         }},
        {{"-detector_rotx"}, 1, "deg", "tilt about x", [](Options& o, const Words& w) { o.tilt_deg[0] = w.number(); }},
        {{"-detector_roty"}, 1, "deg", "tilt about y", [](Options& o, const Words& w) { o.tilt_deg[1] = w.number(); }},
        {{"-detector_rotz"}, 1, "deg", "tilt about z", [](Options& o, const Words& w) { o.tilt_deg[2] = w.number(); }},
        {{"-detector_abs*"},
         1,
         "um",
         "attenuation length of the sensor (inf: every photon counts)",
         [](Options& o, const Words& w) {
             const bool none = w.text().find("inf") != std::string::npos || w.number() == 0.0;
             o.attenuation_um = none ? std::numeric_limits<double>::infinity() : w.number();
         }},
        {{"-detector_thick"},
         1,
         "um",
         "of the sensor",
         [](Options& o, const Words& w) { o.thickness_um = w.number(); }},
        {{"-detector_thicksteps", "-thicksteps"},
         1,
         "N",
         "layers of the sensor",
         [](Options& o, const Words& w) { o.thickness_steps = w.integer(); }},
        {{"-oversample"},
         1,
         "N",
         "points along each edge of a pixel (by the size of the crystal)",
         [](Options& o, const Words& w) { o.oversample = w.integer(); }},
        {{"-oversample_thick"},
         0,
         "",
         "capture at every point (always so without --stock)",
         [](Options& o, const Words&) { o.oversample_thick = true; }},
        {{"-oversample_polar"},
         0,
         "",
         "polarisation at every point (always so without --stock)",
         [](Options& o, const Words&) { o.oversample_polar = true; }},
        {{"-oversample_omega"},
         0,
         "",
         "solid angle at every point (always so without --stock)",
         [](Options& o, const Words&) { o.oversample_omega = true; }},
        {{"-curved_det*"},
         0,
         "",
         "all pixels equally far from the sample",
         [](Options& o, const Words&) { o.curved = true; }},
        {{"-point_pixel"}, 0, "", "solid angle 1 / R^2", [](Options& o, const Words&) { o.point_pixel = true; }},
        {{"-roi"},
         4,
         "x x y y",
         "first and last pixel along fast and slow",
         [](Options& o, const Words& w) {
             o.roi = {w.integer(0), w.integer(1), w.integer(2), w.integer(3)};
         }},
        {{"-mask*"},
         1,
         "FILE",
         "SMV image: pixels of 0 are skipped; its header as -img's",
         [](Options& o, const Words& w) { o.mask = w.text(); }},
        {{"-img*"},
         1,
         "FILE",
         "SMV image whose header gives size, pixel, distance, wavelength and beam centre",
         [](Options& o, const Words& w) { o.img = w.text(); }},
    };
}

std::vector<Option> output_options() {
    return {
        {{"-floatfile", "-floatimage"},
         1,
         "FILE",
         "photons as 4-byte floats (floatimage.bin)",
         [](Options& o, const Words& w) { o.float_file = w.text(); }},
        {{"-intfile", "-intimage"},
         1,
         "FILE",
         "SMV image without noise (intimage.img)",
         [](Options& o, const Words& w) { o.int_file = w.text(); }},
        {{"-scale"},
         1,
         "x",
         "of the image without noise (55000 / maximum)",
         [](Options& o, const Words& w) { o.scale = w.number(); }},
        {{"-adc"}, 1, "x", "offset of SMV images (40)", [](Options& o, const Words& w) { o.adc = w.number(); }},
        {{"-noisefile", "-noiseimage"},
         1,
         "FILE",
         "SMV image with Poisson noise (noiseimage.img)",
         [](Options& o, const Words& w) {
             o.noise_file = w.text();
             o.write_noise = true;
         }},
        {{"-nonoise"}, 0, "", "do not write it", [](Options& o, const Words&) { o.write_noise = false; }},
        {{"-seed"}, 1, "N", "of the noise (1)", [](Options& o, const Words& w) { o.seed = w.integer(); }},
        {{"-pgmfile", "-pgmimage"},
         1,
         "FILE",
         "8-bit portable greymap (image.pgm)",
         [](Options& o, const Words& w) {
             o.pgm_file = w.text();
             o.write_pgm = true;
         }},
        {{"-pgmscale"},
         1,
         "x",
         "of the greymap (250 / (5 rms deviations))",
         [](Options& o, const Words& w) {
             o.pgm_scale = w.number();
             o.write_pgm = true;
         }},
        {{"-nopgm"}, 0, "", "do not write it", [](Options& o, const Words&) { o.write_pgm = false; }},
        {{"-progress"}, 0, "", "show progress (default)", [](Options& o, const Words&) { o.progress = true; }},
        {{"-noprogress"}, 0, "", "do not", [](Options& o, const Words&) { o.progress = false; }},
        {{"-printout"},
         0,
         "",
         "not supported: look at the float image instead",
         [](Options&, const Words&) {
             throw UsageError(
                 "-printout (what nanoBragg prints of each pixel is not supported). Read the float image.");
         }},
        {{"-printout_pixel"},
         2,
         "x y",
         "not supported",
         [](Options&, const Words&) {
             throw UsageError(
                 "-printout_pixel (what nanoBragg prints of a pixel is not supported). Read the float image.");
         }},
        {{"--stock"},
         0,
         "",
         "nanoBragg's own results, known bugs included",
         [](Options& o, const Words&) { o.stock = true; }},
    };
}

const std::vector<std::pair<const char*, std::vector<Option>>>& groups() {
    static const std::vector<std::pair<const char*, std::vector<Option>>> all = {
        {"Crystal", crystal_options()},
        {"Beam, spindle and water", beam_options()},
        {"Detector", detector_options()},
        {"Output", output_options()},
    };
    return all;
}

// A name with '*' stands for every option that begins so and has no name of its own, as in nanoBragg.
const Option& find_option(const std::string& word) {
    const Option* best = nullptr;
    std::size_t best_length = 0;
    std::vector<std::string> known;
    for (const auto& [title, options] : groups()) {
        for (const Option& option : options) {
            for (std::string name : option.names) {
                const bool prefix = name.back() == '*';
                if (prefix) name.pop_back();
                if (word == name) return option;
                if (prefix && word.starts_with(name) && name.size() > best_length) {
                    best = &option;
                    best_length = name.size();
                }
                known.push_back(std::move(name));
            }
        }
    }
    if (best != nullptr) return *best;
    throw UsageError(
        fmt::format("{} (nanoBragg has no such option). Did you mean {}? `braggbench nanobragg --help` lists them.",
                    word, nearest_name(word, known)));
}

bool is_number(const std::string& word) {
    double value = 0.0;
    return std::from_chars(word.data(), word.data() + word.size(), value).ec == std::errc{};
}

// How many of the words that follow belong to the option.
std::size_t argument_count(const std::string& name, const Option& option, std::span<const std::string> rest) {
    if (option.arguments >= 0) {
        const auto count = static_cast<std::size_t>(option.arguments);
        if (rest.size() < count) {
            throw UsageError(fmt::format("{} (it takes {} argument{}: {}). Give {}.", name, count,
                                         count == 1 ? "" : "s", option.shown, count == 1 ? "it" : "them"));
        }
        return count;
    }
    std::size_t count = 0;
    const auto most = static_cast<std::size_t>(-option.arguments);
    if (!rest.empty() && rest.front().find("rand") != std::string::npos) return 1;
    while (count < most && count < rest.size() && is_number(rest[count])) ++count;
    if (count == 0) throw UsageError(fmt::format("{} (it takes {}). Give them.", name, option.shown));
    return count;
}

void take_header(Options& options, const SmvHeader& header, bool is_mask) {
    options.pixels_fast = header.width;
    options.pixels_slow = header.height;
    const auto value = [&](const char* key) { return header.number(key); };
    options.pixel_mm = value("PIXEL_SIZE").value_or(options.pixel_mm);
    options.distance_mm = value("DISTANCE").value_or(options.distance_mm);
    if (const auto x = value("CLOSE_DISTANCE")) options.close_distance_mm = x;
    options.wavelength_A = value("WAVELENGTH").value_or(options.wavelength_A);
    if (const auto x = value("BEAM_CENTER_X")) options.x_beam_mm = x;
    if (const auto y = value("BEAM_CENTER_Y")) {
        options.y_beam_mm = is_mask ? options.pixel_mm * header.height - *y : *y;
    }
    if (const auto x = value("ORGX")) options.org_x = x;
    if (const auto y = value("ORGY")) options.org_y = y;
    options.phi_deg = value("PHI").value_or(options.phi_deg);
    if (const auto x = value("OSC_RANGE")) options.osc_deg = x;
}

}  // namespace

Options parse_options(std::span<const std::string> arguments) {
    if (!arguments.empty() && arguments.front().ends_with("nanoBragg")) arguments = arguments.subspan(1);
    struct Taken {
        const Option* option;
        Words words;
    };
    std::vector<Taken> taken;
    for (std::size_t i = 0; i < arguments.size();) {
        const std::string& name = arguments[i];
        if (name.empty() || name.front() != '-') {
            throw UsageError(
                fmt::format("\"{}\" (no option takes this argument). Remove it; options begin with '-'.", name));
        }
        const Option& option = find_option(name);
        const std::size_t count = argument_count(name, option, arguments.subspan(i + 1));
        taken.push_back({&option, Words(name, arguments.subspan(i + 1, count))});
        i += 1 + count;
    }
    Options files;
    for (const Taken& item : taken) {
        if (item.option->names.front() == "-mask*" || item.option->names.front() == "-img*") {
            item.option->take(files, item.words);
        }
    }
    Options options;
    if (files.mask) take_header(options, read_smv_header(*files.mask), true);
    if (files.img) take_header(options, read_smv_header(*files.img), false);
    for (const Taken& item : taken) item.option->take(options, item.words);
    return options;
}

std::string options_help() {
    std::string text;
    for (const auto& [title, options] : groups()) {
        text += fmt::format("{}:\n", title);
        for (const Option& option : options) {
            std::string name = option.names.front();
            if (name.back() == '*') name.pop_back();
            text += fmt::format("  {:<36} {}\n", fmt::format("{} {}", name, option.shown), option.help);
        }
    }
    return text;
}

}  // namespace braggbench::nanobragg
