#include <algorithm>
#include <cmath>

#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_shapes.hpp"

namespace braggbench::pixels {
namespace {

constexpr int tile_size = tile_px * tile_px;
// Steps that may be summed in the kernel's precision before the sum moves to double.
constexpr int steps_per_flush = 64;

template <class T>
struct alignas(64) Kernel {
    std::array<T, tile_size> dx, dy, dz;  // unit diffracted direction minus that of the tile's middle
    std::array<T, tile_size> factor;      // of the step's source, or 1
    std::array<T, tile_size> sum;
    std::array<double, tile_size> total;

    // Adds weight * F^2 * shape for one step. `base` is the tile's middle in indices of this step, `slope` the matrix
    // from directions to indices.
    template <class Shape>
    void add(const Shape& shape, const IntensityTable& table, const Eigen::Vector3d& base, const Eigen::Matrix3d& slope,
             T weight) {
        const Eigen::Vector3d whole = base.array().round();
        const Eigen::Matrix<T, 3, 1> rest = (base - whole).template cast<T>();
        const Eigen::Matrix<T, 3, 3> m = slope.template cast<T>();
        const T m00 = m(0, 0), m01 = m(0, 1), m02 = m(0, 2);
        const T m10 = m(1, 0), m11 = m(1, 1), m12 = m(1, 2);
        const T m20 = m(2, 0), m21 = m(2, 1), m22 = m(2, 2);
        const T r0 = rest[0], r1 = rest[1], r2 = rest[2];
        std::array<T, 3> low{};
        std::array<T, 3> high{};
        for (std::size_t axis = 0; axis < 3; ++axis) {
            const double first = table.first[axis] - whole[static_cast<Eigen::Index>(axis)];
            low[axis] = static_cast<T>(first);
            high[axis] = static_cast<T>(first + table.count[axis] - 1);
        }
        const T low0 = low[0], low1 = low[1], low2 = low[2];
        const T high0 = high[0], high1 = high[1], high2 = high[2];
        const int stride0 = table.count[1] * table.count[2];
        const int stride1 = table.count[2];
        const float* const f2 = table.f2.data();
        const T* const x = dx.data();
        const T* const y = dy.data();
        const T* const z = dz.data();
        const T* const f = factor.data();
        T* const s = sum.data();
        alignas(64) std::array<int, tile_size> places;
        alignas(64) std::array<T, tile_size> values;
        int* const place = places.data();
        T* const shapes = values.data();
        for (int i = 0; i < tile_size; ++i) {
            const T h = r0 + m00 * x[i] + m01 * y[i] + m02 * z[i];
            const T k = r1 + m10 * x[i] + m11 * y[i] + m12 * z[i];
            const T l = r2 + m20 * x[i] + m21 * y[i] + m22 * z[i];
            const T nh = round_to_whole(h);
            const T nk = round_to_whole(k);
            const T nl = round_to_whole(l);
            const int ih = static_cast<int>(std::min(std::max(nh, low0), high0) - low0);
            const int ik = static_cast<int>(std::min(std::max(nk, low1), high1) - low1);
            const int il = static_cast<int>(std::min(std::max(nl, low2), high2) - low2);
            place[i] = ih * stride0 + ik * stride1 + il;
            shapes[i] = weight * f[i] * shape(h - nh, k - nk, l - nl);
        }
        // Apart, because a loop with look-ups does not become SIMD code.
        for (int i = 0; i < tile_size; ++i) s[i] += shapes[i] * static_cast<T>(f2[place[i]]);
    }

    void flush() {
        for (std::size_t i = 0; i < tile_size; ++i) {
            total[i] += static_cast<double>(sum[i]);
            sum[i] = T(0);
        }
    }
};

template <class T, class Shape>
class Dense {
public:
    Dense(const Scene& scene, const Lattice& lattice, const Shape& shape)
        : scene_(scene), lattice_(lattice), shape_(shape) {}

