// Counter-based random numbers: Philox4x32 (Salmon et al. 2011) keyed by (corpus seed, image index, stage), so that
// any image, and any pixel of it, can be made alone and on any thread.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>

namespace braggbench {

// What a stream of random numbers is for. Values are part of the reproducibility contract: append, never renumber.
enum class Stage : std::uint32_t {
    labels = 1,
    scene = 2,
    photon_noise = 3,
    read_noise = 4,
    model_atoms = 5,
    split = 6,
    particles = 36,
    saxs = 37,
    ice_grains = 31,
    ice_orientation = 32,
    flat_field = 33,
    flicker = 34,
    pixel_defects = 35,
    sase = 30,
    augmentation = 40,
};

// Four 32-bit words for one counter value; the base of everything below. `block` numbers the draws within a stage.
std::array<std::uint32_t, 4> philox_block(std::uint64_t seed, std::uint64_t image_index, Stage stage,
                                          std::uint32_t block);

// Rounds of Philox4x32: ten, the authors' default, for everything drawn one by one; seven, the fewest that pass all of
// BigCrush (Salmon et al. 2011, table 2), for the noise of pixels.
inline constexpr int philox_rounds = 10;
inline constexpr int noise_rounds = 7;

// The words of consecutive blocks, in order: with ten rounds what RandomStream::bits() would return from first_block
// on, several times faster. words.size() must be a multiple of 4.
template <int Rounds = philox_rounds>
void philox_words(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t first_block,
                  std::span<std::uint32_t> words);

// A sequential stream over the blocks of one (seed, image, stage), from `first_block` on.
class RandomStream {
public:
    RandomStream(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t first_block = 0);

    std::uint32_t bits();
    double uniform();  // in (0, 1)
    double uniform(double low, double high);
    double log_uniform(double low, double high);
    double normal();  // mean 0, sigma 1
    std::uint64_t poisson(double mean);
    Eigen::Matrix3d rotation();  // uniform over SO(3) (Shoemake 1992)

private:
    std::uint64_t seed_;
    std::uint64_t image_index_;
    Stage stage_;
    std::uint32_t next_block_;
    std::array<std::uint32_t, 4> words_{};
    int used_ = 4;
};

}  // namespace braggbench
