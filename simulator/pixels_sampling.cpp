#include <fmt/format.h>

#include <Eigen/Geometry>
#include <array>
#include <cmath>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/pixels.hpp"

namespace braggbench {
namespace {

constexpr int most_dimensions = 6;

// Additive recurrence with powers of the root of x^(d + 1) = x + 1 (Roberts 2018, "The unreasonable effectiveness of
// quasirandom sequences"); in one dimension it is the golden ratio's.
class Sequence {
public:
    explicit Sequence(int dimensions) : step_(most_dimensions) {
        double root = 1.5;
        for (int i = 0; i < 200; ++i) root = std::pow(1.0 + root, 1.0 / (dimensions + 1));
        for (int i = 0; i < most_dimensions; ++i) step_[static_cast<std::size_t>(i)] = std::pow(root, -(i + 1.0));
    }
    // In (0, 1); point 0 is the middle.
    [[nodiscard]] double operator()(int point, int dimension) const {
        double whole = 0.0;
        const double u = std::modf(0.5 + point * step_[static_cast<std::size_t>(dimension)], &whole);
        return std::clamp(u, 1e-12, 1.0 - 1e-12);
    }

private:
    std::vector<double> step_;
};

// The normal quantile: Abramowitz & Stegun 26.2.23, then two Newton steps.
double normal_quantile(double u) {
    const double tail = std::min(u, 1.0 - u);
    const double t = std::sqrt(-2.0 * std::log(tail));
    double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 2; ++i) {
        const double excess = 0.5 * std::erfc(x / std::numbers::sqrt2) - tail;
        x += excess * std::sqrt(2.0 * std::numbers::pi) * std::exp(0.5 * x * x);
    }
    return u < 0.5 ? -x : x;
}

Eigen::Matrix3d rotation_by(const Eigen::Vector3d& vector_rad) {
    const double angle = vector_rad.norm();
    if (angle < 1e-15) return Eigen::Matrix3d::Identity();
    return Eigen::AngleAxisd(angle, vector_rad / angle).toRotationMatrix();
}

// The block of `crystal` at (u0, u1, u2) of the unit cube, in the lab frame.
Eigen::Matrix3d block_at(const Crystal& crystal, double u0, double u1, double u2) {
    const Eigen::Vector3d rms_rad = crystal.mosaic_spread_rms_deg * rad_per_deg;
    Eigen::Vector3d rotation_rad;
    if (crystal.mosaic_law == MosaicLaw::gaussian) {
        rotation_rad =
            rms_rad.cwiseProduct(Eigen::Vector3d(normal_quantile(u0), normal_quantile(u1), normal_quantile(u2)));
    } else {
        const double angle = rms_rad.x() / cap_rms_per_edge * std::cbrt(1.0 - u0 * u0);
        const double height = 2.0 * u1 - 1.0;
        const double across = std::sqrt(1.0 - height * height);
        const double azimuth = 2.0 * std::numbers::pi * u2;
        rotation_rad = angle * Eigen::Vector3d(across * std::cos(azimuth), across * std::sin(azimuth), height);
    }
    const Eigen::Matrix3d& lab_from_crystal = crystal.lab_from_crystal;
    return lab_from_crystal * rotation_by(rotation_rad) * lab_from_crystal.transpose();
}

// The spectrum's quantile function; the lines are taken one after the other, each with its share.
double wavelength_at(const Beam& beam, double u) {
    const std::vector<SpectrumLine>& lines = beam.spectrum.lines;
    if (lines.empty()) return beam.wavelength_A;
    double total = 0.0;
    for (const SpectrumLine& line : lines) total += line.weight;
    double rest = u * total;
    std::size_t i = 0;
    while (i + 1 < lines.size() && rest > lines[i].weight) rest -= lines[i++].weight;
    const SpectrumLine& line = lines[i];
    const double within = std::clamp(rest / line.weight, 1e-12, 1.0 - 1e-12);
    const double offset = line.profile == SpectrumLine::Profile::gaussian ? normal_quantile(within) : within - 0.5;
    return beam.wavelength_A * (1.0 + line.centre_fraction + line.width_fraction * offset);
}

Eigen::Vector3d direction_at(const Beam& beam, double u0, double u1) {
    const double tilt = beam.divergence_rms_mrad * 1e-3;
    return Eigen::Vector3d(tilt * normal_quantile(u0), tilt * normal_quantile(u1), 1.0).normalized();
}

bool is_mosaic(const Crystal& crystal) { return !crystal.mosaic_spread_rms_deg.isZero(0); }

bool has_band(const Beam& beam) {
    const auto& lines = beam.spectrum.lines;
    return lines.size() > 1 || (lines.size() == 1 && lines.front().width_fraction > 0);
}

void require_count(const char* name, int count) {
    if (count < 1) {
        throw UsageError(fmt::format("{} = {} (a list has at least one entry). Give a positive number.", name, count));
    }
}

std::vector<std::vector<Eigen::Matrix3d>> blocks_of(const Experiment& experiment, int count, const Sequence& sequence,
                                                    int dimension) {
    std::vector<std::vector<Eigen::Matrix3d>> lists;
    for (const Crystal& crystal : experiment.crystals) {
        std::vector<Eigen::Matrix3d> list;
        for (int i = 0; i < count; ++i) {
            list.push_back(is_mosaic(crystal) ? block_at(crystal, sequence(i, dimension), sequence(i, dimension + 1),
                                                         sequence(i, dimension + 2))
                                              : Eigen::Matrix3d::Identity());
        }
        lists.push_back(std::move(list));
    }
    if (lists.empty()) lists.push_back({Eigen::Matrix3d::Identity()});
    return lists;
}

}  // namespace

