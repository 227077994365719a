#include "datasets/import.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <opencv2/imgcodecs.hpp>

#include "datasets/export.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/hdf5.hpp"
#include "import_fixture.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

using namespace test;

class ImportOfFloats : public Import {
protected:
    [[nodiscard]] fs::path stack(const std::vector<float>& first_values) const {
        const hdf5::Handle file = hdf5::create_file(folder_ / "floats.h5");
        std::vector<float> pixels(2 * 16 * 16, 1.0F);
        std::ranges::copy(first_values, pixels.begin() + 256);
        hdf5::write_values(file, "patterns", hdf5::Number::f32, pixels.data(), {2, 16, 16});
        const std::vector<std::int32_t> labels = {0, 1};
        hdf5::write_values(file, "labels", hdf5::Number::i32, labels.data(), {2});
        return folder_ / "floats.h5";
    }
};

TEST_F(ImportOfFloats, WholeNumbersAreTaken) {
    run({stack({0.0F, 65535.0F, 12.0F})});
    EXPECT_EQ(read().image(1).pixels[1], 65535);
    EXPECT_EQ(read().image(1).pixels[2], 12);
}

TEST_F(ImportOfFloats, FractionsNeedAScale) {
    const fs::path file = stack({0.25F, 3.5F});
    EXPECT_TRUE(contains(refusal({file}, "floats.h5#1"), "pixel (0, 0) is 0.25"));
    ImportOptions options;
    options.scale = 4.0;
    options.offset = 10.0;
    run({file}, options);
    EXPECT_EQ(read().image(1).pixels[0], 11);
    EXPECT_EQ(read().image(1).pixels[1], 24);
    EXPECT_EQ(read().info().response.gain_adu_per_photon, 4.0);
    EXPECT_EQ(read().info().response.offset_adu, 10.0);
}

TEST_F(ImportOfFloats, NothingIsClippedSilently) {
    const fs::path file = stack({70000.0F, -3.0F});
    EXPECT_TRUE(contains(refusal({file}, "floats.h5#1"), "70000"));
    ImportOptions options;
    options.out_of_range = ImportOptions::OutOfRange::clip;
    const ImportSummary summary = run({file}, options);
    EXPECT_TRUE(contains(summary.notes.back(), "2 pixels clipped"));
    EXPECT_EQ(read().image(1).pixels[0], 65535);
    EXPECT_EQ(read().image(1).pixels[1], 0);
}

TEST_F(ImportOfFloats, NotANumberIsNamed) {
    const fs::path file = stack({1.0F, std::numeric_limits<float>::quiet_NaN()});
    EXPECT_TRUE(contains(refusal({file}, "floats.h5#1"), "pixel (1, 0)"));
    ImportOptions options;
    options.unusable = ImportOptions::Unusable::zero;
    EXPECT_TRUE(contains(run({file}, options).notes.back(), "1 pixels"));
    EXPECT_EQ(read().image(1).pixels[1], 0);
}

TEST_F(Import, TheFirstMaskIsTheCorpusMask) {
    {
        const hdf5::Handle file = hdf5::create_file(folder_ / "pilatus.h5");
        std::vector<std::int32_t> pixels(2 * 16 * 16, 5);
        pixels[3] = pixels[256 + 3] = -1;
        hdf5::write_values(file, "data", hdf5::Number::i32, pixels.data(), {2, 16, 16});
    }
    ImportOptions options;
    options.label = "any";
    run({folder_ / "pilatus.h5"}, options);
    EXPECT_EQ(read().image(1).pixels[3], 0);
    EXPECT_EQ(read().image(1).pixels[4], 5);
    const auto mask =
        hdf5::read_all<std::uint32_t>(hdf5::open_file(output()), "/entry/instrument/detector/pixel_mask", {16, 16});
    EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), 0U), 1U);
    EXPECT_EQ(mask[3], 1U);
}

