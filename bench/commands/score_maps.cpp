#include "explain/score_maps.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "simulator/atomic_file.hpp"

namespace braggbench {

namespace {

constexpr double headline_radius_px = 2.0;

struct ScoreMapsCommand {
    std::filesystem::path maps;
    std::filesystem::path corpus;
    std::vector<double> radii_px = {0.0, 2.0, 4.0};
    std::filesystem::path output;
    bool json = false;
    ScoreMapsOptions options;
};

// The headline's radius is 2 px where that is asked for, else the first.
void set_radii(std::vector<double> radii_px, LocalisationOptions& localisation) {
    const auto headline = std::find(radii_px.begin(), radii_px.end(), headline_radius_px);
    const auto first = headline != radii_px.end() ? headline : radii_px.begin();
    localisation.radius_px = *first;
    radii_px.erase(first);
    localisation.other_radii_px = radii_px;
}

void run_score_maps(ScoreMapsCommand command, const CommonOptions& common) {
    if (!command.output.empty()) require_writable(command.output);
    set_radii(command.radii_px, command.options.localisation);
    command.options.threads = common.threads;
    const CorpusReader corpus(command.corpus);
    const MapFile maps(command.maps);
    Progress progress("score-maps", "images", common.quiet);
    const nlohmann::json result = score_maps(
        maps, corpus, command.options, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    if (!command.output.empty()) replace_file(command.output, result.dump(2) + "\n");
    std::cout << (command.json ? result.dump(2) + "\n" : map_scores_table(result));
}

}  // namespace

void add_score_maps(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ScoreMapsCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "score-maps",
        "anyone's saliency maps against the true peaks: every score with its 95 % interval and chance\n\n"
        "  braggbench score-maps maps.h5 corpus.h5\n"
        "  braggbench score-maps maps.h5 corpus.h5 --label ice -o scores.json\n"
        "Maps are HDF5, a few lines of h5py (docs/map-files.md): `maps` (N, H, W) with the attribute `view`,\n"
        "`image_index` (N). Beside them stand maps that need no network, from a uniform one to a matched\n"
        "filter, and the oracle: the best that any map of this grid could do (docs/localisation.md). A map\n"
        "that is zero, constant or not finite has no score; such maps are counted.\n");
    sub->add_option("MAPS", command->maps, "the maps, HDF5")->required();
    sub->add_option("CORPUS", command->corpus, "the corpus whose images they are of")->required();
    sub->add_option("--label", o.label,
                    "the class or attribute that they explain: one about ice is scored against the rings, one about\n"
                    "lattices against the second lattice's peaks (default: the class, all peaks of the protein)");
    sub->add_option("--radius", command->radii_px,
                    "of the discs around the true peaks, in px of the view; 2 heads the table if it is among them")
        ->delimiter(',')
        ->check(CLI::Range(0.0, 64.0))
        ->capture_default_str();
    sub->add_option("--nulls", o.nulls_per_image, "other images whose peaks give the level of chance")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    sub->add_option("--seed", o.seed, "chooses nulls and resamples")->capture_default_str();
    sub->add_option("-o,--output", command->output, "also write the JSON here");
    sub->add_flag("--json", command->json, "print one JSON object (docs/results.md)");
    sub->callback([command, &common] { run_score_maps(*command, common); });
}

}  // namespace braggbench
