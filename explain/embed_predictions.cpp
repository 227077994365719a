#include "explain/embed_predictions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "classifiers/csv.hpp"
#include "explain/attribute_status.hpp"
#include "explain/embedding/neighbours.hpp"
#include "explain/embedding/pca.hpp"
#include "explain/embedding/purity.hpp"
#include "explain/embedding/tsne.hpp"
#include "explain/random_stages.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr Eigen::Index reported_components = 50;

void require_enough(std::int64_t images, const EmbedOptions& options, const std::string& what) {
    const auto needed = std::max(static_cast<std::int64_t>(std::floor(3.0 * options.perplexity)) + 1,
                                 std::int64_t{2} * options.neighbours + 1);
    if (images >= needed) return;
    throw UsageError(
        fmt::format("{}: {} images (perplexity {:g} and {} neighbours need {}). Give a lower --perplexity, a higher "
                    "--limit or another --split.",
                    what, images, options.perplexity, options.neighbours, needed));
}

Points as_points(std::span<const std::vector<float>> vectors, std::span<const std::size_t> rows) {
    Points points(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(vectors.front().size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& vector = vectors[rows[i]];
        points.row(static_cast<Eigen::Index>(i)) =
            Eigen::Map<const Eigen::RowVectorXf>(vector.data(), points.cols()).cast<double>();
    }
    return points;
}

// A name, and of which images it is true: the corpus' classes, and the labels of the model's other heads.
struct Grouping {
    std::string name;
    std::vector<std::optional<bool>> has;
};

std::vector<Grouping> groupings(const CorpusReader& corpus, std::span<const std::int64_t> images,
                                const AttributeStatus& status) {
    std::vector<Grouping> result;
    const auto& classes = corpus.info().class_names;
    for (std::size_t c = 0; c < classes.size(); ++c) {
        Grouping grouping{"class/" + classes[c], {}};
        for (const auto image : images) {
            grouping.has.emplace_back(corpus.class_indices()[static_cast<std::size_t>(image)] ==
                                      static_cast<std::int32_t>(c));
        }
        result.push_back(std::move(grouping));
    }
    for (std::size_t l = 0; l < status.labels.size(); ++l) {
        const auto& label = status.labels[l];
        if (label.head == "class") continue;
        Grouping grouping{label.head + "/" + label.name, {}};
        for (const auto& row : status.status) grouping.has.push_back(is_true(row[l]));
        result.push_back(std::move(grouping));
    }
    return result;
}

json purity_json(std::span<const Grouping> groups, std::span<const std::size_t> rows,
                 std::span<const Neighbours> neighbours, const EmbedOptions& options) {
    auto list = json::array();
    for (const auto& group : groups) {
        std::vector<std::optional<bool>> has;
        for (const auto row : rows) has.push_back(group.has[row]);
        list.push_back({{"label", group.name},
                        {"images", std::ranges::count(has, std::optional<bool>(true))},
                        {"purity", cluster_purity(neighbours, options.neighbours, has, options.seed)}});
    }
    return list;
}

json nearest_json(std::span<const Neighbours> neighbours, int k, std::span<const std::int64_t> images,
                  std::span<const std::size_t> rows) {
    auto list = json::array();
    for (const auto& [nearer, tied] : neighbours) {
        auto nearest = nearer;
        nearest.insert(nearest.end(), tied.begin(), tied.begin() + (k - static_cast<std::ptrdiff_t>(nearer.size())));
        auto indices = json::array();
        for (const auto j : nearest) indices.push_back(images[rows[j]]);
        list.push_back(std::move(indices));
    }
    return list;
}

std::pair<EmbeddedSpace, json> embed_space(Space space, const Points& points, std::vector<std::size_t> rows,
                                           std::span<const std::int64_t> images, std::span<const Grouping> groups,
                                           const EmbedOptions& options, const EmbedProgress& progress) {
    const auto name = fmt::format("the {} space ({})", to_string(space), description_of(space));
    require_enough(points.rows(), options, name);
    require_finite(points, name);
    const auto components = pca(points, reported_components);
    if (components.scores.cols() == 0) {
        throw UsageError(
            fmt::format("{}: all {} images are at the same place (there is nothing to draw). Leave it out "
                        "with --space, or take another model or split.",
                        name, points.rows()));
    }
    const auto picture =
        tsne(points, {.perplexity = options.perplexity, .seed = options.seed, .threads = options.threads},
             [&](int done, int total) {
                 if (progress) progress("t-SNE " + to_string(space), done, total);
                 return true;
             });
    const auto neighbours = nearest_neighbours(points, options.neighbours, options.threads);
    auto x = json::array();
    auto y = json::array();
    auto indices = json::array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        indices.push_back(images[rows[i]]);
        x.push_back(picture.places(static_cast<Eigen::Index>(i), 0));
        y.push_back(picture.places(static_cast<Eigen::Index>(i), 1));
    }
    json object = {{"space", to_string(space)},
                   {"holds", description_of(space)},
                   {"dimensions", points.cols()},
                   {"images", points.rows()},
                   {"left_out", static_cast<std::int64_t>(images.size()) - points.rows()},
                   {"pca", {{"explained_variance", components.explained_variance}}},
                   {"tsne",
                    {{"kl_divergence", picture.kl_divergence},
                     {"trustworthiness", trustworthiness(points, picture.places, options.neighbours, options.threads)},
                     {"iterations", picture.iterations},
                     {"learning_rate", picture.learning_rate},
                     {"crowded_points", picture.crowded_points},
                     {"image_indices", std::move(indices)},
                     {"x", std::move(x)},
                     {"y", std::move(y)}}},
                   {"purity", purity_json(groups, rows, neighbours, options)}};
    if (space == Space::fea) {
        object["nearest_images"] = nearest_json(neighbours, options.neighbours, images, rows);
    }
    return {{space, std::move(rows), picture.places}, std::move(object)};
}

