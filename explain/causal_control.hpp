// Whether a model uses the peaks at all, asked without any map: what it loses when they are removed, beside what it
// loses when the same is done elsewhere. docs/explanations.md.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "explain/peak_targets.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// The image, the image without its peaks, then without those of each of the others: what comes in their place is the
// substrate (explain/substrate.hpp).
std::vector<Image<float>> causal_images(const Image<float>& photons, const Image<float>& substrate,
                                        const TargetSet& removed);

struct CausalControl {
    double drop = 0.0;       // score(image) - score(image without its peaks)
    double null_drop = 0.0;  // the mean of the same for the peaks of other images
    double p = 1.0;          // (1 + number of nulls that drop as far) / (1 + nulls)
    [[nodiscard]] double d() const { return drop - null_drop; }
};
// From the scores of the images above, at least three.
CausalControl causal_control(std::span<const double> scores);

// One image's controls, by the probability (or value) of the explained output and by the raw output, which does not
// saturate.
struct CausalSample {
    int class_index = 0;
    CausalControl probability;
    CausalControl raw;
};
// {"images", "d", "d_raw", "drop", "null_drop", "significant", "by_class"}: means with bootstrap intervals and chance.
nlohmann::json causal_json(std::span<const CausalSample> samples, const std::vector<std::string>& class_names,
                           std::uint64_t seed);

}  // namespace braggbench
