#include "datasets/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "datasets/recipe_toml.hpp"
#include "simulator/render.hpp"
#include "simulator/response.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/version.hpp"

namespace braggbench {

namespace {

// Workers take image numbers in turn; finished records wait here until the writer has reached their number.
class OrderedQueue {
public:
    explicit OrderedQueue(std::size_t capacity) : capacity_(capacity) {}

    // Blocks while the record is too far ahead of the writer. False once the run has failed.
    bool push(std::int64_t index, EncodedRecord&& record) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return failure_ || index < next_ + static_cast<std::int64_t>(capacity_); });
        if (failure_) return false;
        waiting_.emplace(index, std::move(record));
        changed_.notify_all();
        return true;
    }

    // The record whose turn it is. Rethrows a worker's failure.
    EncodedRecord pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return failure_ || waiting_.contains(next_); });
        if (failure_) std::rethrow_exception(failure_);
        auto node = waiting_.extract(next_++);
        changed_.notify_all();
        return std::move(node.mapped());
    }

    void fail(std::exception_ptr failure) {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::move(failure);
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::int64_t, EncodedRecord> waiting_;
    std::int64_t next_ = 0;
    std::size_t capacity_;
    std::exception_ptr failure_;
};

}  // namespace

namespace {

Recipe validated(Recipe&& recipe) {
    validate(recipe);
    return std::move(recipe);
}

}  // namespace

RecipeSource::RecipeSource(Recipe recipe, Models models)
    : recipe_(validated(std::move(recipe))),
      labeller_(recipe_),
      models_(std::move(models)),
      assignments_(draw_assignments(recipe_)) {}

RecipeSource::RecipeSource(Recipe recipe) : RecipeSource(recipe, load_models(validated(Recipe(recipe)))) {}

Experiment RecipeSource::experiment(const SceneRule& scene, std::int64_t index) const {
    const Assignment& assignment = assignments_[static_cast<std::size_t>(index)];
    return make_experiment(recipe_, scene, scene_key(recipe_, index),
                           models_[static_cast<std::size_t>(assignment.class_index)]);
}

Experiment RecipeSource::experiment(std::int64_t index) const {
    const Assignment& assignment = assignments_[static_cast<std::size_t>(index)];
    return experiment(draw_scene(recipe_, assignment, scene_key(recipe_, index)), index);
}

CorpusRecord RecipeSource::record(std::int64_t index) const {
    const Assignment& assignment = assignments_[static_cast<std::size_t>(index)];
    const std::uint64_t key = scene_key(recipe_, index);
    const SceneRule scene = draw_scene(recipe_, assignment, key);
    const Experiment shot = experiment(scene, index);
    Rendering rendering = render(shot);
    CorpusRecord record;
    record.image =
        detect(rendering.expected_photons, shot.response, shot.detector, recipe_.seed, noise_key(recipe_, index))
            .counts;
    record.class_index = assignment.class_index;
    record.split = assignment.split;
    record.variations = assignment.variations;
    record.group = static_cast<std::int64_t>(key);
    record.member = assignment.member;
    record.truth = image_truth(shot, rendering);
    record.drawn = drawn_values(scene);
    record.labels = labeller_.labels(record.class_index, record.variations, record.drawn, record.truth);
    record.peaks = std::move(rendering.peaks);
    return record;
}

CorpusInfo corpus_info(const Recipe& recipe) {
    CorpusInfo info;
    info.image_count = recipe.image_count;
    info.width_px = recipe.width_px;
    info.height_px = recipe.height_px;
    info.wavelength_A = recipe.wavelength_A;
    SceneRule middle = recipe.scene;
    for (Distribution* place : {&middle.beam_fast_px, &middle.beam_slow_px, &middle.shift_x_mm, &middle.shift_y_mm}) {
        *place = Distribution::fixed((place->low + place->high) / 2);
    }
    info.detector = make_detector(recipe, middle);
    info.response = recipe.response;
    for (const auto& rule : recipe.classes) info.class_names.push_back(rule.name);
    info.labels = label_names(recipe.labels);
    for (const VariationRule& rule : recipe.variations) info.variation_names.push_back(rule.name);
    for (const MemberRule& rule : recipe.members) info.member_names.push_back(rule.name);
    info.drawn_names = drawn_names();
    info.recipe_toml = to_toml(recipe);
    info.seed = recipe.seed;
    info.provenance = fmt::format("BraggBench {} ({})", version(), git_commit());
    return info;
}

void generate(const Recipe& recipe, const std::filesystem::path& path, int threads,
              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    validate(recipe);
    CorpusWriter writer(path, corpus_info(recipe));
    const RecipeSource source(recipe);

    const int workers = std::max(1, threads);
    OrderedQueue queue(static_cast<std::size_t>(workers) * 8);
    std::atomic<std::int64_t> next = 0;
    std::vector<std::jthread> pool;
    for (int w = 0; w < workers; ++w) {
        pool.emplace_back([&] {
            try {
                for (auto i = next++; i < recipe.image_count; i = next++) {
                    if (!queue.push(i, encode(source.record(i)))) return;
                }
            } catch (...) {
                queue.fail(std::current_exception());
            }
        });
    }
    try {
        for (std::int64_t i = 0; i < recipe.image_count; ++i) {
            writer.append(queue.pop());
            progress(i + 1, recipe.image_count);
        }
    } catch (...) {
        queue.fail(std::current_exception());
        throw;
    }
    writer.finish();
}

}  // namespace braggbench
