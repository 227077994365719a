#include "datasets/verify.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <iterator>
#include <random>

#include "datasets/corpus.hpp"
#include "datasets/generate.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/image_cache.hpp"
#include "datasets/manifest.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

void ignore_progress(std::int64_t, std::int64_t) {}

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string all_faults(const VerifyReport& report) {
    std::string text;
    for (const VerifyCheck& check : report.checks) {
        for (const std::string& fault : check.faults) text += fault + "\n";
    }
    return text;
}

VerifyReport verify(const fs::path& path, std::int64_t replayed = 0) {
    return verify_corpus(path, {replayed, 2}, ignore_progress);
}

// Changes one element of a one-dimensional dataset in place, as h5py would.
template <class T>
void edit(const fs::path& path, const char* dataset, hsize_t at, T value, hid_t type) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT);
    const hid_t space = H5Dget_space(set);
    const hsize_t one = 1;
    ASSERT_GE(H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, nullptr, &one, nullptr), 0);
    const hid_t memory = H5Screate_simple(1, &one, nullptr);
    ASSERT_GE(H5Dwrite(set, type, memory, space, H5P_DEFAULT, &value), 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(set);
    ASSERT_GE(H5Fclose(file), 0);
}

class Verify : public testing::Test {
protected:
    Verify() { records_ = test::write_small_corpus(path_, test::small_info(6)); }

    void expect_fault(const std::string& place) const {
        const VerifyReport report = verify(path_);
        EXPECT_FALSE(report.passed());
        EXPECT_NE(all_faults(report).find(place), std::string::npos) << all_faults(report);
    }

    test::ScratchFolder folder_;
    fs::path path_ = folder_ / "c.h5";
    std::vector<CorpusRecord> records_;
};

TEST_F(Verify, PassesWhatTheWriterWrote) {
    const VerifyReport report = verify(path_);
    EXPECT_TRUE(report.passed()) << all_faults(report);
    EXPECT_EQ(report.checks.size(), 6U);
    const CorpusReader corpus(path_);
    ASSERT_EQ(corpus.checksums().size(), 6U);
    // CRC-32 of the check string (RFC 3720's table and every other), so that others can check ours.
    const std::string nine = "123456789";
    EXPECT_EQ(hdf5::crc32({reinterpret_cast<const std::uint8_t*>(nine.data()), nine.size()}), 0xCBF43926U);
}

TEST_F(Verify, NamesAnEditedLabelSplitAndPeak) {
    edit(path_, "/entry/labels/class", 2, std::int32_t{1}, H5T_NATIVE_INT32);
    expect_fault("/entry/labels/class");
    test::write_small_corpus(path_, test::small_info(6));
    edit(path_, "/entry/labels/split", 0, std::uint8_t{1}, H5T_NATIVE_UINT8);
    expect_fault("/entry/labels/split");
    test::write_small_corpus(path_, test::small_info(6));
    edit(path_, "/entry/truth/peaks/fast_px", 9, 500.0F, H5T_NATIVE_FLOAT);
    expect_fault("/entry/truth/peaks/fast_px");
    expect_fault("outside the image");
    test::write_small_corpus(path_, test::small_info(6));
    edit(path_, "/entry/data/checksum", 3, std::uint32_t{1}, H5T_NATIVE_UINT32);
    expect_fault("image 3 has checksum");
}

TEST_F(Verify, NamesALabelOutOfRangeAndOffsetsThatDescend) {
    edit(path_, "/entry/labels/class", 2, std::int32_t{9}, H5T_NATIVE_INT32);
    expect_fault("image 2 is of class 9");
    test::write_small_corpus(path_, test::small_info(6));
    edit(path_, "/entry/truth/peaks/offsets", 2, std::int64_t{1000}, H5T_NATIVE_INT64);
    expect_fault("/entry/truth/peaks/offsets");
    test::write_small_corpus(path_, test::small_info(6));
    edit(path_, "/entry/labels/split", 2, std::uint8_t{7}, H5T_NATIVE_UINT8);
    expect_fault("split 7");
}

TEST_F(Verify, NamesAnEditedAttribute) {
    {
        const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
        const hid_t set = H5Dopen2(file, "/entry/labels/class", H5P_DEFAULT);
        ASSERT_GE(H5Adelete(set, "names"), 0);
        H5Dclose(set);
        const hdf5::Handle handle(file);
        hdf5::set_attribute(hdf5::open(handle, "/entry/labels/class"), "names",
                            std::vector<std::string>{"no-crystal", "blank", "weak", "très bon"});
    }
    expect_fault("/entry/labels/class@names");
}

TEST_F(Verify, FindsTruncation) {
    const std::string whole = bytes_of(path_);
    std::ofstream(path_, std::ios::binary) << whole.substr(0, whole.size() - 1);
    expect_fault("c.h5");
    fs::remove(path_);
    expect_fault("no such file");
}

