#include "classifiers/image_set.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "classifiers/parallel.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr float half_max = 65504.0F;  // the largest finite float16

float mean_of(const Image<float>& image) {
    const double sum = std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
    return static_cast<float>(sum / static_cast<double>(image.size()));
}

int whole(RandomStream& random, int low, int high) {
    return low + static_cast<int>(draw_index(random, static_cast<std::size_t>(high - low + 1)));
}

// A disc and an arm to one side, as beam stops on a holder are.
void cast_shadow(Image<float>& photons, RandomStream& random) {
    const double size = photons.width;
    const double fast = size * random.uniform(0.45, 0.55);
    const double slow = size * random.uniform(0.45, 0.55);
    const double radius = size * random.uniform(0.01, 0.05);
    const double arm = radius * random.uniform(0.2, 1.0);
    const auto transmission = static_cast<float>(random.uniform(0.0, 0.5));
    const auto side = draw_index(random, 4);
    for (int y = 0; y < photons.height; ++y) {
        for (int x = 0; x < photons.width; ++x) {
            double along = x - fast;
            double across = y - slow;
            if (side >= 2) std::swap(along, across);
            if (side % 2 == 1) along = -along;
            if (std::hypot(along, across) < radius || (along > 0 && std::abs(across) < arm))
                photons(x, y) *= transmission;
        }
    }
}

void cut_margin(Image<float>& photons, RandomStream& random) {
    const int most = photons.width / 10;
    const int left = whole(random, 0, most);
    const int right = whole(random, 0, most);
    const int top = whole(random, 0, most);
    const int bottom = whole(random, 0, most);
    const float fill = mean_of(photons);
    for (int y = 0; y < photons.height; ++y) {
        for (int x = 0; x < photons.width; ++x) {
            const bool inside = x >= left && x < photons.width - right && y >= top && y < photons.height - bottom;
            if (!inside) photons(x, y) = fill;
        }
    }
}

// The maximum over copies shifted by a little: each pixel becomes the largest of several draws at about the same level,
// and spots get more numerous, as in a block of a large detector.
void reduce_by_maxima(Image<float>& photons, RandomStream& random) {
    const int copies = whole(random, 3, 24);
    const int reach = photons.width / 16;
    const Image<float> original = photons;
    for (int copy = 0; copy < copies; ++copy) {
        const int shift_fast = whole(random, -reach, reach);
        const int shift_slow = whole(random, -reach, reach);
        for (int y = 0; y < photons.height; ++y) {
            // Mirrored at the border, so that a level that rises towards one side stays smooth.
            int from_y = std::abs(y + shift_slow);
            if (from_y >= photons.height) from_y = 2 * photons.height - 1 - from_y;
            const int first = std::max(0, -shift_fast);
            const int last = std::min(photons.width, photons.width - shift_fast);
            for (int x = first; x < last; ++x) {
                photons(x, y) = std::max(photons(x, y), original(x + shift_fast, from_y));
            }
        }
    }
}

torch::Tensor make_batch(const ImageSet& images, std::span<const std::int64_t> rows,
                         const std::function<void(std::int64_t, torch::Tensor&)>& fill) {
    const auto count = static_cast<std::int64_t>(rows.size());
    auto batch = torch::empty({count, 1, images.photons.size(1), images.photons.size(2)}, torch::kFloat32);
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
        const torch::NoGradGuard no_grad;
        for (std::int64_t i = begin; i < end; ++i) {
            auto target = batch[i][0];
            fill(rows[static_cast<std::size_t>(i)], target);
        }
    });
    return batch;
}

}  // namespace

