#include "explain/inside/layer_census.hpp"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/library.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace braggbench {
namespace {

// As for guided backpropagation (explain/attribution/guided_relu.cpp), and another key of that kind.
constexpr auto watch_key = c10::DispatchKey::TESTING_ONLY_GenericWrapper;

// One call of a layer while a trace runs.
struct Call {
    torch::Tensor weight, bias;
    torch::Tensor scale, offset;  // of the norm behind it
    torch::Tensor input_low, input_high, output_low, output_high;
    std::int64_t groups = 1;
    bool rectified = false;
};

struct Watch {
    std::vector<Call> calls;
    // Which call a tensor comes from, with nothing but a norm and a ReLU between. The tensors are kept, so that no
    // other takes their address.
    std::map<const c10::TensorImpl*, std::size_t> source;
    std::vector<torch::Tensor> kept;
    torch::Tensor first_input;

    void comes_from(const torch::Tensor& tensor, std::size_t call) {
        source[tensor.unsafeGetTensorImpl()] = call;
        kept.push_back(tensor);
    }
    [[nodiscard]] std::optional<std::size_t> source_of(const torch::Tensor& tensor) const {
        const auto found = source.find(tensor.unsafeGetTensorImpl());
        return found == source.end() ? std::nullopt : std::optional(found->second);
    }
};
thread_local Watch* watching = nullptr;

// Per channel, dimension 1 of (N, C, ...) or (N, C).
std::pair<torch::Tensor, torch::Tensor> channel_range(const torch::Tensor& values) {
    const torch::Tensor rows = values.detach().transpose(0, 1).flatten(1);
    return {rows.amin(1), rows.amax(1)};
}

torch::Tensor tensor_or_none(const c10::IValue& value) {
    return value.isTensor() && value.toTensor().defined() ? value.toTensor().detach() : torch::Tensor();
}

void layer(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
    const auto arguments = torch::jit::last(*stack, op.schema().arguments().size());
    const bool convolves = op.schema().name().ends_with("convolution");
    // A dense layer of libtorch 1.13 is addmm(bias, input, transposed weight).
    const bool product = op.schema().name() == "aten::addmm";
    const torch::Tensor input = arguments[product ? 1 : 0].toTensor();
    Call call;
    call.weight = product ? arguments[2].toTensor().detach().t() : arguments[1].toTensor().detach();
    call.bias = tensor_or_none(arguments[product ? 0 : 2]);
    const bool transposed = convolves && arguments[6].toBool();
    if (convolves) call.groups = arguments[8].toInt();
    op.callBoxed(stack);
    const torch::Tensor output = stack->back().toTensor();
    // Of a transposed convolution the weights lie otherwise; volumes and lines are not images.
    if (transposed || input.dim() != (convolves ? 4 : 2)) return;
    if (convolves && !watching->first_input.defined()) watching->first_input = input.detach().clone();
    std::tie(call.input_low, call.input_high) = channel_range(input);
    std::tie(call.output_low, call.output_high) = channel_range(output);
    watching->calls.push_back(call);
    watching->comes_from(output, watching->calls.size() - 1);
}

void norm(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
    const auto arguments = torch::jit::last(*stack, op.schema().arguments().size());
    const torch::Tensor input = arguments[0].toTensor();
    const torch::Tensor weight = tensor_or_none(arguments[1]);
    const torch::Tensor bias = tensor_or_none(arguments[2]);
    const torch::Tensor mean = tensor_or_none(arguments[3]);
    const torch::Tensor variance = tensor_or_none(arguments[4]);
    const bool training = arguments[5].toBool();
    const double epsilon = arguments[7].toDouble();
    op.callBoxed(stack);
    const auto source = watching->source_of(input);
    if (!source || training || !mean.defined() || !variance.defined()) return;
    Call& call = watching->calls[*source];
    if (call.scale.defined()) return;
    const torch::Tensor output = stack->back().toTensor();
    call.scale = torch::rsqrt(variance + epsilon);
    if (weight.defined()) call.scale = call.scale * weight;
    call.offset = -mean * call.scale;
    if (bias.defined()) call.offset = call.offset + bias;
    std::tie(call.output_low, call.output_high) = channel_range(output);
    watching->comes_from(output, *source);
}

void rectifier(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
    const torch::Tensor input = torch::jit::last(*stack, 1)[0].toTensor();
    const auto source = watching->source_of(input);
    op.callBoxed(stack);
    if (!source) return;
    watching->calls[*source].rectified = true;
    watching->comes_from(stack->back().toTensor(), *source);
}

template <void (*look)(const c10::OperatorHandle&, torch::jit::Stack*)>
void watched(const c10::OperatorHandle& op, c10::DispatchKeySet /*keys*/, torch::jit::Stack* stack) {
    // Not what the operator is made of, which would come back here.
    const c10::impl::ExcludeDispatchKeyGuard once(watch_key);
    look(op, stack);
}

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericWrapper, library) { library.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, TESTING_ONLY_GenericWrapper, library) {
    for (const char* name : {"convolution", "_convolution", "linear", "addmm"}) {
        library.impl(name, torch::CppFunction::makeFromBoxedFunction<&watched<layer>>());
    }
    library.impl("batch_norm", torch::CppFunction::makeFromBoxedFunction<&watched<norm>>());
    for (const char* name : {"relu", "relu_"}) {
        library.impl(name, torch::CppFunction::makeFromBoxedFunction<&watched<rectifier>>());
    }
}

