// Writes the small corpus that export_dxtbx.py judges, and its exports as SMV and miniCBF beside it.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "datasets/export.hpp"
#include "tests/datasets/small_corpus.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: write_export FOLDER\n";
        return EXIT_FAILURE;
    }
    const std::filesystem::path folder = argv[1];
    braggbench::test::write_small_corpus(folder / "corpus.h5", braggbench::test::small_info(5, 210, 180));
    const braggbench::CorpusReader corpus(folder / "corpus.h5");
    for (const auto layout : {braggbench::ExportLayout::smv, braggbench::ExportLayout::cbf}) {
        braggbench::ExportOptions options;
        options.layout = layout;
        braggbench::export_corpus(corpus, folder / (layout == braggbench::ExportLayout::smv ? "smv" : "cbf"), options,
                                  [](std::int64_t, std::int64_t) {});
    }
    return EXIT_SUCCESS;
}
