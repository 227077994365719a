// Spots by the dispersion thresholds of the images given as raw little-endian float32, for dispersion_dials.py:
// write_spots IMAGE MASK WIDTH HEIGHT PREFIX writes PREFIX.dispersion.mask, PREFIX.extended.mask (bytes) and *.csv.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "classifiers/dispersion.hpp"
#include "classifiers/find_peaks.hpp"

namespace {

template <class T>
braggbench::Image<T> read(const char* path, int width, int height) {
    braggbench::Image<T> image(width, height);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.size() * sizeof(T)));
    if (!file) throw std::runtime_error(std::string(path) + ": too short");
    return image;
}

void write(const std::string& prefix, const braggbench::Image<std::uint8_t>& mask,
           std::vector<braggbench::FoundPeak> spots) {
    std::ofstream(prefix + ".mask", std::ios::binary)
        .write(reinterpret_cast<const char*>(mask.pixels.data()), static_cast<std::streamsize>(mask.size()));
    std::ofstream(prefix + ".csv") << braggbench::peaks_csv(
        std::vector<braggbench::ImagePeaks>{{"image", 0, std::move(spots)}});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::cerr << "usage: write_spots IMAGE MASK WIDTH HEIGHT PREFIX\n";
        return EXIT_FAILURE;
    }
    const int width = std::atoi(argv[3]);
    const int height = std::atoi(argv[4]);
    const auto image = read<float>(argv[1], width, height);
    const auto valid = read<std::uint8_t>(argv[2], width, height);
    const std::string prefix = argv[5];
    write(prefix + ".dispersion", braggbench::dispersion_mask(image, valid), braggbench::dispersion(image, valid));
    write(prefix + ".extended", braggbench::dispersion_extended_mask(image, valid),
          braggbench::dispersion_extended(image, valid));
    return EXIT_SUCCESS;
}
