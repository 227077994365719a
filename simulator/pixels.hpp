// The `pixels` integrator: expected photons of an Experiment, by summing nanoBragg's model over explicit lists of
// mosaic blocks, sources, spindle settings, points of a pixel and sensor layers at every pixel. It is exact for the
// lists it is given; it converges to the Experiment's own distributions as the lists of sample() grow. Lab frame, |s| =
// 1 / lambda. Reference: Holton's nanoBragg (docs/nanobragg.md).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {

// Photons that come along one direction with one wavelength.
struct Source {
    Eigen::Vector3d incident = Eigen::Vector3d::UnitZ();  // a unit vector, away from the source
    double wavelength_A = 1.0;
    double weight = 1.0;  // share of the photons, relative to the other sources
};

// What is summed over. The sum is an average: over sources by weight, over everything else with equal shares.
struct PixelSampling {
    enum class Combination {
        product,  // every block with every source at every point of the pixel, as nanoBragg does
        joint,    // block i with source i at point i mod oversample^2 of the pixel: converges far sooner
    };
    Combination combination = Combination::product;
    int oversample = 1;       // oversample^2 points of a pixel, in the middle of equal squares
    int thickness_steps = 1;  // layers of the sensor, each as deep as the others; photons are placed on their fronts
    std::vector<Source> sources;
    // Rotations U in the lab frame: a vector v of the crystal becomes U v. One list for all crystals, or one for each.
    std::vector<std::vector<Eigen::Matrix3d>> mosaic_blocks;
    // Of every crystal, before its blocks' own; empty = one setting, unrotated.
    std::vector<Eigen::Matrix3d> spindle_rotations;
};

struct SamplingCounts {
    int blocks = 1;
    int wavelengths = 1;
    int directions = 1;
    int oversample = 1;
};

// Product of low-discrepancy lists for the experiment's mosaicity, spectrum and divergence. A distribution without
// width takes one point whatever was asked for. Throws UsageError for counts below 1.
PixelSampling sample(const Experiment& experiment, const SamplingCounts& counts);

// A joint list of `samples` (block, source, point of the pixel) drawn together.
PixelSampling sample(const Experiment& experiment, int samples, int oversample);

// Pixels of the assembled image, both ends included.
struct PixelRegion {
    int fast_first = 0, fast_last = 0;
    int slow_first = 0, slow_last = 0;
};

struct PixelOptions {
    enum class Amplitudes {
        nearest,   // the nearest reflection's
        tricubic,  // between reflections: cubic Lagrange polynomials through 4 x 4 x 4 of them
    };
    enum class SolidAngle {
        pixel,  // pixel^2 close distance / R^3
        point,  // nanoBragg's -point_pixel: 1 / R^2
    };
    enum class Factors {
        every_step,  // solid angle, polarisation and capture where each sample is
        stock,       // stock nanoBragg: the first point's and source's solid angle and polarisation, the last layer's
                     // capture for all layers
    };
    enum class Visit {
        where_reflections_reach,  // of shapes that end before the next lattice point; all pixels otherwise
        every_pixel,              // the plain sum: the same image within 1e-5 of its maximum
    };
    enum class IsotropicFactor {
        every_point,  // the mean over the points of the pixel and the sources
        last_point,   // at the last point, for the last source: simtbx's way, which the reference images have
    };
    // nanoBragg's -curved_det: a point at p of the flat panel moves to Rot(fast, p.second / radius)
    // Rot(slow, p.first / radius) (radius * beam direction).
    struct Curvature {
        double radius_mm = 0.0;
        Eigen::Vector3d first, second;
    };
    // |F| of reflections outside the box of those listed.
    struct OutsideAmplitude {
        double f_e = 0.0;
        MillerIndex box_min, box_max;
    };

    Visit visit = Visit::where_reflections_reach;
    Amplitudes amplitudes = Amplitudes::nearest;
    SolidAngle solid_angle = SolidAngle::pixel;
    Factors solid_angle_factor = Factors::every_step;
    Factors polarization_factor = Factors::every_step;
    Factors capture_factor = Factors::every_step;
    std::optional<Curvature> curvature;
    std::optional<OutsideAmplitude> outside;
    bool polarized = true;       // false: nanoBragg's -nopolar, a factor of 1
    bool with_f000 = false;      // the reflection 0 0 0 counts too
    double shape_fudge = 1.0;    // multiplies the squared distance from a lattice point in every shape but square
    double pixel_d_min_A = 0.0;  // no Bragg photons where 1 / |q| is less
    double isotropic_e2 = 0.0;   // scattering that does not depend on the angle, in squared electrons
    IsotropicFactor isotropic_factor = IsotropicFactor::every_point;
    std::optional<PixelRegion> roi;                                       // pixels outside are 0
    std::function<void(std::int64_t done, std::int64_t total)> progress;  // called now and then
    std::vector<std::uint8_t> mask;  // if not empty, one value per pixel of the image: 0 leaves the pixel 0
};

// Adds the expected photons of every lattice, as render_pixels() has them. Throws UsageError for lists or options that
// cannot be; the experiment must have passed validate().
void add_pixels(const Experiment& experiment, const PixelSampling& sampling, const PixelOptions& options,
                Image<double>& expected_photons);

// Background included (add_background), in the units of render(). An ellipsoid (BlockShape::round) has pi / 6 of the
// cells of its box, and so many more blocks: its peak is pi / 6 of the square shape's, as nanoBragg has it. Throws
// UsageError from validate(), or for lists or options that cannot be.
Image<float> render_pixels(const Experiment& experiment, const PixelSampling& sampling,
                           const PixelOptions& options = {});

}  // namespace braggbench
