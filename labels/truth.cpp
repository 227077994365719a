#include "labels/truth.hpp"

#include <Eigen/Geometry>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/ice.hpp"

namespace braggbench {
namespace {

// In several sums at once: a single one waits for every addition.
double sum(const Image<float>& image) {
    std::array<double, 16> sums{};
    const float* const pixels = image.pixels.data();
    const std::size_t whole = image.size() / sums.size() * sums.size();
    for (std::size_t first = 0; first < whole; first += sums.size()) {
        for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(pixels[first + i]);
    }
    for (std::size_t i = whole; i < image.size(); ++i) sums[0] += static_cast<double>(pixels[i]);
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

void count_visible(std::span<const Peak> peaks, ImageTruth& truth) {
    std::map<int, int> per_lattice;
    std::vector<float> snr;
    int ice = 0;
    float finest_A = 0;
    for (const Peak& peak : peaks) {
        if (!peak.visible) continue;
        if (peak.kind != PeakKind::protein) {
            ++ice;
            continue;
        }
        ++per_lattice[peak.lattice];
        snr.push_back(peak.snr);
        if (finest_A == 0 || peak.d_A < finest_A) finest_A = peak.d_A;
    }
    int most = 0;
    for (const auto& [lattice, count] : per_lattice) most = std::max(most, count);
    truth.visible_peaks = static_cast<float>(snr.size());
    truth.visible_lattices = static_cast<float>(per_lattice.size());
    truth.second_lattice_peaks = truth.visible_peaks - static_cast<float>(most);
    truth.visible_ice_peaks = static_cast<float>(ice);
    truth.resolution_A = finest_A;
    truth.median_snr = 0;
    if (!snr.empty()) {
        const auto middle = snr.begin() + static_cast<std::ptrdiff_t>(snr.size() / 2);
        std::nth_element(snr.begin(), middle, snr.end());
        truth.median_snr = *middle;
    }
}

ImageTruth image_truth(const Experiment& experiment, const Rendering& rendering) {
    ImageTruth truth;
    const Panel& panel = experiment.detector.panels.front();
    // The beam runs along lab z, so it meets the panel where the origin's transverse offset is used up.
    truth.beam_fast_px = static_cast<float>(-panel.origin_mm.dot(panel.fast_axis) / panel.pixel_size_mm);
    truth.beam_slow_px = static_cast<float>(-panel.origin_mm.dot(panel.slow_axis) / panel.pixel_size_mm);
    truth.fluence_photons_per_m2 = static_cast<float>(experiment.beam.fluence_photons_per_m2);
    std::vector<const Crystal*> lattices;
    for (const Crystal& crystal : experiment.crystals) {
        if (crystal.kind == PeakKind::protein) lattices.push_back(&crystal);
    }
    truth.lattice_count = static_cast<float>(lattices.size());
    if (!lattices.empty()) {
        const Eigen::Matrix3d& first = lattices.front()->lab_from_crystal;
        for (int row = 0; row < 3; ++row) {
            for (int column = 0; column < 3; ++column) {
                truth.orientation[3 * row + column] = static_cast<float>(first(row, column));
            }
        }
        if (lattices.size() > 1) {
            const Eigen::Matrix3d between = lattices[1]->lab_from_crystal * first.transpose();
            truth.misorientation_deg = static_cast<float>(Eigen::AngleAxisd(between).angle() / rad_per_deg);
        }
    }
    const double spot_photons =
        std::accumulate(rendering.peaks.begin(), rendering.peaks.end(), 0.0,
                        [](double sum, const Peak& peak) { return sum + static_cast<double>(peak.photons); });
    truth.spot_photons = static_cast<float>(spot_photons);
    truth.total_photons = static_cast<float>(sum(rendering.expected_photons));
    count_visible(rendering.peaks, truth);
    truth.brightest_ice_photons_per_px =
        static_cast<float>(brightest_ice_photons(rendering.expected_photons, rendering.peaks));
    return truth;
}

}  // namespace braggbench
