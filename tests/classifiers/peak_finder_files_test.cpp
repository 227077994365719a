// Peak lists of files, and their scores.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "classifiers/find_peaks.hpp"
#include "classifiers/score_peaks.hpp"
#include "datasets/hdf5.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

class FindPeaks : public testing::Test {
protected:
    void SetUp() override {
        directory = fs::temp_directory_path() / ("braggbench-find-peaks-" + std::to_string(getpid()));
        fs::create_directories(directory);
        Image<std::uint16_t> image(100, 80);
        RandomStream random(1, 0, Stage::photon_noise);
        for (auto& value : image.pixels) value = static_cast<std::uint16_t>(10 + 2 * random.poisson(8.0));
        write_png16(empty_file(), image);
        for (const int y : {30, 31}) {
            for (const int x : {60, 61}) image(x, y) = 300;
        }
        write_png16(spot_file(), image);
        std::ofstream(directory / "broken.png") << "no image";
    }
    void TearDown() override { fs::remove_all(directory); }
    [[nodiscard]] fs::path empty_file() const { return directory / "a, \"empty\".png"; }
    [[nodiscard]] fs::path spot_file() const { return directory / "spot.png"; }

    fs::path directory;
};

FindPeaksOptions options_of(PeakFinder finder) {
    FindPeaksOptions options;
    options.finder = finder;
    options.gain_adu_per_photon = 2.0;
    options.offset_adu = 10.0;
    return options;
}

TEST_F(FindPeaks, ListsThePeaksOfEveryReadableFile) {
    const std::vector<fs::path> files = {empty_file(), directory / "broken.png", directory / "absent.png", spot_file()};
    for (const auto finder : {PeakFinder::peakfinder8, PeakFinder::dispersion, PeakFinder::dispersion_extended}) {
        std::int64_t last = 0;
        const auto list = find_peaks(files, options_of(finder), 2, [&](std::int64_t done, std::int64_t total) {
            EXPECT_EQ(total, 4);
            last = done;
        });
        EXPECT_EQ(last, 4);
        ASSERT_EQ(list.images.size(), 2U);
        EXPECT_TRUE(list.images[0].peaks.empty());
        ASSERT_EQ(list.images[1].peaks.size(), 1U);
        const auto& peak = list.images[1].peaks[0];
        EXPECT_NEAR(peak.fast_px, 61.0, 0.05);
        EXPECT_NEAR(peak.slow_px, 31.0, 0.05);
        EXPECT_NEAR(peak.intensity, 4 * (145.0 - 8.0), 8.0);  // in photons
        EXPECT_NE(list.faults.find("broken.png"), std::string::npos);
        EXPECT_NE(list.faults.find("absent.png"), std::string::npos);
        EXPECT_EQ(peaks_csv(find_peaks(files, options_of(finder), 1, {}).images), peaks_csv(list.images));
    }
}

TEST_F(FindPeaks, WritesCsvAndCxi) {
    const std::vector<fs::path> files = {empty_file(), spot_file()};
    const auto list = find_peaks(files, options_of(PeakFinder::dispersion), 1, {});
    const auto csv = peaks_csv(list.images);
    EXPECT_TRUE(csv.starts_with("file,image,fast_px,slow_px,intensity,background,max_value,snr,npix\n\""));
    EXPECT_NE(csv.find("spot.png\",0,6"), std::string::npos);
    EXPECT_NE(peaks_csv(std::vector<ImagePeaks>{{empty_file().filename(), 3, {FoundPeak{}}}})
                  .find("\n\"a, \"\"empty\"\".png\",3,0.000"),
              std::string::npos);

    const auto path = directory / "peaks.cxi";
    write_peaks_cxi(path, list.images);
    const auto file = hdf5::open_file(path);
    EXPECT_EQ(hdf5::read_all<std::int32_t>(file, "/entry_1/result_1/nPeaks", {2}), (std::vector<std::int32_t>{0, 1}));
    const auto fast = hdf5::read_all<float>(file, "/entry_1/result_1/peakXPosRaw", {2, 1});
    const auto slow = hdf5::read_all<float>(file, "/entry_1/result_1/peakYPosRaw", {2, 1});
    EXPECT_EQ(fast[0], 0.0F);
    EXPECT_NEAR(fast[1], list.images[1].peaks[0].fast_px - 0.5, 1e-5);  // from the pixel's centre
    EXPECT_NEAR(slow[1], list.images[1].peaks[0].slow_px - 0.5, 1e-5);
    EXPECT_NE(hdf5::read_text(file, "/entry_1/image_names").find("spot.png//0\n"), std::string::npos);
    EXPECT_NO_THROW(write_peaks_cxi(directory / "none.cxi", {}));
}

TEST_F(FindPeaks, RefusesWhatItCannotDo) {
    EXPECT_EQ(peak_finder_of("dispersion-extended"), PeakFinder::dispersion_extended);
    try {
        peak_finder_of("peakfinder");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("peakfinder8"), std::string::npos);
    }
    auto options = options_of(PeakFinder::dispersion);
    options.gain_adu_per_photon = 0.0;
    EXPECT_THROW(find_peaks(std::vector<fs::path>{spot_file()}, options, 1, {}), UsageError);
}

