// A Gaussian blur across r that is far from round, as a row of rounder ones: what a table of round caps needs
// (simulator/mosaic_cap.hpp is to first order in the blur's anisotropy). In the frame of a spot, r along the third
// axis; 1/A.
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace braggbench {

struct BlurSplit {
    static constexpr std::size_t most = 41;

    // Not split.
    explicit BlurSplit(const Eigen::Matrix3d& whole) {
        blur = whole;
        displacement[0].setZero();
        share[0] = 1.0;
    }

    Eigen::Matrix3d blur;  // of each
    std::size_t count = 1;
    std::array<Eigen::Vector3d, most> displacement;
    std::array<double, most> share;
};

// `across` is the part of `blur` across r that meets the cap.
inline BlurSplit split_blur(const Eigen::Matrix3d& blur, const Eigen::Matrix2d& across) {
    BlurSplit split(blur);
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix2d> axes(across);
    const double narrow = axes.eigenvalues()[0];
    const double wide = axes.eigenvalues()[1];
    // Up to the first ratio of variances the table's first order will do (the cells of crystals alone come near it, and
    // every part costs as much as a spot); beyond, all but the second is split off.
    constexpr double bearable = 6.0;
    constexpr double left = 1.5;
    if (!(wide > bearable * narrow)) return split;
    const double kept = left * narrow;
    const double moved = wide - kept;
    const Eigen::Vector2d axis = axes.eigenvectors().col(1);
    // Poisson's sum: the row ripples by 2 exp(-2 pi^2 kept moved / ((kept + moved) step^2)), here 1.3 %, which the cap
    // evens out.
    const double step = 2.0 * std::sqrt(kept * moved / (kept + moved));
    constexpr double cut_sigma = 3.5;
    const int side = std::min(static_cast<int>(std::ceil(cut_sigma * std::sqrt(moved) / step)),
                              static_cast<int>(BlurSplit::most / 2));
    split.count = 0;
    double sum = 0.0;
    for (int i = -side; i <= side; ++i) {
        split.displacement[split.count] << i * step * axis, 0.0;
        split.share[split.count] = std::exp(-0.5 * i * i * step * step / moved);
        sum += split.share[split.count++];
    }
    for (std::size_t i = 0; i < split.count; ++i) split.share[i] /= sum;
    split.blur.topLeftCorner<2, 2>() -= moved * axis * axis.transpose();
    return split;
}

}  // namespace braggbench
