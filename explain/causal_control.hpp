// Whether a model uses the peaks at all, asked without any map: what it loses when they are removed, beside what it
// loses when the same is done elsewhere. docs/explanations.md.
#pragma once

#include <optional>
#include <span>

#include "explain/attribution/black_box.hpp"
#include "explain/localisation.hpp"

namespace braggbench {

struct CausalControl {
    double drop = 0.0;       // score(image) - score(image without its peaks)
    double null_drop = 0.0;  // the mean of the same for the peaks of other images
    double p = 1.0;          // (1 + number of nulls that drop as far) / (1 + nulls)
    [[nodiscard]] double d() const { return drop - null_drop; }
};

// `truth` and `nulls` are what is removed, `substrate` what comes in its place. Undefined without peaks or nulls.
std::optional<CausalControl> causal_control(const Image<float>& photons, const Image<float>& substrate,
                                            const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                            const ScoreFunction& score);

}  // namespace braggbench
