// Writes the small corpus that export_dxtbx.py and open_others.py judge, and its exports beside it: smv, cbf, pgm
// and resonet.h5.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "datasets/export.hpp"
#include "tests/datasets/small_corpus.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: write_export FOLDER\n";
        return EXIT_FAILURE;
    }
    using braggbench::ExportLayout;
    using braggbench::RasterFormat;
    const std::filesystem::path folder = argv[1];
    braggbench::test::write_small_corpus(folder / "corpus.h5", braggbench::test::small_info(5, 210, 180));
    const braggbench::CorpusReader corpus(folder / "corpus.h5");
    const auto write = [&](const char* name, ExportLayout layout, RasterFormat raster = RasterFormat::png) {
        braggbench::ExportOptions options;
        options.layout = layout;
        options.raster = raster;
        braggbench::export_corpus(corpus, folder / name, options, [](std::int64_t, std::int64_t) {});
    };
    write("smv", ExportLayout::smv);
    write("cbf", ExportLayout::cbf);
    write("pgm", ExportLayout::diffranet, RasterFormat::pgm);
    write("resonet.h5", ExportLayout::resonet);
    return EXIT_SUCCESS;
}
