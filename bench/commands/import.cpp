#include "datasets/import.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"

namespace braggbench {

namespace {

struct ImportCommand {
    std::vector<std::filesystem::path> sources;
    std::filesystem::path output = "corpus.h5";
    ImportOptions options;
};

void run_import(ImportCommand command, const CommonOptions& common) {
    command.options.threads = common.threads;
    Progress progress("import", "images", common.quiet);
    const ImportSummary summary =
        import_corpus(command.sources, command.output, command.options,
                      [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    for (const std::string& note : summary.notes) progress.note("note: " + note);
    progress.note(fmt::format("{}: {} images of {} classes ({})", command.output.string(), summary.images,
                              summary.class_names.size(), fmt::join(summary.class_names, ", ")));
}

}  // namespace

void add_import(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ImportCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "import",
        "images of others as a corpus: folders by class, tables of labels, HDF5, NXmx, CXI, CBF, SMV\n\n"
        "  braggbench import photos -o corpus.h5                      photos/CLASS/*.png or photos/train/CLASS/*.png\n"
        "  braggbench import hollatz --class ice -o ice.h5            PGM and multiclasses.txt\n"
        "  braggbench import stack.h5 --labels /labels -o corpus.h5   a dataset of the file has the labels\n"
        "  braggbench import 'run7/*.cbf' --labels run7.csv -o run7.h5\n"
        "Every image needs a label, and all one size. Nothing is clipped or left out without being told to.\n");
    sub->add_option("SOURCE", command->sources, "folders, files or patterns")->required();
    sub->add_option("-o,--output", command->output, "the corpus file")->capture_default_str();
    sub->add_option("--labels", o.labels, "a CSV file (file,class[,split]) or a dataset of the HDF5 sources");
    sub->add_option("--label", o.label, "one label for every image");
    sub->add_option("--class", o.class_column, "the column of a table that is the class");
    sub->add_option("--classes", o.classes, "the classes in their order, a,b,c; any other is an error")->delimiter(',');
    sub->add_option("--scale", o.scale, "stored = round(scale * value + offset)")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_option("--offset", o.offset, "see --scale")->capture_default_str();
    sub->add_flag_callback(
        "--clip", [&o] { o.out_of_range = ImportOptions::OutOfRange::clip; },
        "values outside 0 to 65535 become the nearest; their number is told");
    static const std::map<std::string, ImportOptions::Unusable> unusable = {{"error", ImportOptions::Unusable::error},
                                                                            {"zero", ImportOptions::Unusable::zero}};
    sub->add_option("--unusable", o.unusable, "pixels without a value outside the first image's mask: error or zero")
        ->transform(CLI::CheckedTransformer(unusable))
        ->default_str("error");
    sub->add_flag_callback(
        "--draw-splits", [&o] { o.splits = ImportOptions::Splits::draw; }, "even where the sources state splits");
    sub->add_option("--validation-fraction", o.validation_fraction, "of each class, where splits are drawn")
        ->capture_default_str();
    sub->add_option("--test-fraction", o.test_fraction, "of each class, where splits are drawn")->capture_default_str();
    sub->add_option("--seed", o.seed, "keys the splits")->capture_default_str();
    sub->add_option("--wavelength-A", o.wavelength_A, "where the files do not state it, or to correct them");
    sub->add_option("--distance-mm", o.distance_mm, "likewise");
    sub->add_option("--pixel-size-mm", o.pixel_size_mm, "likewise");
    sub->add_option("--beam-fast-px", o.beam_fast_px, "likewise, from the outer corner of pixel (0, 0)");
    sub->add_option("--beam-slow-px", o.beam_slow_px, "likewise");
    sub->add_option("--gain-adu-per-photon", o.gain_adu_per_photon, "likewise, of the source: before --scale");
    sub->add_option("--offset-adu", o.offset_adu, "likewise");
    sub->callback([command, &common] { run_import(*command, common); });
}

}  // namespace braggbench
