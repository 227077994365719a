#include "simulator/particle_transform.hpp"

#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>
#include <stdexcept>
#include <utility>

#include "simulator/fast_math.hpp"
#include "simulator/fftw_planner.hpp"

namespace braggbench {
namespace {

constexpr int taps = 4;
constexpr int lead = 2;               // grid points kept below x = 0, for the taps of a sample near it
constexpr double oversampling = 2.5;  // with 4 taps, errors are some 3e-4 of what interferes at a sample

// Beatty et al. 2005, equation 5: the best width of a Kaiser-Bessel kernel for its taps and the oversampling.
double kernel_beta() {
    const double narrow = taps / oversampling * (oversampling - 0.5);
    return std::numbers::pi * std::sqrt(narrow * narrow - 0.8);
}

// Kaiser and Bessel's kernel less its step at the end, which would make samples on grid points special.
double kernel(double steps) {
    const double u = 2.0 * steps / taps;
    if (std::abs(u) >= 1.0) return 0.0;
    return std::cyl_bessel_i(0.0, kernel_beta() * std::sqrt(1.0 - u * u)) - 1.0;
}

// The kernel's transform at x, a fraction of the box's edge: what interpolation multiplies the density with.
double kernel_transform(double fraction) {
    const double beta = kernel_beta();
    const double turn = std::numbers::pi * taps * fraction;
    const double root2 = beta * beta - turn * turn;
    const double root = std::sqrt(std::abs(root2));
    const double shape = root < 1e-9 ? 1.0 : (root2 > 0 ? std::sinh(root) : std::sin(root)) / root;
    const double step = std::abs(turn) < 1e-9 ? 1.0 : std::sin(turn) / turn;
    return taps * (shape - step);
}

// The kernel at the taps around a sample, against where it lies between two grid points, for linear interpolation.
class KernelTable {
public:
    KernelTable() {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            const double t = static_cast<double>(i) / per_step;
            for (int tap = 0; tap < taps; ++tap)
                weights_[i][tap] = static_cast<float>(kernel(t - static_cast<double>(tap - 1)));
        }
    }
    [[nodiscard]] Eigen::Array4f at(float t) const {
        const float place = t * per_step;
        const int i = std::min(static_cast<int>(place), per_step - 1);
        const Eigen::Array4f& below = weights_[static_cast<std::size_t>(i)];
        return below + (place - static_cast<float>(i)) * (weights_[static_cast<std::size_t>(i) + 1] - below);
    }

private:
    static constexpr int per_step = 512;
    std::array<Eigen::Array4f, per_step + 1> weights_;
};

const KernelTable& kernel_table() {
    static const KernelTable table;
    return table;
}

void forward_transform(std::vector<float>& grid, int points, fftwf_complex* out) {
    fftwf_plan plan = nullptr;
    {
        // FFTW_ESTIMATE picks a plan without timing, hence the same one, and the same bytes, each time.
        const std::scoped_lock lock(fftw_planner());
        plan = fftwf_plan_dft_r2c_3d(points, points, points, grid.data(), out, FFTW_ESTIMATE);
    }
    fftwf_execute(plan);
    const std::scoped_lock lock(fftw_planner());
    fftwf_destroy_plan(plan);
}

}  // namespace

