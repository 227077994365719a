#include "datasets/import.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <opencv2/imgcodecs.hpp>

#include "datasets/export.hpp"
#include "datasets/hdf5.hpp"
#include "import_fixture.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

using namespace test;

class ImportOfExport : public Import, public testing::WithParamInterface<ExportLayout> {};

TEST_P(ImportOfExport, GivesImagesLabelsAndSplitsBack) {
    CorpusInfo info = test::small_info(11);
    info.class_names = {"blank", "no-crystal", "weak", "good/strong, \"much\""};
    info.response.offset_adu = 0.0;
    info.response.gain_adu_per_photon = GetParam() == ExportLayout::patterns ? 2.5 : 1.0;
    const auto records = test::write_small_corpus(folder_ / "corpus.h5", info);
    ExportOptions exported;
    exported.layout = GetParam();
    const bool one_file = exported.layout == ExportLayout::patterns || exported.layout == ExportLayout::resonet;
    const fs::path place = folder_ / (one_file ? "exported.h5" : "exported");
    export_corpus(CorpusReader(folder_ / "corpus.h5"), place, exported, ignore_progress);

    ImportOptions options;
    options.threads = 3;
    // Patterns are photons; the counts come back by the gain.
    if (exported.layout == ExportLayout::patterns) options.scale = 2.5;
    const ImportSummary summary = run({place}, options);
    EXPECT_EQ(summary.images, 11);
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.info().peak_source, PeakSource::unknown);
    // Stacks of others have no place for attributes.
    const bool labelled = !one_file;
    if (labelled) {
        EXPECT_EQ(corpus.info().labels.attributes, info.labels.attributes);
        EXPECT_EQ(corpus.info().labels.values, info.labels.values);
        EXPECT_EQ(corpus.info().labels.value_units, info.labels.value_units);
        EXPECT_TRUE(corpus.info().labels.graded);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(corpus.image(static_cast<std::int64_t>(i)), records[i].image) << i;
        EXPECT_EQ(corpus.info().class_names.at(static_cast<std::size_t>(corpus.class_indices()[i])),
                  info.class_names[static_cast<std::size_t>(records[i].class_index)]);
        EXPECT_EQ(corpus.splits()[i], records[i].split);
        if (labelled) {
            EXPECT_EQ(corpus.labels()[i], records[i].labels);
        }
        EXPECT_TRUE(corpus.peaks(static_cast<std::int64_t>(i)).empty());
    }
    if (one_file) {
        EXPECT_EQ(corpus.info().class_names, info.class_names);
    }
    if (exported.layout == ExportLayout::smv || exported.layout == ExportLayout::cbf) {
        EXPECT_NEAR(corpus.info().wavelength_A, 1.3, 1e-6);
        EXPECT_NEAR(corpus.info().detector.panels[0].origin_mm.z(), 120.7, 1e-4);
        EXPECT_NEAR(corpus.info().detector.panels[0].pixel_size_mm, 0.172, 1e-9);
        for (std::size_t i = 0; i < records.size(); ++i) {
            EXPECT_NEAR(corpus.truth()[i].beam_fast_px, records[i].truth.beam_fast_px, 0.01);
            EXPECT_NEAR(corpus.truth()[i].beam_slow_px, records[i].truth.beam_slow_px, 0.01);
        }
    }
}

std::string layout_name(const testing::TestParamInfo<ExportLayout>& layout) {
    constexpr std::array names = {"diffranet", "hollatz", "smv", "cbf", "patterns", "resonet"};
    return names.at(static_cast<std::size_t>(layout.param));
}

INSTANTIATE_TEST_SUITE_P(Layouts, ImportOfExport,
                         testing::Values(ExportLayout::diffranet, ExportLayout::smv, ExportLayout::cbf,
                                         ExportLayout::patterns, ExportLayout::resonet),
                         layout_name);

