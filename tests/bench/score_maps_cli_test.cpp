// `score-maps` as a person meets it: maps that fit, and files that don't.
#include <nlohmann/json.hpp>

#include "explain/map_file.hpp"
#include "tests/bench/program.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 64;

MapFileInfo info_of(int size, double stride_px = 1.0, double start_px = 0.0) {
    MapFileInfo info{"mine", "input", {}, {size, size, stride_px, start_px}};
    info.view.size_px = size_px;
    return info;
}

// A bump that is not the same for all images.
void write_maps(const fs::path& path, const MapFileInfo& info, std::int64_t first, std::int64_t count) {
    MapWriter writer(path, info);
    for (std::int64_t image = first; image < first + count; ++image) {
        Image<float> map(info.grid.width, info.grid.height, 0.1F);
        map(static_cast<int>(image) % info.grid.width, info.grid.height / 2) = 1.0F;
        writer.append(image, map);
    }
    writer.finish();
}

TEST_F(Program, MapsAreScoredBesideTheBaselines) {
    write_maps(directory / "maps.h5", info_of(size_px), 0, 60);
    const Outcome table = run("score-maps maps.h5 corpus.h5 --nulls 5 -o scores.json");
    ASSERT_EQ(table.exit_code, 0) << table.output;
    for (const char* word : {"mine", "sLift", "chance", "uniform", "difference_of_gaussians", "oracle", "recall",
                             "pointing", "NSS", "signal to noise", "resolution", "radius"}) {
        EXPECT_NE(table.output.find(word), std::string::npos) << word << "\n" << table.output;
    }
    const auto json = nlohmann::json::parse(read("scores.json"));
    EXPECT_EQ(json.at("command"), "score-maps");
    EXPECT_EQ(json.at("radius_px"), 2.0);
    EXPECT_EQ(json.at("rows")[0].at("by_radius").size(), 2U);
    const Outcome printed = run("-j 1 score-maps maps.h5 corpus.h5 --nulls 5 --json");
    EXPECT_EQ(nlohmann::json::parse(printed.output), json);

    write_maps(directory / "coarse.h5", info_of(size_px / 8, 8.0, 3.5), 10, 20);
    const Outcome coarse = run("score-maps coarse.h5 corpus.h5 --nulls 5 --radius 1 --json");
    ASSERT_EQ(coarse.exit_code, 0) << coarse.output;
    const auto rows = nlohmann::json::parse(coarse.output).at("rows");
    EXPECT_EQ(rows.size(), 9U);  // an oracle at the grid and one at the input
    EXPECT_LT(rows[7].at("oracle_slift").get<double>(), rows[8].at("oracle_slift").get<double>());
}

TEST_F(Program, MapsThatDoNotFitAreRefused) {
    write_maps(directory / "small.h5", info_of(size_px / 2), 0, 3);
    expect_fault("score-maps small.h5 corpus.h5", 3, "Write maps of shape (N, 64, 64)");
    write_maps(directory / "many.h5", info_of(size_px), 58, 3);
    expect_fault("score-maps many.h5 corpus.h5", 3, "image_index holds 60");
    expect_fault("score-maps corpus.h5 corpus.h5", 3, "no dataset \"maps\"");
    expect_fault("score-maps missing.h5 corpus.h5", 3, "missing.h5");
    write("text.h5", "no HDF5");
    expect_fault("score-maps text.h5 corpus.h5", 3, "text.h5");
    write_maps(directory / "good.h5", info_of(size_px), 0, 3);
    expect_fault("score-maps good.h5 corpus.h5 --label strogn", 2, "Did you mean \"strong\"?");
    expect_fault("score-maps good.h5 corpus.h5 --radius -1", 2, "--radius");
    expect_fault("score-maps good.h5 corpus.h5 --nulls 0", 2, "--nulls");
    expect_fault("score-maps good.h5 corpus.h5 -o nowhere/scores.json", 3, "nowhere");
    expect_fault("score-maps good.h5", 2, "CORPUS");
}

}  // namespace
}  // namespace braggbench
