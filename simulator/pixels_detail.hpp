// What the ways of the pixels integrator share: tables of intensities, settings of a lattice, the geometry of a square
// of pixels. pixels_dense.cpp visits every pixel with every step, pixels_tricubic.cpp does so with interpolated
// amplitudes, pixels_sparse.cpp visits only the pixels that a reflection of a compact shape can reach. Lab frame, mm
// and 1/A.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "simulator/pixels.hpp"

namespace braggbench::pixels {

// One term of the sum: a setting of the lattice with a source.
struct Step {
    int setting = 0;  // index into Lattice::settings
    int source = 0;   // index into Scene::sources
    double weight = 1.0;
};

// F^2 times exp(-2 B s^2) on the box of the structure factors with a margin of 1, which holds what lies outside.
struct IntensityTable {
    std::array<int, 3> first{};
    std::array<int, 3> count{};
    std::vector<float> f2;

    // Beyond the box: as on its margin.
    [[nodiscard]] float operator()(int h, int k, int l) const;
};

// One crystal in all its settings.
struct Lattice {
    const Crystal* crystal = nullptr;
    Eigen::Matrix3d lab_from_hkl;
    std::vector<Eigen::Matrix3d> settings;      // block * spindle, the spindle's slowest
    std::vector<Eigen::Matrix3d> hkl_from_lab;  // of each setting
    // Upper triangular. The interference function falls with x = |shape_from_hkl dh|: exp(-x^2) in intensity, or x < 1,
    // or a sphere's with x in cells. The cells of the square shape along its diagonal.
    Eigen::Matrix3d shape_from_hkl;
    double photons_per_e2_sr = 0.0;  // r_e^2 fluence blocks cells^2, and pi / 6 for an ellipsoid
    IntensityTable table;
};

// Everything that does not depend on the pixel.
struct Scene {
    const Experiment* experiment = nullptr;
    const PixelSampling* sampling = nullptr;
    const PixelOptions* options = nullptr;
    std::vector<Source> sources;  // their weights sum to 1
    bool one_direction = true;    // all sources share it
    int blocks = 1;
    int spindle_steps = 1;

    // The steps at one point of the pixel and one spindle setting. The weights of all points and spindle settings
    // together sum to the number of points.
    [[nodiscard]] std::vector<Step> steps(int spindle, int point) const;
};

// For one incident direction: the electric field prefers lab x.
class PolarizationFrame {
public:
    explicit PolarizationFrame(const Eigen::Vector3d& incident);
    // Kahn et al. 1982: 0.5 (1 + cos^2 2theta - K cos(2 psi) sin^2 2theta).
    [[nodiscard]] double factor(const Eigen::Vector3d& direction, double kahn_factor) const {
        const double cosine = direction.dot(incident_);
        const double e = direction.dot(electric_);
        const double b = direction.dot(magnetic_);
        return 0.5 * (1.0 + cosine * cosine - kahn_factor * (e * e - b * b));
    }

private:
    Eigen::Vector3d incident_, electric_, magnetic_;
};

// True if the polarisation factor must be computed for each source; otherwise it is part of TileGeometry::factor.
bool polarization_varies(const Scene& scene);

// What depends on the source in one direction: polarisation if it varies, 0 beyond pixel_d_min_A.
double source_factor(const Scene& scene, const Source& source, const Eigen::Vector3d& direction);

// Pixels along an edge of a tile: small enough that directions relative to the middle are exact to 1e-9 in single
// precision, and that all of it stays in the first cache.
inline constexpr int tile_px = 16;

// One point of each pixel of a square of a panel, on one sensor layer. Pixels beyond the panel's edge are traced too.
struct TileGeometry {
    int fast = 0, slow = 0;  // of its first pixel, within the panel
    Eigen::Vector3d middle;  // a unit vector
    std::array<Eigen::Vector3d, tile_px * tile_px> direction;
    std::array<double, tile_px * tile_px> factor;  // solid angle * capture * polarisation that is not for each source

    // Adds scale * factor * values to the image, inside `region` of the panel.
    void deposit(const PixelRegion& region, double scale, std::span<const double> values, const Panel& panel,
                 Image<double>& image) const;
};

void trace_tile(const Scene& scene, const Panel& panel, int fast, int slow, int layer, int point, TileGeometry& tile);

// The middle of point `point` of oversample^2 within its pixel.
Eigen::Vector2d point_in_pixel(int oversample, int point);

// Where a point of a panel on a sensor layer is, curvature included.
Eigen::Vector3d place_mm(const Scene& scene, const Panel& panel, double fast_px, double slow_px, int layer);

// True if the kernels may work in float on directions relative to a point at most `reach_px` / 2 pixels away along both
// axes: the argument of the interference function then errs by less than 5e-6.
bool single_precision_suffices(const Scene& scene, const Lattice& lattice, const Panel& panel, int reach_px);

// The same for Gaussians, whose argument changes by `argument_from_direction` with a direction: by less than 5e-6.
bool single_precision_holds(const Eigen::Matrix3d& argument_from_direction, const Panel& panel, int reach_px);

// Add the expected Bragg photons of one panel's region (in its own pixels) to the image.
void add_dense(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
               Image<double>& image);
// True if add_sparse() gives the same image: a compact shape that ends well before the next lattice point, flat pixels,
// no limit by pixel.
bool sparse_suffices(const Scene& scene, const Lattice& lattice, const Panel& panel);
void add_sparse(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                Image<double>& image);
void add_tricubic(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                  Image<double>& image);

}  // namespace braggbench::pixels
