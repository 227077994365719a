#include "datasets/hdf5_image_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "datasets/hdf5.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

using hdf5::Handle;
using hdf5::Number;
using test::ScratchFolder;

constexpr std::uint64_t width = 20;
constexpr std::uint64_t height = 16;

template <class T>
std::vector<T> ramp(std::uint64_t images = 1) {
    std::vector<T> values(images * width * height);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i % 1000);
    return values;
}

std::string refusal(const std::filesystem::path& path) {
    try {
        (void)read_hdf5_image(path, 0);
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find(path.filename().string()), std::string::npos) << error.what();
        return error.what();
    }
    ADD_FAILURE() << path << " was accepted";
    return {};
}

TEST(Hdf5ImageFile, ReadsACorpus) {
    const ScratchFolder folder;
    const CorpusInfo info = test::small_info(3);
    const auto records = test::write_small_corpus(folder / "corpus.h5", info);
    EXPECT_TRUE(is_hdf5(folder / "corpus.h5"));
    EXPECT_EQ(hdf5_image_count(folder / "corpus.h5"), 3);
    for (std::int64_t i = 0; i < 3; ++i) {
        const DetectorImage image = read_hdf5_image(folder / "corpus.h5", i);
        EXPECT_EQ(image.name, "corpus.h5#" + std::to_string(i));
        ASSERT_EQ(image.values.width, info.width_px);
        ASSERT_EQ(image.values.height, info.height_px);
        const auto& pixels = records[static_cast<std::size_t>(i)].image.pixels;
        EXPECT_TRUE(std::equal(pixels.begin(), pixels.end(), image.values.pixels.begin(),
                               [](std::uint16_t a, float b) { return static_cast<float>(a) == b; }));
        EXPECT_EQ(std::count(image.valid.pixels.begin(), image.valid.pixels.end(), 1), 96 * 80);
        ASSERT_TRUE(image.beam_fast_px && image.beam_slow_px);
        EXPECT_NEAR(*image.beam_fast_px, 48.0 + 1.25, 1e-12);
        EXPECT_NEAR(*image.beam_slow_px, 40.0 - 2.75, 1e-12);
    }
    EXPECT_THROW((void)read_hdf5_image(folder / "corpus.h5", 3), DataError);
    EXPECT_THROW((void)read_hdf5_image(folder / "corpus.h5", -1), DataError);
}

// An NXmx file of another program: signed data, its own name for the signal, a mask, the beam centre as a length.
TEST(Hdf5ImageFile, ReadsForeignNxmx) {
    const ScratchFolder folder;
    {
        const Handle file = hdf5::create_file(folder / "a.nxs");
        const Handle entry = hdf5::create_group(file, "scan", "NXentry");
        const Handle data = hdf5::create_group(entry, "d", "NXdata");
        hdf5::set_attribute(data, "signal", std::string_view("counts"));
        auto values = ramp<std::int32_t>(2);
        values[width * height + 5] = -1;
        hdf5::write_values(data, "counts", Number::i32, values.data(), {2, height, width});
        const Handle instrument = hdf5::create_group(entry, "instrument", "NXinstrument");
        const Handle detector = hdf5::create_group(instrument, "eiger", "NXdetector");
        std::vector<std::uint32_t> mask(width * height, 0);
        mask[7] = 1;
        mask[8] = 0x10000;  // flagged, but usable (NXmx: the upper two bytes)
        hdf5::write_values(detector, "pixel_mask", Number::u32, mask.data(), {height, width});
        hdf5::set_attribute(hdf5::write_number(detector, "beam_center_x", 1.5), "units", std::string_view("mm"));
        hdf5::set_attribute(hdf5::write_number(detector, "x_pixel_size", 75e-6), "units", std::string_view("m"));
        hdf5::write_number(detector, "beam_center_y", 9.5);
    }
    EXPECT_EQ(hdf5_image_count(folder / "a.nxs"), 2);
    const DetectorImage image = read_hdf5_image(folder / "a.nxs", 1);
    EXPECT_EQ(image.values(0, 1), static_cast<float>((width * height + width) % 1000));
    EXPECT_EQ(image.valid(5, 0), 0);
    EXPECT_EQ(image.values(5, 0), 0.0F);
    EXPECT_EQ(image.valid(7, 0), 0);
    EXPECT_EQ(image.valid(8, 0), 1);
    EXPECT_EQ(std::count(image.valid.pixels.begin(), image.valid.pixels.end(), 0), 2);
    ASSERT_TRUE(image.beam_fast_px && image.beam_slow_px);
    EXPECT_NEAR(*image.beam_fast_px, 20.0, 1e-9);
    EXPECT_NEAR(*image.beam_slow_px, 9.5, 1e-12);
}

