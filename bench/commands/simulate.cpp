#include "datasets/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/recipe_options.hpp"
#include "datasets/recipe_toml.hpp"

namespace braggbench {

namespace {

struct SimulateOptions {
    RecipeOptions recipe{.recipe = "still", .set = {}};
    std::int64_t image = 0;
    std::filesystem::path output = "simulated";
    std::vector<std::string> shorthands;  // "key=value" of the flags below
};

// A flag that stands for --set KEY=VALUE.
void add_shorthand(CLI::App& command, SimulateOptions& options, const char* flag, const char* key, const char* help) {
    command.add_option_function<std::string>(
        flag,
        [&options, key](const std::string& value) { options.shorthands.push_back(fmt::format("{}={}", key, value)); },
        fmt::format("{} ({})", help, key));
}

void run_simulate(const SimulateOptions& options) {
    auto set = options.shorthands;
    set.insert(set.end(), options.recipe.set.begin(), options.recipe.set.end());
    const Recipe recipe = load_recipe(options.recipe.recipe, set);
    const SimulatedImage result = simulate(recipe, options.image, options.output);
    const auto& peaks = result.record.peaks;
    const auto visible = std::count_if(peaks.begin(), peaks.end(), [](const Peak& peak) { return peak.visible; });
    fmt::print("{}, image {} of class {}: {} peaks listed, {} visible\n", recipe.name, options.image,
               recipe.classes[static_cast<std::size_t>(result.record.class_index)].name, peaks.size(), visible);
    for (const auto& file : result.files) fmt::print("  {}\n", file.string());
}

}  // namespace

void add_simulate(CLI::App& app, const CommonOptions&) {
    auto options = std::make_shared<SimulateOptions>();
    auto* command = app.add_subcommand(
        "simulate",
        "one image with its true peaks: PNG, HDF5 (NXmx), SMV, peaks.csv, overlay\n\n"
        "  braggbench simulate --model lysozyme -o shot/\n"
        "  braggbench simulate --model 4N8Z.cif --distance-mm 120 --set beam.bandwidth_rms_fraction=0.002 -o shot/\n"
        "  braggbench simulate --recipe diffranet-small --image 17 -o shot/     image 17 of that corpus, alone\n");
    command->add_option("-o,--output", options->output, "directory for the files, made if missing")
        ->capture_default_str();
    command->add_option("--recipe", options->recipe.recipe, "the recipe to start from")->capture_default_str();
    command->add_option("--image", options->image, "which image of the recipe's corpus")->capture_default_str();
    add_shorthand(*command, *options, "--model", "crystal.model",
                  "photosystem-1, photosystem-2, hydrogenase, lysozyme, or a PDB, mmCIF or MTZ file");
    add_shorthand(*command, *options, "--d-min-A", "crystal.d_min_A", "resolution limit");
    add_shorthand(*command, *options, "--detector", "detector.preset",
                  "pilatus-6m, eiger-4m, cspad, ... (docs/detectors.md) instead of the recipe's own detector");
    add_shorthand(*command, *options, "--distance-mm", "detector.distance_mm", "sample to detector");
    add_shorthand(*command, *options, "--wavelength-A", "beam.wavelength_A", "wavelength");
    add_shorthand(*command, *options, "--mosaic-deg", "crystal.mosaic_spread_rms_deg", "mosaic spread");
    add_shorthand(*command, *options, "--water-um", "background.water_um", "path through water");
    add_shorthand(*command, *options, "--integrator", "integrator.name", "spots, or pixels, nanoBragg's sum");
    add_shorthand(*command, *options, "--seed", "corpus.seed", "keys orientation and noise");
    add_set_option(*command, options->recipe);
    command->callback([options] { run_simulate(*options); });
}

}  // namespace braggbench
