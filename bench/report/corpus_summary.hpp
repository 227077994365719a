// What a corpus holds, for people: counts, geometry and ranges as JSON, and a contact sheet with the peaks marked.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "bench/report/report.hpp"
#include "datasets/corpus.hpp"
#include "datasets/picture.hpp"

namespace braggbench {

// Peaks are read from at most this many images of every class, spread evenly over the corpus.
inline constexpr int summary_peak_images_per_class = 100;

// {"file", "name", "description", "seed", "images", "class_names", "splits": [3], "counts": [class][split],
//  "classes": [{"name", "images", "crystal_images", "fluence_photons_per_m2": R, "photons_per_pixel": R,
//               "peak_images", "visible_peaks": {"p05", "median", "p95"}}],
//  "geometry": {"width_px", "height_px", "pixel_size_mm", "distance_mm", "wavelength_A", "photon_energy_keV",
//               "beam_fast_px": R, "beam_slow_px": R, "d_edge_A", "d_corner_A"},
//  "response": {...}, "ranges": {"crystal.cells_per_block": R, ...: whatever was drawn},
//  "recipe": {"model", "d_min_A", "beam_diameter_um", "polarization"},
//  "visible_rule": {"min_snr", "listed_min_photons"}, "recipe_toml", "provenance"}
// R = [lowest, highest] over the images concerned, null if there are none; "recipe" is null in a corpus without one.
// Throws DataError if the corpus cannot be read or its recipe does not parse.
nlohmann::json corpus_summary(const CorpusReader& corpus);

// One row per class with `per_class` images chosen by the seed, circles around the visible peaks of the right half
// (the left stays bare, to be judged); large images are reduced by block maxima.
Picture corpus_contact_sheet(const CorpusReader& corpus, int per_class, std::uint64_t seed);

// At most `per_class` images of every class, chosen by the seed, in the file's order.
std::vector<std::vector<std::int64_t>> sample_by_class(const CorpusReader& corpus, int per_class, std::uint64_t seed);

// One image as the contact sheet shows it, with a caption.
Tile corpus_tile(const CorpusReader& corpus, std::int64_t index);

// Corpus, summary and contact sheet of a report; results and commands are left to the caller.
ReportInput report_input(const CorpusReader& corpus, std::uint64_t seed = 1);

}  // namespace braggbench
