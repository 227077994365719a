#include "datasets/import_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "datasets/file_bytes.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

struct CsvRow {
    std::vector<std::string> fields;
    std::size_t line = 0;
};

[[noreturn]] void fail(const fs::path& path, std::size_t line, std::string_view problem) {
    throw DataError(fmt::format("{}:{}: {}", path.string(), line, problem));
}

void strip(std::string& text) {
    constexpr const char* blanks = " \t";
    text.erase(0, std::min(text.find_first_not_of(blanks), text.size()));
    text.erase(text.find_last_not_of(blanks) + 1);
}

// RFC 4180, also with a byte-order mark, bare newlines and blanks around fields that are not quoted.
std::vector<CsvRow> parse_csv(const fs::path& path, std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    std::vector<CsvRow> rows;
    CsvRow row{{}, 1};
    std::string field;
    bool quoted = false;
    bool was_quoted = false;
    std::size_t line = 1;
    const auto end_field = [&] {
        if (!was_quoted) strip(field);
        row.fields.push_back(std::move(field));
        field.clear();
        was_quoted = false;
    };
    const auto end_row = [&] {
        end_field();
        if (row.fields.size() > 1 || !row.fields.front().empty()) rows.push_back(std::move(row));
        row = {{}, line + 1};
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char letter = text[i];
        if (quoted) {
            if (letter != '"') {
                field += letter;
            } else if (i + 1 < text.size() && text[i + 1] == '"') {
                field += text[++i];
            } else {
                quoted = false;
            }
        } else if (letter == '"' && field.find_first_not_of(" \t") == std::string::npos) {
            field.clear();
            quoted = true;
            was_quoted = true;
        } else if (letter == ',') {
            end_field();
        } else if (letter == '\n') {
            end_row();
        } else if (letter != '\r') {
            field += letter;
        }
        if (letter == '\n') ++line;
    }
    if (quoted) fail(path, row.line, "a quoted field does not end (the file is truncated). Copy it again.");
    if (!field.empty() || !row.fields.empty()) end_row();
    return rows;
}

std::optional<std::size_t> column(const std::vector<std::string>& header,
                                  std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        const auto found = std::ranges::find(header, name);
        if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
    }
    return std::nullopt;
}

struct CsvColumns {
    std::size_t key = 0;
    std::size_t label = 1;
    std::optional<std::size_t> split;
    bool header = false;
    // Of labels beside the class, in the order of `names`.
    std::vector<std::size_t> attributes;
    std::vector<std::size_t> values;
    std::optional<std::size_t> grade;
    LabelNames names;
};

void find_further_columns(const std::vector<std::string>& header, CsvColumns& columns) {
    constexpr std::string_view attribute = "attribute.";
    constexpr std::string_view value = "value.";
    for (std::size_t i = 0; i < header.size(); ++i) {
        const std::string& name = header[i];
        if (name.starts_with(attribute)) {
            columns.attributes.push_back(i);
            columns.names.attributes.push_back(name.substr(attribute.size()));
        } else if (name.starts_with(value)) {
            const std::size_t units = name.ends_with(']') ? name.rfind(" [") : std::string::npos;
            columns.values.push_back(i);
            columns.names.values.push_back(
                name.substr(value.size(), units == std::string::npos ? units : units - value.size()));
            columns.names.value_units.push_back(
                units == std::string::npos ? "1" : name.substr(units + 2, name.size() - units - 3));
        } else if (name == "grade") {
            columns.grade = i;
            columns.names.graded = true;
        }
    }
}

double number(const fs::path& path, std::size_t line, const std::string& name, const std::string& word) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(value)) {
        fail(path, line, fmt::format("{} = \"{}\" (it is a number). Correct it.", name, word));
    }
    return value;
}

bool flag(const fs::path& path, std::size_t line, const std::string& name, const std::string& word) {
    const double value = number(path, line, name, word);
    if (value != 0.0 && value != 1.0) fail(path, line, fmt::format("{} = {} (it is 0 or 1). Correct it.", name, word));
    return value != 0.0;
}

