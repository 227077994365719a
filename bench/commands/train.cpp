#include "classifiers/train.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <type_traits>
#include <utility>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "classifiers/classical/classical.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct TrainCommand {
    std::string corpus;
    std::vector<std::string> overrides;
    std::filesystem::path output = "model.pt";
    std::string preset;
    bool json = false;
    TrainOptions options;  // as given; what is not given is the preset's
    std::vector<std::function<void(TrainOptions&)>> given;
    std::vector<std::string> settings;  // of a classical model, NAME=VALUE
};

template <class Range>
std::string percentages(const Range& scores) {
    std::vector<std::string> texts;
    for (const double score : scores) texts.push_back(fmt::format("{:.4f}", score));
    return fmt::format("{}", fmt::join(texts, " "));
}

// The preset's options, or the defaults, with those given on the command line.
TrainOptions resolved(const TrainCommand& command) {
    TrainOptions options = command.preset.empty() ? TrainOptions{} : train_preset(command.preset).options;
    for (const auto& give : command.given) give(options);
    options.max_minutes = command.options.max_minutes;
    options.checkpoint_minutes = command.options.checkpoint_minutes;
    options.cache_gib = command.options.cache_gib;
    options.resume = command.options.resume;
    options.checkpoint = command.output.string() + ".checkpoint";
    return options;
}

SettingValues parse_settings(const std::vector<std::string>& texts) {
    SettingValues settings;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        char* end = nullptr;
        const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
        const double number = std::strtod(value.c_str(), &end);
        if (value.empty() || *end != '\0') {
            throw UsageError(fmt::format("--setting {} (it is a name and a number). Give such as trees=500.", text));
        }
        settings[text.substr(0, equals)] = number;
    }
    return settings;
}

void train_classical(const TrainCommand& command, const TrainOptions& options, const CommonOptions& common) {
    require_writable(command.output);
    Progress progress("train", "images", common.quiet);
    ClassicalOptions classical;
    classical.model = options.model;
    classical.seed = options.seed;
    classical.threads = static_cast<unsigned>(common.threads);
    classical.settings = parse_settings(command.settings);
    const auto model = fit_classical(CorpusReader(command.corpus), classical,
                                     [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    save_classical(command.output, model);
    if (command.json) std::cout << model.card.training.dump(2) << '\n';
    progress.note(fmt::format("{}: {}", command.output.string(), model.card.model));
}

void run_train(const TrainCommand& command, const CommonOptions& common) {
    const TrainOptions options = resolved(command);
    if (is_classical_name(options.model)) return train_classical(command, options, common);
    Progress progress("train", "images", common.quiet);
    TrainCalls calls;
    bool resumed = options.resume;
    calls.progress = [&](std::int64_t done, std::int64_t total, int epoch) {
        if (std::exchange(resumed, false)) progress.resume_from(done + (epoch - 1) * total);
        progress.update(done + (epoch - 1) * total, total * options.epochs);
    };
    calls.on_epoch = [&](const EpochResult& epoch) {
        progress.note(fmt::format(
            "epoch {:>3}  loss {:.4f} train {:.4f} validation  right {} train {} validation  {:.0f} images/s",
            epoch.epoch, epoch.train_loss, epoch.validation_loss, percentages(epoch.train_scores),
            percentages(epoch.validation_scores), epoch.images_per_s));
    };
    calls.note = [&](const std::string& text) { progress.note(text); };
    constexpr std::string_view stream = "stream:";
    const bool streamed = command.corpus.starts_with(stream);
    if (!streamed && !command.overrides.empty()) {
        throw UsageError("--set beside a corpus (it is made already). Use --set when generating it, or stream:RECIPE.");
    }
    const TrainedModel model =
        streamed ? train_on_stream(load_recipe(command.corpus.substr(stream.size()), command.overrides), options, calls)
                 : train(CorpusReader(command.corpus), options, calls);
    save_model(command.output, model);
    std::filesystem::remove(options.checkpoint);
    if (command.json) std::cout << model.card.training.dump(2) << '\n';
    progress.note(fmt::format("{}: {} with {} parameters, {} outputs", command.output.string(), model.card.zoo_name,
                              model.card.training.at("parameters").get<std::int64_t>(),
                              output_count(model.card.heads)));
}

void add_options(CLI::App& sub, TrainCommand& command) {
    std::string presets;
    for (const auto& preset : train_presets()) presets += fmt::format("\n  {}: {}", preset.name, preset.description);
    sub.add_option("--preset", command.preset, "published settings, which the options below change:" + presets);
    for_each_field(command.options, [&](const std::string& name, auto& member, const char* help) {
        auto* option = sub.add_option("--" + name, member, help)->capture_default_str();
        command.given.push_back([option, name, &member](TrainOptions& target) {
            if (option->count() == 0) return;
            for_each_field(target, [&](const std::string& other, auto& place, const char*) {
                if constexpr (std::is_same_v<std::decay_t<decltype(place)>, std::decay_t<decltype(member)>>) {
                    if (other == name) place = member;
                }
            });
        });
    });
    auto& o = command.options;
    sub.add_option("--max-minutes", o.max_minutes, "stop after so long and keep the best epoch; 0 = never");
    sub.add_option("--checkpoint-minutes", o.checkpoint_minutes, "write one so often, and after every epoch")
        ->capture_default_str();
    sub.add_option("--cache-gib", o.cache_gib, "memory for views that are used again")->capture_default_str();
    sub.add_flag("--resume", o.resume, "continue from the checkpoint");
}

}  // namespace

void add_train(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<TrainCommand>();
    auto* sub = app.add_subcommand(
        "train",
        "a network on a corpus' train split; the validation split chooses the epoch\n\n"
        "  braggbench train corpus.h5 -o model.pt --epochs 30\n"
        "  braggbench train stream:diffranet-small -o model.pt     fresh images every epoch, no file\n"
        "  braggbench train corpus.h5 --model glcm-forest -o forest.model\n"
        "  braggbench train hollatz.h5 --heads attributes values@0.5 --class-weights balanced\n"
        "A checkpoint is kept beside the output until training ends; --resume continues from it.\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`, or stream:RECIPE")->required();
    sub->add_option("--set", command->overrides, "change one key of a stream's recipe")->type_name("KEY=VALUE");
    sub->add_option("-o,--output", command->output, "the model file")->capture_default_str();
    add_options(*sub, *command);
    sub->add_option("--setting", command->settings, "of a classical model, such as trees=500 (docs/classical.md)")
        ->type_name("NAME=VALUE");
    sub->add_flag("--json", command->json, "print the training record as one JSON object");
    sub->callback([command, &common] { run_train(*command, common); });
}

}  // namespace braggbench
