#include "bench/ablation/run_cell.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <optional>
#include <utility>

#include "bench/ablation/cell_images.hpp"
#include "classifiers/fit.hpp"
#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"
#include "classifiers/multiply_adds.hpp"
#include "classifiers/predictions.hpp"
#include "classifiers/random_stage.hpp"
#include "classifiers/take_weights.hpp"
#include "explain/explain_corpus.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string hash_of(const std::vector<std::int64_t>& indices) {
    ContentKey key;
    for (const auto index : indices) key.add(static_cast<double>(index));
    return key.hex();
}

std::string hash_of(const std::vector<std::vector<float>>& rows) {
    ContentKey key;
    for (const auto& row : rows) {
        for (const float value : row) key.add(std::isnan(value) ? -1e30 : static_cast<double>(value));
    }
    return key.hex();
}

std::vector<std::vector<float>> rows_of(const std::vector<std::int64_t>& indices,
                                        const std::function<std::vector<float>(std::int64_t)>& row) {
    std::vector<std::vector<float>> rows(indices.size());
    at::parallel_for(0, static_cast<std::int64_t>(indices.size()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
            rows[static_cast<std::size_t>(i)] = row(indices[static_cast<std::size_t>(i)]);
        }
    });
    return rows;
}

// A trained network with what there is to say of its training.
struct Learned {
    TrainedModel model;
    FitResult fit;
    std::int64_t learned_parameters = 0;
    double cpu_s = 0.0;  // of this run
};

Learned learn(const CellJob& job, const CellImages& images, const TrainOptions& options,
              const std::vector<std::int64_t>& train, const CellProgress& progress) {
    const auto& corpus = images.corpus();
    const double cpu_before = cpu_seconds();
    Learned learned;
    ModelCard& card = learned.model.card;
    const HeadSource source = head_source(corpus);
    card.zoo_name = options.model;
    card.heads = make_heads(options.heads, source);
    card.hit_classes = source.hit_classes;
    card.view = images.view();
    card.gain_adu_per_photon = corpus.info().response.gain_adu_per_photon;
    card.offset_adu = corpus.info().response.offset_adu;
    const auto validation = corpus.indices(Split::validation);
    if (train.empty() || validation.empty()) {
        throw DataError(
            fmt::format("{}: {} train and {} validation images (a network learns from the first and its "
                        "best epoch is chosen by the second). Generate more images.",
                        corpus.path().string(), train.size(), validation.size()));
    }
    const auto cache = [&](const std::vector<std::int64_t>& indices) {
        constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;
        return static_cast<std::size_t>(options.cache_gib * bytes_per_gib * static_cast<double>(indices.size()) /
                                        static_cast<double>(train.size() + validation.size()));
    };
    std::optional<ImageFeed> train_feed(images.feed(train, card.heads, 1, cache(train)));
    const auto targets = train_feed->all_targets();
    standardise(card.heads, targets, corpus.path().string());
    const auto validation_feed = images.feed(validation, card.heads, 0, cache(validation));
    int shown = 1;
    FitTask task{card.heads,
                 {},
                 [&](int epoch) -> const ImageFeed& {
                     // What a feed holds in memory is of its epoch.
                     if (images.changes_by_epoch() && epoch != shown) {
                         train_feed.emplace(images.feed(train, card.heads, epoch, 0));
                     }
                     shown = epoch;
                     return *train_feed;
                 },
                 validation_feed,
                 job.hash};
    if (options.class_weights == "balanced") task.weights = balanced_weights(targets, card.heads);
    task.weights.focal_gamma = options.focal_gamma;
    torch::manual_seed(options.seed);
    learned.model.network = make_model(options.model, shape_of(card));
    auto& network = *learned.model.network;
    if (!job.init.empty()) take_weights(job.init, network, {});
    if (!options.freeze_through.empty()) {
        freeze_through(network, options.freeze_through, torch::zeros({1, 1, card.view.size_px, card.view.size_px}));
    }
    for (const auto& parameter : network.parameters()) {
        if (parameter.requires_grad()) learned.learned_parameters += parameter.numel();
    }
    learned.fit = fit(network, task, options,
                      {[&](std::int64_t done, std::int64_t total, int epoch) {
                           if (progress) progress("learn", done + (epoch - 1) * total, total * options.epochs);
                       },
                       {}});
    learned.cpu_s = cpu_seconds() - cpu_before;
    return learned;
}