ParticleTransform::ParticleTransform(std::vector<float> density, int points, double edge_A, double diameter_A,
                                     double s_max_invA, double sharpen_A2)
    : diameter_A_(diameter_A), s_max_invA_(s_max_invA), edge_A_(edge_A), sharpen_A2_(sharpen_A2) {
    reach_ = static_cast<int>(std::ceil(s_max_invA * edge_A)) + lead + 1;
    const auto n = static_cast<std::size_t>(points);
    if (density.size() != n * n * n || reach_ > points / 2)
        throw std::logic_error("particle transform: the grid does not fit the resolution");
    std::vector<float> undo(n);
    for (int i = 0; i < points; ++i) {
        const int wrapped = i < points / 2 ? i : i - points;
        undo[static_cast<std::size_t>(i)] =
            static_cast<float>(1.0 / kernel_transform(static_cast<double>(wrapped) / points));
    }
    const double voxel_A3 = std::pow(edge_A / points, 3);
    for (std::size_t z = 0; z < n; ++z) {
        for (std::size_t y = 0; y < n; ++y) {
            float* const line = &density[(z * n + y) * n];
            const float factor = undo[z] * undo[y] * static_cast<float>(voxel_A3);
            for (std::size_t x = 0; x < n; ++x) line[x] *= factor * undo[x];
        }
    }
    const std::size_t half = n / 2 + 1;
    const std::unique_ptr<fftwf_complex[], decltype(&fftwf_free)> all(fftwf_alloc_complex(n * n * half), fftwf_free);
    if (!all) throw std::bad_alloc();
    forward_transform(density, points, all.get());

    const int width = reach_ + 1 + lead;
    const int span = 2 * reach_ + 1;
    values_.resize(2 * static_cast<std::size_t>(width) * static_cast<std::size_t>(span) *
                   static_cast<std::size_t>(span));
    const auto wrap = [&](int index) { return static_cast<std::size_t>(index < 0 ? index + points : index); };
    std::size_t place = 0;
    for (int z = -reach_; z <= reach_; ++z) {
        for (int y = -reach_; y <= reach_; ++y) {
            for (int x = -lead; x <= reach_; ++x, place += 2) {
                // FFTW's exponent is negative, so its conjugate is F; for x < 0 it holds the Friedel mate instead.
                const bool mate = x < 0;
                const auto& value =
                    all[(wrap(mate ? -z : z) * n + wrap(mate ? -y : y)) * half + static_cast<std::size_t>(std::abs(x))];
                values_[place] = value[0];
                values_[place + 1] = mate ? value[1] : -value[1];
            }
        }
    }
}

void ParticleTransform::sample(const Samples& samples) const {
    using Lanes = Eigen::Array<float, 2 * taps, 1>;
    const KernelTable& table = kernel_table();
    const auto edge = static_cast<float>(edge_A_);
    const std::ptrdiff_t row = 2 * (reach_ + 1 + lead);
    const std::ptrdiff_t plane = row * (2 * reach_ + 1);
    const std::size_t count = samples.sx_invA.size();
    for (std::size_t i = 0; i < count; ++i) {
        // Friedel: F(-s) is the conjugate of F(s), and only x >= 0 is kept.
        const float side = samples.sx_invA[i] < 0.0F ? -1.0F : 1.0F;
        const float x = side * edge * samples.sx_invA[i];
        const float y = side * edge * samples.sy_invA[i];
        const float z = side * edge * samples.sz_invA[i];
        const float x0 = std::floor(x);
        const float y0 = std::floor(y);
        const float z0 = std::floor(z);
        const Eigen::Array4f wx = table.at(x - x0);
        const Eigen::Array4f wy = table.at(y - y0);
        const Eigen::Array4f wz = table.at(z - z0);
        const float* corner = values_.data() + (static_cast<int>(z0) - 1 + reach_) * plane +
                              (static_cast<int>(y0) - 1 + reach_) * row + 2 * (static_cast<int>(x0) - 1 + lead);
        Lanes sum = Lanes::Zero();
        for (int k = 0; k < taps; ++k, corner += plane) {
            Lanes inner = wy[0] * Eigen::Map<const Lanes>(corner);
            for (int j = 1; j < taps; ++j) inner += wy[j] * Eigen::Map<const Lanes>(corner + j * row);
            sum += wz[k] * inner;
        }
        samples.re_e[i] = wx[0] * sum[0] + wx[1] * sum[2] + wx[2] * sum[4] + wx[3] * sum[6];
        samples.im_e[i] = side * (wx[0] * sum[1] + wx[1] * sum[3] + wx[2] * sum[5] + wx[3] * sum[7]);
    }
    const auto blur = static_cast<float>(-2.0 * std::numbers::pi * std::numbers::pi * sharpen_A2_);
    if (blur == 0.0F) return;
    for (std::size_t i = 0; i < count; ++i) {
        const float s2 = samples.sx_invA[i] * samples.sx_invA[i] + samples.sy_invA[i] * samples.sy_invA[i] +
                         samples.sz_invA[i] * samples.sz_invA[i];
        const float sharp = 1.0F / fast_exp(blur * s2);
        samples.re_e[i] *= sharp;
        samples.im_e[i] *= sharp;
    }
}

std::complex<double> ParticleTransform::operator()(const Eigen::Vector3d& s_invA) const {
    const Eigen::Vector3f s = s_invA.cast<float>();
    float re = 0.0F;
    float im = 0.0F;
    sample({{&s.x(), 1}, {&s.y(), 1}, {&s.z(), 1}, {&re, 1}, {&im, 1}});
    return {static_cast<double>(re), static_cast<double>(im)};
}

}  // namespace braggbench
