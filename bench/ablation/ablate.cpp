#include "bench/ablation/ablate.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "bench/ablation/grid_corpora.hpp"
#include "bench/ablation/run_cell.hpp"
#include "classifiers/model.hpp"
#include "datasets/generate.hpp"
#include "explain/attribution_methods.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void check_names(const Grid& grid) {
    for (const auto& model : grid.values(Axis::model)) {
        const auto& entry = zoo_entry(model);
        for (const auto& input_px : grid.values(Axis::input_px)) {
            if (std::stoi(input_px) >= entry.min_size_px) continue;
            throw UsageError(fmt::format("model {} with input_px = {} (it needs at least {} px). Give a larger input.",
                                         model, input_px, entry.min_size_px));
        }
    }
    if (!grid.localisation.method.empty()) parse_methods(std::vector<std::string>{grid.localisation.method});
}

// Everything that decides a cell's answers.
std::string hash_of(const Grid& grid, const Cell& cell, const GridCorpus& corpus,
                    const std::optional<GridCorpus>& transfer) {
    json all = {{"format", cell_format},
                {"version", version()},
                {"corpus", corpus.key},
                {"options", to_json(cell_options(grid, cell))},
                {"view", to_text(view_of(cell))},
                {"truth", cell[Axis::truth]},
                {"training_size", cell[Axis::training_size]},
                {"initialisation", cell[Axis::initialisation]}};
    if (cell[Axis::initialisation] != "scratch") {
        all["transfer"] = {
            {"corpus", transfer->key}, {"labels", grid.transfer.labels}, {"epochs", grid.transfer.epochs}};
    }
    const auto& maps = grid.localisation;
    if (!maps.method.empty()) {
        all["localisation"] = {{"method", maps.method},
                               {"stage", maps.stage},
                               {"explained", maps.explained},
                               {"images_per_class", maps.images_per_class}};
    }
    return ContentKey().add(all.dump()).hex();
}

// What begins transfer and frozen cells alike, whatever the axes that it does not know.
std::string transfer_hash(const Grid& grid, const Cell& cell, const GridCorpus& corpus) {
    auto options = cell_options(grid, cell);
    options.heads = heads_of(grid.transfer.labels);
    options.epochs = grid.transfer.epochs;
    options.class_weights = "none";
    options.freeze_through.clear();
    const json all = {{"format", cell_format},
                      {"version", version()},
                      {"corpus", corpus.key},
                      {"options", to_json(options)},
                      {"view", to_text(view_of(cell))}};
    return ContentKey().add(all.dump()).hex();
}

class Run {
public:
    Run(const Grid& grid, const AblateOptions& options) : grid_(grid), options_(options), cells_(cells_of(grid)) {
        check_names(grid);
        for (const auto& size : grid.values(Axis::native_px)) {
            corpora_.emplace(size, corpus_of(grid, std::stoi(size), options.directory));
        }
        if (!grid.transfer.recipe.empty()) transfer_ = transfer_corpus_of(grid, options.directory);
        for (const auto& cell : cells_) {
            hashes_.push_back(hash_of(grid, cell, corpora_.at(cell[Axis::native_px]), transfer_));
        }
    }

