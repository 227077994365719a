#include "classifiers/peak_benchmark.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "classifiers/peak_list.hpp"
#include "simulator/error.hpp"
#include "tests/classifiers/small_corpus_info.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int size_px = 64;
constexpr int image_count = 4;

Peak peak_at(float fast, float slow, float snr) {
    Peak peak;
    peak.fast_px = fast;
    peak.slow_px = slow;
    peak.snr = snr;
    peak.visible = snr >= visible_peak_min_snr;
    peak.d_A = 4.0F;
    peak.var_fast_px2 = peak.var_slow_px2 = 0.64F;
    peak.background_photons = 2.0F;
    return peak;
}

// Images 0 and 1 have three visible peaks and a faint one, 2 and 3 none.
class PeakBenchmarkTest : public testing::Test {
protected:
    void SetUp() override {
        directory = fs::temp_directory_path() / ("braggbench-peak-benchmark-" + std::to_string(getpid()));
        fs::create_directories(directory);
        write_corpus(PeakSource::simulated);
    }
    void TearDown() override { fs::remove_all(directory); }

    void write_corpus(PeakSource source) const {
        auto info = test::small_corpus_info(size_px, image_count, {"blank", "crystal"}, 1);
        info.peak_source = source;
        CorpusWriter writer(corpus_path(), info);
        for (int i = 0; i < image_count; ++i) {
            CorpusRecord record;
            record.class_index = i < 2 ? 1 : 0;
            record.image = Image<std::uint16_t>(size_px, size_px, 40);
            record.truth.beam_fast_px = record.truth.beam_slow_px = size_px / 2.0F;
            if (i < 2) {
                record.peaks = {peak_at(10, 10, 60), peak_at(30, 12, 8), peak_at(50, 40, 6), peak_at(20, 50, 4)};
            }
            writer.append(encode(std::move(record)));
        }
        writer.finish();
    }
    [[nodiscard]] fs::path corpus_path() const { return directory / "corpus.h5"; }
    fs::path write(const std::string& name, const std::string& text) const {
        std::ofstream(directory / name) << text;
        return directory / name;
    }

    fs::path directory;
};

double value(const json& metric) { return metric.at("value").get<double>(); }

TEST_F(PeakBenchmarkTest, CountsRightWrongAndFaint) {
    const CorpusReader corpus(corpus_path());
    // Right, right but 0.5 px off, faint, wrong; one wrong where there is nothing.
    const PeakContestant mine{"mine", {{{10, 10}, {30.5, 12}, {20, 50}, {5, 60}}, {}, {{32, 32}}, {}}, std::nullopt};
    const auto counts = count_image_peaks(corpus, mine, {});
    EXPECT_EQ(counts[0].found, 3);
    EXPECT_EQ(counts[0].faint, 1);
    EXPECT_EQ(counts[0].matched, 2);
    EXPECT_EQ(counts[0].truth, 3);
    EXPECT_EQ(counts[2].found, 1);
    EXPECT_EQ(counts[2].truth, 0);

    const auto result = score_peak_lists(corpus, std::vector{mine}, {});
    const auto& finder = result.at("finders")[0];
    EXPECT_DOUBLE_EQ(value(finder.at("precision")), 2.0 / 4.0);
    EXPECT_DOUBLE_EQ(value(finder.at("recall")), 2.0 / 6.0);
    EXPECT_DOUBLE_EQ(value(finder.at("f1")), 2.0 * 2.0 / (4.0 + 6.0));
    EXPECT_DOUBLE_EQ(value(finder.at("false_peaks_per_empty_image")), 0.5);
    EXPECT_DOUBLE_EQ(finder.at("offset").at("median_fast_px").get<double>(), 0.5);
    EXPECT_DOUBLE_EQ(finder.at("offset").at("median_slow_px").get<double>(), 0.0);
    // By chance: 4 points in 64 x 64 px come within 2 px of a true peak of image 0 with p each, 3 of them.
    const double p = 1.0 - std::pow(1.0 - 4.0 * M_PI / (size_px * size_px), 4);
    EXPECT_NEAR(finder.at("recall").at("chance").get<double>(), 3.0 * p / 6.0, 1e-12);
    // 5 to 7, 7 to 10, 50 and more.
    EXPECT_DOUBLE_EQ(value(finder.at("by_snr")[0].at("recall")), 0.0);
    EXPECT_DOUBLE_EQ(value(finder.at("by_snr")[1].at("recall")), 0.5);
    EXPECT_TRUE(finder.at("by_snr")[2].at("recall").at("value").is_null());
    EXPECT_DOUBLE_EQ(value(finder.at("by_snr")[4].at("recall")), 0.5);
    EXPECT_DOUBLE_EQ(finder.at("by_d_A")[2].at("true_peaks").get<double>(), 6.0);
    EXPECT_DOUBLE_EQ(finder.at("by_size_px")[2].at("true_peaks").get<double>(), 6.0);
    EXPECT_DOUBLE_EQ(finder.at("by_background_photons")[2].at("true_peaks").get<double>(), 6.0);
    double found = 0.0;
    for (const auto& band : finder.at("by_d_A")) found += band.at("found_peaks").get<double>();
    EXPECT_DOUBLE_EQ(found, 4.0);  // wherever they are
    EXPECT_EQ(finder.at("by_class")[0].at("images"), 2);
    EXPECT_DOUBLE_EQ(value(finder.at("by_class")[1].at("precision")), 2.0 / 3.0);
}

