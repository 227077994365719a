#include "datasets/export.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <sstream>

#include "datasets/export_cbf.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/generate.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/image_file.hpp"
#include "datasets/recipe_toml.hpp"
#include "datasets/view.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

void ignore_progress(std::int64_t, std::int64_t) {}

class Export : public testing::Test {
protected:
    Export() : info_(test::small_info(11)) {
        info_.class_names = {"blank", "no-crystal", "weak", "good/strong"};
        records_ = test::write_small_corpus(folder_ / "corpus.h5", info_);
    }

    std::int64_t run(const ExportOptions& options, const std::string& name = "out") const {
        return export_corpus(CorpusReader(folder_ / "corpus.h5"), folder_ / name, options, ignore_progress);
    }
    // Content of all files below a folder, by their relative names.
    [[nodiscard]] std::map<std::string, std::string> files(const std::string& name = "out") const {
        std::map<std::string, std::string> content;
        for (const auto& entry : fs::recursive_directory_iterator(folder_ / name)) {
            if (entry.is_regular_file()) {
                content[fs::relative(entry.path(), folder_ / name).string()] = read_file_bytes(entry.path());
            }
        }
        return content;
    }
    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
    }

    test::ScratchFolder folder_;
    CorpusInfo info_;
    std::vector<CorpusRecord> records_;
};

const char* split_name(Split split) {
    return split == Split::train ? "train" : split == Split::validation ? "validation" : "test";
}

TEST_F(Export, DiffranetHasAFolderPerSplitAndClassWithEveryValue) {
    const std::vector<std::string> folders = {"blank", "no-crystal", "weak", "good_strong"};
    for (const auto raster : {RasterFormat::png, RasterFormat::pgm}) {
        ExportOptions options;
        options.raster = raster;
        const std::string name = raster == RasterFormat::png ? "png" : "pgm";
        EXPECT_EQ(run(options, name), 11);
        EXPECT_EQ(files(name).size(), 12U);
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const fs::path path = folder_ / name / split_name(records_[i].split) /
                                  folders[static_cast<std::size_t>(records_[i].class_index)] /
                                  fmt::format("image_{:05}.{}", i, name);
            // Judged by OpenCV, not by our own readers.
            const cv::Mat image = cv::imread(path.string(), cv::IMREAD_UNCHANGED);
            ASSERT_EQ(image.type(), CV_16U) << path;
            ASSERT_EQ(image.cols, 96);
            ASSERT_EQ(image.rows, 80);
            for (int y = 0; y < 80; ++y) {
                for (int x = 0; x < 96; ++x) ASSERT_EQ(image.at<std::uint16_t>(y, x), records_[i].image(x, y));
            }
            EXPECT_EQ(ImageFile(path).read().values(5, 7), static_cast<float>(records_[i].image(5, 7)));
        }
    }
}

TEST_F(Export, TheTableOfLabelsTellsWhatACropStillShows) {
    ExportOptions options;
    options.view = parse_view("crop:fixed:40:50:40+8bit:0:600");
    run(options);
    std::istringstream table(files().at("labels.csv"));
    std::string line;
    std::getline(table, line);
    EXPECT_EQ(line.rfind("file,image,class,split,visible_peaks,visible_peaks_shown", 0), 0U);
    for (std::size_t i = 0; std::getline(table, line); ++i) {
        int visible = 0;
        int shown = 0;
        for (const Peak& peak : records_.at(i).peaks) {
            if (!peak.visible || peak.kind != PeakKind::protein) continue;
            ++visible;
            shown += peak.fast_px >= 50 && peak.fast_px < 90 && peak.slow_px >= 40 && peak.slow_px < 80 ? 1 : 0;
        }
        const std::string class_name = info_.class_names[static_cast<std::size_t>(records_[i].class_index)];
        EXPECT_NE(
            line.find(fmt::format(",{},{},{},{},{},", i, class_name, split_name(records_[i].split), visible, shown)),
            std::string::npos)
            << line;
        const cv::Mat image =
            cv::imread((folder_ / "out" / line.substr(0, line.find(','))).string(), cv::IMREAD_UNCHANGED);
        ASSERT_EQ(image.type(), CV_8U);
        ASSERT_EQ(image.cols, 40);
        const double photons = (records_[i].image(60, 55) - 10.1) / 2.3;
        EXPECT_EQ(image.at<std::uint8_t>(15, 10), std::lround(255.0 * std::clamp(photons / 600.0, 0.0, 1.0)));
    }
}

