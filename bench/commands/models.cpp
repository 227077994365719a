#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/commands/commands.hpp"
#include "classifiers/model.hpp"
#include "classifiers/multiply_adds.hpp"

namespace braggbench {

namespace {

struct ModelsCommand {
    std::vector<std::string> names;
    int size_px = 0;  // 0 = don't build them
    int outputs = 5;
    bool json = false;
};

nlohmann::json row_of(const ZooEntry& entry, const ModelsCommand& command) {
    nlohmann::json row = {{"name", entry.name}, {"min_size_px", entry.min_size_px}, {"description", entry.description}};
    if (command.size_px >= entry.min_size_px) {
        const ModelShape shape{
            .output_count = command.outputs, .height_px = command.size_px, .width_px = command.size_px};
        const auto network = make_model(entry.name, shape);
        row["parameters"] = parameter_count(*network);
        row["multiply_adds"] = multiply_adds(*network, shape);
    }
    return row;
}

void run_models(const ModelsCommand& command) {
    nlohmann::json rows = nlohmann::json::array();
    if (command.names.empty()) {
        for (const auto& entry : model_zoo()) rows.push_back(row_of(entry, command));
    }
    for (const auto& name : command.names) rows.push_back(row_of(zoo_entry(name), command));
    if (command.json) {
        std::cout << nlohmann::json{{"command", "models"},
                                    {"size_px", command.size_px},
                                    {"outputs", command.outputs},
                                    {"models", rows}}
                         .dump(2)
                  << '\n';
        return;
    }
    for (const auto& row : rows) {
        std::string cost;
        if (command.size_px > 0) {
            cost = row.contains("parameters")
                       ? fmt::format("{:>11} parameters {:>9.1f} MMACs  ", row.at("parameters").get<std::int64_t>(),
                                     static_cast<double>(row.at("multiply_adds").get<std::int64_t>()) / 1e6)
                       : fmt::format("{:>39}", "image too small  ");
        }
        fmt::print("{:<16} from {:>3} px  {}{}\n", row.at("name").get<std::string>(), row.at("min_size_px").get<int>(),
                   cost, row.at("description").get<std::string>());
    }
}

}  // namespace

void add_models(CLI::App& app, const CommonOptions& /*common*/) {
    auto command = std::make_shared<ModelsCommand>();
    auto* sub = app.add_subcommand(
        "models",
        "list the networks that `train` knows (docs/models.md), with what they cost at a size\n\n"
        "  braggbench models --size 512\n"
        "MMACs: a million multiplications with an addition each, for one image. vgg16 at 512 px takes 2.3 GiB.\n");
    sub->add_option("MODEL", command->names, "only these");
    sub->add_option("--size", command->size_px, "edge of the image in pixels: count parameters and MMACs for it")
        ->check(CLI::Range(1, 8192));
    sub->add_option("--outputs", command->outputs, "of all heads")->check(CLI::Range(1, 10000))->capture_default_str();
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command] { run_models(*command); });
}

}  // namespace braggbench