PixelSampling sample(const Experiment& experiment, const SamplingCounts& counts) {
    require_count("blocks", counts.blocks);
    require_count("wavelengths", counts.wavelengths);
    require_count("directions", counts.directions);
    require_count("oversample", counts.oversample);
    const Beam& beam = experiment.beam;
    PixelSampling sampling;
    sampling.oversample = counts.oversample;
    const bool mosaic = std::ranges::any_of(experiment.crystals, is_mosaic);
    sampling.mosaic_blocks = blocks_of(experiment, mosaic ? counts.blocks : 1, Sequence(3), 0);
    const int wavelengths = has_band(beam) ? counts.wavelengths : 1;
    const int directions = beam.divergence_rms_mrad > 0 ? counts.directions : 1;
    const Sequence plane(2);
    for (int d = 0; d < directions; ++d) {
        const Eigen::Vector3d incident = direction_at(beam, plane(d, 0), plane(d, 1));
        for (int w = 0; w < wavelengths; ++w) {
            sampling.sources.push_back({incident, wavelength_at(beam, (w + 0.5) / wavelengths), 1.0});
        }
    }
    return sampling;
}

PixelSampling sample(const Experiment& experiment, int samples, int oversample) {
    require_count("samples", samples);
    require_count("oversample", oversample);
    const Beam& beam = experiment.beam;
    const bool mosaic = std::ranges::any_of(experiment.crystals, is_mosaic);
    const bool band = has_band(beam);
    const bool divergence = beam.divergence_rms_mrad > 0;
    // Only what varies takes a dimension: the fewer there are, the more even the points.
    int dimensions = 0;
    const auto take = [&](bool varies, int count) {
        const int first = dimensions;
        if (varies) dimensions += count;
        return first;
    };
    const int band_dimension = take(band, 1);
    const int mosaic_dimension = take(mosaic, 3);
    const int divergence_dimension = take(divergence, 2);
    PixelSampling sampling;
    sampling.combination = PixelSampling::Combination::joint;
    sampling.oversample = oversample;
    const int count = dimensions == 0 ? oversample * oversample : samples;
    const Sequence sequence(std::max(dimensions, 1));
    sampling.mosaic_blocks = blocks_of(experiment, count, sequence, mosaic_dimension);
    if (experiment.crystals.empty()) sampling.mosaic_blocks.front().resize(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        Source source;
        source.wavelength_A = band ? wavelength_at(beam, sequence(i, band_dimension)) : beam.wavelength_A;
        if (divergence) {
            source.incident =
                direction_at(beam, sequence(i, divergence_dimension), sequence(i, divergence_dimension + 1));
        }
        sampling.sources.push_back(source);
    }
    return sampling;
}

}  // namespace braggbench