TEST_F(Export, OneSplitAlone) {
    ExportOptions options;
    options.split = Split::test;
    EXPECT_EQ(run(options), 3);
    for (const auto& [name, content] : files()) EXPECT_TRUE(name == "labels.csv" || name.starts_with("test/")) << name;
}

TEST_F(Export, ThreadsDoNotMatter) {
    for (const auto layout : {ExportLayout::diffranet, ExportLayout::cbf}) {
        ExportOptions options;
        options.layout = layout;
        const std::string tag = layout == ExportLayout::cbf ? "c" : "d";
        run(options, "one" + tag);
        options.threads = 5;
        run(options, "five" + tag);
        EXPECT_EQ(files("one" + tag), files("five" + tag));
    }
    ExportOptions patterns;
    patterns.layout = ExportLayout::patterns;
    run(patterns, "one.h5");
    patterns.threads = 3;
    run(patterns, "three.h5");
    EXPECT_EQ(read_file_bytes(folder_ / "one.h5"), read_file_bytes(folder_ / "three.h5"));
}

TEST_F(Export, ResonetHasTablesOfLabelsAndGeometry) {
    ExportOptions options;
    options.layout = ExportLayout::resonet;
    run(options, "one.h5");
    options.threads = 3;
    run(options, "three.h5");
    EXPECT_EQ(read_file_bytes(folder_ / "one.h5"), read_file_bytes(folder_ / "three.h5"));
    const hdf5::Handle file = hdf5::open_file(folder_ / "one.h5");
    const auto images = hdf5::read_all<std::uint16_t>(file, "/images", {11, 80, 96});
    const auto labels = hdf5::read_all<float>(file, "/labels", {11, 5});
    const auto geometry = hdf5::read_all<float>(file, "/geom", {11, 5});
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const auto& pixels = records_[i].image.pixels;
        EXPECT_TRUE(
            std::equal(pixels.begin(), pixels.end(), images.begin() + static_cast<std::ptrdiff_t>(i * pixels.size())));
        EXPECT_EQ(labels[5 * i], static_cast<float>(records_[i].class_index));
        EXPECT_EQ(labels[5 * i + 1], records_[i].truth.lattice_count);
        EXPECT_EQ(labels[5 * i + 4], records_[i].truth.resolution_A);
        EXPECT_EQ(geometry[5 * i], 120.7F);
        EXPECT_EQ(geometry[5 * i + 2], 1.3F);
        EXPECT_EQ(geometry[5 * i + 3], 96.0F);
    }
    options.view = parse_view("downsample:max:40");
    EXPECT_THROW(run(options, "view.h5"), UsageError);  // photons are no whole numbers
    options.view = parse_view("downsample:max:40+8bit");
    run(options, "view.h5");
    EXPECT_EQ(hdf5::read_all<std::uint16_t>(hdf5::open_file(folder_ / "view.h5"), "/images", {11, 40, 40}).size(),
              11U * 40 * 40);
    EXPECT_THROW(run(options, "view.h5"), DataError);  // exists already
}

TEST_F(Export, SmvGivesBackValuesAndEachImagesGeometry) {
    ExportOptions options;
    options.layout = ExportLayout::smv;
    run(options);
    EXPECT_EQ(files().size(), 12U);
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const DetectorImage image = ImageFile(folder_ / "out" / fmt::format("image_{:05}.img", i)).read();
        for (std::size_t p = 0; p < image.values.size(); ++p) {
            ASSERT_EQ(image.values.pixels[p], static_cast<float>(records_[i].image.pixels[p]));
        }
        EXPECT_NEAR(image.beam_fast_px.value(), records_[i].truth.beam_fast_px, 1e-4);
        EXPECT_NEAR(image.beam_slow_px.value(), records_[i].truth.beam_slow_px, 1e-4);
        EXPECT_NEAR(image.gain_adu_per_photon.value(), 2.3, 1e-9);
        EXPECT_NEAR(image.offset_adu.value(), 10.1, 1e-9);
    }
}

