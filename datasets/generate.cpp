#include "datasets/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "datasets/recipe_toml.hpp"
#include "simulator/render.hpp"
#include "simulator/response.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/version.hpp"

namespace braggbench {

namespace {

// In several sums at once: a single one waits for every addition.
double sum(const Image<float>& image) {
    std::array<double, 16> sums{};
    const float* const pixels = image.pixels.data();
    const std::size_t whole = image.size() / sums.size() * sums.size();
    for (std::size_t first = 0; first < whole; first += sums.size()) {
        for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(pixels[first + i]);
    }
    for (std::size_t i = whole; i < image.size(); ++i) sums[0] += static_cast<double>(pixels[i]);
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

ImageTruth image_truth(const Experiment& experiment, const Rendering& rendering) {
    ImageTruth truth;
    const Panel& panel = experiment.detector.panels.front();
    // The beam runs along lab z, so it meets the panel where the origin's transverse offset is used up.
    truth.beam_fast_px = static_cast<float>(-panel.origin_mm.dot(panel.fast_axis) / panel.pixel_size_mm);
    truth.beam_slow_px = static_cast<float>(-panel.origin_mm.dot(panel.slow_axis) / panel.pixel_size_mm);
    truth.fluence_photons_per_m2 = static_cast<float>(experiment.beam.fluence_photons_per_m2);
    const auto is_protein = [](const Crystal& crystal) { return crystal.kind == PeakKind::protein; };
    truth.lattice_count = static_cast<float>(std::ranges::count_if(experiment.crystals, is_protein));
    if (truth.lattice_count > 0) {
        const Crystal& crystal = *std::ranges::find_if(experiment.crystals, is_protein);
        for (int row = 0; row < 3; ++row) {
            for (int column = 0; column < 3; ++column) {
                truth.orientation[3 * row + column] = static_cast<float>(crystal.lab_from_crystal(row, column));
            }
        }
    }
    double spot_photons = 0.0;
    for (const auto& peak : rendering.peaks) spot_photons += static_cast<double>(peak.photons);
    truth.spot_photons = static_cast<float>(spot_photons);
    truth.total_photons = static_cast<float>(sum(rendering.expected_photons));
    return truth;
}

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

CorpusRecord make_record(const Recipe& recipe, const Assignment& assignment, std::int64_t index, const Models& models) {
    const auto key = static_cast<std::uint64_t>(index);
    const SceneRule scene = draw_scene(recipe, assignment, key);
    const Experiment experiment =
        make_experiment(recipe, scene, key, models[static_cast<std::size_t>(assignment.class_index)]);
    Rendering rendering = render(experiment);
    CorpusRecord record;
    record.image =
        detect(rendering.expected_photons, experiment.response, experiment.detector, recipe.seed, key).counts;
    record.class_index = assignment.class_index;
    record.split = assignment.split;
    record.truth = image_truth(experiment, rendering);
    record.drawn = drawn_values(scene);
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
    const Models models = load_models(recipe);
    const auto assignments = draw_assignments(recipe);

    const int workers = std::max(1, threads);
    OrderedQueue queue(static_cast<std::size_t>(workers) * 8);
    std::atomic<std::int64_t> next = 0;
    std::vector<std::jthread> pool;
    for (int w = 0; w < workers; ++w) {
        pool.emplace_back([&] {
            try {
                for (auto i = next++; i < recipe.image_count; i = next++) {
                    const auto& assignment = assignments[static_cast<std::size_t>(i)];
                    if (!queue.push(i, encode(make_record(recipe, assignment, i, models)))) return;
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