    std::vector<CellResult> run(const AblateCalls& calls) {
        std::filesystem::create_directories(options_.directory / "cells");
        std::vector<CellResult> results;
        std::size_t run_now = 0;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const auto path = file_of(i);
            if (std::filesystem::exists(path)) {
                results.push_back(read_cell(path));
                // Another grid may have run it.
                results.back().cell = cells_[i];
            } else {
                results.push_back(run_one(i, calls));
                write_cell(path, results.back());
                std::filesystem::remove(checkpoint_of(hashes_[i]));
                ++run_now;
            }
            if (calls.on_cell) calls.on_cell(results.back(), i + 1, run_now, cells_.size());
        }
        return results;
    }

    json plan() {
        json all = {{"cells", json::array()}, {"corpora", json::array()}};
        double seconds = 0.0;
        double bytes = 0.0;
        for (auto& [size, corpus] : corpora_) add_corpus(all, corpus, seconds, bytes);
        const bool transfers = std::ranges::any_of(grid_.values(Axis::initialisation),
                                                   [](const auto& value) { return value != "scratch"; });
        if (transfers) add_corpus(all, *transfer_, seconds, bytes);
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const bool done = std::filesystem::exists(file_of(i));
            const double cell_s = done ? 0.0 : cell_seconds(cells_[i]);
            seconds += cell_s;
            all["cells"].push_back({{"name", cell_name(grid_, cells_[i])},
                                    {"view", to_text(view_of(cells_[i]))},
                                    {"hash", hashes_[i]},
                                    {"done", done},
                                    {"seconds", cell_s}});
        }
        all["seconds"] = seconds;
        all["bytes"] = bytes;
        return all;
    }

