// Statistics of one row of an image, by which images are compared with rows that are printed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace braggbench::test {

// What is measured of a row of pixels.
struct Row {
    double low = 0, high = 0, mean = 0;
    double noise = 0;   // rms of neighbours' second differences without the spots, per pixel
    double maxima = 0;  // local ones more than 5 sigma above the running median of 21
    double width = 0;   // of those at half height, mean
    double slope = 0;   // centre less edge
};

inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

inline Row row_statistics(const std::vector<double>& row) {
    const auto n = static_cast<int>(row.size());
    const auto at = [&](int i) { return row[static_cast<std::size_t>(i)]; };
    std::vector<double> above(row.size());
    for (int i = 0; i < n; ++i) {
        above[static_cast<std::size_t>(i)] =
            at(i) - median({row.begin() + std::max(0, i - 10), row.begin() + std::min(n, i + 11)});
    }
    Row found;
    found.low = std::ranges::min(row);
    found.high = std::ranges::max(row);
    for (const double value : row) found.mean += value / n;
    std::vector<double> bends;
    for (int i = 1; i + 1 < n; ++i) bends.push_back((at(i - 1) + at(i + 1)) / 2 - at(i));
    double sigma = 0;
    for (int round = 0; round < 6; ++round) {
        double squares = 0;
        for (const double bend : bends) squares += bend * bend;
        sigma = std::sqrt(squares / static_cast<double>(bends.size()));
        std::erase_if(bends, [&](double bend) { return std::abs(bend) > 3 * sigma; });
    }
    found.noise = sigma / std::sqrt(1.5);
    for (int i = 1; i + 1 < n; ++i) {
        const double height = above[static_cast<std::size_t>(i)];
        if (height <= 5 * found.noise || at(i) < at(i - 1) || at(i) <= at(i + 1)) continue;
        ++found.maxima;
        for (int j = i; j >= 0 && above[static_cast<std::size_t>(j)] > height / 2; --j) ++found.width;
        for (int j = i + 1; j < n && above[static_cast<std::size_t>(j)] > height / 2; ++j) ++found.width;
    }
    if (found.maxima > 0) found.width /= found.maxima;
    const double edge = (median({row.begin(), row.begin() + 30}) + median({row.end() - 30, row.end()})) / 2;
    found.slope = median({row.begin() + 241, row.begin() + 271}) - edge;
    return found;
}

// The rows that Hollatz's notebook prints, row 250 of four images of 512 pixels, measured so
// (hollatz_rows_test.cpp checks these numbers where the notebook is at hand).
struct PrintedRow {
    const char* what;
    Row row;
};
inline const std::array<PrintedRow, 4> printed_rows = {{{"strong", {125, 255, 154.4, 3.26, 28, 1.25, 42.5}},
                                                        {"ice", {92, 255, 118.3, 2.57, 21, 1.33, 33.0}},
                                                        {"multilattice", {123, 255, 149.8, 2.77, 13, 1.15, 41.5}},
                                                        {"blank", {108, 157, 131.1, 1.68, 0, 0, 34.5}}}};

}  // namespace braggbench::test
