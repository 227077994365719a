#include "classifiers/model.hpp"

#include <algorithm>
#include <iterator>

#include "classifiers/zoo/compact.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

Registration Registration::after(int kernel, int stride, int padding) const {
    return {stride_px * stride, start_px + ((kernel - 1) / 2.0 - padding) * stride_px};
}

const std::vector<ZooEntry>& model_zoo() {
    static const std::vector<ZooEntry> zoo = {
        {"compact", "four stages at strides 2 to 16 on level and local contrast, 31 thousand parameters",
         [](int class_count) { return make_compact({.class_count = class_count}); }},
        {"compact-tiny", "the same with three narrow stages, 2 thousand parameters: the floor",
         [](int class_count) {
             return make_compact({.class_count = class_count, .widths = {4, 8, 16}, .hidden = 16});
         }},
    };
    return zoo;
}

std::shared_ptr<Classifier> make_model(const std::string& name, int class_count) {
    if (class_count < 2) {
        throw UsageError("a model for " + std::to_string(class_count) +
                         " classes (there is nothing to tell apart). Use a corpus of at least two classes.");
    }
    const auto& zoo = model_zoo();
    const auto entry = std::find_if(zoo.begin(), zoo.end(), [&](const ZooEntry& e) { return e.name == name; });
    if (entry == zoo.end()) {
        std::vector<std::string> names;
        std::transform(zoo.begin(), zoo.end(), std::back_inserter(names), [](const ZooEntry& e) { return e.name; });
        throw UsageError("model '" + name + "' (there is none of that name). Did you mean '" +
                         nearest_name(name, names) + "'?");
    }
    return entry->make(class_count);
}

std::int64_t parameter_count(const Classifier& network) {
    std::int64_t count = 0;
    for (const auto& parameter : network.parameters()) count += parameter.numel();
    return count;
}

}  // namespace braggbench
