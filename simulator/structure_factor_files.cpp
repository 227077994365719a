#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <gemmi/mtz.hpp>
#include <gemmi/version.hpp>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"
#include "simulator/model_structure_factors.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/pseudo_protein.hpp"
#include "simulator/structure_factor_cache.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {

namespace {

// A dense box of more amplitudes (1 GiB) than this comes from a wrong index, not from a crystal.
constexpr std::size_t most_amplitudes = std::size_t{1} << 28U;
constexpr int largest_index = 100000;

struct Reflection {
    MillerIndex hkl;
    float amplitude;
};

// The smallest box that holds them; a reflection listed twice with two values is a fault of `name`.
StructureFactors boxed(const std::string& name, const UnitCell& cell, std::string space_group,
                       const std::vector<Reflection>& reflections) {
    if (reflections.empty())
        throw DataError(
            fmt::format("{}: holds no reflections (it is empty or of another format). Give a file that "
                        "lists h, k, l and amplitudes.",
                        name));
    MillerIndex max;
    double s2_max = 0.0;
    const Eigen::Matrix3d to_s = reciprocal_basis(cell);
    for (const auto& [hkl, amplitude] : reflections) {
        max = {std::max(max.h, std::abs(hkl.h)), std::max(max.k, std::abs(hkl.k)), std::max(max.l, std::abs(hkl.l))};
        s2_max = std::max(s2_max, (to_s * Eigen::Vector3d(hkl.h, hkl.k, hkl.l)).squaredNorm());
    }
    const auto nk = 2 * static_cast<std::size_t>(max.k) + 1;
    const auto nl = 2 * static_cast<std::size_t>(max.l) + 1;
    const double size = (2.0 * max.h + 1.0) * static_cast<double>(nk) * static_cast<double>(nl);
    if (size > static_cast<double>(most_amplitudes))
        throw DataError(
            fmt::format("{}: indices up to {} {} {} need a box of {:.1e} amplitudes (too large). Remove "
                        "the outlying reflections.",
                        name, max.h, max.k, max.l, size));
    if (!(s2_max > 0.0))
        throw DataError(
            fmt::format("{}: holds only the reflection 0 0 0 (it is not in any spot). Give a file with "
                        "Bragg reflections.",
                        name));
    constexpr float unset = -1.0F;
    std::vector<float> amplitudes(static_cast<std::size_t>(size), unset);
    for (const auto& [hkl, amplitude] : reflections) {
        float& place =
            amplitudes[(static_cast<std::size_t>(hkl.h + max.h) * nk + static_cast<std::size_t>(hkl.k + max.k)) * nl +
                       static_cast<std::size_t>(hkl.l + max.l)];
        if (place != unset && place != amplitude)
            throw DataError(
                fmt::format("{}: the reflection {} {} {} has two amplitudes, {} and {}. Merge the "
                            "observations first.",
                            name, hkl.h, hkl.k, hkl.l, place, amplitude));
        place = amplitude;
    }
    std::replace(amplitudes.begin(), amplitudes.end(), unset, 0.0F);
    return {cell, std::move(space_group), 1.0 / std::sqrt(s2_max), max, std::move(amplitudes)};
}

template <class Number>
bool take_number(std::string_view& line, Number& value) {
    const auto start = line.find_first_not_of(" \t\r,");
    if (start == std::string_view::npos) return false;
    line.remove_prefix(start);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    const auto length = static_cast<std::size_t>(end - line.data());
    if (error != std::errc{} || (length < line.size() && line.find_first_of(" \t\r,", length) != length)) return false;
    line.remove_prefix(length);
    return true;
}

StructureFactors parse_hkl(const std::string& name, std::string_view text, const UnitCell& cell) {
    validate(cell);
    std::vector<Reflection> reflections;
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), whole.size() + 1));
        std::string_view line = whole.substr(0, whole.find('#'));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        MillerIndex hkl;
        double amplitude = 0.0;
        const bool numbers = take_number(line, hkl.h) && take_number(line, hkl.k) && take_number(line, hkl.l) &&
                             take_number(line, amplitude);
        if (!numbers || line.find_first_not_of(" \t\r") != std::string_view::npos)
            throw DataError(fmt::format("{}:{}: '{}' is not 'h k l F'. Give three integers and an amplitude per line.",
                                        name, number, whole.substr(0, 80)));
        if (!(amplitude >= 0.0) || amplitude > static_cast<double>(std::numeric_limits<float>::max()))
            throw DataError(
                fmt::format("{}:{}: F = {} (an amplitude is finite and not negative). Correct or remove "
                            "the line.",
                            name, number, amplitude));
        if (std::max({std::abs(hkl.h / 2), std::abs(hkl.k / 2), std::abs(hkl.l / 2)}) > largest_index / 2)
            throw DataError(
                fmt::format("{}:{}: an index is beyond {}. Correct or remove the line.", name, number, largest_index));
        reflections.push_back({hkl, static_cast<float>(amplitude)});
    }
    return boxed(name, cell, "P 1", reflections);
}

