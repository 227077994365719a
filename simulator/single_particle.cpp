#include "simulator/single_particle.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <string>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/experiment.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/faults.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr double A_per_um = 1.0e4;
constexpr std::size_t most_particles = 64;

// sin and cos of 2 pi `cycles`, to 2e-6 absolute, in a form that compilers turn into SIMD code.
inline void sin_cos_cycles(float cycles, float& sine, float& cosine) {
    constexpr float round_magic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
    const float quarter = 4.0F * cycles;
    const float whole = (quarter + round_magic) - round_magic;
    const float a = (quarter - whole) * (std::numbers::pi_v<float> / 2.0F);
    const float a2 = a * a;
    // Taylor series on [-pi / 4, pi / 4].
    const float s = a * (1.0F + a2 * (-1.0F / 6 + a2 * (1.0F / 120 - a2 / 5040)));
    const float c = 1.0F + a2 * (-0.5F + a2 * (1.0F / 24 + a2 * (-1.0F / 720 + a2 / 40320)));
    const int turn = static_cast<int>(whole) & 3;
    const bool swap = (turn & 1) != 0;
    sine = (swap ? c : s) * ((turn & 2) != 0 ? -1.0F : 1.0F);
    cosine = (swap ? s : c) * ((turn == 1 || turn == 2) ? -1.0F : 1.0F);
}

// sin(pi u) / (pi u).
inline float sinc(float u) {
    float sine = 0.0F;
    float cosine = 0.0F;
    sin_cos_cycles(0.5F * u, sine, cosine);
    const float small = std::abs(u) < 1e-3F ? 1e-3F : u;
    return std::abs(u) < 1e-3F ? 1.0F : sine / (std::numbers::pi_v<float> * small);
}

// Second moment of (wavelength - mean) / mean over the spectrum.
double spectrum_variance(const Spectrum& spectrum) {
    double weight = 0.0;
    double first = 0.0;
    double second = 0.0;
    for (const SpectrumLine& line : spectrum.lines) {
        const double rms =
            line.width_fraction / (line.profile == SpectrumLine::Profile::top_hat ? std::sqrt(12.0) : 1.0);
        weight += line.weight;
        first += line.weight * line.centre_fraction;
        second += line.weight * (line.centre_fraction * line.centre_fraction + rms * rms);
    }
    if (!(weight > 0.0)) return 0.0;
    first /= weight;
    return std::max(0.0, second / weight - first * first);
}

struct Amplitudes {
    std::vector<float> sx, sy, sz, re, im;
};

// F times the root of the fluence share, at each pixel of a row.
void amplitudes_of(const Particle& particle, const PixelRow& row, Amplitudes& out) {
    const std::size_t count = row.qx_invA.size();
    for (std::vector<float>* array : {&out.sx, &out.sy, &out.sz, &out.re, &out.im}) array->resize(count);
    const Eigen::Matrix3f m =
        (particle.stretch.asDiagonal() * particle.lab_from_particle.transpose()).eval().cast<float>();
    const std::array<const float*, 3> q{row.qx_invA.data(), row.qy_invA.data(), row.qz_invA.data()};
    const std::array<float*, 3> s{out.sx.data(), out.sy.data(), out.sz.data()};
    for (int axis = 0; axis < 3; ++axis) {
        float* const to = s[static_cast<std::size_t>(axis)];
        const float mx = m(axis, 0);
        const float my = m(axis, 1);
        const float mz = m(axis, 2);
        for (std::size_t i = 0; i < count; ++i) to[i] = mx * q[0][i] + my * q[1][i] + mz * q[2][i];
    }
    particle.transform->sample({out.sx, out.sy, out.sz, out.re, out.im});
    const auto scale = static_cast<float>(particle.stretch.prod() * std::sqrt(particle.fluence_share));
    for (std::size_t i = 0; i < count; ++i) {
        out.re[i] *= scale;
        out.im[i] *= scale;
    }
}

// Twice the real part of F_a F_b* exp(2 pi i q . (r_a - r_b)), averaged over the area of each pixel and the spectrum.
class Interference {
public:
    Interference(const Experiment& experiment, double apart_variance)
        : experiment_(experiment), fade_(static_cast<float>(-2.0 * std::pow(std::numbers::pi, 2) * apart_variance)) {}

