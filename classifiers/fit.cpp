#include "classifiers/fit.hpp"

#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <numeric>
#include <set>
#include <utility>

#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

template <class Optimizer, class Options>
std::unique_ptr<torch::optim::Optimizer> make(const std::vector<torch::Tensor>& weights,
                                              const std::vector<torch::Tensor>& others, Options options,
                                              double weight_decay) {
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(weights, std::make_unique<Options>(Options(options).weight_decay(weight_decay)));
    groups.emplace_back(others, std::make_unique<Options>(Options(options).weight_decay(0.0)));
    return std::make_unique<Optimizer>(groups, options);
}

// Weight decay on the weights of convolutions and linear layers only: it would pull norms and biases towards nothing
// useful.
std::unique_ptr<torch::optim::Optimizer> make_optimizer(Classifier& network, const TrainOptions& options) {
    std::vector<torch::Tensor> weights;
    std::vector<torch::Tensor> others;
    for (auto& parameter : network.parameters()) {
        if (parameter.requires_grad()) (parameter.dim() >= 2 ? weights : others).push_back(parameter);
    }
    if (weights.empty() && others.empty()) {
        throw UsageError("every weight is frozen (nothing would be learned). Freeze fewer stages.");
    }
    namespace optim = torch::optim;
    const double rate = options.learning_rate;
    const double decay = options.weight_decay;
    if (options.optimizer == "adam") return make<optim::Adam>(weights, others, optim::AdamOptions(rate), decay);
    if (options.optimizer == "adamw") return make<optim::AdamW>(weights, others, optim::AdamWOptions(rate), decay);
    if (options.optimizer == "sgd") {
        return make<optim::SGD>(weights, others, optim::SGDOptions(rate).momentum(options.momentum), decay);
    }
    return make<optim::RMSprop>(weights, others, optim::RMSpropOptions(rate).momentum(options.momentum), decay);
}

std::vector<std::int64_t> shuffled_rows(std::int64_t count, std::uint64_t seed, int epoch) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    RandomStream random(seed, static_cast<std::uint64_t>(epoch), shuffle_stage);
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[draw_index(random, i)]);
    return rows;
}

TrainVariation variation_of(const std::string& name) {
    if (name == "none") return TrainVariation::none;
    return name == "flips" ? TrainVariation::flips : TrainVariation::detector;
}

torch::Device device_of(const TrainOptions& options) {
    if (options.device == "cpu") return torch::kCPU;
    if (!torch::cuda::is_available()) {
        throw UsageError(
            "device = cuda (this libtorch finds none; Debian's is built without CUDA). Build against a libtorch with "
            "CUDA (docs/training.md), or use cpu.");
    }
    return torch::kCUDA;
}

// Mixed precision while it lives.
class Autocast {
public:
    Autocast(bool on, const torch::Device& device) : on_(on), cuda_(device.is_cuda()) {
        if (!on_) return;
        if (cuda_) {
            at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
            at::autocast::set_enabled(true);
        } else {
            at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
            at::autocast::set_cpu_enabled(true);
        }
    }
    ~Autocast() {
        if (!on_) return;
        if (cuda_) {
            at::autocast::set_enabled(false);
        } else {
            at::autocast::set_cpu_enabled(false);
        }
        at::autocast::clear_cache();
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

private:
    bool on_;
    bool cuda_;
};

struct Score {
    double loss_sum = 0.0;
    std::vector<HeadScore> scores;
};

std::vector<double> means_of(const std::vector<HeadScore>& scores) {
    std::vector<double> means;
    for (const auto& score : scores) means.push_back(score.mean());
    return means;
}

// Norms whose weights are all frozen keep their statistics.
void train_mode(Classifier& network) {
    network.train();
    for (const auto& module : network.modules(/*include_self=*/false)) {
        const auto parameters = module->parameters();
        if (!parameters.empty() && std::ranges::none_of(parameters, [](const auto& p) { return p.requires_grad(); })) {
            module->eval();
        }
    }
}

class Fit {
public:
    Fit(Classifier& network, const FitTask& task, const TrainOptions& options, const FitCalls& calls)
        : network_(network),
          task_(task),
          options_(options),
          calls_(calls),
          device_(device_of(options)),
          identity_(to_json(options)) {
        identity_["corpus"] = task.corpus_id;
        network_.to(device_);
        optimizer_ = make_optimizer(network_, options_);
        if (options_.resume) state_ = read_checkpoint(options_.checkpoint, network_, *optimizer_, identity_);
    }

