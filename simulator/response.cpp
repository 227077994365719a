#include "simulator/response.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/poisson.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

// Two pixels share a block of four words. A pixel that needs more numbers takes blocks of its own, a stride apart, so
// that what one pixel draws never depends on another: images have at most 2^26 pixels (validate()).
constexpr std::uint32_t own_block_stride = 1U << 26U;

class PixelUniforms {
public:
    PixelUniforms(std::uint64_t seed, std::uint64_t image_index, std::uint32_t pixel, std::uint32_t first,
                  std::uint32_t second)
        : seed_(seed), image_index_(image_index), next_block_(pixel + own_block_stride), words_{first, second} {}

    double operator()() {
        if (used_ == count_) {
            words_ = philox_block(seed_, image_index_, Stage::photon_noise, next_block_);
            next_block_ += own_block_stride;
            used_ = 0;
            count_ = 4;
        }
        return open_uniform(words_[used_++]);
    }

private:
    std::uint64_t seed_;
    std::uint64_t image_index_;
    std::uint32_t next_block_;
    std::array<std::uint32_t, 4> words_;
    std::size_t used_ = 0;
    std::size_t count_ = 2;
};

// Standard normals of four neighbouring pixels (Box & Muller 1958).
std::array<double, 4> four_normals(std::uint64_t seed, std::uint64_t image_index, std::uint32_t block) {
    const auto words = philox_block(seed, image_index, Stage::read_noise, block);
    std::array<double, 4> normals{};
    for (std::size_t pair = 0; pair < 2; ++pair) {
        const double radius = std::sqrt(-2.0 * std::log(open_uniform(words[2 * pair])));
        const double angle = 2.0 * std::numbers::pi * open_uniform(words[2 * pair + 1]);
        normals[2 * pair] = radius * std::cos(angle);
        normals[2 * pair + 1] = radius * std::sin(angle);
    }
    return normals;
}

}  // namespace

void check(const DetectorResponse& response, Faults& faults) {
    faults.require(response.gain_adu_per_photon > 0, "gain_adu_per_photon", response.gain_adu_per_photon,
                   "a gain is positive", "Give ADU per photon.");
    faults.require(response.read_noise_rms_adu >= 0, "read_noise_rms_adu", response.read_noise_rms_adu,
                   "a noise cannot be negative", "Give its rms in ADU.");
    faults.require(true, "offset_adu", response.offset_adu, "", "Give it in ADU.");
    faults.require(response.saturation_adu > 0 && response.saturation_adu <= 65535, "saturation_adu",
                   response.saturation_adu, "pixels are stored in 16 bits", "Give a value in (0, 65535].");
}

Image<std::uint16_t> detect(const Image<float>& expected_photons, const DetectorResponse& response, std::uint64_t seed,
                            std::uint64_t image_index) {
    if (expected_photons.size() > own_block_stride) {
        throw UsageError("image of " + std::to_string(expected_photons.size()) +
                         " pixels (at most 2^26 are supported). Make it smaller.");
    }
    Image<std::uint16_t> counts(expected_photons.width, expected_photons.height);
    const double highest = std::floor(std::clamp(response.saturation_adu, 0.0, 65535.0));
    std::array<std::uint32_t, 4> words{};
    std::array<double, 4> normals{};
    for (std::size_t i = 0; i < expected_photons.size(); ++i) {
        const auto pixel = static_cast<std::uint32_t>(i);
        if (pixel % 2 == 0) words = philox_block(seed, image_index, Stage::photon_noise, pixel / 2);
        if (response.read_noise_rms_adu > 0 && pixel % 4 == 0) normals = four_normals(seed, image_index, pixel / 4);

        const auto mean = static_cast<double>(expected_photons.pixels[i]);
        if (!(mean >= 0.0 && mean <= max_poisson_mean)) {
            throw UsageError("expected photons = " + std::to_string(mean) + " in pixel " + std::to_string(i) +
                             " (they must lie in [0, 1e15]). Check the fluence and the structure factors.");
        }
        PixelUniforms uniforms(seed, image_index, pixel, words[2 * (i % 2)], words[2 * (i % 2) + 1]);
        const auto photons = static_cast<double>(draw_poisson(mean, uniforms));
        const double adu =
            response.gain_adu_per_photon * photons + response.read_noise_rms_adu * normals[i % 4] + response.offset_adu;
        counts.pixels[i] = static_cast<std::uint16_t>(std::clamp(std::floor(adu + 0.5), 0.0, highest));
    }
    return counts;
}

}  // namespace braggbench
