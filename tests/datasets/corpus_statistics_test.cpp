#include "datasets/corpus_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "datasets/label_columns.hpp"
#include "tests/datasets/small_corpus.hpp"

namespace braggbench {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

// numpy.corrcoef([1, 2, 3, 5], [2, 1, 4, 6])[0, 1]: deviations -1.75, -0.75, 0.25, 2.25 and -1.25, -2.25, 0.75, 2.75
// have products 10.25 in sum and squares 8.75 and 14.75.
TEST(Correlation, IsPearsons) {
    const std::vector<double> a = {1, 2, 3, 5};
    const std::vector<double> b = {2, 1, 4, 6};
    const auto value = correlation(a, b);
    ASSERT_TRUE(value.has_value());
    EXPECT_NEAR(*value, 10.25 / std::sqrt(8.75 * 14.75), 1e-12);
}

TEST(Correlation, LeavesOutUndefinedPairs) {
    const std::vector<double> a = {1, undefined, 2, 3, 1e9, 5};
    const std::vector<double> b = {2, -1e9, 1, 4, undefined, 6};
    EXPECT_NEAR(correlation(a, b).value_or(0), 10.25 / std::sqrt(8.75 * 14.75), 1e-12);
}

TEST(Correlation, IsUndefinedForConstants) {
    const std::vector<double> a = {1, 2, 3};
    EXPECT_FALSE(correlation(a, std::vector<double>{7, 7, 7}).has_value());
    EXPECT_FALSE(correlation(a, std::vector<double>{7, undefined, undefined}).has_value());
    EXPECT_FALSE(correlation({}, {}).has_value());
}

TEST(Correlation, KeepsDigitsOfLargeValues) {
    std::vector<double> a;
    std::vector<double> b;
    for (int i = 0; i < 1000; ++i) {
        a.push_back(1e9 + i % 7);
        b.push_back(-1e9 - i % 7);
    }
    EXPECT_NEAR(correlation(a, b).value_or(0), -1.0, 1e-9);
}

class Statistics : public testing::Test {
protected:
    // Half-way between two pixels, so that the four corners are alike.
    static CorpusInfo info(std::int64_t images) {
        CorpusInfo result = test::small_info(images, 64, 48);
        result.detector = flat_detector(64, 48, 0.5, 40.0, 32.0, 24.0);
        result.response.offset_adu = 10.0;
        result.response.gain_adu_per_photon = 2.0;
        result.response.saturation_adu = 60000.0;
        result.class_names = {"low", "high", "never"};
        result.labels.attributes = {"wet"};
        result.labels.values = {"size"};
        result.labels.value_units = {"um"};
        result.labels.graded = true;
        result.drawn_names.clear();
        return result;
    }
    static CorpusRecord record(std::uint16_t value, int class_index, std::uint8_t wet, float size) {
        CorpusRecord result;
        result.image = Image<std::uint16_t>(64, 48, value);
        result.class_index = class_index;
        result.labels.attributes = {wet};
        result.labels.values = {size};
        result.labels.grade = Grade::maybe;
        result.truth.beam_fast_px = 32;
        result.truth.beam_slow_px = 24;
        return result;
    }
    CorpusReader written(const CorpusInfo& corpus, std::vector<CorpusRecord> records) {
        CorpusWriter writer(folder_ / "corpus.h5", corpus);
        for (CorpusRecord& one : records) writer.append(encode(std::move(one)));
        writer.finish();
        return CorpusReader(folder_ / "corpus.h5");
    }
    test::ScratchFolder folder_;
};

TEST_F(Statistics, NumbersOfAnImage) {
    CorpusRecord made = record(12, 0, 1, 1.0F);
    for (int fast = 0; fast < 64; ++fast) made.image(fast, 24) = static_cast<std::uint16_t>(100 + fast);
    made.image(32, 20) = 60000;
    Peak peak;
    peak.fast_px = 32.5F;
    peak.slow_px = 20.5F;
    peak.visible = true;
    peak.snr = 8.0F;
    made.peaks = {peak, peak, peak};
    made.peaks[1].snr = 40.0F;
    made.peaks[2].visible = false;
    const CorpusReader corpus = written(info(1), {made});
    const CorpusStatistics statistics = corpus_statistics(corpus, 1, {});
    const ImageStatistics& image = statistics.images.at(0);
    const double pixels = 64 * 48;
    const double total = std::accumulate(made.image.pixels.begin(), made.image.pixels.end(), 0.0);
    double squares = 0.0;
    for (const std::uint16_t value : made.image.pixels) squares += std::pow(value - total / pixels, 2);
    EXPECT_DOUBLE_EQ(image.total_adu, total);
    EXPECT_DOUBLE_EQ(image.mean_adu, total / pixels);
    EXPECT_NEAR(image.sigma_adu, std::sqrt(squares / pixels), 1e-6);
    EXPECT_EQ(image.median_adu, 12);
    EXPECT_EQ(image.p01_adu, 12);
    // 1 % are 30.72 px: above all but 30 of the brightest 65 lies 99 %.
    EXPECT_EQ(image.p99_adu, 100 + 63 - 29);
    EXPECT_EQ(image.max_adu, 60000);
    EXPECT_EQ(image.saturated_px, 1);
    EXPECT_EQ(image.corners_adu, 12);
    EXPECT_EQ(image.visible_peaks, 2);
    EXPECT_EQ(image.median_snr, 40);
    EXPECT_GT(image.stored_bytes, 10);
    EXPECT_LT(image.stored_bytes, pixels * 2);
    // Bins of half an octave from 5: 8 in the second, 40 in the seventh.
    EXPECT_EQ(statistics.classes[0].peaks_by_snr[1], 1U);
    EXPECT_EQ(statistics.classes[0].peaks_by_snr[6], 1U);
    EXPECT_EQ(std::accumulate(statistics.classes[0].histogram.begin(), statistics.classes[0].histogram.end(), 0U),
              static_cast<unsigned>(pixels));
}

TEST_F(Statistics, MaskedPixelsAreLeftOut) {
    CorpusInfo masked = info(1);
    masked.response.defects.hot = {{0, 0}, {10, 10}};
    CorpusRecord made = record(12, 0, 1, 1.0F);
    made.image(0, 0) = made.image(10, 10) = 65535;
    const CorpusStatistics statistics = corpus_statistics(written(masked, {made}), 1, {});
    EXPECT_EQ(statistics.images[0].max_adu, 12);
    EXPECT_EQ(statistics.images[0].total_adu, 12.0 * (64 * 48 - 2));
    EXPECT_EQ(
        std::accumulate(statistics.classes[0].radial_pixels.begin(), statistics.classes[0].radial_pixels.end(), 0U),
        64U * 48U - 2U);
}

// A ring between two radii about a beam centre that is not the mean one.
TEST_F(Statistics, RadialProfileFindsARing) {
    CorpusRecord made = record(10, 0, 1, 1.0F);
    made.truth.beam_fast_px = 20;
    made.truth.beam_slow_px = 30;
    for (int slow = 0; slow < 48; ++slow) {
        for (int fast = 0; fast < 64; ++fast) {
            const double radius = std::hypot(fast + 0.5 - 20.0, slow + 0.5 - 30.0);
            if (radius >= 12.0 && radius < 18.0) made.image(fast, slow) = 50;
        }
    }
    const CorpusReader corpus = written(info(1), {made});
    const CorpusStatistics statistics = corpus_statistics(corpus, 1, {});
    const auto s_at = [](double radius_px) { return 2.0 * std::sin(0.5 * std::atan(radius_px * 0.5 / 40.0)) / 1.3; };
    EXPECT_NEAR(statistics.s_max_invA, s_at(40.0), 1e-9);  // the corner is hypot(32, 24) px away
    const double step = statistics.s_max_invA / radial_bins;
    int inside = 0;
    for (int bin = 0; bin < radial_bins; ++bin) {
        const auto b = static_cast<std::size_t>(bin);
        const auto pixels = static_cast<double>(statistics.classes[0].radial_pixels[b]);
        if (pixels == 0.0) continue;
        const double mean = static_cast<double>(statistics.classes[0].radial_adu[b]) / pixels;
        if (bin * step > s_at(12.0) && (bin + 1) * step < s_at(18.0)) {
            EXPECT_DOUBLE_EQ(mean, 50.0) << bin;
            ++inside;
        } else if ((bin + 1) * step < s_at(12.0) || bin * step > s_at(18.0)) {
            EXPECT_DOUBLE_EQ(mean, 10.0) << bin;
        }
    }
    EXPECT_GE(inside, 10);
}

TEST_F(Statistics, SumsGoToTheirClassAndAttribute) {
    const CorpusReader corpus =
        written(info(4), {record(12, 0, 1, 1.0F), record(20, 1, 0, 2.0F),
                          record(30, 1, ImageLabels::unknown, std::nanf("")), record(40, 1, 1, 4.0F)});
    const CorpusStatistics statistics = corpus_statistics(corpus, 1, {});
    EXPECT_EQ(statistics.classes[0].images, 1);
    EXPECT_EQ(statistics.classes[1].images, 3);
    EXPECT_EQ(statistics.classes[2].images, 0);
    EXPECT_EQ(statistics.with_attribute[0].images, 2);
    EXPECT_EQ(statistics.without_attribute[0].images, 1);
    EXPECT_EQ(std::accumulate(statistics.classes[1].radial_adu.begin(), statistics.classes[1].radial_adu.end(), 0U),
              64U * 48U * 90U);
}

TEST_F(Statistics, DoNotDependOnTheThreads) {
    const CorpusInfo small = test::small_info(9);
    test::write_small_corpus(folder_ / "small.h5", small);
    const CorpusReader corpus(folder_ / "small.h5");
    std::int64_t last = 0;
    const CorpusStatistics one = corpus_statistics(corpus, 1, [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(done, ++last);
        EXPECT_EQ(total, 9);
    });
    const CorpusStatistics four = corpus_statistics(corpus, 4, {});
    EXPECT_EQ(last, 9);
    for (std::size_t c = 0; c < one.classes.size(); ++c) {
        EXPECT_EQ(one.classes[c].histogram, four.classes[c].histogram);
        EXPECT_EQ(one.classes[c].radial_adu, four.classes[c].radial_adu);
        EXPECT_EQ(one.classes[c].peaks_by_snr, four.classes[c].peaks_by_snr);
    }
    for (std::size_t i = 0; i < one.images.size(); ++i) EXPECT_EQ(one.images[i].total_adu, four.images[i].total_adu);
}

TEST_F(Statistics, LabelColumnsHoldEveryLabel) {
    const CorpusReader corpus = written(
        info(3), {record(1, 0, 1, 1.5F), record(1, 1, 0, 2.0F), record(1, 1, ImageLabels::unknown, std::nanf(""))});
    const std::vector<LabelColumn> columns = label_columns(corpus);
    ASSERT_EQ(columns.size(), 6U);
    EXPECT_EQ(columns[1].name, "high");
    EXPECT_EQ(columns[1].values, (std::vector<double>{0, 1, 1}));
    EXPECT_EQ(columns[3].name, "wet");
    EXPECT_EQ(columns[3].values[0], 1.0);
    EXPECT_TRUE(std::isnan(columns[3].values[2]));
    EXPECT_EQ(columns[4].kind, LabelKind::grade);
    EXPECT_EQ(columns[4].values, (std::vector<double>{1, 1, 1}));
    EXPECT_EQ(columns[5].units, "um");
    EXPECT_TRUE(std::isnan(columns[5].values[2]));
    const auto matrix = correlation_matrix(columns);
    EXPECT_NEAR(matrix[0][1].value_or(0), -1.0, 1e-12);
    EXPECT_EQ(matrix[0][1], matrix[1][0]);
    EXPECT_FALSE(matrix[2][2].has_value());  // a class that never occurs
    EXPECT_NEAR(matrix[3][5].value_or(0), -1.0, 1e-12);
}

}  // namespace
}  // namespace braggbench
