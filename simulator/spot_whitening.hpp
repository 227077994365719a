// One smeared reflection at its place on a panel, pixels included, in the coordinates in which all smearing but the
// spectrum's is a Gaussian of unit covariance (SpotForm's y).
#pragma once

#include <Eigen/Core>
#include <array>
#include <optional>

#include "simulator/blur_split.hpp"
#include "simulator/panel_view.hpp"
#include "simulator/pixel_parts.hpp"
#include "simulator/smearing.hpp"
#include "simulator/spot_raster.hpp"

namespace braggbench {

// A point of a panel near a spot's centre, and how the view from the sample changes there.
struct SpotPlace {
    SpotPlace() = default;
    SpotPlace(const PanelView& panel_view, const Eigen::Vector2d& position_px);

    [[nodiscard]] double angle_per_px() const { return view->panel->pixel_size_mm / range_mm; }

    const PanelView* view = nullptr;
    Eigen::Vector2d origin_px;
    double range_mm = 0.0;
    Eigen::Vector3d direction;                     // unit, from the sample
    Eigen::Matrix<double, 3, 2> direction_per_px;  // its change along fast and slow
};

struct SpotWhitening {
    // `parts`, of a pixel along fast and slow, must be small enough for the spot.
    SpotWhitening(const Smearing& smearing, const SmearedReflection& reflection, const SpotPlace& place,
                  const std::array<PixelParts, 2>& parts);

    // Nothing if the spot's middle lies too far away for any of it to be seen. Without curvature.
    [[nodiscard]] std::optional<SpotEllipse> ellipse(const WavelengthSmearing& wavelengths,
                                                     const SmearedReflection& reflection, const SpotPlace& place) const;

    Eigen::Matrix<double, 3, 2> q_per_px;  // change of the scattering vector, in the spot's frame
    Eigen::Vector3d offset_in_spot;        // of the scattering vector at the place from r
    Eigen::Matrix3d whole_blur;            // shape, halo, divergence and the pixels' parts
    BlurSplit split;                       // of that; of one part unless a cap needs more
    // A spectrum with edges meets a cap: what lies along r and across it given that are whitened apart.
    bool tilted = false;
    Eigen::Vector2d tilt;        // then, by how much what lies across moves for each rms of the blur along r, whitened
    Eigen::Matrix3d covariance;  // split.blur and mosaic spread
    Cholesky factor;             // of it
    Eigen::Matrix3d whiten_from_spot;
    Eigen::Matrix3d whiten_from_lab;
    Eigen::Matrix3d whiten_from_blur;  // the same with the blur along r in the place of what lies there
};

// How many parts a pixel needs along fast and slow follows from what is narrowest. `metric` is the envelope's, per
// squared pixel.
std::array<PixelParts, 2> parts_of_pixels(const Smearing& smearing, const SmearedReflection& reflection,
                                          const SpotPlace& place, const Eigen::Matrix2d& metric);

}  // namespace braggbench
