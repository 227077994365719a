// Corpus files: compressing, writing and reading images of 512 x 512 pixels of Poisson noise, 5.5 photons on average.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

#include "datasets/corpus.hpp"

namespace {

using namespace braggbench;

constexpr int side_px = 512;
constexpr std::int64_t image_bytes = std::int64_t{side_px} * side_px * 2;
constexpr std::int64_t images = 32;
constexpr int peaks_per_image = 300;

CorpusInfo bench_info() {
    CorpusInfo info;
    info.image_count = images;
    info.width_px = side_px;
    info.height_px = side_px;
    info.wavelength_A = 1.3;
    info.detector = flat_detector(side_px, side_px, 0.172, 120.0, 0.5 * side_px, 0.5 * side_px);
    info.class_names = {"only"};
    return info;
}

CorpusRecord bench_record() {
    CorpusRecord record;
    record.image = Image<std::uint16_t>(side_px, side_px);
    std::mt19937_64 random(1);
    std::poisson_distribution<int> photons(5.5);
    for (auto& pixel : record.image.pixels) pixel = static_cast<std::uint16_t>(photons(random));
    std::uniform_real_distribution<float> position(0.0F, side_px);
    for (int i = 0; i < peaks_per_image; ++i) {
        Peak peak;
        peak.hkl = {i, -i, i / 2};
        peak.visible = true;
        peak.fast_px = position(random);
        peak.slow_px = position(random);
        peak.photons = position(random);
        record.peaks.push_back(peak);
    }
    return record;
}

std::filesystem::path scratch_file() {
    return std::filesystem::temp_directory_path() / ("braggbench-bench-" + std::to_string(::getpid()) + ".h5");
}

void write_bench_corpus(const EncodedRecord& record) {
    CorpusWriter writer(scratch_file(), bench_info());
    for (std::int64_t i = 0; i < images; ++i) writer.append(record);
    writer.finish();
}

void corpus_encode(benchmark::State& state) {
    const CorpusRecord record = bench_record();
    std::size_t encoded_bytes = 0;
    for (auto _ : state) encoded_bytes = encode(CorpusRecord(record)).chunk.size();
    state.SetBytesProcessed(state.iterations() * image_bytes);
    state.counters["ratio"] = static_cast<double>(image_bytes) / static_cast<double>(encoded_bytes);
}
BENCHMARK(corpus_encode)->Unit(benchmark::kMillisecond);

// What the one writing thread does, fsync included.
void corpus_append(benchmark::State& state) {
    const EncodedRecord record = encode(bench_record());
    for (auto _ : state) write_bench_corpus(record);
    state.SetBytesProcessed(state.iterations() * images * image_bytes);
    state.SetItemsProcessed(state.iterations() * images);
    std::filesystem::remove(scratch_file());
}
BENCHMARK(corpus_append)->Unit(benchmark::kMillisecond)->UseRealTime();

// Compression and writing together, on one thread.
void corpus_write(benchmark::State& state) {
    const CorpusRecord record = bench_record();
    for (auto _ : state) {
        CorpusWriter writer(scratch_file(), bench_info());
        for (std::int64_t i = 0; i < images; ++i) writer.append(encode(CorpusRecord(record)));
        writer.finish();
    }
    state.SetBytesProcessed(state.iterations() * images * image_bytes);
    state.SetItemsProcessed(state.iterations() * images);
    std::filesystem::remove(scratch_file());
}
BENCHMARK(corpus_write)->Unit(benchmark::kMillisecond)->UseRealTime();

void corpus_read_images(benchmark::State& state) {
    write_bench_corpus(encode(bench_record()));
    const CorpusReader reader(scratch_file());
    std::int64_t index = 0;
    for (auto _ : state) benchmark::DoNotOptimize(reader.image(index++ % images));
    state.SetBytesProcessed(state.iterations() * image_bytes);
    state.SetItemsProcessed(state.iterations());
    std::filesystem::remove(scratch_file());
}
BENCHMARK(corpus_read_images)->Unit(benchmark::kMillisecond);

void corpus_read_peaks(benchmark::State& state) {
    write_bench_corpus(encode(bench_record()));
    const CorpusReader reader(scratch_file());
    std::int64_t index = 0;
    for (auto _ : state) benchmark::DoNotOptimize(reader.peaks(index++ % images));
    state.SetItemsProcessed(state.iterations());
    std::filesystem::remove(scratch_file());
}
BENCHMARK(corpus_read_peaks)->Unit(benchmark::kMillisecond);

}  // namespace
