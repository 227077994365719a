#include "explain/explained_output.hpp"

#include <fmt/format.h>

#include <vector>

#include "simulator/error.hpp"

namespace braggbench {

ExplainedOutput find_output(std::span<const Head> heads, const std::string& text) {
    std::vector<ExplainedOutput> found;
    std::vector<std::string> known;
    int index = 0;
    for (const Head& head : heads) {
        for (const std::string& name : head.outputs) {
            const std::string full = head.name + ":" + name;
            known.push_back(full);
            if (text == name || text == full) found.push_back({index, head.name, name});
            ++index;
        }
    }
    if (found.size() == 1) return found.front();
    throw UsageError(fmt::format("output '{}' ({}). Choose among: {}.", text,
                                 found.empty() ? "the model has none of that name" : "several heads have one",
                                 fmt::join(known, ", ")));
}

}  // namespace braggbench
