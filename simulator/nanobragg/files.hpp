// The files that nanoBragg reads: matrix, structure factors, sources, mosaic blocks, SMV headers and masks. Every
// reader throws DataError that names the file and, for text, the line.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulator/pixels.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench::nanobragg {

// Nine numbers, by rows.
Eigen::Matrix3d read_matrix(const std::filesystem::path& path);

// Amplitudes on the box of the listed indices, h slowest; `absent` where none is listed.
struct AmplitudeBox {
    MillerIndex min, max;
    std::vector<double> f_e;
    std::size_t listed = 0;

    [[nodiscard]] std::size_t index(int h, int k, int l) const;
};

// Lines "h k l F"; of a reflection listed twice the last counts.
AmplitudeBox read_hkl(const std::filesystem::path& path, double absent);

// nanoBragg's Fdump.bin: six integers, then doubles with one element more than needed along each axis.
AmplitudeBox read_dump(const std::filesystem::path& path);
std::string dump_bytes(const AmplitudeBox& box);

// A line "X Y Z I lambda", with what is missing at its end left to the defaults. Lengths in m.
struct SourceLine {
    std::optional<double> x, y, z, intensity, wavelength_m;
};
std::vector<SourceLine> read_sources(const std::filesystem::path& path);

// Nine numbers a line: rotation matrices by rows.
std::vector<Eigen::Matrix3d> read_blocks(const std::filesystem::path& path);

struct SmvHeader {
    int width = 0;
    int height = 0;
    std::size_t header_bytes = 0;
    std::map<std::string, std::string> values;

    [[nodiscard]] std::optional<double> number(const std::string& key) const;
};
SmvHeader read_smv_header(const std::filesystem::path& path);

// 1 where the SMV image is not 0.
std::vector<std::uint8_t> read_mask(const std::filesystem::path& path);

}  // namespace braggbench::nanobragg
