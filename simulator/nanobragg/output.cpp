#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "simulator/atomic_file.hpp"
#include "simulator/nanobragg/run.hpp"
#include "simulator/response.hpp"

namespace braggbench::nanobragg {
namespace {

constexpr std::size_t header_bytes = 512;

// nanoBragg's keys in nanoBragg's order; DIALS_ORIGIN ends without a semicolon there too.
std::string smv_header(const Run& run) {
    const Geometry& g = run.geometry;
    std::string text = fmt::format("{{\nHEADER_BYTES={};\nDIM=2;\nBYTE_ORDER={};\nTYPE=unsigned_short;\n", header_bytes,
                                   std::endian::native == std::endian::little ? "little_endian" : "big_endian");
    text += fmt::format("SIZE1={};\nSIZE2={};\nPIXEL_SIZE={:g};\nDISTANCE={:g};\n", g.pixels_fast, g.pixels_slow,
                        g.pixel_mm, g.distance_mm);
    text += fmt::format("WAVELENGTH={:g};\n", run.wavelength_A);
    text += fmt::format("BEAM_CENTER_X={:g};\nBEAM_CENTER_Y={:g};\n", g.x_beam_mm, g.y_beam_mm);
    text += fmt::format("ADXV_CENTER_X={:g};\nADXV_CENTER_Y={:g};\n", g.f_beam_mm, g.size_slow_mm - g.s_beam_mm);
    text += fmt::format("MOSFLM_CENTER_X={:g};\nMOSFLM_CENTER_Y={:g};\n", g.s_beam_mm - 0.5 * g.pixel_mm,
                        g.f_beam_mm - 0.5 * g.pixel_mm);
    text += fmt::format("DENZO_X_BEAM={:g};\nDENZO_Y_BEAM={:g};\n", g.s_beam_mm, g.f_beam_mm);
    text += fmt::format("DIALS_ORIGIN={:g},{:g},{:g}\n", g.pix0_mm.z(), g.pix0_mm.y(), -g.pix0_mm.x());
    text += fmt::format("XDS_ORGX={:g};\nXDS_ORGY={:g};\n", g.f_close_mm / g.pixel_mm + 0.5,
                        g.s_close_mm / g.pixel_mm + 0.5);
    text += fmt::format("CLOSE_DISTANCE={:g};\n", g.close_distance_mm);
    text += fmt::format("PHI={:g};\nOSC_START={:g};\nOSC_RANGE={:g};\n", run.phi_deg, run.phi_deg, run.osc_deg);
    text += fmt::format("TWOTHETA={:g};\nDETECTOR_SN=000;\nBEAMLINE=fake;\n}}\f", run.twotheta_deg);
    text.resize(std::max(text.size(), header_bytes), ' ');
    return text;
}

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

PixelRegion rendered(const Run& run) {
    return run.pixels.roi.value_or(PixelRegion{0, run.geometry.pixels_fast - 1, 0, run.geometry.pixels_slow - 1});
}

template <class Visit>
void for_each_pixel(const Run& run, const Image<float>& photons, const Visit& visit) {
    const PixelRegion region = rendered(run);
    for (int slow = region.slow_first; slow <= region.slow_last; ++slow) {
        for (int fast = region.fast_first; fast <= region.fast_last; ++fast) visit(photons.index(fast, slow));
    }
}

double rms_deviation(const Run& run, const Image<float>& photons) {
    double sum = 0.0;
    double count = 0.0;
    for_each_pixel(run, photons, [&](std::size_t i) {
        if (!run.pixels.mask.empty() && run.pixels.mask[i] == 0) return;
        sum += static_cast<double>(photons.pixels[i]);
        ++count;
    });
    const double mean = sum / std::max(count, 1.0);
    double squares = 0.0;
    count = 0.0;
    for_each_pixel(run, photons, [&](std::size_t i) {
        const double deviation = static_cast<double>(photons.pixels[i]) - mean;
        squares += deviation * deviation;
        ++count;
    });
    return std::sqrt(squares / (std::max(count, 2.0) - 1.0));
}

std::vector<std::uint16_t> scaled_integers(const Run& run, const Image<float>& photons, double scale, double adc) {
    std::vector<std::uint16_t> integers(photons.size(), 0);
    for_each_pixel(run, photons, [&](std::size_t i) {
        const double value = std::clamp(static_cast<double>(photons.pixels[i]) * scale + adc, 0.0, 65535.0);
        integers[i] = static_cast<std::uint16_t>(std::floor(static_cast<float>(value + 0.5)));
    });
    return integers;
}

std::vector<std::uint16_t> noisy_integers(const Options& options, const Run& run, const Image<float>& photons) {
    DetectorResponse response;
    response.offset_adu = 0.0;
    const Image<std::uint16_t> counts =
        detect(photons, response, static_cast<std::uint64_t>(std::abs(options.seed.value_or(1))), 0);
    std::vector<std::uint16_t> integers(photons.size(), 0);
    for_each_pixel(run, photons, [&](std::size_t i) {
        const double value = static_cast<double>(counts.pixels[i]) + options.adc;
        integers[i] = static_cast<std::uint16_t>(std::clamp(value, 0.0, 65535.0));
    });
    return integers;
}

std::string greymap(const Options& options, const Run& run, const Image<float>& photons, double int_scale) {
    double scale = options.pgm_scale;
    if (!(scale > 0)) {
        const double deviation = rms_deviation(run, photons);
        scale = deviation > 0 ? 250.0 / (5.0 * deviation) : int_scale;
    }
    std::string text = fmt::format("P5\n{} {}\n# pixels scaled by {:g}\n255\n", photons.width, photons.height, scale);
    std::string grey(photons.size(), '\0');
    for_each_pixel(run, photons, [&](std::size_t i) {
        const double value = std::min(static_cast<double>(photons.pixels[i]) * scale, 255.0);
        grey[i] = static_cast<char>(static_cast<unsigned char>(value));
    });
    return text + grey;
}

}  // namespace

Output write_images(const Options& options, const Run& run, const Image<float>& photons) {
    Output output;
    for_each_pixel(run, photons, [&](std::size_t i) {
        output.sum += static_cast<double>(photons.pixels[i]);
        output.max = std::max(output.max, static_cast<double>(photons.pixels[i]));
    });
    output.scale = options.scale > 0 ? options.scale : output.max > 0 ? 55000.0 / output.max : 1.0;
    const auto write = [&](const std::filesystem::path& path, const auto& content) {
        // A device is not a file that could be replaced.
        if (path == "/dev/null") return;
        replace_file(path, content());
        output.files.push_back(path);
    };
    write(options.float_file, [&] { return bytes_of(photons.pixels); });
    write(options.int_file,
          [&] { return smv_header(run).append(bytes_of(scaled_integers(run, photons, output.scale, options.adc))); });
    if (options.write_pgm) write(options.pgm_file, [&] { return greymap(options, run, photons, output.scale); });
    if (options.write_noise) {
        write(options.noise_file,
              [&] { return smv_header(run).append(bytes_of(noisy_integers(options, run, photons))); });
    }
    if (options.hkl) write(options.dump, [&] { return dump_bytes(run.amplitudes); });
    return output;
}

}  // namespace braggbench::nanobragg
