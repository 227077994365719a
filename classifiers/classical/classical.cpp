#include "classifiers/classical/classical.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "classifiers/find_peaks.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

constexpr double unlimited = 1e9;

ClassicalSetting photon_threshold() {
    return {"threshold", -1,    -1,
            unlimited,   false, "strong pixels are higher, in photons; -1 = by the validation split"};
}

std::vector<ClassicalSetting> dispersion_settings() {
    const DispersionOptions defaults;
    return {photon_threshold(),
            {"sigma_background", defaults.sigma_background, 0, unlimited, false, "sigmas of the index of dispersion"},
            {"sigma_strong", defaults.sigma_strong, 0, unlimited, false, "sigmas above the local mean"},
            {"min_pixels", static_cast<double>(defaults.min_pixels), 1, unlimited, true, "of a peak"},
            {"max_pixels", static_cast<double>(defaults.max_pixels), 1, unlimited, true, "of a peak"}};
}

std::vector<ClassicalModelInfo> make_table() {
    const PeakFinder8Options finder;
    return {
        {"glcm-forest",
         "random forest on co-occurrence features (Nawaz 2023)",
         "class",
         {{"trees", 500, 1, 1e5, true, "as tools/glcm-forest"},
          {"leaf_images", 1, 1, 1e6, true, "smallest leaf; 1 as scikit-learn"}},
         make_glcm_forest},
        {"glcm-svm",
         "support vector machine, radial kernel, on co-occurrence features (Nawaz 2023)",
         "class",
         {{"c", 0, 0, unlimited, false, "cost; 0 = by cross-validation"},
          {"gamma_times_features", 0, 0, unlimited, false, "kernel's gamma; 0 = by cross-validation"},
          {"search_images", 2000, 10, unlimited, true, "training images of the cross-validation"}},
         make_glcm_svm},
        {"orb-mlp",
         "ORB keypoints, bag of words, perceptron (Nawaz 2023)",
         "class",
         {{"keypoints", 500, 1, 1e5, true, "at most, of an image; OpenCV's default"},
          {"fast_threshold", 5, 1, 254, true, "grey levels a corner stands out by; OpenCV's default is 20"},
          {"words", 128, 2, 1e4, true, "of the vocabulary"},
          {"hidden", 64, 1, 1e4, true, "units of the hidden layer"},
          {"epochs", 100, 1, 1e5, true, "of training"}},
         make_orb_mlp},
        {"templates",
         "nearest of rotated templates, L2 norm (Yang 2016)",
         "class",
         {{"per_class", 20, 1, 1e5, true, "template images of each class, each turned 36 times"},
          {"size_px", 64, 4, 4096, true, "edge of the reduced image"},
          {"calibration_images", 500, 0, 1e6, true, "other training images that set the temperature"}},
         make_templates},
        {"peakfinder8",
         "hit if it has enough peaks by peakfinder8",
         "hit",
         {photon_threshold(),
          {"min_snr", finder.min_snr, 0, unlimited, false, "sigmas above its ring"},
          {"min_pixels", static_cast<double>(finder.min_pixels), 1, unlimited, true, "of a peak"},
          {"max_pixels", static_cast<double>(finder.max_pixels), 1, unlimited, true, "of a peak"},
          {"local_background_radius_px", static_cast<double>(finder.local_background_radius_px), 1, 100, true,
           "half the radius of the surroundings"}},
         make_peakfinder8_hits},
        {"dispersion", "hit if it has enough peaks by DIALS' dispersion threshold", "hit", dispersion_settings(),
         make_dispersion_hits},
        {"dispersion-extended", "hit if it has enough peaks by DIALS' extended dispersion threshold", "hit",
         dispersion_settings(), make_dispersion_extended_hits},
    };
}

const ClassicalModelInfo& info_of(const std::string& name) {
    const auto& table = classical_models();
    const auto found = std::ranges::find(table, name, &ClassicalModelInfo::name);
    if (found != table.end()) return *found;
    std::vector<std::string> names;
    for (const auto& row : table) names.push_back(row.name);
    throw UsageError(fmt::format("unknown classical model \"{}\" (there is none of that name). Did you mean \"{}\"?",
                                 name, nearest_name(name, names)));
}

