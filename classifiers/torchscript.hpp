// Networks as TorchScript: ours written for other programs, other people's evaluated and explained here
// (docs/foreign-models.md). Input (N, 1, H, W) float32 photons, output (N, outputs of all heads) logits.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"

namespace braggbench {

// Whether it is a TorchScript file with a method `forward`; false for anything else, damaged files included.
bool is_torchscript(const std::filesystem::path& path);

// The network traced at its view's size, any number of images at a time, with its card in the extra file
// "braggbench.json". A model that came from TorchScript is written as it was, with the card. Throws UsageError for a
// network whose trace holds for one number of images alone, DataError if the file cannot be written.
void export_torchscript(const std::filesystem::path& path, const TrainedModel& model);

// What somebody knows of a network that came without a card.
struct StatedCard {
    std::vector<std::string> classes;      // outputs of a head "class"
    std::vector<std::string> hit_classes;  // of them
    std::vector<std::string> attributes;   // outputs of a head "attributes", after those
    std::optional<ViewSpec> view;
};
// Throws UsageError unless there are outputs and a view of a fixed size, and for hits that are no classes.
ModelCard make_card(const std::filesystem::path& path, const StatedCard& stated);

// `stated` stands in for, or overrides, the file's own card. Throws DataError for a file that cannot be read,
// UsageError without a card, and DataError, now or at any later prediction, if the network fails, or gives something
// else than finite logits of the right shape.
TrainedModel load_torchscript(const std::filesystem::path& path, const std::optional<ModelCard>& stated = {});

}  // namespace braggbench
