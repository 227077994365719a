#include "datasets/augmentation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/faults.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {
namespace {

double uniform(RandomStream& random, const Range& range) { return random.uniform(range.low, range.high); }
double log_uniform(RandomStream& random, const Range& range) {
    // Both ends equal must give just this number, which exp(log(x)) may not.
    const double drawn = random.log_uniform(range.low, range.high);
    return range.low < range.high ? drawn : range.low;
}

struct Rectangle {
    Eigen::Vector2d corner_px;
    Eigen::Vector2d size_px;
};

struct BeamStop {
    double radius_px = 0.0;
    double arm_half_width_px = 0.0;
    double arm_direction_rad = 0.0;
};

struct Drawn {
    double exposure = 1.0;
    double noise_rms_photons = 0.0;
    double gain = 1.0;
    Eigen::Affine2d about_centre = Eigen::Affine2d::Identity();
    std::vector<Rectangle> dead;
    std::optional<BeamStop> stop;
};

// Always the same number of draws in the same order, so that one range does not change what another draws.
Drawn draw(const Augmentation& ranges, RandomStream& random, const Image<float>& image) {
    Drawn drawn;
    drawn.exposure = log_uniform(random, ranges.exposure);
    drawn.noise_rms_photons = uniform(random, ranges.noise_rms_photons);
    drawn.gain = log_uniform(random, ranges.gain);
    const double flip_fast = random.uniform() < ranges.flip_fast_probability ? -1.0 : 1.0;
    const double flip_slow = random.uniform() < ranges.flip_slow_probability ? -1.0 : 1.0;
    const double shear = uniform(random, ranges.shear);
    const double zoom = log_uniform(random, ranges.zoom);
    const double angle = uniform(random, ranges.rotation_deg) * std::numbers::pi / 180.0;
    const double shift_fast = uniform(random, ranges.shift_fast_px);
    const double shift_slow = uniform(random, ranges.shift_slow_px);
    Eigen::Matrix2d sheared = Eigen::Matrix2d::Identity();
    sheared(0, 1) = shear;
    // Eigen takes a bare matrix to the right of a transform for points.
    const Eigen::Matrix2d linear = Eigen::Rotation2Dd(angle).toRotationMatrix() * zoom * sheared *
                                   Eigen::Vector2d(flip_fast, flip_slow).asDiagonal();
    drawn.about_centre = Eigen::Translation2d(shift_fast, shift_slow) * Eigen::Affine2d(linear);

    BeamStop stop;
    const bool stopped = random.uniform() < ranges.beam_stop_probability;
    stop.radius_px = uniform(random, ranges.beam_stop_radius_px);
    stop.arm_half_width_px = stop.radius_px * random.uniform(0.1, 0.5);
    stop.arm_direction_rad = random.uniform(0.0, 2.0 * std::numbers::pi);
    if (stopped) {
        drawn.stop = stop;
    }
    const auto dead = static_cast<int>(random.uniform() * (ranges.dead_regions + 1));
    for (int i = 0; i < std::min(dead, ranges.dead_regions); ++i) {
        Rectangle region;
        region.size_px = {uniform(random, ranges.dead_region_px), uniform(random, ranges.dead_region_px)};
        region.corner_px = {random.uniform(-0.5 * region.size_px.x(), image.width - 0.5 * region.size_px.x()),
                            random.uniform(-0.5 * region.size_px.y(), image.height - 0.5 * region.size_px.y())};
        drawn.dead.push_back(region);
    }
    return drawn;
}

void expose(Augmented& image, const Drawn& drawn, const Augmentation& ranges, RandomStream& random) {
    if (drawn.exposure < 1.0) {
        for (float& value : image.photons.pixels) {
            const double whole = std::max(0.0, std::round(static_cast<double>(value)));
            const auto kept = draw_binomial(static_cast<std::uint64_t>(whole), drawn.exposure, random);
            // What read-out noise left beside the whole photons stays.
            value = static_cast<float>(static_cast<double>(kept) + (static_cast<double>(value) - whole));
        }
    }
    if (drawn.noise_rms_photons > 0.0) {
        for (float& value : image.photons.pixels) {
            value += static_cast<float>(drawn.noise_rms_photons * random.normal());
        }
    }
    if (drawn.gain != 1.0) {
        for (float& value : image.photons.pixels) {
            value = static_cast<float>(static_cast<double>(value) * drawn.gain);
        }
    }
    if (drawn.exposure < 1.0 || drawn.noise_rms_photons > 0.0) {
        const double noise = std::hypot(ranges.read_noise_rms_photons, drawn.noise_rms_photons);
        for (Peak& peak : image.peaks) {
            peak.photons *= static_cast<float>(drawn.exposure);
            peak.background_photons *= static_cast<float>(drawn.exposure);
            peak.snr = signal_to_noise(peak, noise);
            peak.visible = peak.visible && peak.snr >= visible_peak_min_snr;
        }
    }
}

// The usable share of the pixel at a position of the original and its value; a share below a half is no pixel.
class Sampler {
public:
    Sampler(const Image<float>& photons, const Image<std::uint8_t>& valid, Interpolation interpolation)
        : photons_(photons), valid_(valid), interpolation_(interpolation) {}

