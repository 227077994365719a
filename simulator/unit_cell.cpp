#include "simulator/unit_cell.hpp"

#include <fmt/format.h>
#include <Eigen/LU>
#include <cmath>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"

namespace braggbench {

void validate(const UnitCell& cell) {
    const auto fail = [&](const char* why) {
        throw UsageError(
            fmt::format("unit cell {} {} {} A, {} {} {} degrees ({}). Give the lengths in angstrom and the "
                        "angles in degrees.",
                        cell.a_A, cell.b_A, cell.c_A, cell.alpha_deg, cell.beta_deg, cell.gamma_deg, why));
    };
    for (const double length : {cell.a_A, cell.b_A, cell.c_A}) {
        if (!(length > 0.0 && length < longest_cell_axis_A)) fail("a length is not between 0 and 10000 A");
    }
    for (const double angle : {cell.alpha_deg, cell.beta_deg, cell.gamma_deg}) {
        if (!(angle > 0.0 && angle < 180.0)) fail("an angle is not between 0 and 180 degrees");
    }
    // Three angles make a solid corner only if the squared volume of the unit parallelepiped is positive; the margin
    // refuses cells so flat that their reciprocal basis is noise.
    if (!(volume_A3(cell) > 1e-6 * cell.a_A * cell.b_A * cell.c_A)) fail("no such angles meet in a corner");
}

Eigen::Matrix3d direct_basis(const UnitCell& cell) {
    // An exact right angle must give an exact zero, or symmetry-equivalent distances differ in the last digits.
    const auto cosine = [](double degrees) { return degrees == 90.0 ? 0.0 : std::cos(degrees * rad_per_deg); };
    const double cos_alpha = cosine(cell.alpha_deg);
    const double cos_beta = cosine(cell.beta_deg);
    const double cos_gamma = cosine(cell.gamma_deg);
    const double sin_gamma = std::sin(cell.gamma_deg * rad_per_deg);
    const double c_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma;
    const double c_z = std::sqrt(1.0 - cos_beta * cos_beta - c_y * c_y);
    Eigen::Matrix3d basis;
    basis << cell.a_A, cell.b_A * cos_gamma, cell.c_A * cos_beta,  //
        0.0, cell.b_A * sin_gamma, cell.c_A * c_y,                 //
        0.0, 0.0, cell.c_A * c_z;
    return basis;
}

Eigen::Matrix3d reciprocal_basis(const UnitCell& cell) { return direct_basis(cell).inverse().transpose(); }

double volume_A3(const UnitCell& cell) { return direct_basis(cell).determinant(); }

}  // namespace braggbench