class Watching {
public:
    explicit Watching(Watch& watch) : included_(watch_key), optimised_(torch::jit::getGraphExecutorOptimize()) {
        torch::jit::setGraphExecutorOptimize(false);
        watching = &watch;
    }
    ~Watching() {
        watching = nullptr;
        torch::jit::setGraphExecutorOptimize(optimised_);
    }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

private:
    c10::impl::IncludeDispatchKeyGuard included_;
    bool optimised_;
};

struct LayerName {
    std::string text;
    bool part = false;  // of the layer that has this name: other calls add to what it gives
};

// The parameter that is the call's weight, or, where a network folds something into it, the next of its shape, or the
// first that has as many maps and more inputs.
class Names {
public:
    explicit Names(const Classifier& model) {
        for (const auto& parameter : model.named_parameters()) {
            if (parameter.value().dim() > 1) free_.emplace_back(parameter.key(), parameter.value());
        }
    }
    LayerName take(const torch::Tensor& weight, std::size_t call) {
        const auto first = [&](const auto& fits, bool keep) {
            const auto found = std::ranges::find_if(free_, fits);
            if (found == free_.end()) return std::string();
            std::string name = found->first;
            if (!keep) free_.erase(found);
            if (name.ends_with("weight")) name.erase(name.size() - 6);
            std::ranges::replace(name, '/', '.');  // as TorchScript's parameters are named here
            while (name.ends_with('.')) name.pop_back();
            return name;
        };
        std::string name = first(
            [&](const auto& parameter) {
                return parameter.second.data_ptr() == weight.data_ptr() && parameter.second.numel() == weight.numel();
            },
            false);
        if (name.empty()) {
            name = first([&](const auto& parameter) { return parameter.second.sizes() == weight.sizes(); }, false);
        }
        if (!name.empty()) return {name, false};
        name = first(
            [&](const auto& parameter) {
                const torch::Tensor& whole = parameter.second;
                return whole.dim() == weight.dim() && whole.size(0) == weight.size(0) &&
                       whole.size(1) > weight.size(1) && whole.sizes().slice(2) == weight.sizes().slice(2);
            },
            true);
        return name.empty() ? LayerName{"layer " + std::to_string(call + 1), false} : LayerName{name, true};
    }

private:
    std::vector<std::pair<std::string, torch::Tensor>> free_;
};

void widen(LayerTally& layer, const Call& call) {
    layer.input_low = torch::minimum(layer.input_low, call.input_low);
    layer.input_high = torch::maximum(layer.input_high, call.input_high);
    layer.output_low = torch::minimum(layer.output_low, call.output_low);
    layer.output_high = torch::maximum(layer.output_high, call.output_high);
}

// Rows of the weights that belong to one map, beside the ranges of the inputs that they look at; padding adds zeros.
struct Reach {
    torch::Tensor weights;  // (inputs, positions)
    torch::Tensor low, high;
};

Reach reach_of(const LayerTally& layer, std::int64_t map) {
    const std::int64_t inputs = layer.weight.size(1);
    const std::int64_t first = map / (layer.weight.size(0) / layer.groups) * inputs;
    return {layer.weight[map].reshape({inputs, -1}), layer.input_low.slice(0, first, first + inputs).clamp_max(0.0),
            layer.input_high.slice(0, first, first + inputs).clamp_min(0.0)};
}

