#include "classifiers/checkpoint.hpp"

#include <algorithm>

#include "classifiers/archive.hpp"
#include "classifiers/model.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::string model_format = "braggbench model";

// Models written before views had a text form have their size alone.
ViewSpec read_view(const std::filesystem::path& path, const nlohmann::json& header) {
    ViewSpec view;
    view.size_px = header.at("size_px");
    if (!header.contains("spec")) return view;
    try {
        return parse_view(header.at("spec").get<std::string>());
    } catch (const UsageError& error) {
        throw DataError(path.string() + ": its card has a view this program does not know. " + error.what());
    }
}

}  // namespace

const Head* find_head(const ModelCard& card, const std::string& name) {
    const auto found = std::ranges::find(card.heads, name, &Head::name);
    return found == card.heads.end() ? nullptr : &*found;
}

ModelShape shape_of(const ModelCard& card) {
    return {static_cast<int>(output_count(card.heads)), card.view.size_px, card.view.size_px};
}

void save_model(const std::filesystem::path& path, const TrainedModel& model) {
    const auto& card = model.card;
    const nlohmann::json header = {{"format", model_format},
                                   {"zoo_name", card.zoo_name},
                                   {"heads", card.heads},
                                   {"hit_classes", card.hit_classes},
                                   {"view", {{"size_px", card.view.size_px}, {"spec", to_text(card.view)}}},
                                   {"gain_adu_per_photon", card.gain_adu_per_photon},
                                   {"offset_adu", card.offset_adu},
                                   {"training", card.training}};
    write_archive(path, [&](torch::serialize::OutputArchive& archive) {
        write_text(archive, "header", header.dump());
        torch::serialize::OutputArchive weights;
        model.network->save(weights);
        archive.write("network", weights);
    });
}

TrainedModel load_model(const std::filesystem::path& path) {
    TrainedModel model;
    read_archive(path, "header", model_format,
                 [&](torch::serialize::InputArchive& archive, const nlohmann::json& header) {
                     auto& card = model.card;
                     card.zoo_name = header.at("zoo_name");
                     card.heads = header.at("heads").get<std::vector<Head>>();
                     card.hit_classes = header.at("hit_classes");
                     card.view = read_view(path, header.at("view"));
                     card.gain_adu_per_photon = header.at("gain_adu_per_photon");
                     card.offset_adu = header.at("offset_adu");
                     card.training = header.at("training");
                     model.network = make_model(card.zoo_name, shape_of(card));
                     torch::serialize::InputArchive weights;
                     archive.read("network", weights);
                     model.network->load(weights);
                     model.network->eval();
                 });
    return model;
}

}  // namespace braggbench
