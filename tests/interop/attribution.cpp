// attribution_python.py's other half. `write FOLDER`: AlexNet as TorchScript, an input and our maps of it.
// `read FILE INPUT SIZE`: our maps of somebody else's network.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/model.hpp"
#include "classifiers/torchscript.hpp"
#include "explain/attribution.hpp"

namespace {

using namespace braggbench;

constexpr int images = 2;

std::vector<Image<float>> read_images(const std::filesystem::path& path, int size_px) {
    std::ifstream file(path, std::ios::binary);
    std::vector<Image<float>> photons(images, Image<float>(size_px, size_px));
    for (Image<float>& image : photons) {
        std::vector<char> bytes(image.size() * sizeof(float));
        file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        std::memcpy(image.pixels.data(), bytes.data(), bytes.size());
    }
    return photons;
}

// Of every image the maps of its output `image`.
nlohmann::json maps_of(const TrainedModel& model, const std::vector<Image<float>>& photons) {
    AttributionOptions options;
    options.methods =
        parse_methods(std::vector<std::string>{"grad_cam", "hires_cam", "layer_cam", "saliency", "guided_backprop"});
    nlohmann::json list = nlohmann::json::array();
    int image = 0;
    for (const auto& maps : attribute(*model.network, photons, {0, 1}, options)) {
        for (const StageMap& map : maps) {
            list.push_back({{"image", image},
                            {"stage", map.stage},
                            {"method", to_string(map.method)},
                            {"shape", {map.map.height, map.map.width}},
                            {"values", map.map.pixels}});
        }
        ++image;
    }
    return list;
}

ModelCard card_for(const std::filesystem::path& name, int size_px) {
    return make_card(name, {.classes = {"miss", "hit"},
                            .hit_classes = {"hit"},
                            .attributes = {},
                            .view = parse_view("downsample:max:" + std::to_string(size_px))});
}

void write(const std::filesystem::path& folder) {
    constexpr int size_px = 96;
    torch::manual_seed(1);
    const ModelCard card = card_for("alexnet", size_px);
    const TrainedModel model{card, make_model("alexnet", shape_of(card))};
    model.network->eval();
    const torch::Tensor photons = torch::poisson(torch::full({images, 1, size_px, size_px}, 3.0F));
    std::ofstream(folder / "alexnet.photons", std::ios::binary)
        .write(static_cast<const char*>(photons.data_ptr()), static_cast<std::streamsize>(photons.nbytes()));
    export_torchscript(folder / "alexnet.torchscript", model);
    std::cout << maps_of(model, read_images(folder / "alexnet.photons", size_px)).dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 2 && arguments[0] == "write") {
        write(arguments[1]);
    } else if (arguments.size() == 4 && arguments[0] == "read") {
        const int size_px = std::stoi(arguments[3]);
        const auto model = load_torchscript(arguments[1], card_for(arguments[1], size_px));
        std::cout << maps_of(model, read_images(arguments[2], size_px)).dump() << '\n';
    } else {
        std::cerr << "usage: interop_attribution write FOLDER | read FILE INPUT SIZE\n";
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
