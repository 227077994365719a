// Names and columns of the corpus file, shared by its writer and its reader (docs/corpus.md).
#pragma once

#include <fmt/format.h>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench::corpus_layout {

inline constexpr std::int32_t format_version = 3;
inline constexpr const char* format_attribute = "braggbench_corpus_version";
inline constexpr const char* checksum_path = "/entry/data/checksum";
inline constexpr const char* first_image_path = "/entry/first_image";  // of a part
inline constexpr const char* manifest_path = "/entry/manifest";

// Rows per chunk of a table that grows; small, so that one image's peaks cost little to read.
inline constexpr std::uint64_t rows_per_chunk = 4096;
// CrystFEL reads at most this many peaks per image (its default for CXI peak lists).
inline constexpr std::uint64_t max_cxi_peaks = 2048;
inline constexpr std::uint64_t cxi_chunk = 64;  // images and peaks per chunk of a CXI peak table

inline const std::vector<std::string> grade_names = {"miss", "maybe", "hit"};

// One module per panel; a detector of one has it as "module".
inline std::string module_name(std::size_t number, std::size_t count) {
    return count == 1 ? "module" : fmt::format("module_{:03}", number);
}

// Calls visit(name, units, get, set) for each column of the peak table; get and set give its stored type.
template <class Visit>
void for_each_peak_column(Visit&& visit) {
    const auto number = [&](const char* name, const char* units, float Peak::*member) {
        visit(
            name, units, [=](const Peak& peak) { return peak.*member; },
            [=](Peak& peak, float value) { peak.*member = value; });
    };
    const auto index = [&](const char* name, int MillerIndex::*member) {
        visit(
            name, "1", [=](const Peak& peak) { return static_cast<std::int32_t>(peak.hkl.*member); },
            [=](Peak& peak, std::int32_t value) { peak.hkl.*member = value; });
    };
    index("h", &MillerIndex::h);
    index("k", &MillerIndex::k);
    index("l", &MillerIndex::l);
    visit(
        "lattice", "1", [](const Peak& peak) { return peak.lattice; },
        [](Peak& peak, std::uint8_t value) { peak.lattice = value; });
    visit(
        "kind", "1", [](const Peak& peak) { return static_cast<std::uint8_t>(peak.kind); },
        [](Peak& peak, std::uint8_t value) { peak.kind = static_cast<PeakKind>(value); });
    visit(
        "visible", "1", [](const Peak& peak) { return static_cast<std::uint8_t>(peak.visible ? 1 : 0); },
        [](Peak& peak, std::uint8_t value) { peak.visible = value != 0; });
    number("fast_px", "pixels", &Peak::fast_px);
    number("slow_px", "pixels", &Peak::slow_px);
    number("photons", "counts", &Peak::photons);
    number("var_fast_px2", "pixels^2", &Peak::var_fast_px2);
    number("var_slow_px2", "pixels^2", &Peak::var_slow_px2);
    number("cov_px2", "pixels^2", &Peak::cov_px2);
    number("background_photons", "counts", &Peak::background_photons);
    number("snr", "1", &Peak::snr);
    number("d_A", "angstrom", &Peak::d_A);
}

}  // namespace braggbench::corpus_layout
