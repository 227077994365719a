#include "classifiers/fit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "classifiers/archive.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::string checkpoint_format = "braggbench training checkpoint";

// Rises linearly over the first tenth of the steps, then falls as a half cosine (Smith & Topin 2018, arXiv 1708.07120).
double learning_rate(double peak, std::int64_t step, std::int64_t steps) {
    const double warm = std::max(1.0, 0.1 * static_cast<double>(steps));
    const auto at = static_cast<double>(step) + 1.0;
    if (at <= warm) return peak * at / warm;
    const double done = (at - warm) / std::max(1.0, static_cast<double>(steps) - warm);
    return peak * 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, done)));
}

// Weight decay on the weights of convolutions and linear layers only: it would pull norms and biases towards nothing
// useful.
torch::optim::AdamW make_optimizer(Classifier& network, const TrainOptions& options) {
    std::vector<torch::Tensor> weights;
    std::vector<torch::Tensor> others;
    for (auto& parameter : network.parameters()) (parameter.dim() >= 2 ? weights : others).push_back(parameter);
    using Options = torch::optim::AdamWOptions;
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(weights,
                        std::make_unique<Options>(Options(options.learning_rate).weight_decay(options.weight_decay)));
    groups.emplace_back(others, std::make_unique<Options>(Options(options.learning_rate).weight_decay(0.0)));
    return torch::optim::AdamW(groups, Options(options.learning_rate));
}

std::vector<std::int64_t> shuffled_rows(std::int64_t count, std::uint64_t seed, int epoch) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    RandomStream random(seed, static_cast<std::uint64_t>(epoch), shuffle_stage);
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[draw_index(random, i)]);
    return rows;
}

torch::Tensor labels_of(const ImageSet& images, std::span<const std::int64_t> rows) {
    auto labels = torch::empty({static_cast<std::int64_t>(rows.size())}, torch::kInt64);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        labels.data_ptr<std::int64_t>()[i] = images.labels[static_cast<std::size_t>(rows[i])];
    }
    return labels;
}

struct Score {
    double loss = 0.0;  // sums while being collected
    double right = 0.0;
    void add(const torch::Tensor& batch_loss, const torch::Tensor& logits, const torch::Tensor& labels) {
        loss += batch_loss.item<double>() * static_cast<double>(labels.size(0));
        right += logits.argmax(1).eq(labels).sum().item<double>();
    }
};

Score score(Classifier& network, const ImageSet& images, int batch_size) {
    const torch::NoGradGuard no_grad;
    network.eval();
    std::vector<std::int64_t> rows(images.labels.size());
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    Score total;
    for (std::size_t first = 0; first < rows.size(); first += static_cast<std::size_t>(batch_size)) {
        const auto count = std::min(rows.size() - first, static_cast<std::size_t>(batch_size));
        const auto batch = std::span(rows).subspan(first, count);
        const auto labels = labels_of(images, batch);
        const auto logits = network.forward(batch_of(images, batch));
        total.add(torch::nn::functional::cross_entropy(logits, labels), logits, labels);
    }
    return total;
}

// Copies of everything a network learns, in a fixed order.
std::vector<torch::Tensor> learned(const Classifier& network) {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> values;
    for (const auto& parameter : network.parameters()) values.push_back(parameter.detach().clone());
    for (const auto& buffer : network.buffers()) values.push_back(buffer.detach().clone());
    return values;
}

void restore(Classifier& network, const std::vector<torch::Tensor>& values) {
    const torch::NoGradGuard no_grad;
    auto targets = network.parameters();
    for (auto& buffer : network.buffers()) targets.push_back(buffer);
    TORCH_CHECK(targets.size() == values.size(), "a checkpoint of another network");
    for (std::size_t i = 0; i < targets.size(); ++i) targets[i].copy_(values[i]);
}

struct Progress {
    FitResult result;
    std::vector<torch::Tensor> best;
};

double best_loss(const FitResult& result) {
    if (result.best_epoch == 0) return std::numeric_limits<double>::infinity();
    return result.epochs[static_cast<std::size_t>(result.best_epoch - 1)].validation_loss;
}

