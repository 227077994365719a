#include "explain/causal_control.hpp"

#include "explain/substrate.hpp"

namespace braggbench {

std::optional<CausalControl> causal_control(const Image<float>& photons, const Image<float>& substrate,
                                            const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                            const ScoreFunction& score) {
    if (truth.pixels.empty() || nulls.empty()) return std::nullopt;
    const auto score_one = [&](const Image<float>& image) { return score({image}).at(0); };
    const double whole = score_one(photons);
    CausalControl control;
    control.drop = whole - score_one(without(photons, truth, substrate));
    const auto count = static_cast<double>(nulls.size());
    double as_far = 0.0;
    for (const PeakTargets& null : nulls) {
        const double drop = whole - score_one(without(photons, null, substrate));
        control.null_drop += drop / count;
        as_far += drop >= control.drop ? 1.0 : 0.0;
    }
    control.p = (1.0 + as_far) / (1.0 + count);
    return control;
}

}  // namespace braggbench