TEST_F(Import, OfACorpusTakesItsVisiblePeaksAsAList) {
    const CorpusInfo info = test::small_info(5);
    const auto records = test::write_small_corpus(folder_ / "corpus.h5", info);
    run({folder_ / "corpus.h5"});
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.info().peak_source, PeakSource::listed);
    EXPECT_EQ(corpus.info().class_names, info.class_names);
    EXPECT_EQ(corpus.info().wavelength_A, 1.3);
    EXPECT_NEAR(corpus.info().detector.panels[0].origin_mm.z(), 120.7, 1e-12);
    EXPECT_EQ(corpus.info().response.gain_adu_per_photon, 2.3);
    EXPECT_EQ(corpus.info().image_sources[3], (folder_ / "corpus.h5").string() + "#3");
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(corpus.image(static_cast<std::int64_t>(i)), records[i].image);
        EXPECT_EQ(corpus.labels()[i], records[i].labels);
        std::vector<Peak> visible;
        std::ranges::copy_if(records[i].peaks, std::back_inserter(visible), &Peak::visible);
        std::ranges::stable_sort(visible, std::ranges::greater{}, &Peak::photons);
        const std::vector<Peak> peaks = corpus.peaks(static_cast<std::int64_t>(i));
        ASSERT_EQ(peaks.size(), visible.size());
        for (std::size_t k = 0; k < peaks.size(); ++k) {
            // Through a 32-bit float from which a half was taken.
            EXPECT_NEAR(peaks[k].fast_px, visible[k].fast_px, 1e-5);
            EXPECT_NEAR(peaks[k].slow_px, visible[k].slow_px, 1e-5);
            EXPECT_EQ(peaks[k].photons, visible[k].photons);
            EXPECT_TRUE(peaks[k].visible);
        }
    }
}

TEST_F(Import, FoldersAreClassesInTheirAlphabet) {
    const ImportSummary summary = run({two_classes()});
    EXPECT_EQ(summary.class_names, (std::vector<std::string>{"a", "b"}));
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.class_indices(), (std::vector<std::int32_t>{0, 0, 1, 1}));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(corpus.image(i), ramp(6, 5, 100 * i));
    EXPECT_TRUE(contains(corpus.info().import_note, "distance_mm"));  // assumed
    EXPECT_TRUE(contains(corpus.info().import_note, "no peaks are known"));
    EXPECT_EQ(corpus.info().image_sources.at(1), (folder_ / "set/a/1.pgm").string());
}

TEST_F(Import, NamedClassesKeepTheirOrder) {
    ImportOptions options;
    options.classes = {"b", "a"};
    run({two_classes()}, options);
    EXPECT_EQ(read().class_indices(), (std::vector<std::int32_t>{1, 1, 0, 0}));
    fs::remove(output());
    options.classes = {"b", "c"};
    EXPECT_TRUE(contains(refusal({folder_ / "set"}, "set/a/0.pgm", options), "\"a\""));
}

TEST_F(Import, SplitsComeFromTheFolders) {
    for (const char* name : {"train/a/1.png", "val/a/2.png", "test/b/3.png"}) {
        write_image(std::string("set/") + name, ramp(6, 5));
    }
    run({folder_ / "set"});
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.splits(), (std::vector<Split>{Split::test, Split::train, Split::validation}));
    EXPECT_EQ(corpus.class_indices(), (std::vector<std::int32_t>{1, 0, 0}));
}

TEST_F(Import, DrawsSplitsByClass) {
    for (int i = 0; i < 60; ++i) write_image(fmt::format("set/{}/{}.pgm", i < 40 ? "a" : "b", i), ramp(6, 5));
    run({folder_ / "set"});
    const auto first = read().splits();
    const auto classes = read().class_indices();
    std::map<std::pair<int, Split>, int> counts;
    for (std::size_t i = 0; i < first.size(); ++i) ++counts[{classes[i], first[i]}];
    EXPECT_EQ((counts[{0, Split::validation}]), 6);
    EXPECT_EQ((counts[{0, Split::test}]), 10);
    EXPECT_EQ((counts[{1, Split::validation}]), 3);
    EXPECT_EQ((counts[{1, Split::test}]), 5);
    ImportOptions options;
    options.threads = 4;
    run({folder_ / "set"}, options);
    EXPECT_EQ(read().splits(), first);
    options.seed = 2;
    run({folder_ / "set"}, options);
    EXPECT_NE(read().splits(), first);
}

