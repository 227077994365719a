// Writes the small corpus that corpus_dxtbx.py and find_spots.py judge: its geometry is stated there once more, by
// hand.
#include <cstdlib>
#include <iostream>

#include "tests/datasets/small_corpus.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: write_corpus FILE\n";
        return EXIT_FAILURE;
    }
    const braggbench::CorpusInfo info = braggbench::test::small_info(5, 210, 180);
    braggbench::test::write_small_corpus(argv[1], info);
    return EXIT_SUCCESS;
}
