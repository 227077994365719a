#include "datasets/import_geometry.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "datasets/cbf_file.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/smv_file.hpp"

namespace braggbench {
namespace {

constexpr double mm_per_m = 1e3;

// The number after the last of `key` in a header, in the unit that is a factor from the wanted one.
std::optional<double> number_after(std::string_view header, std::string_view key, double factor) {
    const std::size_t at = header.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string rest(header.substr(at + key.size(), 40));
    const std::size_t begin = rest.find_first_not_of(" =:(");
    if (begin == std::string::npos) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(rest.c_str() + begin, &end) * factor;
    if (end == rest.c_str() + begin || !std::isfinite(value) || value <= 0.0) return std::nullopt;
    return value;
}

}  // namespace

StackGeometry header_geometry(const std::filesystem::path& path) {
    constexpr std::size_t longest_header = 16384;
    std::string head = read_file_head(path, longest_header);
    if (is_compressed(head)) head = decompress(path, read_file_bytes(path)).substr(0, longest_header);
    if (is_smv(head)) {
        return {number_after(head, "\nWAVELENGTH", 1.0), number_after(head, "\nDISTANCE", 1.0),
                number_after(head, "\nPIXEL_SIZE", 1.0)};
    }
    // The comments of a miniCBF (Dectris); a full imgCIF header has none of them.
    if (is_cbf(head)) {
        return {number_after(head, "# Wavelength", 1.0), number_after(head, "# Detector_distance", mm_per_m),
                number_after(head, "# Pixel_size", mm_per_m)};
    }
    return {};
}

void describe_detector(const ImportOptions& options, const StackGeometry& stated, const DetectorImage& first,
                       CorpusInfo& info, std::vector<std::string>& notes) {
    constexpr double default_wavelength_A = 1.0;
    constexpr double default_distance_mm = 100.0;
    constexpr double default_pixel_size_mm = 0.1;
    std::vector<std::string> assumed;
    const auto choose = [&](const std::optional<double>& option, const std::optional<double>& file, double otherwise,
                            const char* name) {
        if (option) return *option;
        if (file) return *file;
        assumed.push_back(fmt::format("{} = {}", name, otherwise));
        return otherwise;
    };
    info.wavelength_A = choose(options.wavelength_A, stated.wavelength_A, default_wavelength_A, "wavelength_A");
    const double distance_mm = choose(options.distance_mm, stated.distance_mm, default_distance_mm, "distance_mm");
    const double pixel_size_mm =
        choose(options.pixel_size_mm, stated.pixel_size_mm, default_pixel_size_mm, "pixel_size_mm");
    const double fast_px = choose(options.beam_fast_px, first.beam_fast_px, 0.5 * info.width_px, "beam_fast_px");
    const double slow_px = choose(options.beam_slow_px, first.beam_slow_px, 0.5 * info.height_px, "beam_slow_px");
    info.detector = flat_detector(info.width_px, info.height_px, pixel_size_mm, distance_mm, fast_px, slow_px);
    const double gain = choose(options.gain_adu_per_photon, first.gain_adu_per_photon, 1.0, "gain_adu_per_photon");
    const double offset_adu = choose(options.offset_adu, first.offset_adu, 0.0, "offset_adu");
    // photons = (value - offset_adu) / gain, and stored = scale value + offset.
    info.response.gain_adu_per_photon = gain * options.scale;
    info.response.offset_adu = offset_adu * options.scale + options.offset;
    info.response.read_noise_rms_adu = 0.0;
    if (!assumed.empty())
        notes.push_back(fmt::format("assumed, as the files do not state it: {}", fmt::join(assumed, ", ")));
}

}  // namespace braggbench
