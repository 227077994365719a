#include "simulator/materials.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "simulator/error.hpp"
#include "simulator/materials_measured.hpp"
#include "simulator/materials_model.hpp"

namespace braggbench {
namespace {

using gemmi::El;

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

constexpr std::string_view nanobragg_source =
    "tables of the nanoBragg test scripts in simtbx (cctbx_project), there called a rough approximation";
constexpr std::string_view peplow_source =
    "coherent: Peplow & Verghese 1998, Phys. Med. Biol. 43, 2431; Compton: Balyuzi 1975";
constexpr std::string_view model_source =
    "a model of composition, bond lengths and halo position (docs/backgrounds.md)";

// Grid of computed tables. Beyond 1 / A nothing amorphous is left but independent atoms, far off any detector.
constexpr double grid_step_invA = 0.0025;
constexpr int grid_points = 401;

using Table = std::vector<ScatteringPoint>;

template <class Intensity>
Table tabulated(const Intensity& intensity_e2) {
    Table table(grid_points);
    for (int i = 0; i < grid_points; ++i) {
        const double stol = i * grid_step_invA;
        table[static_cast<std::size_t>(i)] = {stol, std::sqrt(std::max(intensity_e2(stol), 0.0))};
    }
    return table;
}

Table measured(std::span<const ScatteringPoint> per_amu, double molar_mass, const std::vector<AtomCount>& atoms) {
    return tabulated([&](double stol) {
        const double f = amorphous_f_e(per_amu, stol);
        return molar_mass * f * f + compton_e2(atoms, stol);
    });
}

Table modelled(const LiquidModel& model) {
    return tabulated([&](double stol) { return coherent_e2(model, stol) + compton_e2(model.atoms, stol); });
}

// Per gram-mole of `molar_mass`: intensities of the parts add by mass, as if they lay one behind the other.
struct Part {
    const AmorphousMaterial* material;
    double mass_fraction;
};
Table mixed(double molar_mass, const std::vector<Part>& parts) {
    return tabulated([&](double stol) {
        double sum = 0.0;
        for (const auto& [material, mass_fraction] : parts) {
            const double f = amorphous_f_e(*material, stol);
            sum += mass_fraction * molar_mass / material->molar_mass_g_per_mol * f * f;
        }
        return sum;
    });
}

// A CH2 of a liquid alkane: halo of liquid paraffin at d = 4.6 A, high as that of fat's chains; bonds 1.53 and 1.09 A,
// 109.5 degrees. Forward: n k T chi_T at 1e-9 / Pa (liquid alkanes at 298 K).
LiquidModel paraffin_model() {
    return {.atoms = {{El::C, 1}, {El::H, 2}},
            .pairs = {{El::C, El::C, 1, 1.53},
                      {El::C, El::C, 1, 2.55},
                      {El::C, El::C, 1, 3.7},
                      {El::C, El::H, 2, 1.09},
                      {El::C, El::H, 4, 2.16},
                      {El::H, El::H, 1, 1.78}},
            .forward = 0.15,
            .dip_invA = 1.1,
            .halo_q_invA = 1.46,
            .halo_height = 0.6,
            .halo_rms_invA = 0.14};
}

// A C3F6O of perfluoropolyether (Fomblin): halo at 5.4 A, that of amorphous PTFE; bonds 1.34, 1.54, 1.40 A.
LiquidModel perfluoropolyether_model() {
    return {.atoms = {{El::C, 3}, {El::F, 6}, {El::O, 1}},
            .pairs = {{El::C, El::F, 6, 1.34},
                      {El::C, El::C, 2, 1.54},
                      {El::C, El::O, 2, 1.40},
                      {El::F, El::F, 5, 2.17},
                      {El::C, El::F, 8, 2.37},
                      {El::F, El::F, 6, 2.75}},
            .forward = 0.02,
            .dip_invA = 0.95,
            .halo_q_invA = 1.22,
            .halo_height = 0.8,
            .halo_rms_invA = 0.14};
}

// A C2H4O of liquid polyethylene glycol: halo at 4.2 A; bonds 1.52, 1.42, 1.09 A.
LiquidModel peg_model() {
    return {.atoms = {{El::C, 2}, {El::H, 4}, {El::O, 1}},
            .pairs = {{El::C, El::C, 1, 1.52},
                      {El::C, El::O, 2, 1.42},
                      {El::C, El::O, 2, 2.40},
                      {El::C, El::C, 1, 2.35},
                      {El::C, El::H, 4, 1.09},
                      {El::C, El::H, 4, 2.16},
                      {El::H, El::H, 2, 1.78}},
            .forward = 0.035,
            .dip_invA = 1.2,
            .halo_q_invA = 1.64,
            .halo_height = 0.7,
            .halo_rms_invA = 0.18};
}

// (NH4)2SO4 in water: the ions by themselves (S-O 1.47 A, O-O 2.40 A, N-H 1.03 A). At low angles they scatter as what
// they add to the water they displace: 2.8 molecules of 10 electrons by a partial molar volume near 50 cm^3.
LiquidModel ammonium_sulfate_model() {
    return {.atoms = {{El::S, 1}, {El::O, 4}, {El::N, 2}, {El::H, 8}},
            .pairs = {{El::S, El::O, 4, 1.47}, {El::O, El::O, 6, 2.40}, {El::N, El::H, 8, 1.03}},
            .forward = 0.2,
            .dip_invA = 1.5,
            .halo_q_invA = 0.0,
            .halo_height = 0.0,
            .halo_rms_invA = 1.0};
}

class Library {
public:
    Library() {
        add("water", 1.0, 18.015, {water_table.begin(), water_table.end()}, nanobragg_source);
        add("air", 1.2e-3, 28.97, {air_table.begin(), air_table.end()}, nanobragg_source);
        // An ideal gas of atoms.
        const std::vector<AtomCount> helium = {{El::He, 1}};
        add("helium", 0.166e-3, 4.0026,
            tabulated([&](double s) { return independent_atoms_e2(helium, s) + compton_e2(helium, s); }),
            "independent atoms: International Tables C 6.1.1.4, Compton by Waller & Hartree 1929");
        add("kapton", 1.42, 382.33,
            measured(kapton_per_amu, 382.33, {{El::C, 22}, {El::H, 10}, {El::N, 2}, {El::O, 5}}), peplow_source);
        add("pmma", 1.18, 100.12, measured(pmma_per_amu, 100.12, {{El::C, 5}, {El::H, 8}, {El::O, 2}}), peplow_source);
        add("polycarbonate", 1.20, 254.28,
            measured(polycarbonate_per_amu, 254.28, {{El::C, 16}, {El::H, 14}, {El::O, 3}}), peplow_source);
        // Counted as triolein, C57 H104 O6.
        add("lipid", 0.94, 885.4, measured(lipid_per_amu, 885.4, {{El::C, 57}, {El::H, 104}, {El::O, 6}}),
            peplow_source);
        add("paraffin-oil", 0.86, 14.027, modelled(paraffin_model()), model_source);
        add("perfluoropolyether", 1.9, 166.02, modelled(perfluoropolyether_model()), model_source);
        add("peg", 1.12, 44.05, modelled(peg_model()), model_source);
        add("ammonium-sulfate", 1.77, 132.14, modelled(ammonium_sulfate_model()), model_source);
        const AmorphousMaterial* const water = find("water");
        add("lcp", 0.99, 18.015, mixed(18.015, {{find("lipid"), 0.6}, {water, 0.4}}),
            "60 % lipid and 40 % water by mass, as monoolein's cubic phase is mixed; its small-angle lines are absent");
        add("mother-liquor-peg", 1.05, 18.015, mixed(18.015, {{find("peg"), 0.3}, {water, 0.7}}),
            "30 % PEG and 70 % water by mass");
        // 2 mol/l at 1.13 g/cm^3 are 264 g/l.
        add("mother-liquor-salt", 1.13, 18.015, mixed(18.015, {{find("ammonium-sulfate"), 0.234}, {water, 0.766}}),
            "2 mol/l ammonium sulfate in water");
    }
    [[nodiscard]] std::span<const AmorphousMaterial> materials() const { return materials_; }

private:
    static constexpr std::size_t capacity = 16;