private:
    [[nodiscard]] std::filesystem::path file_of(std::size_t i) const {
        return options_.directory / "cells" / (hashes_[i] + ".json");
    }
    [[nodiscard]] std::filesystem::path checkpoint_of(const std::string& hash) const {
        return options_.directory / "cells" / (hash + ".checkpoint");
    }

    const CorpusReader& reader(const GridCorpus& corpus, const AblateCalls& calls) {
        auto& open = readers_[corpus.path.string()];
        if (open == nullptr) {
            require_made(corpus, options_.threads, [&](std::int64_t done, std::int64_t total) {
                if (calls.progress) calls.progress(corpus.path.filename().string(), "generate", done, total);
            });
            constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;
            open = std::make_unique<CorpusReader>(corpus.path,
                                                  static_cast<std::size_t>(grid_.training.cache_gib * bytes_per_gib));
        }
        return *open;
    }

    CellProgress progress_of(const std::string& part, const AblateCalls& calls) const {
        return [&calls, part](const std::string& what, std::int64_t done, std::int64_t total) {
            if (calls.progress) calls.progress(part, what, done, total);
        };
    }

    std::filesystem::path transferred(const Cell& cell, const AblateCalls& calls) {
        const auto hash = transfer_hash(grid_, cell, *transfer_);
        const auto path = options_.directory / "pretrained" / (hash + ".pt");
        if (std::filesystem::exists(path)) return path;
        std::filesystem::create_directories(path.parent_path());
        const CellJob job{grid_, cell, reader(*transfer_, calls), hash, checkpoint_of(hash), {}, options_.threads};
        save_model(path, pretrain(job, progress_of(fmt::format("weights for {}", cell_name(grid_, cell)), calls)));
        std::filesystem::remove(job.checkpoint);
        return path;
    }

    CellResult run_one(std::size_t i, const AblateCalls& calls) {
        const Cell& cell = cells_[i];
        CellJob job{grid_,
                    cell,
                    reader(corpora_.at(cell[Axis::native_px]), calls),
                    hashes_[i],
                    checkpoint_of(hashes_[i]),
                    {},
                    options_.threads};
        if (cell[Axis::initialisation] != "scratch") job.init = transferred(cell, calls);
        return run_cell(job, progress_of(fmt::format("{}/{} {}", i + 1, cells_.size(), cell_name(grid_, cell)), calls));
    }

    void add_corpus(json& all, const GridCorpus& corpus, double& seconds, double& bytes) {
        json entry = {{"path", corpus.path.string()}, {"made", corpus.made}, {"seconds", 0.0}, {"bytes", 0.0}};
        if (corpus.made) {
            entry["images"] = CorpusReader(corpus.path, 0).info().image_count;
        } else {
            constexpr std::int64_t samples = 3;
            const auto begin = Clock::now();
            const RecipeSource source(corpus.recipe);
            const double loading_s = seconds_since(begin);
            const auto made = Clock::now();
            double sample_bytes = 0.0;
            const auto count = std::min(samples, corpus.recipe.image_count);
            for (std::int64_t k = 0; k < count; ++k) {
                sample_bytes += static_cast<double>(encode(source.record(k)).chunk.size());
            }
            const auto images = static_cast<double>(corpus.recipe.image_count);
            entry["images"] = corpus.recipe.image_count;
            entry["seconds"] =
                loading_s + seconds_since(made) / static_cast<double>(count) * images / std::max(1, options_.threads);
            entry["bytes"] = sample_bytes / static_cast<double>(count) * images;
        }
        seconds += entry["seconds"].get<double>();
        bytes += entry["bytes"].get<double>();
        all["corpora"].push_back(std::move(entry));
    }

    // Images of the splits of a cell's corpus, made or not.
    std::array<double, 3> split_counts(const Cell& cell) {
        const GridCorpus& corpus = corpora_.at(cell[Axis::native_px]);
        std::array<double, 3> counts{};
        if (corpus.made) {
            const CorpusReader open(corpus.path, 0);
            for (const Split split : open.splits()) ++counts[static_cast<std::size_t>(split)];
        } else {
            const auto images = static_cast<double>(corpus.recipe.image_count);
            counts[1] = images * corpus.recipe.validation_fraction;
            counts[2] = images * corpus.recipe.test_fraction;
            counts[0] = images - counts[1] - counts[2];
        }
        if (const int size = cell.number(Axis::training_size); size > 0) counts[0] = size;
        return counts;
    }

    struct StepTimes {
        double learn_s = 0.0;  // per image
        double answer_s = 0.0;
    };
    StepTimes step_times(const Cell& cell) {
        const std::string key = cell[Axis::model] + " " + cell[Axis::input_px];
        if (const auto known = step_times_.find(key); known != step_times_.end()) return known->second;
        const int size = cell.number(Axis::input_px);
        const int batch = grid_.training.batch_size;
        const auto network = make_model(cell[Axis::model], {2, size, size});
        const auto photons = torch::poisson(torch::full({batch, 1, size, size}, 3.0));
        StepTimes times;
        for (int step = 0; step < 3; ++step) {  // the first allocates
            network->train();
            const auto begin = Clock::now();
            network->forward(photons).sum().backward();
            times.learn_s = seconds_since(begin) / batch;
            network->eval();
            const torch::NoGradGuard no_grad;
            const auto then = Clock::now();
            network->forward(photons);
            times.answer_s = seconds_since(then) / batch;
        }
        return step_times_[key] = times;
    }

    double cell_seconds(const Cell& cell) {
        const auto counts = split_counts(cell);
        const auto times = step_times(cell);
        return grid_.training.epochs * (counts[0] * times.learn_s + counts[1] * times.answer_s) +
               counts[2] * times.answer_s * squares(cell);
    }

    // By which an image is answered.
    double squares(const Cell& cell) const {
        const GridCorpus& corpus = corpora_.at(cell[Axis::native_px]);
        int width = corpus.recipe.width_px;
        int height = corpus.recipe.height_px;
        if (!grid_.corpus.empty()) {
            const CorpusReader open(corpus.path, 0);
            width = open.info().width_px;
            height = open.info().height_px;
        }
        return static_cast<double>(make_views(Image<std::uint16_t>(width, height), view_of(cell), 1.0, 0.0).size());
    }

    const Grid& grid_;
    const AblateOptions& options_;
    std::vector<Cell> cells_;
    std::vector<std::string> hashes_;
    std::map<std::string, GridCorpus> corpora_;  // by native_px
    std::optional<GridCorpus> transfer_;
    std::map<std::string, std::unique_ptr<CorpusReader>> readers_;
    std::map<std::string, StepTimes> step_times_;
};

}  // namespace

std::vector<CellResult> run_grid(const Grid& grid, const AblateOptions& options, const AblateCalls& calls) {
    return Run(grid, options).run(calls);
}

json plan_grid(const Grid& grid, const AblateOptions& options) { return Run(grid, options).plan(); }

}  // namespace braggbench
