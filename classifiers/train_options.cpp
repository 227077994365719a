#include "classifiers/train_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "datasets/view_spec.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

TrainOptions make_preset(const std::string& model, int epochs, int batch_size, const std::string& optimizer,
                         double learning_rate, const std::string& schedule) {
    TrainOptions options;
    options.model = model;
    options.epochs = epochs;
    options.batch_size = batch_size;
    options.optimizer = optimizer;
    options.learning_rate = learning_rate;
    options.schedule = schedule;
    options.weight_decay = 0.0;
    options.variation = "none";
    return options;
}

std::vector<TrainPreset> make_presets() {
    std::vector<TrainPreset> presets;
    // The rate of the exponential decay is not published; a hundredth at the end is ours.
    auto nawaz = make_preset("alexnet", 50, 128, "adam", 1e-5, "exponential");
    nawaz.decay = 0.01;
    presets.push_back({"nawaz", "Nawaz et al. 2023, section 2.5: AlexNet, Adam 1e-5 falling exponentially", nawaz});
    auto hollatz = make_preset("vgg16", 20, 32, "adam", 1e-3, "exponential");
    hollatz.freeze_through = "block3";
    presets.push_back({"hollatz", "Hollatz 2022: VGG16, Adam 1e-3 to 1e-4, first three blocks frozen", hollatz});
    auto deepfreak = make_preset("deepfreak", 30, 8, "sgd", 0.0048311, "step");
    deepfreak.momentum = 0.88172;
    deepfreak.weight_decay = 2.1462e-5;
    presets.push_back({"deepfreak", "Souza et al. 2019: narrow ResNet-50, SGD, a tenth every ten epochs", deepfreak});
    auto ke = make_preset("ke2018", 120, 64, "sgd", 0.1, "exponential");
    ke.decay = 1e-3;
    ke.weight_decay = 5e-4;
    presets.push_back({"ke2018", "Ke et al. 2018: SGD 1e-1 to 1e-4, weight decay 5e-4", ke});
    auto yang = make_preset("yang2016", 10, 32, "rmsprop", 1e-3, "constant");
    yang.momentum = 0.0;
    yang.variation = "flips";
    presets.push_back({"yang2016", "Yang 2016: RMSprop at Keras' 1e-3, ten epochs", yang});
    return presets;
}

}  // namespace

const std::vector<TrainPreset>& train_presets() {
    static const std::vector<TrainPreset> presets = make_presets();
    return presets;
}

const TrainPreset& train_preset(const std::string& name) {
    const auto& presets = train_presets();
    const auto found = std::ranges::find(presets, name, &TrainPreset::name);
    if (found != presets.end()) return *found;
    std::vector<std::string> names;
    for (const auto& preset : presets) names.push_back(preset.name);
    throw UsageError(
        fmt::format("preset '{}' (there is none of that name). Did you mean '{}'?", name, nearest_name(name, names)));
}

nlohmann::json to_json(const TrainOptions& options) {
    nlohmann::json json;
    for_each_field(options, [&](const char* name, const auto& value, const char*) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::filesystem::path>) {
            json[name] = value.string();
        } else {
            json[name] = value;
        }
    });
    return json;
}

void validate(const TrainOptions& o) {
    std::string faults;
    const auto fault = [&](const std::string& text) { faults += (faults.empty() ? "" : "\n") + text; };
    const auto at_least = [&](const char* name, double value, double least, const char* why) {
        if (value >= least && std::isfinite(value)) return;
        fault(fmt::format("{} = {} ({}). Give {} or more.", name, value, why, least));
    };
    const auto one_of = [&](const char* name, const std::string& value, const std::vector<std::string>& known) {
        if (std::ranges::find(known, value) != known.end()) return;
        fault(fmt::format("{} = {} (it is one of {}). Did you mean {}?", name, value, fmt::join(known, ", "),
                          nearest_name(value, known)));
    };
    at_least("epochs", o.epochs, 1, "nothing would be learned");
    at_least("batch", o.batch_size, 1, "a step needs images");
    one_of("optimizer", o.optimizer, {"adam", "adamw", "sgd", "rmsprop"});
    if (!(o.learning_rate > 0.0) || !std::isfinite(o.learning_rate)) {
        fault(fmt::format("lr = {} (steps must go downhill). Give a positive number such as 0.002.", o.learning_rate));
    }
    one_of("schedule", o.schedule, {"constant", "step", "exponential", "cosine", "one-cycle"});
    if (!(o.decay > 0.0) || o.decay > 1.0) {
        fault(fmt::format("decay = {} (rates fall by it). Give a number above 0 and up to 1.", o.decay));
    }
    at_least("step-epochs", o.step_epochs, 1, "a step lasts whole epochs");
    at_least("momentum", o.momentum, 0, "it remembers steps, not their opposite");
    if (o.momentum >= 1.0)
        fault(fmt::format("momentum = {} (steps would grow for ever). Give less than 1.", o.momentum));
    at_least("weight-decay", o.weight_decay, 0, "weights would grow without bound");
    at_least("clip-norm", o.clip_norm, 0, "a norm is not negative");
    one_of("class-weights", o.class_weights, {"none", "balanced"});
    at_least("focal-gamma", o.focal_gamma, 0, "easy images would count more than hard ones");
    one_of("variation", o.variation, {"none", "flips", "detector"});
    one_of("precision", o.precision, {"float32", "bf16"});
    one_of("device", o.device, {"cpu", "cuda"});
    at_least("patience", o.patience_epochs, 0, "it counts epochs");
    at_least("max-minutes", o.max_minutes, 0, "time does not run backwards");
    at_least("checkpoint-minutes", o.checkpoint_minutes, 0, "time does not run backwards");
    at_least("cache-gib", o.cache_gib, 0, "it is an amount of memory");
    if (o.resume && o.checkpoint.empty()) {
        fault("resume without a checkpoint (there is nothing to resume from). Name the checkpoint file.");
    }
    if (!o.view.empty()) {
        try {
            const auto view = parse_view(o.view);
            if (view.framing == Framing::native || view.framing == Framing::tiles ||
                view.framing == Framing::quadrants) {
                fault(
                    fmt::format("view = {} (a network is trained on one square view of an image). Give a downsampling "
                                "or a crop.",
                                o.view));
            }
        } catch (const UsageError& error) {
            fault(error.what());
        }
    }
    if (!faults.empty()) throw UsageError(faults);
}

std::string variation_in(const TrainOptions& options, int epoch) {
    const bool settles = 5 * epoch > 4 * options.epochs;
    return settles && options.variation == "detector" ? "flips" : options.variation;
}

double learning_rate(const TrainOptions& options, double done, int epoch) {
    const double peak = options.learning_rate;
    if (options.schedule == "step") return peak * std::pow(options.decay, (epoch - 1) / options.step_epochs);
    if (options.schedule == "exponential") return peak * std::pow(options.decay, done);
    const auto half_cosine = [](double share) { return 0.5 * (1.0 + std::cos(std::numbers::pi * share)); };
    if (options.schedule == "cosine") return peak * (options.decay + (1.0 - options.decay) * half_cosine(done));
    if (options.schedule == "one-cycle") {
        // Rises linearly over the first tenth of the steps, then falls as a half cosine (Smith & Topin 2018, arXiv
        // 1708.07120).
        constexpr double warm = 0.1;
        constexpr double least = 1e-3;  // the first step must not be nothing
        return done < warm ? peak * std::max(least, done / warm) : peak * half_cosine((done - warm) / (1.0 - warm));
    }
    return peak;
}

}  // namespace braggbench