TEST_F(Export, CbfGivesBackCountsAndEachImagesGeometry) {
    ExportOptions options;
    options.layout = ExportLayout::cbf;
    run(options);
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const DetectorImage image = ImageFile(folder_ / "out" / fmt::format("image_{:05}.cbf", i)).read();
        ASSERT_EQ(image.values.width, 96);
        for (std::size_t p = 0; p < image.values.size(); ++p) {
            const double photons = std::max(0.0, std::round((records_[i].image.pixels[p] - 10.1) / 2.3));
            ASSERT_EQ(image.values.pixels[p], static_cast<float>(photons));
            ASSERT_EQ(image.valid.pixels[p], 1);
        }
        EXPECT_NEAR(image.beam_fast_px.value(), records_[i].truth.beam_fast_px, 1e-4);
        EXPECT_NEAR(image.beam_slow_px.value(), records_[i].truth.beam_slow_px, 1e-4);
    }
}

TEST_F(Export, AGapOfACbfIsMasked) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.detector = flat_detector(10, 8, 0.172, 100.0, 6.5, 4.25);
    Panel right = experiment.detector.panels.front();
    experiment.detector.panels.front().width_px = 4;
    right.width_px = 3;
    right.image_fast_px = 7;
    right.origin_mm += 7 * right.pixel_size_mm * right.fast_axis;
    experiment.detector.panels.push_back(right);
    Image<std::uint16_t> image(10, 8, 70);
    image(8, 3) = 60000;
    write_minicbf(folder_ / "gap_001.cbf", image, experiment);
    const DetectorImage back = ImageFile(folder_ / "gap_001.cbf").read();
    for (int y = 0; y < 8; ++y) {
        for (int x = 0; x < 10; ++x) EXPECT_EQ(back.valid(x, y), x < 4 || x >= 7 ? 1 : 0);
    }
    EXPECT_EQ(back.values(8, 3), 60000.0F);
    EXPECT_NEAR(back.beam_fast_px.value(), 6.5, 1e-4);
    EXPECT_NEAR(back.beam_slow_px.value(), 4.25, 1e-4);

    experiment.detector.panels.back().origin_mm.z() += 1.0;
    EXPECT_THROW(write_minicbf(folder_ / "bad.cbf", image, experiment), UsageError);
    experiment.detector = flat_detector(10, 9, 0.172, 100.0, 6.5, 4.25);
    EXPECT_THROW(write_minicbf(folder_ / "bad.cbf", image, experiment), UsageError);
}

TEST_F(Export, PatternsArePhotonsInOneStack) {
    ExportOptions options;
    options.layout = ExportLayout::patterns;
    options.view = parse_view("downsample:mean:48");
    EXPECT_EQ(run(options, "patterns.h5"), 11);
    const hdf5::Handle file = hdf5::open_file(folder_ / "patterns.h5");
    const auto patterns = hdf5::read_all<float>(file, "/patterns", {11, 48, 48});
    const auto labels = hdf5::read_all<std::int32_t>(file, "/labels", {11});
    EXPECT_EQ(hdf5::texts_attribute(hdf5::open(file, "/labels"), "names"), info_.class_names);
    for (std::size_t i = 0; i < records_.size(); ++i) {
        EXPECT_EQ(labels[i], records_[i].class_index);
        const View view = make_view(records_[i].image, *options.view, 2.3, 10.1);
        for (std::size_t p = 0; p < 48U * 48U; ++p) {
            ASSERT_NEAR(patterns[i * 48U * 48U + p], view.photons.pixels[p], 1e-4);
        }
    }
}

TEST_F(Export, BadRequestsAreRefusedAndLeaveNothing) {
    const std::size_t before = entries();
    ExportOptions options;
    options.view = parse_view("downsample:max:48");
    EXPECT_THROW(run(options), UsageError);
    options.view = parse_view("tiles:32:0+8bit");
    EXPECT_THROW(run(options), UsageError);
    options.layout = ExportLayout::smv;
    EXPECT_THROW(run(options), UsageError);
    options.layout = ExportLayout::patterns;
    options.view = parse_view("native+8bit");
    EXPECT_THROW(run(options), UsageError);
    options = {};
    options.threads = 0;
    EXPECT_THROW(run(options), UsageError);
    options.threads = 1;
    EXPECT_THROW(run(options, "corpus.h5"), DataError);
    EXPECT_THROW(run(options, "missing/out"), DataError);
    options.layout = ExportLayout::hollatz;  // the made-up corpus has no readable recipe
    EXPECT_THROW(run(options), UsageError);
    EXPECT_EQ(entries(), before);
    fs::create_directory(folder_ / "full");
    std::ofstream(folder_ / "full" / "mine.txt") << "keep";
    options = {};
    EXPECT_THROW(run(options, "full"), DataError);
    EXPECT_EQ(files("full").at("mine.txt"), "keep");
    fs::create_directory(folder_ / "empty");
    EXPECT_EQ(run(options, "empty"), 11);
}

