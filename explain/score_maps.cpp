#include "explain/score_maps.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "classifiers/parallel.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/map_scorer.hpp"
#include "explain/registration.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// So many images are scored before the progress is told and their scores are put in order.
constexpr std::size_t batch_images = 64;

// A map, its rivals and its ceiling.
std::vector<NamedScore> scores_of(const MapScorer& scorer, const ScoredImage& image, const MapFileInfo& info,
                                  const Image<float>& map) {
    const int width = image.view.photons.width;
    const int height = image.view.photons.height;
    const bool at_input = info.grid.stride_px == 1.0 && info.grid.start_px == 0.0;
    const ImageScore input_oracle = scorer.score_oracle(image, {width, height, 1.0, 0.0});
    const ImageScore oracle = at_input ? input_oracle : scorer.score_oracle(image, info.grid);
    std::vector<NamedScore> scores;
    scores.push_back(
        {{info.name, info.stage, "given", info.grid.stride_px},
         scorer.score(image,
                      at_input ? map : register_grid(map, info.grid.stride_px, info.grid.start_px, width, height),
                      &oracle)});
    std::vector<NamedScore> baselines = scorer.score_baselines(image, input_oracle);
    std::move(baselines.begin(), baselines.end(), std::back_inserter(scores));
    scores.push_back({{"oracle", info.stage, "oracle", info.grid.stride_px}, oracle});
    if (!at_input) {
        scores.push_back({{"oracle", "input", "oracle", 1.0}, input_oracle});
    }
    return scores;
}

}  // namespace

nlohmann::json score_maps(const MapFile& maps, const CorpusReader& corpus, const ScoreMapsOptions& options,
                          const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const MapFileInfo& info = maps.info();
    const MapScorer scorer(corpus,
                           {info.view, options.label, options.nulls_per_image, options.localisation, options.seed});
    const bool native = info.view.framing == Framing::native;
    maps.require_fit(corpus.info().image_count, native ? corpus.info().width_px : info.view.size_px,
                     native ? corpus.info().height_px : info.view.size_px);
    const std::vector<std::int64_t>& images = maps.image_indices();
    const auto threads = static_cast<unsigned>(std::max(options.threads, 0));
    std::vector<MapRow> rows;
    std::int64_t undefined = 0;
    auto fewest_nulls = static_cast<std::size_t>(options.nulls_per_image);
    for (std::size_t begin = 0; begin < images.size(); begin += batch_images) {
        const std::size_t end = std::min(begin + batch_images, images.size());
        std::vector<std::vector<NamedScore>> scores(end - begin);
        std::vector<std::size_t> nulls(end - begin);
        std::vector<char> defined(end - begin);
        for_each_index(
            static_cast<std::int64_t>(end - begin),
            [&](std::int64_t k) {
                const auto i = static_cast<std::size_t>(k);
                const ScoredImage image = scorer.image(images[begin + i]);
                nulls[i] = image.has_truth() ? image.targets.nulls.size() : fewest_nulls;
                defined[i] = image.is_defined() ? 1 : 0;
                scores[i] = scores_of(scorer, image, info, maps.map(static_cast<std::int64_t>(begin + i)));
            },
            threads);
        for (std::size_t i = 0; i < scores.size(); ++i) {
            append(rows, std::move(scores[i]));
            undefined += defined[i] != 0 ? 0 : 1;
            fewest_nulls = std::min(fewest_nulls, nulls[i]);
        }
        if (progress) {
            progress(static_cast<std::int64_t>(end), static_cast<std::int64_t>(images.size()));
        }
    }

    std::vector<nlohmann::json> row_objects(rows.size());
    for_each_index(
        static_cast<std::int64_t>(rows.size()),
        [&](std::int64_t k) {
            const auto i = static_cast<std::size_t>(k);
            row_objects[i] =
                row_json(rows[i], corpus.info().class_names, options.seed, options.localisation.other_radii_px);
        },
        threads);
    return {{"command", "score-maps"},
            {"maps", maps.path().string()},
            {"view", to_text(info.view)},
            {"corpus", corpus.path().string()},
            {"peaks", to_string(corpus.info().peak_source)},
            {"label", options.label.empty() ? nlohmann::json(nullptr) : nlohmann::json(options.label)},
            {"truth", to_string(scorer.truth())},
            {"images", images.size()},
            {"undefined_images", undefined},
            {"radius_px", options.localisation.radius_px},
            {"top_share", options.localisation.top_share},
            {"nulls_per_image", options.nulls_per_image},
            {"fewest_nulls", fewest_nulls},
            {"seed", options.seed},
            {"rows", row_objects},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace braggbench
