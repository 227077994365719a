#include "simulator/random.hpp"

#include <Random123/philox.h>

#include <Eigen/Geometry>
#include <cmath>
#include <numbers>

#include "simulator/error.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {

std::array<std::uint32_t, 4> philox_block(std::uint64_t seed, std::uint64_t image_index, Stage stage,
                                          std::uint32_t block) {
    const r123::Philox4x32::ctr_type counter{{block, static_cast<std::uint32_t>(stage),
                                              static_cast<std::uint32_t>(image_index),
                                              static_cast<std::uint32_t>(image_index >> 32U)}};
    const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)}};
    const auto words = r123::Philox4x32{}(counter, key);
    return {words[0], words[1], words[2], words[3]};
}

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t first_block)
    : seed_(seed), image_index_(image_index), stage_(stage), next_block_(first_block) {}

std::uint32_t RandomStream::bits() {
    if (used_ == 4) {
        words_ = philox_block(seed_, image_index_, stage_, next_block_++);
        used_ = 0;
    }
    return words_[static_cast<std::size_t>(used_++)];
}

double RandomStream::uniform() {
    const std::uint32_t high = bits();
    const std::uint32_t low = bits();
    return open_uniform(high, low);
}

double RandomStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

double RandomStream::log_uniform(double low, double high) { return std::exp(uniform(std::log(low), std::log(high))); }

// Box & Muller 1958. The second normal of the pair is dropped, so that a stream's state stays its position.
double RandomStream::normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t RandomStream::poisson(double mean) {
    if (!(mean >= 0.0 && mean <= max_poisson_mean)) {
        throw UsageError("Poisson mean " + std::to_string(mean) +
                         " (it must lie in [0, 1e15]). Check the fluence and the structure factors.");
    }
    return draw_poisson(mean, [this] { return uniform(); });
}

Eigen::Matrix3d RandomStream::rotation() {
    const double u = uniform();
    const double theta1 = 2.0 * std::numbers::pi * uniform();
    const double theta2 = 2.0 * std::numbers::pi * uniform();
    const double r1 = std::sqrt(1.0 - u);
    const double r2 = std::sqrt(u);
    return Eigen::Quaterniond(r2 * std::cos(theta2), r1 * std::sin(theta1), r1 * std::cos(theta1),
                              r2 * std::sin(theta2))
        .toRotationMatrix();
}

}  // namespace braggbench
