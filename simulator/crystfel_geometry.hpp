// CrystFEL's text geometry files (.geom), read and written. Reference: crystfel_geometry(5) of CrystFEL 0.10. Its lab
// frame is ours: +z along the beam, +y up, +x completing a right-handed frame, hence to the left seen along the beam;
// its corner_x/y is the outer corner of the panel's first pixel, in pixels. Lengths here are in mm, in the file in m.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simulator/detector.hpp"
#include "simulator/image.hpp"

namespace braggbench {

using CrystfelStatement = std::pair<std::string, std::string>;  // what stands left and right of "="

// What a geometry file says of a panel besides its place.
struct CrystfelPanel {
    std::string name;
    int first_fast_px = 0;  // of the panel in the file's data block (min_fs, min_ss)
    int first_slow_px = 0;
    double camera_length_mm = 0.0;  // clen; the rest of the panel's z is coffset
    std::optional<double> adu_per_photon;
    std::optional<double> adu_per_eV;
    std::optional<double> max_adu;
    bool indexed = true;                        // no_index = 0
    std::vector<CrystfelStatement> statements;  // data, dim*, mask*, ...: kept and written back, without effect here
};

// A rectangle of pixels to leave out, either of one panel (or of all, without a name) in the pixels of its data block,
// last one included, or in lab x and y in units of the panel's pixels.
struct CrystfelBadRegion {
    std::string name;
    std::string panel;
    bool in_lab = false;
    double min_fast_or_x = 0.0, max_fast_or_x = 0.0, min_slow_or_y = 0.0, max_slow_or_y = 0.0;
};

struct CrystfelGeometry {
    Detector detector;                  // panels in the file's order
    std::vector<CrystfelPanel> panels;  // one for each of the detector's
    std::optional<double> photon_energy_eV;
    std::vector<CrystfelBadRegion> bad_regions;
    std::vector<CrystfelStatement> statements;  // rigid groups, peak lists, ...: kept and written back, as above
};

struct CrystfelOptions {
    std::optional<double> camera_length_mm = std::nullopt;  // for files whose clen is a place in a data file
};

// Panels that share a place in the data block (other `dim` numbers, other data sets) are stacked along slow in the
// order of their numbers. Throws DataError naming file and line for what cannot be understood, for contradictory panels
// and for a camera length that is neither in the file nor given.
CrystfelGeometry read_crystfel_geometry(const std::filesystem::path& path, const CrystfelOptions& options = {});

// Panels named p0, p1, ... in one data block, the detector's image.
CrystfelGeometry crystfel_geometry(const Detector& detector, double photon_energy_eV, double adu_per_photon);

// Writes a file that read_crystfel_geometry() reads back the same, to rounding in the twelfth digit.
void write_crystfel_geometry(const std::filesystem::path& path, const CrystfelGeometry& geometry);

// Of the first panel, from adu_per_photon or from adu_per_eV and the photon energy; empty if the file gives neither.
std::optional<double> gain_adu_per_photon(const CrystfelGeometry& geometry);

// 1 for pixels of indexed panels outside every bad region. Masks in HDF5 files are not read.
Image<std::uint8_t> good_pixels(const CrystfelGeometry& geometry);

}  // namespace braggbench
