#include "simulator/radial_curve.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

// Plain pointers, because GCC 12 honours __restrict on parameters only; comparisons, because the references of std::min
// keep the loop scalar.
template <bool weighted>
void add_curve(const float* __restrict table, int last, float per_step, const float* __restrict stol,
               const float* __restrict weight, float* __restrict out, int count) {
    const auto end = static_cast<float>(last + 1);
    for (int i = 0; i < count; ++i) {
        const float asked = stol[i] * per_step;
        const float t = asked < end ? asked : end;
        const auto whole = static_cast<int>(t);
        const int cell = whole < last ? whole : last;
        const float low = table[cell];
        const float value = low + (t - static_cast<float>(cell)) * (table[cell + 1] - low);
        out[i] += weighted ? weight[i] * value : value;
    }
}

}  // namespace

RadialCurve::RadialCurve(double stol_max_invA, std::size_t cells)
    : step_(stol_max_invA / static_cast<double>(cells)), values_(cells + 1) {}

void RadialCurve::add_to(std::span<const float> stol_invA, std::span<const float> weights,
                         std::span<float> pixels) const {
    add_curve<true>(values_.data(), static_cast<int>(values_.size()) - 2, static_cast<float>(1.0 / step_),
                    stol_invA.data(), weights.data(), pixels.data(), static_cast<int>(pixels.size()));
}

void RadialCurve::add_to(std::span<const float> stol_invA, std::span<float> pixels) const {
    add_curve<false>(values_.data(), static_cast<int>(values_.size()) - 2, static_cast<float>(1.0 / step_),
                     stol_invA.data(), nullptr, pixels.data(), static_cast<int>(pixels.size()));
}

void RadialCurve::add_peak(double q_invA, double q_rms_invA, double area) {
    const double per_cell = 1.0 / (2.0 * step_);
    const double reach = 5.0 * q_rms_invA;
    const auto first = static_cast<std::ptrdiff_t>(std::max(std::ceil((q_invA - reach) * per_cell), 0.0));
    const auto last = static_cast<std::ptrdiff_t>(
        std::min(std::floor((q_invA + reach) * per_cell), static_cast<double>(values_.size()) - 1.0));
    const double height = area / (q_rms_invA * std::sqrt(2.0 * std::numbers::pi));
    for (std::ptrdiff_t i = first; i <= last; ++i) {
        const double x = (static_cast<double>(i) / per_cell - q_invA) / q_rms_invA;
        values_[static_cast<std::size_t>(i)] += static_cast<float>(height * std::exp(-0.5 * x * x));
    }
}

std::size_t curve_cells(const Experiment& experiment) {
    constexpr double fewest = 2048.0;
    constexpr double most = 32768.0;
    if (experiment.ice.phases.empty()) return static_cast<std::size_t>(fewest);
    double longest_px = 0.0;
    for (const Panel& panel : experiment.detector.panels) {
        for (const int fast : {0, panel.width_px}) {
            for (const int slow : {0, panel.height_px}) {
                const double radius_mm = lab_from_panel_mm(panel, fast, slow).head<2>().norm();
                longest_px = std::max(longest_px, radius_mm / panel.pixel_size_mm);
            }
        }
    }
    return static_cast<std::size_t>(std::clamp(8.0 * longest_px, fewest, most));
}

}  // namespace braggbench
