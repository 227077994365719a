// Typical scenes of small-angle scattering, drawn.
#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/experiment.hpp"
#include "simulator/faults.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/random.hpp"
#include "simulator/small_angle.hpp"
#include "simulator/small_angle_curves.hpp"

namespace braggbench {
namespace {

// Draws components whose features lie on the detector, between a tenth of its half width and its edge.
class Drawer {
public:
    Drawer(const Experiment& experiment, double photons_per_px, RandomStream& random)
        : random_(random), wavelength_A_(experiment.beam.wavelength_A), q_max_(largest_q_invA(experiment)) {
        const Panel& panel = experiment.detector.panels.front();
        const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
        per_sr_ = photons_per_px * std::pow(close_mm / panel.pixel_size_mm, 2);
    }

    double q(double low, double high) { return q_max_ * random_.log_uniform(low, high); }
    double angle_deg() { return random_.uniform(0.0, 360.0); }
    int whole(int low, int high) {
        return std::min(high, low + static_cast<int>(random_.uniform(0.0, high - low + 1.0)));
    }
    [[nodiscard]] double photons(double q_invA, double width_invA) const {
        return per_sr_ * 2.0 * std::numbers::pi * wavelength_A_ * wavelength_A_ * q_invA * width_invA *
               std::sqrt(2.0 * std::numbers::pi);
    }

    Ring ring() {
        Ring ring;
        ring.q_invA = q(0.2, 0.6);
        ring.width_rms_invA = ring.q_invA * random_.log_uniform(0.008, 0.05);
        ring.lorentzian_share = random_.uniform(0.0, 0.6);
        ring.photons = photons(ring.q_invA, ring.width_rms_invA);
        return ring;
    }
    FormFactor halo() {
        FormFactor halo;
        // The first minimum, q R = 4.493 / 2 pi, on the detector.
        halo.radius_A = 4.493 / (2.0 * std::numbers::pi) / q(0.25, 0.7);
        halo.size_rms_fraction = random_.log_uniform(0.04, 0.25);
        halo.photons_per_sr = per_sr_;
        return halo;
    }
    Diffuse diffuse(Diffuse::Kind kind) {
        Diffuse diffuse;
        diffuse.kind = kind;
        diffuse.photons_per_sr = per_sr_;
        diffuse.q_scale_invA = kind == Diffuse::Kind::low_q ? q(0.03, 0.15) : q(0.4, 0.9);
        diffuse.power = random_.uniform(2.5, 4.0);
        return diffuse;
    }
    Superlattice lattice(Superlattice::Symmetry symmetry, double first_q_edge) {
        Superlattice lattice;
        lattice.symmetry = symmetry;
        const double first_q = q(0.12, 0.3);
        lattice.edge_A = first_q_edge / first_q;
        lattice.grain_size_A = lattice.edge_A * random_.log_uniform(8.0, 40.0);
        lattice.displacement_rms_A = lattice.edge_A * random_.uniform(0.0, 0.06);
        lattice.most_rings = whole(4, 12);
        lattice.photons = photons(first_q, 0.40 / lattice.grain_size_A);
        return lattice;
    }
    Texture arcs() {
        Texture texture;
        texture.oriented_share = random_.uniform(0.6, 1.0);
        texture.arcs = random_.uniform() < 0.7 ? 2 : whole(1, 3) * 2;
        texture.azimuth_deg = angle_deg();
        texture.arc_rms_deg = random_.log_uniform(4.0, 30.0);
        return texture;
    }
    Texture grains() {
        Texture texture;
        texture.grains = whole(20, 300);
        texture.grain_rms_deg = random_.log_uniform(0.4, 1.5);
        texture.grain_seed = (static_cast<std::uint64_t>(random_.bits()) << 32U) | random_.bits();
        return texture;
    }

