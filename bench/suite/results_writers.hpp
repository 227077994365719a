// Results of a suite for people and for other programs.
#pragma once

#include <string>

#include "bench/results/results.hpp"

namespace braggbench {

std::string results_table(const Results& results);  // for a terminal
std::string results_markdown(const Results& results);
std::string results_csv(const Results& results);  // without values per image
// JUnit's XML: a test case for every measure, which fails where a known answer came out wrong.
std::string results_junit(const Results& results);

}  // namespace braggbench
