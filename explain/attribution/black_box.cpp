#include "explain/attribution/black_box.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "explain/random_stages.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// As many altered images are held at a time.
constexpr int batch_images = 16;

void check(const Image<float>& photons, const Image<float>& reference) {
    if (photons.width == reference.width && photons.height == reference.height && photons.size() > 0) return;
    throw UsageError(
        fmt::format("an image of {} x {} px and a reference of {} x {} px (pixels are replaced by those of the "
                    "reference). Give two of one size.",
                    photons.width, photons.height, reference.width, reference.height));
}

Image<float> rise_mask(const Image<float>& photons, const RiseOptions& options, std::uint64_t seed,
                       std::uint64_t number) {
    RandomStream random(seed, number, stage_rise_masks);
    const double cell_px = static_cast<double>(std::max(photons.width, photons.height)) / options.cells;
    // One cell more for the shift, one for the far side of the interpolation.
    Image<float> cells(options.cells + 2, options.cells + 2);
    for (float& cell : cells.pixels) cell = random.uniform() < options.keep ? 1.0F : 0.0F;
    const double fast_shift = random.uniform(0.0, cell_px);
    const double slow_shift = random.uniform(0.0, cell_px);
    // register_grid() takes one shift for both axes: each is cut out of a mask that is larger by a cell.
    const int margin = static_cast<int>(cell_px) + 1;
    const Image<float> large = register_grid(cells, cell_px, 0.0, photons.width + margin, photons.height + margin);
    Image<float> mask(photons.width, photons.height);
    for (int slow = 0; slow < mask.height; ++slow) {
        const auto* row = &large.pixels[large.index(static_cast<int>(fast_shift), slow + static_cast<int>(slow_shift))];
        std::copy_n(row, mask.width, &mask.pixels[mask.index(0, slow)]);
    }
    return mask;
}

}  // namespace

Image<float> occlusion_map(const Image<float>& photons, const Image<float>& reference, const ScoreFunction& score,
                           const OcclusionOptions& options) {
    check(photons, reference);
    if (options.patches < 1) {
        throw UsageError(
            fmt::format("occlusion by {} patches along an edge (at least one is needed). Give a positive "
                        "number.",
                        options.patches));
    }
    const int longer_px = std::max(photons.width, photons.height);
    const int patch_px = (longer_px + options.patches - 1) / options.patches;
    struct Patch {
        int fast, slow, width, height;
    };
    std::vector<Patch> patches;
    for (int slow = 0; slow < photons.height; slow += patch_px) {
        for (int fast = 0; fast < photons.width; fast += patch_px) {
            patches.push_back(
                {fast, slow, std::min(patch_px, photons.width - fast), std::min(patch_px, photons.height - slow)});
        }
    }
    const double whole = score({photons}).at(0);
    Image<float> map(photons.width, photons.height);
    for (std::size_t begin = 0; begin < patches.size(); begin += batch_images) {
        const std::size_t end = std::min(begin + batch_images, patches.size());
        std::vector<Image<float>> altered(end - begin, photons);
        for (std::size_t i = begin; i < end; ++i) {
            const Patch& patch = patches[i];
            for (int slow = patch.slow; slow < patch.slow + patch.height; ++slow) {
                std::copy_n(&reference.pixels[reference.index(patch.fast, slow)], patch.width,
                            &altered[i - begin].pixels[photons.index(patch.fast, slow)]);
            }
        }
        const std::vector<double> scores = score(altered);
        for (std::size_t i = begin; i < end; ++i) {
            const Patch& patch = patches[i];
            const auto loss = static_cast<float>((whole - scores.at(i - begin)) / (patch.width * patch.height));
            for (int slow = patch.slow; slow < patch.slow + patch.height; ++slow) {
                std::fill_n(&map.pixels[map.index(patch.fast, slow)], patch.width, loss);
            }
        }
    }
    return map;
}

Image<float> rise_map(const Image<float>& photons, const Image<float>& reference, const ScoreFunction& score,
                      const RiseOptions& options, std::uint64_t seed) {
    check(photons, reference);
    if (options.masks < 2 || options.cells < 1 || !(options.keep > 0.0 && options.keep < 1.0)) {
        throw UsageError(
            fmt::format("RISE with {} masks of {} cells along an edge, {} of them kept (at least two masks "
                        "and one cell are needed, and a share between 0 and 1). Give such numbers.",
                        options.masks, options.cells, options.keep));
    }
    // Sums for the slope: cov(score, m) / var(m).
    std::vector<double> sum_m(photons.size());
    std::vector<double> sum_m2(photons.size());
    std::vector<double> sum_sm(photons.size());
    double sum_s = 0.0;
    double first_score = 0.0;
    for (int begin = 0; begin < options.masks; begin += batch_images) {
        const int end = std::min(begin + batch_images, options.masks);
        std::vector<Image<float>> masks;
        std::vector<Image<float>> altered;
        for (int number = begin; number < end; ++number) {
            masks.push_back(rise_mask(photons, options, seed, static_cast<std::uint64_t>(number)));
            altered.push_back(reference);
            for (std::size_t i = 0; i < photons.size(); ++i) {
                altered.back().pixels[i] += masks.back().pixels[i] * (photons.pixels[i] - reference.pixels[i]);
            }
        }
        const std::vector<double> scores = score(altered);
        // Differences from the first score keep the sums small.
        if (begin == 0) first_score = scores.at(0);
        for (std::size_t k = 0; k < masks.size(); ++k) {
            const double s = scores.at(k) - first_score;
            sum_s += s;
            for (std::size_t i = 0; i < photons.size(); ++i) {
                const double m = masks[k].pixels[i];
                sum_m[i] += m;
                sum_m2[i] += m * m;
                sum_sm[i] += s * m;
            }
        }
    }
    Image<float> map(photons.width, photons.height);
    const double count = options.masks;
    for (std::size_t i = 0; i < photons.size(); ++i) {
        const double variance = sum_m2[i] / count - (sum_m[i] / count) * (sum_m[i] / count);
        const double covariance = sum_sm[i] / count - (sum_s / count) * (sum_m[i] / count);
        // A pixel that no mask treats differently from the others tells nothing.
        map.pixels[i] = variance > 1e-9 ? static_cast<float>(covariance / variance) : 0.0F;
    }
    return map;
}

}  // namespace braggbench
