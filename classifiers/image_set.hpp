// The views of a split in memory, and the batches that training and prediction take from them. Torch header.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/generate.hpp"
#include "datasets/view.hpp"
#include "simulator/random.hpp"

namespace braggbench {

struct ImageSet {
    torch::Tensor
        photons;  // (N, size, size) float16: its rounding, 1 in 2048, is below the photon noise up to 4 million
    std::vector<int> labels;
};

// Values beyond what float16 holds are clamped (65 504 photons). Throws DataError naming the image for values that are
// not finite.
ImageSet load_image_set(const CorpusReader& corpus, std::span<const std::int64_t> indices, const ViewSpec& spec,
                        double gain_adu_per_photon, double offset_adu);

// The same of images that no file holds.
ImageSet make_image_set(const RecipeSource& source, std::span<const std::int64_t> indices, const ViewSpec& spec,
                        double gain_adu_per_photon, double offset_adu);

// (n, 1, size, size) float32.
torch::Tensor batch_of(const ImageSet& images, std::span<const std::int64_t> rows);
// The same, each image changed by augment() with the stream keyed by (seed, its row, epoch).
torch::Tensor augmented_batch_of(const ImageSet& images, std::span<const std::int64_t> rows, std::uint64_t seed,
                                 int epoch);

// One of the eight symmetries of the square (0 = none) of the last two axes.
torch::Tensor dihedral(const torch::Tensor& image, int symmetry);

// What may differ on another detector without changing the class, applied in place to a square image, each now and
// then: a gain off by up to a tenth, the shadow of a beam stop, a margin without data, and the noise of a view that was
// reduced by maxima.
void augment(Image<float>& photons, RandomStream& random);

}  // namespace braggbench
