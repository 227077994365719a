// Attribution maps of any output of a network: on the grid of every stage, or on the input's pixels. What the methods
// are and cost: docs/explanations.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explain/attribution/black_box.hpp"
#include "explain/attribution_methods.hpp"
#include "simulator/image.hpp"

namespace braggbench {

class Classifier;

enum class AttributionStatus : std::uint8_t {
    ok,
    all_zero,
    non_finite,  // somewhere NaN or infinite
    no_gradient  // the output does not depend on the stage, or not differentiably: the map is zeros
};
std::string to_string(AttributionStatus status);

// The stage of maps made on the input's pixels.
inline const std::string input_stage = "input";

// A signed raw map at the stage's own grid. Unit (i, j) sits at input pixel index start_px + stride_px * (j, i).
struct StageMap {
    std::string stage;
    AttributionMethod method;
    Image<float> map;
    double stride_px = 1.0;
    double start_px = 0.0;
    AttributionStatus status = AttributionStatus::ok;
};

struct AttributionOptions {
    std::vector<AttributionMethod> methods = {AttributionMethod::grad_cam, AttributionMethod::hires_cam};
    std::vector<std::string> stages;  // for methods that make a map of every stage; empty = all
    // Each image without what is to be explained, where integrated gradients start and what occlusion and RISE put in
    // place of pixels; empty = no photon anywhere.
    std::vector<Image<float>> references;
    int smooth_samples = 16;
    double smooth_noise = 1.0;  // deviation of the noise, in units of sqrt(photons + 1)
    int integration_steps = 32;
    OcclusionOptions occlusion;
    RiseOptions rise;
    std::uint64_t seed = 1;  // of the noise and the masks, which are the same for all images
};

// For each image of the batch (all of one size): one list of maps, every stage x every method of stages, then every
// method at the input, of the raw output (before softmax, sigmoid or scaling) `outputs[i]`, with the model in
// evaluation mode. Nothing is hooked into the model; parameters, their gradients and the training flags are left as
// they were. Throws UsageError for images of several sizes, outputs out of range and unknown stages, which it lists.
std::vector<std::vector<StageMap>> attribute(Classifier& model, const std::vector<Image<float>>& photons,
                                             const std::vector<int>& outputs, const AttributionOptions& options = {});

// Raw outputs [output] of each image, in evaluation mode and without gradients: what black-box methods ask for.
std::vector<double> output_values(Classifier& model, const std::vector<Image<float>>& photons, int output);

// The map at the input's size: bilinear between unit centres, so that unit (i, j) keeps its place; held beyond the
// outermost centres.
Image<float> register_to_input(const StageMap& map, int width_px, int height_px);

}  // namespace braggbench