TEST_F(Import, HollatzTableNamesFilesInFoldersBelow) {
    for (int i = 1; i <= 4; ++i) write_image(fmt::format("set/pgm/fake_0000{}.pgm", i), ramp(6, 5, i));
    write("set/multiclasses.txt",
          "fake_00002.pgm 0 0 1 1 0 0 0.581729 0.568217\nfake_00001.pgm 0 1 0 0 1 0 0.892528 0.000000\n"
          "fake_00004.pgm 1 0 0 0 1 1 0.0 0.0\nfake_00003.pgm 0 1 0 0 0 0 0.508285 0.000000\n");
    run({folder_ / "set"});
    const CorpusReader photosystem = read();
    EXPECT_EQ(photosystem.info().class_names, (std::vector<std::string>{"blank", "photo1", "photo2"}));
    EXPECT_EQ(photosystem.class_indices(), (std::vector<std::int32_t>{2, 1, 0, 1}));
    EXPECT_EQ(photosystem.image(0), ramp(6, 5, 2));  // in the table's order
    EXPECT_EQ(photosystem.info().labels.attributes,
              (std::vector<std::string>{"blank", "photo1", "photo2", "multilattice", "ice", "badice"}));
    EXPECT_EQ(photosystem.labels()[0].attributes, (std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0}));
    EXPECT_EQ(photosystem.labels()[0].values, (std::vector<float>{0.581729F, 0.568217F}));
    ImportOptions options;
    options.class_column = "ice";
    run({folder_ / "set"}, options);
    EXPECT_EQ(read().info().class_names, (std::vector<std::string>{"no ice", "ice"}));
    EXPECT_EQ(read().class_indices(), (std::vector<std::int32_t>{0, 1, 1, 0}));
}

TEST_F(Import, CsvLabelsFilesByNamePathOrNumber) {
    for (int i = 0; i < 3; ++i) write_image(fmt::format("set/x/{}.pgm", i), ramp(6, 5, i));
    ImportOptions options;
    options.labels = (folder_ / "labels.csv").string();
    // A byte-order mark, carriage returns, quotes, blanks and an empty last line.
    write("labels.csv",
          "\xef\xbb\xbf"
          "file,class,split\r\n2.pgm,\"hit, strong\",test\r\nx/0.pgm , miss,train\r\n"
          "set/x/1.pgm,miss,validation\r\n\r\n");
    run({folder_ / "set"}, options);
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.info().class_names, (std::vector<std::string>{"hit, strong", "miss"}));
    EXPECT_EQ(corpus.class_indices(), (std::vector<std::int32_t>{0, 1, 1}));
    EXPECT_EQ(corpus.image(0), ramp(6, 5, 2));
    EXPECT_EQ(corpus.splits(), (std::vector<Split>{Split::test, Split::train, Split::validation}));

    // Without a header, by pattern, and images of a stack by their number.
    write("labels.csv", "0.pgm,a\n1.pgm,b\n2.pgm,a\n");
    run({folder_ / "set/x/*.pgm"}, options);
    EXPECT_EQ(read().class_indices(), (std::vector<std::int32_t>{0, 1, 0}));
    test::write_small_corpus(folder_ / "stack.h5", test::small_info(3));
    write("labels.csv", "index,label\n2,a\n0,b\n1,a\n");
    run({folder_ / "stack.h5"}, options);
    EXPECT_EQ(read().class_indices(), (std::vector<std::int32_t>{0, 1, 0}));
    EXPECT_EQ(read().image(0), CorpusReader(folder_ / "stack.h5").image(2));
}

TEST_F(Import, SourcesWithOtherLabelsGiveUnknownOnes) {
    for (const char* name : {"one/1.pgm", "two/2.pgm"}) write_image(name, ramp(6, 5));
    write("one/labels.csv", "file,class,attribute.ice,value.mosaic [deg],grade\n1.pgm,a,1,0.25,hit\n");
    write("two/labels.csv", "file,class,value.lattices,attribute.film,attribute.ice\n2.pgm,b,2,0,\n");
    run({folder_ / "one", folder_ / "two"});
    const CorpusReader corpus = read();
    EXPECT_EQ(corpus.info().labels.attributes, (std::vector<std::string>{"ice", "film"}));
    EXPECT_EQ(corpus.info().labels.values, (std::vector<std::string>{"mosaic", "lattices"}));
    EXPECT_EQ(corpus.info().labels.value_units, (std::vector<std::string>{"deg", "1"}));
    EXPECT_FALSE(corpus.info().labels.graded);
    const float none = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(corpus.labels()[0], (ImageLabels{{1, 255}, {0.25F, none}, Grade::miss}));
    EXPECT_EQ(corpus.labels()[1], (ImageLabels{{255, 0}, {none, 2.0F}, Grade::miss}));
    fs::remove(output());
    write("two/labels.csv", "file,class,attribute.film\n2.pgm,b,2\n");
    refusal({folder_ / "two"}, "labels.csv:2");
    write("two/labels.csv", "file,class,value.film\n2.pgm,b,nan\n");
    refusal({folder_ / "two"}, "labels.csv:2");
    write("two/labels.csv", "file,class,grade\n2.pgm,b,perhaps\n");
    refusal({folder_ / "two"}, "labels.csv:2");
}

