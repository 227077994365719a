#include "simulator/response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/noise.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {
namespace {

[[noreturn]] void refuse_photons(const Image<float>& image) {
    for (std::size_t i = 0; i < image.size(); ++i) {
        const auto mean = static_cast<double>(image.pixels[i]);
        if (mean >= 0.0 && mean <= max_poisson_mean) continue;
        throw UsageError(
            fmt::format("expected photons = {} in pixel {} (they must lie in [0, 1e15]). Check the fluence and the "
                        "structure factors.",
                        mean, i));
    }
    throw UsageError("expected photons beyond 1e15 after flicker (a count would not be exact). Lower the fluence.");
}

// A negative factor has no meaning; with rms up to 0.3 it would be drawn less than once in a thousand pixels.
float factor(double rms, float normal) { return std::max(1.0F + static_cast<float>(rms) * normal, 0.0F); }

// The steps up to Poisson and flat field for one block; pixels beyond the image are drawn and dropped.
class PhotonCounter {
public:
    PhotonCounter(const Image<float>& expected, const DetectorResponse& response, std::uint64_t seed,
                  std::uint64_t image_index)
        : expected_(expected), response_(response), seed_(seed), image_index_(image_index) {
        if (response.image_flicker_rms > 0.0) {
            RandomStream random(seed, image_index, Stage::flicker, image_flicker_block);
            image_factor_ = factor(response.image_flicker_rms, static_cast<float>(random.normal()));
        }
    }

    void count(std::size_t first, NoiseBlock& photons) const {
        const std::size_t n = std::min(noise_block_px, expected_.size() - first);
        // Too much is computed between two blocks for the processor to foresee the next one.
        constexpr std::size_t cache_line_px = 64 / sizeof(float);
        const std::size_t next_end = std::min(first + 2 * noise_block_px, expected_.size());
        for (std::size_t ahead = first + noise_block_px; ahead < next_end; ahead += cache_line_px) {
            __builtin_prefetch(&expected_.pixels[ahead]);
        }
        const float* means = &expected_.pixels[first];
        NoiseBlock own;
        NoiseBlock normals;
        if (n < noise_block_px || response_.image_flicker_rms > 0.0 || response_.pixel_flicker_rms > 0.0) {
            std::copy_n(means, n, own.values.data());
            std::fill(own.values.data() + n, own.values.data() + noise_block_px, 0.0F);
            means = own.values.data();
            if (response_.image_flicker_rms > 0.0) {
                for (float& mean : own.values) mean *= image_factor_;
            }
            if (response_.pixel_flicker_rms > 0.0) {
                normal_block({seed_, image_index_, Stage::flicker}, first, normals);
                for (std::size_t i = 0; i < noise_block_px; ++i) {
                    own.values[i] *= factor(response_.pixel_flicker_rms, normals.values[i]);
                }
            }
        }
        const NoiseKey key{seed_, image_index_, Stage::photon_noise};
        if (!poisson_block(key, first, std::span<const float, noise_block_px>(means, noise_block_px), photons)) {
            refuse_photons(expected_);
        }
        if (response_.flat_field_rms > 0.0) {
            normal_block({response_.detector_seed, 0, Stage::flat_field}, first, normals);
            for (std::size_t i = 0; i < noise_block_px; ++i) {
                photons.values[i] *= factor(response_.flat_field_rms, normals.values[i]);
            }
        }
    }

private:
    // Past the blocks of the pixels' own factors.
    static constexpr std::uint32_t image_flicker_block = 1U << 31U;

