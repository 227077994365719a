#include "datasets/export_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// RFC 4180: a field with a separator or a quote is quoted.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string quoted = "\"";
    for (const char letter : text) {
        quoted += letter == '"' ? "\"\"" : std::string(1, letter);
    }
    return quoted + '"';
}

}  // namespace

std::string csv_header(const CorpusInfo& info) {
    std::string header =
        "file,image,class,split,visible_peaks,visible_peaks_shown,visible_lattices,visible_lattices_shown,"
        "visible_ice_peaks,visible_ice_peaks_shown";
    for (const std::string& name : info.labels.attributes) header += fmt::format(",{}", csv_field("attribute." + name));
    for (std::size_t i = 0; i < info.labels.values.size(); ++i) {
        header += fmt::format(
            ",{}", csv_field(fmt::format("value.{} [{}]", info.labels.values[i], info.labels.value_units[i])));
    }
    return header + (info.labels.graded ? ",grade\n" : "\n");
}

std::string csv_line(const std::string& file, std::int64_t index, const CorpusReader& corpus,
                     const LabelSupport& support) {
    constexpr std::array<const char*, 3> splits = {"train", "validation", "test"};
    const auto at = static_cast<std::size_t>(index);
    std::string line =
        fmt::format("{},{},{},{}", csv_field(file), index,
                    csv_field(corpus.info().class_names[static_cast<std::size_t>(corpus.class_indices()[at])]),
                    splits[static_cast<std::size_t>(corpus.splits()[at])]);
    const std::array<std::array<int, 2>, 3> counts = {
        {{support.native.visible_peaks, support.view.visible_peaks},
         {support.native.visible_lattices, support.view.visible_lattices},
         {support.native.visible_ice_peaks, support.view.visible_ice_peaks}}};
    for (const auto& [native, view] : counts) {
        // No known peaks are not zero peaks.
        line += corpus.info().peak_source == PeakSource::unknown ? ",," : fmt::format(",{},{}", native, view);
    }
    const ImageLabels& labels = corpus.labels()[at];
    for (const std::uint8_t attribute : labels.attributes) {
        line += attribute == ImageLabels::unknown ? "," : fmt::format(",{}", attribute);
    }
    for (const float value : labels.values) line += std::isnan(value) ? "," : fmt::format(",{}", value);
    constexpr std::array<const char*, 3> grades = {"miss", "maybe", "hit"};
    if (corpus.info().labels.graded) line += fmt::format(",{}", grades[static_cast<std::size_t>(labels.grade)]);
    return line + '\n';
}

namespace {

Recipe recipe_of(const CorpusReader& corpus) {
    if (!corpus.info().import_note.empty()) {
        throw UsageError(fmt::format("{}: was imported (Hollatz's labels follow from a recipe). Choose another layout.",
                                     corpus.path().string()));
    }
    return parse_recipe(corpus.info().recipe_toml, corpus.path().string() + ", its recipe");
}

}  // namespace

HollatzLabels::HollatzLabels(const CorpusReader& corpus)
    : corpus_(&corpus), recipe_(recipe_of(corpus)), mosaic_deg_(corpus.drawn("crystal.mosaic_spread_rms_deg")) {}

std::string HollatzLabels::line(const std::string& file, std::int64_t index, const std::vector<Peak>& peaks) const {
    const auto at = static_cast<std::size_t>(index);
    const SceneRule& scene = recipe_.classes.at(static_cast<std::size_t>(corpus_->class_indices()[at])).scene;
    const float lattices = corpus_->truth()[at].lattice_count;
    const bool crystal = lattices >= 1.0F;
    const bool several = lattices >= 2.0F;
    float ice_photons = 0.0F;
    float protein_photons = 0.0F;
    bool ice = false;
    for (const Peak& peak : peaks) {
        (peak.kind == PeakKind::protein ? protein_photons : ice_photons) += peak.photons;
        ice = ice || (peak.kind != PeakKind::protein && peak.visible);
    }
    const auto flag = [](bool set) { return set ? 1 : 0; };
    const float mosaic_deg = crystal && !mosaic_deg_.empty() ? mosaic_deg_[at] : 0.0F;
    return fmt::format("{} {} {} {} {} {} {} {:.6f} {:.6f}\n", file, flag(!crystal),
                       flag(crystal && scene.model == "photosystem-1"), flag(crystal && scene.model == "photosystem-2"),
                       flag(several), flag(ice), flag(ice && ice_photons > protein_photons), mosaic_deg,
                       several ? mosaic_deg : 0.0F);
}

std::vector<std::string> resonet_label_names() {
    return {"class", "num_lat", "multi_lattice", "visible_peaks", "reso"};
}

std::vector<float> resonet_labels(const CorpusReader& corpus, std::int64_t index) {
    const auto at = static_cast<std::size_t>(index);
    const ImageTruth& truth = corpus.truth()[at];
    return {static_cast<float>(corpus.class_indices()[at]), truth.lattice_count,
            truth.lattice_count >= 2.0F ? 1.0F : 0.0F, truth.visible_peaks, truth.resolution_A};
}

std::vector<std::string> resonet_geometry_names() { return {"detdist", "pixsize", "wavelen", "xdim", "ydim"}; }

std::vector<float> resonet_geometry(const CorpusInfo& info) {
    const Panel& panel = info.detector.panels.front();
    return {static_cast<float>(panel.origin_mm.z()), static_cast<float>(panel.pixel_size_mm),
            static_cast<float>(info.wavelength_A), static_cast<float>(info.width_px),
            static_cast<float>(info.height_px)};
}

}  // namespace braggbench
