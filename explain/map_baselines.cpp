#include "explain/map_baselines.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "explain/random_stages.hpp"
#include "explain/registration.hpp"

namespace braggbench {
namespace {

Image<int> radius_bins(int width_px, int height_px, double beam_fast_px, double beam_slow_px) {
    Image<int> bins(width_px, height_px);
    for (int slow = 0; slow < height_px; ++slow) {
        for (int fast = 0; fast < width_px; ++fast) {
            bins(fast, slow) = static_cast<int>(std::hypot(fast + 0.5 - beam_fast_px, slow + 0.5 - beam_slow_px));
        }
    }
    return bins;
}

std::size_t bin_count(const Image<int>& bins) {
    return static_cast<std::size_t>(*std::max_element(bins.pixels.begin(), bins.pixels.end())) + 1;
}

std::vector<float> gaussian_kernel(double sigma) {
    const int reach = static_cast<int>(std::ceil(4.0 * sigma));
    std::vector<float> kernel;
    double sum = 0.0;
    for (int i = -reach; i <= reach; ++i) {
        kernel.push_back(static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma))));
        sum += kernel.back();
    }
    for (float& weight : kernel) {
        weight = static_cast<float>(weight / sum);
    }
    return kernel;
}

// Rows convolved by the kernel, their ends held.
Image<float> smooth_rows(const Image<float>& image, const std::vector<float>& kernel) {
    const int reach = static_cast<int>(kernel.size() / 2);
    Image<float> result(image.width, image.height);
    std::vector<float> padded(static_cast<std::size_t>(image.width + 2 * reach));
    for (int slow = 0; slow < image.height; ++slow) {
        for (int i = 0; i < image.width + 2 * reach; ++i) {
            padded[static_cast<std::size_t>(i)] = image(std::clamp(i - reach, 0, image.width - 1), slow);
        }
        float* const row = &result.pixels[result.index(0, slow)];
        for (std::size_t k = 0; k < kernel.size(); ++k) {
            for (std::size_t fast = 0; fast < static_cast<std::size_t>(image.width); ++fast) {
                row[fast] += kernel[k] * padded[fast + k];
            }
        }
    }
    return result;
}

Image<float> transpose(const Image<float>& image) {
    Image<float> result(image.height, image.width);
    for (int slow = 0; slow < image.height; ++slow) {
        for (int fast = 0; fast < image.width; ++fast) {
            result(slow, fast) = image(fast, slow);
        }
    }
    return result;
}

Image<float> smooth(const Image<float>& image, double sigma_px) {
    const std::vector<float> kernel = gaussian_kernel(sigma_px);
    return transpose(smooth_rows(transpose(smooth_rows(image, kernel)), kernel));
}

// Photons less the azimuthal median; 0 where invalid.
Image<float> azimuthal_residual(const Image<float>& photons, const Mask& valid, double beam_fast_px,
                                double beam_slow_px) {
    const Image<int> bins = radius_bins(photons.width, photons.height, beam_fast_px, beam_slow_px);
    std::vector<std::vector<float>> values(bin_count(bins));
    for (std::size_t i = 0; i < photons.size(); ++i) {
        if (valid.pixels[i] != 0) {
            values[static_cast<std::size_t>(bins.pixels[i])].push_back(photons.pixels[i]);
        }
    }
    std::vector<float> median(values.size());
    for (std::size_t bin = 0; bin < values.size(); ++bin) {
        std::vector<float>& ring = values[bin];
        if (!ring.empty()) {
            const auto middle = ring.begin() + static_cast<std::ptrdiff_t>(ring.size() / 2);
            std::nth_element(ring.begin(), middle, ring.end());
            median[bin] = *middle;
        }
    }
    Image<float> residual(photons.width, photons.height);
    for (std::size_t i = 0; i < photons.size(); ++i) {
        if (valid.pixels[i] != 0) {
            residual.pixels[i] = photons.pixels[i] - median[static_cast<std::size_t>(bins.pixels[i])];
        }
    }
    return residual;
}

void keep_positive(Image<float>& map) {
    for (float& value : map.pixels) {
        value = value > 0.0F ? value : 0.0F;
    }
}

}  // namespace

Image<float> uniform_map(int width_px, int height_px) { return {width_px, height_px, 1.0F}; }

Image<float> random_pixel_map(int width_px, int height_px, std::uint64_t seed, std::uint64_t image_index) {
    RandomStream random(seed, image_index, stage_random_pixels);
    Image<float> map(width_px, height_px);
    for (float& value : map.pixels) {
        value = static_cast<float>(random.uniform());
    }
    return map;
}

Image<float> random_coarse_map(int width_px, int height_px, int units, std::uint64_t seed, std::uint64_t image_index) {
    RandomStream random(seed, image_index, stage_random_coarse);
    Image<float> grid(units, units);
    for (float& value : grid.pixels) {
        value = static_cast<float>(random.uniform());
    }
    const double stride_px = static_cast<double>(std::max(width_px, height_px)) / units;
    return register_grid(grid, stride_px, 0.5 * stride_px - 0.5, width_px, height_px);
}

Image<float> radial_prior_map(std::span<const PeakTargets> others, const Mask& valid, double beam_fast_px,
                              double beam_slow_px) {
    const Image<int> bins = radius_bins(valid.width, valid.height, beam_fast_px, beam_slow_px);
    const std::size_t count = bin_count(bins);
    Image<float> on_target(static_cast<int>(count), 1);
    Image<float> pixels(static_cast<int>(count), 1);
    for (std::size_t i = 0; i < valid.size(); ++i) {
        pixels.pixels[static_cast<std::size_t>(bins.pixels[i])] += valid.pixels[i] != 0 ? 1.0F : 0.0F;
    }
    for (const PeakTargets& other : others) {
        for (const std::uint32_t pixel : other.pixels) {
            if (valid.pixels[pixel] != 0) {
                on_target.pixels[static_cast<std::size_t>(bins.pixels[pixel])] += 1.0F;
            }
        }
    }
    constexpr double profile_sigma_px = 4.0;
    const std::vector<float> kernel = gaussian_kernel(profile_sigma_px);
    const Image<float> smooth_target = smooth_rows(on_target, kernel);
    const Image<float> smooth_pixels = smooth_rows(pixels, kernel);
    Image<float> map(valid.width, valid.height);
    for (std::size_t i = 0; i < map.size(); ++i) {
        const auto bin = static_cast<std::size_t>(bins.pixels[i]);
        if (valid.pixels[i] != 0 && smooth_pixels.pixels[bin] > 0.0F) {
            map.pixels[i] = smooth_target.pixels[bin] / smooth_pixels.pixels[bin];
        }
    }
    return map;
}

Image<float> intensity_map(const Image<float>& photons, const Mask& valid, double beam_fast_px, double beam_slow_px) {
    Image<float> map = azimuthal_residual(photons, valid, beam_fast_px, beam_slow_px);
    keep_positive(map);
    return map;
}

Image<float> difference_of_gaussians_map(const Image<float>& photons, const Mask& valid, double beam_fast_px,
                                         double beam_slow_px) {
    constexpr double spot_sigma_px = 1.0;
    constexpr double surround_sigma_px = 3.0;
    const Image<float> residual = azimuthal_residual(photons, valid, beam_fast_px, beam_slow_px);
    Image<float> map = smooth(residual, spot_sigma_px);
    const Image<float> surround = smooth(residual, surround_sigma_px);
    for (std::size_t i = 0; i < map.size(); ++i) {
        map.pixels[i] -= surround.pixels[i];
    }
    keep_positive(map);
    return map;
}

}  // namespace braggbench
