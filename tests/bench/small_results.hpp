// A small file of results with a measure of every kind.
#pragma once

#include "bench/results/results.hpp"

namespace braggbench {

inline Results small_results() {
    Results results;
    results.suite = "small";
    results.suite_hash = "00ff";
    results.provenance = {{"version", "0.1.0"}, {"git_commit", "abcdef"}};
    results.machine = {"Test 3000", 4, 2, 15.5, 100.0, 0.01};
    results.steps = {{"corpus", "generate", "01", true, 2.5, 4.75}, {"network", "evaluate", "02", false, 1.0, 1.5}};
    results.measures = {
        {"network/accuracy",
         "network",
         MeasureKind::score,
         Better::higher,
         "",
         {0.75, {{0.41, 0.93}}, 0.5},
         8,
         Samples{"images", {1, 1, 0, 1, 1, 1, 0, 1}, {0, 0, 0, 0, 1, 1, 1, 1}, false},
         ""},
        {"network/slift",
         "network",
         MeasureKind::score,
         Better::higher,
         "",
         {2.5, {{1.5, 4.0}}, 1.0},
         4,
         Samples{"maps", {1.5, 2.0, 3.0, 4.0}, {}, true},
         ""},
        {"network/auc", "network", MeasureKind::score, Better::higher, "", {0.9, {{0.8, 0.95}}, 0.5}, 8, {}, ""},
        {"network/precision", "network", MeasureKind::score, Better::higher, "", {}, 0, {}, ""},
        {"network/speed",
         "network",
         MeasureKind::speed,
         Better::higher,
         "images/s",
         {200.0, {{190.0, 210.0}}, {}},
         3,
         Samples{"repeats", {190, 200, 210}, {}, false},
         ""},
        {"corpus/manifest", "corpus", MeasureKind::exact, Better::higher, "", {}, 60, {}, "crc32 8badf00d"}};
    return results;
}

}  // namespace braggbench
