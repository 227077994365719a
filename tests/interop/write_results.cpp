// Writes a small file of results, with a history, to the path given.
#include "tests/bench/small_results.hpp"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    auto results = braggbench::small_results();
    results.baseline.push_back({"2026-01-02T03:04:05Z", "first", "", "0.1.0"});
    braggbench::write_results(argv[1], results);
    return 0;
}
