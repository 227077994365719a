// The attribution methods: one table of names, sources and properties that drives parsing, help, rows and tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace braggbench {

enum class AttributionMethod : std::uint8_t {
    grad_cam,
    hires_cam,
    layer_cam,
    grad_cam_pp,
    smooth_hires_cam,
    saliency,
    input_x_gradient,
    smooth_grad,
    integrated_gradients,
    guided_backprop,
    guided_grad_cam,
    occlusion,
    rise
};

enum class MapPlace : std::uint8_t {
    stage,  // a map on the grid of each stage
    input   // one map on the input's pixels
};

enum class MethodCost : std::uint8_t {
    one_pass,    // all such methods share one forward and one backward pass
    own_pass,    // one more of both
    many_passes  // tens to a thousand forward passes
};

struct MethodEntry {
    AttributionMethod method;
    std::string name;
    std::string description;
    std::string citation;
    MapPlace place;
    MethodCost cost;
    bool needs_gradients;
    // Known to look alike for a trained network and for random weights (Adebayo et al. 2018, arXiv 1810.03292).
    bool fails_randomisation;
};
const std::vector<MethodEntry>& attribution_methods();

const MethodEntry& method_entry(AttributionMethod method);
std::string to_string(AttributionMethod method);

// Methods of these names in the table's order, each once; "all" means every one. Throws UsageError naming the nearest.
std::vector<AttributionMethod> parse_methods(std::span<const std::string> names);

}  // namespace braggbench
