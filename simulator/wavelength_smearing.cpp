#include "simulator/wavelength_smearing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace braggbench {
namespace {

constexpr double row_ratio = 1.2599210498948732;  // a third of an octave
constexpr double gaussian_reach = 4.7;            // sigma
constexpr double blur_reach = 4.6;                // sigma
constexpr int largest_table = 1 << 15;
constexpr double bins_per_blur = 8.0;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

bool is_sharp(const SpectrumLine& line) { return line.width_fraction <= 0; }

// Share of a line's photons below a relative wavelength.
double share_below(const SpectrumLine& line, double fraction) {
    const double t = (fraction - line.centre_fraction) / line.width_fraction;
    return line.profile == SpectrumLine::Profile::gaussian ? normal_cdf(t) : std::clamp(t + 0.5, 0.0, 1.0);
}

double half_extent(const SpectrumLine& line) {
    return line.profile == SpectrumLine::Profile::gaussian ? gaussian_reach * line.width_fraction
                                                           : 0.5 * line.width_fraction;
}

}  // namespace

WavelengthSmearing::WavelengthSmearing(const Beam& beam, double finest_blur)
    : wavenumber_invA_(1.0 / beam.wavelength_A) {
    const std::vector<SpectrumLine>& lines = beam.spectrum.lines;
    if (lines.empty()) return;
    if (lines.size() > 1) {
        tabulate(beam, finest_blur);
        return;
    }
    const SpectrumLine& line = lines.front();
    const double centre_invA = 1.0 / (beam.wavelength_A * (1.0 + line.centre_fraction));
    const double width = line.width_fraction / (1.0 + line.centre_fraction);
    wavenumber_invA_ = centre_invA;
    if (is_sharp(line)) return;
    if (line.profile == SpectrumLine::Profile::gaussian) {
        kind_ = Kind::gaussian;
        rms_ = width;
        return;
    }
    // Wavelengths (1 +- width / 2) have wavenumbers 1 / (1 +- width / 2); the reference is the middle of those.
    kind_ = Kind::top_hat;
    wavenumber_invA_ = centre_invA / (1.0 - 0.25 * width * width);
    half_range_ = 0.5 * width;
    rms_ = half_range_ / std::numbers::sqrt3;
}

