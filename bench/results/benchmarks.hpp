// Two runs of Google Benchmark programs (`make bench JSON=new.json`), compared benchmark by benchmark.
#pragma once

#include <filesystem>

#include "bench/results/comparison.hpp"

namespace braggbench {

// Whether the file is JSON that Google Benchmark wrote. Throws DataError if it is not JSON at all.
bool is_benchmark_file(const std::filesystem::path& path);

// Repeats by a rank sum test (Mann & Whitney) and by the scatter of speeds between runs: the larger p counts. Times are
// relative to the benchmark "calibration" where both have it. Processor times, or real ones where the benchmark's name
// says so. Throws DataError for files of another form.
ResultsComparison compare_benchmarks(const std::filesystem::path& base, const std::filesystem::path& fresh);

}  // namespace braggbench
