// Which of a model's outputs is explained: by the name of a class, a label or a value.
#pragma once

#include <span>
#include <string>

#include "classifiers/heads.hpp"

namespace braggbench {

struct ExplainedOutput {
    int index = 0;     // among the outputs of all heads
    std::string head;  // "class", "attributes", ...
    std::string name;
};

// "Strong", or "class:Strong" where several heads have an output of that name. Throws UsageError listing what there is.
ExplainedOutput find_output(std::span<const Head> heads, const std::string& text);

}  // namespace braggbench