    void add(const TileGeometry& tile, std::span<const Step> steps) {
        Kernel<T>& kernel = kernel_;
        kernel.sum.fill(T(0));
        kernel.total.fill(0.0);
        kernel.factor.fill(T(1));
        for (std::size_t i = 0; i < tile_size; ++i) {
            const Eigen::Vector3d offset = tile.direction[i] - tile.middle;
            kernel.dx[i] = static_cast<T>(offset.x());
            kernel.dy[i] = static_cast<T>(offset.y());
            kernel.dz[i] = static_cast<T>(offset.z());
        }
        const bool per_source = polarization_varies(scene_) || scene_.options->pixel_d_min_A > 0;
        int source = -1;
        int pending = 0;
        for (const Step& step : steps) {
            const Source& beam = scene_.sources[static_cast<std::size_t>(step.source)];
            if (per_source && step.source != source) weigh_for(tile, beam);
            source = step.source;
            const Eigen::Matrix3d slope =
                lattice_.hkl_from_lab[static_cast<std::size_t>(step.setting)] / beam.wavelength_A;
            const Eigen::Vector3d base = slope * (tile.middle - beam.incident);
            kernel.add(shape_, lattice_.table, base, slope, static_cast<T>(step.weight));
            if (++pending == steps_per_flush) {
                kernel.flush();
                pending = 0;
            }
        }
        kernel.flush();
    }
    [[nodiscard]] const std::array<double, tile_size>& total() const { return kernel_.total; }

private:
    void weigh_for(const TileGeometry& tile, const Source& source) {
        for (std::size_t i = 0; i < tile_size; ++i) {
            kernel_.factor[i] = static_cast<T>(source_factor(scene_, source, tile.direction[i]));
        }
    }

    const Scene& scene_;
    const Lattice& lattice_;
    Shape shape_;
    Kernel<T> kernel_{};
};

template <class T, class Shape>
void add_panel(const Scene& scene, const Lattice& lattice, const Shape& shape, const Panel& panel,
               const PixelRegion& region, Image<double>& image) {
    const int points = scene.sampling->oversample * scene.sampling->oversample;
    std::vector<std::vector<Step>> steps;
    for (int point = 0; point < points; ++point) {
        steps.emplace_back();
        for (int spindle = 0; spindle < scene.spindle_steps; ++spindle) {
            const auto more = scene.steps(spindle, point);
            steps.back().insert(steps.back().end(), more.begin(), more.end());
        }
        // One factor for each source.
        std::ranges::stable_sort(steps.back(), {}, &Step::source);
    }
    Dense<T, Shape> dense(scene, lattice, shape);
    TileGeometry tile;
    for (int slow = region.slow_first; slow <= region.slow_last; slow += tile_px) {
        for (int fast = region.fast_first; fast <= region.fast_last; fast += tile_px) {
            for (int layer = 0; layer < scene.sampling->thickness_steps; ++layer) {
                for (int point = 0; point < points; ++point) {
                    trace_tile(scene, panel, fast, slow, layer, point, tile);
                    dense.add(tile, steps[static_cast<std::size_t>(point)]);
                    tile.deposit(region, lattice.photons_per_e2_sr / points, dense.total(), panel, image);
                }
            }
        }
    }
}

template <class Make>
void choose_precision(const Scene& scene, const Lattice& lattice, const Panel& panel, const Make& make) {
    if (single_precision_suffices(scene, lattice, panel, tile_px)) {
        make.template operator()<float>();
    } else {
        make.template operator()<double>();
    }
}

}  // namespace

void add_dense(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
               Image<double>& image) {
    choose_precision(scene, lattice, panel, [&]<class T>() {
        const auto run = [&](const auto& shape) { add_panel<T>(scene, lattice, shape, panel, region, image); };
        switch (lattice.crystal->shape) {
            case BlockShape::gaussian:
            case BlockShape::gaussian_stock:
                return run(GaussianShape<T>(lattice.shape_from_hkl));
            case BlockShape::top_hat:
                return run(TopHatShape<T>(lattice.shape_from_hkl));
            case BlockShape::square:
                return run(SquareShape<T>(lattice.crystal->cells_per_block));
            case BlockShape::round:
                return run(RoundShape<T>(lattice.shape_from_hkl));
        }
    });
}

}  // namespace braggbench::pixels
