// From a whitened spot to the forms (simulator/spot_form.hpp) whose sum is its intensity.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "simulator/mosaic_cap.hpp"
#include "simulator/smearing.hpp"
#include "simulator/spot_form.hpp"
#include "simulator/spot_whitening.hpp"

namespace braggbench {

// One spot, seen along its rows.
struct SpotView {
    const SmearedReflection& reflection;
    const SpotPlace& place;
    const SpotWhitening& whitening;
    int inner, outer;  // axis along the rows and across them: 0 = fast, 1 = slow
    Eigen::Vector3d inner_axis, outer_axis;

    SpotView(const SmearedReflection& smeared, const SpotPlace& at, const SpotWhitening& whitened, int outer_axis);
};

class SpotForms {
public:
    explicit SpotForms(const Smearing& smearing);
    SpotForms(const SpotForms&) = delete;
    SpotForms& operator=(const SpotForms&) = delete;
    ~SpotForms() = default;

    // photons_per_px, which the points of a pixel share, and its relative change per pixel along fast and slow hold at
    // the place.
    void set(const SpotView& spot, double photons_per_px, int points_per_px,
             const Eigen::Vector2d& relative_slope_per_px);
    // Of the spot that was set last.
    [[nodiscard]] std::span<const SpotForm> forms() const {
        return {parts_.empty() ? &form_ : parts_.data(), std::max<std::size_t>(parts_.size(), 1)};
    }
    [[nodiscard]] SpotMethod method() const { return method_; }
    [[nodiscard]] double curvature_per_px() const { return curvature_per_px_; }  // of the spot's spine

private:
    void set_points(const SpotView& spot, const Eigen::Vector2d& relative_slope_per_px);
    void set_spectrum(const SpotView& spot);
    void set_table(const SpotView& spot);
    void set_cap(const SpotView& spot);
    void set_source(const SpotView& spot);
    void set_index_limits(const SpotView& spot);
    void set_mosaic(const SpotView& spot);
    void split(const SpotView& spot);

    const Smearing& smearing_;
    double sqrt_det_shape_;
    // What a method does not read is left as an earlier spot of the lattice had it.
    SpotForm form_{};
    SpotMethod method_;
    double curvature_per_px_ = 0.0;
    std::vector<SpotForm> parts_;  // instead of the form, where the blur is split
    std::vector<float> band_;
    alignas(32) std::array<float, std::size_t{2} * MosaicCapTable::columns> cap_;
};

}  // namespace braggbench
