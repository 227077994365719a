// What decides results besides a suite: this very program and the libraries it was linked to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace braggbench {

// Of the running program's own file. Another version, or a changed and not committed one, has another.
std::string executable_checksum();

// {"libtorch": "1.13.0", "opencv": ..., "fftw": ..., "hdf5": ...}
nlohmann::json library_versions();

// Of a file's content. Throws DataError if it cannot be read.
std::string file_checksum(const std::string& path);

}  // namespace braggbench