void write_checkpoint(const std::filesystem::path& path, const Classifier& network,
                      const torch::optim::Optimizer& optimizer, const Progress& state, const nlohmann::json& identity) {
    nlohmann::json header = {{"format", checkpoint_format},
                             {"identity", identity},
                             {"best_epoch", state.result.best_epoch},
                             {"epochs", nlohmann::json::array()}};
    for (const auto& epoch : state.result.epochs) header["epochs"].push_back(to_json(epoch));
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

Progress read_checkpoint(const std::filesystem::path& path, Classifier& network, torch::optim::Optimizer& optimizer,
                         const nlohmann::json& identity) {
    Progress state;
    read_archive(
        path, "header", checkpoint_format, [&](torch::serialize::InputArchive& archive, const nlohmann::json& header) {
            for (const auto& [key, value] : identity.items()) {
                if (header.at("identity").at(key) == value) continue;
                throw UsageError(path.string() + ": made with " + key + " = " + header.at("identity").at(key).dump() +
                                 ", now it is " + value.dump() +
                                 " (the run could not be repeated). Give the same options, or start without resuming.");
            }
            for (const auto& epoch : header.at("epochs")) {
                state.result.epochs.push_back({epoch.at("epoch"), epoch.at("train_loss"), epoch.at("validation_loss"),
                                               epoch.at("train_accuracy"), epoch.at("validation_accuracy"),
                                               epoch.at("images_per_s")});
            }
            state.result.best_epoch = header.at("best_epoch");
            torch::serialize::InputArchive weights;
            archive.read("network", weights);
            network.load(weights);
            torch::serialize::InputArchive steps;
            archive.read("optimizer", steps);
            optimizer.load(steps);
            state.best = learned(network);
            for (std::size_t i = 0; i < state.best.size(); ++i) archive.read("best" + std::to_string(i), state.best[i]);
        });
    return state;
}

}  // namespace

nlohmann::json to_json(const EpochResult& epoch) {
    return {{"epoch", epoch.epoch},
            {"train_loss", epoch.train_loss},
            {"validation_loss", epoch.validation_loss},
            {"train_accuracy", epoch.train_accuracy},
            {"validation_accuracy", epoch.validation_accuracy},
            {"images_per_s", epoch.images_per_s}};
}

nlohmann::json to_json(const TrainOptions& options) {
    return {{"model", options.model},
            {"epochs", options.epochs},
            {"batch_size", options.batch_size},
            {"learning_rate", options.learning_rate},
            {"weight_decay", options.weight_decay},
            {"seed", options.seed},
            {"view_size_px", options.view_size_px}};
}

FitResult fit(Classifier& network, const EpochImages& train_images, const ImageSet& validation_images,
              const TrainOptions& options, const std::string& corpus_id,
              const std::function<void(std::int64_t, std::int64_t, int)>& progress,
              const std::function<void(const EpochResult&)>& on_epoch) {
    auto identity = to_json(options);
    identity["corpus"] = corpus_id;
    auto optimizer = make_optimizer(network, options);
    Progress state;
    if (options.resume) state = read_checkpoint(options.checkpoint, network, optimizer, identity);

    const auto batch_size = static_cast<std::int64_t>(options.batch_size);
    for (int epoch = static_cast<int>(state.result.epochs.size()) + 1; epoch <= options.epochs; ++epoch) {
        const auto begin = std::chrono::steady_clock::now();
        const ImageSet& images = train_images(epoch);
        const auto image_count = static_cast<std::int64_t>(images.labels.size());
        const auto steps_per_epoch = (image_count + batch_size - 1) / batch_size;
        const auto rows = shuffled_rows(image_count, options.seed, epoch);
        network.train();
        Score total;
        for (std::int64_t step = 0; step < steps_per_epoch; ++step) {
            const auto first = step * batch_size;
            const auto count = std::min(batch_size, image_count - first);
            const auto batch =
                std::span(rows).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
            const double rate = learning_rate(options.learning_rate, (epoch - 1) * steps_per_epoch + step,
                                              options.epochs * steps_per_epoch);
            for (auto& group : optimizer.param_groups())
                static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
            const auto labels = labels_of(images, batch);
            optimizer.zero_grad();
            const auto logits = network.forward(augmented_batch_of(images, batch, options.seed, epoch));
            const auto loss = torch::nn::functional::cross_entropy(logits, labels);
            if (!std::isfinite(loss.item<float>())) {
                throw UsageError("the loss is no longer a finite number in epoch " + std::to_string(epoch) +
                                 " (training diverged at learning rate " + std::to_string(options.learning_rate) +
                                 "). Give a smaller learning rate.");
            }
            loss.backward();
            optimizer.step();
            total.add(loss.detach(), logits.detach(), labels);
            if (progress) progress(first + count, image_count, epoch);
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        const auto validation = score(network, validation_images, options.batch_size);
        const auto validation_count = static_cast<double>(validation_images.labels.size());
        state.result.epochs.push_back(
            {epoch, total.loss / static_cast<double>(image_count), validation.loss / validation_count,
             total.right / static_cast<double>(image_count), validation.right / validation_count,
             static_cast<double>(image_count) / seconds.count()});
        const auto& latest = state.result.epochs.back();
        if (latest.validation_loss < best_loss(state.result)) {
            state.result.best_epoch = epoch;
            state.best = learned(network);
        }
        if (!options.checkpoint.empty()) write_checkpoint(options.checkpoint, network, optimizer, state, identity);
        if (on_epoch) on_epoch(latest);
    }
    if (state.result.best_epoch == 0) {
        throw UsageError("no epoch had a finite validation loss (training diverged at learning rate " +
                         std::to_string(options.learning_rate) + "). Give a smaller learning rate.");
    }
    restore(network, state.best);
    network.eval();
    return state.result;
}

}  // namespace braggbench