    FitResult run() {
        FitResult result;
        while (static_cast<int>(state_.epochs.size()) < options_.epochs) {
            if (options_.patience_epochs > 0 &&
                static_cast<int>(state_.epochs.size()) - state_.best_epoch >= options_.patience_epochs) {
                result.stopped = "patience";
                break;
            }
            const bool whole = train_epoch();
            finish_epoch();
            if (!whole) {
                result.stopped = "time";
                break;
            }
        }
        if (state_.best_epoch == 0) {
            throw UsageError(
                fmt::format("no epoch had a finite validation loss (training diverged at learning rate "
                            "{}). Give a smaller learning rate.",
                            options_.learning_rate));
        }
        network_.to(torch::kCPU);
        restore(network_, state_.best);
        network_.eval();
        result.best_epoch = state_.best_epoch;
        result.epochs = state_.epochs;
        result.seconds = state_.total_seconds + seconds_since(begin_);
        // Asked for anew: a run resumed after its last epoch has seen none.
        result.images = task_.train_images(static_cast<int>(state_.epochs.size())).row_count();
        return result;
    }

private:
    [[nodiscard]] bool out_of_time() const {
        return options_.max_minutes > 0.0 && state_.total_seconds + seconds_since(begin_) > 60.0 * options_.max_minutes;
    }

    void checkpoint() {
        if (options_.checkpoint.empty()) return;
        TrainState saved = state_;
        saved.total_seconds += seconds_since(begin_);
        write_checkpoint(options_.checkpoint, network_, *optimizer_, saved, identity_);
        last_checkpoint_ = Clock::now();
    }

    // False if time ran out before its end.
    bool train_epoch() {
        const int epoch = static_cast<int>(state_.epochs.size()) + 1;
        const auto begin = Clock::now();
        const double before = state_.seconds;
        const ImageFeed& images = task_.train_images(epoch);
        const auto image_count = epoch_images_ = images.row_count();
        const auto batch_size = static_cast<std::int64_t>(options_.batch_size);
        const auto steps = (image_count + batch_size - 1) / batch_size;
        const auto rows = shuffled_rows(image_count, options_.seed, epoch);
        const VariationKey variation{variation_of(variation_in(options_, epoch)), options_.seed, epoch};
        // On a GPU the next batch is made while this one is learned from; on the CPU both need all cores.
        const auto fetch = [&](std::int64_t step) {
            return std::async(device_.is_cuda() ? std::launch::async : std::launch::deferred, [&, step] {
                const auto first = step * batch_size;
                const auto count = std::min(batch_size, image_count - first);
                return images.batch(
                    std::span(rows).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                    variation);
            });
        };
        train_mode(network_);
        std::future<Batch> next;
        if (state_.steps_done < steps) next = fetch(state_.steps_done);
        for (auto step = state_.steps_done; step < steps; ++step) {
            const Batch batch = next.get();
            if (step + 1 < steps) next = fetch(step + 1);
            const double done = (epoch - 1 + static_cast<double>(step) / static_cast<double>(steps)) / options_.epochs;
            learn(batch, learning_rate(options_, done, epoch), epoch, step);
            state_.steps_done = step + 1;
            state_.seconds = before + seconds_since(begin);
            if (calls_.progress) calls_.progress(std::min((step + 1) * batch_size, image_count), image_count, epoch);
            if (out_of_time() && step + 1 < steps) return false;
            if (options_.checkpoint_minutes > 0.0 &&
                seconds_since(last_checkpoint_) > 60.0 * options_.checkpoint_minutes)
                checkpoint();
        }
        return true;
    }