// Counts of dials.find_spots 3.12, from ../shared/real/README.md: the ranking of these shots of one raster scan is
// plain enough for any finder.
TEST(FindPeaksOfRealFiles, RankHitsAsDialsDoes) {
    const fs::path folder = fs::path(SHARED_DIR) / "real";
    if (!fs::exists(folder)) GTEST_SKIP() << folder << " is absent";
    for (const auto& [name, least, most] :
         {std::tuple{"thau_3_2_0013.cbf.bz2", 300U, 1000U}, std::tuple{"thau_3_2_0017.cbf.bz2", 0U, 25U}}) {
        const auto image = ImageFile(folder / name).read();
        for (const auto finder : {PeakFinder::peakfinder8, PeakFinder::dispersion, PeakFinder::dispersion_extended}) {
            FindPeaksOptions options;
            options.finder = finder;
            const auto count = find_peaks(image, options).size();
            EXPECT_GE(count, least) << name << ", " << peak_finder_names()[static_cast<std::size_t>(finder)];
            EXPECT_LE(count, most) << name << ", " << peak_finder_names()[static_cast<std::size_t>(finder)];
            RecordProperty(std::string(name) + peak_finder_names()[static_cast<std::size_t>(finder)],
                           static_cast<int>(count));
        }
    }
}

TEST(ScorePeaks, PairsTheClosestOnce) {
    const std::vector<PixelPosition> truth = {{10, 10}, {13, 10}, {50, 50}, {90, 5}};
    // The first is nearer to the second truth and so leaves the first to nobody.
    const std::vector<PixelPosition> found = {{12, 10}, {50, 51}, {50, 49.5}, {70, 70}};
    const auto matches = match_peaks(found, truth, 2.0, 10000);
    EXPECT_EQ(matches.found, 4);
    EXPECT_EQ(matches.truth, 4);
    EXPECT_EQ(matches.matched, 2);
    const auto scores = peak_scores(matches);
    EXPECT_EQ(*scores.precision.value, 0.5);
    EXPECT_EQ(*scores.recall.value, 0.5);
    EXPECT_EQ(*scores.f1.value, 0.5);
    const auto pairs = pair_peaks(found, truth, 2.0);
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(std::tuple(pairs[0].found, pairs[0].truth), std::tuple(2U, 2U));
    EXPECT_EQ(std::tuple(pairs[1].found, pairs[1].truth), std::tuple(0U, 1U));
    EXPECT_EQ(match_peaks(found, truth, 1.99, 10000).matched, 2);
    EXPECT_EQ(match_peaks(found, truth, 0.99, 10000).matched, 1);
    EXPECT_THROW(match_peaks(found, truth, 0.0, 10000), UsageError);
    EXPECT_THROW(pair_peaks(found, truth, 0.0), UsageError);
    EXPECT_THROW(match_peaks(found, truth, 1.0, 0), UsageError);
}

TEST(ScorePeaks, ChanceIsThatOfPeaksAtRandom) {
    std::vector<PixelPosition> truth;
    for (int i = 0; i < 10; ++i) {
        for (int j = 0; j < 10; ++j) truth.push_back({10.0 + 20 * i, 10.0 + 20 * j});
    }
    constexpr int trials = 200;
    RandomStream random(3, 0, Stage::scene);
    PeakMatches sum;
    for (int t = 0; t < trials; ++t) {
        std::vector<PixelPosition> found(150);
        for (auto& peak : found) peak = {random.uniform(0, 200), random.uniform(0, 200)};
        sum += match_peaks(found, truth, 4.0, 200 * 200);
    }
    // 200 trials of about 17 +- 3.7 matches.
    EXPECT_NEAR(static_cast<double>(sum.matched) / trials, sum.expected_by_chance / trials,
                4 * 3.8 / std::sqrt(trials));
    EXPECT_NEAR(sum.expected_by_chance / trials, 100 * (1 - std::pow(1 - 16 * M_PI / 40000, 150)), 1e-9);
    const auto scores = peak_scores(sum);
    EXPECT_NEAR(*scores.recall.value, *scores.recall.chance, 0.01);
    EXPECT_NEAR(*scores.f1.value, *scores.f1.chance, 0.01);
}

TEST(ScorePeaks, OnlyVisiblePeaksAreSought) {
    std::vector<Peak> truth(3);
    truth[0].fast_px = truth[0].slow_px = 5.0F;
    truth[1].fast_px = truth[1].slow_px = 15.0F;
    truth[0].visible = true;
    std::vector<FoundPeak> found(2);
    found[0].fast_px = found[0].slow_px = 5.5;
    found[1].fast_px = found[1].slow_px = 15.0;
    const auto scores = score_peaks(found, truth, 2.0, 400);
    EXPECT_EQ(*scores.recall.value, 1.0);
    EXPECT_EQ(*scores.precision.value, 0.5);
    const auto nothing = score_peaks({}, {}, 2.0, 400);
    EXPECT_FALSE(nothing.precision.value || nothing.recall.value || nothing.f1.value);
}

}  // namespace
}  // namespace braggbench
