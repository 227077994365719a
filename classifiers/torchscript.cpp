#include "classifiers/torchscript.hpp"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/script.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "classifiers/model.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::string card_file = "braggbench.json";

// torch's messages go over many lines of its own source; the last one says what is wrong.
std::string reason(const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
    text.erase(text.find_last_not_of(" \n\r\t") + 1);
    if (const auto line = text.rfind('\n'); line != std::string::npos) text = text.substr(line + 1);
    return text;
}

std::string shape_text(const torch::Tensor& tensor) { return fmt::format("({})", fmt::join(tensor.sizes(), ", ")); }

// How a foreign network's feature maps lie on the image, where its card says so.
struct StatedStage {
    std::string name;
    double stride_px = 1.0;
    double start_px = 0.0;
};

class ScriptedClassifier : public Classifier {
public:
    ScriptedClassifier(torch::jit::Module module, std::string name, std::int64_t outputs,
                       std::vector<StatedStage> stated)
        : module_(std::move(module)), name_(std::move(name)), outputs_(outputs), stated_(std::move(stated)) {
        // The same tensors, so that moving this module moves the script's. Torch allows no dots in names here.
        const auto plain = [](std::string key) {
            std::replace(key.begin(), key.end(), '.', '/');
            return key;
        };
        for (const auto& parameter : module_.named_parameters()) {
            register_parameter(plain(parameter.name), parameter.value, parameter.value.requires_grad());
        }
        for (const auto& buffer : module_.named_buffers()) register_buffer(plain(buffer.name), buffer.value);
        const auto features = module_.find_method("features");
        const auto head = module_.find_method("head");
        has_stages_ = features.has_value() && head.has_value();
    }

    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        try {
            if (has_stages_) {
                const auto features = module_.get_method("features")({photons});
                add_stages(features, photons, result);
                if (!result.stages.empty()) result.features = result.stages.back().activation.mean({2, 3});
                result.logits = as_tensor(module_.get_method("head")({features}));
            } else {
                result.logits = as_tensor(module_.forward({photons}));
            }
        } catch (const DataError&) {
            throw;
        } catch (const std::exception& error) {
            throw DataError(
                fmt::format("{}: its network fails on {} photons ({}). It must take (N, 1, height, width) of its view; "
                            "check the view's size.",
                            name_, shape_text(photons), reason(error)));
        }
        check(result.logits, photons);
        return result;
    }

    void train(bool on = true) override {
        Classifier::train(on);
        module_.train(on);
    }

    const torch::jit::Module& module() const { return module_; }
    const std::vector<StatedStage>& stated() const { return stated_; }
    bool has_stages() const { return has_stages_; }
    torch::Tensor plain_logits(const torch::Tensor& photons) { return as_tensor(module_.forward({photons})); }

private:
    torch::Tensor as_tensor(const c10::IValue& value) const {
        if (value.isTensor()) return value.toTensor();
        throw DataError(
            fmt::format("{}: its network returns {} (it must return one tensor of logits). Wrap it so that "
                        "it does.",
                        name_, value.tagKind()));
    }

    void check(const torch::Tensor& logits, const torch::Tensor& photons) const {
        if (logits.dim() != 2 || logits.size(0) != photons.size(0) || logits.size(1) != outputs_) {
            throw DataError(
                fmt::format("{}: its network returns {} for {} photons (it must return (N, {}): one logit for every "
                            "output of its heads). Correct the network or the card.",
                            name_, shape_text(logits), shape_text(photons), outputs_));
        }
        if (!logits.is_floating_point() || !torch::isfinite(logits).all().item<bool>()) {
            throw DataError(fmt::format(
                "{}: its network returns {} (nothing can be scored). Photons may be 0, negative by read-out noise, or "
                "65535; make it finite for all of them.",
                name_, logits.is_floating_point() ? "NaN or infinity" : "whole numbers instead of logits"));
        }
    }

    void add_stages(const c10::IValue& features, const torch::Tensor& photons, Trace& result) const {
        const auto add = [&](const std::string& stage, const torch::Tensor& activation) {
            if (activation.dim() != 4 || activation.size(0) != photons.size(0)) {
                throw DataError(
                    fmt::format("{}: stage {} of its `features` is {} (it must be (N, channels, height, width)). "
                                "Return feature maps there.",
                                name_, stage, shape_text(activation)));
            }
            // Unless told otherwise, units are spread evenly over the image.
            const double stride = static_cast<double>(photons.size(3)) / static_cast<double>(activation.size(3));
            TraceStage added{stage, activation, stride, (stride - 1.0) / 2.0};
            const auto known = std::ranges::find(stated_, stage, &StatedStage::name);
            if (known != stated_.end()) {
                added.stride_px = known->stride_px;
                added.start_px = known->start_px;
            }
            result.stages.push_back(std::move(added));
        };
        const auto add_numbered = [&](const auto& list) {
            int number = 0;
            for (const auto& item : list) {
                ++number;
                add("stage" + std::to_string(number), as_tensor(item));
            }
        };
        if (features.isTensor()) {
            add("features", features.toTensor());
        } else if (features.isGenericDict()) {
            for (const auto& entry : features.toGenericDict()) {
                add(entry.key().toStringRef(), as_tensor(entry.value()));
            }
        } else if (features.isTuple()) {
            add_numbered(features.toTupleRef().elements());
        } else if (features.isList()) {
            add_numbered(features.toListRef());
        } else {
            throw DataError(name_ +
                            ": its `features` returns neither a tensor nor a list, tuple or dictionary of tensors. "
                            "Return feature maps.");
        }
    }

    torch::jit::Module module_;
    std::string name_;
    std::int64_t outputs_;
    std::vector<StatedStage> stated_;
    bool has_stages_ = false;
};

