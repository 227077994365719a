// Attribution maps from one gradient call on a model's trace: Grad-CAM and HiResCAM at every stage.
#pragma once

#include <string>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Classifier;

enum class AttributionMethod { grad_cam, hires_cam };
std::string to_string(AttributionMethod method);

// A signed raw map at the stage's own grid. Unit (i, j) sits at input pixel index start_px + stride_px * (j, i).
struct StageMap {
    std::string stage;
    AttributionMethod method;
    Image<float> map;
    double stride_px = 1.0;
    double start_px = 0.0;
};

// For each image of the batch (all of one size): one list of maps, every stage x every method, of the pre-softmax logit
// of `class_index[i]`, with the model in eval mode. No hooks; parameters and their gradients are left untouched. A
// stage that the logit does not depend on gives zero maps. Throws UsageError for images of several sizes or class
// indices out of range.
std::vector<std::vector<StageMap>> attribute(Classifier& model, const std::vector<Image<float>>& photons,
                                             const std::vector<int>& class_index);

// The map at the input's size: bilinear between unit centres, so that unit (i, j) keeps its place; held beyond the
// outermost centres.
Image<float> register_to_input(const StageMap& map, int width_px, int height_px);

}  // namespace braggbench
