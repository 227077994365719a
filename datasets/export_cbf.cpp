#include "datasets/export_cbf.hpp"

#include <cbf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "datasets/cbf_file.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Where pixel (0, 0) of the image would lie if the panel reached there.
Eigen::Vector3d image_origin_mm(const Panel& panel) {
    return panel.origin_mm -
           panel.pixel_size_mm * (panel.image_fast_px * panel.fast_axis + panel.image_slow_px * panel.slow_axis);
}

void require_one_plane(const std::filesystem::path& path, const Image<std::uint16_t>& image, const Detector& detector) {
    constexpr double tolerance = 1e-6;
    const auto fits = [&](const Panel& panel) {
        const Panel& first = detector.panels.front();
        return panel.fast_axis.isApprox(-Eigen::Vector3d::UnitX(), tolerance) &&
               panel.slow_axis.isApprox(-Eigen::Vector3d::UnitY(), tolerance) &&
               panel.pixel_size_mm == first.pixel_size_mm &&
               (image_origin_mm(panel) - image_origin_mm(first)).norm() < tolerance;
    };
    if (detector.panels.empty() || !std::all_of(detector.panels.begin(), detector.panels.end(), fits)) {
        throw UsageError(
            fmt::format("{}: miniCBF describes one plane square to the beam, and this detector is another. Keep the "
                        "corpus itself, which is NXmx.",
                        path.string()));
    }
    if (image.width != detector.image_width_px || image.height != detector.image_height_px) {
        throw UsageError(fmt::format("{}: an image of {} x {} pixels does not belong to a detector of {} x {}.",
                                     path.string(), image.width, image.height, detector.image_width_px,
                                     detector.image_height_px));
    }
}

std::vector<int> counts_of(const Image<std::uint16_t>& image, const Experiment& experiment) {
    std::vector<int> counts(image.size(), -1);
    for (const Panel& panel : experiment.detector.panels) {
        for (int slow = 0; slow < panel.height_px; ++slow) {
            const std::size_t from = image.index(panel.image_fast_px, panel.image_slow_px + slow);
            for (std::size_t i = from; i < from + static_cast<std::size_t>(panel.width_px); ++i) {
                const double photons =
                    (image.pixels[i] - experiment.response.offset_adu) / experiment.response.gain_adu_per_photon;
                counts[i] = static_cast<int>(std::max(0L, std::lround(photons)));
            }
        }
    }
    return counts;
}

std::string header_of(const Experiment& experiment) {
    const Panel& panel = experiment.detector.panels.front();
    const Eigen::Vector3d origin_mm = image_origin_mm(panel);
    const double cutoff = std::floor((experiment.response.saturation_adu - experiment.response.offset_adu) /
                                     experiment.response.gain_adu_per_photon);
    std::string text = fmt::format("\n# Detector: BraggBench simulation\n# Pixel_size {:.9g} m x {:.9g} m\n",
                                   1e-3 * panel.pixel_size_mm, 1e-3 * panel.pixel_size_mm);
    if (experiment.detector.sensor_thickness_um > 0.0) {
        text += fmt::format("# Silicon sensor, thickness {:.9g} m\n", 1e-6 * experiment.detector.sensor_thickness_um);
    }
    // With these axes the image's origin is the beam centre: x = origin.x - fast, y = origin.y - slow.
    return text + fmt::format(
                      "# Exposure_time 1.0 s\n# Exposure_period 1.0 s\n# Count_cutoff {:.0f} counts\n"
                      "# Wavelength {:.9g} A\n# Detector_distance {:.9g} m\n# Beam_xy ({:.4f}, {:.4f}) pixels\n"
                      "# Polarization {:.6g}\n# Start_angle 0.0 deg.\n# Angle_increment 0.0 deg.\n",
                      cutoff, experiment.beam.wavelength_A, 1e-3 * origin_mm.z(), origin_mm.x() / panel.pixel_size_mm,
                      origin_mm.y() / panel.pixel_size_mm, experiment.beam.polarization);
}

// CBFlib's handle, which owns the stream it writes to from then on.
class CbfWriter {
public:
    explicit CbfWriter(const std::filesystem::path& path) : path_(path) { check(cbf_make_handle(&handle_)); }
    CbfWriter(const CbfWriter&) = delete;
    CbfWriter& operator=(const CbfWriter&) = delete;
    ~CbfWriter() { cbf_free_handle(handle_); }

    void check(int code) const {
        if (code != 0) {
            throw DataError(
                fmt::format("{}: cannot be written (CBFlib error {:#x}; is the disk full?).", path_.string(), code));
        }
    }
    void text(const char* column, const std::string& value, const char* type) {
        check(cbf_new_column(handle_, column));
        check(cbf_set_value(handle_, value.c_str()));
        check(cbf_set_typeofvalue(handle_, type));
    }
    [[nodiscard]] cbf_handle handle() const { return handle_; }

private:
    const std::filesystem::path& path_;
    cbf_handle handle_ = nullptr;
};

}  // namespace

void write_minicbf(const std::filesystem::path& path, const Image<std::uint16_t>& image, const Experiment& experiment) {
    require_one_plane(path, image, experiment.detector);
    std::vector<int> counts = counts_of(image, experiment);
    const std::string header = header_of(experiment);
    replace_file(path, [&](const std::filesystem::path& temporary) {
        const std::scoped_lock lock(cbflib_mutex());
        CbfWriter cbf(path);
        cbf.check(cbf_new_datablock(cbf.handle(), path.stem().c_str()));
        cbf.check(cbf_new_category(cbf.handle(), "array_data"));
        // dxtbx takes a PILATUS for modules of 487 x 195 px and refuses other sizes; this name is its own for simulated
        // detectors (FormatCBFMini).
        cbf.text("header_convention", "GENERIC_MINI", "dblq");
        cbf.text("header_contents", header, "text");
        cbf.check(cbf_new_column(cbf.handle(), "data"));
        cbf.check(cbf_set_integerarray_wdims(cbf.handle(), CBF_BYTE_OFFSET, 1, counts.data(), sizeof(int), 1,
                                             counts.size(), "little_endian", static_cast<std::size_t>(image.width),
                                             static_cast<std::size_t>(image.height), 0, 0));
        FILE* stream = std::fopen(temporary.c_str(), "w+b");
        if (stream == nullptr) {
            throw DataError(fmt::format("{}: cannot be written. Choose another place.", path.string()));
        }
        // With isbuffer = 0 CBFlib leaves the stream to us, whose closing says if all was written.
        const int code = cbf_write_file(cbf.handle(), stream, 0, CBF, MSG_DIGEST | MIME_HEADERS, ENC_NONE);
        const bool closed = std::fclose(stream) == 0;
        cbf.check(code);
        if (!closed) {
            throw DataError(fmt::format("{}: cannot be written (is the disk full?).", path.string()));
        }
    });
}

}  // namespace braggbench