    RandomStream& random() { return random_; }

private:
    RandomStream& random_;
    double wavelength_A_;
    double q_max_;
    double per_sr_;
};

}  // namespace

SmallAngle draw_small_angle(SmallAngleScene scene, double photons_per_px, const Experiment& experiment,
                            std::uint64_t seed, std::uint64_t image_index) {
    Faults faults;
    faults.require(photons_per_px >= 0.0 && photons_per_px <= 1e9, "photons_per_px", photons_per_px,
                   "a brightness lies in 0 to 1e9", "Give the photons of a bright pixel.");
    faults.report();
    validate(experiment);
    // Numbers of its own for each scene, so that the sizes of several in one image do not follow each other.
    constexpr std::uint32_t blocks_per_scene = 1U << 16U;
    RandomStream random(seed, image_index, Stage::saxs, static_cast<std::uint32_t>(scene) * blocks_per_scene);
    Drawer draw(experiment, photons_per_px, random);
    using Symmetry = Superlattice::Symmetry;
    SmallAngle result;
    const auto add = [&](const SmallAngleComponent& component) { result.components.push_back(component); };
    switch (scene) {
        case SmallAngleScene::halo:
            add(draw.halo());
            break;
        case SmallAngleScene::ring:
            add(draw.ring());
            break;
        case SmallAngleScene::many_rings: {
            const int rings = draw.whole(4, 8);
            for (int i = 0; i < rings; ++i) {
                Ring ring = draw.ring();
                ring.q_invA *= random.uniform(0.5, 1.5);
                ring.width_rms_invA = ring.q_invA * random.log_uniform(0.006, 0.015);
                ring.photons = random.uniform(0.2, 1.0) * draw.photons(ring.q_invA, ring.width_rms_invA);
                add(ring);
            }
            break;
        }
        case SmallAngleScene::higher_orders: {
            Ring ring = draw.ring();
            ring.q_invA = draw.q(0.12, 0.25);
            ring.width_rms_invA = ring.q_invA * random.log_uniform(0.02, 0.06);
            ring.photons = draw.photons(ring.q_invA, ring.width_rms_invA);
            ring.orders = draw.whole(3, 5);
            ring.order_decay = random.uniform(0.3, 0.7);
            add(ring);
            break;
        }
        case SmallAngleScene::bcc:
            add(draw.lattice(Symmetry::bcc, std::sqrt(2.0)));
            break;
        case SmallAngleScene::fcc:
            add(draw.lattice(Symmetry::fcc, std::sqrt(3.0)));
            break;
        case SmallAngleScene::polycrystalline: {
            Superlattice lattice = draw.lattice(Symmetry::fcc, std::sqrt(3.0));
            lattice.texture = draw.grains();
            add(lattice);
            break;
        }
        case SmallAngleScene::textured: {
            Ring ring = draw.ring();
            ring.texture = draw.arcs();
            add(ring);
            break;
        }
        case SmallAngleScene::oriented: {
            Diffuse streak = draw.diffuse(Diffuse::Kind::low_q);
            streak.q_scale_invA = draw.q(0.15, 0.4);
            streak.elongation = {random.log_uniform(2.0, 6.0), draw.angle_deg()};
            add(streak);
            break;
        }
        case SmallAngleScene::structure_factor: {
            FormFactor packed = draw.halo();
            packed.packing_fraction = random.uniform(0.25, 0.5);
            double brightest = 0.0;
            for (double qr = 0.01; qr < 1.0; qr += 0.01) {
                const double q = qr / packed.radius_A;
                brightest =
                    std::max(brightest, sphere_intensity(q, packed.radius_A, packed.size_rms_fraction) *
                                            hard_sphere_structure_factor(q, packed.radius_A, packed.packing_fraction));
            }
            packed.photons_per_sr /= brightest;
            add(packed);
            break;
        }
        case SmallAngleScene::diffuse_low_q:
            add(draw.diffuse(Diffuse::Kind::low_q));
            break;
        case SmallAngleScene::diffuse_high_q:
            add(draw.diffuse(Diffuse::Kind::high_q));
            break;
        case SmallAngleScene::high_background:
            add(draw.diffuse(Diffuse::Kind::flat));
            break;
    }
    return result;
}

}  // namespace braggbench
