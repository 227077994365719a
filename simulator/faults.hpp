// Collects what is wrong with an experiment, so that one error names every fault at once.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>

#include "simulator/error.hpp"

namespace braggbench {

class Faults {
public:
    // `good` must be written so that NaN fails it.
    void require(bool good, const std::string& name, double value, std::string_view why, std::string_view remedy) {
        if (good && std::isfinite(value)) return;
        add(fmt::format("{} = {} ({}). {}", name, value, std::isfinite(value) ? why : "it must be a finite number",
                        remedy));
    }
    void add(const std::string& message) { text_ += (text_.empty() ? "" : "\n") + message; }
    // Throws UsageError if there were any.
    void report() const {
        if (!text_.empty()) throw UsageError(text_);
    }

private:
    std::string text_;
};

}  // namespace braggbench
