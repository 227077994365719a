// How a beam's spectrum smears reflections: a scattering vector that is q at the reference wavelength is q (1 - e) at
// another one, e being the relative change of 1/wavelength downwards. Wavenumbers in 1/A without a factor 2 pi.
#pragma once

#include <span>
#include <vector>

#include "simulator/beam.hpp"

namespace braggbench {

class WavelengthSmearing {
public:
    enum class Kind {
        sharp,
        gaussian,  // one Gaussian line in wavelength: closed form
        top_hat,   // one top hat in wavelength: closed form
        table,     // anything else: blurred on demand
    };

    // `finest_blur` is the smallest rms in e that will ever be asked of blurred().
    WavelengthSmearing(const Beam& beam, double finest_blur);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] double wavenumber_invA() const { return wavenumber_invA_; }  // of the reference wavelength
    [[nodiscard]] double mean() const { return mean_; }                        // of e
    [[nodiscard]] double rms() const { return rms_; }
    // Nothing lies beyond +-half_range in e; 0 for a Gaussian, which has no end.
    [[nodiscard]] double half_range() const { return half_range_; }

    // Of a table: the density in e after a Gaussian blur (clamped to what the table holds), at e = first + i * bin.
    // Points from `from` to `to` are written to out[from..to].
    void blurred(double blur, int from, int to, std::span<float> out) const;
    [[nodiscard]] double bin() const { return bin_; }
    [[nodiscard]] double first() const { return first_; }
    [[nodiscard]] int bins() const { return bins_; }
    // Blurs beyond this are not tabulated: there the spectrum is as good as a Gaussian.
    [[nodiscard]] double widest_blur() const { return 2.0 * half_range_; }

private:
    void tabulate(const Beam& beam, double finest_blur);

    Kind kind_ = Kind::sharp;
    double wavenumber_invA_;
    double mean_ = 0.0;
    double rms_ = 0.0;
    double half_range_ = 0.0;
    double bin_ = 0.0;
    double first_ = 0.0;
    double finest_ = 0.0;
    int bins_ = 0;
    std::vector<std::vector<float>> rows_;  // blur grows by row_ratio
};

}  // namespace braggbench