    // Position of the centre of a pixel would be (.5, .5).
    [[nodiscard]] std::optional<float> at(double fast_px, double slow_px) const {
        if (interpolation_ == Interpolation::nearest) {
            const auto fast = static_cast<int>(std::floor(fast_px));
            const auto slow = static_cast<int>(std::floor(slow_px));
            return usable(fast, slow) ? std::optional(photons_(fast, slow)) : std::nullopt;
        }
        // Rotations by a whole pixel must not pick up a sliver of a neighbour.
        constexpr double sliver = 1e-6;
        const double left = std::floor(fast_px - 0.5 + sliver);
        const double top = std::floor(slow_px - 0.5 + sliver);
        const double right_weight = std::max(0.0, fast_px - 0.5 - left);
        const double bottom_weight = std::max(0.0, slow_px - 0.5 - top);
        double sum = 0.0;
        double weight = 0.0;
        for (int corner = 0; corner < 4; ++corner) {
            const int fast = static_cast<int>(left) + corner % 2;
            const int slow = static_cast<int>(top) + corner / 2;
            const double share = (corner % 2 == 1 ? right_weight : 1.0 - right_weight) *
                                 (corner / 2 == 1 ? bottom_weight : 1.0 - bottom_weight);
            if (share > sliver && usable(fast, slow)) {
                sum += share * static_cast<double>(photons_(fast, slow));
                weight += share;
            }
        }
        return weight >= 0.5 ? std::optional(static_cast<float>(sum / weight)) : std::nullopt;
    }

private:
    [[nodiscard]] bool usable(int fast, int slow) const {
        return fast >= 0 && slow >= 0 && fast < photons_.width && slow < photons_.height && valid_(fast, slow) != 0;
    }

