#include "simulator/smearing.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "simulator/mosaic_cap.hpp"

namespace braggbench {

Cholesky::Cholesky(const Eigen::Matrix3d& covariance) {
    const Eigen::Matrix3d& c = covariance;
    l00 = std::sqrt(c(0, 0));
    l10 = c(1, 0) / l00;
    l11 = std::sqrt(std::max(c(1, 1) - l10 * l10, 1e-300));
    l20 = c(2, 0) / l00;
    l21 = (c(2, 1) - l20 * l10) / l11;
    l22 = std::sqrt(std::max(c(2, 2) - l20 * l20 - l21 * l21, 1e-300));
}

Eigen::Matrix3d Cholesky::inverse() const {
    const double i00 = 1.0 / l00;
    const double i11 = 1.0 / l11;
    const double i22 = 1.0 / l22;
    const double i10 = -l10 * i00 * i11;
    const double i21 = -l21 * i11 * i22;
    const double i20 = -(l20 * i00 + l21 * i10) * i22;
    Eigen::Matrix3d result;
    result << i00, 0, 0, i10, i11, 0, i20, i21, i22;
    return result;
}

double envelope_pivot(double pivot, const WavelengthSmearing& wavelengths, double length) {
    using Kind = WavelengthSmearing::Kind;
    const double rms = wavelengths.rms() * length;
    const double as_gaussian = std::sqrt(pivot * pivot + rms * rms);
    if (wavelengths.kind() == Kind::sharp || wavelengths.kind() == Kind::gaussian) return as_gaussian;
    const double as_edges = pivot + wavelengths.half_range() * length / spot_cut_sigma;
    return wavelengths.kind() == Kind::top_hat ? std::min(as_gaussian, as_edges) : as_edges;
}

double largest_eigenvalue(const Eigen::Matrix3d& symmetric) {
    return Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(symmetric, Eigen::EigenvaluesOnly).eigenvalues().z();
}

SmearedReflection::SmearedReflection(const Smearing& smearing, const Eigen::Matrix3d& lab_blur,
                                     const Eigen::Vector3d& point)
    : r(point), length(point.norm()) {
    const Eigen::Vector3d along = r / length;
    const Eigen::Vector3d tangent0 = along.unitOrthogonal();
    const Eigen::Vector3d tangent1 = along.cross(tangent0);
    lab_from_spot.col(0) = tangent0;
    lab_from_spot.col(1) = tangent1;
    lab_from_spot.col(2) = along;
    blur = lab_from_spot.transpose() * lab_blur * lab_from_spot;
    // A small rotation w displaces r by w x r.
    const Eigen::Vector3d rotation0 = smearing.rotation * tangent0;
    const double across = -tangent1.dot(rotation0);
    mosaic << tangent1.dot(smearing.rotation * tangent1), across, across, tangent0.dot(rotation0);
    mosaic *= length * length;
    cap = smearing.mosaic_law == MosaicLaw::nanobragg_cap && mosaic(0, 0) > 0;
}

Eigen::Matrix3d SmearedReflection::envelope(const Eigen::Matrix3d& with_blur) const {
    Eigen::Matrix3d covariance = with_blur;
    if (cap) {
        // A cap ends at its edge, so what lies within cut sigma of the blur around it is enough: the sum of two
        // ellipsoids A and B lies within (1 + t) A + (1 + 1 / t) B for every t > 0 (Kurzhanski & Valyi 1997).
        constexpr double cap_share = 1.0 / (cap_rms_per_edge * cap_rms_per_edge * spot_cut2);
        const double blur2 = with_blur(0, 0) + with_blur(1, 1);
        const double cap2 = cap_share * mosaic.trace();
        if (2.0 * std::sqrt(blur2 * cap2) + cap2 < mosaic.trace()) {
            const double t = std::sqrt(cap2 / blur2);
            covariance *= 1.0 + t;
            covariance.topLeftCorner<2, 2>() += (1.0 + 1.0 / t) * cap_share * mosaic;
            return covariance;
        }
    }
    covariance.topLeftCorner<2, 2>() += mosaic;
    return covariance;
}

Eigen::Matrix2d SmearedReflection::across_given_along(const Eigen::Matrix3d& with_blur,
                                                      const WavelengthSmearing& wavelengths) const {
    Eigen::Matrix2d across = with_blur.topLeftCorner<2, 2>();
    const Eigen::Vector2d tilt = with_blur.topRightCorner<2, 1>();
    const double rms = wavelengths.rms() * length;
    across -= tilt * tilt.transpose() / (with_blur(2, 2) + rms * rms);
    return across;
}

}  // namespace braggbench
