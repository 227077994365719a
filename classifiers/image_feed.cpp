#include "classifiers/image_feed.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "classifiers/head_tensors.hpp"
#include "classifiers/predictions.hpp"
#include "classifiers/random_stage.hpp"
#include "classifiers/train_augmentation.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr float half_max = 65504.0F;  // the largest finite float16
// One image and epoch draw fewer blocks of random numbers than this.
constexpr std::uint32_t blocks_per_epoch = 64;

// The photons of every 16-bit value, rounded and clamped, or nothing where some are not finite.
std::vector<at::Half> photons_of_values(double gain_adu_per_photon, double offset_adu) {
    std::vector<at::Half> photons(std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1);
    for (std::size_t value = 0; value < photons.size(); ++value) {
        const auto exact = static_cast<float>((static_cast<double>(value) - offset_adu) / gain_adu_per_photon);
        if (!std::isfinite(exact)) return {};
        photons[value] = std::clamp(exact, -half_max, half_max);
    }
    return photons;
}

void vary(torch::Tensor& target, const VariationKey& key, std::int64_t row) {
    RandomStream random(key.seed, static_cast<std::uint64_t>(row), augmentation_stage,
                        static_cast<std::uint32_t>(key.epoch) * blocks_per_epoch);
    const auto size = static_cast<int>(target.size(0));
    const auto pixels = static_cast<std::size_t>(target.numel());
    Image<float> photons(size, size);
    std::copy_n(target.data_ptr<float>(), pixels, photons.pixels.begin());
    photons = dihedral(photons, static_cast<int>(draw_index(random, 8)));
    if (key.variation == TrainVariation::detector) vary_detector(photons, random);
    std::copy_n(photons.pixels.begin(), pixels, target.data_ptr<float>());
}

}  // namespace

ImageFeed::ImageFeed(std::int64_t row_count, std::function<LabelledView(std::int64_t)> view, FeedOptions options,
                     std::string origin)
    : view_(std::move(view)),
      options_(std::move(options)),
      origin_(std::move(origin)),
      cache_(static_cast<std::size_t>(row_count)) {
    const auto edge = static_cast<std::size_t>(options_.view.size_px);
    cached_rows_ = options_.cache_bytes / (edge * edge * sizeof(at::Half));
}

ImageFeed::ImageFeed(std::int64_t row_count, std::function<LabelledImage(std::int64_t)> image, FeedOptions options,
                     std::string origin)
    : ImageFeed(row_count, std::function<LabelledView(std::int64_t)>(), std::move(options), std::move(origin)) {
    image_ = std::move(image);
    // What masks hide is filled by make_view().
    if (options_.view.framing == Framing::fit && options_.view.values == ValueRule{} &&
        options_.frame.valid.pixels.empty()) {
        photons_of_value_ = photons_of_values(options_.gain_adu_per_photon, options_.offset_adu);
    }
}

ImageFeed::Row ImageFeed::load(std::int64_t row) const {
    const auto size = options_.view.size_px;
    LabelledView view;
    if (view_) {
        view = view_(row);
    } else {
        auto labelled = image_(row);
        if (!photons_of_value_.empty() && labelled.image->width == size && labelled.image->height == size) {
            auto photons = torch::empty({size, size}, torch::kFloat16);
            std::ranges::transform(labelled.image->pixels, photons.data_ptr<at::Half>(),
                                   [this](std::uint16_t value) { return photons_of_value_[value]; });
            return {photons, labelled.targets};
        }
        view.photons =
            make_view(*labelled.image, options_.frame, options_.view, options_.gain_adu_per_photon, options_.offset_adu)
                .photons;
        view.targets = std::move(labelled.targets);
    }
    for (auto& value : view.photons.pixels) {
        if (!std::isfinite(value)) {
            throw DataError(origin_ + ": image " + std::to_string(row) +
                            " has a value that is not finite (after offset and gain). Check the corpus' response.");
        }
        value = std::clamp(value, -half_max, half_max);
    }
    return {torch::from_blob(view.photons.pixels.data(), {size, size}).to(torch::kFloat16), std::move(view.targets)};
}