const gemmi::Mtz::Column& amplitude_column(const std::string& name, const gemmi::Mtz& mtz, const std::string& label) {
    const auto usable = [](const gemmi::Mtz::Column& column) { return column.type == 'F' || column.type == 'J'; };
    for (const char type : {'F', 'J'}) {
        for (const gemmi::Mtz::Column& column : mtz.columns) {
            if (label.empty() ? column.type == type : column.label == label && usable(column)) return column;
        }
    }
    std::string present;
    for (const gemmi::Mtz::Column& column : mtz.columns) present += fmt::format(" {}({})", column.label, column.type);
    throw DataError(fmt::format(
        "{}: has no {} among its columns{}. Give a column of type F (amplitude) or J "
        "(intensity).",
        name,
        label.empty() ? "amplitude or intensity column" : fmt::format("amplitude or intensity column '{}'", label),
        present));
}

StructureFactors cut(const StructureFactors& all, double d_min_A) {
    if (all.d_min_A() >= d_min_A) return all;
    const Eigen::Matrix3d to_s = reciprocal_basis(all.cell());
    const MillerIndex max = all.hkl_max();
    std::vector<Reflection> kept;
    for (int h = -max.h; h <= max.h; ++h) {
        for (int k = -max.k; k <= max.k; ++k) {
            for (int l = -max.l; l <= max.l; ++l) {
                const float amplitude = all(h, k, l);
                if (amplitude > 0.0F && (to_s * Eigen::Vector3d(h, k, l)).norm() <= 1.0 / d_min_A)
                    kept.push_back({{h, k, l}, amplitude});
            }
        }
    }
    return boxed(fmt::format("structure factors to {} A", d_min_A), all.cell(), all.space_group(), kept);
}

enum class Source { builtin, coordinates, hkl, mtz };

Source source_of(const std::string& name_or_path) {
    const std::vector<std::string> builtin = builtin_model_names();
    if (std::find(builtin.begin(), builtin.end(), name_or_path) != builtin.end()) return Source::builtin;
    std::filesystem::path path = name_or_path;
    const bool gzipped = path.extension() == ".gz";
    if (gzipped) path = path.stem();
    const std::string extension = path.extension().string();
    for (const char* known : {".pdb", ".ent", ".cif", ".mmcif"}) {
        if (extension == known) return Source::coordinates;
    }
    if (extension == ".mtz" && !gzipped) return Source::mtz;
    if (extension == ".hkl") return Source::hkl;
    if (name_or_path.find_first_of("./\\") == std::string::npos) unknown_builtin(name_or_path);
    throw UsageError(
        fmt::format("{}: the ending says no known format. Give a file ending in .pdb, .ent, .cif, .mmcif, "
                    ".hkl (these also with .gz) or .mtz, or a built-in model ({}).",
                    name_or_path, fmt::join(builtin, ", ")));
}

}  // namespace

StructureFactors structure_factors_from_hkl(const std::filesystem::path& hkl, const UnitCell& cell) {
    return parse_hkl(hkl.string(), read_gunzipped_file(hkl), cell);
}