    void learn(const Batch& batch, double rate, int epoch, std::int64_t step) {
        for (auto& group : optimizer_->param_groups()) group.options().set_lr(rate);
        // Dropout draws from torch's own generator; a seed for each step makes a resumed run draw the same.
        torch::manual_seed(options_.seed * 1000003U + static_cast<std::uint64_t>(epoch) * 100000007U +
                           static_cast<std::uint64_t>(step));
        const auto targets = batch.targets.to(device_);
        optimizer_->zero_grad();
        torch::Tensor logits;
        {
            const Autocast autocast(options_.precision == "bf16", device_);
            logits = network_.forward(batch.photons.to(device_)).to(torch::kFloat32);
        }
        const auto loss = loss_of(logits, targets, task_.heads, task_.weights);
        const double value = loss.item<double>();
        if (!std::isfinite(value)) {
            throw UsageError(
                fmt::format("the loss is no longer a finite number in epoch {} (training diverged at "
                            "learning rate {}). Give a smaller learning rate.",
                            epoch, options_.learning_rate));
        }
        loss.backward();
        if (options_.clip_norm > 0.0) torch::nn::utils::clip_grad_norm_(network_.parameters(), options_.clip_norm);
        optimizer_->step();
        state_.loss_sum += value * static_cast<double>(targets.size(0));
        add_scores(state_.scores, logits.detach(), targets, task_.heads);
    }

    Score validate_now() {
        const torch::NoGradGuard no_grad;
        network_.eval();
        Score total;
        const ImageFeed& images = task_.validation_images;
        std::vector<std::int64_t> rows(static_cast<std::size_t>(images.row_count()));
        std::iota(rows.begin(), rows.end(), std::int64_t{0});
        const auto batch_size = static_cast<std::size_t>(options_.batch_size);
        for (std::size_t first = 0; first < rows.size(); first += batch_size) {
            const Batch batch = images.batch(std::span(rows).subspan(first, std::min(batch_size, rows.size() - first)));
            const auto targets = batch.targets.to(device_);
            const auto logits = network_.forward(batch.photons.to(device_));
            total.loss_sum += loss_of(logits, targets, task_.heads, task_.weights).item<double>() *
                              static_cast<double>(targets.size(0));
            add_scores(total.scores, logits, targets, task_.heads);
        }
        return total;
    }

    void finish_epoch() {
        const auto validation = validate_now();
        const auto learned_from = std::min(state_.steps_done * options_.batch_size, epoch_images_);
        state_.epochs.push_back({epoch_number(), state_.loss_sum / static_cast<double>(learned_from),
                                 validation.loss_sum / static_cast<double>(task_.validation_images.row_count()),
                                 means_of(state_.scores), means_of(validation.scores),
                                 static_cast<double>(learned_from) / state_.seconds});
        if (state_.epochs.back().validation_loss < state_.best_loss()) {
            state_.best_epoch = static_cast<int>(state_.epochs.size());
            state_.best = learned(network_);
        }
        state_.steps_done = 0;
        state_.loss_sum = 0.0;
        state_.scores.clear();
        state_.seconds = 0.0;
        checkpoint();
        if (calls_.on_epoch) calls_.on_epoch(state_.epochs.back());
    }

    [[nodiscard]] int epoch_number() const { return static_cast<int>(state_.epochs.size()) + 1; }

    Classifier& network_;
    const FitTask& task_;
    const TrainOptions& options_;
    const FitCalls& calls_;
    torch::Device device_;
    nlohmann::json identity_;
    std::unique_ptr<torch::optim::Optimizer> optimizer_;
    TrainState state_;
    std::int64_t epoch_images_ = 0;
    Clock::time_point begin_ = Clock::now();
    Clock::time_point last_checkpoint_ = begin_;
};

}  // namespace

FitResult fit(Classifier& network, const FitTask& task, const TrainOptions& options, const FitCalls& calls) {
    return Fit(network, task, options, calls).run();
}

void freeze_through(Classifier& network, const std::string& stage, const torch::Tensor& photons) {
    network.eval();
    const auto trace = network.trace(photons);
    const auto found = std::ranges::find(trace.stages, stage, &TraceStage::name);
    if (found == trace.stages.end()) {
        std::vector<std::string> names;
        for (const auto& known : trace.stages) names.push_back(known.name);
        throw UsageError(fmt::format("freeze-through = {} (the model has no such stage). Give one of {}.", stage,
                                     fmt::join(names, ", ")));
    }
    const auto parameters = network.parameters();
    const auto gradients = torch::autograd::grad({found->activation.sum()}, parameters, {}, false, false,
                                                 /*allow_unused=*/true);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (gradients[i].defined()) parameters[i].set_requires_grad(false);
    }
}

}  // namespace braggbench
