// Gaussian reflections of blocks that all meet the same sources: all wavelengths of one direction see a pixel along one
// ray through the origin of reciprocal space, so that a block's place beside the ray is found once for all of them.
//
// In the frame of the shape's argument, turned so that the lattice point lies on the third axis at n, a block sees the
// pixel at X + (0, 0, n) = Y for the reference wavelength and at e Y for another, e being their ratio. With y = |Y|,
// u = y - n and tau = y n |Y / y - (0, 0, 1)|^2 the squared argument is (u e + (e - 1) n)^2 + tau e: an exponential and
// a few products a wavelength. Lab frame, |s| = 1 / lambda; the argument is in units that make the shape 2^-x^2.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_patch.hpp"
#include "simulator/pixels_spots.hpp"

namespace braggbench::pixels {

// Neighbouring wavelengths of one direction, from the longest to the shortest.
struct RayGroup {
    static constexpr std::size_t most = 16;
    Eigen::Vector3d incident;
    int source = 0;             // one of them
    double wavelength_A = 0.0;  // the reference
    double shortest_A = 0.0, longest_A = 0.0;
    std::vector<double> stretch;  // e, ascending
    std::vector<double> log2_weight;
};

class RayPainter {
public:
    // The largest piece of a panel that is summed at a time, in cells of 4 x 2 pixels.
    static constexpr int tile_px = 24;
    // Below this argument at the lattice point itself (the origin's distance) reflections are not for it.
    static constexpr double least_argument = 40.0;

    RayPainter(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region);

    // The layer and point of the pixels.
    void set_grid(const PointGrid& grid, double close_mm);
    // The settings, and their part of the weights.
    void set_steps(const StepTable& table);

    // False, and nothing done, for a reflection that is not for it. `r` is the lattice point of the unturned crystal,
    // `rotated` what the settings make of it. What lies beyond x^2 = x2 may be left out. Adds f2 times the sums to an
    // image of the panel; `largest` rises to the largest value there.
    bool paint(const Eigen::Vector3d& r, const std::array<std::vector<double>, 3>& rotated, double f2, double x2,
               std::vector<double>& image, double& largest);

private:
    // The first term left out is below 1e-7 of the largest sum.
    static constexpr std::size_t series_terms = 4;
    static constexpr double series_limit = 0.025;

    // Of one block's footprint for all wavelengths of a group, in pixels of the panel, both ends included.
    struct BlockBox {
        std::size_t block;
        int fast_low, fast_high, slow_low, slow_high;
    };
    // The points of a tile's pixels, cell by cell, and the sums there.
    template <class T>
    struct Tile {
        static constexpr std::size_t size = std::size_t(tile_px) * tile_px;
        alignas(64) std::array<T, size> x, y, z;  // the direction, relative to the middle's
        alignas(64) std::array<T, size> sum;
        alignas(64) std::array<T, size> u, tau, outside, clipped;
        alignas(64) std::array<std::array<T, size>, series_terms> moment;           // sums over blocks of tau^k 2^-tau
        alignas(64) std::array<std::array<T, size>, RayGroup::most> of_wavelength;  // weight 2^-(u e + (e - 1) n)^2
        alignas(64) std::array<std::array<T, size>, 3> index;
        int fast = 0, slow = 0, columns = 0, rows = 0;  // columns a multiple of 4, rows of 2
        Eigen::Vector3d middle;
    };

    // How the shape's argument and the borders to the next cells look from a reflection.
    struct Frame {
        double argument = 0.0;  // of the lattice point, from the origin
        double limit = 0.0;     // of x^2
        std::size_t borders = 0;
        std::array<Eigen::Vector3d, 3> index;  // of the axes on which it reaches into the next cell
    };

    void turn_settings(const Eigen::Matrix3d& argument);
    void outline(const RayGroup& group, const std::array<std::vector<double>, 3>& rotated, double r2, double reach,
                 double limit);
    template <class T>
    void paint_group(Tile<T>& tile, const RayGroup& group, const Frame& frame,
                     const std::array<std::vector<double>, 3>& rotated, double scale, std::vector<double>& image,
                     double& largest);
    template <class T>
    void place(Tile<T>& tile, int fast, int slow, int columns, int rows) const;
    template <class T, std::size_t borders>
    void add_block(Tile<T>& tile, const RayGroup& group, const Frame& frame, const BlockBox& box,
                   const Eigen::Vector3d& r, bool series) const;
    template <class T>
    void begin_series(Tile<T>& tile, const RayGroup& group, const Frame& frame) const;
    template <class T>
    void end_series(Tile<T>& tile, const RayGroup& group) const;

    const Scene& scene_;
    const Panel& panel_;
    PixelRegion region_;
    std::vector<RayGroup> groups_;
    Eigen::Matrix3d argument_from_lab_;  // of the unturned crystal
    Eigen::Matrix3d hkl_from_argument_;
    double widest_, narrowest_;  // 1/A per unit of the argument
    bool round_;
    double spread_ = 1.0;  // of footprints, between blocks
    bool single_precision_;
    PointGrid grid_;
    double close_px_ = 0.0;
    Eigen::Vector3d normal_;
    std::size_t blocks_ = 0;
    const std::array<std::vector<double>, 9>* rotation_ = nullptr;
    std::array<std::vector<double>, 9> turned_;  // from the lab to the shape's argument, of each block
    std::array<std::vector<double>, 4> edges_;
    std::vector<BlockBox> boxes_, of_tile_;
    Tile<float> single_{};
    Tile<double> double_{};
};

}  // namespace braggbench::pixels