    const Image<float>& photons_;
    const Image<std::uint8_t>& valid_;
    Interpolation interpolation_;
};

void move(Augmented& image, const Eigen::Affine2d& moved_from_original, Interpolation interpolation) {
    if (moved_from_original.isApprox(Eigen::Affine2d::Identity(), 1e-12)) {
        return;
    }
    image.augmented_from_original = moved_from_original;
    const Eigen::Affine2d back = moved_from_original.inverse();
    const Sampler sampler(image.photons, image.valid, interpolation);
    Image<float> photons(image.photons.width, image.photons.height);
    Image<std::uint8_t> valid(photons.width, photons.height);
    for (int slow = 0; slow < photons.height; ++slow) {
        for (int fast = 0; fast < photons.width; ++fast) {
            const Eigen::Vector2d from = back * Eigen::Vector2d(fast + 0.5, slow + 0.5);
            // Far positions must not overflow the conversion to a pixel's number.
            if (from.x() < -1.0 || from.y() < -1.0 || from.x() > photons.width + 1 || from.y() > photons.height + 1) {
                continue;
            }
            if (const auto value = sampler.at(from.x(), from.y())) {
                photons(fast, slow) = *value;
                valid(fast, slow) = 1;
            }
        }
    }
    image.photons = std::move(photons);
    image.valid = std::move(valid);
    const Eigen::Matrix2d linear = moved_from_original.linear();
    for (Peak& peak : image.peaks) {
        const Eigen::Vector2d to =
            moved_from_original * Eigen::Vector2d(static_cast<double>(peak.fast_px), static_cast<double>(peak.slow_px));
        peak.fast_px = static_cast<float>(to.x());
        peak.slow_px = static_cast<float>(to.y());
        Eigen::Matrix2d covariance;
        covariance << static_cast<double>(peak.var_fast_px2), static_cast<double>(peak.cov_px2),
            static_cast<double>(peak.cov_px2), static_cast<double>(peak.var_slow_px2);
        covariance = linear * covariance * linear.transpose();
        peak.var_fast_px2 = static_cast<float>(covariance(0, 0));
        peak.cov_px2 = static_cast<float>(covariance(0, 1));
        peak.var_slow_px2 = static_cast<float>(covariance(1, 1));
    }
}

void mask(Augmented& image, const Drawn& drawn, const Eigen::Vector2d& centre) {
    for (const Rectangle& region : drawn.dead) {
        const auto first = [](double edge_px) { return std::max(0, static_cast<int>(std::lround(edge_px))); };
        const Eigen::Vector2d end = region.corner_px + region.size_px;
        for (int slow = first(region.corner_px.y()); slow < std::min(image.valid.height, first(end.y())); ++slow) {
            for (int fast = first(region.corner_px.x()); fast < std::min(image.valid.width, first(end.x())); ++fast) {
                image.valid(fast, slow) = 0;
            }
        }
    }
    if (drawn.stop) {
        const Eigen::Vector2d arm(std::cos(drawn.stop->arm_direction_rad), std::sin(drawn.stop->arm_direction_rad));
        for (int slow = 0; slow < image.valid.height; ++slow) {
            for (int fast = 0; fast < image.valid.width; ++fast) {
                const Eigen::Vector2d from_centre = Eigen::Vector2d(fast + 0.5, slow + 0.5) - centre;
                const double across = from_centre.x() * arm.y() - from_centre.y() * arm.x();
                if (from_centre.norm() < drawn.stop->radius_px ||
                    (from_centre.dot(arm) > 0.0 && std::abs(across) < drawn.stop->arm_half_width_px)) {
                    image.valid(fast, slow) = 0;
                }
            }
        }
    }
}

void settle_peaks(Augmented& image) {
    std::erase_if(image.peaks, [&](const Peak& peak) {
        return !(peak.fast_px >= 0 && peak.slow_px >= 0 && peak.fast_px < static_cast<float>(image.photons.width) &&
                 peak.slow_px < static_cast<float>(image.photons.height));
    });
    for (Peak& peak : image.peaks) {
        const bool measured = image.valid(static_cast<int>(peak.fast_px), static_cast<int>(peak.slow_px)) != 0;
        peak.visible = peak.visible && measured;
    }
}

void fill_invalid(Augmented& image) {
    std::vector<float> measured;
    for (std::size_t i = 0; i < image.photons.size(); ++i) {
        if (image.valid.pixels[i] != 0) {
            measured.push_back(image.photons.pixels[i]);
        }
    }
    float median = 0.0F;
    if (!measured.empty() && measured.size() < image.photons.size()) {
        const auto middle = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 2);
        std::nth_element(measured.begin(), middle, measured.end());
        median = *middle;
    }
    for (std::size_t i = 0; i < image.photons.size(); ++i) {
        if (image.valid.pixels[i] == 0) {
            image.photons.pixels[i] = median;
        }
    }
}

}  // namespace

void validate(const Augmentation& augmentation) {
    Faults faults;
    const auto range = [&](const char* name, const Range& value, double least, double most) {
        const std::string why = fmt::format("it must be {} to {}", least, most);
        faults.require(value.low >= least && value.low <= most, fmt::format("{}, low end", name), value.low, why,
                       "Give a value within.");
        faults.require(value.high >= value.low && value.high <= most, fmt::format("{}, high end", name), value.high,
                       why + fmt::format(" and not below the low end, {}", value.low), "Give a value within.");
    };
    const auto probability = [&](const char* name, double value) {
        faults.require(value >= 0.0 && value <= 1.0, name, value, "a probability is 0 to 1", "Give a value within.");
    };
    range("exposure", augmentation.exposure, 1e-6, 1.0);
    range("noise_rms_photons", augmentation.noise_rms_photons, 0.0, 1e6);
    range("gain", augmentation.gain, 1e-3, 1e3);
    probability("flip_fast_probability", augmentation.flip_fast_probability);
    probability("flip_slow_probability", augmentation.flip_slow_probability);
    range("shear", augmentation.shear, -1.0, 1.0);
    range("zoom", augmentation.zoom, 0.1, 10.0);
    range("rotation_deg", augmentation.rotation_deg, -360.0, 360.0);
    range("shift_fast_px", augmentation.shift_fast_px, -16384.0, 16384.0);
    range("shift_slow_px", augmentation.shift_slow_px, -16384.0, 16384.0);
    faults.require(augmentation.dead_regions >= 0 && augmentation.dead_regions <= 1000, "dead_regions",
                   augmentation.dead_regions, "it must be 0 to 1000", "Give a count within.");
    range("dead_region_px", augmentation.dead_region_px, 0.0, 16384.0);
    probability("beam_stop_probability", augmentation.beam_stop_probability);
    range("beam_stop_radius_px", augmentation.beam_stop_radius_px, 0.0, 16384.0);
    faults.require(augmentation.read_noise_rms_photons >= 0.0, "read_noise_rms_photons",
                   augmentation.read_noise_rms_photons, "noise is not negative", "Give the detector's.");
    faults.report();
}

