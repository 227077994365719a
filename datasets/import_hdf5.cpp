#include "datasets/import_hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "datasets/import_labels.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using hdf5::DatasetInfo;
using hdf5::Handle;
using hdf5::Shape;

std::vector<double> read_column(const Handle& dataset, const Shape& shape, std::uint64_t column) {
    std::vector<double> values(shape[0]);
    const bool table = shape.size() == 2;
    hdf5::read_block(dataset, table ? Shape{0, column} : Shape{0}, table ? Shape{shape[0], 1} : Shape{shape[0]},
                     hdf5::Number::f64, values.data());
    return values;
}

std::uint64_t choose_column(const Handle& file, const std::string& path, std::uint64_t columns,
                            const std::string& class_column) {
    const auto names = hdf5::texts_attribute(hdf5::open(file, path), "names");
    const std::string wanted = class_column.empty() ? "class" : class_column;
    const auto found = std::ranges::find(names, wanted);
    if (found != names.end() && names.size() == columns) return static_cast<std::uint64_t>(found - names.begin());
    if (class_column.empty() && columns == 1) return 0;
    throw DataError(fmt::format("{} has {} columns ({}), and none is called \"{}\". Say which is the class (--class).",
                                hdf5::describe(file, path), columns, fmt::join(names, ", "), wanted));
}

std::vector<std::string> names_of(const Handle& dataset, bool table) {
    std::vector<std::string> names = hdf5::texts_attribute(dataset, "class_names");
    // Of a table @names are its columns.
    return names.empty() && !table ? hdf5::texts_attribute(dataset, "names") : names;
}

struct Named {
    std::vector<std::string> labels;
    std::vector<std::string> names;
};

Named read_labels(const Handle& file, const std::string& path, std::uint64_t count, const std::string& class_column) {
    const Handle dataset = hdf5::open(file, path);
    const DatasetInfo info = hdf5::dataset_info(dataset);
    if ((info.shape.size() != 1 && info.shape.size() != 2) || info.shape[0] != count) {
        throw DataError(
            fmt::format("{} has shape [{}] beside {} images (there is one label for each). Name another "
                        "dataset.",
                        hdf5::describe(file, path), fmt::join(info.shape, ", "), count));
    }
    Named result;
    if (info.text) {
        if (info.shape.size() != 1)
            throw DataError(hdf5::describe(file, path) + " is a table of text, not a label per image.");
        result.labels = hdf5::read_texts(file, path);
        const auto empty = std::ranges::find(result.labels, std::string());
        if (empty != result.labels.end()) {
            throw DataError(fmt::format("{}: image {} has an empty label. Name its class.", hdf5::describe(file, path),
                                        empty - result.labels.begin()));
        }
        return result;
    }
    if (!info.integer && !info.floating)
        throw DataError(hdf5::describe(file, path) + " holds neither numbers nor text.");
    const bool table = info.shape.size() == 2;
    const std::uint64_t column = table ? choose_column(file, path, info.shape[1], class_column) : 0;
    // Names of one column say nothing about another.
    if (class_column.empty() || class_column == "class") result.names = names_of(dataset, table);
    for (const double value : read_column(dataset, info.shape, column)) {
        const auto name = static_cast<std::size_t>(std::max(value, 0.0));
        if (!(std::abs(value) < 1e9) || value != std::floor(value) ||
            (!result.names.empty() && (value < 0.0 || name >= result.names.size()))) {
            throw DataError(fmt::format("{}: image {} has label {} ({}). Correct it or name another dataset.",
                                        hdf5::describe(file, path), result.labels.size(), value,
                                        result.names.empty() ? "a class is a whole number"
                                                             : fmt::format("there are {} names", result.names.size())));
        }
        result.labels.push_back(result.names.empty() ? fmt::format("{:.0f}", value) : result.names[name]);
    }
    return result;
}

