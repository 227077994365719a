#include "explain/map_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "simulator/error.hpp"
#include "tests/datasets/small_corpus.hpp"

namespace braggbench {
namespace {

class MapFiles : public testing::Test {
protected:
    // A file with one thing done otherwise.
    struct Parts {
        hdf5::Shape shape = {2, 4, 6};
        std::vector<std::int64_t> images = {7, 3};
        bool maps = true;
        bool indices = true;
        std::string view = "downsample:max:6";
        double stride_px = 1.0;
    };
    void write(const Parts& parts) const {
        const auto file = hdf5::create_file(path());
        std::size_t size = 1;
        for (const std::uint64_t extent : parts.shape) size *= extent;
        const std::vector<double> values(size, 0.5);
        if (parts.maps) {
            const auto maps = hdf5::write_values(file, "maps", hdf5::Number::f64, values.data(), parts.shape);
            if (!parts.view.empty()) hdf5::set_attribute(maps, "view", parts.view);
            hdf5::set_attribute(maps, "stride_px", std::span<const double>(&parts.stride_px, 1));
        }
        if (parts.indices) {
            hdf5::write_values(file, "image_index", hdf5::Number::i64, parts.images.data(), {parts.images.size()});
        }
    }
    void expect_fault(const Parts& parts, const std::string& words) const {
        write(parts);
        try {
            MapFile(path()).require_fit(10, 6, 4);
            FAIL() << "accepted, expected: " << words;
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        }
    }
    [[nodiscard]] std::filesystem::path path() const { return folder_ / "maps.h5"; }

    test::ScratchFolder folder_;
};

TEST_F(MapFiles, RoundTrip) {
    MapFileInfo info{"grad_cam", "stage2", {}, {6, 4, 16.0, 7.5}};
    info.view.size_px = 96;
    Image<float> first(6, 4, 0.25F);
    first(5, 3) = std::numeric_limits<float>::quiet_NaN();
    Image<float> second(6, 4, -1.0F);
    {
        MapWriter writer(path(), info);
        writer.append(12, first);
        writer.append(4, second);
        EXPECT_THROW(writer.append(4, second), UsageError);
        EXPECT_THROW(writer.append(5, Image<float>(4, 6)), UsageError);
        EXPECT_FALSE(std::filesystem::exists(path()));
        writer.finish();
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
    const MapFile file(path());
    EXPECT_EQ(file.info().name, "grad_cam");
    EXPECT_EQ(file.info().stage, "stage2");
    EXPECT_EQ(file.info().view, info.view);
    EXPECT_EQ(file.info().grid.width, 6);
    EXPECT_EQ(file.info().grid.height, 4);
    EXPECT_DOUBLE_EQ(file.info().grid.stride_px, 16.0);
    EXPECT_DOUBLE_EQ(file.info().grid.start_px, 7.5);
    EXPECT_EQ(file.image_indices(), (std::vector<std::int64_t>{12, 4}));
    EXPECT_EQ(file.map(1), second);
    EXPECT_TRUE(std::isnan(file.map(0)(5, 3)));
    EXPECT_EQ(file.map(0)(4, 3), 0.25F);
    EXPECT_NO_THROW(file.require_fit(13, 96, 64));
}

TEST_F(MapFiles, AWriterThatDoesNotFinishLeavesNothing) {
    {
        MapWriter writer(path(), {"a", "b", {}, {2, 2, 1.0, 0.0}});
        writer.append(0, Image<float>(2, 2));
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 0);
    EXPECT_THROW(MapWriter(folder_ / "nowhere/maps.h5", {}), DataError);
}

TEST_F(MapFiles, NumbersOfAnyKindAreRead) {
    write({});
    const MapFile file(path());
    EXPECT_EQ(file.info().name, "maps");  // the file's own name
    EXPECT_EQ(file.map(0), Image<float>(6, 4, 0.5F));
    EXPECT_NO_THROW(file.require_fit(8, 6, 4));
}

TEST_F(MapFiles, FaultsSayWhatIsExpected) {
    expect_fault({.maps = false}, "no dataset \"maps\" (float32 (N, H, W)");
    expect_fault({.indices = false}, "no dataset \"image_index\" (int64 (N)");
    expect_fault({.shape = {2, 24}}, "(2, 24)");
    expect_fault({.images = {1, 2, 3}}, "\"image_index\" is of shape (3) ((2) whole numbers are expected");
    expect_fault({.images = {3, 3}}, "image 3 has two maps");
    expect_fault({.images = {3, 10}}, "image_index holds 10 (the corpus has images 0 to 9)");
    expect_fault({.images = {-1, 2}}, "image_index holds -1");
    expect_fault({.shape = {0, 4, 6}, .images = {}}, "holds no maps");
    expect_fault({.view = ""}, "no attribute \"view\"");
    expect_fault({.view = "downsample:most:6"}, "downsample:most");
    expect_fault({.shape = {2, 4, 5}}, "Write maps of shape (N, 4, 6)");
    expect_fault({.stride_px = 0.0}, "stride_px = 0");
    expect_fault({.stride_px = 16.0}, "do not lie in a view of 6 x 4 px");
    EXPECT_THROW(MapFile(folder_ / "missing.h5"), DataError);
}

}  // namespace
}  // namespace braggbench