// A corpus whose last image is damaged fails late; nothing may be left of the others.
TEST_F(Export, AFailureInTheMiddleLeavesNothing) {
    const std::size_t before = entries();
    for (const int threads : {1, 4}) {
        ExportOptions options;
        options.threads = threads;
        const CorpusReader corpus(folder_ / "corpus.h5");
        EXPECT_THROW(export_corpus(corpus, folder_ / "out", options,
                                   [](std::int64_t done, std::int64_t) {
                                       if (done == 7) throw DataError("stop");
                                   }),
                     DataError);
        EXPECT_EQ(entries(), before);
    }
}

TEST_F(Export, TwoClassesNeverShareAFolder) {
    EXPECT_EQ(folder_name("a/b"), "a_b");
    EXPECT_EQ(folder_name(".."), "_..");
    EXPECT_EQ(folder_name(""), "_");
    EXPECT_EQ(folder_name("très bon"), "très bon");
    info_.class_names = {"a/b", "a_b", "c", "d"};
    test::write_small_corpus(folder_ / "clash.h5", info_);
    EXPECT_THROW(export_corpus(CorpusReader(folder_ / "clash.h5"), folder_ / "out", {}, ignore_progress), UsageError);
}

TEST_F(Export, HollatzHasBytesAndOneLineOfLabelsPerImage) {
    setenv("BRAGGBENCH_CACHE", (folder_ / "cache").c_str(), 1);
    const Recipe recipe =
        load_recipe("diffranet-small",
                    {"corpus.image_count=12", "detector.width_px=96", "detector.height_px=80", "crystal.d_min_A=6",
                     "detector.beam_fast_px=50", "corpus.seed=7", "crystal.model=photosystem-2"});
    generate(recipe, folder_ / "real.h5", 1, ignore_progress);
    const CorpusReader corpus(folder_ / "real.h5");
    ExportOptions options;
    options.layout = ExportLayout::hollatz;
    EXPECT_EQ(export_corpus(corpus, folder_ / "out", options, ignore_progress), 12);
    std::istringstream table(files().at("multiclasses.txt"));
    const std::vector<float> mosaic = corpus.drawn("crystal.mosaic_spread_rms_deg");
    for (std::size_t i = 0; i < 12; ++i) {
        std::string name;
        int blank = 0;
        int photo1 = 0;
        int photo2 = 0;
        int multilattice = 0;
        int ice = 0;
        int badice = 0;
        double mosaic1 = 0;
        double mosaic2 = 0;
        ASSERT_TRUE(table >> name >> blank >> photo1 >> photo2 >> multilattice >> ice >> badice >> mosaic1 >> mosaic2);
        EXPECT_EQ(name, fmt::format("fake_{:05}.pgm", i + 1));
        const SceneRule& scene = recipe.classes[static_cast<std::size_t>(corpus.class_indices()[i])].scene;
        EXPECT_EQ(blank, scene.crystal ? 0 : 1);
        EXPECT_EQ(photo1 + photo2 + blank, 1);
        EXPECT_EQ(photo1, 0);
        EXPECT_EQ(multilattice + ice + badice, 0);
        EXPECT_NEAR(mosaic1, scene.crystal ? static_cast<double>(mosaic[i]) : 0.0, 1e-6);
        EXPECT_EQ(mosaic2, 0.0);
        const std::string bytes = read_file_bytes(folder_ / "out" / name);
        EXPECT_EQ(bytes.rfind("P5\n96 80\n255\n", 0), 0U);
        EXPECT_EQ(bytes.size(), 13U + 96U * 80U);
        const View view = make_view(corpus.image(static_cast<std::int64_t>(i)), parse_view("native+sqrt+8bit"),
                                    recipe.response.gain_adu_per_photon, recipe.response.offset_adu);
        const cv::Mat image = cv::imread((folder_ / "out" / name).string(), cv::IMREAD_UNCHANGED);
        ASSERT_EQ(image.type(), CV_8U);
        for (int y = 0; y < 80; ++y) {
            for (int x = 0; x < 96; ++x) {
                ASSERT_EQ(static_cast<float>(image.at<std::uint8_t>(y, x)), view.photons(x, y));
            }
        }
    }
    std::string rest;
    EXPECT_FALSE(table >> rest);
}

}  // namespace
}  // namespace braggbench
