#include "simulator/lattices.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <cmath>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/random.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

constexpr int most_lattices = 256;  // what Peak::lattice can number

Eigen::Matrix3d rotation_by(const Eigen::Vector3d& vector_rad) {
    const double angle = vector_rad.norm();
    if (angle < 1e-15) return Eigen::Matrix3d::Identity();
    return Eigen::AngleAxisd(angle, vector_rad / angle).toRotationMatrix();
}

Eigen::Vector3d normal_vector(RandomStream& random) {
    const double x = random.normal();
    const double y = random.normal();
    return {x, y, random.normal()};
}

Eigen::Matrix3d misorientation(const LatticeDraw& draw, RandomStream& random) {
    const double angle = draw.misorientation_deg * rad_per_deg;
    switch (draw.misorientation) {
        case Misorientation::none:
            break;
        case Misorientation::rms_angle:
            return rotation_by(angle * normal_vector(random));
        case Misorientation::fixed_angle:
            return rotation_by(angle * normal_vector(random).normalized());
        case Misorientation::random:
            return random.rotation();
    }
    return Eigen::Matrix3d::Identity();
}

void check(const LatticeDraw& draw) {
    Faults faults;
    const double twins = draw.twin_law.empty() ? 1.0 : 2.0;
    faults.require(draw.count >= 1, "count", draw.count, "there is at least one lattice", "Give a positive number.");
    faults.require(draw.pieces >= 1, "pieces", draw.pieces, "a lattice is at least one piece",
                   "Give 1 for a lattice without cracks.");
    const double total = static_cast<double>(draw.count) * draw.pieces * twins;
    faults.require(total <= most_lattices, "count * pieces (* 2 with a twin law)", total,
                   "an image holds at most 256 lattices", "Ask for fewer.");
    faults.require(draw.misorientation_deg >= 0 && draw.misorientation_deg <= 180, "misorientation_deg",
                   draw.misorientation_deg, "an angle of rotation lies from 0 to 180 degrees", "Give it in degrees.");
    faults.require(draw.volume_spread >= 0 && draw.volume_spread <= 3, "volume_spread", draw.volume_spread,
                   "the rms of ln(volume) lies from 0 to 3", "Give 0 for equal shares.");
    faults.require(draw.further_volume >= 0 && draw.further_volume <= 1000, "further_volume", draw.further_volume,
                   "a further lattice has up to 1000 times the first one's volume", "Give 0 for equal shares.");
    faults.require(draw.further_mosaic_spread_rms_deg >= 0 && draw.further_mosaic_spread_rms_deg <= 5,
                   "further_mosaic_spread_rms_deg", draw.further_mosaic_spread_rms_deg,
                   "the small-angle mosaic spread holds from 0 to 5 degrees", "Give 0 for the first one's.");
    faults.require(draw.size_spread >= 0 && draw.size_spread <= 3, "size_spread", draw.size_spread,
                   "the rms of ln(cells per block) lies from 0 to 3", "Give 0 for one size.");
    faults.require(draw.crack_rms_deg >= 0 && draw.crack_rms_deg <= 30, "crack_rms_deg", draw.crack_rms_deg,
                   "pieces of one lattice lie within 30 degrees rms", "Use count for lattices of their own.");
    faults.require(draw.smear_rms_deg >= 0 && draw.smear_rms_deg <= 5, "smear_rms_deg", draw.smear_rms_deg,
                   "the small-angle mosaic spread holds from 0 to 5 degrees", "Give a smaller smear.");
    faults.require(draw.twin_fraction >= 0 && draw.twin_fraction <= 0.5, "twin_fraction", draw.twin_fraction,
                   "the smaller twin has at most half of the volume", "Give a share from 0 to 0.5.");
    faults.report();
}

// One row of the matrix of a twin law, such as "k", "-h-k" or "+l".
Eigen::RowVector3d parse_row(const std::string& text, const std::string& law) {
    Eigen::RowVector3d row = Eigen::RowVector3d::Zero();
    double sign = 1.0;
    bool expects_index = true;
    for (const char c : text) {
        if (c == ' ') continue;
        if (c == '+' || c == '-') {
            sign = c == '-' ? -1.0 : 1.0;
            expects_index = true;
            continue;
        }
        if (!expects_index || c < 'h' || c > 'l' || c == 'i' || c == 'j') {
            throw UsageError(
                fmt::format("twin_law = \"{}\" ('{}' is not a sum of h, k and l). Give a law such as "
                            "\"k,h,-l\".",
                            law, text));
        }
        row[c == 'h' ? 0 : c == 'k' ? 1 : 2] += sign;
        expects_index = false;
    }
    return row;
}

}  // namespace