// The answer for an image from those for its squares, head by head.
std::vector<float> joined(const std::vector<std::vector<double>>& squares, const std::vector<Head>& heads,
                          const std::vector<std::string>& hit_classes, TileJoin join) {
    std::vector<float> answer;
    std::size_t offset = 0;
    for (const auto& head : heads) {
        std::vector<std::vector<double>> of_head;
        for (const auto& square : squares) {
            const auto begin = square.begin() + static_cast<std::ptrdiff_t>(offset);
            of_head.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(head.outputs.size()));
        }
        std::vector<std::size_t> signal;
        if (head.kind == HeadKind::one_of_n) {
            for (std::size_t o = 0; o < head.outputs.size(); ++o) {
                if (head.outputs[o] == "hit" || std::ranges::count(hit_classes, head.outputs[o]) > 0)
                    signal.push_back(o);
            }
        }
        // The greatest of several numbers is no estimate of one.
        const auto rule = head.kind == HeadKind::regression ? TileJoin::mean : join;
        for (const double value : join_tiles(of_head, rule, signal)) answer.push_back(static_cast<float>(value));
        offset += head.outputs.size();
    }
    return answer;
}

std::vector<std::vector<float>> answers(const TrainedModel& model, const CellImages& images,
                                        const std::vector<std::int64_t>& indices, const CellProgress& progress) {
    std::vector<std::vector<float>> all(indices.size());
    const auto wave = 16 * static_cast<std::size_t>(at::get_num_threads());
    for (std::size_t first = 0; first < indices.size(); first += wave) {
        const auto end = std::min(indices.size(), first + wave);
        at::parallel_for(
            static_cast<std::int64_t>(first), static_cast<std::int64_t>(end), 1,
            [&](std::int64_t from, std::int64_t to) {
                const torch::InferenceMode inference;
                for (auto i = from; i < to; ++i) {
                    const auto at = static_cast<std::size_t>(i);
                    std::vector<std::vector<double>> squares;
                    for (auto& view : images.views(indices[at])) {
                        const auto size = images.view().size_px;
                        // As training sees them (ImageFeed).
                        const auto photons = torch::from_blob(view.photons.pixels.data(), {1, 1, size, size})
                                                 .clamp(-65504.0, 65504.0)
                                                 .to(torch::kFloat16)
                                                 .to(torch::kFloat32);
                        const auto scores = scores_of(model.network->forward(photons), model.card.heads)
                                                .to(torch::kFloat64)
                                                .contiguous();
                        const auto* values = scores.data_ptr<double>();
                        squares.emplace_back(values, values + scores.numel());
                    }
                    all[at] = joined(squares, model.card.heads, model.card.hit_classes, images.view().join);
                }
            });
        if (progress) progress("answer", static_cast<std::int64_t>(end), static_cast<std::int64_t>(indices.size()));
    }
    return all;
}

// Of the test images for which a label is true and something of it is visible, how many still show it in a view.
json support_json(const CellImages& images, const std::vector<Head>& heads, const std::vector<std::int64_t>& indices) {
    json all = json::array();
    const auto& corpus = images.corpus();
    if (corpus.info().peak_source != PeakSource::simulated) return all;
    for (const auto& head : heads) {
        if (head.kind != HeadKind::multi_label) continue;
        const std::vector<Head> one = {head};
        const auto truth = rows_of(indices, [&](std::int64_t index) { return images.image_targets(index, one); });
        std::vector<LabelTruth> about;
        for (const auto& name : head.outputs) about.push_back(truth_of_label(corpus.info(), name));
        const auto counts = rows_of(indices, [&](std::int64_t index) {
            const auto& native = corpus.truth()[static_cast<std::size_t>(index)];
            const auto peaks = corpus.peaks(index);
            std::vector<float> most(head.outputs.size(), 0.0F);
            for (const auto& view : images.views(index)) {
                const auto seen = truth_in_view(native, peaks, view);
                for (std::size_t o = 0; o < most.size(); ++o) {
                    most[o] = std::max(most[o], static_cast<float>(visible_count(seen, about[o])));
                }
            }
            return most;
        });
        for (std::size_t o = 0; o < head.outputs.size(); ++o) {
            std::int64_t is_true = 0;
            std::int64_t in_image = 0;
            std::int64_t in_view = 0;
            for (std::size_t i = 0; i < indices.size(); ++i) {
                if (truth[i][o] != 1.0F) continue;
                ++is_true;
                if (visible_count(corpus.truth()[static_cast<std::size_t>(indices[i])], about[o]) == 0.0) continue;
                ++in_image;
                in_view += counts[i][o] > 0.0F ? 1 : 0;
            }
            all.push_back({{"label", head.outputs[o]},
                           {"about", to_string(about[o])},
                           {"true", is_true},
                           {"visible_in_image", in_image},
                           {"visible_in_view", in_view}});
        }
    }
    return all;
}

