#include "simulator/occluders.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "simulator/constants.hpp"
#include "simulator/experiment.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

// How far in front of a pixel a beam stop that touches the detector may seem to lie behind it, relative.
constexpr double contact = 1e-3;

// Distance of a point from the figure of the corners: negative inside a polygon. The sign comes from the crossings of a
// ray with the edges (Shimrat 1962, CACM 5, 434), so that corners may run either way round.
double distance_from_figure_mm(const std::vector<Eigen::Vector2d>& corners, const Eigen::Vector2d& point) {
    if (corners.size() == 1) return (point - corners.front()).norm();
    double nearest2 = std::numeric_limits<double>::infinity();
    bool inside = false;
    for (std::size_t i = 0, before = corners.size() - 1; i < corners.size(); before = i++) {
        const Eigen::Vector2d edge = corners[before] - corners[i];
        const Eigen::Vector2d offset = point - corners[i];
        const double length2 = edge.squaredNorm();
        const double along = length2 > 0 ? std::clamp(offset.dot(edge) / length2, 0.0, 1.0) : 0.0;
        nearest2 = std::min(nearest2, (offset - along * edge).squaredNorm());
        const bool above = corners[i].y() > point.y();
        if (above != (corners[before].y() > point.y()) &&
            (offset.x() * edge.y() < edge.x() * offset.y()) == (edge.y() > 0)) {
            inside = !inside;
        }
    }
    const double distance = std::sqrt(nearest2);
    return inside && corners.size() > 2 ? -distance : distance;
}

// Where the ray to a point of the lab meets the occluder's plane, as the distance from its outline (negative inside),
// and the width of the edge there.
struct Edge {
    double distance_mm;
    double width_mm;
};

Edge edge_at(const Occluder& occluder, const Eigen::Vector3d& position_mm, double pixel_size_mm) {
    const double scale = occluder.distance_mm / position_mm.z();
    return {distance_from_figure_mm(occluder.corners_mm, scale * position_mm.head<2>()) - occluder.radius_mm,
            std::max(occluder.penumbra_mm, scale * pixel_size_mm)};
}

// The edge rises like the integral of a smooth source: 3 t^2 - 2 t^3.
double transmission_at(const Occluder& occluder, const Edge& edge) {
    const double t = std::clamp(edge.distance_mm / edge.width_mm + 0.5, 0.0, 1.0);
    return occluder.transmission + (1.0 - occluder.transmission) * t * t * (3.0 - 2.0 * t);
}

bool stands_before(const Occluder& occluder, double z_mm) { return z_mm >= occluder.distance_mm * (1.0 - contact); }

// The share of what falls on a point of the lab that passes the occluder.
double transmission_at(const Occluder& occluder, const Eigen::Vector3d& position_mm, double pixel_size_mm) {
    if (!stands_before(occluder, position_mm.z())) return 1.0;
    return transmission_at(occluder, edge_at(occluder, position_mm, pixel_size_mm));
}

// Half-open ranges of a panel's pixels.
struct PixelBox {
    int fast_begin, fast_end, slow_begin, slow_end;
};

// Pixels that the occluder may shade. Rays map a convex figure before a panel to a convex one on it, so the corners of
// the outline's bounding box bound its shadow.
PixelBox shadow_box(const Panel& panel, const Occluder& occluder) {
    const PixelBox everything = {0, panel.width_px, 0, panel.height_px};
    Eigen::AlignedBox2d outline;
    for (const Eigen::Vector2d& corner : occluder.corners_mm) outline.extend(corner);
    const double margin = occluder.radius_mm + 0.5 * occluder.penumbra_mm;
    const Eigen::Vector2d low = outline.min().array() - margin;
    const Eigen::Vector2d high = outline.max().array() + margin;
    const Eigen::Vector3d normal = panel.fast_axis.cross(panel.slow_axis);
    const double close_mm = normal.dot(panel.origin_mm);
    Eigen::AlignedBox2d shadow;
    for (const double x : {low.x(), high.x()}) {
        for (const double y : {low.y(), high.y()}) {
            const Eigen::Vector3d ray(x, y, occluder.distance_mm);
            const double stretch = close_mm / normal.dot(ray);
            // Grazing rays and rays away from the panel's plane have no useful image.
            constexpr double longest = 1e4;
            if (!(stretch > 0 && stretch < longest)) return everything;
            const Eigen::Vector3d offset = stretch * ray - panel.origin_mm;
            shadow.extend(Eigen::Vector2d(offset.dot(panel.fast_axis), offset.dot(panel.slow_axis)) /
                          panel.pixel_size_mm);
        }
    }
    // An edge is at least as wide as a pixel.
    const auto begin = [](double px, int size) {
        return static_cast<int>(std::clamp(std::floor(px - 1.0), 0.0, static_cast<double>(size)));
    };
    const auto end = [](double px, int size) {
        return static_cast<int>(std::clamp(std::ceil(px + 1.0), 0.0, static_cast<double>(size)));
    };
    return {begin(shadow.min().x(), panel.width_px), end(shadow.max().x(), panel.width_px),
            begin(shadow.min().y(), panel.height_px), end(shadow.max().y(), panel.height_px)};
}

