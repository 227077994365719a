#include "classifiers/predictions_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>

#include "classifiers/csv.hpp"
#include "datasets/hdf5.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Probabilities printed to three digits still add up to 1 this well, for as many classes as a corpus has.
constexpr double sum_tolerance = 0.01;
constexpr std::size_t named_at_most = 5;

const std::vector<std::string> head_names = {"class", "hit", "attributes", "values"};

// What a file holds, before it is compared with the corpus.
struct ColumnName {
    std::string head;
    std::string output;
};
struct Table {
    std::string path;
    std::vector<ColumnName> columns;
    std::vector<std::int64_t> images;
    std::vector<std::string> places;          // of each row, for messages: "predictions.csv:12"
    std::vector<std::vector<double>> scores;  // a row per image
};

// The outputs that a head may have in this corpus.
const std::vector<std::string>& known_outputs(const std::string& head, const HeadSource& source) {
    static const std::vector<std::string> hit = {"miss", "hit"};
    if (head == "class") return source.class_names;
    if (head == "hit") return hit;
    return head == "attributes" ? source.labels.attributes : source.labels.values;
}

void check_column(const std::string& place, const ColumnName& column, const HeadSource& source) {
    if (std::ranges::count(head_names, column.head) == 0) {
        throw DataError(
            fmt::format("{}: unknown column \"{}\" (columns are image, and class, hit, attributes or values, "
                        "each with :NAME). Did you mean \"{}\"?",
                        place, column.head, nearest_name(column.head, head_names)));
    }
    const auto& known = known_outputs(column.head, source);
    if (std::ranges::count(known, column.output) > 0) return;
    throw DataError(fmt::format("{}: \"{}\" is not among the {} of {} ({}). Did you mean \"{}\"?", place, column.output,
                                column.head == "class" ? "classes" : column.head, source.origin,
                                known.empty() ? "it has none" : fmt::format("{}", fmt::join(known, ", ")),
                                nearest_name(column.output, known)));
}

template <class T>
std::optional<T> number(const std::string& text) {
    T value{};
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string::npos) return std::nullopt;
    const auto end = text.find_last_not_of(" \t") + 1;
    const auto read = std::from_chars(text.data() + begin, text.data() + end, value);
    if (read.ec != std::errc() || read.ptr != text.data() + end) return std::nullopt;
    return value;
}

Table read_csv_table(const std::filesystem::path& path, const HeadSource& source) {
    const auto lines = read_csv(path);
    const std::string header = fmt::format("{}:{}", path.string(), lines.front().number);
    Table table;
    table.path = path.string();
    std::optional<std::size_t> image_cell;
    struct Cell {
        std::size_t cell;
        bool names;  // it holds the name of the answer rather than a score
        std::size_t first_column;
    };
    std::vector<Cell> cells;
    for (std::size_t c = 0; c < lines.front().cells.size(); ++c) {
        const std::string& name = lines.front().cells[c];
        if (name == "image") {
            if (image_cell) throw DataError(fmt::format("{}: column image twice (which holds?). Keep one.", header));
            image_cell = c;
            continue;
        }
        const auto colon = name.find(':');
        const bool names = name == "class" || name == "hit";
        cells.push_back({c, names, table.columns.size()});
        if (names) {
            for (const auto& output : known_outputs(name, source)) table.columns.push_back({name, output});
            continue;
        }
        table.columns.push_back({name.substr(0, colon), colon == std::string::npos ? "" : name.substr(colon + 1)});
        check_column(header, table.columns.back(), source);
    }
    if (!image_cell) {
        throw DataError(
            fmt::format("{}: no column image (it tells which image of the corpus a line is about). Add it.", header));
    }
    for (const auto& line : std::span(lines).subspan(1)) {
        const std::string place = fmt::format("{}:{}", path.string(), line.number);
        const auto image = number<std::int64_t>(line.cells[*image_cell]);
        if (!image) {
            throw DataError(fmt::format("{}: image \"{}\" (images count from 0). Give a whole number.", place,
                                        line.cells[*image_cell]));
        }
        std::vector<double> scores(table.columns.size(), 0.0);
        for (const auto& cell : cells) {
            const std::string& text = line.cells[cell.cell];
            if (!cell.names) {
                const auto score = number<double>(text);
                if (!score) {
                    throw DataError(fmt::format("{}: \"{}\" under {} (a number is needed). Correct it.", place, text,
                                                lines.front().cells[cell.cell]));
                }
                scores[cell.first_column] = *score;
                continue;
            }
            const auto& known = known_outputs(lines.front().cells[cell.cell], source);
            const auto found = std::ranges::find(known, text);
            if (found == known.end()) {
                throw DataError(fmt::format("{}: unknown {} \"{}\" (there are {}). Did you mean \"{}\"?", place,
                                            lines.front().cells[cell.cell], text, fmt::join(known, ", "),
                                            nearest_name(text, known)));
            }
            scores[cell.first_column + static_cast<std::size_t>(std::distance(known.begin(), found))] = 1.0;
        }
        table.images.push_back(*image);
        table.places.push_back(place);
        table.scores.push_back(std::move(scores));
    }
    return table;
}

