#include "bench/suite/run_suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <type_traits>

#include "bench/results/machine.hpp"
#include "bench/suite/known_names.hpp"
#include "bench/suite/program_identity.hpp"
#include "bench/suite/step_cache.hpp"
#include "bench/suite/steps.hpp"
#include "bench/suite/suite_fields.hpp"
#include "classifiers/classical/classical.hpp"
#include "datasets/recipe_toml.hpp"
#include "datasets/view_spec.hpp"
#include "labels/recipe_fields.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

using Entries = std::map<std::string, CacheEntry>;

// A step, and what it takes to run it.
struct Job {
    PlannedStep planned;
    bool kept = true;  // in the cache
    std::function<StepResult(const Entries&, const StepWork&)> run;
};

template <class T>
json value_json(const T& value) {
    if constexpr (std::is_same_v<T, fs::path>) {
        return value.string();
    } else if constexpr (std::is_same_v<T, std::optional<std::int64_t>> ||
                         std::is_same_v<T, std::optional<std::uint64_t>>) {
        return value ? json(*value) : json(nullptr);
    } else {
        return value;
    }
}

template <class Step>
json fields_json(const Step& step) {
    json fields;
    for_each_step_field(step,
                        [&](const char* key, const auto& value, const char*) { fields[key] = value_json(value); });
    if constexpr (std::is_same_v<Step, CorpusStep>) fields["resolved"] = to_toml(step.resolved);
    return fields;
}

// Files that a recipe names (structures, particles) with their checksums.
json files_of(const Recipe& recipe) {
    json files = json::object();
    const auto look = [&](const char*, const char*, const auto& value, Bounds, const char*) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            if (value.find('.') != std::string::npos && fs::is_regular_file(value)) files[value] = file_checksum(value);
        }
    };
    for_each_scene_field(recipe.scene, look);
    for (const auto& rule : recipe.classes) for_each_scene_field(rule.scene, look);
    for (const auto& rule : recipe.variations) for_each_scene_field(rule.overlay.scene, look);
    for (const auto& rule : recipe.members) for_each_scene_field(rule.overlay.scene, look);
    return files;
}

fs::path corpus_path(const Entries& entries, const std::string& step) {
    return entries.at(step).directory / corpus_file;
}

double megapixels(const Recipe& recipe) { return 1e-6 * recipe.width_px * recipe.height_px; }

class Jobs {
public:
    Jobs(const Suite& suite, const MachineRecord& machine) : suite_(suite), machine_(machine) {
        program_ = {{"executable", executable_checksum()}, {"libraries", library_versions()}};
        for (const auto& step : suite.corpora) add(step);
        for (const auto& step : suite.models) add(step);
        for (const auto& step : suite.evaluations) add(step);
        for (const auto& step : suite.explanations) add(step);
        for (const auto& step : suite.peaks) add(step);
        for (const auto& step : suite.checks) add(step);
        for (const auto& step : suite.speeds) add(step);
    }

    std::vector<Job> take() { return std::move(jobs_); }

private:
    [[nodiscard]] const CorpusStep& corpus(const std::string& name) const {
        return *std::ranges::find(suite_.corpora, name, &CorpusStep::name);
    }
    [[nodiscard]] const ModelStep& model(const std::string& name) const {
        return *std::ranges::find(suite_.models, name, &ModelStep::name);
    }
    [[nodiscard]] double images_of(const std::string& corpus_name, const std::string& split) const {
        const Recipe& recipe = corpus(corpus_name).resolved;
        const double share = split == "test"         ? recipe.test_fraction
                             : split == "validation" ? recipe.validation_fraction
                                                     : 1.0 - recipe.test_fraction - recipe.validation_fraction;
        return share * static_cast<double>(recipe.image_count);
    }
    // Millions of multiply-adds that a model takes for an image of this corpus.
    [[nodiscard]] double mmacs(const ModelStep& step, const std::string& corpus_name) {
        if (!step.file.empty()) return 100.0;
        const Recipe& recipe = corpus(corpus_name).resolved;
        const int size_px = step.options.view.empty() ? std::max(recipe.width_px, recipe.height_px)
                                                      : parse_view(step.options.view).size_px;
        const auto [known, fresh] = mmacs_.try_emplace({step.options.model, size_px}, 0.0);
        if (fresh) known->second = estimated_mmacs(step.options.model, size_px);
        return known->second;
    }

    // What the names in a step's keys stand for goes into its hash by the hashes of those steps.
    std::string hash_of(const std::string& kind, json decides, std::initializer_list<std::string> inputs) const {
        decides["program"] = program_;
        decides["kind"] = kind;
        decides["inputs"] = json::array();
        for (const auto& input : inputs) decides["inputs"].push_back(hashes_.at(input));
        return ContentKey().add(decides.dump()).hex();
    }

