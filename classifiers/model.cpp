#include "classifiers/model.hpp"

#include <algorithm>
#include <iterator>

#include "classifiers/zoo/compact.hpp"
#include "classifiers/zoo/published.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

Registration Registration::after(int kernel, int stride, int padding) const {
    return {stride_px * stride, start_px + ((kernel - 1) / 2.0 - padding) * stride_px};
}

const std::vector<ZooEntry>& model_zoo() {
    static const std::vector<ZooEntry> zoo = {
        {"compact",
         "ours: five stages at strides 2 to 32 on local contrast and level, pooled by means, 42 thousand parameters",
         32, [](const ModelShape& shape) { return make_compact({.output_count = shape.output_count}); }},
        {"compact-max", "the same, pooled by maxima too: the brightest spots decide; 49 thousand parameters", 32,
         [](const ModelShape& shape) { return make_compact({.output_count = shape.output_count, .max_pool = true}); }},
        {"compact-tiny", "compact-max with four narrow stages, 4 thousand parameters: the floor", 32,
         [](const ModelShape& shape) {
             return make_compact(
                 {.output_count = shape.output_count, .widths = {4, 8, 12, 16}, .hidden = 16, .max_pool = true});
         }},
        {"compact-large", "compact-max, wider and with a sixth stage, 284 thousand parameters", 64,
         [](const ModelShape& shape) {
             return make_compact({.output_count = shape.output_count,
                                  .widths = {12, 32, 48, 64, 96, 128},
                                  .hidden = 96,
                                  .max_pool = true});
         }},
        {"ke2018", "Ke 2018: four convolutions on local contrast, 7 thousand parameters", 169, make_ke2018},
        {"deepfreak", "DeepFreak: ResNet-50 with 8 filters, 0.4 million parameters", 64, make_deepfreak},
        {"alexnet", "AlexNet as torchvision has it, 57 million parameters", 63, make_alexnet},
        {"vgg16", "VGG16 as Keras has it; 568 million parameters at 512 px", 32, make_vgg16},
        {"resnet18", "ResNet-18, 11 million parameters", 64, make_resnet18},
        {"resnet34", "ResNet-34, 21 million parameters", 64, make_resnet34},
        {"resnet50", "ResNet-50, 24 million parameters", 64, make_resnet50},
        {"resnet101", "ResNet-101, 43 million parameters", 64, make_resnet101},
        {"yang2016", "Yang 2016: four convolutions and dropout; 1 million parameters at 256 px", 32, make_yang2016},
    };
    return zoo;
}

const ZooEntry& zoo_entry(const std::string& name) {
    const auto& zoo = model_zoo();
    const auto entry = std::find_if(zoo.begin(), zoo.end(), [&](const ZooEntry& e) { return e.name == name; });
    if (entry != zoo.end()) return *entry;
    std::vector<std::string> names;
    std::transform(zoo.begin(), zoo.end(), std::back_inserter(names), [](const ZooEntry& e) { return e.name; });
    throw UsageError("model '" + name + "' (there is none of that name). Did you mean '" + nearest_name(name, names) +
                     "'?");
}

std::shared_ptr<Classifier> make_model(const std::string& name, const ModelShape& shape) {
    const auto& entry = zoo_entry(name);
    if (std::min(shape.height_px, shape.width_px) < entry.min_size_px) {
        throw UsageError("model '" + name + "' on " + std::to_string(shape.width_px) + " x " +
                         std::to_string(shape.height_px) + " px (its last stage would be empty). Give it a view of " +
                         std::to_string(entry.min_size_px) + " px or more.");
    }
    return entry.make(shape);
}

std::int64_t parameter_count(const Classifier& network) {
    std::int64_t count = 0;
    for (const auto& parameter : network.parameters()) count += parameter.numel();
    return count;
}

}  // namespace braggbench
