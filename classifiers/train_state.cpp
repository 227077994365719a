#include "classifiers/train_state.hpp"

#include <limits>

#include "classifiers/archive.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::string checkpoint_format = "braggbench training checkpoint";

EpochResult epoch_of(const nlohmann::json& json) {
    return {json.at("epoch"),
            json.at("train_loss"),
            json.at("validation_loss"),
            json.at("train_scores").get<std::vector<double>>(),
            json.at("validation_scores").get<std::vector<double>>(),
            json.at("images_per_s")};
}

}  // namespace

nlohmann::json to_json(const EpochResult& epoch) {
    return {{"epoch", epoch.epoch},
            {"train_loss", epoch.train_loss},
            {"validation_loss", epoch.validation_loss},
            {"train_scores", epoch.train_scores},
            {"validation_scores", epoch.validation_scores},
            {"images_per_s", epoch.images_per_s}};
}

double TrainState::best_loss() const {
    if (best_epoch == 0) return std::numeric_limits<double>::infinity();
    return epochs[static_cast<std::size_t>(best_epoch - 1)].validation_loss;
}

std::vector<torch::Tensor> learned(const Classifier& network) {
    std::vector<torch::Tensor> values;
    for (const auto& tensor : network.parameters()) values.push_back(tensor.detach().cpu().clone());
    for (const auto& tensor : network.buffers()) values.push_back(tensor.detach().cpu().clone());
    return values;
}

void restore(Classifier& network, const std::vector<torch::Tensor>& values) {
    const torch::NoGradGuard no_grad;
    std::size_t i = 0;
    for (auto& tensor : network.parameters()) tensor.copy_(values[i++]);
    for (auto& tensor : network.buffers()) tensor.copy_(values[i++]);
}

void write_checkpoint(const std::filesystem::path& path, const Classifier& network,
                      const torch::optim::Optimizer& optimizer, const TrainState& state,
                      const nlohmann::json& identity) {
    nlohmann::json header = {{"format", checkpoint_format},          {"identity", identity},
                             {"best_epoch", state.best_epoch},       {"steps_done", state.steps_done},
                             {"loss_sum", state.loss_sum},           {"seconds", state.seconds},
                             {"total_seconds", state.total_seconds}, {"scores", nlohmann::json::array()},
                             {"epochs", nlohmann::json::array()}};
    for (const auto& score : state.scores) header["scores"].push_back({score.sum, score.count});
    for (const auto& epoch : state.epochs) header["epochs"].push_back(to_json(epoch));
    write_archive(path, [&](torch::serialize::OutputArchive& archive) {
        write_text(archive, "header", header.dump());
        torch::serialize::OutputArchive weights;
        network.save(weights);
        archive.write("network", weights);
        torch::serialize::OutputArchive steps;
        optimizer.save(steps);
        archive.write("optimizer", steps);
        for (std::size_t i = 0; i < state.best.size(); ++i) archive.write("best" + std::to_string(i), state.best[i]);
    });
}

TrainState read_checkpoint(const std::filesystem::path& path, Classifier& network, torch::optim::Optimizer& optimizer,
                           const nlohmann::json& identity) {
    TrainState state;
    read_archive(
        path, "header", checkpoint_format, [&](torch::serialize::InputArchive& archive, const nlohmann::json& header) {
            for (const auto& [key, value] : identity.items()) {
                if (header.at("identity").value(key, nlohmann::json()) == value) continue;
                throw UsageError(path.string() + ": made with " + key + " = " +
                                 header.at("identity").value(key, nlohmann::json()).dump() + ", now it is " +
                                 value.dump() +
                                 " (the run could not be repeated). Give the same options, or start without resuming.");
            }
            for (const auto& epoch : header.at("epochs")) state.epochs.push_back(epoch_of(epoch));
            for (const auto& score : header.at("scores")) state.scores.push_back({score.at(0), score.at(1)});
            state.best_epoch = header.at("best_epoch");
            state.steps_done = header.at("steps_done");
            state.loss_sum = header.at("loss_sum");
            state.seconds = header.at("seconds");
            state.total_seconds = header.at("total_seconds");
            torch::serialize::InputArchive weights;
            archive.read("network", weights);
            network.load(weights);
            torch::serialize::InputArchive steps;
            archive.read("optimizer", steps);
            optimizer.load(steps);
            if (state.best_epoch == 0) return;
            state.best = learned(network);
            for (std::size_t i = 0; i < state.best.size(); ++i) archive.read("best" + std::to_string(i), state.best[i]);
        });
    return state;
}

}  // namespace braggbench
