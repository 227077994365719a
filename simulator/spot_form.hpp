// The intensity of one smeared reflection at points of a panel near its centre: what SpotPainter fills in and the loops
// over points read. Single precision, in whitened coordinates y, in which all smearing but the spectrum's is a Gaussian
// of unit covariance and r lies along the third axis. Offsets in pixels.
#pragma once

#include <array>

#include "simulator/wavelength_smearing.hpp"

namespace braggbench {

struct SpotForm {
    using Vec3 = std::array<float, 3>;

    // y = centre + a - m (a + ray), a = inner * u + outer * v, where 1 - m = 1 / sqrt(1 + s) is the point's relative
    // closeness and s = slope_inner u + slope_outer v + metric (u^2 + v^2): free of cancellation.
    Vec3 centre;
    Vec3 inner;
    Vec3 outer;
    Vec3 ray;
    float slope_inner, slope_outer, metric;
    float length;                      // of r, whitened
    float factor_inner, factor_outer;  // relative change per pixel of polarisation and the like
    float amplitude;                   // what a point adds where all else is 1
    std::array<Vec3, 2> rotate;        // mean displacement of r by mosaic rotation, / sqrt(2) |r|, from y
    float bend;                        // its variance, likewise
    float band2;                       // variance of e
    float band_mean;
    float per_band2, mean_per_band2;                      // 1 / band2, and band_mean times it
    float half_range;                                     // of e; large for a Gaussian
    float top_hat_scale;                                  // sqrt(2 pi) times the top hat's density at e = 0
    const float* band_table;                              // density times sqrt(2 pi)
    float band_first, band_per_bin, band_low, band_high;  // in e, 1 / e, bins, bins
    const float* cap_table;                               // what MosaicCapTable::select() wrote
    float cap_last;                                       // MosaicCapTable::last_column
    float skew_0, skew_1;  // of the Gaussian's share: times cos(2 phi) and sin(2 phi) across r
    // The part along r of y, divided by its rms, where the spectrum is Gaussian.
    Vec3 radial;
    // Where a spectrum with edges meets a cap, y has its parts along and across r whitened apart: what lies across r
    // moves by so much for each rms of the blur along it.
    float tilt_0, tilt_1;
    // Covariance of the source's part, whitened: xx, yy, zz, and twice xy, xz, yz; and half its trace across r.
    std::array<float, 6> source;
    float source_across;
    std::array<Vec3, 3> index_shift;  // distance from the lattice point within the block's shape, from y
    Vec3 index_per_rms;               // 1 / its rms
};

struct SpotMethod {
    WavelengthSmearing::Kind kind = WavelengthSmearing::Kind::sharp;
    bool cap = false;
    bool bent = false;
    bool clipped = false;
    bool stretched = false;  // the source's part varies with the wavelength; not with a cap
};

// intensity[i] = the form at (inner_px[i], outer_px[i]); count: a multiple of 8.
void set_intensity(const SpotForm& form, SpotMethod method, const float* inner_px, const float* outer_px, int count,
                   float* intensity);

}  // namespace braggbench
