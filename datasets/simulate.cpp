#include "datasets/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "datasets/generate.hpp"
#include "datasets/image_file.hpp"
#include "datasets/picture.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

std::string peak_table_csv(const std::vector<Peak>& peaks) {
    std::string text = "h,k,l,d_A,fast_px,slow_px,photons,background_photons_per_px,snr,visible\n";
    for (const auto& p : peaks) {
        text += fmt::format("{},{},{},{:.4f},{:.3f},{:.3f},{:.3f},{:.4f},{:.3f},{}\n", p.hkl.h, p.hkl.k, p.hkl.l, p.d_A,
                            p.fast_px, p.slow_px, p.photons, p.background_photons, p.snr, p.visible ? 1 : 0);
    }
    return text;
}

}  // namespace

SimulatedImage simulate(const Recipe& recipe, std::int64_t index, const std::filesystem::path& directory) {
    validate(recipe);
    if (index < 0 || index >= recipe.image_count) {
        throw UsageError(fmt::format("image {} (recipe {} has images 0 to {}). Choose one of these.", index,
                                     recipe.name, recipe.image_count - 1));
    }
    const RecipeSource source(recipe);
    const Experiment experiment = source.experiment(index);
    SimulatedImage result{source.record(index), {}};

    std::error_code error;
    std::filesystem::create_directories(directory, error);
    const auto file = [&](const char* name) {
        result.files.push_back(directory / name);
        return result.files.back();
    };
    write_png16(file("image.png"), result.record.image);
    if (experiment.detector.panels.size() == 1) write_smv(file("image_001.img"), result.record.image, experiment);
    replace_file(file("peaks.csv"), peak_table_csv(result.record.peaks));
    constexpr int picture_px = 512;
    const int longest_px = std::max(result.record.image.width, result.record.image.height);
    const int factor = (longest_px + picture_px - 1) / picture_px;
    const Picture picture = grey_picture(reduce_max(result.record.image, factor));
    write_png(file("picture.png"), picture);
    Picture overlay = resize_nearest(picture, 2);
    mark_peaks(overlay, result.record.peaks, 2.0 / factor);
    write_png(file("overlay.png"), overlay);

    CorpusInfo info = corpus_info(recipe);
    info.image_count = 1;
    info.detector = experiment.detector;
    CorpusWriter writer(file("image.h5"), info);
    writer.append(encode(CorpusRecord(result.record)));
    writer.finish();
    return result;
}

}  // namespace braggbench