// The same tree of submodules, parameters and buffers, sharing their memory.
torch::jit::Module mirror(const torch::nn::Module& network, const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
    torch::jit::Module script(c10::QualifiedName("__torch__.BraggBench"), unit, true);
    script.register_attribute("training", c10::BoolType::get(), false);
    for (const auto& parameter : network.named_parameters(false)) {
        script.register_parameter(parameter.key(), parameter.value(), false);
    }
    for (const auto& buffer : network.named_buffers(false)) {
        script.register_parameter(buffer.key(), buffer.value(), true);
    }
    for (const auto& child : network.named_children()) {
        script.register_module(child.key(), mirror(*child.value(), unit));
    }
    return script;
}

torch::Tensor probe(int images, const ModelShape& shape) {
    // Alike in every run, different from image to image, with the range of a weak pattern.
    return torch::arange(static_cast<double>(images) * shape.height_px * shape.width_px, torch::kFloat32)
        .mul(0.7)
        .sin()
        .mul(4.0)
        .add(4.0)
        .view({images, 1, shape.height_px, shape.width_px});
}

torch::jit::Module traced(const TrainedModel& model) {
    namespace tracer = torch::jit::tracer;
    const torch::NoGradGuard no_grad;
    const auto shape = shape_of(model.card);
    auto script = mirror(*model.network, std::make_shared<torch::jit::CompilationUnit>());
    const auto run = [&](torch::jit::Stack inputs) {
        return torch::jit::Stack{model.network->forward(inputs.at(0).toTensor())};
    };
    const auto no_names = [](const torch::autograd::Variable&) { return std::string(); };
    const auto graph = tracer::trace({probe(1, shape)}, run, no_names, true, false, &script, {"photons"}).first->graph;
    torch::jit::EliminateDeadCode(graph);
    script.type()->addMethod(script._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*script.type()->name(), "forward"), graph));

    const auto photons = probe(2, shape);
    const auto ours = model.network->forward(photons);
    bool same = false;
    try {
        same = torch::allclose(script.forward({photons}).toTensor(), ours, 1e-4, 1e-5);
    } catch (const std::exception&) {
        // Reported below: a view() with the traced number of images throws.
    }
    if (!same) {
        throw UsageError(fmt::format(
            "model '{}' cannot be exported (its trace holds for one image at a time only). Use the checkpoint.",
            model.card.zoo_name));
    }
    return script;
}

std::vector<StatedStage> stated_stages(const nlohmann::json& card) {
    std::vector<StatedStage> stages;
    if (!card.contains("stages")) return stages;
    for (const auto& stage : card.at("stages")) {
        stages.push_back({stage.at("name"), stage.at("stride_px"), stage.at("start_px")});
    }
    return stages;
}

}  // namespace

bool is_torchscript(const std::filesystem::path& path) {
    if (!std::filesystem::is_regular_file(path)) return false;
    try {
        caffe2::serialize::PyTorchStreamReader reader(path.string());
        for (const auto& name : reader.getAllRecords()) {
            if (!name.starts_with("code/") || !name.ends_with(".py")) continue;
            const auto [data, size] = reader.getRecord(name);
            const std::string_view code(static_cast<const char*>(data.get()), size);
            if (code.find("def forward(") != std::string_view::npos) return true;
        }
    } catch (const std::exception&) {
        return false;
    }
    return false;
}