    const Image<float>& expected_;
    const DetectorResponse& response_;
    std::uint64_t seed_;
    std::uint64_t image_index_;
    float image_factor_ = 1.0F;
};

// Given the photons that fell, the missed ones scatter with variance n busy / (1 + busy)^4 for pixels that are not
// paralysed (the renewal process's n / (1 + busy)^3 less what the photons' own scatter contributes), and with
// n exp(-busy) (1 - 2 busy exp(-busy)) - n exp(-2 busy) (1 - busy)^2 for those that are (Knoll, chapter 4). A Gaussian
// holds while that exceeds a count or so; below, rounding up or down at random has the same mean and, to first order,
// the same variance.
float counted(const DeadTime& dead_time, double photons, double normal) {
    const double busy_per_photon = dead_time.dead_time_ns * 1e-9 / dead_time.exposure_s;
    const double busy = photons * busy_per_photon;
    const double kept = std::exp(-busy);
    const double variance = dead_time.model == DeadTime::Model::paralyzable
                                ? photons * kept * (1.0 - 2.0 * busy * kept - kept * (1.0 - busy) * (1.0 - busy))
                                : photons * busy / std::pow(1.0 + busy, 4);
    const double mean = expected_counts(dead_time, photons);
    const double drawn = variance > 1.0 ? mean + std::sqrt(variance - 1.0 / 12.0) * normal + 0.5
                                        : mean + 0.5 * std::erfc(-normal / std::sqrt(2.0));
    return static_cast<float>(std::clamp(std::floor(drawn), 0.0, photons));
}

// From photons to ADU for one block.
class ReadOut {
public:
    ReadOut(const DetectorResponse& response, std::uint64_t seed, std::uint64_t image_index)
        : response_(response),
          key_{seed, image_index, Stage::read_noise},
          gain_(static_cast<float>(response.gain_adu_per_photon)),
          noise_(static_cast<float>(response.read_noise_rms_adu)),
          offset_(static_cast<float>(response.offset_adu)),
          highest_(static_cast<float>(std::floor(std::clamp(response.saturation_adu, 0.0, 65535.0)))) {}