Table read_hdf5_table(const std::filesystem::path& path, const HeadSource& source,
                      std::span<const std::int64_t> split_images) {
    const auto file = hdf5::open_file(path);
    Table table;
    table.path = path.string();
    if (!hdf5::is_group(file, "predictions")) {
        throw DataError(fmt::format(
            "{}: no group /predictions (docs/predictions.md tells what it holds). Write it anew.", path.string()));
    }
    table.images.assign(split_images.begin(), split_images.end());
    if (hdf5::is_dataset(file, "predictions/image")) {
        const auto shape = hdf5::dataset_info(hdf5::open(file, "predictions/image")).shape;
        table.images = hdf5::read_all<std::int64_t>(file, "predictions/image", {shape.empty() ? 1 : shape.front()});
    }
    const std::uint64_t rows = table.images.size();
    table.scores.resize(rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
        table.places.push_back(fmt::format("{}: row {} of /predictions", path.string(), row));
    }
    for (const auto& head : hdf5::children(file, "predictions")) {
        if (head == "image") continue;
        const std::string place = fmt::format("{}: /predictions/{}", path.string(), head);
        if (std::ranges::count(head_names, head) == 0) check_column(place, {head, ""}, source);
        const auto dataset = hdf5::open(file, "predictions/" + head);
        auto outputs = hdf5::texts_attribute(dataset, "outputs");
        if (outputs.empty()) outputs = known_outputs(head, source);
        for (const auto& output : outputs) {
            check_column(place, {head, output}, source);
            table.columns.push_back({head, output});
        }
        const auto shape = hdf5::dataset_info(dataset).shape;
        if (shape != hdf5::Shape{rows, outputs.size()}) {
            throw DataError(
                fmt::format("{}: its shape is [{}] (one row for each of {} images, one column for each of {} "
                            "outputs). Write it anew, or add /predictions/image.",
                            place, fmt::join(shape, ", "), rows, outputs.size()));
        }
        const auto values = hdf5::read_all<float>(file, "predictions/" + head, shape);
        for (std::size_t row = 0; row < rows; ++row) {
            const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * outputs.size());
            table.scores[row].insert(table.scores[row].end(), begin,
                                     begin + static_cast<std::ptrdiff_t>(outputs.size()));
        }
    }
    return table;
}

// A probability of a hit is one of a miss as well.
void complete_hits(Table& table) {
    std::vector<std::size_t> hit;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
        if (table.columns[c].head == "hit") hit.push_back(c);
    }
    if (hit.size() != 1 || table.columns[hit.front()].output != "hit") return;
    table.columns.push_back({"hit", "miss"});
    for (auto& row : table.scores) row.push_back(1.0 - row[hit.front()]);
}

