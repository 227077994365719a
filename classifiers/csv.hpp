// Comma-separated text (RFC 4180), a line at a time: what a file of predictions and a list of peaks need.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace braggbench {

// The cells of one line, quotes undone.
std::vector<std::string> csv_cells(std::string_view line);

// A cell as it is written: in quotes if it holds a comma, a quote or a line's end.
std::string csv_cell(std::string_view text);

struct CsvLine {
    int number = 0;  // in the file, from 1
    std::vector<std::string> cells;
};

// All lines but empty ones, without byte order mark and carriage returns; cells hold no line ends. Throws DataError if
// the file cannot be read, is not text, has no lines, or has one of another number of cells than the first.
std::vector<CsvLine> read_csv(const std::filesystem::path& path);

}  // namespace braggbench