std::string text(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : ""; }

std::string csv_text(const CorpusReader& corpus, const Embedding& embedding, const AttributeStatus& status) {
    std::vector<std::string> lines(embedding.images.size());
    std::string header = "image,class,labels";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto c = corpus.class_indices()[static_cast<std::size_t>(embedding.images[i])];
        std::vector<std::string> labels;
        for (std::size_t l = 0; l < status.labels.size(); ++l) {
            if (is_true(status.status[i][l]) == true) labels.push_back(status.labels[l].name);
        }
        lines[i] = fmt::format("{},{},{}", embedding.images[i],
                               csv_cell(corpus.info().class_names[static_cast<std::size_t>(c)]),
                               csv_cell(fmt::format("{}", fmt::join(labels, ";"))));
    }
    for (const auto& [space, rows, places] : embedding.spaces) {
        header += fmt::format(",{0}_x,{0}_y", to_string(space));
        std::vector<std::string> cells(lines.size(), ",,");
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto row = static_cast<Eigen::Index>(i);
            cells[rows[i]] = fmt::format(",{:.6g},{:.6g}", places(row, 0), places(row, 1));
        }
        for (std::size_t i = 0; i < lines.size(); ++i) lines[i] += cells[i];
    }
    header += ",cosine_distance,euclidean_distance";
    for (const auto& label : status.labels) header += fmt::format(",{}", csv_cell(label.head + "/" + label.name));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        lines[i] += fmt::format(",{},{}", text(status.distances[i].cosine), text(status.distances[i].euclidean));
        for (const auto each : status.status[i]) lines[i] += fmt::format(",{}", to_string(each));
    }
    return fmt::format("{}\n{}\n", header, fmt::join(lines, "\n"));
}

}  // namespace

std::string to_string(Space space) {
    switch (space) {
        case Space::act:
            return "act";
        case Space::fea:
            return "fea";
        case Space::prd:
            return "prd";
    }
    return "";
}

std::string description_of(Space space) {
    switch (space) {
        case Space::act:
            return "labels";
        case Space::fea:
            return "features";
        case Space::prd:
            return "predictions";
    }
    return "";
}

Space space_of(const std::string& text) {
    for (const auto space : {Space::act, Space::fea, Space::prd}) {
        if (text == to_string(space)) return space;
    }
    throw UsageError(
        fmt::format("space \"{}\" (there is none of that name). Choose among act (labels), fea (features) "
                    "and prd (predictions).",
                    text));
}

UsageError no_features(const std::string& model) {
    return UsageError(
        fmt::format("model {}: its features are not known (it is no network, or does not show them). "
                    "Give --space act,prd, or see docs/foreign-models.md.",
                    model));
}

std::vector<std::int64_t> choose_embedded(const CorpusReader& corpus, const EmbedOptions& options) {
    auto images = corpus.indices(options.split);
    if (static_cast<std::int64_t>(images.size()) > options.limit) {
        // Each image has a number of its own, so that a larger limit adds images and changes none.
        const auto number = [&](std::int64_t image) {
            return std::pair(
                RandomStream(options.seed, static_cast<std::uint64_t>(image), stage_embedded_images).bits(), image);
        };
        std::ranges::sort(images, {}, number);
        images.resize(static_cast<std::size_t>(options.limit));
        std::ranges::sort(images);
    }
    require_enough(static_cast<std::int64_t>(images.size()), options,
                   fmt::format("{}, split {}", corpus.path().string(), split_name(options.split)));
    return images;
}

Embedding embed_predictions(const CorpusReader& corpus, const Predictions& predictions, const Points& features,
                            const EmbedOptions& options, const EmbedProgress& progress) {
    const auto status = attribute_status(predictions, truth_of(corpus, predictions.heads, predictions.image_indices));
    Embedding result;
    result.images = predictions.image_indices;
    const auto groups = groupings(corpus, result.images, status);
    std::vector<std::size_t> all(result.images.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<std::size_t> known;
    std::ranges::copy_if(all, std::back_inserter(known), [&](std::size_t row) {
        return std::ranges::none_of(status.truth[row], [](float value) { return std::isnan(value); });
    });
    auto spaces = json::array();
    for (const auto space : options.spaces) {
        if (space == Space::fea && features.rows() != static_cast<Eigen::Index>(all.size())) {
            throw no_features(predictions.model);
        }
        const auto& rows = space == Space::act ? known : all;
        if (rows.empty()) require_enough(0, options, "images whose labels are all known");
        const auto points = space == Space::act   ? as_points(status.truth, rows)
                            : space == Space::prd ? as_points(status.predicted, rows)
                                                  : features;
        auto [embedded, object] = embed_space(space, points, rows, result.images, groups, options, progress);
        result.spaces.push_back(std::move(embedded));
        spaces.push_back(std::move(object));
    }
    result.csv = csv_text(corpus, result, status);
    result.json = {
        {"command", "embed"},
        {"model", predictions.model},
        {"corpus", corpus.path().string()},
        {"split", split_name(predictions.split)},
        {"images", result.images.size()},
        {"images_in_split", corpus.indices(predictions.split).size()},
        {"perplexity", options.perplexity},
        {"neighbours", options.neighbours},
        {"seed", options.seed},
        {"spaces", std::move(spaces)},
        {"status",
         {{"labels", label_scores(status, all)}, {"distance", distance_scores(status, options.seed, options.threads)}}},
        {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
    return result;
}

}  // namespace braggbench