// Columns of a table that are not the class, as numbers.
void read_other_columns(const Handle& file, const std::string& path, const std::string& class_column,
                        StackLabels& result) {
    const Handle dataset = hdf5::open(file, path);
    const Shape shape = hdf5::dataset_info(dataset).shape;
    if (shape.size() != 2) return;
    const std::uint64_t chosen = choose_column(file, path, shape[1], class_column);
    const auto names = hdf5::texts_attribute(dataset, "names");
    for (std::uint64_t column = 0; column < std::min<std::uint64_t>(shape[1], names.size()); ++column) {
        if (column == chosen) continue;
        result.names.values.push_back(names[column]);
        result.names.value_units.emplace_back("1");
        const std::vector<double> values = read_column(dataset, shape, column);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (std::isinf(values[i])) {
                throw DataError(fmt::format("{}: {} of image {} is infinite. Correct it.", hdf5::describe(file, path),
                                            names[column], i));
            }
            result.further[i].values.push_back(static_cast<float>(values[i]));
        }
    }
}

// The columns of a corpus of ours (docs/corpus.md).
void read_our_columns(const Handle& file, std::uint64_t count, StackLabels& result) {
    const std::string base = "/entry/labels/";
    if (hdf5::is_group(file, base + "attributes")) {
        for (const std::string& name : hdf5::texts_attribute(hdf5::open(file, base + "attributes"), "names")) {
            const auto column = hdf5::read_all<std::uint8_t>(file, base + "attributes/" + name, {count});
            result.names.attributes.push_back(name);
            for (std::size_t i = 0; i < column.size(); ++i) result.further[i].attributes.push_back(column[i]);
        }
    }
    if (hdf5::is_group(file, base + "values")) {
        for (const std::string& name : hdf5::texts_attribute(hdf5::open(file, base + "values"), "names")) {
            const std::string path = base + "values/" + name;
            const auto column = hdf5::read_all<float>(file, path, {count});
            result.names.values.push_back(name);
            result.names.value_units.push_back(hdf5::text_attribute(hdf5::open(file, path), "units").value_or("1"));
            for (std::size_t i = 0; i < column.size(); ++i) result.further[i].values.push_back(column[i]);
        }
    }
    if (!hdf5::is_dataset(file, base + "grade")) return;
    const auto column = hdf5::read_all<std::uint8_t>(file, base + "grade", {count});
    result.names.graded = true;
    for (std::size_t i = 0; i < column.size(); ++i) {
        if (column[i] > static_cast<std::uint8_t>(Grade::hit)) {
            throw DataError(fmt::format("{}: image {} has grade {} (0 to 2 are known). Correct it.",
                                        hdf5::describe(file, base + "grade"), i, column[i]));
        }
        result.further[i].grade = static_cast<Grade>(column[i]);
    }
}

std::vector<Split> read_splits(const Handle& file, const std::string& path, std::uint64_t count) {
    Named named = read_labels(file, path, count, "");
    std::vector<Split> splits;
    for (std::size_t i = 0; i < named.labels.size(); ++i) {
        auto split = split_named(named.labels[i]);
        if (!split && named.names.empty() && named.labels[i].size() == 1 && named.labels[i][0] >= '0' &&
            named.labels[i][0] <= '2') {
            split = static_cast<Split>(named.labels[i][0] - '0');
        }
        if (!split) {
            throw DataError(fmt::format("{}: image {} is of split \"{}\" (known are train, validation and test).",
                                        hdf5::describe(file, path), i, named.labels[i]));
        }
        splits.push_back(*split);
    }
    return splits;
}

}  // namespace