Augmented augment(const View& view, const std::vector<Peak>& peaks, const Augmentation& augmentation,
                  const DrawKey& key, const std::optional<Eigen::Vector2d>& centre) {
    validate(augmentation);
    RandomStream scene = keyed_stream(key, DrawPurpose::transform);
    RandomStream noise = keyed_stream(key, DrawPurpose::noise);
    const Drawn drawn = draw(augmentation, scene, view.photons);
    Augmented result;
    result.photons = view.photons;
    result.valid = view.valid;
    result.peaks = peaks;
    result.exposure = drawn.exposure;
    result.noise_rms_photons = drawn.noise_rms_photons;
    result.gain = drawn.gain;
    expose(result, drawn, augmentation, noise);
    const Eigen::Vector2d about = centre.value_or(Eigen::Vector2d(0.5 * view.photons.width, 0.5 * view.photons.height));
    move(result, Eigen::Translation2d(about) * drawn.about_centre * Eigen::Translation2d(-about),
         augmentation.interpolation);
    mask(result, drawn, result.augmented_from_original * about);
    settle_peaks(result);
    fill_invalid(result);
    return result;
}

Augmented augment(const DetectorImage& image, const std::vector<Peak>& peaks, double gain_adu_per_photon,
                  double offset_adu, const Augmentation& augmentation, const DrawKey& key) {
    ViewSpec native;
    native.framing = Framing::native;
    const Eigen::Vector2d beam(image.beam_fast_px.value_or(0.5 * image.values.width),
                               image.beam_slow_px.value_or(0.5 * image.values.height));
    return augment(make_view(image, native, gain_adu_per_photon, offset_adu), peaks, augmentation, key, beam);
}

DetectorImage as_detector_image(const Augmented& augmented) {
    DetectorImage image;
    image.name = "augmented";
    image.values = augmented.photons;
    image.valid = augmented.valid;
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        if (image.valid.pixels[i] == 0) {
            image.values.pixels[i] = 0.0F;
        }
    }
    image.gain_adu_per_photon = 1.0;
    image.offset_adu = 0.0;
    return image;
}

std::uint64_t draw_binomial(std::uint64_t count, double probability, RandomStream& random) {
    if (count == 0 || probability <= 0.0) {
        return 0;
    }
    if (probability >= 1.0) {
        return count;
    }
    if (probability > 0.5) {
        return count - draw_binomial(count, 1.0 - probability, random);
    }
    const auto n = static_cast<double>(count);
    const double odds = probability / (1.0 - probability);
    constexpr double btrs_min_mean = 10.0;  // where the constants below hold
    if (n * probability < btrs_min_mean) {
        const double drawn = random.uniform();
        double share = std::exp(n * std::log1p(-probability));
        double cumulative = share;
        std::uint64_t happened = 0;
        while (drawn > cumulative && happened < count) {
            share *= odds * (n - static_cast<double>(happened)) / static_cast<double>(happened + 1);
            ++happened;
            cumulative += share;
            // Rounding may keep the sum short of 1.
            if (share < 1e-300) {
                break;
            }
        }
        return happened;
    }
    const double sigma = std::sqrt(n * probability * (1.0 - probability));
    const double b = 1.15 + 2.53 * sigma;
    const double a = -0.0873 + 0.0248 * b + 0.01 * probability;
    const double centre = n * probability + 0.5;
    const double v_r = 0.92 - 4.2 / b;
    const double alpha = (2.83 + 5.1 / b) * sigma;
    const double mode = std::floor((n + 1.0) * probability);
    const double at_mode = log_factorial(mode) + log_factorial(n - mode);
    for (;;) {
        const double u = random.uniform() - 0.5;
        const double v = random.uniform();
        const double us = 0.5 - std::abs(u);
        const double k = std::floor((2.0 * a / us + b) * u + centre);
        if (us >= 0.07 && v <= v_r) {
            return static_cast<std::uint64_t>(k);
        }
        if (k < 0.0 || k > n) {
            continue;
        }
        if (std::log(v * alpha / (a / (us * us) + b)) <=
            at_mode - log_factorial(k) - log_factorial(n - k) + (k - mode) * std::log(odds)) {
            return static_cast<std::uint64_t>(k);
        }
    }
}

}  // namespace braggbench