TEST_F(Verify, NotesAFileWithoutChecksums) {
    {
        const hdf5::Handle file(H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
        ASSERT_GE(H5Ldelete(file.id(), "/entry/manifest", H5P_DEFAULT), 0);
        ASSERT_GE(H5Ldelete(file.id(), "/entry/data/checksum", H5P_DEFAULT), 0);
    }
    const VerifyReport report = verify(path_);
    EXPECT_TRUE(report.passed()) << all_faults(report);
    EXPECT_FALSE(report.notes.empty());
    EXPECT_EQ(CorpusReader(path_).image(2), records_[2].image);
}

TEST_F(Verify, WhatOthersAddIsNoFault) {
    {
        const hdf5::Handle file(H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
        hdf5::write_number(file, "predictions", 1.0);
    }
    EXPECT_TRUE(verify(path_).passed());
}

// Any byte may flip: either it is found, or everything that can be read is as it was (it was in unused space).
TEST_F(Verify, FindsFlippedBytes) {
    const std::string whole = bytes_of(path_);
    const std::string manifest = make_manifest(hdf5::open_file(path_));
    std::mt19937_64 random(5);
    int found = 0;
    for (int trial = 0; trial < 150; ++trial) {
        std::string flipped = whole;
        const std::size_t at = random() % whole.size();
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
        std::ofstream(path_, std::ios::binary) << flipped;
        if (!verify(path_).passed()) {
            ++found;
            continue;
        }
        const CorpusReader corpus(path_);
        for (std::size_t i = 0; i < records_.size(); ++i) {
            EXPECT_EQ(corpus.image(static_cast<std::int64_t>(i)), records_[i].image) << "byte " << at;
        }
        EXPECT_EQ(make_manifest(hdf5::open_file(path_)), manifest) << "byte " << at;
    }
    EXPECT_GT(found, 50);
}

TEST(VerifyRecipe, MakesImagesAgain) {
    const test::ScratchFolder folder;
    const Recipe recipe = load_recipe("diffranet", {"corpus.image_count=7", "detector.width_px=64",
                                                    "detector.height_px=64", "crystal.model=lysozyme"});
    generate(recipe, folder / "c.h5", 2, ignore_progress);
    const VerifyReport report = verify(folder / "c.h5", 3);
    EXPECT_TRUE(report.passed()) << all_faults(report);
    EXPECT_EQ(report.checks.back().result, "3 of 7 images made again, equal to the last bit");
    EXPECT_EQ(verify(folder / "c.h5", 100).checks.back().result, "7 of 7 images made again, equal to the last bit");
}

// Everything agrees with itself, but it is not what the recipe gives.
TEST(VerifyRecipe, FindsAnImageOfAnotherSeed) {
    const test::ScratchFolder folder;
    const std::vector<std::string> set = {"corpus.image_count=4", "detector.width_px=64", "detector.height_px=64",
                                          "crystal.model=lysozyme"};
    const Recipe recipe = load_recipe("diffranet", set);
    Recipe other = recipe;
    other.seed += 1;
    const RecipeSource right(recipe);
    const RecipeSource wrong(other);
    CorpusWriter writer(folder / "c.h5", corpus_info(recipe));
    for (std::int64_t i = 0; i < 4; ++i) {
        CorpusRecord record = (i == 3 ? wrong : right).record(i);
        // Its class is where the recipe has it.
        record.class_index = right.assignments()[static_cast<std::size_t>(i)].class_index;
        writer.append(encode(std::move(record)));
    }
    writer.finish();
    EXPECT_TRUE(verify(folder / "c.h5", 1).passed());
    const VerifyReport report = verify(folder / "c.h5", 2);
    EXPECT_FALSE(report.passed());
    EXPECT_NE(all_faults(report).find("image 3"), std::string::npos) << all_faults(report);
}

TEST(ImageCache, KeepsWhatWasAskedForLast) {
    ImageCache cache(3 * 100 * sizeof(std::uint16_t));
    const auto image = [](std::uint16_t value) { return std::make_shared<const Image<std::uint16_t>>(10, 10, value); };
    for (std::uint16_t i = 0; i < 3; ++i) cache.insert(i, image(i));
    EXPECT_EQ(cache.find(0)->pixels[0], 0);  // now 1 is the oldest
    cache.insert(3, image(3));
    EXPECT_EQ(cache.find(1), nullptr);
    EXPECT_EQ(cache.find(0)->pixels[0], 0);
    EXPECT_EQ(cache.find(2)->pixels[0], 2);
    EXPECT_EQ(cache.find(3)->pixels[0], 3);
    cache.insert(4, std::make_shared<const Image<std::uint16_t>>(20, 20, std::uint16_t{4}));  // larger than the cache
    EXPECT_EQ(cache.find(4), nullptr);
    EXPECT_NE(cache.find(3), nullptr);
}

TEST(ImageCache, GivesTheSameImagesAsNoCache) {
    const test::ScratchFolder folder;
    const CorpusInfo info = test::small_info(9);
    const auto records = test::write_small_corpus(folder / "c.h5", info);
    const std::size_t image_bytes = 96 * 80 * 2;
    for (const std::size_t cache_bytes : {std::size_t{0}, image_bytes, 3 * image_bytes, 100 * image_bytes}) {
        const CorpusReader corpus(folder / "c.h5", cache_bytes);
        for (int round = 0; round < 3; ++round) {
            for (std::int64_t i = 0; i < 9; ++i) {
                EXPECT_EQ(corpus.image(i * 4 % 9), records[static_cast<std::size_t>(i * 4 % 9)].image);
            }
        }
        if (cache_bytes > image_bytes) {
            EXPECT_EQ(corpus.shared_image(5), corpus.shared_image(5));
        }
        EXPECT_THROW((void)corpus.shared_image(9), UsageError);
    }
}

}  // namespace
}  // namespace braggbench