    void add(std::string_view name, double density, double molar_mass, Table table, std::string_view source) {
        // Spans and pointers into both vectors must stay valid.
        if (materials_.capacity() < capacity) {
            materials_.reserve(capacity);
            tables_.reserve(capacity);
        }
        tables_.push_back(std::move(table));
        materials_.push_back({name, density, molar_mass, tables_.back(), source});
    }
    [[nodiscard]] const AmorphousMaterial* find(std::string_view name) const {
        return &*std::ranges::find(materials_, name, &AmorphousMaterial::name);
    }

    std::vector<Table> tables_;
    std::vector<AmorphousMaterial> materials_;
};

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

// f in the interval from point i to the next: a cubic in the distance from point i.
struct Cubic {
    Cubic(std::span<const ScatteringPoint> table, std::size_t i)
        : from_invA(table[i].stol_invA), value(table[i].f_per_molecule_e), first(slope(table, i)) {
        const double width = table[i + 1].stol_invA - table[i].stol_invA;
        const double mean = secant(table, i);
        const double end = slope(table, i + 1);
        second = (3.0 * mean - 2.0 * first - end) / width;
        third = (first + end - 2.0 * mean) / (width * width);
    }
    double operator()(double stol_invA) const {
        const double t = stol_invA - from_invA;
        return value + t * (first + t * (second + t * third));
    }
    double from_invA;
    double value;
    double first;
    double second = 0.0;
    double third = 0.0;
};

}  // namespace

std::span<const AmorphousMaterial> amorphous_materials() {
    static const Library library;
    return library.materials();
}

const AmorphousMaterial& amorphous_material(const std::string& name) {
    const auto materials = amorphous_materials();
    const auto found = std::ranges::find(materials, std::string_view(name), &AmorphousMaterial::name);
    if (found != materials.end()) return *found;
    std::vector<std::string_view> names;
    names.reserve(materials.size());
    for (const AmorphousMaterial& material : materials) names.push_back(material.name);
    throw UsageError(
        fmt::format("material = \"{}\" (no such amorphous material). Use one of: {}.", name, fmt::join(names, ", ")));
}

double amorphous_f_e(std::span<const ScatteringPoint> table, double stol_invA) {
    if (!(stol_invA > table.front().stol_invA)) return table.front().f_per_molecule_e;
    if (stol_invA >= table.back().stol_invA) return table.back().f_per_molecule_e;
    const auto above = std::ranges::upper_bound(table, stol_invA, {}, &ScatteringPoint::stol_invA);
    return Cubic(table, static_cast<std::size_t>(above - table.begin()) - 1)(stol_invA);
}

void add_intensity(std::span<const ScatteringPoint> table, double step_invA, double weight, std::span<float> values) {
    const auto put = [&](std::size_t i, double f) { values[i] += static_cast<float>(weight * f * f); };
    const auto stol = [&](std::size_t i) { return static_cast<double>(i) * step_invA; };
    std::size_t i = 0;
    while (i < values.size() && stol(i) <= table.front().stol_invA) put(i++, table.front().f_per_molecule_e);
    for (std::size_t knot = 0; knot + 1 < table.size() && i < values.size(); ++knot) {
        if (stol(i) >= table[knot + 1].stol_invA) continue;
        const Cubic cubic(table, knot);
        for (; i < values.size() && stol(i) < table[knot + 1].stol_invA; ++i) put(i, cubic(stol(i)));
    }
    while (i < values.size()) put(i++, table.back().f_per_molecule_e);
}

}  // namespace braggbench