// The farthest that the foot of a ray moves in the occluder's plane from one pixel of the box to the next; infinite
// where the occluder does not stand before all of them. The point d (x, y) / z moves by at most pixel d / z (1 + rho /
// z).
double longest_step_mm(const Panel& panel, const Occluder& occluder, const PixelBox& box) {
    double nearest_mm = std::numeric_limits<double>::infinity();
    double widest_mm = 0.0;
    for (const int fast : {box.fast_begin, box.fast_end}) {
        for (const int slow : {box.slow_begin, box.slow_end}) {
            const Eigen::Vector3d corner = lab_from_panel_mm(panel, fast, slow);
            nearest_mm = std::min(nearest_mm, corner.z());
            widest_mm = std::max(widest_mm, corner.head<2>().norm());
        }
    }
    if (!stands_before(occluder, nearest_mm)) return std::numeric_limits<double>::infinity();
    return panel.pixel_size_mm * occluder.distance_mm / nearest_mm * (1.0 + widest_mm / nearest_mm);
}

// The distance from an outline changes by no more than the foot moves, so that far from the edge whole runs of pixels
// are open or shaded alike.
void shade_row(const Panel& panel, const Occluder& occluder, const PixelBox& box, int slow, double step_mm,
               float* first_pixel) {
    for (int fast = box.fast_begin; fast < box.fast_end;) {
        const Eigen::Vector3d position = lab_from_panel_mm(panel, fast + 0.5, slow + 0.5);
        float* const pixel = first_pixel + fast;
        if (!stands_before(occluder, position.z())) {
            ++fast;
            continue;
        }
        const Edge edge = edge_at(occluder, position, panel.pixel_size_mm);
        const auto share = static_cast<float>(transmission_at(occluder, edge));
        // The edge may be wider by a step elsewhere.
        const double clear_mm = std::abs(edge.distance_mm) - 0.5 * std::max(edge.width_mm, step_mm);
        const int run =
            clear_mm > step_mm ? 1 + static_cast<int>(std::min(clear_mm / step_mm, box.fast_end - fast - 1.0)) : 1;
        if (share != 1.0F) {
            std::transform(pixel, pixel + run, pixel, [share](float photons) { return photons * share; });
        }
        fast += run;
    }
}

double transmission_at(const Experiment& experiment, double image_fast_px, double image_slow_px) {
    const Panel* panel = panel_at(experiment.detector, image_fast_px, image_slow_px);
    if (panel == nullptr) return 0.0;
    const Eigen::Vector3d position =
        lab_from_panel_mm(*panel, image_fast_px - panel->image_fast_px, image_slow_px - panel->image_slow_px);
    double product = 1.0;
    for (const Occluder& occluder : experiment.occluders) {
        product *= transmission_at(occluder, position, panel->pixel_size_mm);
    }
    return product;
}

// Mean over a Gaussian footprint by the 3 x 3 Gauss-Hermite rule (Abramowitz & Stegun 1964, table 25.10), the gaps
// between panels left out.
double transmission_over(const Experiment& experiment, const Peak& peak) {
    // Standard deviations along two directions that the covariance C = L L^T separates.
    const double fast_sigma = std::sqrt(static_cast<double>(peak.var_fast_px2));
    const double slow_by_fast = fast_sigma > 0 ? static_cast<double>(peak.cov_px2) / fast_sigma : 0.0;
    const double slow_sigma =
        std::sqrt(std::max(static_cast<double>(peak.var_slow_px2) - slow_by_fast * slow_by_fast, 0.0));
    constexpr std::array<double, 3> node = {-1.7320508075688772, 0.0, 1.7320508075688772};
    constexpr std::array<double, 3> weight = {1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0};
    double sum = 0.0;
    double weights = 0.0;
    for (std::size_t i = 0; i < node.size(); ++i) {
        for (std::size_t j = 0; j < node.size(); ++j) {
            const double fast = static_cast<double>(peak.fast_px) + node[i] * fast_sigma;
            const double slow = static_cast<double>(peak.slow_px) + node[i] * slow_by_fast + node[j] * slow_sigma;
            if (panel_at(experiment.detector, fast, slow) == nullptr) continue;
            sum += weight[i] * weight[j] * transmission_at(experiment, fast, slow);
            weights += weight[i] * weight[j];
        }
    }
    return weights > 0 ? sum / weights : 1.0;
}

}  // namespace