TEST_F(Import, OneLabelForAll) {
    ImportOptions options;
    options.label = "unknown";
    run({two_classes() / "a", folder_ / "set/b/0.pgm"}, options);
    EXPECT_EQ(read().info().class_names, (std::vector<std::string>{"unknown"}));
    EXPECT_EQ(read().info().image_count, 3);
    fs::remove(output());
    options.labels = "/labels";
    refusal<UsageError>({folder_ / "set"}, "--label", options);
}

TEST_F(Import, StacksWithLabelsOfAnyKind) {
    const auto stack = [&](const std::string& name, const std::function<void(const hdf5::Handle&)>& add) {
        const hdf5::Handle file = hdf5::create_file(folder_ / name);
        std::vector<std::uint16_t> pixels(3 * 20 * 16);
        std::iota(pixels.begin(), pixels.end(), std::uint16_t{0});
        hdf5::write_values(file, "images", hdf5::Number::u16, pixels.data(), {3, 16, 20});
        add(file);
    };
    stack("plain.h5", [](const hdf5::Handle& file) {
        const std::vector<std::int64_t> labels = {7, 0, 7};
        hdf5::write_values(file, "labels", hdf5::Number::i64, labels.data(), {3});
    });
    run({folder_ / "plain.h5"});
    EXPECT_EQ(read().info().class_names, (std::vector<std::string>{"0", "7"}));
    EXPECT_EQ(read().image(2).pixels[3], 2 * 320 + 3);

    stack("resonet.h5", [](const hdf5::Handle& file) {
        const std::vector<float> labels = {1.875F, 1, 2.5F, 0, 3.0F, 1};
        const hdf5::Handle dataset = hdf5::write_values(file, "truth", hdf5::Number::f32, labels.data(), {3, 2});
        hdf5::set_attribute(dataset, "names", std::vector<std::string>{"reso", "is_multi"});
    });
    fs::remove(output());
    EXPECT_TRUE(contains(refusal({folder_ / "plain.h5", folder_ / "resonet.h5"}, "resonet.h5"), "no label"));
    ImportOptions options;
    options.labels = "/truth";
    EXPECT_TRUE(contains(refusal({folder_ / "resonet.h5"}, "resonet.h5", options), "reso"));
    options.class_column = "is_multi";
    run({folder_ / "resonet.h5"}, options);
    EXPECT_EQ(read().class_indices(), (std::vector<std::int32_t>{1, 0, 1}));
    fs::remove(output());
    options.class_column = "reso";
    EXPECT_TRUE(contains(refusal({folder_ / "resonet.h5"}, "/truth", options), "image 0 has label 1.875"));
    options.labels = "/nothing";
    refusal({folder_ / "resonet.h5"}, "/nothing", options);
    options.labels = "/images";
    refusal({folder_ / "resonet.h5"}, "/images", options);
    stack("short.h5", [](const hdf5::Handle& file) {
        const std::vector<std::int32_t> labels = {0, 1};
        hdf5::write_values(file, "labels", hdf5::Number::i32, labels.data(), {2});
    });
    refusal({folder_ / "short.h5"}, "short.h5");
}

TEST_F(Import, EightBitAndJpegAndTiff) {
    cv::Mat grey(16, 20, CV_8U);
    cv::randu(grey, 0, 256);
    fs::create_directories(folder_ / "set/a");
    cv::imwrite((folder_ / "set/a/1.png").string(), grey);
    cv::imwrite((folder_ / "set/a/2.tif").string(), grey);
    cv::imwrite((folder_ / "set/a/3.JPG").string(), grey, {cv::IMWRITE_JPEG_QUALITY, 100});
    run({folder_ / "set"});
    const CorpusReader corpus = read();
    for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 20; ++x) {
            EXPECT_EQ(corpus.image(0)(x, y), grey.at<std::uint8_t>(y, x));
            EXPECT_EQ(corpus.image(1)(x, y), grey.at<std::uint8_t>(y, x));
            EXPECT_NEAR(corpus.image(2)(x, y), grey.at<std::uint8_t>(y, x), 4);
        }
    }
}

}  // namespace
}  // namespace braggbench
