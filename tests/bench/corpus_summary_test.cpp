#include "bench/report/corpus_summary.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

Peak peak(float fast_px, float slow_px, bool visible) {
    Peak result;
    result.fast_px = fast_px;
    result.slow_px = slow_px;
    result.photons = 100.0F;
    result.snr = visible ? 9.0F : 2.0F;
    result.visible = visible;
    result.var_fast_px2 = 1.0F;
    result.var_slow_px2 = 1.0F;
    result.d_A = 3.0F;
    return result;
}

// Six images of 32 x 24 px: two classes, "crystal" with one visible peak more in each image, "dark" without.
class CorpusSummary : public testing::Test {
protected:
    static void SetUpTestSuite() {
        folder_ = std::filesystem::temp_directory_path() / ("braggbench_corpus_summary_" + std::to_string(::getpid()));
        std::filesystem::create_directories(folder_);
        CorpusInfo info;
        info.image_count = 6;
        info.width_px = 32;
        info.height_px = 24;
        info.wavelength_A = 1.0;
        info.detector = flat_detector(32, 24, 1.0, 12.0, 16.0, 12.0);
        info.class_names = {"crystal", "dark"};
        info.drawn_names = {"crystal.cells_per_block"};
        info.recipe_toml = to_toml(load_recipe("diffranet-small"));
        info.seed = 7;
        info.provenance = "test";
        CorpusWriter writer(folder_ / "corpus.h5", info);
        for (int i = 0; i < 6; ++i) writer.append(encode(record(i)));
        writer.finish();
    }
    static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

    static CorpusRecord record(int i) {
        CorpusRecord result;
        result.image = Image<std::uint16_t>(32, 24, static_cast<std::uint16_t>(10 + i));
        result.class_index = i < 4 ? 0 : 1;
        result.split = i == 0 ? Split::test : Split::train;
        result.truth.beam_fast_px = 16.0F;
        result.truth.beam_slow_px = 12.0F;
        result.drawn = {static_cast<float>(20 + i)};
        if (i < 4) {
            result.truth.fluence_photons_per_m2 = 1e20F * static_cast<float>(1 + i);
            result.truth.lattice_count = 1;
            for (int k = 0; k <= i; ++k)
                result.peaks.push_back(peak(static_cast<float>(5 + 4 * k) + 0.5F, 10.5F, true));
            result.peaks.push_back(peak(20.5F, 20.5F, false));
        }
        return result;
    }

    static CorpusReader corpus() { return CorpusReader(folder_ / "corpus.h5"); }
    static inline std::filesystem::path folder_;
};

TEST_F(CorpusSummary, CountsImagesByClassAndSplit) {
    const nlohmann::json summary = corpus_summary(corpus());
    EXPECT_EQ(summary["images"], 6);
    EXPECT_EQ(summary["seed"], 7);
    EXPECT_EQ(summary["name"], "diffranet-small");
    EXPECT_EQ(summary["counts"], nlohmann::json::parse("[[3, 0, 1], [2, 0, 0]]"));
    EXPECT_EQ(summary["classes"][0]["images"], 4);
    EXPECT_EQ(summary["classes"][0]["crystal_images"], 4);
    EXPECT_EQ(summary["classes"][1]["crystal_images"], 0);
}

TEST_F(CorpusSummary, CountsOnlyVisiblePeaks) {
    const nlohmann::json peaks = corpus_summary(corpus())["classes"][0]["visible_peaks"];
    EXPECT_EQ(peaks["p05"], 1);
    EXPECT_EQ(peaks["median"], 2);
    EXPECT_EQ(peaks["p95"], 4);
    EXPECT_EQ(corpus_summary(corpus())["classes"][1]["visible_peaks"]["p95"], 0);
}

TEST_F(CorpusSummary, GivesRangesOfTheImagesTheyConcern) {
    const nlohmann::json summary = corpus_summary(corpus());
    EXPECT_EQ(summary["ranges"]["crystal.cells_per_block"], nlohmann::json::parse("[20.0, 23.0]"));
    EXPECT_FLOAT_EQ(summary["classes"][0]["fluence_photons_per_m2"][1].get<float>(), 4e20F);
    EXPECT_EQ(summary["classes"][1]["fluence_photons_per_m2"], nlohmann::json::parse("[0.0, 0.0]"));
}

// Half of 24 px of 1 mm is 12 mm at 12 mm: 2 theta is 45 degrees at the nearer edge, tan 2 theta = 20 / 12 in the
// corner.
TEST_F(CorpusSummary, ResolutionFollowsBraggsLaw) {
    const nlohmann::json geometry = corpus_summary(corpus())["geometry"];
    EXPECT_NEAR(geometry["distance_mm"].get<double>(), 12.0, 1e-6);
    EXPECT_NEAR(geometry["d_edge_A"].get<double>(), 0.5 / std::sin(std::atan(1.0) / 2.0), 1e-6);
    EXPECT_NEAR(geometry["d_corner_A"].get<double>(), 0.5 / std::sin(std::atan(20.0 / 12.0) / 2.0), 1e-6);
    EXPECT_NEAR(geometry["photon_energy_keV"].get<double>(), 12.39842, 1e-5);
}

TEST_F(CorpusSummary, ContactSheetIsReproducibleAndHasARowPerClass) {
    const Picture two = corpus_contact_sheet(corpus(), 2, 3);
    const Picture four = corpus_contact_sheet(corpus(), 4, 3);
    EXPECT_EQ(two, corpus_contact_sheet(corpus(), 2, 3));
    EXPECT_EQ(two.height, four.height);
    EXPECT_GT(four.width, two.width);
    EXPECT_THROW(corpus_contact_sheet(corpus(), 0, 3), UsageError);
}

TEST_F(CorpusSummary, MakesAReportByItself) {
    const ReportInput input = report_input(corpus());
    const std::string page = report_html(input);
    EXPECT_NE(page.find("data:image/png;base64,"), std::string::npos);
    EXPECT_NE(page.find("<th scope=\"row\">crystal</th>"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
