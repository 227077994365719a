// What in an image a label is true of: the place where a map that explains the label should be high.
#pragma once

#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

enum class LabelTruth : std::uint8_t {
    peaks,           // visible peaks of the protein: classes, and attributes that are about crystals
    second_lattice,  // those of all lattices but the one with the most of them
    ice_rings        // the rings of ice that were there (explain/ice_ring_targets.hpp)
};
const char* to_string(LabelTruth truth);

// By the rule of the corpus' recipe: an attribute whose rule asks for lattices or for ice is about these; imported
// attributes go by their name. No label means peaks. Throws UsageError for an unknown label, with the nearest and all.
LabelTruth truth_of_label(const CorpusInfo& info, const std::string& label);

// Of an image's visible peaks those that the label is about; all of them belong to one of the two kinds of peaks.
std::vector<Peak> peaks_of_label(LabelTruth truth, std::vector<Peak> visible);

}  // namespace braggbench