    void add_job(const std::string& name, const std::string& kind, const std::string& hash, double work,
                 std::function<StepResult(const Entries&, const StepWork&)> run, bool kept = true) {
        hashes_[name] = hash;
        Job job;
        job.planned.name = name;
        job.planned.kind = kind;
        job.planned.hash = hash;
        job.planned.work = work;
        job.kept = kept;
        job.run = std::move(run);
        jobs_.push_back(std::move(job));
    }

    void add(const CorpusStep& step) {
        const json decides = {{"recipe", to_toml(step.resolved)}, {"files", files_of(step.resolved)}};
        const double work = static_cast<double>(step.resolved.image_count) * megapixels(step.resolved);
        add_job(step.name, "corpus", hash_of("corpus", decides, {}), work,
                [&step](const Entries&, const StepWork& work_of) { return run_corpus_step(step, work_of); });
    }

    void add(const ModelStep& step) {
        if (!step.file.empty()) {
            const json decides = {{"file", file_checksum(step.file)}};
            add_job(
                step.name, "model", hash_of("model", decides, {}), 0.0,
                [&step](const Entries&, const StepWork&) {
                    return StepResult{{}, {{"file", step.file}}};
                },
                false);
            return;
        }
        json decides = {{"options", to_json(step.options)}, {"settings", step.settings}};
        double passes = 1.0;
        if (!is_classical_name(step.options.model)) {
            // Their rounding trains another network.
            decides["processor"] = machine_.processor;
            decides["threads"] = machine_.threads;
            if (!step.options.init.empty()) decides["init"] = file_checksum(step.options.init.string());
            passes = step.options.epochs;
        }
        const double images = images_of(step.corpus, "train") + images_of(step.corpus, "validation") / 3.0;
        add_job(step.name, "model", hash_of("model", decides, {step.corpus}),
                passes * images * mmacs(step, step.corpus), [&step](const Entries& entries, const StepWork& work) {
                    return run_model_step(step, corpus_path(entries, step.corpus), work);
                });
    }

    // Without the names of other steps, so that renaming one changes nothing.
    template <class Step>
    static json own_fields(const Step& step) {
        json fields = fields_json(step);
        fields.erase("model");
        fields.erase("corpus");
        return fields;
    }

    [[nodiscard]] std::function<ModelInput(const Entries&)> input_of(const std::string& name) const {
        return [&step = model(name)](const Entries& entries) {
            if (!step.file.empty()) return ModelInput{step.file, ""};
            const CacheEntry& entry = entries.at(step.name);
            return ModelInput{entry.directory / model_file, entry.result.provenance.value("weights", "")};
        };
    }

    void add(const EvaluationStep& step) {
        const double work = images_of(step.corpus, step.split) * mmacs(model(step.model), step.corpus);
        add_job(step.name, "evaluation", hash_of("evaluation", own_fields(step), {step.model, step.corpus}), work,
                [&step, input = input_of(step.model)](const Entries& entries, const StepWork& work_of) {
                    return run_evaluation_step(step, input(entries), corpus_path(entries, step.corpus), work_of);
                });
    }

    void add(const ExplanationStep& step) {
        const Recipe& recipe = corpus(step.corpus).resolved;
        const double images = std::min(images_of(step.corpus, step.split),
                                       static_cast<double>(step.images_per_class) *
                                           static_cast<double>(std::max<std::size_t>(1, recipe.classes.size())));
        const double work = images * megapixels(recipe) * static_cast<double>(step.methods.size());
        add_job(step.name, "explanation", hash_of("explanation", own_fields(step), {step.model, step.corpus}), work,
                [&step, input = input_of(step.model)](const Entries& entries, const StepWork& work_of) {
                    return run_explanation_step(step, input(entries), corpus_path(entries, step.corpus), work_of);
                });
    }

    void add(const PeaksStep& step) {
        const double work = images_of(step.corpus, step.split) * megapixels(corpus(step.corpus).resolved) *
                            static_cast<double>(step.finders.size());
        add_job(step.name, "peaks", hash_of("peaks", own_fields(step), {step.corpus}), work,
                [&step](const Entries& entries, const StepWork& work_of) {
                    return run_peaks_step(step, corpus_path(entries, step.corpus), work_of);
                });
    }

    void add(const CheckStep& step) {
        if (step.corpus.empty()) {
            add_job(step.name, "check", hash_of("check", own_fields(step), {}), 1.0,
                    [&step](const Entries&, const StepWork& work) { return run_check_step(step, {}, nullptr, work); });
            return;
        }
        add_job(step.name, "check", hash_of("check", own_fields(step), {step.corpus}), 1.0,
                [&step, &recipe = corpus(step.corpus).resolved](const Entries& entries, const StepWork& work) {
                    return run_check_step(step, corpus_path(entries, step.corpus), &recipe, work);
                });
    }

