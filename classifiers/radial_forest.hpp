// A random forest (Breiman 2001, Mach. Learn. 45, 5; OpenCV's) on radial profiles: what can be told of an image from
// its background and its rings alone, without seeing a single spot.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "classifiers/image_summary.hpp"

namespace braggbench {

inline constexpr int forest_trees = 100;

// The share of trees that vote for each class, a row per test image. Labels are in [0, class_count); a class without
// train images gets no votes. The same seed and images give the same votes. Throws UsageError without train images.
std::vector<std::vector<double>> forest_votes(std::span<const ImageSummary> train_images,
                                              std::span<const int> train_labels,
                                              std::span<const ImageSummary> test_images, int class_count,
                                              std::uint64_t seed);

// The same for a number: the mean over the trees.
std::vector<double> forest_values(std::span<const ImageSummary> train_images, std::span<const double> train_values,
                                  std::span<const ImageSummary> test_images, std::uint64_t seed);

}  // namespace braggbench