void export_torchscript(const std::filesystem::path& path, const TrainedModel& model) {
    const auto* scripted = dynamic_cast<const ScriptedClassifier*>(model.network.get());
    const auto script = scripted != nullptr ? scripted->module() : traced(model);
    auto card = card_json(model.card);
    if (scripted != nullptr) {
        for (const auto& stage : scripted->stated()) {
            card["stages"].push_back(
                {{"name", stage.name}, {"stride_px", stage.stride_px}, {"start_px", stage.start_px}});
        }
    }
    const torch::jit::ExtraFilesMap extra = {{card_file, card.dump(2)}};
    // Through memory: torch's own file writer ends the program when the disk is full.
    std::ostringstream bytes;
    script.save(bytes, extra);
    replace_file(path, bytes.view());
}

ModelCard make_card(const std::filesystem::path& path, const StatedCard& stated) {
    ModelCard card;
    card.zoo_name = path.stem().string();
    const auto add_head = [&](const std::string& name, HeadKind kind, const std::vector<std::string>& outputs) {
        if (outputs.empty()) return;
        if (std::set<std::string>(outputs.begin(), outputs.end()).size() != outputs.size()) {
            throw UsageError(
                fmt::format("{}: a name twice among its {} outputs. Name each output once.", path.string(), name));
        }
        Head head;
        head.name = name;
        head.kind = kind;
        head.outputs = outputs;
        card.heads.push_back(head);
    };
    add_head("class", HeadKind::one_of_n, stated.classes);
    add_head("attributes", HeadKind::multi_label, stated.attributes);
    if (card.heads.empty()) {
        throw UsageError(path.string() + ": its outputs have no names. Give --classes, --attributes or both.");
    }
    if (stated.classes.size() == 1) {
        throw UsageError(path.string() +
                         ": one class (a head of exclusive classes has an output for each). Give at "
                         "least two, or --attributes.");
    }
    for (const auto& hit : stated.hit_classes) {
        if (std::ranges::find(stated.classes, hit) == stated.classes.end()) {
            throw UsageError(fmt::format("{}: hit \"{}\" is none of its classes. Choose among: {}.", path.string(), hit,
                                         fmt::join(stated.classes, ", ")));
        }
    }
    card.hit_classes = stated.hit_classes;
    if (!stated.view || stated.view->framing == Framing::native) {
        throw UsageError(path.string() +
                         ": the size of its input is not known. Give a view of a fixed size, such as "
                         "--view downsample:max:512.");
    }
    card.view = *stated.view;
    card.training = {{"origin", path.string()}};
    return card;
}

TrainedModel load_torchscript(const std::filesystem::path& path, const std::optional<ModelCard>& stated) {
    torch::jit::ExtraFilesMap extra = {{card_file, ""}};
    torch::jit::Module module;
    try {
        module = torch::jit::load(path.string(), torch::kCPU, extra);
    } catch (const std::exception& error) {
        throw DataError(fmt::format("{}: not a TorchScript file ({}). Save it with torch.jit.script(net).save(path).",
                                    path.string(), reason(error)));
    }
    const auto& text = extra.at(card_file);
    if (text.empty() && !stated) {
        throw UsageError(fmt::format(
            "{}: a TorchScript file without a card (it does not say what its outputs mean). Add one: braggbench "
            "export-model {} --classes miss,hit --view downsample:max:512 -o new.torchscript",
            path.string(), path.string()));
    }
    TrainedModel model;
    std::vector<StatedStage> stages;
    try {
        if (!text.empty()) {
            const auto json = nlohmann::json::parse(text);
            stages = stated_stages(json);
            if (!stated) model.card = card_of(json);
        }
    } catch (const UsageError& error) {
        throw DataError(fmt::format("{}: its card cannot be used. {}", path.string(), error.what()));
    } catch (const nlohmann::json::exception& error) {
        throw DataError(fmt::format("{}: its card {} cannot be read ({}). Write it anew: docs/foreign-models.md.",
                                    path.string(), card_file, error.what()));
    }
    if (stated) model.card = *stated;
    const auto shape = shape_of(model.card);
    const auto network = std::make_shared<ScriptedClassifier>(module, path.string(), shape.output_count, stages);
    network->eval();
    model.network = network;

    // What would fail on the first image of a long run fails here.
    const torch::NoGradGuard no_grad;
    const auto photons = probe(2, shape);
    const auto logits = network->forward(photons);
    if (network->has_stages() && !torch::allclose(network->plain_logits(photons), logits, 1e-3, 1e-4)) {
        throw DataError(path.string() +
                        ": head(features(x)) differs from forward(x) (maps of it would explain another "
                        "network). Correct its methods.");
    }
    return model;
}

}  // namespace braggbench
