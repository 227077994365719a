// Reading a corpus at random: 256 images of 512 x 512 pixels of Poisson noise with spots, as a training run or a viewer
// asks for them. `hdf5` is HDF5's own filter pipeline; `no cache` and `cache` are CorpusReader; `warm` finds every
// image in its cache; `shared` takes it from there without a copy.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/hdf5.hpp"

namespace {

using namespace braggbench;

constexpr int side_px = 512;
constexpr std::int64_t image_bytes = std::int64_t{side_px} * side_px * 2;
constexpr std::int64_t image_count = 256;
constexpr std::size_t half_of_all = static_cast<std::size_t>(image_count * image_bytes / 2);
constexpr std::size_t all = static_cast<std::size_t>(image_count * image_bytes);

// Written once, removed at the end of the program.
class BenchFile {
public:
    BenchFile()
        : path_(std::filesystem::temp_directory_path() / ("braggbench-reader-" + std::to_string(::getpid()) + ".h5")) {
        CorpusInfo info;
        info.image_count = image_count;
        info.width_px = side_px;
        info.height_px = side_px;
        info.wavelength_A = 1.3;
        info.detector = flat_detector(side_px, side_px, 0.172, 120.0, 0.5 * side_px, 0.5 * side_px);
        info.class_names = {"only"};
        std::mt19937_64 random(1);
        std::poisson_distribution<int> background(5.5);
        std::poisson_distribution<int> spot(300.0);
        CorpusWriter writer(path_, info);
        for (std::int64_t i = 0; i < image_count; ++i) {
            CorpusRecord record;
            record.image = Image<std::uint16_t>(side_px, side_px);
            for (auto& pixel : record.image.pixels) pixel = static_cast<std::uint16_t>(background(random));
            for (int k = 0; k < 200; ++k) {
                record.image.pixels[random() % record.image.size()] = static_cast<std::uint16_t>(spot(random));
            }
            writer.append(encode(std::move(record)));
        }
        writer.finish();
    }
    ~BenchFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    BenchFile(const BenchFile&) = delete;
    BenchFile& operator=(const BenchFile&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

const std::filesystem::path& bench_file() {
    static const BenchFile file;
    return file.path();
}

// Each thread asks in an order of its own.
std::int64_t next_index(std::mt19937_64& random) { return static_cast<std::int64_t>(random() % image_count); }

void count(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * image_bytes);
    state.SetItemsProcessed(state.iterations());
}

void reader_hdf5(benchmark::State& state) {
    const hdf5::Handle file = hdf5::open_file(bench_file());
    const hdf5::Handle data = hdf5::open(file, "/entry/data/data");
    std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()));
    std::vector<std::uint16_t> pixels(static_cast<std::size_t>(side_px) * side_px);
    for (auto _ : state) {
        hdf5::read_block(data, {static_cast<std::uint64_t>(next_index(random)), 0, 0}, {1, side_px, side_px},
                         hdf5::Number::u16, pixels.data());
        benchmark::DoNotOptimize(pixels.data());
    }
    count(state);
}
BENCHMARK(reader_hdf5)->Unit(benchmark::kMicrosecond)->ThreadRange(1, 2)->UseRealTime();

void reader_image(benchmark::State& state, std::size_t cache_bytes) {
    const CorpusReader corpus(bench_file(), cache_bytes);
    std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()));
    for (auto _ : state) benchmark::DoNotOptimize(corpus.image(next_index(random)));
    count(state);
}
BENCHMARK_CAPTURE(reader_image, no_cache, 0)->Unit(benchmark::kMicrosecond)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK_CAPTURE(reader_image, default_cache, CorpusReader::default_cache_bytes)
    ->Unit(benchmark::kMicrosecond)
    ->ThreadRange(1, 2)
    ->UseRealTime();
BENCHMARK_CAPTURE(reader_image, half_fits, half_of_all)->Unit(benchmark::kMicrosecond)->UseRealTime();

void reader_warm(benchmark::State& state, bool shared) {
    const CorpusReader corpus(bench_file(), all);
    for (std::int64_t i = 0; i < image_count; ++i) benchmark::DoNotOptimize(corpus.shared_image(i));
    std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()));
    for (auto _ : state) {
        const std::int64_t index = next_index(random);
        if (shared) {
            benchmark::DoNotOptimize(corpus.shared_image(index));
        } else {
            benchmark::DoNotOptimize(corpus.image(index));
        }
    }
    count(state);
}
BENCHMARK_CAPTURE(reader_warm, copied, false)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK_CAPTURE(reader_warm, shared, true)->Unit(benchmark::kMicrosecond)->UseRealTime();

// What unpacking alone costs, the floor of every read that no cache serves.
void reader_unpack(benchmark::State& state) {
    const hdf5::Handle file = hdf5::open_file(bench_file());
    const auto chunk = hdf5::read_chunk(hdf5::open(file, "/entry/data/data"), {0, 0, 0});
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(image_bytes));
    for (auto _ : state) {
        benchmark::DoNotOptimize(hdf5::decode_chunk(*chunk, sizeof(std::uint16_t), raw));
        benchmark::DoNotOptimize(raw.data());
    }
    count(state);
}
BENCHMARK(reader_unpack)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
