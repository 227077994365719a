#include "simulator/beam.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/random.hpp"

namespace braggbench {

Spectrum Spectrum::gaussian(double rms_fraction) {
    return {{{SpectrumLine::Profile::gaussian, 0.0, rms_fraction, 1.0}}};
}

Spectrum Spectrum::top_hat(double full_width_fraction) {
    return {{{SpectrumLine::Profile::top_hat, 0.0, full_width_fraction, 1.0}}};
}

Spectrum Spectrum::sase(double rms_fraction, double spike_rms_fraction, int spikes, RandomStream& random) {
    Faults faults;
    faults.require(spike_rms_fraction >= 0 && spike_rms_fraction <= rms_fraction, "spike_rms_fraction",
                   spike_rms_fraction, "a spike is no wider than the whole spectrum", "Give a smaller width.");
    faults.require(rms_fraction >= 0 && rms_fraction <= 0.1, "rms_fraction", rms_fraction,
                   "the rms of a spectrum lies from 0 to 0.1 of the wavelength", "Give it relative to the wavelength.");
    faults.require(spikes >= 1 && spikes <= 10000, "spikes", spikes, "a shot has from 1 to 10000 spikes",
                   "Give a number such as 30.");
    faults.report();
    const double centre_rms = std::sqrt(rms_fraction * rms_fraction - spike_rms_fraction * spike_rms_fraction);
    Spectrum spectrum;
    for (int i = 0; i < spikes; ++i) {
        SpectrumLine line;
        line.centre_fraction = centre_rms * random.normal();
        line.width_fraction = spike_rms_fraction;
        line.weight = -std::log(random.uniform());
        spectrum.lines.push_back(line);
    }
    return spectrum;
}

Spectrum Spectrum::two_colour(double separation_fraction, double rms_fraction, double second_share) {
    Faults faults;
    faults.require(second_share >= 0 && second_share <= 1, "second_share", second_share,
                   "a share of the photons lies from 0 to 1", "Give 0.5 for two equal lines.");
    faults.report();
    Spectrum spectrum;
    for (const double side : {-1.0, 1.0}) {
        SpectrumLine line;
        line.centre_fraction = 0.5 * side * separation_fraction;
        line.width_fraction = rms_fraction;
        line.weight = side < 0 ? 1.0 - second_share : second_share;
        if (line.weight > 0) spectrum.lines.push_back(line);
    }
    return spectrum;
}

Spectrum spectrum_from_file(const std::filesystem::path& text, double wavelength_A) {
    std::ifstream in(text);
    if (!in)
        throw DataError(
            fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", text.string()));
    Spectrum spectrum;
    std::string whole;
    for (int number = 1; std::getline(in, whole); ++number) {
        const std::string content = whole.substr(0, whole.find('#'));
        if (content.find_first_not_of(" \t\r") == std::string::npos) continue;
        std::istringstream words(content);
        double line_A = 0;
        double weight = 0;
        std::string rest;
        const auto fail = [&](const char* why) {
            throw DataError(fmt::format("{}:{}: '{}' ({}). Give a wavelength in angstrom and a weight per line.",
                                        text.string(), number, whole, why));
        };
        if (!(words >> line_A >> weight) || words >> rest) fail("not 'wavelength_A weight'");
        if (!(weight >= 0) || !std::isfinite(weight)) fail("a weight is not negative");
        if (!(std::abs(line_A - wavelength_A) <= 0.5 * wavelength_A)) {
            fail("the wavelength is beyond half of the beam's wavelength from it");
        }
        if (weight == 0) continue;
        spectrum.lines.push_back(
            {SpectrumLine::Profile::gaussian, (line_A - wavelength_A) / wavelength_A, 0.0, weight});
    }
    if (spectrum.lines.empty()) {
        throw DataError(
            fmt::format("{}: the weights sum to nothing (no line has any). Give lines of wavelength in "
                        "angstrom and weight.",
                        text.string()));
    }
    return spectrum;
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
