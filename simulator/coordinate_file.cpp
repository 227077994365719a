#include "simulator/coordinate_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <gemmi/assembly.hpp>
#include <gemmi/cif.hpp>
#include <gemmi/it92.hpp>
#include <gemmi/mmcif.hpp>
#include <gemmi/pdb.hpp>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

#include "simulator/error.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {

namespace {

// Atoms may lie in any cell, but an offset of more cells than this is a broken number, and overflows grid indices.
constexpr double largest_fractional_coordinate = 1000.0;

std::string gunzip(const std::filesystem::path& path) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
    if (!file) throw DataError(fmt::format("{}: cannot be opened. Check the path and its permissions.", path.string()));
    std::string text;
    std::array<char, 1U << 16U> buffer{};
    int count = 0;
    while ((count = gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size()))) > 0)
        text.append(buffer.data(), static_cast<std::size_t>(count));
    int status = Z_OK;
    const char* why = gzerror(file.get(), &status);
    if (count < 0 || status == Z_BUF_ERROR || gzdirect(file.get()) != 0)
        throw DataError(fmt::format("{}: is not a whole gzip file ({}). Fetch it again.", path.string(),
                                    status == Z_OK ? "no gzip header" : why));
    return text;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<double> finite_number(std::string_view text) {
    const std::string_view digits = trimmed(text);
    double value = 0.0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

// gemmi reads a PDB number that is none as 0, so the columns are checked first (PDB format 3.3, ATOM and END).
void check_pdb_text(const std::filesystem::path& path, const std::string& text) {
    struct Field {
        const char* name;
        std::size_t column;
        std::size_t width;
        bool may_be_blank;
    };
    constexpr std::array fields{Field{"x", 30, 8, false}, Field{"y", 38, 8, false}, Field{"z", 46, 8, false},
                                Field{"occupancy", 54, 6, true}, Field{"B", 60, 6, true}};
    std::string_view rest = text;
    std::string_view last;
    for (int number = 1; !rest.empty(); ++number) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (trimmed(line).empty()) continue;
        last = line;
        if (!line.starts_with("ATOM  ") && !line.starts_with("HETATM")) continue;
        for (const Field& field : fields) {
            const std::string_view value =
                line.size() > field.column ? line.substr(field.column, field.width) : std::string_view{};
            if (field.may_be_blank && trimmed(value).empty()) continue;
            if (!finite_number(value))
                throw DataError(
                    fmt::format("{}:{}: the atom's {} is '{}' (not a finite number). Correct or remove the "
                                "atom.",
                                path.string(), number, field.name, trimmed(value)));
        }
    }
    if (!trimmed(last).starts_with("END"))
        throw DataError(
            fmt::format("{}: has no END record (a PDB file must end with one; this one may be truncated). "
                        "Fetch it again, or add the line END.",
                        path.string()));
}

void check_structure(const std::filesystem::path& path, const gemmi::Structure& structure) {
    const gemmi::UnitCell& cell = structure.cell;
    const std::string name = path.string();
    if (!cell.is_crystal())
        throw DataError(
            fmt::format("{}: has no unit cell (a crystal's scattering needs one). Use a file with a CRYST1 "
                        "record or the _cell items.",
                        name));
    try {
        validate(UnitCell{cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma});
    } catch (const UsageError& error) {
        throw DataError(fmt::format("{}: {}", name, error.what()));
    }
    if (structure.find_spacegroup() == nullptr)
        throw DataError(
            fmt::format("{}: the space group '{}' is not known (equivalent atoms cannot be made). Give its "
                        "Hermann-Mauguin symbol, or P 1.",
                        name, structure.spacegroup_hm));
    std::size_t atoms = 0;
    if (!structure.models.empty()) {
        for (const gemmi::Chain& chain : structure.models[0].chains) {
            for (const gemmi::Residue& residue : chain.residues) {
                for (const gemmi::Atom& atom : residue.atoms) {
                    ++atoms;
                    const auto fault = [&](const char* what) {
                        return DataError(fmt::format("{}: atom {} of {} {} in chain {} {}. Correct or remove it.", name,
                                                     atom.name, residue.name, residue.seqid.str(), chain.name, what));
                    };
                    const gemmi::Fractional position = cell.fractionalize(atom.pos);
                    for (const double x : {position.x, position.y, position.z}) {
                        if (!std::isfinite(x)) throw fault("has a coordinate that is not a finite number");
                        if (std::abs(x) > largest_fractional_coordinate)
                            throw fault("lies more than 1000 cells from the origin");
                    }
                    if (!std::isfinite(atom.occ) || !std::isfinite(atom.b_iso))
                        throw fault("has an occupancy or B that is not a finite number");
                    if (!std::isfinite(atom.aniso.trace() + atom.aniso.u12 + atom.aniso.u13 + atom.aniso.u23))
                        throw fault("has an anisotropic U that is not a finite number");
                    if (!gemmi::IT92<float>::has(atom.element.elem))
                        throw fault("is of an element without X-ray form factor");
                }
            }
        }
    }
    if (atoms == 0)
        throw DataError(
            fmt::format("{}: has no atoms (it is empty, truncated or of another format). Give a PDB or "
                        "mmCIF coordinate file.",
                        name));
}

}  // namespace

std::string read_gunzipped_file(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        throw DataError(fmt::format("{}: no such file. Check the path.", path.string()));
    if (!std::filesystem::is_regular_file(path, ignored))
        throw DataError(fmt::format("{}: is not a file. Give the path of a file.", path.string()));
    if (path.extension() == ".gz") return gunzip(path);
    std::ifstream file(path, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open() || file.bad())
        throw DataError(fmt::format("{}: cannot be read. Check its permissions.", path.string()));
    return bytes;
}

gemmi::Structure read_coordinates(const std::filesystem::path& path, const std::string& text) {
    const std::filesystem::path plain = path.extension() == ".gz" ? path.stem() : path.filename();
    const std::string extension = plain.extension().string();
    const bool is_cif = extension == ".cif" || extension == ".mmcif";
    gemmi::Structure structure;
    if (!is_cif) check_pdb_text(path, text);
    try {
        structure = is_cif ? gemmi::make_structure(gemmi::cif::read_memory(text.data(), text.size(), path.c_str()))
                           : gemmi::read_pdb_from_memory(text.data(), text.size(), path.string());
        check_structure(path, structure);
        gemmi::expand_ncs(structure, gemmi::HowToNameCopiedChain::Dup);
    } catch (const DataError&) {
        throw;
    } catch (const std::exception& error) {
        throw DataError(fmt::format("{}: is not a whole {} file ({}). Fetch it again.", path.string(),
                                    is_cif ? "mmCIF" : "PDB", error.what()));
    }
    return structure;
}

}  // namespace braggbench
