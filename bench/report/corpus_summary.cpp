#include "bench/report/corpus_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "datasets/recipe_toml.hpp"
#include "simulator/constants.hpp"
#include "simulator/error.hpp"

namespace braggbench {

using nlohmann::json;

namespace {

constexpr std::array<const char*, 3> split_names = {"train", "validation", "test"};
constexpr int largest_tile_px = 320;

// Lowest and highest of a number over some images.
class Range {
public:
    void add(double value) {
        low_ = std::min(low_, value);
        high_ = std::max(high_, value);
    }
    [[nodiscard]] json to_json() const { return low_ > high_ ? json() : json::array({low_, high_}); }

private:
    double low_ = std::numeric_limits<double>::infinity();
    double high_ = -std::numeric_limits<double>::infinity();
};

std::vector<std::vector<std::int64_t>> images_by_class(const CorpusReader& corpus) {
    std::vector<std::vector<std::int64_t>> result(corpus.info().class_names.size());
    const auto& classes = corpus.class_indices();
    for (std::size_t i = 0; i < classes.size(); ++i) {
        result.at(static_cast<std::size_t>(classes[i])).push_back(static_cast<std::int64_t>(i));
    }
    return result;
}

std::int64_t visible_count(const std::vector<Peak>& peaks) {
    return std::count_if(peaks.begin(), peaks.end(), [](const Peak& peak) { return peak.visible; });
}

// Nearest-rank quantiles of the number of visible peaks in at most summary_peak_images_per_class images.
json visible_peaks(const CorpusReader& corpus, const std::vector<std::int64_t>& images, std::size_t& read) {
    const std::size_t step =
        std::max<std::size_t>(1, (images.size() + summary_peak_images_per_class - 1) / summary_peak_images_per_class);
    std::vector<std::int64_t> counts;
    for (std::size_t i = 0; i < images.size(); i += step) counts.push_back(visible_count(corpus.peaks(images[i])));
    read = counts.size();
    if (counts.empty()) return nullptr;
    std::sort(counts.begin(), counts.end());
    const auto quantile = [&](double p) {
        const double rank = std::ceil(p * static_cast<double>(counts.size())) - 1.0;
        return counts[static_cast<std::size_t>(std::max(rank, 0.0))];
    };
    return {{"p05", quantile(0.05)}, {"median", quantile(0.5)}, {"p95", quantile(0.95)}};
}

json class_json(const CorpusReader& corpus, const std::string& name, const std::vector<std::int64_t>& images) {
    const CorpusInfo& info = corpus.info();
    const double pixels = static_cast<double>(info.width_px) * static_cast<double>(info.height_px);
    Range fluence;
    Range photons_per_pixel;
    std::int64_t crystal_images = 0;
    for (const std::int64_t i : images) {
        if (info.peak_source != PeakSource::simulated) break;  // zeros that nobody has measured
        const ImageTruth& truth = corpus.truth().at(static_cast<std::size_t>(i));
        fluence.add(static_cast<double>(truth.fluence_photons_per_m2));
        photons_per_pixel.add(static_cast<double>(truth.total_photons) / pixels);
        if (truth.lattice_count > 0) ++crystal_images;
    }
    std::size_t peak_images = 0;
    json peaks;
    if (info.peak_source != PeakSource::unknown) peaks = visible_peaks(corpus, images, peak_images);
    return {{"name", name},
            {"images", images.size()},
            {"crystal_images", crystal_images},
            {"fluence_photons_per_m2", fluence.to_json()},
            {"photons_per_pixel", photons_per_pixel.to_json()},
            {"peak_images", peak_images},
            {"visible_peaks", std::move(peaks)}};
}

json counts_json(const CorpusReader& corpus) {
    std::vector<std::array<std::int64_t, 3>> counts(corpus.info().class_names.size(), {0, 0, 0});
    for (std::size_t i = 0; i < corpus.class_indices().size(); ++i) {
        const auto split = static_cast<std::size_t>(corpus.splits()[i]);
        ++counts.at(static_cast<std::size_t>(corpus.class_indices()[i])).at(split);
    }
    return counts;
}

// Bragg's law for a detector square to the beam.
double resolution_A(double wavelength_A, double radius_mm, double distance_mm) {
    const double two_theta = std::atan2(radius_mm, distance_mm);
    return wavelength_A / (2.0 * std::sin(two_theta / 2.0));
}

json geometry_json(const CorpusReader& corpus) {
    const CorpusInfo& info = corpus.info();
    if (info.detector.panels.empty()) {
        throw DataError(fmt::format("{} describes no detector panel (a corpus has one). Generate it again.",
                                    corpus.path().string()));
    }
    const Panel& panel = info.detector.panels.front();
    const double distance_mm = panel.origin_mm.z();
    Range beam_fast;
    Range beam_slow;
    for (const ImageTruth& truth : corpus.truth()) {
        beam_fast.add(static_cast<double>(truth.beam_fast_px));
        beam_slow.add(static_cast<double>(truth.beam_slow_px));
    }
    const double half_width_mm = 0.5 * info.width_px * panel.pixel_size_mm;
    const double half_height_mm = 0.5 * info.height_px * panel.pixel_size_mm;
    return {{"width_px", info.width_px},
            {"height_px", info.height_px},
            {"pixel_size_mm", panel.pixel_size_mm},
            {"distance_mm", distance_mm},
            {"wavelength_A", info.wavelength_A},
            {"photon_energy_keV", hc_eV_A / info.wavelength_A / 1000.0},
            {"beam_fast_px", beam_fast.to_json()},
            {"beam_slow_px", beam_slow.to_json()},
            {"d_edge_A", resolution_A(info.wavelength_A, std::min(half_width_mm, half_height_mm), distance_mm)},
            {"d_corner_A", resolution_A(info.wavelength_A, std::hypot(half_width_mm, half_height_mm), distance_mm)}};
}

// Of a crystal only where there is one, of anything else only where there is light.
json ranges_json(const CorpusReader& corpus) {
    json ranges = json::object();
    for (const std::string& name : corpus.info().drawn_names) {
        const std::vector<float> values = corpus.drawn(name);
        const bool of_crystal = name.starts_with("crystal.");
        Range range;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const ImageTruth& truth = corpus.truth()[i];
            const bool counts = of_crystal ? truth.lattice_count > 0 : truth.fluence_photons_per_m2 > 0;
            if (counts) range.add(static_cast<double>(values[i]));
        }
        ranges[name] = range.to_json();
    }
    return ranges;
}

// A corpus knows its recipe; one that was imported may not.
std::optional<Recipe> recipe_of(const CorpusReader& corpus) {
    if (corpus.info().recipe_toml.empty()) return std::nullopt;
    try {
        return parse_recipe(corpus.info().recipe_toml, corpus.path().string() + " (its recipe)");
    } catch (const UsageError& error) {
        throw DataError(error.what());
    }
}

int tile_factor(const CorpusInfo& info) {
    return (std::max(info.width_px, info.height_px) + largest_tile_px - 1) / largest_tile_px;
}

}  // namespace

