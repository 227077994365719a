#include "simulator/experiment.hpp"

#include <fmt/format.h>

#include "simulator/faults.hpp"

namespace braggbench {

void validate(const Experiment& experiment) {
    Faults faults;
    check(experiment.beam, faults);
    check(experiment.detector, faults);
    if (experiment.crystals.size() > 256) {
        faults.add(fmt::format("crystals: {} of them (a peak's lattice number has 8 bits). Give at most 256.",
                               experiment.crystals.size()));
    }
    for (std::size_t i = 0; i < experiment.crystals.size(); ++i) {
        check(experiment.crystals[i], fmt::format("crystals[{}].", i), faults);
    }
    for (std::size_t i = 0; i < experiment.background.size(); ++i) {
        check(experiment.background[i], fmt::format("background[{}].", i), faults);
    }
    for (std::size_t i = 0; i < experiment.occluders.size(); ++i) {
        check(experiment.occluders[i], fmt::format("occluders[{}].", i), faults);
    }
    check(experiment.particles, experiment, faults);
    check(experiment.small_angle, "small_angle.", faults);
    check(experiment.radial_profile, faults);
    check(experiment.anisotropy, faults);
    check(experiment.ice, faults);
    check(experiment.response, faults);
    faults.report();
}

}  // namespace braggbench
