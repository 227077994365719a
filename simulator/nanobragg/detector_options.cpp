#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "simulator/error.hpp"
#include "simulator/nanobragg/option_table.hpp"

namespace braggbench::nanobragg {
namespace {

void custom(Options& options, Vector Options::*member, const Words& words) {
    options.convention = Convention::custom;
    options.*member = words.vector();
}

void convention(Options& options, Convention convention, Pivot pivot) {
    options.convention = convention;
    options.pivot = pivot;
}

void no_effect(Options& options, const char* note) { options.notes.emplace_back(note); }

}  // namespace

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

}  // namespace braggbench::nanobragg
