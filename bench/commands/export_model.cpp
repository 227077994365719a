#include <fmt/format.h>

#include <memory>
#include <optional>

#include "bench/commands/commands.hpp"
#include "classifiers/torchscript.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct ExportModelCommand {
    std::filesystem::path model;
    std::filesystem::path output;
    StatedCard card;
    std::string view;
};

void run_export_model(ExportModelCommand command) {
    require_writable(command.output);
    auto& card = command.card;
    if (!command.view.empty()) card.view = parse_view(command.view);
    const bool states = !card.classes.empty() || !card.attributes.empty() || !card.hit_classes.empty() || card.view;
    if (!states) {
        export_torchscript(command.output, load_model(command.model));
        return;
    }
    if (!is_torchscript(command.model)) {
        throw UsageError(
            command.model.string() +
            ": not a TorchScript file (a model of ours has its card already). Leave out --classes, --hits, "
            "--attributes and --view.");
    }
    export_torchscript(command.output, load_torchscript(command.model, make_card(command.model, card)));
}

}  // namespace

void add_export_model(CLI::App& app, const CommonOptions& /*common*/) {
    auto command = std::make_shared<ExportModelCommand>();
    auto* sub = app.add_subcommand(
        "export-model",
        "a trained model as TorchScript, which any PyTorch opens; or a card for somebody else's\n\n"
        "  braggbench export-model model.pt -o model.torchscript\n"
        "  braggbench export-model theirs.torchscript --classes miss,hit --hits hit --view downsample:max:512 \\\n"
        "    -o theirs-with-card.torchscript\n"
        "The network takes (N, 1, height, width) float32 photons of its view and gives logits "
        "(docs/foreign-models.md).\n"
        "With its card, a TorchScript file goes wherever a model does: evaluate, explain, classify.\n");
    sub->add_option("MODEL", command->model, "a file made by `braggbench train`, or TorchScript")->required();
    sub->add_option("-o,--output", command->output, "the new TorchScript file")->required();
    sub->add_option("--classes", command->card.classes, "what a foreign network's outputs are: exclusive classes")
        ->delimiter(',');
    sub->add_option("--hits", command->card.hit_classes, "those of its classes that count as a hit")->delimiter(',');
    sub->add_option("--attributes", command->card.attributes, "its outputs after the classes: true or false each")
        ->delimiter(',');
    sub->add_option("--view", command->view, "what it is to see of an image (docs/views.md)");
    sub->callback([command] { run_export_model(*command); });
}

}  // namespace braggbench
