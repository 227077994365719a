// Writes the small corpus that corpus_dxtbx.py judges: its geometry is stated there once more, by
// hand.
#include <cstdlib>
#include <iostream>

#include "tests/datasets/small_corpus.hpp"

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: write_corpus FILE SENSOR_THICKNESS_UM\n";
        return EXIT_FAILURE;
    }
    braggbench::CorpusInfo info = braggbench::test::small_info(5, 210, 180);
    info.detector.sensor_thickness_um = std::atof(argv[2]);
    braggbench::test::write_small_corpus(argv[1], info);
    return EXIT_SUCCESS;
}
