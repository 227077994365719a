#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "bench/suite/known_names.hpp"
#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/classical/classical.hpp"
#include "classifiers/model.hpp"
#include "classifiers/multiply_adds.hpp"
#include "classifiers/train.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

// A kind of work that is not counted in multiply-adds costs about as much as so many of them, per million of pixels.
constexpr double classical_mmacs_per_megapixel = 500.0;

std::string weights_checksum(const Classifier& network) {
    const torch::NoGradGuard no_grad;
    ContentKey key;
    const auto add = [&](const auto& tensors) {
        for (const auto& item : tensors) {
            const auto values = item.value().to(torch::kCPU).contiguous();
            key.add(item.key());
            key.add(std::string_view(static_cast<const char*>(values.data_ptr()), values.nbytes()));
        }
    };
    add(network.named_parameters());
    add(network.named_buffers());
    return key.hex();
}

void remove_all_but(const fs::path& directory, const fs::path& kept) {
    for (const auto& left : fs::directory_iterator(directory)) {
        if (left.path() != kept) fs::remove_all(left);
    }
}

StepResult train_network(const ModelStep& step, const fs::path& corpus_path, const StepWork& work) {
    TrainOptions options = step.options;
    options.checkpoint = work.directory / "checkpoint";
    options.resume = fs::exists(options.checkpoint);
    remove_all_but(work.directory, options.checkpoint);
    TrainCalls calls;
    calls.progress = [&](std::int64_t done, std::int64_t total, int epoch) {
        work.progress(done + (epoch - 1) * total, total * options.epochs);
    };
    const CorpusReader corpus(corpus_path);
    const TrainedModel model = train(corpus, options, calls);
    save_model(work.directory / model_file, model);
    fs::remove(options.checkpoint);

    const auto& training = model.card.training;
    const auto parameters = training.at("parameters").get<std::int64_t>();
    const auto images = training.at("images").get<std::int64_t>();
    StepResult result;
    result.measures = {exact_measure("images", fmt::format("{} learned from", images), images),
                       exact_measure("parameters", fmt::format("{}", parameters), parameters)};
    result.provenance = {{"model", options.model},
                         {"seed", options.seed},
                         {"weights", weights_checksum(*model.network)},
                         {"best_epoch", training.at("best_epoch")}};
    return result;
}

StepResult fit_classical_model(const ModelStep& step, const fs::path& corpus_path, const StepWork& work) {
    remove_all_but(work.directory, {});
    ClassicalOptions options;
    options.model = step.options.model;
    options.seed = step.options.seed;
    options.threads = static_cast<unsigned>(work.threads);
    for (const auto& text : step.settings) {
        const auto equals = text.find('=');
        char* end = nullptr;
        const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
        const double number = std::strtod(value.c_str(), &end);
        if (value.empty() || *end != '\0') {
            throw UsageError(fmt::format(
                "setting \"{}\" of {} (it is a name and a number). Give such as \"trees=500\".", text, step.name));
        }
        options.settings[text.substr(0, equals)] = number;
    }
    const auto model = fit_classical(CorpusReader(corpus_path), options, work.progress);
    save_classical(work.directory / model_file, model);
    StepResult result;
    result.provenance = {{"model", options.model}, {"seed", options.seed}};
    return result;
}

}  // namespace

StepResult run_model_step(const ModelStep& step, const fs::path& corpus, const StepWork& work) {
    return is_classical_name(step.options.model) ? fit_classical_model(step, corpus, work)
                                                 : train_network(step, corpus, work);
}

double estimated_mmacs(const std::string& model, int size_px) {
    const double megapixels = 1e-6 * size_px * size_px;
    if (is_classical_name(model)) return classical_mmacs_per_megapixel * megapixels;
    // At the smallest size it takes, so that a network with a huge dense layer is not made at full size.
    const int small_px = std::min(size_px, zoo_entry(model).min_size_px);
    const ModelShape shape{2, small_px, small_px};
    const double small_mmacs = 1e-6 * static_cast<double>(multiply_adds(*make_model(model, shape), shape));
    return small_mmacs * std::pow(static_cast<double>(size_px) / small_px, 2);
}

std::vector<std::string> zoo_names() {
    std::vector<std::string> names;
    for (const auto& entry : model_zoo()) names.push_back(entry.name);
    return names;
}

}  // namespace braggbench
