// The nearest template (Yang 2016, single-particle hits): each template image turned 36 times by 5 degrees, so over
// half a circle, and the L2 norm of the difference to a new image, both without negative values and stretched to a
// maximum of 255. Images are first reduced to a small square (datasets/view.hpp). Distances of all images to all
// templates are one matrix product: |a - b|^2 = |a|^2 + |b|^2 - 2 a.b.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "classifiers/classical/classical_model.hpp"
#include "datasets/view.hpp"
#include "simulator/image.hpp"

namespace braggbench {

inline constexpr int template_rotations = 36;
inline constexpr double template_step_deg = 5.0;

// Reduced, without negative values, the highest 255; all 0 for an image without light.
void template_pixels(const Image<std::uint16_t>& image, const ViewSpec& view, double gain_adu_per_photon,
                     double offset_adu, std::span<float> pixels);

// Each row turned by 0, 5, ... 175 degrees about the square's centre, bicubic, 0 from outside; rows in that order.
FeatureTable rotated_templates(const FeatureTable& templates, int size_px);

// The smallest L2 norm of each image (row) to the templates of each class (column); infinite for a class without.
// classes[t] is the class of templates.row(t).
Eigen::MatrixXf nearest_templates(const FeatureTable& images, const FeatureTable& templates,
                                  std::span<const int> classes, int class_count);

// The ranked list: numbers of images by growing distance to the templates of one class, the most similar first.
std::vector<std::size_t> ranked_by_distance(const Eigen::MatrixXf& nearest, int class_index);

}  // namespace braggbench
