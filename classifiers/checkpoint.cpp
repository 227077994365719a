#include "classifiers/checkpoint.hpp"

#include <algorithm>

#include "classifiers/archive.hpp"
#include "classifiers/classical/classical.hpp"
#include "classifiers/model.hpp"
#include "classifiers/torchscript.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::string model_format = "braggbench model";

}  // namespace

const Head* find_head(const ModelCard& card, const std::string& name) {
    const auto found = std::ranges::find(card.heads, name, &Head::name);
    return found == card.heads.end() ? nullptr : &*found;
}

ModelShape shape_of(const ModelCard& card) {
    return {static_cast<int>(output_count(card.heads)), card.view.size_px, card.view.size_px};
}

nlohmann::json card_json(const ModelCard& card) {
    return {{"zoo_name", card.zoo_name},
            {"heads", card.heads},
            {"hit_classes", card.hit_classes},
            {"view", {{"size_px", card.view.size_px}, {"spec", to_text(card.view)}}},
            {"gain_adu_per_photon", card.gain_adu_per_photon},
            {"offset_adu", card.offset_adu},
            {"training", card.training}};
}

ModelCard card_of(const nlohmann::json& json) {
    ModelCard card;
    card.zoo_name = json.at("zoo_name");
    card.heads = json.at("heads").get<std::vector<Head>>();
    card.hit_classes = json.at("hit_classes");
    // Models written before views had a text form have their size alone.
    const auto& view = json.at("view");
    if (view.contains("spec")) {
        card.view = parse_view(view.at("spec").get<std::string>());
    } else {
        card.view.size_px = view.at("size_px");
    }
    card.gain_adu_per_photon = json.at("gain_adu_per_photon");
    card.offset_adu = json.at("offset_adu");
    card.training = json.at("training");
    return card;
}

void save_model(const std::filesystem::path& path, const TrainedModel& model) {
    auto header = card_json(model.card);
    header["format"] = model_format;
    write_archive(path, [&](torch::serialize::OutputArchive& archive) {
        write_text(archive, "header", header.dump());
        torch::serialize::OutputArchive weights;
        model.network->save(weights);
        archive.write("network", weights);
    });
}

TrainedModel load_model(const std::filesystem::path& path) {
    if (is_torchscript(path)) return load_torchscript(path);
    if (is_classical_model(path)) {
        throw UsageError(path.string() +
                         ": a classical model (it has no network to look into). Give a network of the zoo, or "
                         "TorchScript.");
    }
    TrainedModel model;
    read_archive(
        path, "header", model_format, [&](torch::serialize::InputArchive& archive, const nlohmann::json& header) {
            try {
                model.card = card_of(header);
            } catch (const UsageError& error) {
                throw DataError(path.string() + ": its card has a view this program does not know. " + error.what());
            }
            model.network = make_model(model.card.zoo_name, shape_of(model.card));
            torch::serialize::InputArchive weights;
            archive.read("network", weights);
            model.network->load(weights);
            model.network->eval();
        });
    return model;
}

}  // namespace braggbench
