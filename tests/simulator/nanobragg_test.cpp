// The spots integrator and the background against images of nanoBragg itself (../shared/reference/nanobragg, MODEL.md
// there gives its model). Its MOSFLM frame has the beam along x, fast along z and slow along -y, so ours is
// (x, y, z) = (-z, y, x) of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/nanobragg/run.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

// Absolute: the tests go into folders of their own.
const std::filesystem::path reference =
    std::filesystem::absolute(std::filesystem::path(SHARED_DIR) / "reference" / "nanobragg");
constexpr int size_px = 256;
constexpr double pixel_mm = 0.2;
constexpr double distance_mm = 120.0;
constexpr double beam_px = 129.0;

Image<float> reference_image(const std::string& name) {
    Image<float> image(size_px, size_px);
    std::ifstream file(reference / name / "float_fixed.bin", std::ios::binary);
    file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.size() * sizeof(float)));
    EXPECT_TRUE(file.good()) << name;
    return image;
}

// Stock nanoBragg's GAUSS has an isotropic width of sqrt(0.63 / 4) / (Na Nb Nc) in 1/A, which N_i = 1000 / a_i cells
// reproduce for 10 x 10 x 10. It samples the middle of each pixel, so ours are 1 / 100 as large and as far apart as
// its.
TEST(NanoBragg, GaussianSpotsAgreePointByPoint) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    const Image<float> expected = reference_image("01_gauss_1dom");

    const UnitCell cell{60, 70, 80, 90, 90, 90};
    Eigen::Matrix3d a_matrix;
    std::ifstream matrix(reference / "01_gauss_1dom" / "A.mat");
    for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column) matrix >> a_matrix(row, column);
    }
    ASSERT_TRUE(matrix.good());
    Eigen::Matrix3d ours_from_theirs;
    ours_from_theirs << 0, 0, -1, 0, 1, 0, 1, 0, 0;

    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.fluence_photons_per_m2 = 1e24;
    experiment.beam.polarization = 0.0;
    Crystal crystal;
    crystal.structure_factors = std::make_shared<const StructureFactors>(
        structure_factors_from_hkl(reference / "inputs" / "P1_60x70x80.hkl", cell));
    crystal.lab_from_crystal = ours_from_theirs * a_matrix * reciprocal_basis(cell).inverse();
    crystal.cells_per_block = Eigen::Vector3d(1000.0 / 60, 1000.0 / 70, 1000.0 / 80);
    // One block of theirs: blocks * cells^2 = 1000^2.
    const double cells = crystal.cells_per_block.prod();
    crystal.illuminated_volume_um3 = 1e6 / cells * volume_A3(cell) * 1e-12;
    experiment.crystals.push_back(crystal);

    const float largest = *std::ranges::max_element(expected.pixels);
    constexpr double shrink = 100.0;
    std::vector<float> theirs;
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) {
            if (expected(fast, slow) < 1e-5F * largest) continue;
            Panel panel;
            panel.width_px = panel.height_px = 1;
            panel.pixel_size_mm = pixel_mm / shrink;
            panel.image_fast_px = static_cast<int>(theirs.size());
            const Eigen::Vector3d middle((beam_px - fast - 0.5) * pixel_mm, (beam_px - slow - 0.5) * pixel_mm,
                                         distance_mm);
            panel.origin_mm = middle - 0.5 * panel.pixel_size_mm * (panel.fast_axis + panel.slow_axis);
            experiment.detector.panels.push_back(panel);
            // They took no account of polarisation.
            theirs.push_back(expected(fast, slow) * static_cast<float>(polarization_factor(middle.normalized(), 0.0)));
        }
    }
    ASSERT_GT(theirs.size(), 30U);
    experiment.detector.image_width_px = static_cast<int>(theirs.size());
    experiment.detector.image_height_px = 1;
    const Rendering rendering = render(experiment);
    double difference = 0;
    double sum = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        const double ours = static_cast<double>(rendering.expected_photons.pixels[i]) * shrink * shrink;
        difference += std::abs(ours - static_cast<double>(theirs[i]));
        sum += static_cast<double>(theirs[i]);
    }
    RecordProperty("R", std::to_string(difference / sum));
    EXPECT_LT(difference / sum, 0.003) << theirs.size() << " pixels";
}

