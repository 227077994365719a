#include <fmt/format.h>

#include <Eigen/Geometry>
#include <cmath>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/nanobragg/run.hpp"

namespace braggbench::nanobragg {
namespace {

Eigen::Vector3d to_eigen(const Vector& v) { return {v[0], v[1], v[2]}; }

Eigen::Vector3d unit(const Vector& v, const char* name) {
    const Eigen::Vector3d vector = to_eigen(v);
    if (!(vector.norm() > 0)) {
        throw UsageError(fmt::format("{} 0 0 0 (it has no direction). Give three numbers.", name));
    }
    return vector.normalized();
}

struct Frame {
    Eigen::Vector3d beam, fast, slow, out, twotheta, polar, spindle;
};

// The fixed directions of the conventions.
Frame frame_of(const Options& options) {
    const Eigen::Vector3d x = Eigen::Vector3d::UnitX();
    const Eigen::Vector3d y = Eigen::Vector3d::UnitY();
    const Eigen::Vector3d z = Eigen::Vector3d::UnitZ();
    switch (options.convention) {
        case Convention::mosflm:
        case Convention::denzo:
            return {x, z, -y, x, -z, z, z};
        case Convention::adxv:
            return {z, x, -y, z, -x, x, x};
        case Convention::xds:
            return {z, x, y, z, x, x, x};
        case Convention::dials:
            return {z, x, y, z, y, y, y};
        case Convention::custom:
            break;
    }
    Frame frame;
    frame.beam = unit(options.beam_vector, "-beam_vector");
    frame.fast = unit(options.fast_vector, "-fdet_vector");
    frame.slow = unit(options.slow_vector, "-sdet_vector");
    frame.out = to_eigen(options.out_vector);
    frame.out = frame.out.norm() > 0 ? frame.out.normalized() : frame.fast.cross(frame.slow).normalized();
    frame.twotheta = unit(options.twotheta_axis, "-twotheta_axis");
    frame.polar = unit(options.polar_vector, "-polar_vector");
    frame.spindle = unit(options.spindle_vector, "-spindle_axis");
    return frame;
}

// About x, then y, then z, right-handed.
Eigen::Matrix3d tilt(const Vector& angles_deg) {
    const auto about = [&](std::size_t axis, const Eigen::Vector3d& direction) {
        return Eigen::AngleAxisd(angles_deg[axis] * rad_per_deg, direction);
    };
    return (about(2, Eigen::Vector3d::UnitZ()) * about(1, Eigen::Vector3d::UnitY()) *
            about(0, Eigen::Vector3d::UnitX()))
        .toRotationMatrix();
}

void check_options(const Options& options) {
    Faults faults;
    faults.require(options.pixel_mm > 0, "-pixel", options.pixel_mm, "a pixel has a positive size", "Give it in mm.");
    faults.require(options.distance_mm > 0, "-distance", options.distance_mm, "the detector is downstream",
                   "Give a positive distance in mm.");
    if (options.close_distance_mm) {
        faults.require(*options.close_distance_mm > 0, "-close_distance", *options.close_distance_mm,
                       "the sample cannot lie in the detector", "Give a positive distance in mm.");
    }
    faults.require(options.pixels_fast >= 0, "-detpixels_f", options.pixels_fast, "an image has pixels",
                   "Give their number.");
    faults.require(options.pixels_slow >= 0, "-detpixels_s", options.pixels_slow, "an image has pixels",
                   "Give their number.");
    faults.require(options.size_fast_mm > 0, "-detsize_f", options.size_fast_mm, "a detector has a size",
                   "Give it in mm.");
    faults.require(options.size_slow_mm > 0, "-detsize_s", options.size_slow_mm, "a detector has a size",
                   "Give it in mm.");
    faults.report();
}

}  // namespace

Geometry geometry_of(const Options& options) {
    check_options(options);
    const Frame frame = frame_of(options);
    Geometry g;
    g.pixel_mm = options.pixel_mm;
    double size_fast = options.pixels_fast > 0 ? options.pixel_mm * options.pixels_fast : options.size_fast_mm;
    double size_slow = options.pixels_slow > 0 ? options.pixel_mm * options.pixels_slow : options.size_slow_mm;
    const double most = 1e6;
    if (size_fast / g.pixel_mm > most || size_slow / g.pixel_mm > most) {
        throw UsageError(
            fmt::format("a detector of {} x {} mm with pixels of {} mm (too many pixels). Make it smaller.", size_fast,
                        size_slow, g.pixel_mm));
    }
    g.pixels_fast = static_cast<int>(std::ceil(size_fast / g.pixel_mm - 0.5));
    g.pixels_slow = static_cast<int>(std::ceil(size_slow / g.pixel_mm - 0.5));
    g.size_slow_mm = size_slow;

    double f_close = options.org_x ? (*options.org_x - 0.5) * g.pixel_mm : size_fast / 2;
    double s_close = options.org_y ? (*options.org_y - 0.5) * g.pixel_mm : size_slow / 2;
    const double x_close = options.x_close_mm.value_or(f_close);
    const double y_close = options.y_close_mm.value_or(s_close);
    double f_beam = 0.0;
    double s_beam = 0.0;
    Pivot pivot = options.pivot;
    switch (options.convention) {
        case Convention::adxv:
            g.x_beam_mm = options.x_beam_mm.value_or((size_fast + g.pixel_mm) / 2);
            g.y_beam_mm = options.y_beam_mm.value_or((size_slow - g.pixel_mm) / 2);
            f_beam = g.x_beam_mm;
            s_beam = size_slow - g.y_beam_mm;
            pivot = Pivot::beam;
            break;
        case Convention::mosflm:
        case Convention::denzo: {
            const double half = options.convention == Convention::mosflm ? 0.5 * g.pixel_mm : 0.0;
            g.x_beam_mm = options.x_beam_mm.value_or((size_slow + g.pixel_mm) / 2);
            g.y_beam_mm = options.y_beam_mm.value_or((size_fast + g.pixel_mm) / 2);
            f_beam = g.y_beam_mm + half;
            s_beam = g.x_beam_mm + half;
            pivot = Pivot::beam;
            break;
        }
        case Convention::xds:
        case Convention::dials:
            g.x_beam_mm = f_beam = options.x_beam_mm.value_or(x_close);
            g.y_beam_mm = s_beam = options.y_beam_mm.value_or(y_close);
            pivot = Pivot::sample;
            break;
        case Convention::custom:
            g.x_beam_mm = f_beam = f_close = options.x_beam_mm.value_or(x_close);
            g.y_beam_mm = s_beam = s_close = options.y_beam_mm.value_or(y_close);
            break;
    }

    const Eigen::Matrix3d tilted = tilt(options.tilt_deg);
    const Eigen::Matrix3d swung =
        Eigen::AngleAxisd(options.twotheta_deg * rad_per_deg, frame.twotheta).toRotationMatrix() * tilted;
    // nanoBragg leaves the swing out of this ratio.
    const double ratio = frame.beam.dot(tilted * frame.out);
    if (std::abs(ratio) < 1e-6) {
        throw UsageError(
            "the beam runs along the detector's plane (tilts or -odet_vector contradict -beam_vector). "
            "Turn the detector towards the sample.");
    }
    const double close = options.close_distance_mm.value_or(std::abs(ratio * options.distance_mm));
    const double distance = close / ratio;
    g.beam = frame.beam;
    g.polar = frame.polar;
    g.spindle = frame.spindle;
    g.fast = swung * frame.fast;
    g.slow = swung * frame.slow;
    g.out = swung * frame.out;
    if (pivot == Pivot::sample) {
        g.pix0_mm = swung * (-f_close * frame.fast - s_close * frame.slow + close * frame.out);
    } else {
        g.pix0_mm = -f_beam * g.fast - s_beam * g.slow + distance * g.beam;
    }
    g.f_close_mm = -g.pix0_mm.dot(g.fast);
    g.s_close_mm = -g.pix0_mm.dot(g.slow);
    g.close_distance_mm = g.pix0_mm.dot(g.out);
    g.distance_mm = g.close_distance_mm / ratio;
    const Eigen::Vector3d meets = g.distance_mm * g.beam - g.pix0_mm;
    g.f_beam_mm = g.fast.dot(meets);
    g.s_beam_mm = g.slow.dot(meets);

    if (std::abs(g.fast.dot(g.slow)) > 1e-6 || std::abs(g.fast.dot(g.out)) > 1e-6 ||
        std::abs(g.slow.dot(g.out)) > 1e-6) {
        throw UsageError(
            "-fdet_vector, -sdet_vector and -odet_vector (they are not perpendicular to each other; those not "
            "given are 0 0 1, 0 -1 0 and 1 0 0). Give all three.");
    }
    if (!(g.close_distance_mm > 0)) {
        throw UsageError(
            fmt::format("the detector's plane is {} mm from the sample along -odet_vector (it must be in "
                        "front of it). Turn that vector round, or move the detector.",
                        g.close_distance_mm));
    }
    const Eigen::Vector3d across = g.polar - g.polar.dot(g.beam) * g.beam;
    if (across.norm() < 1e-3) {
        throw UsageError("-polar_vector (the electric field cannot lie along the beam). Give a direction across it.");
    }
    const Eigen::Vector3d x = -across.normalized();
    g.lab_from_convention.row(0) = x;
    g.lab_from_convention.row(1) = g.beam.cross(x);
    g.lab_from_convention.row(2) = g.beam;
    return g;
}

}  // namespace braggbench::nanobragg