std::optional<StackLabels> stack_labels(const std::filesystem::path& path, std::uint64_t count,
                                        const std::string& dataset, const std::string& class_column) {
    const Handle file = hdf5::open_file(path);
    std::string place = dataset;
    if (place.empty()) {
        for (const char* known : {"/entry/labels/class", "/labels"}) {
            if (place.empty() && hdf5::is_dataset(file, known)) place = known;
        }
        if (place.empty()) return std::nullopt;
    } else if (!hdf5::is_dataset(file, place)) {
        throw DataError(fmt::format("{}: has no dataset {}. Name the one that holds the labels, or a CSV file.",
                                    path.string(), place));
    }
    Named named = read_labels(file, place, count, class_column);
    StackLabels result{std::move(named.labels), std::move(named.names), {}, {}, std::vector<ImageLabels>(count)};
    read_other_columns(file, place, class_column, result);
    if (place == "/entry/labels/class") read_our_columns(file, count, result);
    const std::string split = place.substr(0, place.find_last_of('/') + 1) + "split";
    if (hdf5::is_dataset(file, split)) result.splits = read_splits(file, split, count);
    return result;
}

std::optional<CxiPeaks> CxiPeaks::open(const std::filesystem::path& path, std::uint64_t count) {
    CxiPeaks peaks;
    peaks.file_ = hdf5::open_file(path);
    const std::string base = "/entry_1/result_1/";
    for (const char* name : {"nPeaks", "peakXPosRaw", "peakYPosRaw", "peakTotalIntensity"}) {
        if (!hdf5::is_dataset(peaks.file_, base + name)) return std::nullopt;
    }
    peaks.counts_ = hdf5::read_all<std::int32_t>(peaks.file_, base + "nPeaks", {count});
    peaks.x_ = hdf5::open(peaks.file_, base + "peakXPosRaw");
    peaks.y_ = hdf5::open(peaks.file_, base + "peakYPosRaw");
    peaks.intensity_ = hdf5::open(peaks.file_, base + "peakTotalIntensity");
    const Shape shape = hdf5::dataset_info(peaks.x_).shape;
    if (shape.size() != 2 || shape[0] != count) {
        throw DataError(fmt::format("{} has shape [{}], not one row for each of {} images.", hdf5::describe(peaks.x_),
                                    fmt::join(shape, ", "), count));
    }
    peaks.columns_ = shape[1];
    hdf5::check_shape(peaks.y_, shape);
    hdf5::check_shape(peaks.intensity_, shape);
    return peaks;
}

std::vector<Peak> CxiPeaks::read(std::uint64_t index) const {
    const std::int32_t count = counts_.at(index);
    if (count < 0 || static_cast<std::uint64_t>(count) > columns_) {
        throw DataError(fmt::format("{}: image {} has {} peaks in a table of {} columns.", hdf5::describe(file_), index,
                                    count, columns_));
    }
    std::vector<Peak> peaks(static_cast<std::size_t>(count));
    if (peaks.empty()) return peaks;
    std::vector<float> values(peaks.size());
    const auto read = [&](const Handle& dataset, const auto& set) {
        hdf5::read_block(dataset, {index, 0}, {1, peaks.size()}, hdf5::Number::f32, values.data());
        for (std::size_t i = 0; i < peaks.size(); ++i) {
            if (!std::isfinite(values[i])) {
                throw DataError(fmt::format("{}: peak {} of image {} is not a number. Correct the list or remove it.",
                                            hdf5::describe(dataset), i, index));
            }
            set(peaks[i], values[i]);
        }
    };
    // CXI counts from the centre of pixel (0, 0).
    constexpr float half_px = 0.5F;
    read(x_, [](Peak& peak, float value) { peak.fast_px = value + half_px; });
    read(y_, [](Peak& peak, float value) { peak.slow_px = value + half_px; });
    read(intensity_, [](Peak& peak, float value) { peak.photons = value; });
    for (Peak& peak : peaks) {
        peak.visible = true;
        // Of one pixel: the list does not say how far a spot spreads.
        constexpr float one_pixel_px2 = 1.0F / 12.0F;
        peak.var_fast_px2 = one_pixel_px2;
        peak.var_slow_px2 = one_pixel_px2;
    }
    return peaks;
}

}  // namespace braggbench
