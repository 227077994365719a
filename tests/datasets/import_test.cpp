#include "datasets/import.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <opencv2/imgcodecs.hpp>

#include "datasets/corpus.hpp"
#include "datasets/export.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/raster_file.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

void ignore_progress(std::int64_t, std::int64_t) {}

Image<std::uint16_t> ramp(int width, int height, int start = 0) {
    Image<std::uint16_t> image(width, height);
    std::iota(image.pixels.begin(), image.pixels.end(), static_cast<std::uint16_t>(start));
    return image;
}

class Import : public testing::Test {
protected:
    ImportSummary run(const std::vector<fs::path>& sources, const ImportOptions& options = {}) {
        return import_corpus(sources, output(), options, ignore_progress);
    }
    [[nodiscard]] fs::path output() const { return folder_ / "imported.h5"; }
    [[nodiscard]] CorpusReader read() const { return CorpusReader(output()); }

    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    void write_image(const std::string& name, const Image<std::uint16_t>& image) const {
        fs::create_directories((folder_ / name).parent_path());
        name.ends_with(".png") ? write_png16(folder_ / name, image) : write_pgm(folder_ / name, image);
    }
    // a/0.pgm, a/1.pgm, b/0.pgm, b/1.pgm, of 6 x 5 px.
    [[nodiscard]] fs::path two_classes() const {
        for (int i = 0; i < 4; ++i) {
            write_image(fmt::format("set/{}/{}.pgm", i < 2 ? "a" : "b", i % 2), ramp(6, 5, 100 * i));
        }
        return folder_ / "set";
    }

    // The message of the error, which must name `names`; nothing may be left where the output would be.
    template <class Error = DataError>
    std::string refusal(const std::vector<fs::path>& sources, const std::string& names,
                        const ImportOptions& options = {}) {
        try {
            run(sources, options);
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find(names), std::string::npos) << error.what();
            for (const auto& entry : fs::directory_iterator(folder_.path())) {
                EXPECT_FALSE(entry.path().filename().string().starts_with("imported.h5")) << entry.path();
            }
            return error.what();
        }
        ADD_FAILURE() << "nothing was refused";
        return {};
    }

    test::ScratchFolder folder_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

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
