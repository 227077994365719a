#include "datasets/export.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"

namespace braggbench {

namespace {

struct ExportCommandOptions {
    std::filesystem::path corpus;
    std::filesystem::path output;
    ExportOptions exported;
    std::string view;
    std::string split = "all";
};

void run_export(ExportCommandOptions options, const CommonOptions& common) {
    static const std::map<std::string, Split> splits = {
        {"train", Split::train}, {"validation", Split::validation}, {"test", Split::test}};
    options.exported.threads = common.threads;
    if (!options.view.empty()) options.exported.view = parse_view(options.view);
    if (options.split != "all") options.exported.split = splits.at(options.split);
    const CorpusReader corpus(options.corpus);
    Progress progress("export", "images", common.quiet);
    const std::int64_t count =
        export_corpus(corpus, options.output, options.exported,
                      [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    progress.note(fmt::format("{}: {} images of {}", options.output.string(), count, options.corpus.string()));
}

}  // namespace

void add_export(CLI::App& app, const CommonOptions& common) {
    auto options = std::make_shared<ExportCommandOptions>();
    auto* command = app.add_subcommand(
        "export",
        fmt::format("a corpus in the layouts that others read: folders of PNG or PGM, SMV, miniCBF, HDF5 stacks\n\n"
                    "  braggbench export corpus.h5 -o folder                        folders by split and class\n"
                    "  braggbench export corpus.h5 -o folder --as hollatz           8-bit PGM and multiclasses.txt\n"
                    "  braggbench export corpus.h5 -o folder --as cbf --split test\n"
                    "  braggbench export corpus.h5 -o folder --view downsample:max:256+sqrt+8bit\n"
                    "  braggbench export corpus.h5 -o stack.h5 --as resonet         images, labels and geom in HDF5\n"
                    "The corpus itself is NXmx and CXI: DIALS and CrystFEL open it as it is.\n\n"
                    "Views are tokens joined by '+':\n{}",
                    view_help()));
    command->add_option("CORPUS", options->corpus, "the corpus file")->required();
    command->add_option("-o,--output", options->output, "the new folder (the file, for patterns and resonet)")
        ->required();
    static const std::map<std::string, ExportLayout> layouts = {{"diffranet", ExportLayout::diffranet},
                                                                {"hollatz", ExportLayout::hollatz},
                                                                {"smv", ExportLayout::smv},
                                                                {"cbf", ExportLayout::cbf},
                                                                {"patterns", ExportLayout::patterns},
                                                                {"resonet", ExportLayout::resonet}};
    command->add_option("--as", options->exported.layout, "the layout")
        ->transform(CLI::CheckedTransformer(layouts))
        ->default_str("diffranet");
    static const std::map<std::string, RasterFormat> formats = {{"png", RasterFormat::png}, {"pgm", RasterFormat::pgm}};
    command->add_option("--format", options->exported.raster, "of the images in folders by class")
        ->transform(CLI::CheckedTransformer(formats))
        ->default_str("png");
    command->add_option("--view", options->view, "what of each image is written, see above");
    command->add_option("--split", options->split, "which images")
        ->check(CLI::IsMember({"all", "train", "validation", "test"}))
        ->capture_default_str();
    command->callback([options, &common] { run_export(*options, common); });
}

}  // namespace braggbench
