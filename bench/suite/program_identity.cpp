#include "bench/suite/program_identity.hpp"

#include <fftw3.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <torch/version.h>

#include <fstream>
#include <iterator>
#include <opencv2/core/utility.hpp>

#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"

namespace braggbench {

std::string file_checksum(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw DataError(fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", path));
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    return ContentKey().add(bytes).hex();
}

std::string executable_checksum() {
    static const std::string checksum = file_checksum("/proc/self/exe");
    return checksum;
}

nlohmann::json library_versions() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    return {{"fftw", std::string(fftwf_version)},
            {"hdf5", fmt::format("{}.{}.{}", major, minor, release)},
            {"libtorch", TORCH_VERSION},
            {"opencv", cv::getVersionString()}};
}

}  // namespace braggbench
