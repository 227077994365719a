#include "simulator/experiment.hpp"

#include <fmt/format.h>

#include "simulator/faults.hpp"

namespace braggbench {

void check(const Integration& integration, Faults& faults) {
    faults.require(integration.oversample >= 1 && integration.oversample <= 100, "integration.oversample",
                   integration.oversample, "a pixel has from 1 to 100 points along each edge",
                   "Give a small positive number.");
    const double points = static_cast<double>(integration.oversample) * integration.oversample;
    faults.require(integration.samples >= points && integration.samples <= 10'000'000, "integration.samples",
                   integration.samples, "each of the oversample^2 points of a pixel has at least one, all at most 1e7",
                   "Take more of them, or a smaller oversample.");
}

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
    check(experiment.integration, faults);
    for (std::size_t i = 0; i < experiment.crystals.size(); ++i) {
        if (experiment.integration.integrator == Integrator::spots) break;
        faults.require(experiment.crystals[i].diffuse_halo_fraction == 0,
                       fmt::format("crystals[{}].diffuse_halo_fraction", i),
                       experiment.crystals[i].diffuse_halo_fraction, "the pixels integrator has no halo",
                       "Give 0, or use the spots integrator.");
    }
    faults.report();
}

}  // namespace braggbench
