// A function of sin(theta)/lambda in 1/A on a regular grid from 0, with a look-up that compilers turn into SIMD code.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace braggbench {

struct Experiment;

class RadialCurve {
public:
    // `cells` intervals from 0 to stol_max_invA, all values 0.
    RadialCurve(double stol_max_invA, std::size_t cells);

    [[nodiscard]] double step_invA() const { return step_; }
    // Values at i * step_invA(), i from 0 to cells; the last one holds beyond.
    [[nodiscard]] std::span<float> values() { return values_; }
    [[nodiscard]] std::span<const float> values() const { return values_; }

    // pixels[i] += curve(stol_invA[i]) * weights[i], linearly interpolated.
    void add_to(std::span<const float> stol_invA, std::span<const float> weights, std::span<float> pixels) const;
    // The same without weights.
    void add_to(std::span<const float> stol_invA, std::span<float> pixels) const;

    // Adds `area` times a Gaussian of unit integral over |q| = 2 stol, centred at q_invA. What falls below q = 0 or
    // beyond the end is lost.
    void add_peak(double q_invA, double q_rms_invA, double area);

private:
    double step_;
    std::vector<float> values_;
};

// Cells that an experiment's radial functions need: 2048, or 8 a pixel along the longest radius where there are rings
// of ice to keep in shape; at most 32768.
std::size_t curve_cells(const Experiment& experiment);

}  // namespace braggbench
