// Sanity of attribution maps (Adebayo et al. 2018, arXiv 1810.03292): a map that stays as it was when what the network
// learned is replaced by random weights does not explain the network. docs/explanations.md.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "explain/attribution.hpp"

namespace braggbench {

class Classifier;

enum class Randomisation : std::uint8_t {
    cascading,    // this layer and all after it, up to the outputs
    independent,  // this layer alone
    other_labels  // all layers, trained on labels without meaning
};
std::string to_string(Randomisation randomisation);

// Maps of one method at one stage, before and after one step.
struct SanityRow {
    AttributionMethod method;
    std::string stage;
    Randomisation randomisation;
    std::string layer;               // a top-level submodule; empty for other_labels
    std::vector<double> similarity;  // rank_similarity() of each image where it is defined
    int undefined = 0;               // images where a map is constant or not finite
    bool everything = false;         // nothing that was learned is left
};

struct SanityImages {
    std::vector<Image<float>> photons;
    std::vector<int> outputs;
    AttributionOptions attribution;
};

// Whether both have parameters and buffers of the same names and sizes.
bool same_architecture(const Classifier& a, const Classifier& b);

// Layers are taken from the outputs to the input. `fresh` and `scratch` are networks of the same architecture: `fresh`
// lends its weights and statistics, those of `scratch` are overwritten. Methods of many passes are compared where
// everything is random alone. Throws UsageError unless they
// have the same_architecture().
std::vector<SanityRow> randomisation_check(Classifier& trained, const Classifier& fresh, Classifier& scratch,
                                           const SanityImages& images);

// The same maps of a network that was trained on shuffled labels.
std::vector<SanityRow> label_check(Classifier& trained, Classifier& shuffled, const SanityImages& images);

// From here on a method fails: at a rank correlation of 0.5 two pixels picked at random keep their order in two of
// three cases (1/2 + asin(r) / pi for the r of a normal pair, 2 sin(pi/12)), although nothing that was learned is left.
inline constexpr double surviving_similarity = 0.5;

// {"threshold", "rows", "verdicts"}: a verdict per method and stage, of the steps that leave nothing.
nlohmann::json sanity_json(const std::vector<SanityRow>& rows, std::uint64_t seed);

// Whether the verdicts, or what is known of the method, say that its maps survive.
bool fails_randomisation(AttributionMethod method, const std::string& stage, const nlohmann::json& sanity);

}  // namespace braggbench
