// The X-ray beam: along +z, its spectrum, divergence, size and polarisation.
#pragma once

#include <filesystem>
#include <vector>

namespace braggbench {

class Faults;
class RandomStream;

// One line of a spectrum, relative to the beam's wavelength.
struct SpectrumLine {
    enum class Profile { gaussian, top_hat };
    Profile profile = Profile::gaussian;
    double centre_fraction = 0.0;  // (wavelength of the line - wavelength) / wavelength
    double width_fraction = 0.0;   // over the wavelength: rms of a Gaussian, full width of a top hat; 0 = sharp
    double weight = 1.0;           // share of the photons, relative to the other lines
};

// Lines of which the weights need not sum to 1. Empty = a single sharp line.
struct Spectrum {
    std::vector<SpectrumLine> lines;

    static Spectrum gaussian(double rms_fraction);
    static Spectrum top_hat(double full_width_fraction);
    // One shot of self-amplified spontaneous emission: `spikes` Gaussian spikes of spike_rms_fraction, their centres
    // drawn from a Gaussian, their energies from the exponential distribution of a single mode (Saldin, Schneidmiller &
    // Yurkov 1998, Opt. Commun. 148, 383). The mean over shots is a Gaussian of rms_fraction. Throws UsageError unless
    // 0 <= spike_rms_fraction <= rms_fraction and 1 <= spikes <= 10000.
    static Spectrum sase(double rms_fraction, double spike_rms_fraction, int spikes, RandomStream& random);
    // Two Gaussian lines separation_fraction apart about the beam's wavelength, the second (longer) with second_share
    // of the photons. Throws UsageError for a share outside [0, 1].
    static Spectrum two_colour(double separation_fraction, double rms_fraction, double second_share = 0.5);
};

// The lines "wavelength_A weight" of a text file ('#' comments; ascending or not), as sharp lines relative to
// wavelength_A. Wavelengths without weight are left out. Throws DataError naming file and line for anything else, for
// weights that are negative or sum to nothing, and for wavelengths beyond half of wavelength_A from it.
Spectrum spectrum_from_file(const std::filesystem::path& text, double wavelength_A);

struct Beam {
    double wavelength_A = 1.0;
    Spectrum spectrum;
    double divergence_rms_mrad = 0.0;      // Gaussian, per transverse axis
    double fluence_photons_per_m2 = 1e24;  // of one exposure, over the illuminated area; 0 = no X-rays
    double diameter_um = 3.0;              // of a uniform round beam
    double polarization = 1.0;             // Kahn factor: 1 = all electric field along lab x, 0 = none preferred
};

void check(const Beam& beam, Faults& faults);

}  // namespace braggbench
