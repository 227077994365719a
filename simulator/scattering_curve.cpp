#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <numbers>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulator/background.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

struct Table {
    std::string x_name;
    std::string y_name;
    std::map<std::string, double> settings;
    std::vector<std::pair<double, double>> rows;
};

std::optional<double> number(std::string_view text) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

// `settings` are the names of numbers that may stand before the rows.
Table read_table(const std::filesystem::path& file, const std::vector<std::string>& settings) {
    std::ifstream stream(file);
    if (!stream) throw DataError(fmt::format("{}: cannot be opened. Check the path.", file.string()));
    Table table;
    int line_number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++line_number;
        const auto fail = [&](std::string_view what) {
            throw DataError(fmt::format("{}:{}: '{}' {}", file.string(), line_number, line.substr(0, 80), what));
        };
        const std::vector<std::string> words = words_of(line);
        if (words.empty()) continue;
        if (words[0] == "columns") {
            if (words.size() != 3) fail("does not name two columns. Write 'columns stol_invA intensity_e2'.");
            table.x_name = words[1];
            table.y_name = words[2];
            continue;
        }
        const auto second = words.size() == 2 ? number(words[1]) : std::nullopt;
        if (!second) fail("is not a pair (two finite numbers, or a name and a number). Correct the line.");
        if (const auto first = number(words[0])) {
            if (table.x_name.empty()) fail("comes before the line 'columns X Y'. Say first what the columns are.");
            if (*first < 0 || *second < 0) fail("has a negative number (neither can be). Correct the line.");
            if (!table.rows.empty() && *first <= table.rows.back().first) {
                fail("does not ascend in its first column. Sort the rows and keep each place once.");
            }
            table.rows.emplace_back(*first, *second);
            continue;
        }
        bool known = false;
        for (const std::string& name : settings) known = known || words[0] == name;
        if (!known) fail("starts with an unknown name. See docs/backgrounds.md for those that are read.");
        if (!(*second > 0)) fail("must be positive. Correct the number.");
        table.settings[words[0]] = *second;
    }
    if (table.rows.size() < 2) {
        throw DataError(fmt::format("{}: has {} rows of numbers (a curve needs two). Give 'columns X Y' and the rows.",
                                    file.string(), table.rows.size()));
    }
    return table;
}

// What turns a column of that name into sin(theta) / lambda; nothing for an unknown name.
std::optional<double> stol_per(const std::string& column) {
    if (column == "stol_invA") return 1.0;
    if (column == "s_invA") return 0.5;
    if (column == "q_invA") return 0.25 / std::numbers::pi;
    return std::nullopt;
}

[[noreturn]] void unknown_column(const std::filesystem::path& file, const std::string& column, std::string_view known) {
    throw DataError(fmt::format("{}: column '{}' is unknown. Use {}.", file.string(), column, known));
}

}  // namespace

std::shared_ptr<const ScatteringCurve> load_scattering_curve(const std::filesystem::path& file) {
    const Table table = read_table(file, {"density_g_per_cm3", "molar_mass_g_per_mol"});
    const auto scale = stol_per(table.x_name);
    if (!scale) unknown_column(file, table.x_name, "stol_invA, s_invA or q_invA");
    const bool amplitude = table.y_name == "amplitude_e";
    if (!amplitude && table.y_name != "intensity_e2") unknown_column(file, table.y_name, "intensity_e2 or amplitude_e");
    auto curve = std::make_shared<ScatteringCurve>();
    for (const auto& [x, y] : table.rows) curve->points.push_back({x * *scale, amplitude ? y : std::sqrt(y)});
    const auto setting = [&](const char* name) {
        const auto found = table.settings.find(name);
        if (found == table.settings.end()) {
            throw DataError(
                fmt::format("{}: does not give {} (it turns a thickness into molecules). Add a line '{} X'.",
                            file.string(), name, name));
        }
        return found->second;
    };
    curve->density_g_per_cm3 = setting("density_g_per_cm3");
    curve->molar_mass_g_per_mol = setting("molar_mass_g_per_mol");
    return curve;
}

RadialProfile load_radial_profile(const std::filesystem::path& file) {
    const Table table = read_table(file, {});
    const auto scale = stol_per(table.x_name);
    if (!scale && table.x_name != "radius_mm") {
        unknown_column(file, table.x_name, "stol_invA, s_invA, q_invA or radius_mm");
    }
    if (table.y_name != "photons_per_px") unknown_column(file, table.y_name, "photons_per_px");
    RadialProfile profile;
    profile.axis = scale ? RadialProfile::Axis::stol_invA : RadialProfile::Axis::radius_mm;
    for (const auto& [x, y] : table.rows) {
        profile.x.push_back(x * scale.value_or(1.0));
        profile.photons_per_px.push_back(y);
    }
    return profile;
}

}  // namespace braggbench
