#include "classifiers/model_comparison.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "classifiers/classical/classical.hpp"
#include "classifiers/evaluate.hpp"
#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"
#include "classifiers/multiply_adds.hpp"
#include "classifiers/predict.hpp"
#include "classifiers/train.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double large_network = 5e9;       // multiply-adds per image above which steps are of fewer images
constexpr double most_memory_bytes = 20e9;  // of weights, gradients and the optimiser's two moments

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

class Comparison {
public:
    Comparison(const CorpusReader& corpus, const ModelComparisonOptions& options, const ModelComparisonCalls& calls)
        : corpus_(corpus), options_(options), calls_(calls) {}

    nlohmann::json run() {
        std::vector<std::string> names = options_.models;
        if (names.empty()) {
            for (const auto& entry : model_zoo()) names.push_back(entry.name);
            for (const auto& info : classical_models()) names.push_back(info.name);
        }
        for (const auto& name : names) {
            if (!is_classical_name(name)) zoo_entry(name);
        }
        nlohmann::json rows = nlohmann::json::array();
        for (const auto& name : names) {
            nlohmann::json row = {{"model", name}};
            try {
                row.update(is_classical_name(name) ? classical_row(name) : network_row(name));
            } catch (const UsageError& error) {
                row["failed"] = error.what();
            } catch (const DataError& error) {
                row["failed"] = error.what();
            }
            rows.push_back(std::move(row));
        }
        nlohmann::json result = {{"command", "compare"},        {"corpus", corpus_.path().string()},
                                 {"minutes", options_.minutes}, {"view", options_.view},
                                 {"seed", options_.seed},       {"rows", std::move(rows)}};
        if (!predictions_.empty()) {
            result["evaluation"] =
                evaluation_json(predictions_, corpus_, {options_.baseline_train_images, options_.threads});
        }
        return result;
    }

private:
    [[nodiscard]] std::filesystem::path kept(const std::string& name) const {
        return options_.directory.empty() ? std::filesystem::path() : options_.directory / (name + ".model");
    }

    [[nodiscard]] auto progress_of(const std::string& name, const std::string& what) const {
        return [this, name, what](std::int64_t done, std::int64_t total) {
            if (calls_.progress) calls_.progress(name, what, done, total);
        };
    }

    nlohmann::json classical_row(const std::string& name) {
        const auto path = kept(name);
        TrainedClassical model;
        if (!path.empty() && std::filesystem::exists(path)) {
            model = load_classical(path);
        } else {
            ClassicalOptions options;
            options.model = name;
            options.seed = options_.seed;
            options.threads = options_.threads;
            const auto begin = Clock::now();
            model = fit_classical(corpus_, options, progress_of(name, "learn"));
            model.card.training["seconds"] = seconds_since(begin);
            if (!path.empty()) save_classical(path, model);
        }
        const auto begin = Clock::now();
        add(predict_classical(model, corpus_, Split::test, progress_of(name, "answer"), options_.threads));
        return {{"kind", "classical"},
                {"training", model.card.training},
                {"corpus_images_per_s", test_count() / seconds_since(begin)}};
    }

    nlohmann::json network_row(const std::string& name) {
        const auto path = kept(name);
        TrainedModel model;
        if (!path.empty() && std::filesystem::exists(path)) {
            model = load_model(path);
        } else {
            model = train(corpus_, planned(name), train_calls(name));
            if (!path.empty()) save_model(path, model);
        }
        const auto shape = shape_of(model.card);
        const double in_memory = images_per_s(*model.network, shape);
        const auto begin = Clock::now();
        add(predict(model, corpus_, Split::test, progress_of(name, "answer")));
        return {{"kind", "network"},
                {"view", to_text(model.card.view)},
                {"parameters", parameter_count(*model.network)},
                {"multiply_adds", multiply_adds(*model.network, shape)},
                {"training", model.card.training},
                {"images_per_s", in_memory},
                {"corpus_images_per_s", test_count() / seconds_since(begin)}};
    }

