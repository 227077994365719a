#include "classifiers/train.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct TrainCommand {
    std::string corpus;
    std::vector<std::string> overrides;
    std::filesystem::path output = "model.pt";
    bool json = false;
    TrainOptions options;
};

void run_train(TrainCommand command, const CommonOptions& common) {
    command.options.checkpoint = command.output.string() + ".checkpoint";
    Progress progress("train", "images", common.quiet);
    const auto on_batch = [&](std::int64_t done, std::int64_t total, int epoch) {
        progress.update(done + (epoch - 1) * total, total * command.options.epochs);
    };
    const auto on_epoch = [&](const EpochResult& epoch) {
        progress.note(
            fmt::format("epoch {:>3}  loss {:.4f} train {:.4f} validation  accuracy {:.4f} train {:.4f} "
                        "validation  {:.0f} images/s",
                        epoch.epoch, epoch.train_loss, epoch.validation_loss, epoch.train_accuracy,
                        epoch.validation_accuracy, epoch.images_per_s));
    };
    constexpr std::string_view stream = "stream:";
    const bool streamed = command.corpus.starts_with(stream);
    if (!streamed && !command.overrides.empty()) {
        throw UsageError("--set beside a corpus (it is made already). Use --set when generating it, or stream:RECIPE.");
    }
    const TrainedModel model =
        streamed ? train_on_stream(load_recipe(command.corpus.substr(stream.size()), command.overrides),
                                   command.options, on_batch, on_epoch)
                 : train(CorpusReader(command.corpus), command.options, on_batch, on_epoch);
    save_model(command.output, model);
    std::filesystem::remove(command.options.checkpoint);
    if (command.json) std::cout << model.card.training.dump(2) << '\n';
    progress.note(fmt::format("{}: {} of {} outputs", command.output.string(), model.card.zoo_name,
                              output_count(model.card.heads)));
}

}  // namespace

void add_train(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<TrainCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "train",
        "a network on a corpus' train split; the validation split chooses the epoch\n\n"
        "  braggbench train corpus.h5 -o model.pt --epochs 30\n"
        "  braggbench train stream:diffranet-small -o model.pt     fresh images every epoch, no file\n"
        "A checkpoint is kept beside the output until training ends; --resume continues from it.\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`, or stream:RECIPE")->required();
    sub->add_option("--set", command->overrides, "change one key of a stream's recipe")->type_name("KEY=VALUE");
    sub->add_option("-o,--output", command->output, "the model file")->capture_default_str();
    sub->add_option("--model", o.model, "zoo name")->capture_default_str();
    sub->add_option("--epochs", o.epochs, "passes over the train split")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    sub->add_option("--batch", o.batch_size, "images per step")->check(CLI::Range(1, 4096))->capture_default_str();
    sub->add_option("--lr", o.learning_rate, "highest learning rate")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_option("--weight-decay", o.weight_decay, "AdamW's")->check(CLI::NonNegativeNumber)->capture_default_str();
    sub->add_option("--seed", o.seed, "keys initialisation, order and augmentation")->capture_default_str();
    sub->add_option("--view-size", o.view_size_px, "edge of the model's view in pixels; 0 = the corpus' own")
        ->check(CLI::Range(0, 8192))
        ->capture_default_str();
    sub->add_flag("--resume", o.resume, "continue from the checkpoint");
    sub->add_flag("--json", command->json, "print the training record as one JSON object");
    sub->callback([command, &common] { run_train(*command, common); });
}

}  // namespace braggbench
