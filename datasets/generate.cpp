#include "datasets/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "simulator/render.hpp"
#include "simulator/response.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/version.hpp"

namespace braggbench {

namespace {

// Workers take places in turn; finished records wait here until the writer has reached their place.
class OrderedQueue {
public:
    explicit OrderedQueue(std::size_t capacity) : capacity_(capacity) {}

    // Blocks while the record is too far ahead of the writer. False once the run has failed.
    bool push(std::int64_t place, EncodedRecord&& record) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return failure_ || place < next_ + static_cast<std::int64_t>(capacity_); });
        if (failure_) return false;
        waiting_.emplace(place, std::move(record));
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

// Images of an unfinished part are lost when a run is killed: these take seconds to minutes.
std::int64_t automatic_images_per_part(const Recipe& recipe) {
    constexpr std::int64_t pixels = std::int64_t{1} << 26;
    return std::clamp<std::int64_t>(pixels / (std::int64_t{recipe.width_px} * recipe.height_px), 16, 4096);
}

// Makes the images of `ranges` in order on `threads` threads and hands each to `take`, on the calling thread.
void make_images(const RecipeSource& source, const std::vector<ImageRange>& ranges, int threads,
                 const std::function<void(std::int64_t, const EncodedRecord&)>& take) {
    std::vector<std::int64_t> images;
    for (const ImageRange& range : ranges) {
        for (std::int64_t i = range.first; i < range.end; ++i) images.push_back(i);
    }
    const int workers = std::max(1, threads);
    OrderedQueue queue(static_cast<std::size_t>(workers) * 8);
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> pool;
    for (int w = 0; w < workers; ++w) {
        pool.emplace_back([&] {
            try {
                for (auto k = next++; k < images.size(); k = next++) {
                    if (!queue.push(static_cast<std::int64_t>(k), encode(source.record(images[k])))) return;
                }
            } catch (...) {
                queue.fail(std::current_exception());
            }
        });
    }
    try {
        for (const std::int64_t image : images) take(image, queue.pop());
    } catch (...) {
        queue.fail(std::current_exception());
        throw;
    }
}

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

namespace {

void make_ranges(const GeneratePlan& plan, const CorpusInfo& whole,
                 const std::function<void(std::int64_t, std::int64_t)>& made) {
    if (plan.ranges.empty()) return;
    auto range = plan.ranges.begin();
    std::optional<CorpusWriter> writer;
    const auto open = [&] {
        if (plan.in_parts) {
            writer.emplace(part_file(plan.path, *range), part_info(whole, *range));
        } else {
            writer.emplace(plan.path, whole);
        }
    };
    open();  // before anything is computed, so that a wrong place is told at once
    std::int64_t done = plan.found;
    make_images(RecipeSource(plan.recipe), plan.ranges, plan.options.threads,
                [&](std::int64_t image, const EncodedRecord& record) {
                    if (!writer) open();
                    writer->append(record);
                    if (image + 1 == range->end) {
                        writer->finish();
                        writer.reset();
                        ++range;
                    }
                    ++done;
                    if (made) made(done, plan.wanted.size());
                });
}

}  // namespace

GeneratePlan plan_generate(const Recipe& recipe, const std::filesystem::path& path, const GenerateOptions& options) {
    validate(recipe);
    GeneratePlan plan{recipe, path, options, {0, recipe.image_count}, false, {}, 0};
    const std::int64_t per_group = images_per_group(recipe);
    if (options.share) plan.wanted = share_of(recipe.image_count, per_group, *options.share);
    const std::int64_t most = options.images_per_part > 0 ? options.images_per_part : automatic_images_per_part(recipe);
    const std::vector<CorpusPart> parts = find_parts(path, corpus_info(recipe));
    plan.in_parts =
        !parts.empty() || options.share || options.assembly == Assembly::virtual_file || recipe.image_count > most;
    // Whole groups, so that a part is of use alone.
    plan.ranges = plan.in_parts ? missing_images(parts, plan.wanted, (most + per_group - 1) / per_group * per_group)
                                : std::vector<ImageRange>{plan.wanted};
    plan.found = plan.wanted.size();
    for (const ImageRange& range : plan.ranges) plan.found -= range.size();
    return plan;
}

void generate(const GeneratePlan& plan, const std::function<void(std::int64_t, std::int64_t)>& made,
              const std::function<void(std::int64_t, std::int64_t)>& joined) {
    const CorpusInfo whole = corpus_info(plan.recipe);
    if (plan.in_parts && !plan.ranges.empty()) {
        std::error_code error;
        std::filesystem::create_directory(parts_folder(plan.path), error);
        if (error) {
            throw DataError(fmt::format("{}: cannot be made ({}). Choose a folder that exists and is writable.",
                                        parts_folder(plan.path).string(), error.message()));
        }
    }
    try {
        make_ranges(plan, whole, made);
    } catch (...) {
        std::error_code ignored;
        if (plan.in_parts) std::filesystem::remove(parts_folder(plan.path), ignored);  // if it is empty
        throw;
    }
    if (plan.in_parts && !plan.options.share) {
        join_parts(find_parts(plan.path, whole), plan.path, whole, plan.options.assembly, joined);
    }
}

void generate(const Recipe& recipe, const std::filesystem::path& path, int threads,
              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    GenerateOptions options;
    options.threads = threads;
    generate(plan_generate(recipe, path, options), progress, [](std::int64_t, std::int64_t) {});
}

}  // namespace braggbench