Eigen::Matrix3d twin_rotation(const UnitCell& cell, const std::string& law) {
    Eigen::Matrix3d on_indices;
    std::size_t start = 0;
    for (int row = 0; row < 3; ++row) {
        const std::size_t comma = law.find(',', start);
        if ((comma == std::string::npos) != (row == 2)) {
            throw UsageError(
                fmt::format("twin_law = \"{}\" (it has not three parts). Give a law such as \"k,h,-l\".", law));
        }
        on_indices.row(row) = parse_row(law.substr(start, comma - start), law);
        start = comma + 1;
    }
    if (std::abs(on_indices.determinant() - 1.0) > 1e-9) {
        throw UsageError(
            fmt::format("twin_law = \"{}\" (its determinant is {}, so it is no rotation). Give a law such as "
                        "\"k,h,-l\"; Friedel's law makes -h,-k,-l equivalent.",
                        law, on_indices.determinant()));
    }
    // B h = R B (law h) for every h: R = B law^-1 B^-1, a rotation if the law is one of the lattice's.
    const Eigen::Matrix3d basis = reciprocal_basis(cell);
    const Eigen::Matrix3d operation = basis * on_indices.inverse() * basis.inverse();
    const Eigen::JacobiSVD<Eigen::Matrix3d> parts(operation, Eigen::ComputeFullU | Eigen::ComputeFullV);
    const Eigen::Vector3d stretch = parts.singularValues();
    if (stretch.maxCoeff() > 1.005 || stretch.minCoeff() < 0.995) {
        throw UsageError(
            fmt::format("twin_law = \"{}\" (it strains this cell by {:.1f} %: the lattice has no such "
                        "symmetry). Choose a law of the lattice's own point group.",
                        law, 100 * std::max(stretch.maxCoeff() - 1, 1 - stretch.minCoeff())));
    }
    return parts.matrixU() * parts.matrixV().transpose();
}

std::vector<Crystal> lattices(const Crystal& crystal, const LatticeDraw& draw, RandomStream& random) {
    check(draw);
    Faults faults;
    check(crystal, "crystal.", faults);
    if (crystal.mosaic_law == MosaicLaw::nanobragg_cap && draw.smear_rms_deg > 0) {
        faults.add("smear_rms_deg (nanoBragg's cap has no smeared form). Use a Gaussian mosaic_law, or a wider cap.");
    }
    faults.report();
    Eigen::Matrix3d twin = Eigen::Matrix3d::Identity();
    const bool twinned = !draw.twin_law.empty() && draw.twin_fraction > 0;
    if (!draw.twin_law.empty()) twin = twin_rotation(crystal.structure_factors->cell(), draw.twin_law);

    std::vector<Crystal> result;
    double total = 0.0;
    for (int number = 0; number < draw.count; ++number) {
        Crystal lattice = crystal;
        if (number > 0) lattice.lab_from_crystal = misorientation(draw, random) * crystal.lab_from_crystal;
        double share = std::exp(draw.volume_spread * random.normal());
        if (number > 0 && draw.further_volume > 0) share *= draw.further_volume;
        const double size = std::exp(draw.size_spread * random.normal());
        lattice.cells_per_block = (size * crystal.cells_per_block).cwiseMax(1.0);
        if (number > 0 && draw.further_mosaic_spread_rms_deg > 0) {
            lattice.mosaic_spread_rms_deg.setConstant(draw.further_mosaic_spread_rms_deg);
        }
        lattice.mosaic_spread_rms_deg =
            (lattice.mosaic_spread_rms_deg.cwiseAbs2().array() + draw.smear_rms_deg * draw.smear_rms_deg).sqrt();
        for (int piece = 0; piece < draw.pieces; ++piece) {
            Crystal part = lattice;
            if (draw.pieces > 1) {
                part.lab_from_crystal =
                    rotation_by(draw.crack_rms_deg * rad_per_deg * normal_vector(random)) * lattice.lab_from_crystal;
            }
            part.illuminated_volume_um3 = share / draw.pieces;
            total += part.illuminated_volume_um3;
            if (twinned) {
                Crystal other = part;
                other.lab_from_crystal = part.lab_from_crystal * twin;
                other.illuminated_volume_um3 *= draw.twin_fraction;
                part.illuminated_volume_um3 *= 1.0 - draw.twin_fraction;
                result.push_back(part);
                result.push_back(other);
            } else {
                result.push_back(part);
            }
        }
    }
    for (Crystal& part : result) part.illuminated_volume_um3 *= crystal.illuminated_volume_um3 / total;
    return result;
}

}  // namespace braggbench