TEST_F(PeakBenchmarkTest, APeakIsFoundOnceAndTheClosestTakesIt) {
    const CorpusReader corpus(corpus_path());
    const PeakContestant mine{"mine", {{{11, 10}, {10.2, 10}, {9, 10}}, {}, {}, {}}, std::nullopt};
    const auto counts = count_image_peaks(corpus, mine, {});
    EXPECT_EQ(counts[0].matched, 1);
    EXPECT_EQ(counts[0].found, 3);
    const auto result = score_peak_lists(corpus, std::vector{mine}, {});
    EXPECT_NEAR(result.at("finders")[0].at("offset").at("median_fast_px").get<double>(), 0.2, 1e-6);
}

TEST_F(PeakBenchmarkTest, ListsOfCsvCxiAndStreamSayTheSame) {
    const CorpusReader corpus(corpus_path());
    const auto csv = write("peaks.csv", "file,image,fast_px,slow_px\nc.h5,0,10.5,10\nc.h5,3,1,63.25\n");
    const auto stream = write("peaks.stream",
                              "CrystFEL stream format 2.3\n"
                              "----- Begin chunk -----\nImage filename: c.h5\nEvent: //3\nImage serial number: 4\n"
                              "Peaks from peak search\n  fs/px   ss/px (1/d)/nm^-1   Intensity  Panel\n"
                              "   1.00   63.25       1.23      100.00   p0\nEnd of peak list\n----- End chunk -----\n"
                              "----- Begin chunk -----\nEvent: //0\nPeaks from peak search\n"
                              "  fs/px   ss/px (1/d)/nm^-1   Intensity  Panel\n"
                              "  10.50   10.00       1.23      100.00   p0\nEnd of peak list\n----- End chunk -----\n");
    std::vector<ImagePeaks> images(image_count);
    for (int i = 0; i < image_count; ++i) images[static_cast<std::size_t>(i)].index = i;
    images[0].peaks.push_back({10.5, 10.0, 1, 1, 1, 1, 1});
    images[3].peaks.push_back({1.0, 63.25, 1, 1, 1, 1, 1});
    write_peaks_cxi(directory / "peaks.cxi", images);
    for (const auto& path : {csv, stream, directory / "peaks.cxi"}) {
        const auto peaks = read_peak_positions(path, corpus);
        ASSERT_EQ(peaks.size(), 4U) << path;
        ASSERT_EQ(peaks[0].size(), 1U) << path;
        EXPECT_NEAR(peaks[0][0].fast_px, 10.5, 1e-5) << path;
        EXPECT_NEAR(peaks[3][0].slow_px, 63.25, 1e-5) << path;
        EXPECT_EQ(read_peak_counts(path, corpus), (std::vector<std::int64_t>{1, 0, 0, 1})) << path;
    }
}

TEST_F(PeakBenchmarkTest, FaultsNameTheirPlace) {
    const CorpusReader corpus(corpus_path());
    const auto fault_of = [&](const std::string& name, const std::string& text) -> std::string {
        try {
            read_peak_positions(write(name, text), corpus);
        } catch (const DataError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(fault_of("a.csv", "file,image,fast_px,slow_px\nc.h5,0,10.5,nan\n").find("a.csv:2: \"nan\""),
              std::string::npos);
    EXPECT_NE(fault_of("a.csv", "file,image,fast_px,slow_px\nc.h5,0,10.5,65\n").find("(10.5, 65) px"),
              std::string::npos);
    EXPECT_NE(fault_of("a.csv", "file,image\nc.h5,0\n").find("no column fast_px"), std::string::npos);
    EXPECT_NE(fault_of("a.stream", "Event: //4\n").find("//0 to //3"), std::string::npos);
    EXPECT_NE(fault_of("a.stream", "Peaks from peak search\nfs ss\n1 1\n").find("before its chunk's Event"),
              std::string::npos);
    EXPECT_THROW(read_peak_positions(directory / "absent.stream", corpus), DataError);
    EXPECT_THROW(count_image_peaks(corpus, {"mine", {{}}, std::nullopt}, {}), UsageError);
    write_corpus(PeakSource::listed);
    const CorpusReader foreign(corpus_path());
    EXPECT_THROW(score_peak_lists(foreign, {}, {}), UsageError);
}

}  // namespace
}  // namespace braggbench
