#include "explain/attribution_methods.hpp"

#include <algorithm>
#include <set>

#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

const std::vector<MethodEntry>& attribution_methods() {
    using enum AttributionMethod;
    using enum MapPlace;
    using enum MethodCost;
    static const std::vector<MethodEntry> table = {
        {grad_cam, "grad_cam", "channels weighted by their mean gradient",
         "Selvaraju et al. 2017, ICCV, 618 (arXiv 1610.02391)", stage, one_pass, true, false},
        {hires_cam, "hires_cam", "gradient times activation, unit by unit", "Draelos & Carin 2020, arXiv 2011.08891",
         stage, one_pass, true, false},
        {layer_cam, "layer_cam", "positive gradient times activation, unit by unit",
         "Jiang et al. 2021, IEEE Trans. Image Process. 30, 5875", stage, one_pass, true, false},
        {grad_cam_pp, "grad_cam_pp",
         "channels weighted by their positive gradients, small targets as much as large ones",
         "Chattopadhay et al. 2018, WACV, 839 (arXiv 1710.11063)", stage, one_pass, true, false},
        {smooth_hires_cam, "smooth_hires_cam", "HiResCAM averaged over copies with counting noise",
         "after Omeiza et al. 2019, arXiv 1908.01224", stage, many_passes, true, false},
        {saliency, "saliency", "modulus of the gradient", "Simonyan et al. 2013, arXiv 1312.6034", input, one_pass,
         true, false},
        {input_x_gradient, "input_x_gradient", "photons above the reference times gradient",
         "Shrikumar et al. 2016, arXiv 1605.01713", input, one_pass, true, false},
        {smooth_grad, "smooth_grad", "modulus of the gradient averaged over copies with counting noise",
         "Smilkov et al. 2017, arXiv 1706.03825", input, many_passes, true, false},
        {integrated_gradients, "integrated_gradients",
         "photons above the reference times the gradient's mean on the way from it",
         "Sundararajan et al. 2017, arXiv 1703.01365", input, many_passes, true, false},
        {guided_backprop, "guided_backprop", "gradient without its negative part at every ReLU",
         "Springenberg et al. 2014, arXiv 1412.6806", input, own_pass, true, true},
        {guided_grad_cam, "guided_grad_cam", "guided backpropagation times the last stage's Grad-CAM",
         "Selvaraju et al. 2017, ICCV, 618 (arXiv 1610.02391)", input, own_pass, true, true},
        {occlusion, "occlusion", "what the output loses when a patch becomes its reference",
         "Zeiler & Fergus 2014, ECCV, 818 (arXiv 1311.2901)", input, many_passes, false, false},
        {rise, "rise", "regression of the output on random masks", "Petsiuk et al. 2018, arXiv 1806.07421", input,
         many_passes, false, false},
    };
    return table;
}

const MethodEntry& method_entry(AttributionMethod method) {
    return *std::ranges::find(attribution_methods(), method, &MethodEntry::method);
}

std::string to_string(AttributionMethod method) { return method_entry(method).name; }

std::vector<AttributionMethod> parse_methods(std::span<const std::string> names) {
    std::vector<std::string> known;
    for (const MethodEntry& entry : attribution_methods()) known.push_back(entry.name);
    for (const std::string& name : names) {
        if (name != "all" && std::ranges::find(known, name) == known.end()) {
            throw UsageError("method '" + name + "' (there is none of that name). Did you mean '" +
                             nearest_name(name, known) + "'?");
        }
    }
    const std::set<std::string> asked(names.begin(), names.end());
    std::vector<AttributionMethod> methods;
    for (const MethodEntry& entry : attribution_methods()) {
        if (asked.contains("all") || asked.contains(entry.name)) methods.push_back(entry.method);
    }
    return methods;
}

}  // namespace braggbench