ImageFeed::Row ImageFeed::at(std::int64_t row) const {
    auto& kept = cache_[static_cast<std::size_t>(row)];
    if (kept.view.defined()) return kept;
    Row made = load(row);
    if (static_cast<std::size_t>(row) < cached_rows_) kept = made;
    return made;
}

Batch ImageFeed::make(std::span<const std::int64_t> rows, const VariationKey* key) const {
    const auto count = static_cast<std::int64_t>(rows.size());
    Batch batch;
    batch.photons = torch::empty({count, 1, options_.view.size_px, options_.view.size_px}, torch::kFloat32);
    std::vector<std::vector<float>> targets(rows.size());
    // Torch's own threads: new ones would each bring a pool of theirs for every copy.
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
        const torch::NoGradGuard no_grad;
        for (std::int64_t i = begin; i < end; ++i) {
            const auto row = rows[static_cast<std::size_t>(i)];
            Row from = at(row);
            auto photons = batch.photons[i][0];
            photons.copy_(from.view);
            if (key != nullptr && key->variation != TrainVariation::none) vary(photons, *key, row);
            targets[static_cast<std::size_t>(i)] = std::move(from.targets);
        }
    });
    batch.targets = as_tensor(targets);
    return batch;
}

torch::Tensor ImageFeed::all_targets() const {
    std::vector<std::vector<float>> targets(cache_.size());
    at::parallel_for(0, row_count(), 1, [&](std::int64_t begin, std::int64_t end) {
        const torch::NoGradGuard no_grad;
        for (auto row = begin; row < end; ++row) targets[static_cast<std::size_t>(row)] = at(row).targets;
    });
    return as_tensor(targets);
}

Batch ImageFeed::batch(std::span<const std::int64_t> rows) const { return make(rows, nullptr); }

Batch ImageFeed::batch(std::span<const std::int64_t> rows, const VariationKey& key) const { return make(rows, &key); }

ImageFeed corpus_feed(const CorpusReader& corpus, std::vector<std::int64_t> indices, std::vector<Head> heads,
                      const FeedOptions& options) {
    const auto count = static_cast<std::int64_t>(indices.size());
    auto image = [&corpus, indices = std::move(indices), heads = std::move(heads),
                  labels = head_source(corpus)](std::int64_t row) {
        const auto index = indices[static_cast<std::size_t>(row)];
        const auto i = static_cast<std::size_t>(index);
        return LabelledImage{corpus.shared_image(index),
                             targets_of(heads, labels, corpus.class_indices()[i], corpus.labels()[i])};
    };
    FeedOptions framed = options;
    framed.frame = image_frame(corpus.info());
    return {count, std::move(image), std::move(framed), corpus.path().string()};
}

ImageFeed recipe_feed(std::shared_ptr<const RecipeSource> source, std::vector<std::int64_t> indices,
                      std::vector<Head> heads, const FeedOptions& options) {
    const auto count = static_cast<std::int64_t>(indices.size());
    const std::string origin = source->recipe().name;
    const CorpusInfo info = corpus_info(source->recipe());
    FeedOptions framed = options;
    framed.frame = image_frame(info);
    auto labels = head_source(source->recipe(), info, origin);
    auto image = [source = std::move(source), indices = std::move(indices), heads = std::move(heads),
                  labels = std::move(labels)](std::int64_t row) {
        CorpusRecord record = source->record(indices[static_cast<std::size_t>(row)]);
        return LabelledImage{std::make_shared<const Image<std::uint16_t>>(std::move(record.image)),
                             targets_of(heads, labels, record.class_index, record.labels)};
    };
    return {count, std::move(image), std::move(framed), origin};
}

}  // namespace braggbench