// Where the water's F is still its forward 2.57 electrons that nanoBragg takes everywhere; its molar mass is 18.
TEST(NanoBragg, WaterAgreesAtTheBeam) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    const Image<float> expected = reference_image("16_water_20um");
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.fluence_photons_per_m2 = 1.0 / (classical_electron_radius_m * classical_electron_radius_m);
    experiment.beam.polarization = 0.0;
    experiment.beam.diameter_um = 20.0 * std::sqrt(4.0 / std::numbers::pi);
    experiment.detector = flat_detector(size_px, size_px, pixel_mm, distance_mm, beam_px, beam_px);
    experiment.background = {{"water", 20.0}};
    const Image<float> image = render_background(experiment);
    for (const int pixel : {120, 128, 129, 135}) {
        EXPECT_NEAR(image(pixel, 128) / expected(pixel, 128) * 18.015F / 18.0F, 1.0F, 2e-3F) << pixel;
    }
}

std::vector<std::string> command_words(const std::filesystem::path& folder) {
    std::ifstream file(folder / "command.txt");
    std::vector<std::string> words;
    for (std::string word; file >> word;) words.push_back(word);
    if (std::filesystem::exists(folder / "umats.txt")) {
        words.emplace_back("-mosaic_blocks_file");
        words.emplace_back("umats.txt");
    }
    return words;
}

std::vector<float> read_floats(const std::filesystem::path& path) {
    std::vector<float> values(std::filesystem::file_size(path) / sizeof(float));
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    EXPECT_TRUE(file.good()) << path;
    return values;
}

double largest_difference(const std::vector<float>& ours, const std::vector<float>& theirs) {
    EXPECT_EQ(ours.size(), theirs.size());
    float difference = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) difference = std::max(difference, std::abs(ours[i] - theirs[i]));
    return static_cast<double>(difference / *std::ranges::max_element(theirs));
}

// The current directory for as long as it lives.
struct Inside {
    explicit Inside(const std::filesystem::path& folder) : before(std::filesystem::current_path()) {
        std::filesystem::current_path(folder);
    }
    ~Inside() { std::filesystem::current_path(before); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    std::filesystem::path before;
};

TEST(NanoBragg, EveryReferenceImageIsReproduced) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    int cases = 0;
    for (const auto& entry : std::filesystem::directory_iterator(reference)) {
        if (!std::filesystem::exists(entry.path() / "command.txt")) continue;
        ++cases;
        const Inside inside(entry.path());
        std::vector<std::string> words = command_words(entry.path());
        for (const bool stock : {false, true}) {
            if (stock) words.emplace_back("--stock");
            const nanobragg::Run run = nanobragg::prepare(nanobragg::parse_options(words));
            const Image<float> image = render_pixels(run.experiment, run.sampling, run.pixels);
            EXPECT_LT(largest_difference(image.pixels, read_floats(stock ? "float.bin" : "float_fixed.bin")), 1e-5)
                << entry.path().filename() << (stock ? ", stock" : "");
        }
    }
    EXPECT_GE(cases, 16);
}

TEST(NanoBragg, IntegerImageIsTheSameFile) {
    if (!std::filesystem::exists(reference)) GTEST_SKIP() << "no nanoBragg images in " << reference;
    const auto folder = reference / "22_noise_smv";
    const auto output = std::filesystem::temp_directory_path() / ("braggbench_nanobragg_" + std::to_string(getpid()));
    std::filesystem::create_directories(output);
    const Inside inside(folder);
    nanobragg::Options options = nanobragg::parse_options(command_words(folder));
    const nanobragg::Run run = nanobragg::prepare(options);
    options.int_file = output / "int.img";
    options.noise_file = output / "noise.img";
    options.pgm_file = output / "image.pgm";
    options.float_file = output / "float.bin";
    const Image<float> image = render_pixels(run.experiment, run.sampling, run.pixels);
    nanobragg::write_images(options, run, image);
    const auto bytes = [](const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string ours = bytes(output / "int.img");
    const std::string theirs = bytes(folder / "int.img");
    ASSERT_EQ(ours.size(), theirs.size());
    EXPECT_EQ(ours.substr(0, 512), theirs.substr(0, 512));
    int differ = 0;
    for (std::size_t i = 512; i < ours.size(); ++i) differ += ours[i] != theirs[i] ? 1 : 0;
    EXPECT_LE(differ, 2);
    const std::string noise = bytes(output / "noise.img");
    ASSERT_EQ(noise.size(), theirs.size());
    // Poisson with the offset of 40: the sum and chi^2 over bright pixels.
    double sum = 0;
    double chi2 = 0;
    int bright = 0;
    double expected = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
        const auto low = static_cast<unsigned char>(noise[512 + 2 * i]);
        const auto high = static_cast<unsigned char>(noise[513 + 2 * i]);
        const double photons = low + 256.0 * high - 40.0;
        const auto mean = static_cast<double>(image.pixels[i]);
        sum += photons;
        expected += mean;
        if (mean > 5) {
            chi2 += (photons - mean) * (photons - mean) / mean;
            ++bright;
        }
    }
    EXPECT_NEAR(sum, expected, 5 * std::sqrt(expected));
    ASSERT_GT(bright, 20);
    EXPECT_NEAR(chi2 / bright, 1.0, 5 * std::sqrt(2.0 / bright));
    std::filesystem::remove_all(output);
}

