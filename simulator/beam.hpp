// The X-ray beam: along +z, its spectrum, divergence, size and polarisation.
#pragma once

#include <vector>

namespace braggbench {

class Faults;

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
};

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