    void read(std::size_t first, NoiseBlock& photons, std::uint16_t* counts, std::size_t n) const {
        if (response_.dead_time.model != DeadTime::Model::none) {
            NoiseBlock normals;
            normal_block({key_.seed, key_.image_index, Stage::read_noise}, first, normals);
            for (std::size_t i = 0; i < noise_block_px; ++i) {
                photons.values[i] = counted(response_.dead_time, static_cast<double>(photons.values[i]),
                                            static_cast<double>(normals.values[i]));
            }
        }
        // Copies, since the compiler must assume that writing pixels may change members.
        const float gain = gain_;
        const float noise = noise_;
        const float offset = offset_;
        const float highest = highest_;
        std::array<std::uint16_t, noise_block_px> rounded;
        const auto stored = [highest](float adu) {
            const float above = adu > 0.0F ? adu : 0.0F;
            const float clamped = above < highest ? above : highest;
            return static_cast<std::uint16_t>(static_cast<std::int32_t>(clamped + 0.5F));
        };
        if (noise > 0.0F) {
            NoiseBlock normals;
            read_out_normal_block(key_, first, normals);
            for (std::size_t i = 0; i < noise_block_px; ++i) {
                rounded[i] = stored(gain * photons.values[i] + (noise * normals.values[i] + offset));
            }
        } else {
            for (std::size_t i = 0; i < noise_block_px; ++i) rounded[i] = stored(gain * photons.values[i] + offset);
        }
        std::memcpy(counts, rounded.data(), n * sizeof(std::uint16_t));
    }

private:
    const DetectorResponse& response_;
    NoiseKey key_;
    float gain_;
    float noise_;
    float offset_;
    float highest_;
};

Image<std::uint16_t> read_image(const Image<float>& expected, const DetectorResponse& response, std::uint64_t seed,
                                std::uint64_t image_index) {
    if (expected.size() > max_noise_pixels) {
        throw UsageError(
            fmt::format("image of {} pixels (at most 2^26 are supported). Make it smaller.", expected.size()));
    }
    Image<std::uint16_t> counts(expected.width, expected.height);
    const PhotonCounter counter(expected, response, seed, image_index);
    const ReadOut read_out(response, seed, image_index);
    const std::size_t size = expected.size();
    NoiseBlock block;
    if (!spreads(response.point_spread)) {
        for (std::size_t first = 0; first < size; first += noise_block_px) {
            counter.count(first, block);
            read_out.read(first, block, &counts.pixels[first], std::min(noise_block_px, size - first));
        }
        return counts;
    }
    Image<float> photons(expected.width, expected.height);
    for (std::size_t first = 0; first < size; first += noise_block_px) {
        counter.count(first, block);
        std::copy_n(block.values.data(), std::min(noise_block_px, size - first), &photons.pixels[first]);
    }
    apply_point_spread(response.point_spread, photons);
    for (std::size_t first = 0; first < size; first += noise_block_px) {
        const std::size_t n = std::min(noise_block_px, size - first);
        std::copy_n(&photons.pixels[first], n, block.values.data());
        std::fill(block.values.data() + n, block.values.data() + noise_block_px, 0.0F);
        read_out.read(first, block, &counts.pixels[first], n);
    }
    return counts;
}

void set_masked(const Image<std::uint8_t>& mask, const DetectorResponse& response, Image<std::uint16_t>& counts) {
    const auto adu = [](double value) { return static_cast<std::uint16_t>(std::clamp(value, 0.0, 65535.0) + 0.5); };
    const std::uint16_t dead = adu(response.defects.dead_value_adu);
    const std::uint16_t hot = adu(response.defects.hot_value_adu);
    const std::uint16_t gap = adu(response.gap_value_adu);
    const std::uint8_t* const masks = mask.pixels.data();
    const std::size_t size = mask.size();
    for (std::size_t i = 0; i < size; ++i) {
        // Eight at a time, for nearly all are good.
        std::uint64_t eight = 0;
        if (i + sizeof(eight) <= size) {
            std::memcpy(&eight, masks + i, sizeof(eight));
            if (eight == 0) {
                i += sizeof(eight) - 1;
                continue;
            }
        }
        const std::uint8_t bits = masks[i];
        if (bits == 0) continue;
        counts.pixels[i] = (bits & mask_gap) != 0 ? gap : (bits & mask_dead) != 0 ? dead : hot;
    }
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
    const auto relative = [&](const char* name, double value) {
        faults.require(value >= 0.0 && value <= 1.0, name, value, "it is a relative rms", "Give a number in [0, 1].");
    };
    relative("image_flicker_rms", response.image_flicker_rms);
    relative("pixel_flicker_rms", response.pixel_flicker_rms);
    relative("flat_field_rms", response.flat_field_rms);
    check(response.point_spread, faults);
    if (response.dead_time.model != DeadTime::Model::none) {
        faults.require(response.dead_time.dead_time_ns >= 0.0, "dead_time_ns", response.dead_time.dead_time_ns,
                       "a time cannot be negative", "Give nanoseconds.");
        faults.require(response.dead_time.exposure_s > 0.0, "exposure_s", response.dead_time.exposure_s,
                       "the photons arrive during it", "Give seconds.");
    }
    check(response.defects, faults);
    faults.require(response.gap_value_adu >= 0.0 && response.gap_value_adu <= 65535.0, "gap_value_adu",
                   response.gap_value_adu, "pixels are stored in 16 bits", "Give a value in [0, 65535].");
}

double expected_counts(const DeadTime& dead_time, double photons) {
    const double busy = photons * dead_time.dead_time_ns * 1e-9 / dead_time.exposure_s;
    switch (dead_time.model) {
        case DeadTime::Model::non_paralyzable:
            return photons / (1.0 + busy);
        case DeadTime::Model::paralyzable:
            return photons * std::exp(-busy);
        case DeadTime::Model::none:
            break;
    }
    return photons;
}

Image<std::uint16_t> detect(const Image<float>& expected_photons, const DetectorResponse& response, std::uint64_t seed,
                            std::uint64_t image_index) {
    Image<std::uint16_t> counts = read_image(expected_photons, response, seed, image_index);
    if (has_defects(response.defects)) {
        set_masked(defect_mask(response.defects, response.detector_seed, counts.width, counts.height), response,
                   counts);
    }
    return counts;
}

Image<std::uint8_t> pixel_mask(const DetectorResponse& response, const Detector& detector) {
    Image<std::uint8_t> mask =
        defect_mask(response.defects, response.detector_seed, detector.image_width_px, detector.image_height_px);
    mask_gaps(detector, mask);
    return mask;
}

DetectedImage detect(const Image<float>& expected_photons, const DetectorResponse& response, const Detector& detector,
                     std::uint64_t seed, std::uint64_t image_index) {
    if (expected_photons.width != detector.image_width_px || expected_photons.height != detector.image_height_px) {
        throw UsageError(fmt::format(
            "photons of {} x {} pixels for a detector of {} x {} (they must agree). Render "
            "them with this detector.",
            expected_photons.width, expected_photons.height, detector.image_width_px, detector.image_height_px));
    }
    DetectedImage image{read_image(expected_photons, response, seed, image_index), pixel_mask(response, detector)};
    set_masked(image.mask, response, image.counts);
    return image;
}

}  // namespace braggbench