// A cubic crystal with its axes along the convention's: where the beam and the reflection (h k 0) lie follows by hand.
TEST(NanoBragg, BeamAndReflectionLieWhereTheConventionPutsThem) {
    struct Expected {
        const char* convention;
        double beam_fast_px, beam_slow_px;
    };
    // Of 100 x 80 pixels of 0.1 mm, with the beam at X 4.2 and Y 3.1 mm; XDS and DIALS go by ORGX and ORGY.
    for (const Expected& e :
         {Expected{"-mosflm", 31.5, 42.5}, Expected{"-denzo", 31.0, 42.0}, Expected{"-adxv", 42.0, 49.0},
          Expected{"-xds", 30.0, 20.0}, Expected{"-dials", 30.0, 20.0}}) {
        const std::vector<std::string> words = {e.convention, "-detpixels_f", "100",   "-detpixels_s", "80",   "-pixel",
                                                "0.1",        "-distance",    "50",    "-Xbeam",       "4.2",  "-Ybeam",
                                                "3.1",        "-ORGX",        "30.5",  "-ORGY",        "20.5", "-cell",
                                                "50",         "50",           "50",    "90",           "90",   "90",
                                                "-default_F", "100",          "-dump", "/nonexistent"};
        const nanobragg::Run run = nanobragg::prepare(nanobragg::parse_options(words));
        const Panel& panel = run.experiment.detector.panels.front();
        const Eigen::Vector3d beam(0, 0, 50.0);
        const Eigen::Vector3d offset = beam - panel.origin_mm;
        EXPECT_NEAR(offset.dot(panel.fast_axis) / 0.1, e.beam_fast_px, 1e-9) << e.convention;
        EXPECT_NEAR(offset.dot(panel.slow_axis) / 0.1, e.beam_slow_px, 1e-9) << e.convention;
        // The plane is square to the beam.
        EXPECT_NEAR(std::abs(panel.fast_axis.cross(panel.slow_axis).z()), 1.0, 1e-12);
    }
}

TEST(NanoBragg, WhatItCannotUseIsNamed) {
    const auto prepare = [](std::vector<std::string> words) {
        for (const char* word : {"-default_F", "10", "-dump", "/nonexistent"}) words.emplace_back(word);
        return nanobragg::prepare(nanobragg::parse_options(words));
    };
    const std::vector<std::string> cell = {"-cell", "50", "50", "50", "90", "90", "90"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), cell.begin(), cell.end());
        return more;
    };
    EXPECT_NO_THROW(prepare(cell));
    EXPECT_THROW(prepare(with({"-distanse", "100"})), UsageError);
    EXPECT_THROW(prepare(with({"-distance"})), UsageError);
    EXPECT_THROW(prepare(with({"-distance", "-100"})), UsageError);
    EXPECT_THROW(prepare(with({"-distance", "nan"})), UsageError);
    EXPECT_THROW(prepare({"-cell", "50", "50", "50", "30", "30", "120"}), UsageError);
    EXPECT_THROW(prepare(with({"-hdivrange", "1", "-hdivsteps", "1000000000"})), UsageError);
    EXPECT_THROW(prepare(with({"-mosaic", "1", "-mosaic_domains", "1000000000"})), UsageError);
    EXPECT_THROW(prepare(with({"-fdet_vector", "1", "0", "0"})), UsageError);
    EXPECT_THROW(prepare(with({"-roi", "5000", "6000", "0", "10"})), UsageError);
    EXPECT_THROW(prepare(with({"-sourcefile", "/nonexistent"})), DataError);
    EXPECT_THROW(prepare(with({"-hkl", "/nonexistent"})), DataError);
    EXPECT_THROW(prepare(with({"-mosaic_blocks_file", "/nonexistent"})), DataError);
    try {
        prepare(with({"-distanse", "100"}));
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("-distance"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace braggbench