ImageLabels further_labels(const fs::path& path, const CsvRow& row, const CsvColumns& columns) {
    const auto field = [&](std::size_t column) {
        return column < row.fields.size() ? row.fields[column] : std::string();
    };
    ImageLabels labels;
    for (std::size_t i = 0; i < columns.attributes.size(); ++i) {
        const std::string word = field(columns.attributes[i]);
        labels.attributes.push_back(word.empty()                                              ? ImageLabels::unknown
                                    : flag(path, row.line, columns.names.attributes[i], word) ? std::uint8_t{1}
                                                                                              : std::uint8_t{0});
    }
    for (std::size_t i = 0; i < columns.values.size(); ++i) {
        const std::string word = field(columns.values[i]);
        labels.values.push_back(word.empty()
                                    ? std::numeric_limits<float>::quiet_NaN()
                                    : static_cast<float>(number(path, row.line, columns.names.values[i], word)));
    }
    if (columns.grade) {
        constexpr std::array<std::string_view, 3> grades = {"miss", "maybe", "hit"};
        const std::string word = field(*columns.grade);
        const auto* const grade = std::ranges::find(grades, word);
        if (grade == grades.end()) {
            fail(path, row.line, fmt::format("grade \"{}\" (known are miss, maybe and hit). Correct it.", word));
        }
        labels.grade = static_cast<Grade>(grade - grades.begin());
    }
    return labels;
}

std::optional<CsvColumns> header_columns(const std::vector<std::string>& first, const std::string& class_column) {
    const auto key = column(first, {"file", "image", "index"});
    const auto label = class_column.empty() ? column(first, {"class", "label"}) : column(first, {class_column});
    if (!key || !label) return std::nullopt;
    CsvColumns columns;
    columns.key = *key;
    columns.label = *label;
    columns.split = column(first, {"split"});
    columns.header = true;
    find_further_columns(first, columns);
    return columns;
}

CsvColumns find_columns(const fs::path& path, const std::vector<CsvRow>& rows, const std::string& class_column) {
    const std::vector<std::string>& first = rows.front().fields;
    if (const auto columns = header_columns(first, class_column)) return *columns;
    if (!class_column.empty() || column(first, {"file", "class", "label"})) {
        fail(path, rows.front().line,
             fmt::format("the header has the columns {} (needed are file, image or index, and {}). Name them.",
                         fmt::join(first, ", "), class_column.empty() ? "class or label" : class_column));
    }
    if (first.size() < 2) {
        fail(path, rows.front().line, "has one column (needed are a file and its label). Separate them by a comma.");
    }
    CsvColumns columns;
    if (first.size() > 2 && split_named(first[2])) columns.split = 2;
    return columns;
}

}  // namespace

std::optional<Split> split_named(std::string_view name) {
    if (name == "train") return Split::train;
    if (name == "validation" || name == "valid" || name == "val") return Split::validation;
    if (name == "test") return Split::test;
    return std::nullopt;
}

LabelTable read_label_csv(const fs::path& path, const std::string& class_column) {
    const std::vector<CsvRow> rows = parse_csv(path, read_file_bytes(path));
    if (rows.empty())
        throw DataError(fmt::format("{}: is empty (a table of labels has a line per image).", path.string()));
    const CsvColumns columns = find_columns(path, rows, class_column);
    LabelTable table{path, {}, {}, columns.names};
    table.rows.reserve(rows.size());
    for (std::size_t i = columns.header ? 1 : 0; i < rows.size(); ++i) {
        const CsvRow& row = rows[i];
        const std::size_t needed = std::max({columns.key, columns.label, columns.split.value_or(0)}) + 1;
        if (row.fields.size() < needed) {
            fail(path, row.line,
                 fmt::format("has {} fields where {} are needed (the line is cut or a comma is missing). "
                             "Complete it.",
                             row.fields.size(), needed));
        }
        LabelRow label{row.fields[columns.key], row.fields[columns.label], std::nullopt, row.line,
                       further_labels(path, row, columns)};
        if (label.key.empty() || label.label.empty()) {
            fail(path, row.line, "an empty field (a line names a file and its label). Complete it.");
        }
        if (columns.split) {
            const std::string& name = row.fields[*columns.split];
            label.split = split_named(name);
            if (!label.split && !name.empty()) {
                fail(path, row.line,
                     fmt::format("split \"{}\" (known are train, validation and test). Correct it.", name));
            }
        }
        table.rows.push_back(std::move(label));
    }
    if (table.rows.empty()) throw DataError(fmt::format("{}: has a header and no lines.", path.string()));
    return table;
}

