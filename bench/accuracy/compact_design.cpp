// What the parts of our networks are worth: each variant of `compact` trained alike on a corpus' train split and scored
// on its validation split; the test split is not read.
//   compact_design CORPUS [EPOCHS]

#include <fmt/format.h>
#include <torch/torch.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "classifiers/fit.hpp"
#include "classifiers/memory.hpp"
#include "classifiers/metric.hpp"
#include "classifiers/predictions.hpp"
#include "classifiers/zoo/compact.hpp"

namespace {

using namespace braggbench;

struct Variant {
    std::string name;
    CompactOptions options;
};

std::vector<Variant> variants(int output_count) {
    CompactOptions chosen;
    chosen.output_count = output_count;
    std::vector<Variant> all = {{"as chosen", chosen}};
    const auto add = [&](const char* name, auto change) {
        auto options = chosen;
        change(options);
        all.push_back({name, options});
    };
    add("no local contrast", [](auto& o) { o.contrast = false; });
    add("no level beside stage 2", [](auto& o) { o.level = false; });
    add("neither", [](auto& o) { o.contrast = o.level = false; });
    add("mean and maximum", [](auto& o) { o.max_pool = true; });
    add("maximum alone", [](auto& o) { o.mean_pool = false, o.max_pool = true; });
    add("mean, root mean square", [](auto& o) { o.rms_pool = true; });
    add("mean, rms, maximum", [](auto& o) { o.rms_pool = o.max_pool = true; });
    add("three stages (15 px)", [](auto& o) { o.widths = {8, 16, 32}; });
    add("four stages (31 px)", [](auto& o) { o.widths = {8, 16, 32, 32}; });
    add("half as wide", [](auto& o) { o.widths = {4, 8, 16, 16, 32}; });
    add("half again as wide", [](auto& o) { o.widths = {8, 24, 32, 48, 64}; });
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: compact_design CORPUS [EPOCHS]\n";
        return 2;
    }
    prepare_torch(static_cast<int>(std::thread::hardware_concurrency()));
    const CorpusReader corpus(argv[1]);
    TrainOptions options;
    options.epochs = argc > 2 ? std::atoi(argv[2]) : options.epochs;
    const auto heads = make_heads(options.heads, head_source(corpus));
    FeedOptions feed;
    feed.view.size_px = corpus.info().width_px;
    feed.gain_adu_per_photon = corpus.info().response.gain_adu_per_photon;
    feed.offset_adu = corpus.info().response.offset_adu;
    const auto train_images = corpus_feed(corpus, corpus.indices(Split::train), heads, feed);
    const auto validation_images = corpus_feed(corpus, corpus.indices(Split::validation), heads, feed);
    const FitTask task{heads, {}, [&](int) -> const ImageFeed& { return train_images; }, validation_images, "design"};
    std::cout << fmt::format("{} epochs of {} images of {} px, scored on {}\n", options.epochs,
                             train_images.row_count(), feed.view.size_px, validation_images.row_count());
    for (const auto& [name, design] : variants(static_cast<int>(output_count(heads)))) {
        torch::manual_seed(options.seed);
        const auto network = make_compact(design);
        const auto result = fit(*network, task, options, {});
        const auto& best = result.epochs[static_cast<std::size_t>(result.best_epoch - 1)];
        const auto count = validation_images.row_count();
        const auto right = std::llround(best.validation_scores.front() * static_cast<double>(count));
        const auto interval = wilson_ci95(right, count);
        const torch::InferenceMode inference;
        const auto photons = torch::poisson(torch::full({16, 1, feed.view.size_px, feed.view.size_px}, 3.0));
        double fastest = 1e9;
        for (int repeat = 0; repeat < 5; ++repeat) {
            const auto begin = std::chrono::steady_clock::now();
            network->forward(photons);
            const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
            fastest = std::min(fastest, seconds.count());
        }
        std::cout << fmt::format(
                         "{:26} {:7} parameters  accuracy {:.4f} [{:.4f}, {:.4f}]  loss {:.4f}  {:5.0f} images/s\n",
                         name, parameter_count(*network), best.validation_scores.front(), interval[0], interval[1],
                         best.validation_loss, 16.0 / fastest)
                  << std::flush;
    }
}