    // Of this moment, and so never kept.
    void add(const SpeedStep& step) {
        add_job(
            step.name, "speed", hash_of("speed", own_fields(step), {}),
            static_cast<double>(step.kernels.size()) * step.repeats,
            [&step](const Entries&, const StepWork& work) { return run_speed_step(step, work); }, false);
    }

    const Suite& suite_;
    const MachineRecord& machine_;
    json program_;
    std::map<std::string, std::string> hashes_;
    std::map<std::pair<std::string, int>, double> mmacs_;  // of models at sizes
    std::vector<Job> jobs_;
};

void estimate(std::vector<Job>& jobs, const StepCache& cache) {
    const auto recorded = cache.recorded_rates();
    for (auto& job : jobs) {
        auto& planned = job.planned;
        planned.cached = job.kept && cache.has(planned.kind, planned.hash);
        if (planned.cached) continue;
        const auto rate = recorded.find(planned.kind);
        if (rate == recorded.end()) continue;
        planned.recorded_steps = rate->second.steps;
        planned.estimated_s = planned.work * rate->second.seconds;
        planned.estimated_mib = planned.work * rate->second.bytes / (1024.0 * 1024.0);
    }
}

std::vector<PlannedStep> planned(const std::vector<Job>& jobs) {
    std::vector<PlannedStep> steps;
    for (const auto& job : jobs) steps.push_back(job.planned);
    return steps;
}

CacheEntry run_unkept(const Job& job, const Entries& entries, const StepWork& work) {
    CacheEntry entry;
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = process_cpu_s();
    entry.result = job.run(entries, work);
    entry.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    entry.cpu_s = process_cpu_s() - cpu_begin;
    return entry;
}

std::string suite_hash(const Suite& suite) {
    json content = json::object();
    for_each_step_kind(suite, [&](const char* kind, const auto& steps, const char*) {
        for (const auto& step : steps) content[kind][step.name] = fields_json(step);
    });
    return ContentKey().add(content.dump()).hex();
}

}  // namespace

fs::path default_suite_cache() {
    const fs::path cache = cache_directory();
    if (cache.empty()) {
        throw UsageError(
            "no place for the cache (neither BRAGGBENCH_CACHE, XDG_CACHE_HOME nor HOME is set). Give --cache DIR.");
    }
    return cache / "bench";
}

std::vector<PlannedStep> plan_suite(const Suite& suite, const SuiteOptions& options) {
    auto jobs = Jobs(suite, options.machine).take();
    estimate(jobs, StepCache(options.cache));
    return planned(jobs);
}

Results run_suite(const Suite& suite, const SuiteOptions& options, const SuiteCalls& calls) {
    Results results;
    results.suite = suite.name;
    results.suite_hash = suite_hash(suite);
    results.machine = options.machine;
    results.provenance = {{"version", version()},
                          {"git_commit", git_commit()},
                          {"executable", executable_checksum()},
                          {"libraries", library_versions()},
                          {"corpora", json::object()},
                          {"models", json::object()}};
    auto jobs = Jobs(suite, results.machine).take();
    StepCache cache(options.cache);
    estimate(jobs, cache);
    const auto steps = planned(jobs);
    Entries entries;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const Job& job = jobs[j];
        const PlannedStep& step = job.planned;
        if (calls.on_step) calls.on_step(steps, j);
        StepWork work;
        work.threads = options.machine.threads;
        work.progress = [&](std::int64_t done, std::int64_t total) {
            if (calls.progress) calls.progress(done, total);
        };
        if (job.kept) {
            entries[step.name] = cache.get(
                step.kind, step.hash, step.work,
                [&](const fs::path& directory) {
                    work.directory = directory;
                    return job.run(entries, work);
                },
                [&] {
                    if (calls.note) calls.note(step.name + ": another suite is making the same; waiting for it");
                });
        } else {
            // What other speeds are compared with is measured beside them.
            if (step.kind == "speed") {
                const Calibration now = calibrate();
                auto& machine = results.machine;
                machine.calibration_ms = std::min(machine.calibration_ms, now.least_ms);
                machine.calibration_scatter = std::max(machine.calibration_scatter, now.scatter);
            }
            entries[step.name] = run_unkept(job, entries, work);
        }
        const CacheEntry& entry = entries.at(step.name);
        results.steps.push_back({step.name, step.kind, step.hash, entry.cached, entry.wall_s, entry.cpu_s});
        for (Measure measure : entry.result.measures) {
            measure.id = step.name + "/" + measure.id;
            measure.step = step.name;
            results.measures.push_back(std::move(measure));
        }
        if (step.kind == "corpus" || step.kind == "model") {
            results.provenance[step.kind == "corpus" ? "corpora" : "models"][step.name] = entry.result.provenance;
        }
        if (calls.on_done) calls.on_done(results.steps.back());
    }
    return results;
}

}  // namespace braggbench