Occluder circular_stop(const Eigen::Vector2d& centre_mm, double diameter_mm, double distance_mm, double penumbra_mm) {
    return {{centre_mm}, 0.5 * diameter_mm, distance_mm, 0.0, penumbra_mm};
}

Occluder linear_stop(const Eigen::Vector2d& from_mm, const Eigen::Vector2d& to_mm, double width_mm, double distance_mm,
                     double penumbra_mm) {
    const Eigen::Vector2d along = (to_mm - from_mm).normalized();
    const Eigen::Vector2d across = 0.5 * width_mm * Eigen::Vector2d(-along.y(), along.x());
    return {{from_mm + across, from_mm - across, to_mm - across, to_mm + across}, 0.0, distance_mm, 0.0, penumbra_mm};
}

Occluder wedge_stop(const Eigen::Vector2d& apex_mm, double direction_deg, double opening_deg, double length_mm,
                    double distance_mm, double penumbra_mm) {
    const double direction = direction_deg * rad_per_deg;
    const Eigen::Vector2d along = length_mm * Eigen::Vector2d(std::cos(direction), std::sin(direction));
    const Eigen::Vector2d across = std::tan(0.5 * opening_deg * rad_per_deg) * Eigen::Vector2d(-along.y(), along.x());
    return {{apex_mm, apex_mm + along + across, apex_mm + along - across}, 0.0, distance_mm, 0.0, penumbra_mm};
}

void check(const Occluder& occluder, const std::string& name, Faults& faults) {
    if (occluder.corners_mm.empty()) {
        faults.add(name + "corners_mm (there are none). Give one for a disc, two for a bar, more for a polygon.");
    }
    if (!std::ranges::all_of(occluder.corners_mm, [](const auto& corner) { return corner.allFinite(); })) {
        faults.add(name + "corners_mm (they must be finite numbers). Give x and y in millimetres for each.");
    }
    faults.require(occluder.distance_mm > 0, name + "distance_mm", occluder.distance_mm,
                   "a beam stop stands downstream of the sample", "Give a positive distance.");
    faults.require(occluder.radius_mm >= 0, name + "radius_mm", occluder.radius_mm, "a radius cannot be negative",
                   "Give it in millimetres.");
    faults.require(occluder.radius_mm > 0 || occluder.corners_mm.size() > 2, name + "radius_mm", occluder.radius_mm,
                   "a disc or a bar without a radius hides nothing", "Give it in millimetres.");
    faults.require(occluder.transmission >= 0 && occluder.transmission <= 1, name + "transmission",
                   occluder.transmission, "it is a share of the photons", "Give a number from 0 to 1.");
    faults.require(occluder.penumbra_mm >= 0, name + "penumbra_mm", occluder.penumbra_mm, "a width cannot be negative",
                   "Give it in millimetres.");
}

Image<float> transmission(const Experiment& experiment) {
    const Image<std::uint8_t> active = active_pixels(experiment.detector);
    Image<float> result(active.width, active.height);
    std::ranges::transform(active.pixels, result.pixels.begin(),
                           [](std::uint8_t on) { return static_cast<float>(on); });
    shade(experiment, result);
    return result;
}

void shade(const Experiment& experiment, Image<float>& expected_photons) {
    for (const Occluder& occluder : experiment.occluders) {
        for (const Panel& panel : experiment.detector.panels) {
            const PixelBox box = shadow_box(panel, occluder);
            const double step_mm = longest_step_mm(panel, occluder, box);
            for (int slow = box.slow_begin; slow < box.slow_end; ++slow) {
                shade_row(panel, occluder, box, slow, step_mm,
                          &expected_photons(panel.image_fast_px, panel.image_slow_px + slow));
            }
        }
    }
}

void shade(const Experiment& experiment, std::vector<Peak>& peaks) {
    if (experiment.occluders.empty()) return;
    for (Peak& peak : peaks) peak.photons *= static_cast<float>(transmission_over(experiment, peak));
    std::erase_if(peaks, [](const Peak& peak) { return peak.photons < listed_peak_min_photons; });
}

}  // namespace braggbench
