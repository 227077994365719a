// The one list of a suite's keys: parsing, what decides a step's result, help and documentation all walk it.
#pragma once

#include <concepts>
#include <filesystem>
#include <type_traits>

#include "bench/suite/suite.hpp"

namespace braggbench {

template <class T, class Step>
concept StepLike = std::same_as<std::remove_const_t<T>, Step>;

// Calls visit(key, member, help) for every key of a step's table but its name.
template <StepLike<CorpusStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("recipe", s.recipe, "built-in name or a .toml file");
    visit("images", s.images, "how many; default: the recipe's");
    visit("seed", s.seed, "of every draw; default: the recipe's");
    visit("set", s.set, "further keys of the recipe, each as \"key=value\"");
}

template <StepLike<ModelStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("corpus", s.corpus, "the [[corpus]] it learns from");
    visit("file", s.file, "a model file instead: nothing is trained");
    visit("preset", s.preset, "published settings, which the keys below change (docs/models.md)");
    visit("settings", s.settings, "of a classical model, each as \"name=value\" (docs/classical.md)");
    for_each_field(s.options, visit);
}

template <StepLike<EvaluationStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("model", s.model, "the [[model]] that answers");
    visit("corpus", s.corpus, "the [[corpus]] it is asked about; default: the one it learned from");
    visit("split", s.split, "train, validation or test");
    visit("baseline-images", s.baseline_images, "so many train images for the baselines that look; 0 leaves them out");
}

template <StepLike<ExplanationStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("model", s.model, "the [[model]] that is explained, a network");
    visit("corpus", s.corpus, "on this [[corpus]]; default: the one it learned from");
    visit("split", s.split, "train, validation or test");
    visit("methods", s.methods, "attribution methods, or all (docs/explanations.md)");
    visit("stages", s.stages, "of the network; default: all");
    visit("explained", s.explained, "class, label or value; default: the class that the model says");
    visit("images-per-class", s.images_per_class, "how many images of every class");
    visit("nulls", s.nulls, "other images whose peaks give the level of chance");
    visit("radius-px", s.radius_px, "of the disc around a true peak");
    visit("seed", s.seed, "chooses images, nulls and resamples");
}

template <StepLike<PeaksStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("corpus", s.corpus, "the [[corpus]] whose peaks are looked for");
    visit("split", s.split, "train, validation or test");
    visit("finders", s.finders, "peakfinder8, dispersion, dispersion-extended");
    visit("radius-px", s.radius_px, "a found peak meets a true one within so far");
    visit("threshold", s.threshold, "strong pixels are higher than this, in photons");
}

template <StepLike<CheckStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("check", s.check, "metrics, registration, centroids or polarisation");
    visit("corpus", s.corpus, "of polarisation: the [[corpus]] whose images without peaks are looked at");
}

template <StepLike<SpeedStep> Step, class Visit>
void for_each_step_field(Step& s, const Visit& visit) {
    visit("kernels", s.kernels, "what is timed; default: all");
    visit("repeats", s.repeats, "of each, in turns: the fastest of three calls, of which the median counts");
}

// Calls visit(table, list of steps, help) for every kind of step, in the order in which they run.
template <class SuiteRef, class Visit>
void for_each_step_kind(SuiteRef& s, const Visit& visit) {
    visit("corpus", s.corpora, "images of a recipe");
    visit("model", s.models, "a network or classical model");
    visit("evaluation", s.evaluations, "a model's answers against the truth, beside chance");
    visit("explanation", s.explanations, "a network's attribution maps against the true peaks");
    visit("peaks", s.peaks, "peak finders against the true peaks");
    visit("check", s.checks, "something with a known answer");
    visit("speed", s.speeds, "kernels, compared on the same machine only");
}

}  // namespace braggbench