// Maps are made of one square: of a random crop or tiles, of that in the image's middle.
json localisation_json(const CellJob& job, TrainedModel model, const CellProgress& progress) {
    const auto& plan = job.grid.localisation;
    if (plan.method.empty()) return nullptr;
    if (model.card.view.framing != Framing::fit) {
        model.card.view.framing = Framing::crop;
        model.card.view.crop = CropPlace::centre;
    }
    ExplainOptions options;
    options.model_name = model.card.zoo_name;
    options.methods = parse_methods(std::vector<std::string>{plan.method});
    if (!plan.stage.empty()) options.stages = {plan.stage};
    options.output = plan.explained;
    options.images_per_class = plan.images_per_class;
    options.sanity_images = 0;
    options.seed = 1;  // the same images in every cell
    options.threads = job.threads;
    const auto explanation = explain_corpus(model, job.corpus, options, [&](std::int64_t done, std::int64_t total) {
        if (progress) progress("explain", done, total);
    });
    json rows = json::array();
    for (const auto& row : explanation.at("rows")) {
        if (row.at("kind") != "attribution" && row.at("kind") != "untrained") continue;
        rows.push_back({{"map", row.at("map")},
                        {"stage", row.at("stage")},
                        {"kind", row.at("kind")},
                        {"images", row.at("images")},
                        {"slift", row.at("slift")},
                        {"sauc", row.at("sauc")},
                        {"oracle_slift", row.at("oracle_slift")}});
    }
    return {{"explained", explanation.at("explained_class")},
            {"truth", explanation.at("truth")},
            {"view", to_text(model.card.view)},
            {"images", explanation.at("images")},
            {"undefined_images", explanation.at("undefined_images")},
            {"rows", rows}};
}

json shared_options(const TrainOptions& options) {
    json shared = to_json(options);
    for (const char* of_axis : {"model", "heads", "view", "class-weights", "init", "freeze-through", "seed"}) {
        shared.erase(of_axis);
    }
    return shared;
}

}  // namespace

TrainOptions cell_options(const Grid& grid, const Cell& cell) {
    TrainOptions options = grid.training;
    options.model = cell[Axis::model];
    options.heads = heads_of(cell[Axis::labels]);
    options.class_weights = cell[Axis::balance];
    options.seed = std::stoull(cell[Axis::seed]);
    if (cell[Axis::initialisation] == "frozen") {
        options.freeze_through = grid.transfer.freeze_through;
        if (options.freeze_through.empty()) {
            const auto view = view_of(cell);
            const auto network = make_model(options.model, {1, view.size_px, view.size_px});
            network->eval();
            const torch::NoGradGuard no_grad;
            options.freeze_through =
                network->trace(torch::zeros({1, 1, view.size_px, view.size_px})).stages.back().name;
        }
    }
    return options;
}

std::vector<std::int64_t> training_images(const CorpusReader& corpus, int size, std::uint64_t seed) {
    auto images = corpus.indices(Split::train);
    if (size == 0) return images;
    if (static_cast<std::size_t>(size) > images.size()) {
        throw UsageError(
            fmt::format("training_size = {} ({} has {} images to learn from). Give at most so many, or 0 "
                        "for all.",
                        size, corpus.path().string(), images.size()));
    }
    RandomStream random(seed, 0, shuffle_stage);  // epochs count from 1
    for (std::size_t i = images.size(); i > 1; --i) std::swap(images[i - 1], images[draw_index(random, i)]);
    images.resize(static_cast<std::size_t>(size));
    std::ranges::sort(images);
    return images;
}

