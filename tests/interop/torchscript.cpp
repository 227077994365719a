// torchscript_python.py's other half. `write FOLDER`: networks of the zoo as TorchScript, with an input and the logits
// that they give. `read FILE INPUT SIZE`: somebody else's, evaluated.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/model.hpp"
#include "classifiers/torchscript.hpp"

namespace {

using namespace braggbench;

constexpr int images = 3;

void write_floats(const std::filesystem::path& path, const torch::Tensor& tensor) {
    const auto values = tensor.contiguous();
    std::ofstream(path, std::ios::binary)
        .write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

torch::Tensor read_floats(const std::filesystem::path& path, int size_px) {
    auto tensor = torch::empty({images, 1, size_px, size_px});
    std::ifstream(path, std::ios::binary)
        .read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
    return tensor;
}

void write(const std::filesystem::path& folder) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& entry : model_zoo()) {
        const int size_px = std::max(entry.min_size_px, 64);
        torch::manual_seed(1);
        const auto card = make_card(entry.name, {.classes = {"miss", "maybe", "hit"},
                                                 .hit_classes = {"hit"},
                                                 .attributes = {"ice"},
                                                 .view = parse_view("downsample:max:" + std::to_string(size_px))});
        const TrainedModel model{card, make_model(entry.name, shape_of(card))};
        model.network->eval();
        const torch::NoGradGuard no_grad;
        const auto photons = torch::poisson(torch::full({images, 1, size_px, size_px}, 3.0F));
        export_torchscript(folder / (entry.name + ".torchscript"), model);
        write_floats(folder / (entry.name + ".photons"), photons);
        write_floats(folder / (entry.name + ".logits"), model.network->forward(photons));
        list.push_back({{"name", entry.name}, {"size_px", size_px}, {"parameters", parameter_count(*model.network)}});
    }
    std::cout << list.dump() << '\n';
}

nlohmann::json values_of(const torch::Tensor& tensor) {
    const auto flat = tensor.detach().contiguous().flatten();
    return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
}

// The logits, and of every stage its place, values and the gradient of the first class' logits.
void read(const std::filesystem::path& path, const std::filesystem::path& input, int size_px) {
    const auto card = make_card(path, {.classes = {"miss", "hit"},
                                       .hit_classes = {"hit"},
                                       .attributes = {},
                                       .view = parse_view("downsample:max:" + std::to_string(size_px))});
    const auto model = load_torchscript(path, card);
    const auto trace = model.network->trace(read_floats(input, size_px).requires_grad_());
    nlohmann::json result = {{"logits", values_of(trace.logits)}, {"stages", nlohmann::json::array()}};
    for (const auto& stage : trace.stages) {
        const auto gradient = torch::autograd::grad({trace.logits.select(1, 0).sum()}, {stage.activation}, {}, true)[0];
        result["stages"].push_back({{"name", stage.name},
                                    {"stride_px", stage.stride_px},
                                    {"start_px", stage.start_px},
                                    {"activation", values_of(stage.activation)},
                                    {"gradient", values_of(gradient)}});
    }
    std::cout << result.dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 2 && arguments[0] == "write") {
        write(arguments[1]);
    } else if (arguments.size() == 4 && arguments[0] == "read") {
        read(arguments[1], arguments[2], std::stoi(arguments[3]));
    } else {
        std::cerr << "usage: interop_torchscript write FOLDER | read FILE INPUT SIZE\n";
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