DeadCause cause_of(const LayerTally& layer, std::int64_t map, double epsilon) {
    const Reach reach = reach_of(layer, map);
    const torch::Tensor seen = torch::maximum(reach.low.abs(), reach.high.abs()) > epsilon;
    if (!torch::logical_and(seen, reach.weights.abs().amax(1) > 0.0).any().item<bool>()) return DeadCause::input;
    torch::Tensor weights = reach.weights;
    if (layer.scale.defined()) weights = weights * layer.scale[map];
    const torch::Tensor best = weights.clamp_min(0.0).sum(1) * reach.high + weights.clamp_max(0.0).sum(1) * reach.low;
    const double shift = layer.shift.defined() ? layer.shift[map].item<double>() : 0.0;
    return best.sum().item<double>() + shift <= epsilon ? DeadCause::weights : DeadCause::data;
}

}  // namespace

std::string to_string(DeadCause cause) {
    switch (cause) {
        case DeadCause::input:
            return "input";
        case DeadCause::weights:
            return "weights";
        case DeadCause::data:
            return "data";
    }
    throw std::logic_error("unknown cause");
}

std::vector<DeadMap> dead_maps(const LayerTally& layer, double epsilon) {
    const torch::NoGradGuard no_gradients;
    std::vector<DeadMap> dead;
    if (!layer.rectified) return dead;
    for (std::int64_t map = 0; map < layer.output_high.size(0); ++map) {
        if (layer.output_high[map].item<double>() <= epsilon) dead.push_back({map, cause_of(layer, map, epsilon)});
    }
    return dead;
}

std::int64_t dead_inputs(const LayerTally& layer, double epsilon) {
    const torch::Tensor largest = torch::maximum(layer.input_low.abs(), layer.input_high.abs());
    return (largest <= epsilon).sum().item<std::int64_t>();
}

Trace LayerCensus::trace(Classifier& model, const torch::Tensor& photons) {
    const torch::NoGradGuard no_gradients;
    Watch watch;
    Trace trace;
    {
        const Watching now(watch);
        trace = model.trace(photons);
    }
    first_input_ = watch.first_input;
    const bool first = layers_.empty();
    Names names(model);
    for (std::size_t i = 0; i < watch.calls.size(); ++i) {
        const Call& call = watch.calls[i];
        if (!first && i < layers_.size()) {
            widen(layers_[i], call);
            continue;
        }
        LayerTally layer;
        const LayerName name = names.take(call.weight, i);
        layer.name = name.text;
        layer.weight = call.weight;
        layer.scale = call.scale;
        layer.shift = call.bias;
        if (call.scale.defined()) {
            layer.shift = call.bias.defined() ? call.bias * call.scale + call.offset : call.offset;
        }
        layer.input_low = call.input_low;
        layer.input_high = call.input_high;
        layer.output_low = call.output_low;
        layer.output_high = call.output_high;
        layer.rectified = call.rectified && !name.part;
        layer.groups = call.groups;
        for (const TraceStage& stage : trace.stages) {
            if (watch.source_of(stage.activation) == i) layer.stage = stage.name;
        }
        layers_.push_back(std::move(layer));
    }
    return trace;
}

nlohmann::json LayerCensus::json(double epsilon) const {
    nlohmann::json rows = nlohmann::json::array();
    for (const LayerTally& layer : layers_) {
        const std::vector<DeadMap> dead = dead_maps(layer, epsilon);
        nlohmann::json causes = {{"input", 0}, {"weights", 0}, {"data", 0}};
        for (const DeadMap& map : dead) causes[to_string(map.cause)] = causes[to_string(map.cause)].get<int>() + 1;
        rows.push_back({{"name", layer.name},
                        {"stage", layer.stage.empty() ? nlohmann::json() : nlohmann::json(layer.stage)},
                        {"inputs", layer.input_high.size(0)},
                        {"dead_inputs", dead_inputs(layer, epsilon)},
                        {"maps", layer.output_high.size(0)},
                        {"rectified", layer.rectified},
                        {"dead", layer.rectified ? nlohmann::json(dead.size()) : nlohmann::json()},
                        {"dead_by", layer.rectified ? causes : nlohmann::json()}});
    }
    return rows;
}

}  // namespace braggbench
