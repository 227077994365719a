// What an explanation leaves on disk beside its JSON: maps as HDF5 files and overlays as pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "explain/explain_corpus.hpp"
#include "explain/map_file.hpp"
#include "explain/subject.hpp"

namespace braggbench {

// One file per stage and method of the trained network, <model>-<stage>-<method>.h5 (docs/map-files.md), with the raw
// maps on their own grids. They get their names in finish(); nothing is written without a directory.
class MapFolder {
public:
    MapFolder(std::filesystem::path directory, std::string model_name, ViewSpec view);
    // Throws DataError if a file cannot be written.
    void append(const Subject& subject);
    void finish();

private:
    std::filesystem::path directory_;
    std::string model_name_;
    ViewSpec view_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<MapWriter>> writers_;
};

// Writes <output_directory>/overlays/<image>-<stage>-<map>.png for the rows that are worth it (explain/overlay.hpp),
// and returns what docs/results.md has under "overlays". `subject_of` makes an image's subject anew. `row_objects` and
// `rows` go together, as do the images of a row and `chosen`.
nlohmann::json draw_overlays(const std::vector<MapRow>& rows, const nlohmann::json& row_objects,
                             const std::vector<std::int64_t>& chosen, const std::vector<std::string>& class_names,
                             const ExplainOptions& options, const std::function<Subject(std::int64_t)>& subject_of);

}  // namespace braggbench
