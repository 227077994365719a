#include "datasets/generate.hpp"

#include <fmt/format.h>

#include <memory>
#include <sstream>

#include "bench/commands/commands.hpp"
#include "bench/commands/recipe_options.hpp"
#include "bench/progress.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct GenerateCommand {
    RecipeOptions recipe;
    std::filesystem::path output = "corpus.h5";
    std::optional<std::int64_t> images;
    std::optional<std::uint64_t> seed;
    std::string part;
    bool keep_parts = false;
};

Share parse_share(const std::string& text) {
    Share share;
    char slash = 0;
    std::istringstream stream(text);
    if (!(stream >> share.number >> slash >> share.of) || slash != '/' || !(stream >> std::ws).eof()) {
        throw UsageError(fmt::format("--part {} (a share is K/N). Give 1/4, for instance.", text));
    }
    return share;
}

void run_generate(const GenerateCommand& options, const CommonOptions& common) {
    auto set = options.recipe.set;
    if (options.images) set.push_back(fmt::format("corpus.image_count={}", *options.images));
    if (options.seed) set.push_back(fmt::format("corpus.seed={}", *options.seed));
    const Recipe recipe = load_recipe(options.recipe.recipe, set);
    GenerateOptions how;
    how.threads = common.threads;
    if (!options.part.empty()) how.share = parse_share(options.part);
    if (options.keep_parts) how.assembly = Assembly::virtual_file;
    const GeneratePlan plan = plan_generate(recipe, options.output, how);

    Progress progress("generate", "images", common.quiet);
    if (plan.found > 0) {
        progress.resume_from(plan.found);
        progress.note(fmt::format("{}: {} of {} images were there", parts_folder(options.output).string(), plan.found,
                                  plan.wanted.size()));
    }
    Progress joining("join", "images", common.quiet);
    generate(
        plan, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); },
        [&](std::int64_t done, std::int64_t total) { joining.update(done, total); });
    if (how.share) {
        progress.note(fmt::format("{}: images {} to {} of {} of recipe {}, seed {}. Without --part they become {}",
                                  parts_folder(options.output).string(), plan.wanted.first, plan.wanted.end - 1,
                                  recipe.image_count, recipe.name, recipe.seed, options.output.string()));
    } else {
        progress.note(fmt::format("{}: {} images of recipe {}, seed {}", options.output.string(), recipe.image_count,
                                  recipe.name, recipe.seed));
    }
}

}  // namespace

void add_generate(CLI::App& app, const CommonOptions& common) {
    auto options = std::make_shared<GenerateCommand>();
    auto* command = app.add_subcommand(
        "generate",
        "a corpus from a recipe: images, labels, true peaks and splits in one HDF5 file (NXmx)\n\n"
        "  braggbench generate diffranet-small -o corpus.h5\n"
        "  braggbench generate diffranet --images 5000 --set crystal.model=lysozyme -o lysozyme.h5\n"
        "The same recipe and seed give the same bytes on any number of threads, in one run or several. A large\n"
        "corpus is made in parts, in the folder OUTPUT.parts: a run that was stopped goes on from them, and\n"
        "  braggbench generate hollatz --part 1/2 -o hollatz.h5\n"
        "  braggbench generate hollatz --part 2/2 -o hollatz.h5   (elsewhere, too: put the files into one folder)\n"
        "  braggbench generate hollatz -o hollatz.h5              (makes one file of them)\n"
        "can share the work.\n");
    command->add_option("RECIPE", options->recipe.recipe, "built-in name (see `braggbench recipes`) or a .toml file")
        ->required();
    command->add_option("-o,--output", options->output, "the corpus file")->capture_default_str();
    command->add_option("-n,--images", options->images, "how many images (corpus.image_count)");
    command->add_option("--seed", options->seed, "corpus.seed");
    command->add_option("--part", options->part, "K/N: only the K-th of N shares of the images, left in OUTPUT.parts");
    command->add_flag("--keep-parts", options->keep_parts,
                      "leave the images in OUTPUT.parts; OUTPUT shows them as one (an HDF5 virtual dataset)");
    add_set_option(*command, options->recipe);
    command->callback([options, &common] { run_generate(*options, common); });
}

}  // namespace braggbench
