#include "simulator/beam.hpp"

#include <cmath>

#include "simulator/faults.hpp"

namespace braggbench {

Spectrum Spectrum::gaussian(double rms_fraction) {
    return {{{SpectrumLine::Profile::gaussian, 0.0, rms_fraction, 1.0}}};
}

Spectrum Spectrum::top_hat(double full_width_fraction) {
    return {{{SpectrumLine::Profile::top_hat, 0.0, full_width_fraction, 1.0}}};
}

void check(const Beam& beam, Faults& faults) {
    faults.require(beam.wavelength_A > 0, "wavelength_A", beam.wavelength_A, "a wavelength is positive",
                   "Give it in angstrom, such as 1.3.");
    for (const SpectrumLine& line : beam.spectrum.lines) {
        faults.require(line.width_fraction >= 0 && line.width_fraction <= 0.3, "spectrum width_fraction",
                       line.width_fraction, "the width of a line holds from 0 to 0.3",
                       "Give sigma(wavelength) / wavelength of a Gaussian, the full width of a top hat.");
        faults.require(std::abs(line.centre_fraction) <= 0.5, "spectrum centre_fraction", line.centre_fraction,
                       "a line lies within half the wavelength of it", "Give the relative change of wavelength.");
        faults.require(line.weight > 0, "spectrum weight", line.weight, "a line has a positive share",
                       "Leave the line out.");
    }
    faults.require(beam.divergence_rms_mrad >= 0 && beam.divergence_rms_mrad <= 20, "divergence_rms_mrad",
                   beam.divergence_rms_mrad, "the small-angle divergence holds from 0 to 20 mrad",
                   "Give the rms angle per transverse axis.");
    faults.require(beam.fluence_photons_per_m2 >= 0, "fluence_photons_per_m2", beam.fluence_photons_per_m2,
                   "a fluence cannot be negative", "Give 0 for no X-rays.");
    faults.require(beam.diameter_um > 0, "diameter_um", beam.diameter_um, "the beam has a positive diameter",
                   "Give it in micrometres.");
    faults.require(std::abs(beam.polarization) <= 1, "polarization", beam.polarization,
                   "the Kahn factor lies in [-1, 1]", "Give 1 for an electric field along lab x.");
}

}  // namespace braggbench
