// What an audit looks at, as columns of numbers, one per image: the labels, and everything beside the diffraction
// itself that might give them away. NaN is undefined.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/corpus_statistics.hpp"
#include "datasets/label_columns.hpp"

namespace braggbench {

enum class NuisanceKind {
    image,     // a number that any network can compute: intensity, background, contrast
    geometry,  // where the beam is, how large the image is
    file,      // order in the file, compressed size, which corpus
    drawn      // what the recipe drew or arranged; seen by a network only through the image, and reported apart
};
const char* name_of(NuisanceKind kind);

struct Nuisance {
    std::string name;
    NuisanceKind kind = NuisanceKind::image;
    bool category = false;  // numbers that only tell kinds apart, without order
    std::vector<double> values;
    std::vector<std::string> used_by;  // labels whose rule names it: no nuisance to them
};

struct AuditTable {
    std::vector<std::string> corpora;
    std::vector<Split> splits;
    std::vector<std::int64_t> groups;  // from 0 without gaps; empty if every image stands alone
    std::vector<LabelColumn> labels;
    std::vector<Nuisance> nuisances;
};

// Several corpora are put one after the other; a label that one of them lacks is undefined there. `statistics` are
// theirs, in the same order. Nuisances that are the same for all images are left out.
AuditTable audit_table(std::span<const CorpusReader* const> corpora,
                       std::span<const std::vector<ImageStatistics>* const> statistics);

// The drawn quantities that a label follows from by its recipe: those that its rule names; for a class, those that any
// class states anew; through `class.NAME` and `variation.NAME` those of the classes and of that variation.
std::vector<std::string> quantities_behind(const Recipe& recipe, const LabelColumn& label);

}  // namespace braggbench