SettingValues checked_settings(const ClassicalModelInfo& info, const SettingValues& given) {
    SettingValues values;
    std::vector<std::string> names;
    for (const auto& setting : info.settings) {
        values[setting.name] = setting.value;
        names.push_back(setting.name);
    }
    for (const auto& [name, value] : given) {
        const auto setting = std::ranges::find(info.settings, name, &ClassicalSetting::name);
        if (setting == info.settings.end()) {
            throw UsageError(fmt::format("{}: unknown setting \"{}\" (it has none of that name). Did you mean \"{}\"?",
                                         info.name, name, nearest_name(name, names)));
        }
        if (!(value >= setting->low && value <= setting->high) || (setting->whole && value != std::floor(value))) {
            throw UsageError(fmt::format("{}: {} = {} ({}). Give a {} from {} to {}.", info.name, name, value,
                                         setting->what, setting->whole ? "whole number" : "number", setting->low,
                                         setting->high));
        }
        values[name] = value;
    }
    return values;
}

LabelledImages labelled(const CorpusReader& corpus, const Head& head, Split split) {
    LabelledImages images;
    images.indices = corpus.indices(split);
    for (const auto& row : truth_of(corpus, {&head, 1}, images.indices)) {
        images.targets.push_back(static_cast<int>(row.front()));
    }
    return images;
}

void require_two_classes(const CorpusReader& corpus, const LabelledImages& images, Split split) {
    if (images.indices.empty()) {
        throw UsageError(
            fmt::format("{}: its {} split is empty (there is nothing to learn from). Use a recipe with "
                        "larger fractions or more images.",
                        corpus.path().string(), split_name(split)));
    }
    if (std::ranges::count(images.targets, images.targets.front()) == std::ssize(images.targets)) {
        throw UsageError(
            fmt::format("{}: all images of its {} split are of one class (there is nothing to tell "
                        "apart). Use a corpus with at least two.",
                        corpus.path().string(), split_name(split)));
    }
}

}  // namespace

const std::vector<ClassicalModelInfo>& classical_models() {
    static const std::vector<ClassicalModelInfo> table = make_table();
    return table;
}

bool is_classical_name(const std::string& name) {
    return std::ranges::find(classical_models(), name, &ClassicalModelInfo::name) != classical_models().end();
}

TrainedClassical fit_classical(const CorpusReader& corpus, const ClassicalOptions& options,
                               const ClassicalProgress& progress) {
    const auto& info = info_of(options.model);
    TrainedClassical trained;
    auto& card = trained.card;
    card.model = info.name;
    card.settings = checked_settings(info, options.settings);
    card.head = make_heads(std::vector{info.head}, head_source(corpus)).front();
    card.gain_adu_per_photon = corpus.info().response.gain_adu_per_photon;
    card.offset_adu = corpus.info().response.offset_adu;
    FitJob job{corpus,
               labelled(corpus, card.head, Split::train),
               labelled(corpus, card.head, Split::validation),
               card.head.outputs,
               options.seed,
               options.threads,
               progress};
    const bool counts_peaks = info.head == "hit";
    require_two_classes(corpus, counts_peaks ? job.validation : job.train,
                        counts_peaks ? Split::validation : Split::train);
    auto model = info.make(card.settings);
    card.training = model->fit(job);
    card.training["seed"] = options.seed;
    card.training["corpus"] = corpus.path().string();
    card.training["learned_images"] = counts_peaks ? job.validation.indices.size() : job.train.indices.size();
    card.training["learned_split"] = split_name(counts_peaks ? Split::validation : Split::train);
    card.training["provenance"] = {{"version", version()}, {"git_commit", git_commit()}};
    trained.model = std::move(model);
    return trained;
}

Predictions predict_classical(const TrainedClassical& model, const CorpusReader& corpus, Split split,
                              const ClassicalProgress& progress, unsigned threads) {
    Predictions predictions;
    predictions.model = model.card.model;
    predictions.heads = {model.card.head};
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);
    predictions.scores = model.model->predict(corpus, predictions.image_indices, threads, progress);
    return predictions;
}

}  // namespace braggbench
