// What a model says of the images of a split, whatever kind of model it is: a network, a forest, a spot finder, a guess
// or somebody else's file. classifiers/evaluate.hpp scores it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "classifiers/heads.hpp"
#include "datasets/corpus.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

std::string split_name(Split split);  // "train", "validation", "test"

struct Predictions {
    std::string model;  // what made them
    std::vector<Head> heads;
    Split split = Split::test;
    std::vector<std::int64_t> image_indices;  // in the corpus
    // A row per image, a column per output of all heads: probabilities (one_of_n: they add up to 1; multi_label: of
    // each being true), regression: values in their units.
    std::vector<std::vector<float>> scores;
};

// The truth of the same images, rows as targets_of() gives them. Throws UsageError if the corpus does not have the
// labels of a head.
std::vector<std::vector<float>> truth_of(const CorpusReader& corpus, std::span<const Head> heads,
                                         std::span<const std::int64_t> image_indices);

// What a corpus offers heads, or will: the classes with a crystal are the hits.
HeadSource head_source(const CorpusReader& corpus);
HeadSource head_source(const Recipe& recipe, const CorpusInfo& info, std::string origin);

}  // namespace braggbench