    void add(const PixelRow& row, const Amplitudes& a, const Amplitudes& b, const Eigen::Vector3d& apart_A,
             std::vector<float>& intensity) const {
        const Panel& panel = experiment_.detector.panels[static_cast<std::size_t>(row.panel)];
        const auto k = static_cast<float>(1.0 / experiment_.beam.wavelength_A);
        const Eigen::Vector3d normal = panel.fast_axis.cross(panel.slow_axis);
        const double close = normal.dot(panel.origin_mm);
        const Eigen::Vector3f n = normal.cast<float>();
        const Eigen::Vector3f f = panel.fast_axis.cast<float>();
        const Eigen::Vector3f w = panel.slow_axis.cast<float>();
        const Eigen::Vector3f r = apart_A.cast<float>();
        const float r_fast = f.dot(r);
        const float r_slow = w.dot(r);
        const auto step = static_cast<float>(panel.pixel_size_mm / close / experiment_.beam.wavelength_A);
        const float wavelength = 1.0F / k;
        for (std::size_t i = 0; i < intensity.size(); ++i) {
            const float qx = row.qx_invA[i];
            const float qy = row.qy_invA[i];
            const float qz = row.qz_invA[i];
            // Direction to the pixel; dq = (k / range) (axis - u (u . axis)) per mm along an axis of the panel.
            const float ux = wavelength * qx;
            const float uy = wavelength * qy;
            const float uz = wavelength * qz + 1.0F;
            const float per_px = step * (n.x() * ux + n.y() * uy + n.z() * uz);
            const float along = ux * r.x() + uy * r.y() + uz * r.z();
            const float cycles_fast = per_px * (r_fast - (ux * f.x() + uy * f.y() + uz * f.z()) * along);
            const float cycles_slow = per_px * (r_slow - (ux * w.x() + uy * w.y() + uz * w.z()) * along);
            const float cycles = qx * r.x() + qy * r.y() + qz * r.z();
            float sine = 0.0F;
            float cosine = 0.0F;
            sin_cos_cycles(cycles, sine, cosine);
            const float re = a.re[i] * b.re[i] + a.im[i] * b.im[i];
            const float im = a.im[i] * b.re[i] - a.re[i] * b.im[i];
            intensity[i] += 2.0F * sinc(cycles_fast) * sinc(cycles_slow) * fast_exp(fade_ * cycles * cycles) *
                            (re * cosine - im * sine);
        }
    }

private:
    const Experiment& experiment_;
    float fade_;
};

}  // namespace

void check(const ParticleShot& shot, const Experiment& experiment, Faults& faults) {
    if (shot.particles.empty()) return;
    if (shot.particles.size() > most_particles)
        faults.add(fmt::format("particles: {} of them (their interference is summed pair by pair). Give at most {}.",
                               shot.particles.size(), most_particles));
    const double q_max = largest_q_invA(experiment);
    for (std::size_t i = 0; i < shot.particles.size(); ++i) {
        const Particle& particle = shot.particles[i];
        const std::string name = fmt::format("particles[{}].", i);
        if (!particle.transform) {
            faults.add(name + "transform is missing (nothing says what the particle is). Give a shape or atoms.");
            continue;
        }
        const Eigen::Matrix3d& r = particle.lab_from_particle;
        if (!((r * r.transpose() - Eigen::Matrix3d::Identity()).norm() < 1e-6 && r.determinant() > 0.0))
            faults.add(name +
                       "lab_from_particle is not a rotation (it must be orthonormal, determinant 1). Correct it.");
        double largest = 0.0;
        for (int axis = 0; axis < 3; ++axis) {
            faults.require(particle.stretch[axis] > 0.0, name + "stretch", particle.stretch[axis], "a size is positive",
                           "Give 1 for the size of the transform.");
            faults.require(std::abs(particle.position_um[axis]) <= 1000.0, name + "position_um",
                           particle.position_um[axis], "a particle in the focus lies within 1 mm of the origin",
                           "Give it in micrometres.");
            largest = std::max(largest, particle.stretch[axis]);
        }
        faults.require(particle.fluence_share >= 0.0, name + "fluence_share", particle.fluence_share,
                       "a fluence cannot be negative", "Give the share of the beam's fluence.");
        const double s_max = particle.transform->s_max_invA();
        if (q_max * largest > s_max)
            faults.add(
                fmt::format("{}transform reaches |s| = {:.5g} / A (the detector's corner, times the stretch, needs "
                            "{:.5g}). Make the transform with a larger s_max.",
                            name, s_max, q_max * largest));
        for (const Panel& panel : experiment.detector.panels) {
            const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
            const double fringe_px = experiment.beam.wavelength_A * close_mm /
                                     (particle.transform->diameter_A() * largest * panel.pixel_size_mm);
            if (fringe_px < 2.0) {
                faults.add(
                    fmt::format("{}transform has fringes of {:.3g} pixels (its pattern is taken at the middles of "
                                "pixels, which needs 2). Give a smaller particle or a longer distance.",
                                name, fringe_px));
                break;
            }
        }
    }
}

