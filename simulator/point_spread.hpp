// The detector's point spread: how the light of one photon spreads over its pixel's neighbours, in pixels.
// A fibre-coupled scintillator spreads it as g / (2 pi) (g^2 + r^2)^(-3/2), the solid angle under which a fibre face
// sees a point at distance g (Holton, Nielsen & Frankel 2012, J. Synchrotron Rad. 19, 1006); others nearly as a
// Gaussian.
#pragma once

#include "simulator/image.hpp"

namespace braggbench {

class Faults;

struct PointSpread {
    double gaussian_fwhm_px = 0.0;
    double fiber_fwhm_px = 0.0;   // 1.533 g
    double fiber_fraction = 0.0;  // of the photons; the rest follows the Gaussian (no width: stays in its pixel)
    int radius_px = 64;           // the spread ends at this many pixels along fast and slow

    bool operator==(const PointSpread&) const = default;
};

void check(const PointSpread& spread, Faults& faults);

// False where applying it would change nothing.
bool spreads(const PointSpread& spread);

// The share of a pixel's photons, placed at its centre, that each pixel within radius_px receives: the profile
// integrated over the pixels, (2 radius_px + 1)^2 of them.
Image<double> point_spread_kernel(const PointSpread& spread);

// The share that falls beyond radius_px and is lost: of the fibre's tail, about 0.65 fiber_fwhm_px / radius_px.
double lost_fraction(const PointSpread& spread);

// Photons whose light leaves the image are lost; what is spread over the gaps between panels stays there. Gaussians are
// applied row by row and column by column, fibre tails by FFT (FFTW_ESTIMATE: the same bytes each time).
void apply_point_spread(const PointSpread& spread, Image<float>& photons);

}  // namespace braggbench