TEST_F(Import, NamesTruncatedFiles) {
    const fs::path set = two_classes();
    test::write_small_corpus(folder_ / "corpus.h5", test::small_info(2, 6, 5));
    const CorpusReader corpus(folder_ / "corpus.h5");
    for (const auto layout : {ExportLayout::smv, ExportLayout::cbf}) {
        ExportOptions options;
        options.layout = layout;
        export_corpus(corpus, folder_ / (layout == ExportLayout::smv ? "smv" : "cbf"), options, ignore_progress);
    }
    cv::Mat grey(5, 6, CV_16U);
    cv::randu(grey, 0, 65536);
    cv::imwrite((folder_ / "x.png").string(), grey);
    cv::imwrite((folder_ / "x.tif").string(), grey);
    cv::Mat grey8(200, 200, CV_8U);
    cv::randu(grey8, 0, 256);
    cv::imwrite((folder_ / "x.jpg").string(), grey8);
    const std::map<std::string, fs::path> whole = {{"pgm", set / "a/0.pgm"},
                                                   {"png", folder_ / "x.png"},
                                                   {"tif", folder_ / "x.tif"},
                                                   {"jpg", folder_ / "x.jpg"},
                                                   {"img", folder_ / "smv/image_00000.img"},
                                                   {"cbf", folder_ / "cbf/image_00000.cbf"},
                                                   {"h5", folder_ / "corpus.h5"}};
    ImportOptions options;
    options.label = "any";
    for (const auto& [ending, path] : whole) {
        std::string bytes = read_file_bytes(path);
        bytes.resize(bytes.size() * 6 / 10);
        write("cut/image." + ending, bytes);
        refusal({folder_ / "cut"}, "image." + ending, options);
        // The second of two, after a good one has been written.
        if (ending == "pgm" || ending == "png") refusal({path, folder_ / "cut"}, "image." + ending, options);
        fs::remove_all(folder_ / "cut");
    }
}

TEST_F(Import, NamesEmptyForeignAndUnreadableFiles) {
    const fs::path set = two_classes();
    write("set/b/2.pgm", "");
    EXPECT_TRUE(contains(refusal({set}, "b/2.pgm"), "empty"));
    write("set/b/2.pgm", "P5\n0 5\n255\n");
    refusal({set}, "b/2.pgm");
    write("set/b/2.pgm", "this is text");
    refusal({set}, "b/2.pgm");
    fs::remove(set / "b/2.pgm");
    write("set/b/notes.doc", "?");
    refusal({set}, "notes.doc");
    fs::remove(set / "b/notes.doc");
    write_image("set/stray.pgm", ramp(6, 5));
    refusal({set}, "stray.pgm");
    fs::remove(set / "stray.pgm");
    fs::create_directories(set / "c");
    refusal({set}, "set/c");
    fs::remove(set / "c");
    fs::create_symlink(folder_ / "nowhere.pgm", set / "a/9.pgm");
    refusal({set}, "a/9.pgm");
    fs::remove(set / "a/9.pgm");
    refusal({folder_ / "nowhere"}, "nowhere");
    refusal({folder_ / "no*.png"}, "no*.png");
    fs::create_directories(folder_ / "bare");
    refusal({folder_ / "bare"}, "no images");
    run({set});  // nothing of this has stuck
}

TEST_F(Import, NamesTheFirstImageOfAnotherSize) {
    const fs::path set = two_classes();
    write_image("set/a/1.pgm", ramp(6, 6));
    write_image("set/b/0.pgm", ramp(7, 5));
    ImportOptions options;
    options.threads = 4;
    EXPECT_TRUE(contains(refusal({set}, "a/1.pgm: is 6 x 6 px", options), "6 x 5"));
}

TEST_F(Import, NamesLabelsThatDoNotFit) {
    const std::vector<fs::path> sources = {two_classes()};
    ImportOptions options;
    options.labels = (folder_ / "t.csv").string();
    const auto refused = [&](const std::string& table, const std::string& names) {
        write("t.csv", table);
        return refusal(sources, names, options);
    };
    const std::string good = "file,class\na/0.pgm,x\na/1.pgm,x\nb/0.pgm,y\n";
    refused(good, "b/1.pgm");                             // a file without a label
    refused(good + "b/1.pgm,y\nb/2.pgm,y\n", "t.csv:6");  // a label without a file
    EXPECT_TRUE(contains(refused(good + "b/1.pgm,y\nset/a/0.pgm,y\n", "t.csv:6"), "line 2"));
    refused(good + "0.pgm,y\n", "t.csv:5");  // of two files
    refused(good + "b/1.pgm\n", "t.csv:5");  // a field is missing
    refused(good + "b/1.pgm,\n", "t.csv:5");
    refused(good + "b/1.pgm,\"y\n", "t.csv:5");
    refused("file,colour\na/0.pgm,x\n", "t.csv:1");
    refused("", "t.csv");
    refused("file,class\n", "t.csv");
    refused("file,class,split\na/0.pgm,x,tset\n", "t.csv:2");
    EXPECT_TRUE(contains(refused("file,class,split\na/0.pgm,x,test\na/1.pgm,x,\nb/0.pgm,y,\nb/1.pgm,y,\n", "a/1.pgm"),
                         "no split"));
    options.splits = ImportOptions::Splits::draw;
    run(sources, options);
}