namespace {

struct LabelledImage {
    Image<std::uint16_t> image;
    int label = 0;
};

ImageSet image_set(std::span<const std::int64_t> indices, const ViewSpec& spec, double gain_adu_per_photon,
                   double offset_adu, const std::string& origin,
                   const std::function<LabelledImage(std::int64_t)>& image_of) {
    const auto count = static_cast<std::int64_t>(indices.size());
    ImageSet set;
    set.photons = torch::empty({count, spec.size_px, spec.size_px}, torch::kFloat16);
    set.labels.resize(indices.size());
    for_each_index(count, [&](std::int64_t i) {
        const torch::NoGradGuard no_grad;
        const auto index = indices[static_cast<std::size_t>(i)];
        const LabelledImage labelled = image_of(index);
        auto view = make_view(labelled.image, spec, gain_adu_per_photon, offset_adu);
        for (auto& value : view.photons.pixels) {
            if (!std::isfinite(value)) {
                throw DataError(origin + ": image " + std::to_string(index) +
                                " has a value that is not finite (after offset and gain). Check the corpus' response.");
            }
            value = std::clamp(value, -half_max, half_max);
        }
        set.photons[i].copy_(torch::from_blob(view.photons.pixels.data(), {spec.size_px, spec.size_px}));
        set.labels[static_cast<std::size_t>(i)] = labelled.label;
    });
    return set;
}

}  // namespace

ImageSet load_image_set(const CorpusReader& corpus, std::span<const std::int64_t> indices, const ViewSpec& spec,
                        double gain_adu_per_photon, double offset_adu) {
    return image_set(indices, spec, gain_adu_per_photon, offset_adu, corpus.path().string(), [&](std::int64_t index) {
        return LabelledImage{corpus.image(index), corpus.class_indices()[static_cast<std::size_t>(index)]};
    });
}

ImageSet make_image_set(const RecipeSource& source, std::span<const std::int64_t> indices, const ViewSpec& spec,
                        double gain_adu_per_photon, double offset_adu) {
    return image_set(indices, spec, gain_adu_per_photon, offset_adu, source.recipe().name, [&](std::int64_t index) {
        CorpusRecord record = source.record(index);
        return LabelledImage{std::move(record.image), record.class_index};
    });
}

torch::Tensor batch_of(const ImageSet& images, std::span<const std::int64_t> rows) {
    return make_batch(images, rows,
                      [&](std::int64_t row, torch::Tensor& target) { target.copy_(images.photons[row]); });
}

torch::Tensor augmented_batch_of(const ImageSet& images, std::span<const std::int64_t> rows, std::uint64_t seed,
                                 int epoch) {
    // One image and epoch draw fewer than 64 blocks of four words.
    constexpr std::uint32_t blocks_per_epoch = 64;
    return make_batch(images, rows, [&](std::int64_t row, torch::Tensor& target) {
        RandomStream random(seed, static_cast<std::uint64_t>(row), augmentation_stage,
                            static_cast<std::uint32_t>(epoch) * blocks_per_epoch);
        target.copy_(dihedral(images.photons[row], static_cast<int>(draw_index(random, 8))));
        const auto size = static_cast<int>(target.size(0));
        const auto pixels = static_cast<std::size_t>(target.numel());
        Image<float> photons(size, size);
        std::copy_n(target.data_ptr<float>(), pixels, photons.pixels.begin());
        augment(photons, random);
        std::copy_n(photons.pixels.begin(), pixels, target.data_ptr<float>());
    });
}

torch::Tensor dihedral(const torch::Tensor& image, int symmetry) {
    auto result = image;
    if ((symmetry & 1) != 0) result = result.flip({-1});
    if ((symmetry & 2) != 0) result = result.flip({-2});
    if ((symmetry & 4) != 0) result = result.transpose(-1, -2);
    return result;
}

void augment(Image<float>& photons, RandomStream& random) {
    const auto gain = static_cast<float>(random.log_uniform(0.9, 1.1));
    for (auto& value : photons.pixels) value *= gain;
    if (random.uniform() < 0.15) reduce_by_maxima(photons, random);
    if (random.uniform() < 0.25) cast_shadow(photons, random);
    if (random.uniform() < 0.25) cut_margin(photons, random);
}

}  // namespace braggbench