void add_particles(const Experiment& experiment, Image<float>& expected_photons) {
    const std::vector<Particle>& particles = experiment.particles.particles;
    if (particles.empty() || experiment.beam.fluence_photons_per_m2 <= 0) return;
    Faults faults;
    check(experiment.particles, experiment, faults);
    faults.report();
    std::vector<Amplitudes> amplitudes(particles.size());
    std::vector<float> intensity;
    const Interference interference(experiment, spectrum_variance(experiment.beam.spectrum));
    for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
        intensity.assign(pixels.size(), 0.0F);
        for (std::size_t j = 0; j < particles.size(); ++j) {
            Amplitudes& own = amplitudes[j];
            amplitudes_of(particles[j], row, own);
            for (std::size_t i = 0; i < intensity.size(); ++i)
                intensity[i] += own.re[i] * own.re[i] + own.im[i] * own.im[i];
            for (std::size_t other = 0; other < j; ++other) {
                const Eigen::Vector3d apart_A = A_per_um * (particles[j].position_um - particles[other].position_um);
                interference.add(row, own, amplitudes[other], apart_A, intensity);
            }
        }
        // Rounding can leave the sum of amplitudes that cancel a little below zero.
        for (std::size_t i = 0; i < pixels.size(); ++i)
            pixels[i] += std::max(intensity[i], 0.0F) * row.photons_per_e2[i];
    });
}

ParticleShot draw_particles(const ParticleDraw& draw, const Beam& beam, std::uint64_t seed, std::uint64_t image_index) {
    Faults faults;
    if (!draw.transform) faults.add("transform is missing (nothing says what the particle is). Give a shape or atoms.");
    faults.require(draw.count >= 0 && draw.count <= static_cast<int>(most_particles), "count", draw.count,
                   "a shot has 0 to 64 particles", "Give fewer.");
    faults.require(draw.size_rms_fraction >= 0.0 && draw.size_rms_fraction <= 1.0, "size_rms_fraction",
                   draw.size_rms_fraction, "sizes vary by 0 to 1", "Give 0 for equal particles.");
    faults.require(draw.focus_depth_um >= 0.0 && draw.focus_depth_um <= 1000.0, "focus_depth_um", draw.focus_depth_um,
                   "the focus is 0 to 1000 um long", "Give its full length.");
    faults.require(draw.weakest_share > 0.0 && draw.weakest_share <= 1.0, "weakest_share", draw.weakest_share,
                   "it lies in (0, 1]", "Give 1 for a flat beam.");
    faults.report();
    RandomStream random(seed, image_index, Stage::particles);
    ParticleShot shot;
    const double beam_radius_um = 0.5 * beam.diameter_um;
    for (int trial = 0; static_cast<int>(shot.particles.size()) < draw.count; ++trial) {
        if (trial > 1000 * draw.count)
            throw UsageError(
                fmt::format("count = {} particles (they do not fit a beam of {} um). Give fewer or smaller "
                            "particles.",
                            draw.count, beam.diameter_um));
        Particle particle;
        particle.transform = draw.transform;
        particle.lab_from_particle = random.rotation();
        particle.stretch.setConstant(std::exp(draw.size_rms_fraction * std::clamp(random.normal(), -2.5, 2.5)));
        const double radius_um = beam_radius_um * std::sqrt(random.uniform());
        const double azimuth = random.uniform(0.0, 2.0 * std::numbers::pi);
        particle.position_um = {radius_um * std::cos(azimuth), radius_um * std::sin(azimuth),
                                draw.focus_depth_um * random.uniform(-0.5, 0.5)};
        particle.fluence_share = random.uniform(draw.weakest_share, 1.0);
        const double diameter_um = draw.transform->diameter_A() / A_per_um;
        const bool overlaps = std::ranges::any_of(shot.particles, [&](const Particle& other) {
            return (other.position_um - particle.position_um).norm() <
                   0.5 * diameter_um * (other.stretch.x() + particle.stretch.x());
        });
        if (!overlaps) shot.particles.push_back(particle);
    }
    return shot;
}

}  // namespace braggbench
