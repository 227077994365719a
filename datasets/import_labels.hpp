// Tables of labels beside images: CSV with or without a header, and Hollatz's multiclasses.txt.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "labels/draw.hpp"
#include "labels/schema.hpp"

namespace braggbench {

struct LabelRow {
    std::string key;  // a file's name or path, "stack.h5#12", or an image's number
    std::string label;
    std::optional<Split> split;
    std::size_t line = 0;  // of the table, counted from 1
    ImageLabels labels;    // in the order of LabelTable::names
};

struct LabelTable {
    std::filesystem::path file;
    std::vector<LabelRow> rows;
    std::vector<std::string> class_names;  // in the table's own order; empty if it has none
    LabelNames names;                      // of labels beside the class
};

// RFC 4180. With a header: the column file (or image, index) and the column `class_column`, or else class or label;
// split may be a third, and there may be "attribute.NAME" (0, 1 or empty), "value.NAME" or "value.NAME [UNITS]" (a
// number or empty) and grade (miss, maybe, hit). Without one: file, label and perhaps split, in that order. Throws
// DataError naming file and line.
LabelTable read_label_csv(const std::filesystem::path& path, const std::string& class_column);

// Whether the file is a CSV whose header names a file and a class, as those of `braggbench export` do.
bool has_label_header(const std::filesystem::path& path);

// "name blank photo1 photo2 multilattice ice badice mosaic1 mosaic2" per line, separated by spaces (Hollatz 2022). The
// class is the one of blank, photo1 and photo2 that is set, "other" if none is; with `class_column` one of the flags,
// whose classes are then "no ice" and "ice". Throws DataError naming file and line.
LabelTable read_multiclasses(const std::filesystem::path& path, const std::string& class_column);

// "train", "validation" (also "valid" and "val"), "test"; nullopt for anything else.
std::optional<Split> split_named(std::string_view name);

}  // namespace braggbench