    // As many epochs as fit.
    TrainOptions planned(const std::string& name) {
        ViewSpec view;
        view.size_px = std::max(corpus_.info().width_px, corpus_.info().height_px);
        if (!options_.view.empty()) view = parse_view(options_.view);
        const auto heads = make_heads(std::vector<std::string>{"class"}, head_source(corpus_));
        const ModelShape shape{static_cast<int>(output_count(heads)), view.size_px, view.size_px};
        auto network = make_model(name, shape);
        const double bytes = 4.0 * sizeof(float) * static_cast<double>(parameter_count(*network));
        if (bytes > most_memory_bytes) {
            throw UsageError(fmt::format("{} parameters (training would take {:.0f} GB). Give a smaller view.",
                                         parameter_count(*network), bytes / 1e9));
        }
        TrainOptions options = comparison_options(name, static_cast<double>(multiply_adds(*network, shape)));
        options.view = options_.view;
        options.seed = options_.seed;
        options.max_minutes = options_.minutes;
        network->train();
        const auto photons = torch::poisson(torch::full({options.batch_size, 1, view.size_px, view.size_px}, 3.0));
        const auto targets = torch::zeros({options.batch_size, 1});
        double seconds = 0.0;
        for (int step = 0; step < 2; ++step) {
            const auto begin = Clock::now();
            loss_of(network->forward(photons), targets, heads, {}).backward();
            seconds = seconds_since(begin);
        }
        const double images = options_.minutes * 60.0 * options.batch_size / seconds;
        const double per_epoch = static_cast<double>(corpus_.indices(Split::train).size()) +
                                 static_cast<double>(corpus_.indices(Split::validation).size()) / 3.0;
        options.epochs = static_cast<int>(std::clamp(std::floor(images / per_epoch), 1.0, 1.0 * options_.most_epochs));
        return options;
    }

    TrainCalls train_calls(const std::string& name) const {
        TrainCalls calls;
        calls.progress = [this, name](std::int64_t done, std::int64_t total, int epoch) {
            if (calls_.progress) calls_.progress(name, fmt::format("epoch {}", epoch), done, total);
        };
        calls.on_epoch = [this, name](const EpochResult& epoch) {
            if (!calls_.note) return;
            calls_.note(
                fmt::format("{:16} epoch {:>3}  loss {:.4f} train {:.4f} validation  right {:.4f} validation  {:.0f} "
                            "images/s",
                            name, epoch.epoch, epoch.train_loss, epoch.validation_loss, epoch.validation_scores.front(),
                            epoch.images_per_s));
        };
        return calls;
    }

    // Of images in memory, a few at once to each thread, as predict() does.
    static double images_per_s(Classifier& network, const ModelShape& shape) {
        constexpr int batch_size = 4;
        const int threads = at::get_num_threads();
        network.eval();
        const auto photons =
            torch::poisson(torch::full({threads, batch_size, 1, shape.height_px, shape.width_px}, 3.0));
        double fastest = 1e30;
        for (int repeat = 0; repeat < 3; ++repeat) {
            const auto begin = Clock::now();
            at::parallel_for(0, threads, 1, [&](std::int64_t first, std::int64_t end) {
                const torch::InferenceMode inference;
                for (auto i = first; i < end; ++i) network.forward(photons[i]);
            });
            fastest = std::min(fastest, seconds_since(begin));
        }
        return threads * batch_size / fastest;
    }

    [[nodiscard]] double test_count() const { return static_cast<double>(corpus_.indices(Split::test).size()); }

    void add(Predictions predictions) { predictions_.push_back(std::move(predictions)); }

    const CorpusReader& corpus_;
    const ModelComparisonOptions& options_;
    const ModelComparisonCalls& calls_;
    std::vector<Predictions> predictions_;
};

}  // namespace

TrainOptions comparison_options(const std::string& model, double multiply_adds_per_image) {
    TrainOptions options;
    options.model = model;
    if (multiply_adds_per_image > large_network) options.batch_size = 4;
    if (model.starts_with("compact")) return options;
    const bool has_norms = model != "alexnet" && model != "vgg16" && model != "yang2016";
    options.learning_rate = has_norms ? 1e-3 : 1e-4;
    return options;
}

nlohmann::json compare_on_corpus(const CorpusReader& corpus, const ModelComparisonOptions& options,
                                 const ModelComparisonCalls& calls) {
    if (!options.directory.empty()) std::filesystem::create_directories(options.directory);
    if (!(options.minutes > 0.0) || options.most_epochs < 1) {
        throw UsageError(fmt::format("minutes = {}, epochs = {} (nothing would be learned). Give positive numbers.",
                                     options.minutes, options.most_epochs));
    }
    return Comparison(corpus, options, calls).run();
}

}  // namespace braggbench
