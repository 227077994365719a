// A made-up corpus for tests of files: Poisson images with Gaussian spots at known places, awkward numbers in the
// truth.
#pragma once

#include <unistd.h>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench::test {

// A folder of its own, removed at the end.
class ScratchFolder {
public:
    ScratchFolder() : path_(std::filesystem::temp_directory_path() / "braggbench-XXXXXX") {
        std::string name = path_.string();
        path_ = ::mkdtemp(name.data());
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline CorpusInfo small_info(std::int64_t images, int width_px = 96, int height_px = 80) {
    CorpusInfo info;
    info.image_count = images;
    info.width_px = width_px;
    info.height_px = height_px;
    info.wavelength_A = 1.3;
    Panel panel;
    panel.width_px = width_px;
    panel.height_px = height_px;
    panel.pixel_size_mm = 0.172;
    panel.origin_mm = {(0.5 * width_px + 1.25) * 0.172, (0.5 * height_px - 2.75) * 0.172, 120.7};
    info.detector.panels.push_back(panel);
    info.detector.image_width_px = width_px;
    info.detector.image_height_px = height_px;
    info.detector.sensor_thickness_um = 320.0;
    info.detector.sensor_attenuation_length_um = 111.1;
    info.response.gain_adu_per_photon = 2.3;
    info.response.read_noise_rms_adu = 0.7;
    info.response.offset_adu = 10.1;
    info.response.saturation_adu = 65000.0;
    info.class_names = {"blank", "no-crystal", "weak", "très bon"};
    info.labels.attributes = {"ice", "multilattice"};
    info.labels.values = {"mosaic"};
    info.labels.value_units = {"deg"};
    info.labels.graded = true;
    info.variation_names = {"film", "second"};
    info.member_names = {"without", "with"};
    info.drawn_names = {"crystal.volume_um3", "beam.other"};
    info.recipe_toml = "name = \"small\"\n# µm\nimage_count = 5\n";
    info.seed = 0xFEDCBA9876543210ULL;
    info.provenance = "test 0.0";
    return info;
}

inline CorpusRecord small_record(const CorpusInfo& info, std::int64_t index, int peak_count) {
    std::mt19937_64 random(static_cast<std::uint64_t>(index) + 77);
    const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    const auto poisson = [&](double mean) {
        const double limit = std::exp(-mean);
        int count = 0;
        for (double product = uniform(); product > limit; product *= uniform()) ++count;
        return count;
    };
    CorpusRecord record;
    Image<double> expected(info.width_px, info.height_px, 5.5);
    record.class_index = static_cast<int>(index % static_cast<std::int64_t>(info.class_names.size()));
    record.split = static_cast<Split>(index % 3);
    record.labels.attributes = {static_cast<std::uint8_t>(index % 2),
                                index % 3 == 2 ? ImageLabels::unknown : std::uint8_t{1}};
    record.labels.values = {index % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : 0.125F};
    record.labels.grade = static_cast<Grade>(index % 3);
    record.variations = static_cast<std::uint64_t>(index % 4);
    record.group = index / 2;
    record.member = static_cast<int>(index % 2);
    for (const TruthColumn& column : truth_columns) {
        record.truth.*(column.member) = static_cast<float>(uniform() * 1e7);
    }
    record.truth.beam_fast_px = static_cast<float>(uniform() * 1e3);
    record.truth.beam_slow_px = static_cast<float>(uniform() * 1e3);
    for (float& value : record.truth.orientation) value = static_cast<float>(uniform() * 2.0 - 1.0);
    record.drawn = {static_cast<float>(uniform()), static_cast<float>(index)};
    for (int i = 0; i < peak_count; ++i) {
        Peak peak;
        peak.hkl = {static_cast<int>(uniform() * 200) - 100, -100000 - i, i};
        peak.lattice = static_cast<std::uint8_t>(i % 251);
        peak.kind = static_cast<PeakKind>(i % 3);
        peak.visible = i % 4 != 3;
        peak.fast_px = static_cast<float>(3.0 + uniform() * (info.width_px - 6));
        peak.slow_px = static_cast<float>(3.0 + uniform() * (info.height_px - 6));
        peak.photons = static_cast<float>(400.0 * (1.0 + uniform()));
        peak.var_fast_px2 = static_cast<float>(uniform());
        peak.var_slow_px2 = static_cast<float>(uniform());
        peak.cov_px2 = static_cast<float>(-uniform());
        peak.background_photons = 5.5F;
        peak.snr = static_cast<float>(uniform() * 30);
        peak.d_A = static_cast<float>(2 + uniform() * 30);
        record.peaks.push_back(peak);
        for (int slow = 0; slow < info.height_px; ++slow) {
            for (int fast = 0; fast < info.width_px; ++fast) {
                const double df = fast + 0.5 - static_cast<double>(peak.fast_px);
                const double ds = slow + 0.5 - static_cast<double>(peak.slow_px);
                if (df * df + ds * ds > 25.0) continue;
                expected(fast, slow) +=
                    static_cast<double>(peak.photons) / 6.2832 * std::exp(-0.5 * (df * df + ds * ds));
            }
        }
    }
    record.image = Image<std::uint16_t>(info.width_px, info.height_px);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        record.image.pixels[i] = static_cast<std::uint16_t>(poisson(std::min(expected.pixels[i], 600.0)));
    }
    return record;
}

// Images with 0, 7, 14, ... peaks.
inline std::vector<CorpusRecord> write_small_corpus(const std::filesystem::path& path, const CorpusInfo& info) {
    std::vector<CorpusRecord> records;
    CorpusWriter writer(path, info);
    for (std::int64_t i = 0; i < info.image_count; ++i) {
        records.push_back(small_record(info, i, static_cast<int>(7 * i)));
        writer.append(encode(CorpusRecord(records.back())));
    }
    writer.finish();
    return records;
}

}  // namespace braggbench::test