json corpus_summary(const CorpusReader& corpus) {
    const CorpusInfo& info = corpus.info();
    const auto by_class = images_by_class(corpus);
    json classes = json::array();
    for (std::size_t c = 0; c < by_class.size(); ++c) {
        classes.push_back(class_json(corpus, info.class_names[c], by_class[c]));
    }
    const std::optional<Recipe> recipe = recipe_of(corpus);
    json summary = {{"file", corpus.path().string()},
                    {"name", recipe ? recipe->name : corpus.path().stem().string()},
                    {"description", recipe ? recipe->description : std::string()},
                    {"seed", info.seed},
                    {"images", info.image_count},
                    {"peaks", to_string(info.peak_source)},
                    {"class_names", info.class_names},
                    {"splits", split_names},
                    {"counts", counts_json(corpus)},
                    {"classes", std::move(classes)},
                    {"geometry", geometry_json(corpus)},
                    {"response",
                     {{"gain_adu_per_photon", info.response.gain_adu_per_photon},
                      {"read_noise_rms_adu", info.response.read_noise_rms_adu},
                      {"offset_adu", info.response.offset_adu},
                      {"saturation_adu", info.response.saturation_adu}}},
                    {"ranges", ranges_json(corpus)},
                    {"recipe", nullptr},
                    {"visible_rule",
                     {{"min_snr", static_cast<double>(visible_peak_min_snr)},
                      {"listed_min_photons", static_cast<double>(listed_peak_min_photons)}}},
                    {"recipe_toml", info.recipe_toml},
                    {"provenance", info.provenance}};
    if (recipe) {
        summary["recipe"] = {{"model", recipe->scene.model},
                             {"d_min_A", recipe->scene.d_min_A},
                             {"beam_diameter_um", recipe->beam_diameter_um},
                             {"polarization", recipe->polarization}};
    }
    return summary;
}

