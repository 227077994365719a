#include "classifiers/classify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct ClassifyCommand {
    std::vector<std::filesystem::path> files;
    std::filesystem::path model;
    std::filesystem::path output;
    bool json = false;
    ClassifyOptions options;
};

std::string csv(const std::vector<Classification>& results, const ModelCard& card) {
    std::string text = "image,class,is_hit,hit_probability,spot_count";
    for (const auto& head : card.heads) {
        for (const auto& name : head.outputs) text += fmt::format(",{}:{}", head.name, name);
    }
    text += '\n';
    for (const auto& r : results) {
        // Quoted: a file's name may hold a comma.
        std::string name = r.image;
        for (std::size_t i = name.find('"'); i != std::string::npos; i = name.find('"', i + 2)) name.insert(i, 1, '"');
        const auto hit = r.hit_probability
                             ? fmt::format("{},{:.4f}", *r.hit_probability > 0.5 ? 1 : 0, *r.hit_probability)
                             : std::string(",");
        text += fmt::format("\"{}\",{},{},{}", name, r.class_name, hit, r.spot_count);
        for (const double score : r.scores) text += fmt::format(",{:.4g}", score);
        text += '\n';
    }
    return text;
}

std::string json(const std::vector<Classification>& results, const ModelCard& card) {
    nlohmann::json images = nlohmann::json::array();
    for (const auto& r : results) images.push_back(to_json(r, card));
    return nlohmann::json{{"command", "classify"}, {"heads", card.heads}, {"images", images}}.dump(2) + "\n";
}

void run_classify(const ClassifyCommand& command, const CommonOptions& common) {
    if (!command.output.empty()) require_writable(command.output);
    const TrainedModel model = load_model(command.model);
    std::vector<Classification> results;
    Progress progress("classify", "files", common.quiet || command.files.size() < 10);
    std::string faults;
    std::int64_t done = 0;
    for (const auto& path : command.files) {
        try {
            const ImageFile file(path);
            for (std::int64_t i = 0; i < file.image_count(); ++i) {
                results.push_back(classify(model, file.read(i), command.options));
            }
        } catch (const DataError& error) {
            faults += fmt::format("{}{}", faults.empty() ? "" : "\n", error.what());
        }
        progress.update(++done, static_cast<std::int64_t>(command.files.size()));
    }
    if (!results.empty()) {
        const std::string text = command.json ? json(results, model.card) : csv(results, model.card);
        if (command.output.empty()) {
            std::cout << text;
        } else {
            replace_file(command.output, text);
        }
    }
    if (!faults.empty()) throw DataError(faults);
}

}  // namespace

void add_classify(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ClassifyCommand>();
    auto* sub = app.add_subcommand(
        "classify",
        "detector images of any size to class, probabilities and spot count\n\n"
        "  braggbench classify shot_*.cbf --model model.pt > predictions.csv\n"
        "Counts become photons by (value - offset) / gain; PNG and PGM files do not say which.\n"
        "Reads PNG, PGM, HDF5/NXmx/CXI, CBF and miniCBF (also .bz2, .gz) and SMV, told apart by\n"
        "content. Masked pixels and other sizes: docs/views.md. A file that cannot be used is named\n"
        "on standard error, the others are still classified, and the exit code is 3.\n");
    sub->add_option("FILE", command->files, "images or stacks of images")->required();
    sub->add_option("--model", command->model, "a file made by `braggbench train`")->required();
    sub->add_option("--gain", command->options.gain_adu_per_photon,
                    "ADU per photon of these files' detector (default: as the file says, else the training corpus')");
    sub->add_option("--offset", command->options.offset_adu,
                    "value of a dark pixel in ADU (default: as the file says, else the training corpus')");
    sub->add_option("-o,--output", command->output, "write here instead of standard output");
    sub->add_flag("--json", command->json, "one JSON object instead of CSV");
    sub->callback([command, &common] { run_classify(*command, common); });
}

}  // namespace braggbench
