// Speed of inspection: every number of a corpus' images, and the AUC of one nuisance over as many images as the largest
// corpus has.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <vector>

#include "classifiers/metric_clustered_auc.hpp"
#include "datasets/corpus_statistics.hpp"

namespace {

using namespace braggbench;

constexpr std::int64_t images = 32;
constexpr int side_px = 512;

// Photons as of a weak shot: what compresses, and so reads, like the real thing.
std::filesystem::path written_corpus() {
    const auto path =
        std::filesystem::temp_directory_path() / ("braggbench-inspect-bench-" + std::to_string(::getpid()) + ".h5");
    CorpusInfo info;
    info.image_count = images;
    info.width_px = info.height_px = side_px;
    info.wavelength_A = 1.3;
    info.detector = flat_detector(side_px, side_px, 0.172, 94.0, 256.0, 256.0);
    info.class_names = {"a", "b"};
    std::mt19937_64 random(1);
    CorpusWriter writer(path, info);
    for (std::int64_t i = 0; i < images; ++i) {
        CorpusRecord record;
        record.class_index = static_cast<int>(i % 2);
        record.image = Image<std::uint16_t>(side_px, side_px);
        std::poisson_distribution<int> photons(5.5);
        for (auto& pixel : record.image.pixels) pixel = static_cast<std::uint16_t>(40 + photons(random));
        writer.append(encode(std::move(record)));
    }
    writer.finish();
    return path;
}

void corpus_statistics_one_thread(benchmark::State& state) {
    const auto path = written_corpus();
    const CorpusReader corpus(path);
    for (auto _ : state) benchmark::DoNotOptimize(corpus_statistics(corpus, 1, {}));
    state.SetItemsProcessed(state.iterations() * images);
    std::filesystem::remove(path);
}
BENCHMARK(corpus_statistics_one_thread)->Unit(benchmark::kMillisecond);

void clustered_auc_of_42000(benchmark::State& state) {
    std::mt19937_64 random(1);
    std::normal_distribution<double> normal;
    std::vector<int> truth;
    std::vector<double> scores;
    for (int i = 0; i < 42000; ++i) {
        truth.push_back(static_cast<int>(random() % 2));
        scores.push_back(normal(random));
    }
    for (auto _ : state) benchmark::DoNotOptimize(clustered_auc(truth, scores));
    state.SetItemsProcessed(state.iterations() * 42000);
}
BENCHMARK(clustered_auc_of_42000)->Unit(benchmark::kMillisecond);

}  // namespace
