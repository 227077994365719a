#include <fmt/format.h>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {

namespace {

using nlohmann::json;

std::string space_lines(const json& embedding) {
    std::string out = fmt::format("{:<6} {:<12} {:>7} {:>11} {:>18} {:>14} {:>16}\n", "space", "holds", "images",
                                  "dimensions", "first 2 components", "KL divergence", "trustworthiness");
    for (const json& space : embedding.at("spaces")) {
        const json& explained = space.at("pca").at("explained_variance");
        const double first_two = explained[0].get<double>() + (explained.size() > 1 ? explained[1].get<double>() : 0.0);
        const json& picture = space.at("tsne");
        out +=
            fmt::format("{:<6} {:<12} {:>7} {:>11} {:>16.1f} % {:>14} {:>16}\n", space.at("space").get<std::string>(),
                        space.at("holds").get<std::string>(), space.at("images").get<std::int64_t>(),
                        space.at("dimensions").get<std::int64_t>(), 100.0 * first_two,
                        number_text(picture.at("kl_divergence"), 3), number_text(picture.at("trustworthiness"), 3));
    }
    return out;
}

std::string purity_lines(const json& embedding) {
    const json& spaces = embedding.at("spaces");
    std::string out = fmt::format("\nshare of an image's {} nearest images that have its label\n{:<24} {:>7} {:>7}",
                                  embedding.at("neighbours").get<int>(), "label", "images", "chance");
    for (const json& space : spaces) out += fmt::format("  {:<20}", space.at("space").get<std::string>());
    // Labels are the same in all spaces; images with unknown labels are missing in one of them.
    const json& widest = spaces.back().at("purity");
    for (std::size_t l = 0; l < widest.size(); ++l) {
        out += fmt::format("\n{:<24} {:>7} {:>7}", widest[l].at("label").get<std::string>(),
                           widest[l].at("images").get<std::int64_t>(),
                           number_text(widest[l].at("purity").at("chance"), 3));
        for (const json& space : spaces) {
            out += fmt::format("  {:<20}", metric_text(space.at("purity")[l].at("purity"), 3));
        }
    }
    return out + "\n";
}

std::string status_lines(const json& status) {
    std::string out = fmt::format("\n{:<24} {:>5} {:>5} {:>5} {:>5}  {:<22} {:<22} {}\n", "label", "TP", "FP", "TN",
                                  "FN", "precision", "recall", "F1");
    for (const json& label : status.at("labels")) {
        out += fmt::format(
            "{:<24} {:>5} {:>5} {:>5} {:>5}  {:<22} {:<22} {}\n",
            label.at("head").get<std::string>() + "/" + label.at("name").get<std::string>(),
            label.at("true_positives").get<std::int64_t>(), label.at("false_positives").get<std::int64_t>(),
            label.at("true_negatives").get<std::int64_t>(), label.at("false_negatives").get<std::int64_t>(),
            metric_text(label.at("precision"), 3), metric_text(label.at("recall"), 3), metric_text(label.at("f1"), 3));
    }
    const json& distance = status.at("distance");
    for (const auto* name : {"cosine", "euclidean"}) {
        out += fmt::format("{}mean {} distance between labels and predictions: {} (another image's labels: {})\n",
                           std::string_view(name) == "cosine" ? "\n" : "", name, metric_text(distance.at(name), 3),
                           number_text(distance.at(name).at("chance"), 3));
    }
    return out;
}

}  // namespace

std::string embedding_table(const json& embedding) {
    return space_lines(embedding) + purity_lines(embedding) + status_lines(embedding.at("status"));
}

}  // namespace braggbench
