#include "explain/explanation_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "datasets/picture.hpp"
#include "explain/overlay.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

void make_folder(const std::filesystem::path& folder) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure) {
        throw DataError(fmt::format("cannot make {} ({}). Give an output in a folder that can be written.",
                                    folder.string(), failure.message()));
    }
}

}  // namespace

MapFolder::MapFolder(std::filesystem::path directory, std::string model_name, ViewSpec view)
    : directory_(std::move(directory)), model_name_(std::move(model_name)), view_(view) {
    if (!directory_.empty()) make_folder(directory_);
}

void MapFolder::append(const Subject& subject) {
    if (directory_.empty()) return;
    for (const StageMap& map : subject.trained) {
        const std::string method = to_string(map.method);
        auto& writer = writers_[{map.stage, method}];
        if (!writer) {
            writer = std::make_unique<MapWriter>(
                directory_ / fmt::format("{}-{}-{}.h5", model_name_, map.stage, method),
                MapFileInfo{method, map.stage, view_, {map.map.width, map.map.height, map.stride_px, map.start_px}});
        }
        writer->append(subject.image.image_index, map.map);
    }
}

void MapFolder::finish() {
    for (const auto& [kind, writer] : writers_) writer->finish();
}

nlohmann::json draw_overlays(const std::vector<MapRow>& rows, const nlohmann::json& row_objects,
                             const std::vector<std::int64_t>& chosen, const std::vector<std::string>& class_names,
                             const ExplainOptions& options, const std::function<Subject(std::int64_t)>& subject_of) {
    nlohmann::json overlays = nlohmann::json::array();
    const std::vector<std::size_t> drawn = rows_to_draw(rows, row_objects);
    if (options.overlay_images == 0 || drawn.empty()) return overlays;
    const std::filesystem::path folder = options.output_directory / "overlays";
    make_folder(folder);
    const auto class_name = [&](int index) { return class_names[static_cast<std::size_t>(index)]; };
    for (const std::size_t position : choose_shown(rows[drawn.front()], options.overlay_images)) {
        const Subject subject = subject_of(chosen[position]);
        const Image<float>& photons = subject.image.view.photons;
        for (const std::size_t row : drawn) {
            const MapId& id = rows[row].id;
            const auto map = std::ranges::find_if(subject.trained, [&id](const StageMap& candidate) {
                return candidate.stage == id.stage && to_string(candidate.method) == id.map;
            });
            const std::string model = options.model_name.empty() ? "" : options.model_name + "-";
            const std::string name = fmt::format("{}{}-{}-{}.png", model, chosen[position], id.stage, id.map);
            write_png(folder / name, overlay_picture(photons, subject.image.peaks,
                                                     register_to_input(*map, photons.width, photons.height)));
            const std::optional<double> slift = rows[row].images[position].scores.slift;
            overlays.push_back(
                {{"model", options.model_name},
                 {"image", chosen[position]},
                 {"class", class_name(subject.image.class_index)},
                 {"predicted", subject.predicted ? nlohmann::json(class_name(*subject.predicted)) : nlohmann::json()},
                 {"map", id.map},
                 {"stage", id.stage},
                 {"slift", slift ? nlohmann::json(*slift) : nlohmann::json()},
                 {"file", "overlays/" + name}});
        }
    }
    return overlays;
}

}  // namespace braggbench
