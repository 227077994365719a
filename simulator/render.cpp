#include "simulator/render.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "simulator/anisotropy.hpp"
#include "simulator/background.hpp"
#include "simulator/ice.hpp"
#include "simulator/occluders.hpp"
#include "simulator/pixels.hpp"
#include "simulator/spots.hpp"

namespace braggbench {
namespace {

bool on_a_panel(const Detector& detector, int fast, int slow) {
    return std::ranges::any_of(detector.panels, [&](const Panel& panel) {
        return fast >= panel.image_fast_px && fast < panel.image_fast_px + panel.width_px &&
               slow >= panel.image_slow_px && slow < panel.image_slow_px + panel.height_px;
    });
}

// Background, signal-to-noise and visibility, once every photon has its place.
void finish_peaks(const Experiment& experiment, const Image<float>& background, std::vector<Peak>& peaks) {
    const double read_noise_photons = experiment.response.read_noise_rms_adu / experiment.response.gain_adu_per_photon;
    for (Peak& peak : peaks) {
        const int fast = std::clamp(static_cast<int>(std::floor(peak.fast_px)), 0, background.width - 1);
        const int slow = std::clamp(static_cast<int>(std::floor(peak.slow_px)), 0, background.height - 1);
        peak.background_photons = background(fast, slow);
        peak.snr = signal_to_noise(peak, read_noise_photons);
        peak.visible = peak.snr >= visible_peak_min_snr && on_a_panel(experiment.detector, fast, slow);
    }
    std::ranges::sort(peaks, [](const Peak& a, const Peak& b) {
        if (a.photons != b.photons) return a.photons > b.photons;
        return std::pair(a.lattice, a.hkl) < std::pair(b.lattice, b.hkl);
    });
}

Image<float> unshaded_background(const Experiment& experiment) {
    validate(experiment);
    Image<float> image(experiment.detector.image_width_px, experiment.detector.image_height_px);
    add_background(experiment, image);
    add_particles(experiment, image);
    add_small_angle(experiment, image);
    return image;
}

void add_lattices(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks) {
    const Integration& integration = experiment.integration;
    if (integration.integrator == Integrator::spots) {
        add_spots(experiment, expected_photons, peaks);
        return;
    }
    if (experiment.crystals.empty()) return;
    Image<double> photons(expected_photons.width, expected_photons.height);
    add_pixels(experiment, sample(experiment, integration.samples, integration.oversample), {}, photons);
    for (std::size_t i = 0; i < photons.size(); ++i)
        expected_photons.pixels[i] += static_cast<float>(photons.pixels[i]);
    Experiment with_gaussian_blocks = experiment;
    for (Crystal& crystal : with_gaussian_blocks.crystals) {
        if (crystal.shape != BlockShape::gaussian_stock) crystal.shape = BlockShape::gaussian;
    }
    Image<float> painted(expected_photons.width, expected_photons.height);
    add_spots(with_gaussian_blocks, painted, peaks);
}

}  // namespace

Image<float> render_background(const Experiment& experiment) {
    Image<float> image = unshaded_background(experiment);
    shade(experiment, image);
    apply_shadows(experiment, image);
    return image;
}

Rendering render(const Experiment& experiment) {
    Rendering rendering;
    rendering.expected_photons = unshaded_background(experiment);
    // A copy for the peaks' own background, hence needless without any.
    const bool may_peak = !experiment.crystals.empty() || !experiment.ice.phases.empty();
    Image<float> background = may_peak ? rendering.expected_photons : Image<float>();
    add_lattices(experiment, rendering.expected_photons, rendering.peaks);
    add_ice_grains(experiment, rendering.expected_photons, rendering.peaks);
    if (rendering.peaks.empty()) {
        apply_shadows(experiment, rendering.expected_photons);
        shade(experiment, rendering.expected_photons);
        return rendering;
    }
    apply_shadows(experiment, rendering.expected_photons, background, rendering.peaks);
    shade(experiment, rendering.expected_photons);
    shade(experiment, background);
    shade(experiment, rendering.peaks);
    finish_peaks(experiment, background, rendering.peaks);
    return rendering;
}

}  // namespace braggbench
