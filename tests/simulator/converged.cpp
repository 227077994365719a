#include "tests/simulator/converged.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "simulator/pixels.hpp"
#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

std::shared_ptr<const StructureFactors> wilson_amplitudes() {
    const UnitCell cell{60, 80, 100, 90, 90, 90};
    constexpr double d_min_A = 2.5;
    const MillerIndex max{24, 32, 40};
    RandomStream random(1, 0, Stage::scene);
    std::vector<float> amplitudes;
    for (int i = 0; i < (2 * max.h + 1) * (2 * max.k + 1) * (2 * max.l + 1); ++i) {
        amplitudes.push_back(static_cast<float>(300.0 * std::sqrt(-std::log(random.uniform()))));
    }
    return std::make_shared<const StructureFactors>(cell, "P 1", d_min_A, max, std::move(amplitudes));
}

struct Sums {
    double difference = 0.0, judge = 0.0;
    void add(double image, double expected) {
        difference += std::abs(image - expected);
        judge += expected;
    }
    [[nodiscard]] double r() const { return difference / judge; }
};

PixelSampling piece_of(const PixelSampling& sampling, int first, int count) {
    PixelSampling piece;
    piece.combination = sampling.combination;
    piece.oversample = sampling.oversample;
    piece.sources.assign(sampling.sources.begin() + first, sampling.sources.begin() + first + count);
    for (const auto& blocks : sampling.mosaic_blocks) {
        piece.mosaic_blocks.emplace_back(blocks.begin() + first, blocks.begin() + first + count);
    }
    return piece;
}

// The mean over steps first to first + count of the list.
Image<double> mean_over(const Experiment& experiment, const PixelSampling& sampling, int first, int count) {
    constexpr int piece = 1 << 18;
    Image<double> mean(experiment.detector.image_width_px, experiment.detector.image_height_px);
    for (int done = 0; done < count; done += piece) {
        const int now = std::min(piece, count - done);
        const Image<float> part = render_pixels(experiment, piece_of(sampling, first + done, now));
        for (std::size_t i = 0; i < mean.size(); ++i) {
            mean.pixels[i] += static_cast<double>(part.pixels[i]) * now / count;
        }
    }
    return mean;
}

}  // namespace

Experiment smeared_scene(const SmearedScene& scene) {
    static const auto factors = wilson_amplitudes();
    const bool edged = scene.laws == SmearedScene::Laws::edged;
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    if (scene.band > 0) {
        experiment.beam.spectrum = edged ? Spectrum::top_hat(scene.band) : Spectrum::gaussian(scene.band);
    }
    experiment.beam.divergence_rms_mrad = scene.divergence_rms_mrad;
    experiment.detector = flat_detector(96, 96, 0.172, 150.0, -90.0, -70.0);
    Crystal crystal;
    crystal.structure_factors = factors;
    crystal.lab_from_crystal = RandomStream(2, 0, Stage::scene).rotation();
    crystal.mosaic_law = edged ? MosaicLaw::nanobragg_cap : MosaicLaw::gaussian;
    crystal.mosaic_spread_rms_deg.setConstant(scene.mosaic_rms_deg);
    experiment.crystals.push_back(crystal);
    return experiment;
}

Image<double> converged_pixels(const Experiment& experiment, int samples, int oversample) {
    const PixelSampling sampling = sample(experiment, samples, oversample);
    return mean_over(experiment, sampling, 0, static_cast<int>(sampling.sources.size()));
}

Agreement compare_with_converged(const Experiment& experiment, int samples, int oversample) {
    const PixelSampling sampling = sample(experiment, samples, oversample);
    const auto count = static_cast<int>(sampling.sources.size());
    // A scene without width has a list of one pass over the points of the pixel.
    const int half = count >= 2 * oversample * oversample ? count / 2 : count;
    const Image<double> first = mean_over(experiment, sampling, 0, half);
    const Image<double> second = half < count ? mean_over(experiment, sampling, half, count - half) : first;
    const Rendering rendering = render(experiment);
    const Image<float>& image = rendering.expected_photons;

    Agreement agreement;
    agreement.peaks = rendering.peaks.size();
    // The image, and the judge's halves.
    std::vector<Eigen::Vector3d> of_peaks(rendering.peaks.size(), Eigen::Vector3d::Zero());
    Sums pixels;
    Sums halves;
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int slow = 0; slow < image.height; ++slow) {
        for (int fast = 0; fast < image.width; ++fast) {
            const double x = static_cast<double>(image(fast, slow));
            const double y = 0.5 * (first(fast, slow) + second(fast, slow));
            pixels.add(x, y);
            halves.add(0.5 * first(fast, slow), 0.5 * second(fast, slow));
            a += x;
            b += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
            const auto distance2 = [&](const Peak& peak) {
                return std::pow(static_cast<double>(peak.fast_px) - fast - 0.5, 2) +
                       std::pow(static_cast<double>(peak.slow_px) - slow - 0.5, 2);
            };
            const auto nearest = std::ranges::min_element(rendering.peaks, {}, distance2);
            if (nearest != rendering.peaks.end()) {
                of_peaks[static_cast<std::size_t>(nearest - rendering.peaks.begin())] +=
                    Eigen::Vector3d(x, 0.5 * first(fast, slow), 0.5 * second(fast, slow));
            }
        }
    }
    Sums spots;
    Sums half_spots;
    for (const Eigen::Vector3d& sums : of_peaks) {
        spots.add(sums.x(), sums.y() + sums.z());
        half_spots.add(sums.y(), sums.z());
    }
    const auto n = static_cast<double>(image.size());
    agreement.pixel_r = pixels.r();
    agreement.spot_r = spots.r();
    agreement.correlation = (ab - a * b / n) / std::sqrt((aa - a * a / n) * (bb - b * b / n));
    agreement.judge_pixel_r = 0.5 * halves.r();
    agreement.judge_spot_r = 0.5 * half_spots.r();
    return agreement;
}

}  // namespace braggbench