bool has_label_header(const fs::path& path) {
    constexpr std::size_t longest_header = 4096;
    const std::string head = read_file_head(path, longest_header);
    const std::vector<CsvRow> rows = parse_csv(path, head.substr(0, head.find('\n')));
    return !rows.empty() && header_columns(rows.front().fields, "").has_value();
}

LabelTable read_multiclasses(const fs::path& path, const std::string& class_column) {
    constexpr std::array<const char*, 6> flags = {"blank", "photo1", "photo2", "multilattice", "ice", "badice"};
    constexpr std::size_t exclusive = 3;  // of these at most one is set: a shot hits one kind of crystal or none
    constexpr std::size_t columns = 9;
    LabelTable table{path, {}, {}, {}};
    table.names.attributes = {flags.begin(), flags.end()};
    table.names.values = {"mosaic1", "mosaic2"};
    table.names.value_units = {"deg", "deg"};
    std::size_t chosen = flags.size();
    if (class_column.empty()) {
        table.class_names = {flags[0], flags[1], flags[2], "other"};
    } else {
        chosen = static_cast<std::size_t>(std::ranges::find(flags, class_column) - flags.begin());
        if (chosen == flags.size()) {
            throw UsageError(fmt::format("class column \"{}\" ({} has {}). Choose one of them.", class_column,
                                         path.string(), fmt::join(flags, ", ")));
        }
        table.class_names = {"no " + class_column, class_column};
    }
    std::istringstream text(read_file_bytes(path));
    std::size_t line_number = 0;
    for (std::string line; std::getline(text, line);) {
        ++line_number;
        std::istringstream fields(line);
        std::vector<std::string> words;
        for (std::string word; fields >> word;) words.push_back(word);
        if (words.empty() || (line_number == 1 && words.size() > 1 && words[1] == flags[0])) continue;
        if (words.size() != columns) {
            fail(path, line_number,
                 fmt::format("has {} columns where {} are needed (name, {}, mosaic1, mosaic2). Complete it.",
                             words.size(), columns, fmt::join(flags, ", ")));
        }
        std::array<bool, flags.size()> set{};
        for (std::size_t i = 0; i < flags.size(); ++i) {
            set[i] = flag(path, line_number, flags[i], words[i + 1]);
        }
        LabelRow row{words[0], "", std::nullopt, line_number, {}};
        row.labels.attributes.assign(set.begin(), set.end());
        for (std::size_t i = 0; i < table.names.values.size(); ++i) {
            const std::string& word = words[1 + flags.size() + i];
            row.labels.values.push_back(static_cast<float>(number(path, line_number, table.names.values[i], word)));
        }
        if (chosen < flags.size()) {
            row.label = table.class_names[set[chosen] ? 1 : 0];
        } else {
            const auto count = std::count(set.begin(), set.begin() + exclusive, true);
            if (count > 1) {
                fail(path, line_number,
                     fmt::format("{} of {}, {} and {} are set (at most one can be). Choose another column "
                                 "as the class.",
                                 count, flags[0], flags[1], flags[2]));
            }
            const auto first = std::find(set.begin(), set.begin() + exclusive, true) - set.begin();
            row.label = table.class_names[static_cast<std::size_t>(first)];
        }
        table.rows.push_back(std::move(row));
    }
    if (table.rows.empty()) throw DataError(fmt::format("{}: is empty (it has a line per image).", path.string()));
    // A class without images could not be learned.
    std::erase_if(table.class_names, [&](const std::string& name) {
        return std::ranges::find(table.rows, name, &LabelRow::label) == table.rows.end();
    });
    return table;
}

}  // namespace braggbench