CellResult run_cell(const CellJob& job, const CellProgress& progress) {
    auto options = cell_options(job.grid, job.cell);
    options.checkpoint = job.checkpoint;
    options.resume = !job.checkpoint.empty() && std::filesystem::exists(job.checkpoint);
    const auto truth = job.cell[Axis::truth] == "view" ? TruthOf::view : TruthOf::image;
    const CellImages images(job.corpus, view_of(job.cell), truth, options.seed);
    const auto train = training_images(job.corpus, job.cell.number(Axis::training_size), options.seed);
    const auto test = job.corpus.indices(Split::test);
    if (test.empty()) {
        throw DataError(fmt::format("{}: no test split (nothing can be scored). Give the recipe a test_fraction.",
                                    job.corpus.path().string()));
    }
    const auto learned = learn(job, images, options, train, progress);
    const auto& heads = learned.model.card.heads;
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    CellResult result;
    result.scores = answers(learned.model, images, test, progress);
    const double answer_s = seconds_since(begin);
    const double answer_cpu_s = cpu_seconds() - cpu_before;
    result.cell = job.cell;
    result.hash = job.hash;
    result.view = to_text(images.view());
    result.heads = heads;
    result.images = test;
    const bool one_view = images.views(test.front()).size() == 1;
    result.truth = rows_of(test, [&](std::int64_t index) {
        if (truth == TruthOf::image) return images.image_targets(index, heads);
        if (!one_view) return images.targets(index, heads, nullptr);
        return images.targets(index, heads, &images.views(index).front());
    });
    const auto labels = rows_of(test, [&](std::int64_t index) { return images.image_targets(index, heads); });
    const auto shape = shape_of(learned.model.card);
    const auto macs = multiply_adds(*learned.model.network, shape);
    const auto steps = (static_cast<std::int64_t>(train.size()) + options.batch_size - 1) / options.batch_size;
    const auto squares = static_cast<std::int64_t>(train.size()) * options.epochs;
    const auto per_image = static_cast<std::int64_t>(images.views(test.front()).size());
    result.held = {{"test_images", hash_of(test)},
                   {"validation_images", hash_of(job.corpus.indices(Split::validation))},
                   {"train_images", hash_of(train)},
                   {"image_labels", hash_of(labels)},
                   {"options", shared_options(options)},
                   {"steps", steps * options.epochs},
                   {"views_learned", squares},
                   {"input_px", images.view().size_px},
                   {"multiply_adds", macs},
                   {"parameters", parameter_count(*learned.model.network)},
                   {"learned_parameters", learned.learned_parameters}};
    result.cost = {{"learn_s", learned.fit.seconds},
                   {"learn_cpu_s", learned.cpu_s},
                   {"answer_s", answer_s},
                   {"answer_cpu_s", answer_cpu_s},
                   {"threads", at::get_num_threads()},
                   {"test_images", test.size()},
                   {"squares_per_image", per_image},
                   {"answer_multiply_adds", macs * per_image},
                   {"learn_multiply_adds", macs * squares}};
    json epochs = json::array();
    for (const auto& epoch : learned.fit.epochs) epochs.push_back(to_json(epoch));
    result.training = {{"options", to_json(options)},
                       {"train_images", train.size()},
                       {"best_epoch", learned.fit.best_epoch},
                       {"stopped", learned.fit.stopped},
                       {"epochs", epochs}};
    result.support = support_json(images, heads, test);
    result.localisation = localisation_json(job, learned.model, progress);
    result.provenance = {{"version", version()}, {"git_commit", git_commit()}};
    return result;
}

TrainedModel pretrain(const CellJob& job, const CellProgress& progress) {
    auto options = cell_options(job.grid, job.cell);
    options.heads = heads_of(job.grid.transfer.labels);
    options.epochs = job.grid.transfer.epochs;
    options.class_weights = "none";
    options.freeze_through.clear();
    options.checkpoint = job.checkpoint;
    options.resume = !job.checkpoint.empty() && std::filesystem::exists(job.checkpoint);
    const CellImages images(job.corpus, view_of(job.cell), TruthOf::image, options.seed);
    auto learned = learn(job, images, options, job.corpus.indices(Split::train), progress);
    learned.model.card.training = {
        {"command", "ablate"}, {"options", to_json(options)}, {"seconds", learned.fit.seconds}};
    return std::move(learned.model);
}

}  // namespace braggbench
