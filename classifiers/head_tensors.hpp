// Heads as tensors: what a network's outputs say, and the loss that teaches it. Torch header.
#pragma once

#include <torch/torch.h>

#include <span>
#include <string>
#include <vector>

#include "classifiers/heads.hpp"

namespace braggbench {

// Rows of equal length as (rows, columns) float32.
torch::Tensor as_tensor(const std::vector<std::vector<float>>& rows);

// logits (N, outputs of all heads) -> (N, outputs): probabilities, or values in their units (Predictions::scores).
torch::Tensor scores_of(const torch::Tensor& logits, std::span<const Head> heads);

// How much each known target counts in the loss: of one_of_n a weight per output, of multi_label two per output (false,
// true), each averaging to 1 over the targets that they were made from.
struct LossWeights {
    std::vector<torch::Tensor> of_head;  // (outputs) or (2, outputs); undefined where all count alike
    double focal_gamma = 0.0;            // Lin et al. 2017, arXiv 1708.02002
};
// Weights by which every class, and the true and the false of every label, count alike; `targets` (N, targets of all
// heads) are those of the train split. What does not occur has weight 0.
LossWeights balanced_weights(const torch::Tensor& targets, std::span<const Head> heads);

// Sum over heads of loss_weight x mean over known targets of: cross-entropy; binary cross-entropy; Huber's loss (1964)
// of standardised values. A head without known targets in the batch adds nothing. Scalar.
torch::Tensor loss_of(const torch::Tensor& logits, const torch::Tensor& targets, std::span<const Head> heads,
                      const LossWeights& weights);

// Means and deviations of the values' known targets, stored into the regression heads; a value that never varies keeps
// deviation 1. Throws DataError naming a value that is never known, `origin` being the corpus.
void standardise(std::vector<Head>& heads, const torch::Tensor& targets, const std::string& origin);

// How right answers are, per head: one_of_n the share of right classes, multi_label that of right labels, regression
// 1 - (squared error / variance of the train split). Sums while being collected.
struct HeadScore {
    double sum = 0.0;
    double count = 0.0;
    [[nodiscard]] double mean() const { return count > 0.0 ? sum / count : 0.0; }
};
void add_scores(std::vector<HeadScore>& scores, const torch::Tensor& logits, const torch::Tensor& targets,
                std::span<const Head> heads);

}  // namespace braggbench
