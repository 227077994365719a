// How a network is trained, as plain data; one list of fields drives the command line, the record in the model file and
// the check that a resumed run is the same run.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace braggbench {

struct TrainOptions {
    std::string model = "compact";
    std::vector<std::string> heads = {"class"};  // as make_heads() takes them
    std::string view;                            // as parse_view() takes it; empty = the whole image, as it is
    int epochs = 14;
    int batch_size = 16;
    std::string optimizer = "adamw";     // adam, adamw, sgd, rmsprop
    double learning_rate = 4e-3;         // the highest
    std::string schedule = "one-cycle";  // constant, step, exponential, cosine, one-cycle
    double decay = 0.1;     // step: the factor of each step; exponential and cosine: the last rate / the first
    int step_epochs = 10;   // step: how many epochs a step lasts
    double momentum = 0.9;  // of sgd and rmsprop
    double weight_decay = 1e-4;
    double clip_norm = 0.0;              // of all gradients together; 0 = none
    std::string class_weights = "none";  // none, balanced
    double focal_gamma = 0.0;            // 0 = cross-entropy and BCE
    std::string variation = "detector";  // none, flips, detector
    std::string precision = "float32";   // float32, bf16
    std::string device = "cpu";          // cpu, cuda
    int patience_epochs = 0;             // stop when the validation loss has not fallen for so long; 0 = never
    std::string freeze_through;          // a stage: it and all before it keep their weights
    std::filesystem::path init;          // a model whose weights are taken where they fit
    std::uint64_t seed = 1;

    // What does not change the result.
    double max_minutes = 0.0;         // stop after so long and keep the best so far; 0 = never
    double checkpoint_minutes = 5.0;  // written so often within an epoch, and after every epoch
    double cache_gib = 4.0;           // of memory for views that are used again
    std::filesystem::path checkpoint;
    bool resume = false;
};

// Calls visit(name, member, what it is) for each field that makes a run what it is, in the order above.
template <class Options, class Visit>
void for_each_field(Options& o, const Visit& visit) {
    visit("model", o.model, "zoo name");
    visit("heads", o.heads, "what it answers: class, hit, attributes[=A,B], values[=V], each with @WEIGHT of its loss");
    visit("view", o.view, "what it sees of an image, such as downsample:max:256; empty = all, as it is");
    visit("epochs", o.epochs, "passes over the train split");
    visit("batch", o.batch_size, "images per step");
    visit("optimizer", o.optimizer, "adam, adamw, sgd or rmsprop");
    visit("lr", o.learning_rate, "highest learning rate");
    visit("schedule", o.schedule, "of the learning rate: constant, step, exponential, cosine or one-cycle");
    visit("decay", o.decay, "step: factor of each; exponential, cosine: last rate over first");
    visit("step-epochs", o.step_epochs, "step: how many epochs each lasts");
    visit("momentum", o.momentum, "of sgd and rmsprop");
    visit("weight-decay", o.weight_decay, "of weights, not of norms and biases");
    visit("clip-norm", o.clip_norm, "cut gradients to this norm; 0 = never");
    visit("class-weights", o.class_weights, "none, or balanced: every class and label counts alike");
    visit("focal-gamma", o.focal_gamma, "focal loss; 0 = cross-entropy");
    visit("variation", o.variation, "of training images: none, flips, or detector (flips, gain, shadows, margins)");
    visit("precision", o.precision, "float32, or bf16 where it pays");
    visit("device", o.device, "cpu or cuda");
    visit("patience", o.patience_epochs, "stop when validation loss has not fallen for so many epochs; 0 = never");
    visit("freeze-through", o.freeze_through, "a stage: it and all before it keep their weights");
    visit("init", o.init, "a model file whose weights are taken where they fit");
    visit("seed", o.seed, "keys initialisation, order and variation");
}

// Published settings under their paper's name (docs/models.md).
struct TrainPreset {
    std::string name;
    std::string description;
    TrainOptions options;
};
const std::vector<TrainPreset>& train_presets();
// Throws UsageError naming the nearest.
const TrainPreset& train_preset(const std::string& name);

nlohmann::json to_json(const TrainOptions& options);  // of the fields above

// Throws UsageError that lists every fault at once.
void validate(const TrainOptions& options);

// The rate after a share of all steps, in [0, 1), and of `epoch` (from 1).
double learning_rate(const TrainOptions& options, double done, int epoch);

// The variation of `epoch` (from 1): the last fifth of the epochs sees the detector as it is, so that what is learned
// settles on it (as YOLOX turns its strongest variations off: Ge et al. 2021, arXiv 2107.08430).
std::string variation_in(const TrainOptions& options, int epoch);

}  // namespace braggbench