TEST_F(Import, NamesFaultsOfHollatzTables) {
    write_image("set/fake_00001.pgm", ramp(6, 5));
    const auto refused = [&](const std::string& table, const std::string& names) {
        write("set/multiclasses.txt", table);
        return refusal({folder_ / "set"}, names);
    };
    refused("fake_00001.pgm 0 1 0 0 1 0 0.892528\n", "multiclasses.txt:1");
    refused("fake_00001.pgm 0 2 0 0 1 0 0.892528 0.0\n", "multiclasses.txt:1");
    refused("fake_00001.pgm 0 1 1 0 1 0 0.892528 0.0\n", "multiclasses.txt:1");
    refused("fake_00001.pgm 0 1 0 0 1 0 0.8 0.0\nfake_00002.pgm 0 1 0 0 1 0 0.8 0.0\n", "multiclasses.txt:2");
    ImportOptions options;
    options.class_column = "colour";
    write("set/multiclasses.txt", "fake_00001.pgm 0 1 0 0 1 0 0.8 0.0\n");
    refusal<UsageError>({folder_ / "set"}, "colour", options);
}

TEST_F(Import, RefusesToOverwriteASource) {
    test::write_small_corpus(folder_ / "corpus.h5", test::small_info(2));
    EXPECT_THROW(import_corpus({folder_ / "corpus.h5"}, folder_ / "corpus.h5", {}, ignore_progress), UsageError);
    EXPECT_EQ(CorpusReader(folder_ / "corpus.h5").info().image_count, 2);
    EXPECT_THROW(run({}), UsageError);
    ImportOptions options;
    options.scale = 0.0;
    EXPECT_THROW(run({folder_ / "corpus.h5"}, options), UsageError);
    options = {};
    options.test_fraction = 0.9;
    EXPECT_THROW(run({folder_ / "corpus.h5"}, options), UsageError);
}

TEST_F(Import, RefusesPeaksOutsideTheImage) {
    test::write_small_corpus(folder_ / "corpus.h5", test::small_info(3));
    {
        // As CXI has it, beside a stack of another size.
        const hdf5::Handle file = hdf5::create_file(folder_ / "small.cxi");
        const hdf5::Handle entry = hdf5::create_group(file, "entry_1", "NXentry");
        const hdf5::Handle data = hdf5::create_group(entry, "data_1", "NXdata");
        const std::vector<std::uint16_t> pixels(16 * 16, 1);
        hdf5::write_values(data, "data", hdf5::Number::u16, pixels.data(), {1, 16, 16});
        const hdf5::Handle result = hdf5::create_group(entry, "result_1", "NXcollection");
        const std::int32_t count = 1;
        const float place = 15.75F;
        hdf5::write_values(result, "nPeaks", hdf5::Number::i32, &count, {1});
        for (const char* name : {"peakXPosRaw", "peakYPosRaw", "peakTotalIntensity"}) {
            hdf5::write_values(result, name, hdf5::Number::f32, &place, {1, 1});
        }
    }
    ImportOptions options;
    options.label = "any";
    EXPECT_TRUE(contains(refusal({folder_ / "small.cxi"}, "small.cxi#0", options), "16.25"));
}

// Files of one image, many names: what is kept per image is its name and label.
TEST_F(Import, ManyFilesNeedLittleMemory) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer keeps freed memory, so that what is resident says nothing";
#endif
    constexpr int count = 100000;
    write_image("set/a/000000.pgm", ramp(4, 4));
    write_image("set/b/000001.pgm", ramp(4, 4));
    for (int i = 2; i < count; ++i) {
        const char* folder = i % 2 == 0 ? "a" : "b";
        fs::create_hard_link(folder_ / fmt::format("set/{}/{:06}.pgm", folder, i % 2),
                             folder_ / fmt::format("set/{}/{:06}.pgm", folder, i));
    }
    const auto peak_kib = [] {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    const auto before_kib = peak_kib();
    std::int64_t reported = 0;
    import_corpus({folder_ / "set"}, output(), {}, [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, count);
        reported = done;
    });
    EXPECT_EQ(reported, count);
    EXPECT_EQ(read().info().image_count, count);
    EXPECT_LT(peak_kib() - before_kib, 300 * 1024);
}

}  // namespace
}  // namespace braggbench
