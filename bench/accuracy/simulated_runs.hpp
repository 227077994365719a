// Results as runs of a suite would give them, drawn from known laws, to find out how often a comparison errs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/results/results.hpp"
#include "simulator/random.hpp"

namespace braggbench {

inline constexpr Stage simulation_stage = static_cast<Stage>(140);

// Names of what each group of simulated_run() measures, "accuracy" among them; ids are "<group>/<name>".
const std::vector<std::string>& simulated_measures();

// One measure of one group made worse by this much: the unit of MeasureChange::difference.
struct PlantedChange {
    std::string id;
    double size = 0.0;
};

// Each group: right answers of 300 images and of 60, a median of 60 maps, a mean share of 60 images (all paired between
// runs of one key: some images are easy, some are not), an AUC of other images in each run, and a speed. Runs of one
// key differ by chance alone.
Results simulated_run(int groups, std::uint64_t key, int run, const PlantedChange& planted);

}  // namespace braggbench
