#include "datasets/label_columns.hpp"

#include <cmath>
#include <limits>

namespace braggbench {

namespace {

template <class Number>
LabelColumn column(std::string name, LabelKind kind, std::string units, std::size_t images, const Number& number) {
    LabelColumn result{std::move(name), kind, std::move(units), {}};
    result.values.reserve(images);
    for (std::size_t i = 0; i < images; ++i) result.values.push_back(number(i));
    return result;
}

}  // namespace

const char* name_of(LabelKind kind) {
    switch (kind) {
        case LabelKind::of_class:
            return "class";
        case LabelKind::attribute:
            return "attribute";
        case LabelKind::grade:
            return "grade";
        case LabelKind::value:
            return "value";
    }
    return "";
}

std::vector<LabelColumn> label_columns(const CorpusReader& corpus) {
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    const CorpusInfo& info = corpus.info();
    const auto images = corpus.class_indices().size();
    std::vector<LabelColumn> columns;
    for (std::size_t c = 0; c < info.class_names.size(); ++c) {
        columns.push_back(column(info.class_names[c], LabelKind::of_class, "1", images, [&](std::size_t i) {
            return corpus.class_indices()[i] == static_cast<std::int32_t>(c) ? 1.0 : 0.0;
        }));
    }
    for (std::size_t a = 0; a < info.labels.attributes.size(); ++a) {
        columns.push_back(column(info.labels.attributes[a], LabelKind::attribute, "1", images, [&](std::size_t i) {
            const std::uint8_t value = corpus.labels()[i].attributes[a];
            return value == ImageLabels::unknown ? undefined : static_cast<double>(value);
        }));
    }
    if (info.labels.graded) {
        columns.push_back(column("grade", LabelKind::grade, "1", images,
                                 [&](std::size_t i) { return static_cast<double>(corpus.labels()[i].grade); }));
    }
    for (std::size_t v = 0; v < info.labels.values.size(); ++v) {
        columns.push_back(column(info.labels.values[v], LabelKind::value, info.labels.value_units[v], images,
                                 [&](std::size_t i) { return static_cast<double>(corpus.labels()[i].values[v]); }));
    }
    return columns;
}

std::optional<double> correlation(std::span<const double> a, std::span<const double> b) {
    double count = 0.0;
    double mean_a = 0.0;
    double mean_b = 0.0;
    double square_a = 0.0;
    double square_b = 0.0;
    double product = 0.0;
    // Updated means, so that large values with little spread keep their digits (Welford 1962, Technometrics 4, 419).
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
        count += 1.0;
        const double from_a = a[i] - mean_a;
        const double from_b = b[i] - mean_b;
        mean_a += from_a / count;
        mean_b += from_b / count;
        square_a += from_a * (a[i] - mean_a);
        square_b += from_b * (b[i] - mean_b);
        product += from_a * (b[i] - mean_b);
    }
    if (!(square_a > 0.0) || !(square_b > 0.0)) return std::nullopt;
    return product / std::sqrt(square_a) / std::sqrt(square_b);
}

std::vector<std::vector<std::optional<double>>> correlation_matrix(std::span<const LabelColumn> columns) {
    std::vector<std::vector<std::optional<double>>> matrix(columns.size(),
                                                           std::vector<std::optional<double>>(columns.size()));
    for (std::size_t row = 0; row < columns.size(); ++row) {
        for (std::size_t other = row; other < columns.size(); ++other) {
            matrix[row][other] = matrix[other][row] = correlation(columns[row].values, columns[other].values);
        }
    }
    return matrix;
}

}  // namespace braggbench
