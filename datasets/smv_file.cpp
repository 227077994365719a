#include "datasets/smv_file.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "datasets/file_bytes.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

constexpr std::size_t written_header_bytes = 512;
constexpr int max_side_px = 32768;

using Header = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view problem) {
    throw DataError(fmt::format("{}: {}", path.string(), problem));
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Header parse_header(std::string_view text) {
    Header header;
    text = text.substr(1, text.find('}') - 1);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string_view record = text.substr(0, end);
        const std::size_t equals = record.find('=');
        if (equals != std::string_view::npos) {
            header[std::string(trim(record.substr(0, equals)))] = trim(record.substr(equals + 1));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return header;
}

int integer(const std::filesystem::path& path, const Header& header, std::string_view key) {
    const auto found = header.find(key);
    int value = 0;
    if (found == header.end() ||
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), value).ec != std::errc{} ||
        value < 1) {
        fail(path, fmt::format("the SMV header lacks a positive {} (it is damaged or of another kind).", key));
    }
    return value;
}

std::optional<double> real(const Header& header, std::string_view key) {
    const auto found = header.find(key);
    if (found == header.end()) {
        return std::nullopt;
    }
    char* end = nullptr;
    const double value = std::strtod(found->second.c_str(), &end);
    return end == found->second.c_str() || !std::isfinite(value) ? std::nullopt : std::optional(value);
}

}  // namespace

bool is_smv(std::string_view head) {
    return head.starts_with('{') && head.substr(0, 64).find("HEADER_BYTES") != std::string_view::npos;
}

DetectorImage read_smv(const std::filesystem::path& path, std::string_view bytes) {
    if (!is_smv(bytes)) {
        fail(path, "is not SMV (it does not begin with { and HEADER_BYTES).");
    }
    const Header header = parse_header(bytes);
    const auto header_bytes = static_cast<std::size_t>(integer(path, header, "HEADER_BYTES"));
    const int width = integer(path, header, "SIZE1");
    const int height = integer(path, header, "SIZE2");
    if (width > max_side_px || height > max_side_px) {
        fail(path, fmt::format("the SMV header promises {} x {} pixels (more than any detector: it is damaged).", width,
                               height));
    }
    const auto type = header.find("TYPE");
    if (type != header.end() && type->second != "unsigned_short") {
        fail(path,
             fmt::format("holds pixels of TYPE {} (only unsigned_short is read). Convert it first.", type->second));
    }
    const std::size_t count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    if (bytes.size() < header_bytes || bytes.size() - header_bytes < 2 * count) {
        fail(path,
             fmt::format("has {} bytes where its header promises {} (the file is truncated). Copy the file again.",
                         bytes.size(), header_bytes + 2 * count));
    }
    DetectorImage image;
    image.values = Image<float>(width, height);
    image.valid = Image<std::uint8_t>(width, height, 1);
    const auto order = header.find("BYTE_ORDER");
    const bool big_endian = order != header.end() && order->second == "big_endian";
    const std::size_t low_byte = big_endian ? 1 : 0;
    const auto* pixel = reinterpret_cast<const unsigned char*>(bytes.data() + header_bytes);
    for (std::size_t i = 0; i < count; ++i, pixel += 2) {
        image.values.pixels[i] = static_cast<float>(pixel[low_byte] | (pixel[1 - low_byte] << 8U));
    }
    if (const auto gain = real(header, "GAIN"); gain && *gain > 0) {
        image.gain_adu_per_photon = gain;
    }
    image.offset_adu = real(header, "IMAGE_PEDESTAL");
    const auto pixel_mm = real(header, "PIXEL_SIZE");
    const auto mosflm_x_mm = real(header, "BEAM_CENTER_X");
    const auto mosflm_y_mm = real(header, "BEAM_CENTER_Y");
    const auto xds_x = real(header, "XDS_ORGX");
    const auto xds_y = real(header, "XDS_ORGY");
    if (xds_x && xds_y) {
        // XDS counts pixel centres from 1, whatever the header's author thought of BEAM_CENTER.
        image.beam_fast_px = *xds_x - 0.5;
        image.beam_slow_px = *xds_y - 0.5;
    } else if (pixel_mm && *pixel_mm > 0 && mosflm_x_mm && mosflm_y_mm) {
        image.beam_fast_px = *mosflm_y_mm / *pixel_mm;
        image.beam_slow_px = *mosflm_x_mm / *pixel_mm;
    }
    return image;
}

void write_smv(const std::filesystem::path& path, const Image<std::uint16_t>& image, const Experiment& experiment) {
    const Detector& detector = experiment.detector;
    constexpr double tolerance = 1e-9;
    if (detector.panels.size() != 1 || !detector.panels[0].fast_axis.isApprox(-Eigen::Vector3d::UnitX(), tolerance) ||
        !detector.panels[0].slow_axis.isApprox(-Eigen::Vector3d::UnitY(), tolerance)) {
        throw UsageError(
            fmt::format("{}: SMV describes one flat panel square to the beam, and this detector is another. "
                        "Write HDF5 instead.",
                        path.string()));
    }
    const Panel& panel = detector.panels[0];
    if (image.width != panel.width_px || image.height != panel.height_px) {
        throw UsageError(fmt::format("{}: an image of {} x {} pixels does not belong to a detector of {} x {}.",
                                     path.string(), image.width, image.height, panel.width_px, panel.height_px));
    }
    // With these axes the panel's origin is the beam centre: x = origin.x - fast, y = origin.y - slow.
    const double beam_fast_mm = panel.origin_mm.x();
    const double beam_slow_mm = panel.origin_mm.y();
    std::string bytes = fmt::format(
        "{{\nHEADER_BYTES={:5};\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1={};\nSIZE2={};\n"
        "PIXEL_SIZE={:.9g};\nDISTANCE={:.9g};\nWAVELENGTH={:.9g};\nBEAM_CENTER_X={:.9g};\nBEAM_CENTER_Y={:.9g};\n"
        "XDS_ORGX={:.9g};\nXDS_ORGY={:.9g};\nPHI=0;\nOSC_START=0;\nOSC_RANGE=0;\nTIME=0;\nTWOTHETA=0;\n"
        "GAIN={:.9g};\nIMAGE_PEDESTAL={:.9g};\nCREATOR=BraggBench {};\n}}\f",
        written_header_bytes, image.width, image.height, panel.pixel_size_mm, panel.origin_mm.z(),
        experiment.beam.wavelength_A, beam_slow_mm, beam_fast_mm, beam_fast_mm / panel.pixel_size_mm + 0.5,
        beam_slow_mm / panel.pixel_size_mm + 0.5, experiment.response.gain_adu_per_photon,
        experiment.response.offset_adu, version());
    if (bytes.size() > written_header_bytes) {
        throw UsageError(
            fmt::format("{}: the SMV header does not fit into {} bytes.", path.string(), written_header_bytes));
    }
    bytes.resize(written_header_bytes, ' ');
    static_assert(std::endian::native == std::endian::little);
    bytes.append(reinterpret_cast<const char*>(image.pixels.data()), image.size() * sizeof(std::uint16_t));
    replace_file(path, bytes);
}

}  // namespace braggbench
