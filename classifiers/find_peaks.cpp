#include "classifiers/find_peaks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include "classifiers/parallel.hpp"
#include "datasets/hdf5.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

std::shared_ptr<const RadialBins> rings_of(const DetectorImage& image, const FindPeaksOptions& options) {
    const auto centre = [](std::optional<double> given, std::optional<double> of_file, int extent) {
        return given ? *given : of_file.value_or(0.5 * extent);
    };
    const double fast = centre(options.beam_fast_px, image.beam_fast_px, image.values.width);
    const double slow = centre(options.beam_slow_px, image.beam_slow_px, image.values.height);
    // The images of a run share one geometry; making its rings costs more than finding the peaks.
    using Key = std::tuple<int, int, double, double>;
    thread_local std::pair<Key, std::shared_ptr<const RadialBins>> last;
    const Key key{image.values.width, image.values.height, fast, slow};
    if (!last.second || last.first != key) {
        last = {key, std::make_shared<const RadialBins>(image.values.width, image.values.height, fast, slow)};
    }
    return last.second;
}

// Quoted: a file's name may hold a comma.
std::string quoted(std::string text) {
    for (std::size_t i = text.find('"'); i != std::string::npos; i = text.find('"', i + 2)) text.insert(i, 1, '"');
    return '"' + text + '"';
}

}  // namespace

const std::vector<std::string>& peak_finder_names() {
    static const std::vector<std::string> names = {"peakfinder8", "dispersion", "dispersion-extended"};
    return names;
}

PeakFinder peak_finder_of(const std::string& name) {
    const auto& names = peak_finder_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        throw UsageError(fmt::format("unknown peak finder \"{}\" (there are {}, {} and {}). Did you mean \"{}\"?", name,
                                     names[0], names[1], names[2], nearest_name(name, names)));
    }
    return static_cast<PeakFinder>(std::distance(names.begin(), found));
}

std::vector<FoundPeak> find_peaks(const DetectorImage& image, const FindPeaksOptions& options) {
    const double gain = options.gain_adu_per_photon.value_or(image.gain_adu_per_photon.value_or(1.0));
    const double offset = options.offset_adu.value_or(image.offset_adu.value_or(0.0));
    if (!(gain > 0.0) || !std::isfinite(gain) || !std::isfinite(offset)) {
        throw UsageError(
            fmt::format("gain {} ADU per photon, offset {} ADU (photons = (value - offset) / gain must be "
                        "numbers). Give a positive gain.",
                        gain, offset));
    }
    Image<float> converted;
    const bool as_is = gain == 1.0 && offset == 0.0;
    if (!as_is) {
        converted = image.values;
        for (auto& value : converted.pixels) value = static_cast<float>((static_cast<double>(value) - offset) / gain);
    }
    const Image<float>& photons = as_is ? image.values : converted;
    switch (options.finder) {
        case PeakFinder::peakfinder8:
            return peakfinder8(photons, image.valid, *rings_of(image, options), options.peakfinder8);
        case PeakFinder::dispersion:
            return dispersion(photons, image.valid, options.dispersion);
        case PeakFinder::dispersion_extended:
            return dispersion_extended(photons, image.valid, options.dispersion);
    }
    return {};
}

