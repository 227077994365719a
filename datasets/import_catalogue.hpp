// The list of images that an import reads, each with its label: what is found in folders, tables and stacks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/import.hpp"
#include "labels/draw.hpp"
#include "labels/schema.hpp"

namespace braggbench {

struct ImportItem {
    std::filesystem::path file;
    std::int64_t index = 0;  // within a stack
    bool in_stack = false;
    int class_index = -1;
    std::optional<Split> split;
    ImageLabels labels;  // in the order of ImportCatalogue::labels

    [[nodiscard]] std::string name() const;  // the path, with "#k" in a stack
};

struct ImportCatalogue {
    std::vector<ImportItem> items;  // in the order of import: a table's own, else by path
    std::vector<std::string> class_names;
    LabelNames labels;  // beside the class: all that a source has; unknown and undefined where another has it not
};

// Opens stacks to count their images; other files are only named. Throws UsageError and DataError as import_corpus()
// does: a label for no image, an image without a label or with two, a file that is no image among images, nothing at
// all.
ImportCatalogue find_images(const std::vector<std::filesystem::path>& sources, const ImportOptions& options);

}  // namespace braggbench