void WavelengthSmearing::tabulate(const Beam& beam, double finest_blur) {
    double shortest = 1e300;
    double longest = 0.0;
    double total = 0.0;
    for (const SpectrumLine& line : beam.spectrum.lines) {
        shortest = std::min(shortest, 1.0 + line.centre_fraction - half_extent(line));
        longest = std::max(longest, 1.0 + line.centre_fraction + half_extent(line));
        total += line.weight;
    }
    shortest = std::max(shortest, 0.05);
    // In relative wavenumbers.
    const double middle = 0.5 * (1.0 / shortest + 1.0 / longest);
    wavenumber_invA_ = middle / beam.wavelength_A;
    half_range_ = 0.5 * (1.0 / shortest - 1.0 / longest) / middle;
    if (half_range_ < 1e-9) {
        half_range_ = 0.0;
        return;
    }
    kind_ = Kind::table;
    const double reach = half_range_ + blur_reach * widest_blur();
    finest_ = std::min(finest_blur, widest_blur());
    bin_ = std::max(finest_ / bins_per_blur, 2.0 * reach / largest_table);
    finest_ = std::max(finest_, 2.0 * bin_);
    bins_ = static_cast<int>(std::ceil(2.0 * reach / bin_)) + 2;
    first_ = -0.5 * bin_ * (bins_ - 1);

    // The photons of each bin, then the first row by a Gaussian of the finest blur.
    const auto fraction_at = [&](double e) { return 1.0 / (middle * (1.0 - e)) - 1.0; };
    std::vector<double> photons(static_cast<std::size_t>(bins_));
    const auto add = [&](double e, double weight) {
        const double t = (e - first_) / bin_;
        const int i = std::clamp(static_cast<int>(t), 0, bins_ - 2);
        const double f = t - i;
        photons[static_cast<std::size_t>(i)] += weight * (1.0 - f);
        photons[static_cast<std::size_t>(i) + 1] += weight * f;
    };
    const auto e_at = [&](double fraction) { return 1.0 - 1.0 / ((1.0 + fraction) * middle); };
    for (const SpectrumLine& line : beam.spectrum.lines) {
        const double weight = line.weight / total;
        if (is_sharp(line)) {
            add(e_at(line.centre_fraction), weight);
            continue;
        }
        const double low = e_at(std::max(line.centre_fraction - half_extent(line), shortest - 1.0));
        const double high = e_at(line.centre_fraction + half_extent(line));
        const int pieces = std::max(8, static_cast<int>(std::ceil((high - low) / bin_)));
        double below = share_below(line, fraction_at(low));
        for (int i = 0; i < pieces; ++i) {
            const double end = share_below(line, fraction_at(low + (high - low) * (i + 1) / pieces));
            add(low + (high - low) * (i + 0.5) / pieces, weight * (end - below));
            below = end;
        }
    }
    double second = 0.0;
    for (int i = 0; i < bins_; ++i) {
        const double e = first_ + i * bin_;
        mean_ += photons[static_cast<std::size_t>(i)] * e;
        second += photons[static_cast<std::size_t>(i)] * e * e;
    }
    rms_ = std::sqrt(std::max(second - mean_ * mean_, 0.0));

    const auto convolved = [&](const auto& source, double sigma, double scale) {
        const int radius = static_cast<int>(std::ceil(blur_reach * sigma / bin_));
        std::vector<float> kernel(static_cast<std::size_t>(2 * radius) + 1);
        double sum = 0.0;
        for (int i = -radius; i <= radius; ++i) {
            const double t = i * bin_ / sigma;
            sum += std::exp(-0.5 * t * t);
        }
        for (int i = -radius; i <= radius; ++i) {
            const double t = i * bin_ / sigma;
            kernel[static_cast<std::size_t>(i + radius)] = static_cast<float>(scale / sum * std::exp(-0.5 * t * t));
        }
        std::vector<float> result(static_cast<std::size_t>(bins_));
        for (int i = 0; i < bins_; ++i) {
            const auto value = static_cast<float>(source[static_cast<std::size_t>(i)]);
            if (value == 0.0F) continue;
            const int from = std::max(0, i - radius);
            const int to = std::min(bins_ - 1, i + radius);
            const float* const k = kernel.data() + (from - i + radius);
            float* const out = result.data() + from;
            for (int n = 0; n <= to - from; ++n) out[n] += value * k[n];
        }
        return result;
    };
    rows_.push_back(convolved(photons, finest_, 1.0 / bin_));
    for (double blur = finest_; blur < widest_blur() * row_ratio || rows_.size() < 4; blur *= row_ratio) {
        rows_.push_back(convolved(rows_.back(), blur * std::sqrt(row_ratio * row_ratio - 1.0), 1.0));
    }
}

void WavelengthSmearing::blurred(double blur, int from, int to, std::span<float> out) const {
    const double row =
        std::clamp(std::log(blur / finest_) / std::log(row_ratio), 0.0, static_cast<double>(rows_.size() - 1));
    const std::size_t base = std::clamp<std::size_t>(static_cast<std::size_t>(row), 1, rows_.size() - 3) - 1;
    // Lagrange's polynomial through four rows.
    const double t = row - static_cast<double>(base);
    const std::array<float, 4> weight = {
        static_cast<float>(-(t - 1) * (t - 2) * (t - 3) / 6), static_cast<float>(t * (t - 2) * (t - 3) / 2),
        static_cast<float>(-t * (t - 1) * (t - 3) / 2), static_cast<float>(t * (t - 1) * (t - 2) / 6)};
    const float* const a = rows_[base].data();
    const float* const b = rows_[base + 1].data();
    const float* const c = rows_[base + 2].data();
    const float* const d = rows_[base + 3].data();
    float* const result = out.data();
    for (int i = from; i <= to; ++i) {
        result[i] = weight[0] * a[i] + weight[1] * b[i] + weight[2] * c[i] + weight[3] * d[i];
    }
}

}  // namespace braggbench