FoundPeakList find_peaks(std::span<const std::filesystem::path> files, const FindPeaksOptions& options,
                         unsigned threads, const std::function<void(std::int64_t, std::int64_t)>& progress) {
    struct Place {
        std::size_t file;
        std::int64_t index;
    };
    std::vector<std::shared_ptr<const ImageFile>> opened(files.size());
    std::vector<std::string> faults(files.size());
    std::vector<Place> places;
    std::vector<std::int64_t> left(files.size(), 0);
    for (std::size_t f = 0; f < files.size(); ++f) {
        try {
            opened[f] = std::make_shared<const ImageFile>(files[f]);
            left[f] = opened[f]->image_count();
            for (std::int64_t i = 0; i < left[f]; ++i) places.push_back({f, i});
        } catch (const DataError& error) {
            faults[f] = error.what();
        }
    }
    auto done = static_cast<std::int64_t>(std::count_if(left.begin(), left.end(), [](auto n) { return n == 0; }));
    std::vector<std::vector<FoundPeak>> peaks(places.size());
    std::mutex mutex;
    for_each_index(
        static_cast<std::int64_t>(places.size()),
        [&](std::int64_t p) {
            const auto& place = places[static_cast<std::size_t>(p)];
            std::string fault;
            try {
                peaks[static_cast<std::size_t>(p)] = find_peaks(opened[place.file]->read(place.index), options);
            } catch (const DataError& error) {
                fault = error.what();
            }
            const std::scoped_lock lock(mutex);
            if (!fault.empty()) faults[place.file] = fault;
            if (--left[place.file] == 0 && progress) progress(++done, static_cast<std::int64_t>(files.size()));
        },
        threads);

    FoundPeakList list;
    for (std::size_t p = 0; p < places.size(); ++p) {
        if (!faults[places[p].file].empty()) continue;
        list.images.push_back({files[places[p].file].string(), places[p].index, std::move(peaks[p])});
    }
    for (const auto& fault : faults) {
        if (!fault.empty()) list.faults += (list.faults.empty() ? "" : "\n") + fault;
    }
    return list;
}

std::string peaks_csv(std::span<const ImagePeaks> images) {
    std::string text = "file,image,fast_px,slow_px,intensity,background,max_value,snr,npix\n";
    for (const auto& image : images) {
        const std::string name = quoted(image.file);
        for (const auto& peak : image.peaks) {
            text += fmt::format("{},{},{:.3f},{:.3f},{:.6g},{:.6g},{:.6g},{:.6g},{}\n", name, image.index, peak.fast_px,
                                peak.slow_px, peak.intensity, peak.background, peak.max_value, peak.snr, peak.npix);
        }
    }
    return text;
}

void write_peaks_cxi(const std::filesystem::path& path, std::span<const ImagePeaks> images) {
    std::size_t most = 1;
    std::vector<std::int32_t> counts;
    std::string names;
    for (const auto& image : images) {
        most = std::max(most, image.peaks.size());
        counts.push_back(static_cast<std::int32_t>(image.peaks.size()));
        names += fmt::format("{}//{}\n", image.file, image.index);
    }
    struct Column {
        const char* name;
        double (*value)(const FoundPeak&);
    };
    // CXI counts positions from the centre of pixel (0, 0).
    constexpr std::array columns = {
        Column{"peakXPosRaw", [](const FoundPeak& peak) { return peak.fast_px - 0.5; }},
        Column{"peakYPosRaw", [](const FoundPeak& peak) { return peak.slow_px - 0.5; }},
        Column{"peakTotalIntensity", [](const FoundPeak& peak) { return peak.intensity; }},
        Column{"peakMaxIntensity", [](const FoundPeak& peak) { return peak.max_value; }},
        Column{"peakSNR", [](const FoundPeak& peak) { return peak.snr; }},
        Column{"peakNPixels", [](const FoundPeak& peak) { return static_cast<double>(peak.npix); }},
    };
    replace_file(path, [&](const std::filesystem::path& temporary) {
        const auto file = hdf5::create_file(temporary);
        hdf5::set_attribute(file, "program", fmt::format("braggbench {} ({})", version(), git_commit()));
        hdf5::write_number(file, "cxi_version", std::int32_t{160});
        const auto entry = hdf5::create_group(file, "entry_1", "NXentry");
        hdf5::write_text(entry, "image_names", names);
        const auto result = hdf5::create_group(entry, "result_1", "NXdata");
        hdf5::write_values(result, "nPeaks", hdf5::Number::i32, counts.data(), {counts.size()});
        std::vector<float> table(images.size() * most);
        for (const auto& column : columns) {
            std::fill(table.begin(), table.end(), 0.0F);
            for (std::size_t i = 0; i < images.size(); ++i) {
                for (std::size_t p = 0; p < images[i].peaks.size(); ++p) {
                    table[i * most + p] = static_cast<float>(column.value(images[i].peaks[p]));
                }
            }
            hdf5::write_values(result, column.name, hdf5::Number::f32, table.data(), {images.size(), most});
        }
    });
}

}  // namespace braggbench