TEST(Hdf5ImageFile, ReadsCxiWithAMaskPerImage) {
    const ScratchFolder folder;
    {
        const Handle file = hdf5::create_file(folder / "run.cxi");
        const Handle entry = hdf5::create_group(file, "entry_1", "");
        const Handle instrument = hdf5::create_group(entry, "instrument_1", "");
        const Handle detector = hdf5::create_group(instrument, "detector_1", "");
        auto values = ramp<float>(2);
        values[3] = std::numeric_limits<float>::quiet_NaN();
        values[4] = -12.5F;  // background-corrected: negative and good
        hdf5::write_values(detector, "data", Number::f32, values.data(), {2, height, width});
        std::vector<std::uint16_t> mask(2 * width * height, 0);
        mask[1] = 0x8;                   // dead, in the first image only
        mask[2] = 0x2;                   // saturated: still the brightest spots
        mask[width * height + 9] = 0x1;  // invalid, in the second
        hdf5::write_values(detector, "mask", Number::u16, mask.data(), {2, height, width});
    }
    const DetectorImage first = read_hdf5_image(folder / "run.cxi", 0);
    EXPECT_EQ(first.valid(1, 0), 0);
    EXPECT_EQ(first.valid(2, 0), 1);
    EXPECT_EQ(first.valid(3, 0), 0);
    EXPECT_EQ(first.values(3, 0), 0.0F);
    EXPECT_EQ(first.values(4, 0), -12.5F);
    EXPECT_EQ(first.valid(9, 0), 1);
    const DetectorImage second = read_hdf5_image(folder / "run.cxi", 1);
    EXPECT_EQ(second.valid(1, 0), 1);
    EXPECT_EQ(second.valid(9, 0), 0);
    EXPECT_FALSE(second.beam_fast_px);
}

TEST(Hdf5ImageFile, ReadsEigerBlocksInOrder) {
    const ScratchFolder folder;
    {
        const Handle file = hdf5::create_file(folder / "master.h5");
        const Handle entry = hdf5::create_group(file, "entry", "NXentry");
        const Handle data = hdf5::create_group(entry, "data", "NXdata");
        for (std::uint32_t block = 1; block <= 3; ++block) {
            std::vector<std::uint32_t> values(2 * width * height, block);
            values[11] = 0xFFFFFFFF;
            hdf5::write_values(data, "data_00000" + std::to_string(block), Number::u32, values.data(),
                               {block == 2 ? 1U : 2U, height, width});
        }
    }
    EXPECT_EQ(hdf5_image_count(folder / "master.h5"), 5);
    EXPECT_EQ(read_hdf5_image(folder / "master.h5", 1).values(0, 0), 1.0F);
    EXPECT_EQ(read_hdf5_image(folder / "master.h5", 2).values(0, 0), 2.0F);
    EXPECT_EQ(read_hdf5_image(folder / "master.h5", 3).values(0, 0), 3.0F);
    EXPECT_EQ(read_hdf5_image(folder / "master.h5", 3).valid(11, 0), 0);
    EXPECT_EQ(read_hdf5_image(folder / "master.h5", 4).valid(11, 0), 1);

    const Handle file = hdf5::create_file(folder / "lost.h5");
    const Handle entry = hdf5::create_group(file, "entry", "NXentry");
    const Handle data = hdf5::create_group(entry, "data", "NXdata");
    hdf5::link_soft(data, "data_000001", "/nowhere");
    hdf5::flush(file);
    EXPECT_NE(refusal(folder / "lost.h5").find("missing"), std::string::npos);
}

TEST(Hdf5ImageFile, FindsTheOnlyStackAnywhere) {
    const ScratchFolder folder;
    {
        const Handle file = hdf5::create_file(folder / "bare.h5");
        const Handle group = hdf5::create_group(file, "some", "");
        hdf5::link_soft(group, "loop", "/some");
        const auto values = ramp<std::uint8_t>();
        hdf5::write_values(group, "where", Number::u8, values.data(), {height, width});
        hdf5::write_values(group, "table", Number::u8, values.data(), {width * height / 2, 2});
        hdf5::write_number(group, "number", 3.0);
    }
    const DetectorImage image = read_hdf5_image(folder / "bare.h5", 0);
    EXPECT_EQ(image.name, "bare.h5");
    EXPECT_EQ(image.values(3, 1), static_cast<float>(width + 3));
}

TEST(Hdf5ImageFile, SaysWhatIsWrong) {
    const ScratchFolder folder;
    EXPECT_FALSE(is_hdf5(folder / "none.h5"));
    EXPECT_NE(refusal(folder / "none.h5").find("no such file"), std::string::npos);
    std::ofstream(folder / "text.h5") << "text";
    EXPECT_FALSE(is_hdf5(folder / "text.h5"));
    EXPECT_NE(refusal(folder / "text.h5").find("not an HDF5 file"), std::string::npos);
    EXPECT_FALSE(is_hdf5(folder.path()));

    hdf5::create_file(folder / "empty.h5").close();
    EXPECT_NE(refusal(folder / "empty.h5").find("no image stack"), std::string::npos);

    const auto values = ramp<std::uint16_t>(2);
    {
        const Handle file = hdf5::create_file(folder / "two.h5");
        hdf5::write_values(file, "a", Number::u16, values.data(), {2, height, width});
        hdf5::write_values(file, "b", Number::u16, values.data(), {2, height, width});
    }
    EXPECT_NE(refusal(folder / "two.h5").find("/a, /b"), std::string::npos);

    {
        const Handle file = hdf5::create_file(folder / "zero.h5");
        hdf5::create_chunked(file, "images", Number::u16, {0, height, width}, {hdf5::unlimited, height, width},
                             {1, height, width});
    }
    EXPECT_NE(refusal(folder / "zero.h5").find("no images"), std::string::npos);

    test::write_small_corpus(folder / "whole.h5", test::small_info(2));
    std::filesystem::resize_file(folder / "whole.h5", std::filesystem::file_size(folder / "whole.h5") / 2);
    EXPECT_TRUE(is_hdf5(folder / "whole.h5"));
    EXPECT_NE(refusal(folder / "whole.h5").find("damaged or incomplete"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