// Circles go on the right half only: hundreds of them would hide the spots that they mark.
Tile corpus_tile(const CorpusReader& corpus, std::int64_t index) {
    const CorpusInfo& info = corpus.info();
    const int factor = tile_factor(info);
    const auto& class_name =
        info.class_names[static_cast<std::size_t>(corpus.class_indices().at(static_cast<std::size_t>(index)))];
    std::vector<Peak> peaks = corpus.peaks(index);
    Tile result;
    result.picture = grey_picture(reduce_max(corpus.image(index), factor));
    result.caption = fmt::format("{} #{}: {} peaks", class_name, index, visible_count(peaks));
    std::erase_if(peaks, [&](const Peak& peak) { return peak.fast_px < 0.5F * static_cast<float>(info.width_px); });
    mark_peaks(result.picture, peaks, 1.0 / factor);
    return result;
}

std::vector<std::vector<std::int64_t>> sample_by_class(const CorpusReader& corpus, int per_class, std::uint64_t seed) {
    auto by_class = images_by_class(corpus);
    for (std::size_t c = 0; c < by_class.size(); ++c) {
        std::vector<std::int64_t>& images = by_class[c];
        if (images.empty()) continue;
        // std::shuffle's use of the engine differs between libraries; this does not.
        std::mt19937_64 engine(seed * 1000003 + c);
        for (std::size_t i = images.size() - 1; i > 0; --i) std::swap(images[i], images[engine() % (i + 1)]);
        images.resize(std::min(images.size(), static_cast<std::size_t>(per_class)));
        std::sort(images.begin(), images.end());
    }
    return by_class;
}

Picture corpus_contact_sheet(const CorpusReader& corpus, int per_class, std::uint64_t seed) {
    if (per_class < 1) {
        throw UsageError(
            fmt::format("A contact sheet of {} images per class is empty (every row needs an image). Ask for at least "
                        "1.",
                        per_class));
    }
    const CorpusInfo& info = corpus.info();
    const int factor = tile_factor(info);
    std::vector<Tile> tiles;
    for (const std::vector<std::int64_t>& images : sample_by_class(corpus, per_class, seed)) {
        if (images.empty()) continue;
        for (const std::int64_t index : images) tiles.push_back(corpus_tile(corpus, index));
        for (std::size_t i = images.size(); i < static_cast<std::size_t>(per_class); ++i) {
            tiles.push_back({Picture(info.width_px / factor, info.height_px / factor, Rgb{255, 255, 255}), ""});
        }
    }
    return contact_sheet(tiles, per_class);
}

ReportInput report_input(const CorpusReader& corpus, std::uint64_t seed) {
    constexpr int images_per_class = 4;
    ReportInput input;
    input.corpus = corpus.path();
    input.corpus_summary = corpus_summary(corpus);
    input.contact_sheet_png = encode_png(corpus_contact_sheet(corpus, images_per_class, seed));
    return input;
}

}  // namespace braggbench