std::vector<Head> heads_of(const Table& table, const HeadSource& source) {
    std::vector<std::string> texts;
    for (const auto& name : head_names) {
        std::vector<std::string> outputs;
        for (const auto& column : table.columns) {
            if (column.head == name) outputs.push_back(column.output);
        }
        if (outputs.empty()) continue;
        for (const auto& output : outputs) {
            if (std::ranges::count(outputs, output) < 2) continue;
            throw DataError(fmt::format("{}: {}:{} twice (which holds?). Keep one.", table.path, name, output));
        }
        const bool all_needed = name == "class" || name == "hit";
        for (const auto& known : known_outputs(name, source)) {
            if (!all_needed || std::ranges::count(outputs, known) > 0) continue;
            throw DataError(
                fmt::format("{}: no column {}:{} (probabilities of all its outputs are needed). Add it, or "
                            "give the names of the answers in a column {}.",
                            table.path, name, known, name));
        }
        texts.push_back(all_needed ? name : fmt::format("{}={}", name, fmt::join(outputs, ",")));
    }
    if (texts.empty()) {
        throw DataError(
            fmt::format("{}: no predictions (image is its only column). Add class, hit, attributes:NAME or "
                        "values:NAME.",
                        table.path));
    }
    return make_heads(texts, source);
}

// The row of each image of the split.
std::vector<std::size_t> rows_of_split(const Table& table, const CorpusReader& corpus,
                                       std::span<const std::int64_t> split_images) {
    std::map<std::int64_t, std::size_t> row_of;
    for (std::size_t row = 0; row < table.images.size(); ++row) {
        const auto image = table.images[row];
        if (image < 0 || image >= corpus.info().image_count) {
            throw DataError(fmt::format("{}: image {} ({} has images 0 to {}). Number them as in the corpus.",
                                        table.places[row], image, corpus.path().string(),
                                        corpus.info().image_count - 1));
        }
        const auto [first, is_new] = row_of.emplace(image, row);
        if (!is_new) {
            throw DataError(fmt::format("{}: image {} again (it is also at {}). Keep one of them.", table.places[row],
                                        image, table.places[first->second]));
        }
    }
    std::vector<std::size_t> rows;
    std::vector<std::int64_t> missing;
    for (const auto image : split_images) {
        const auto found = row_of.find(image);
        if (found == row_of.end()) {
            missing.push_back(image);
        } else {
            rows.push_back(found->second);
        }
    }
    if (!missing.empty()) {
        const auto named = std::span(missing).first(std::min(missing.size(), named_at_most));
        throw DataError(
            fmt::format("{}: no predictions for {} of the {} images of the split: {}{} (all must be answered). "
                        "Add them, or choose another --split.",
                        table.path, missing.size(), split_images.size(), fmt::join(named, ", "),
                        missing.size() > named.size() ? ", ..." : ""));
    }
    return rows;
}

void check_scores(const Head& head, std::span<const float> scores, const std::string& place) {
    double sum = 0.0;
    for (std::size_t c = 0; c < scores.size(); ++c) {
        const double score = static_cast<double>(scores[c]);
        const bool probability = head.kind != HeadKind::regression;
        if (!std::isfinite(score) || (probability && (score < 0.0 || score > 1.0))) {
            throw DataError(fmt::format("{}: {:.6g} for {}:{} ({}). Correct it.", place, score, head.name,
                                        head.outputs[c],
                                        probability ? "a probability lies between 0 and 1" : "a number is needed"));
        }
        sum += score;
    }
    if (head.kind == HeadKind::one_of_n && std::abs(sum - 1.0) > sum_tolerance) {
        throw DataError(
            fmt::format("{}: the probabilities of {} add up to {:.6g} (they exclude each other, so it must "
                        "be 1). Give a softmax.",
                        place, head.name, sum));
    }
}

