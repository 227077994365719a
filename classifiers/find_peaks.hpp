// Peaks of any detector image by a peak finder of choice, and their lists as CSV or CXI. Positions in pixels from the
// outer corner of pixel (0, 0), except in CXI, which counts from that pixel's centre (docs/peak-finders.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/dispersion.hpp"
#include "classifiers/found_peak.hpp"
#include "classifiers/peakfinder8.hpp"
#include "datasets/image_file.hpp"

namespace braggbench {

enum class PeakFinder { peakfinder8, dispersion, dispersion_extended };
// "peakfinder8", "dispersion", "dispersion-extended", in the order of the enum.
const std::vector<std::string>& peak_finder_names();
PeakFinder peak_finder_of(const std::string& name);  // UsageError, with the nearest name, for another

struct FindPeaksOptions {
    PeakFinder finder = PeakFinder::peakfinder8;
    PeakFinder8Options peakfinder8;
    DispersionOptions dispersion;  // of both dispersion finders
    // Where absent, what the file says; where it says nothing the image's middle, 1 and 0. Finders see photons =
    // (value - offset) / gain, so all thresholds and intensities are in photons.
    std::optional<double> beam_fast_px;
    std::optional<double> beam_slow_px;
    std::optional<double> gain_adu_per_photon;
    std::optional<double> offset_adu;
};

// Throws UsageError for a gain that is not positive or a finder's options out of range.
std::vector<FoundPeak> find_peaks(const DetectorImage& image, const FindPeaksOptions& options = {});

struct ImagePeaks {
    std::string file;        // path as given
    std::int64_t index = 0;  // of the image in its file
    std::vector<FoundPeak> peaks;
};

struct FoundPeakList {
    std::vector<ImagePeaks> images;  // in the order of the files
    std::string faults;              // what is wrong with the files left out, one line each; empty if nothing is
};

// All images of all files, on `threads` threads (0 = one per core); the list does not depend on it. A file that cannot
// be used is left out. `progress(done, total)` counts files and is called from one thread at a time.
FoundPeakList find_peaks(std::span<const std::filesystem::path> files, const FindPeaksOptions& options,
                         unsigned threads, const std::function<void(std::int64_t, std::int64_t)>& progress);

// One row per peak: file,image,fast_px,slow_px,intensity,background,max_value,snr,npix. Images without peaks have none.
std::string peaks_csv(std::span<const ImagePeaks> images);

// CXI 1.6: /entry_1/result_1 with nPeaks [images] and peakXPosRaw, peakYPosRaw, peakTotalIntensity, peakMaxIntensity,
// peakSNR, peakNPixels [images, most peaks of an image], unused places 0; /entry_1/image_names tells the images, one
// per line as FILE//INDEX, CrystFEL's event notation. Throws DataError if it cannot be written.
void write_peaks_cxi(const std::filesystem::path& path, std::span<const ImagePeaks> images);

}  // namespace braggbench
