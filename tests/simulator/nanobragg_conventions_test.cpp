// Where one reflection falls on the detector in every convention of nanoBragg, from cell, missetting, wavelength,
// distance and beam centre by Bragg's law and a plane cut by a ray: arithmetic that shares nothing with the front end.
// Reference: the table of conventions in nanoBragg.c (J. Holton). Vectors in the convention's own frame.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "simulator/nanobragg/run.hpp"

namespace braggbench {
namespace {

using Eigen::Vector3d;

constexpr double rad = std::numbers::pi / 180.0;
constexpr double wavelength_A = 1.1;
constexpr double distance_mm = 90.0;
constexpr double pixel_mm = 0.2;
constexpr int width_px = 400, height_px = 360;

enum class Pivot { beam, sample };

struct Convention {
    std::string name;
    std::vector<std::string> words;
    Vector3d beam, fast, slow, out, twotheta;
    Pivot pivot;
    // Along fast and slow from the outer corner of pixel (0, 0): the beam, or the point nearest to the sample.
    double first_mm, second_mm;
};

const Vector3d x = Vector3d::UnitX(), y = Vector3d::UnitY(), z = Vector3d::UnitZ();

// The beam at X 34.2 and Y 41.3 mm; where a convention goes by the nearest point, that at X 190.5 and Y 198 pixels.
std::vector<Convention> conventions() {
    const std::vector<std::string> at_beam = {"-Xbeam", "34.2", "-Ybeam", "41.3"};
    const std::vector<std::string> at_org = {"-ORGX", "190.5", "-ORGY", "198"};
    const auto with = [](std::vector<std::string> words, const std::vector<std::string>& more) {
        words.insert(words.end(), more.begin(), more.end());
        return words;
    };
    const double height_mm = height_px * pixel_mm;
    return {
        // X runs along slow and Y along fast, both from the middle of the first pixel.
        {"mosflm", with({"-mosflm"}, at_beam), x, z, -y, x, -z, Pivot::beam, 41.3 + 0.1, 34.2 + 0.1},
        {"denzo", with({"-denzo"}, at_beam), x, z, -y, x, -z, Pivot::beam, 41.3, 34.2},
        // Y counts from the last row.
        {"adxv", with({"-adxv"}, at_beam), z, x, -y, z, -x, Pivot::beam, 34.2, height_mm - 41.3},
        // Pixel 1 has its middle at 1.
        {"xds", with({"-xds"}, at_org), z, x, y, z, x, Pivot::sample, 38.0, 39.5},
        {"dials", with({"-dials"}, at_org), z, x, y, z, y, Pivot::sample, 38.0, 39.5},
        {"custom, beam",
         with({"-beam_vector", "0", "0", "1", "-fdet_vector",  "0", "1", "0", "-sdet_vector",   "-1", "0", "0",
               "-odet_vector", "0", "0", "1", "-polar_vector", "1", "0", "0", "-twotheta_axis", "0",  "1", "0"},
              at_beam),
         z, y, -x, z, y, Pivot::beam, 34.2, 41.3},
        {"custom, nearest point",
         with({"-beam_vector", "0", "0", "1", "-fdet_vector",  "0", "1", "0", "-sdet_vector",   "-1", "0", "0",
               "-odet_vector", "0", "0", "1", "-polar_vector", "1", "0", "0", "-twotheta_axis", "0",  "1", "0"},
              {"-Xclose", "38.0", "-Yclose", "39.5"}),
         z, y, -x, z, y, Pivot::sample, 38.0, 39.5},
    };
}

// An orthorhombic cell with its axes along the frame's, turned about x, then y, then z.
const Vector3d cell_A(48, 60, 72);
const Vector3d hkl(4, 3, -5);

Vector3d turned(const Vector3d& misset_deg) {
    return Eigen::AngleAxisd(misset_deg.z() * rad, z) *
           (Eigen::AngleAxisd(misset_deg.y() * rad, y) *
            (Eigen::AngleAxisd(misset_deg.x() * rad, x) * Vector3d(hkl.cwiseQuotient(cell_A))));
}

// The missetting that brings the reflection onto the Ewald sphere: |s0 + r| = |s0|, or r along the beam is -lambda r^2
// /
// 2. By halving.
Vector3d bragg_misset(const Vector3d& beam) {
    const auto excess = [&](double about_y_deg) {
        const Vector3d r = turned({7.0, about_y_deg, -4.0});
        return r.dot(beam) + 0.5 * wavelength_A * r.squaredNorm();
    };
    double low = -180.0;
    while (excess(low) * excess(low + 5.0) > 0 && low < 180.0) low += 5.0;
    double high = low + 5.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (excess(low) * excess(middle) > 0 ? low : high) = middle;
    }
    return {7.0, low, -4.0};
}

Eigen::Vector2d by_hand_px(const Convention& c, const Vector3d& misset_deg, double twotheta_deg) {
    const Eigen::AngleAxisd swing(twotheta_deg * rad, c.twotheta);
    const Vector3d fast = swing * c.fast;
    const Vector3d slow = swing * c.slow;
    const Vector3d middle = c.pivot == Pivot::beam ? Vector3d(distance_mm * c.beam) : swing * (distance_mm * c.out);
    const Vector3d corner = middle - c.first_mm * fast - c.second_mm * slow;
    // corner + f fast + s slow = t (s0 + r)
    Eigen::Matrix3d plane;
    plane << fast, slow, -(c.beam / wavelength_A + turned(misset_deg));
    return plane.partialPivLu().solve(-corner).head<2>() / pixel_mm;
}

TEST(NanoBragg, OneReflectionLiesWhereEveryConventionPutsIt) {
    const auto folder = std::filesystem::temp_directory_path() / ("braggbench_convention_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "one.hkl") << "4 3 -5 100\n";
    for (const Convention& convention : conventions()) {
        const Vector3d misset_deg = bragg_misset(convention.beam);
        for (const double twotheta_deg : {0.0, 8.0}) {
            std::vector<std::string> words = convention.words;
            const std::string text = fmt::format(
                "-detpixels_f {} -detpixels_s {} -pixel {} -distance {} -lambda {} -cell 48 60 72 90 90 90 -misset {} "
                "{} {} "
                "-hkl {} -dump /dev/null -N 8 -gauss_xtal -oversample 3",
                width_px, height_px, pixel_mm, distance_mm, wavelength_A, misset_deg.x(), misset_deg.y(),
                misset_deg.z(), (folder / "one.hkl").string());
            std::istringstream more(text + (twotheta_deg != 0 ? fmt::format(" -twotheta {}", twotheta_deg) : ""));
            for (std::string word; more >> word;) words.push_back(word);
            // Conventions keep their pivot, vectors take that of the last option: -twotheta's is the sample.
            if (convention.name == "custom, beam") words.insert(words.end(), {"-pivot", "beam"});
            const nanobragg::Run run = nanobragg::prepare(nanobragg::parse_options(words));
            const Image<float> image = render_pixels(run.experiment, run.sampling, run.pixels);
            ASSERT_EQ(image.width, width_px);
            ASSERT_EQ(image.height, height_px);
            double sum = 0;
            Eigen::Vector2d first = Eigen::Vector2d::Zero();
            Eigen::Vector2d brightest = Eigen::Vector2d::Zero();
            float largest = 0;
            for (int slow = 0; slow < image.height; ++slow) {
                for (int fast = 0; fast < image.width; ++fast) {
                    const float value = image(fast, slow);
                    if (!(value > 0)) continue;
                    sum += static_cast<double>(value);
                    first += static_cast<double>(value) * Eigen::Vector2d(fast + 0.5, slow + 0.5);
                    if (value > largest) {
                        largest = value;
                        brightest = {fast, slow};
                    }
                }
            }
            const Eigen::Vector2d expected = by_hand_px(convention, misset_deg, twotheta_deg);
            const std::string what = convention.name + ", two-theta " + std::to_string(twotheta_deg);
            ASSERT_GT(sum, 0) << what << ": expected at " << expected.transpose();
            EXPECT_NEAR(first.x() / sum, expected.x(), 0.1) << what;
            EXPECT_NEAR(first.y() / sum, expected.y(), 0.1) << what;
            EXPECT_LE((brightest + Eigen::Vector2d(0.5, 0.5) - expected).cwiseAbs().maxCoeff(), 0.6) << what;
        }
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace braggbench
