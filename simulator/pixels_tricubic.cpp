#include <array>
#include <cmath>

#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_shapes.hpp"

namespace braggbench::pixels {
namespace {

// Weights of the values at -1, 0, 1, 2 for the cubic through them at t.
std::array<double, 4> cubic_weights(double t) {
    return {-t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2, -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6};
}

class Amplitudes {
public:
    Amplitudes(const Lattice& lattice, const PixelOptions& options) : table_(&lattice.table) {
        if (options.outside) {
            const MillerIndex& low = options.outside->box_min;
            const MillerIndex& high = options.outside->box_max;
            low_ = Eigen::Vector3d(low.h, low.k, low.l);
            high_ = Eigen::Vector3d(high.h, high.k, high.l);
        } else {
            for (int axis = 0; axis < 3; ++axis) {
                const auto i = static_cast<std::size_t>(axis);
                low_[axis] = table_->first[i] + 1;
                high_[axis] = table_->first[i] + table_->count[i] - 2;
            }
        }
    }
    // F^2; that of the nearest reflection within two indices of the box's faces, where cubics would need more.
    [[nodiscard]] double operator()(const Eigen::Vector3d& hkl) const {
        if ((hkl.array() > high_.array() - 2.0).any() || (hkl.array() < low_.array() + 2.0).any()) {
            const Eigen::Vector3i nearest = (hkl.array() - 0.5).ceil().cast<int>();
            return static_cast<double>((*table_)(nearest[0], nearest[1], nearest[2]));
        }
        const Eigen::Vector3d floor = hkl.array().floor();
        const Eigen::Vector3i base = floor.cast<int>();
        const auto wh = cubic_weights(hkl[0] - floor[0]);
        const auto wk = cubic_weights(hkl[1] - floor[1]);
        const auto wl = cubic_weights(hkl[2] - floor[2]);
        double f = 0.0;
        for (int h = 0; h < 4; ++h) {
            for (int k = 0; k < 4; ++k) {
                for (int l = 0; l < 4; ++l) {
                    const double f2 = static_cast<double>((*table_)(base[0] + h - 1, base[1] + k - 1, base[2] + l - 1));
                    f += wh[static_cast<std::size_t>(h)] * wk[static_cast<std::size_t>(k)] *
                         wl[static_cast<std::size_t>(l)] * std::sqrt(f2);
                }
            }
        }
        return f * f;
    }

private:
    const IntensityTable* table_;
    Eigen::Vector3d low_, high_;
};

template <class Shape>
void add_panel(const Scene& scene, const Lattice& lattice, const Shape& shape, const Panel& panel,
               const PixelRegion& region, Image<double>& image) {
    const Amplitudes amplitudes(lattice, *scene.options);
    const int points = scene.sampling->oversample * scene.sampling->oversample;
    TileGeometry tile;
    std::array<double, tile_px * tile_px> values{};
    for (int slow = region.slow_first; slow <= region.slow_last; slow += tile_px) {
        for (int fast = region.fast_first; fast <= region.fast_last; fast += tile_px) {
            for (int layer = 0; layer < scene.sampling->thickness_steps; ++layer) {
                for (int point = 0; point < points; ++point) {
                    trace_tile(scene, panel, fast, slow, layer, point, tile);
                    values.fill(0.0);
                    for (int spindle = 0; spindle < scene.spindle_steps; ++spindle) {
                        for (const Step& step : scene.steps(spindle, point)) {
                            const Source& source = scene.sources[static_cast<std::size_t>(step.source)];
                            const Eigen::Matrix3d slope =
                                lattice.hkl_from_lab[static_cast<std::size_t>(step.setting)] / source.wavelength_A;
                            for (std::size_t i = 0; i < values.size(); ++i) {
                                const Eigen::Vector3d hkl = slope * (tile.direction[i] - source.incident);
                                const Eigen::Vector3d dh = hkl.array() - (hkl.array() - 0.5).ceil();
                                values[i] += step.weight * source_factor(scene, source, tile.direction[i]) *
                                             amplitudes(hkl) * shape(dh[0], dh[1], dh[2]);
                            }
                        }
                    }
                    tile.deposit(region, lattice.photons_per_e2_sr / points, values, panel, image);
                }
            }
        }
    }
}

}  // namespace

void add_tricubic(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                  Image<double>& image) {
    const auto run = [&](const auto& shape) { add_panel(scene, lattice, shape, panel, region, image); };
    switch (lattice.crystal->shape) {
        case BlockShape::gaussian:
        case BlockShape::gaussian_stock:
            return run(GaussianShape<double>(lattice.shape_from_hkl));
        case BlockShape::top_hat:
            return run(TopHatShape<double>(lattice.shape_from_hkl));
        case BlockShape::square:
            return run(SquareShape<double>(lattice.crystal->cells_per_block));
        case BlockShape::round:
            return run(RoundShape<double>(lattice.shape_from_hkl));
    }
}

}  // namespace braggbench::pixels
