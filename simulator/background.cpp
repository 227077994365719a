#include "simulator/background.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/experiment.hpp"
#include "simulator/faults.hpp"
#include "simulator/pixel_rows.hpp"

namespace braggbench {
namespace {

constexpr std::array<ScatteringPoint, 14> water_table = {{{0, 2.57},
                                                          {0.0365, 2.58},
                                                          {0.07, 2.8},
                                                          {0.12, 5},
                                                          {0.162, 8},
                                                          {0.18, 7.32},
                                                          {0.2, 6.75},
                                                          {0.216, 6.75},
                                                          {0.236, 6.5},
                                                          {0.28, 4.5},
                                                          {0.3, 4.3},
                                                          {0.345, 4.36},
                                                          {0.436, 3.77},
                                                          {0.5, 3.17}}};

constexpr std::array<ScatteringPoint, 5> air_table = {
    {{0, 14.1}, {0.045, 13.5}, {0.174, 8.35}, {0.35, 4.78}, {0.5, 4.22}}};

constexpr std::string_view table_source =
    "tables of the nanoBragg test scripts in simtbx (cctbx_project), there called a rough approximation";

constexpr std::array<AmorphousMaterial, 2> materials = {{
    {"water", 1.0, 18.015, water_table, table_source},
    {"air", 1.2e-3, 28.97, air_table, table_source},
}};

double secant(std::span<const ScatteringPoint> table, std::size_t i) {
    return (table[i + 1].f_per_molecule_e - table[i].f_per_molecule_e) / (table[i + 1].stol_invA - table[i].stol_invA);
}

// Slopes that keep the curve free of overshoot: Fritsch & Butland 1984, SIAM J. Sci. Stat. Comput. 5, 300.
double slope(std::span<const ScatteringPoint> table, std::size_t i) {
    if (i == 0 || i + 1 == table.size()) return 0.0;
    const double before = secant(table, i - 1);
    const double after = secant(table, i);
    if (before * after <= 0) return 0.0;
    const double left = table[i].stol_invA - table[i - 1].stol_invA;
    const double right = table[i + 1].stol_invA - table[i].stol_invA;
    const double alpha = (left + 2.0 * right) / (3.0 * (left + right));
    return before * after / (alpha * after + (1.0 - alpha) * before);
}

// Amorphous scattering in squared electrons against sin(theta) / lambda, on a grid fine enough for linear
// interpolation.
class AmorphousCurve {
public:
    AmorphousCurve(const Experiment& experiment, double stol_max) {
        const double diameter_cm = experiment.beam.diameter_um * 1e-4;
        const double area_cm2 = std::numbers::pi / 4.0 * diameter_cm * diameter_cm;
        per_step_ = static_cast<float>(static_cast<double>(values_.size() - 2) / stol_max);
        for (const AmorphousLayer& layer : experiment.background) {
            const AmorphousMaterial& material = amorphous_material(layer.material);
            const double molecules = area_cm2 * layer.thickness_um * 1e-4 * material.density_g_per_cm3 *
                                     avogadro_per_mol / material.molar_mass_g_per_mol;
            for (std::size_t i = 0; i < values_.size(); ++i) {
                const double f = amorphous_f_e(material, static_cast<double>(i) / static_cast<double>(per_step_));
                values_[i] += static_cast<float>(molecules * f * f);
            }
        }
    }
    float operator()(float stol_invA) const {
        const float t = stol_invA * per_step_;
        const int i = std::min(static_cast<int>(t), static_cast<int>(values_.size()) - 2);
        const auto j = static_cast<std::size_t>(i);
        return values_[j] + (t - static_cast<float>(i)) * (values_[j + 1] - values_[j]);
    }

private:
    float per_step_;
    std::array<float, 2050> values_{};
};

}  // namespace

void check(const AmorphousLayer& layer, const std::string& name, Faults& faults) {
    try {
        (void)amorphous_material(layer.material);
    } catch (const UsageError& error) {
        faults.add(error.what());
    }
    faults.require(layer.thickness_um >= 0, name + "thickness_um", layer.thickness_um, "a thickness cannot be negative",
                   "Give it in micrometres.");
}

void add_background(const Experiment& experiment, Image<float>& expected_photons) {
    const bool dark = experiment.beam.fluence_photons_per_m2 <= 0 ||
                      std::ranges::none_of(experiment.background, [](auto& layer) { return layer.thickness_um > 0; });
    if (dark) return;
    const AmorphousCurve curve(experiment, 0.5 * largest_q_invA(experiment));
    for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
        for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] += curve(row.stol_invA[i]) * row.photons_per_e2[i];
    });
}

std::span<const AmorphousMaterial> amorphous_materials() { return materials; }

const AmorphousMaterial& amorphous_material(const std::string& name) {
    const auto found = std::ranges::find(materials, std::string_view(name), &AmorphousMaterial::name);
    if (found != materials.end()) return *found;
    std::vector<std::string_view> names;
    names.reserve(materials.size());
    for (const AmorphousMaterial& material : materials) names.push_back(material.name);
    throw UsageError(
        fmt::format("material = \"{}\" (no such amorphous material). Use one of: {}.", name, fmt::join(names, ", ")));
}

double amorphous_f_e(const AmorphousMaterial& material, double stol_invA) {
    const auto table = material.table;
    if (!(stol_invA > table.front().stol_invA)) return table.front().f_per_molecule_e;
    if (stol_invA >= table.back().stol_invA) return table.back().f_per_molecule_e;
    const auto above = std::ranges::upper_bound(table, stol_invA, {}, &ScatteringPoint::stol_invA);
    const auto i = static_cast<std::size_t>(above - table.begin()) - 1;
    const double width = table[i + 1].stol_invA - table[i].stol_invA;
    const double t = (stol_invA - table[i].stol_invA) / width;
    const double t2 = t * t;
    const double t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * table[i].f_per_molecule_e + (t3 - 2 * t2 + t) * width * slope(table, i) +
           (3 * t2 - 2 * t3) * table[i + 1].f_per_molecule_e + (t3 - t2) * width * slope(table, i + 1);
}

}  // namespace braggbench
