#include "classifiers/csv.hpp"

#include <fmt/format.h>

#include <fstream>

#include "simulator/error.hpp"

namespace braggbench {

std::vector<std::string> csv_cells(std::string_view line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quoted) {
            if (c != '"') {
                cells.back() += c;
            } else if (i + 1 < line.size() && line[i + 1] == '"') {
                cells.back() += line[++i];
            } else {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == ',') {
            cells.emplace_back();
        } else {
            cells.back() += c;
        }
    }
    return cells;
}

std::string csv_cell(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::vector<CsvLine> read_csv(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw DataError(
            fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", path.string()));
    }
    std::vector<CsvLine> lines;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.find('\0') != std::string::npos) {
            throw DataError(
                fmt::format("{}:{}: a zero byte (this is not text). Give a CSV file.", path.string(), number));
        }
        if (line.empty()) continue;
        lines.push_back({number, csv_cells(line)});
        if (lines.back().cells.size() == lines.front().cells.size()) continue;
        throw DataError(fmt::format("{}:{}: {} cells under {} columns (every line has one of each). Correct the line.",
                                    path.string(), number, lines.back().cells.size(), lines.front().cells.size()));
    }
    if (lines.empty()) {
        throw DataError(fmt::format("{}: no lines (its first names the columns). Write it anew.", path.string()));
    }
    return lines;
}

}  // namespace braggbench