std::string csv_text(const Predictions& predictions) {
    std::string text = "image";
    for (const auto& head : predictions.heads) {
        for (const auto& output : head.outputs) {
            text += ',';
            text += csv_cell(head.name + ":" + output);
        }
    }
    text += '\n';
    for (std::size_t i = 0; i < predictions.scores.size(); ++i) {
        text += fmt::format("{}", predictions.image_indices[i]);
        for (const float score : predictions.scores[i]) text += fmt::format(",{}", score);  // shortest that reads back
        text += '\n';
    }
    return text;
}

void write_hdf5(const std::filesystem::path& path, const Predictions& predictions) {
    const auto file = hdf5::create_file(path);
    hdf5::set_attribute(file, "program", fmt::format("braggbench {} ({})", version(), git_commit()));
    const auto group = hdf5::create_group(file, "predictions", "NXcollection");
    hdf5::set_attribute(group, "model", predictions.model);
    hdf5::set_attribute(group, "split", split_name(predictions.split));
    const std::uint64_t rows = predictions.scores.size();
    hdf5::write_values(group, "image", hdf5::Number::i64, predictions.image_indices.data(), {rows});
    for (const auto& head : predictions.heads) {
        const auto first = output_offset(predictions.heads, head.name);
        std::vector<float> values;
        for (const auto& row : predictions.scores) {
            const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first);
            values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(head.outputs.size()));
        }
        const auto dataset =
            hdf5::write_values(group, head.name, hdf5::Number::f32, values.data(), {rows, head.outputs.size()});
        hdf5::set_attribute(dataset, "kind", to_string(head.kind));
        hdf5::set_attribute(dataset, "outputs", head.outputs);
        if (!head.units.empty()) hdf5::set_attribute(dataset, "units", head.units);
    }
}

}  // namespace

Predictions read_predictions(const std::filesystem::path& path, const CorpusReader& corpus, Split split) {
    const auto source = head_source(corpus);
    Predictions predictions;
    predictions.model = path.filename().string();
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);
    auto table = hdf5::has_signature(path) ? read_hdf5_table(path, source, predictions.image_indices)
                                           : read_csv_table(path, source);
    complete_hits(table);
    predictions.heads = heads_of(table, source);
    std::vector<std::size_t> column_of;
    for (const auto& head : predictions.heads) {
        for (const auto& output : head.outputs) {
            const auto same = [&](const ColumnName& column) {
                return column.head == head.name && column.output == output;
            };
            column_of.push_back(static_cast<std::size_t>(
                std::distance(table.columns.begin(), std::ranges::find_if(table.columns, same))));
        }
    }
    for (const auto row : rows_of_split(table, corpus, predictions.image_indices)) {
        std::vector<float> scores;
        for (const auto column : column_of) scores.push_back(static_cast<float>(table.scores[row][column]));
        std::size_t first = 0;
        for (const auto& head : predictions.heads) {
            check_scores(head, std::span(scores).subspan(first, head.outputs.size()), table.places[row]);
            first += head.outputs.size();
        }
        predictions.scores.push_back(std::move(scores));
    }
    return predictions;
}

void require_predictions_ending(const std::filesystem::path& path) {
    const auto ending = path.extension();
    if (ending == ".csv" || ending == ".h5" || ending == ".hdf5") return;
    throw UsageError(fmt::format(
        "{}: its ending tells no format (predictions are written as .csv, .h5 or .hdf5). Choose one of them.",
        path.string()));
}

void write_predictions(const std::filesystem::path& path, const Predictions& predictions) {
    require_predictions_ending(path);
    if (path.extension() == ".csv") {
        replace_file(path, csv_text(predictions));
    } else {
        replace_file(path, [&](const std::filesystem::path& temporary) { write_hdf5(temporary, predictions); });
    }
}

}  // namespace braggbench