StructureFactors structure_factors_from_mtz(const std::filesystem::path& path, const std::string& label) {
    const std::string name = path.string();
    read_gunzipped_file(path);
    gemmi::Mtz mtz;
    try {
        mtz.read_file(name);
        if (mtz.columns.size() < 4 || mtz.nreflections < 0) gemmi::fail("it has no columns besides h, k, l");
    } catch (const std::exception& error) {
        throw DataError(fmt::format("{}: is not a whole MTZ file ({}). Fetch it again.", name, error.what()));
    }
    if (!mtz.batches.empty())
        throw DataError(
            fmt::format("{}: is an unmerged MTZ file (one reflection has many intensities). Merge it "
                        "first.",
                        name));
    const gemmi::SpaceGroup* group = mtz.spacegroup;
    if (group == nullptr)
        throw DataError(
            fmt::format("{}: the space group '{}' is not known (equivalent reflections cannot be made). "
                        "Write the file with a standard symbol.",
                        name, mtz.spacegroup_name));
    const gemmi::Mtz::Column& column = amplitude_column(name, mtz, label);
    const gemmi::UnitCell& of_file = mtz.get_cell(column.dataset_id);
    const UnitCell cell{of_file.a, of_file.b, of_file.c, of_file.alpha, of_file.beta, of_file.gamma};
    try {
        validate(cell);
    } catch (const UsageError& error) {
        throw DataError(fmt::format("{}: {}", name, error.what()));
    }
    const gemmi::GroupOps operations = group->operations();
    std::vector<Reflection> reflections;
    for (int i = 0; i < mtz.nreflections; ++i) {
        const auto row = static_cast<std::size_t>(i);
        const float value = column.at(row);
        if (std::isnan(value)) continue;  // an unmeasured reflection
        for (std::size_t j = 0; j < 3; ++j) {
            if (!(std::abs(mtz.data[row * mtz.columns.size() + j]) <= static_cast<float>(largest_index)))
                throw DataError(
                    fmt::format("{}: reflection {} has an index that is no number up to {}. Fetch the file "
                                "again.",
                                name, i + 1, largest_index));
        }
        const gemmi::Miller hkl = mtz.get_hkl(row * mtz.columns.size());
        // Measured intensities of weak reflections may be negative; their best amplitude is none.
        const float amplitude = column.type == 'J' ? std::sqrt(std::max(value, 0.0F)) : value;
        if (!(amplitude >= 0.0F) || !std::isfinite(amplitude))
            throw DataError(
                fmt::format("{}: {} of the reflection {} {} {} is {} (an amplitude is finite and not "
                            "negative). Choose another column.",
                            name, column.label, hkl[0], hkl[1], hkl[2], value));
        if (operations.is_systematically_absent(hkl)) continue;
        for (const gemmi::Op& op : operations.sym_ops) {
            const gemmi::Miller e = op.apply_to_hkl(hkl);
            reflections.push_back({{e[0], e[1], e[2]}, amplitude});
            reflections.push_back({{-e[0], -e[1], -e[2]}, amplitude});
        }
    }
    return boxed(name, cell, group->hm, reflections);
}

StructureFactors load_structure_factors(const std::string& name_or_path, double d_min_A, const UnitCell* cell_of_hkl) {
    check_d_min(d_min_A);
    const Source source = source_of(name_or_path);
    if (source == Source::hkl && cell_of_hkl == nullptr)
        throw UsageError(
            fmt::format("{}: an hkl file has no unit cell (spots cannot be placed without). Give the cell "
                        "beside it.",
                        name_or_path));
    const BulkSolvent solvent;
    ContentKey key;
    key.add(BRAGGBENCH_AMPLITUDES_MADE_BY).add(GEMMI_VERSION).add(fftwf_version);
    key.add(static_cast<double>(source)).add(d_min_A);
    key.add(solvent.k_e_per_A3).add(solvent.b_A2);
    std::string bytes;
    if (source == Source::builtin) {
        key.add(name_or_path);
    } else {
        bytes = read_gunzipped_file(name_or_path);
        // The ending decides how the bytes are read.
        key.add(bytes).add(std::filesystem::path(name_or_path).extension().string());
    }
    if (source == Source::hkl) {
        for (const double value : {cell_of_hkl->a_A, cell_of_hkl->b_A, cell_of_hkl->c_A, cell_of_hkl->alpha_deg,
                                   cell_of_hkl->beta_deg, cell_of_hkl->gamma_deg})
            key.add(value);
    }
    if (auto cached = read_cached(key)) return *std::move(cached);
    const auto made = [&] {
        switch (source) {
            case Source::builtin:
                return structure_factors_from_builtin(name_or_path, d_min_A);
            case Source::hkl:
                return cut(parse_hkl(name_or_path, bytes, *cell_of_hkl), d_min_A);
            case Source::mtz:
                return cut(structure_factors_from_mtz(name_or_path), d_min_A);
            case Source::coordinates:
                break;
        }
        return structure_factors_from_coordinates(name_or_path, d_min_A, solvent);
    };
    StructureFactors factors = made();
    write_cached(key, factors);
    return factors;
}

}  // namespace braggbench
