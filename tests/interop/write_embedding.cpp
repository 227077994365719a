// Reads points as JSON on standard input, writes their t-SNE, trustworthiness and principal components:
// embedding_sklearn.py compares.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "explain/embedding/neighbours.hpp"
#include "explain/embedding/pca.hpp"
#include "explain/embedding/tsne.hpp"

namespace {

using namespace braggbench;

Points points_of(const nlohmann::json& rows) {
    Points points(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(rows[0].size()));
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
        for (Eigen::Index d = 0; d < points.cols(); ++d) {
            points(i, d) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(d)].get<double>();
        }
    }
    return points;
}

nlohmann::json rows_of(const Points& points) {
    auto rows = nlohmann::json::array();
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
        rows.push_back(std::vector<double>(points.row(i).begin(), points.row(i).end()));
    }
    return rows;
}

}  // namespace

int main() {
    const auto input = nlohmann::json::parse(std::cin);
    auto output = nlohmann::json::array();
    for (const auto& one : input) {
        const auto points = points_of(one.at("points"));
        const auto theirs = points_of(one.at("theirs"));
        const int k = one.at("neighbours").get<int>();
        const auto picture = tsne(points, {.perplexity = one.at("perplexity").get<double>()});
        const auto components = pca(points, one.at("components").get<Eigen::Index>());
        output.push_back({{"places", rows_of(picture.places)},
                          {"kl_divergence", picture.kl_divergence},
                          {"trustworthiness", trustworthiness(points, picture.places, k)},
                          {"their_trustworthiness", trustworthiness(points, theirs, k)},
                          {"scores", rows_of(components.scores)},
                          {"explained_variance", components.explained_variance}});
    }
    std::cout << output.dump() << '\n';
    return EXIT_SUCCESS;
}
