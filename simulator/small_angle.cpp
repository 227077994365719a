#include "simulator/small_angle.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <type_traits>

#include "simulator/constants.hpp"
#include "simulator/experiment.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/faults.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/random.hpp"
#include "simulator/small_angle_curves.hpp"

namespace braggbench {
namespace {

constexpr std::size_t block_px = 32;

// A function on equal steps from `low` to `high`, linear between them and 0 outside.
class Curve {
public:
    Curve(double low, double high, std::size_t steps)
        : low_(static_cast<float>(low)),
          per_step_(static_cast<float>(static_cast<double>(steps) / (high - low))),
          values_(steps + 2, 0.0F),
          low_exact_(low),
          step_((high - low) / static_cast<double>(steps)) {}

    // Adds f over [from, to], which lies within the curve or beyond.
    template <class Function>
    void add(double from, double to, const Function& f) {
        const auto last = static_cast<double>(values_.size() - 2);
        const auto begin =
            static_cast<std::size_t>(std::clamp(std::ceil((from - low_exact_) / step_), 0.0, last + 1.0));
        const auto end =
            static_cast<std::size_t>(std::clamp(std::floor((to - low_exact_) / step_) + 1.0, 0.0, last + 1.0));
        for (std::size_t i = begin; i < end; ++i)
            values_[i] += static_cast<float>(f(low_exact_ + static_cast<double>(i) * step_));
    }
    void add_gaussian(double middle, double rms, double reach, double weight) {
        const auto last = static_cast<double>(values_.size() - 2);
        const auto begin =
            static_cast<int>(std::clamp(std::ceil((middle - reach - low_exact_) / step_), 0.0, last + 1.0));
        const auto end =
            static_cast<int>(std::clamp(std::floor((middle + reach - low_exact_) / step_) + 1.0, 0.0, last + 1.0));
        const auto first = static_cast<float>((low_exact_ + begin * step_ - middle) / rms);
        const auto per_step = static_cast<float>(step_ / rms);
        const auto height = static_cast<float>(weight);
        float* const out = values_.data() + begin;
        for (int i = 0; i < end - begin; ++i) {
            const float u = first + static_cast<float>(i) * per_step;
            out[i] += height * fast_exp(-0.5F * u * u);
        }
    }
    void scale(double factor) {
        for (float& value : values_) value *= static_cast<float>(factor);
    }
    [[nodiscard]] double mean() const {
        double sum = 0.0;
        for (std::size_t i = 0; i + 2 < values_.size(); ++i) sum += static_cast<double>(values_[i]);
        return sum / static_cast<double>(values_.size() - 2);
    }
    // The last step meets the first, as on a circle.
    void close() { values_[values_.size() - 2] = values_[0]; }

    [[nodiscard]] float low() const { return low_; }
    [[nodiscard]] float high() const { return low_ + static_cast<float>(values_.size() - 2) / per_step_; }

    [[nodiscard]] double operator()(double x) const {
        const double t = std::clamp((x - low_exact_) / step_, 0.0, static_cast<double>(values_.size() - 2));
        const auto i = static_cast<std::size_t>(t);
        return static_cast<double>(values_[i]) + (t - std::floor(t)) * static_cast<double>(values_[i + 1] - values_[i]);
    }

    // Multiplies out[i] by the curve at x[i], a block at a time: first the places, in SIMD code, then the look-ups.
    void multiply(const float* x, std::size_t count, float* out) const {
        std::array<int, block_px> place;
        std::array<float, block_px> part;
        const float low = low_;
        const float per_step = per_step_;
        const auto last = static_cast<float>(values_.size() - 2);
        for (std::size_t i = 0; i < count; ++i) {
            const float raw = (x[i] - low) * per_step;
            const float positive = raw > 0.0F ? raw : 0.0F;
            const float t = positive < last ? positive : last;
            place[i] = static_cast<int>(t);
            part[i] = t - static_cast<float>(place[i]);
        }
        const float* const values = values_.data();
        for (std::size_t i = 0; i < count; ++i) {
            const float* const at = values + place[i];
            out[i] *= at[0] + part[i] * (at[1] - at[0]);
        }
    }

private:
    float low_;
    float per_step_;
    std::vector<float> values_;
    double low_exact_;
    double step_;
};

// What one pass over the pixels adds: a curve of q, perhaps of an elongated q, times a curve of the azimuth.
struct Term {
    Curve radial;
    std::vector<Curve> azimuthal;  // none or one
    Elongation elongation;
};

constexpr std::size_t azimuth_steps = 2048;
constexpr std::size_t radial_steps = 4096;
constexpr std::size_t ring_steps = 1024;

bool is_even(const Texture& texture) { return texture.oriented_share <= 0.0 && texture.grains <= 0; }

// Adds wrapped Gaussians around `turn` in [0, 1). A grainy powder has thousands.
void add_spot(Curve& curve, double turn, double rms_turns, double weight) {
    constexpr double reach = 5.0;
    for (const double middle : {turn - 1.0, turn, turn + 1.0})
        curve.add_gaussian(middle, rms_turns, reach * rms_turns, weight);
}

// Photons against the azimuth in turns, with mean 1. Grains of different components and rings are independent.
Curve azimuth_curve(const Texture& texture, int component, int ring) {
    Curve arcs(0.0, 1.0, azimuth_steps);
    if (texture.oriented_share > 0.0) {
        for (int i = 0; i < texture.arcs; ++i) {
            const double turn = texture.azimuth_deg / 360.0 + static_cast<double>(i) / texture.arcs;
            add_spot(arcs, turn - std::floor(turn), texture.arc_rms_deg / 360.0, 1.0);
        }
        arcs.close();
        arcs.scale(texture.oriented_share / arcs.mean());
    }
    arcs.add(0.0, 1.0, [&](double) { return 1.0 - texture.oriented_share; });
    if (texture.grains <= 0) return arcs;
    Curve spots(0.0, 1.0, azimuth_steps);
    RandomStream random(texture.grain_seed,
                        1000 * static_cast<std::uint64_t>(component) + static_cast<std::uint64_t>(ring), Stage::saxs);
    double weight_sum = 0.0;
    for (int i = 0; i < texture.grains; ++i) {
        const double turn = random.uniform();
        // Volumes of crystallites spread widely; an exponential law stands for them.
        const double weight = -std::log(random.uniform()) * arcs(turn);
        add_spot(spots, turn, texture.grain_rms_deg / 360.0, weight);
        weight_sum += weight;
    }
    spots.close();
    if (weight_sum > 0.0 && spots.mean() > 0.0) {
        spots.scale(1.0 / spots.mean());
        return spots;
    }
    return arcs;
}

// rms of a pixel's own width in q, at the scattering vector q on the first panel.
double pixel_rms_invA(const Experiment& experiment, double q_invA) {
    const Panel& panel = experiment.detector.panels.front();
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    const double wavelength_A = experiment.beam.wavelength_A;
    const double half_sine = std::min(1.0, 0.5 * q_invA * wavelength_A);
    const double cosine = 1.0 - 2.0 * half_sine * half_sine;
    const double width =
        panel.pixel_size_mm / (close_mm * wavelength_A) * std::sqrt(1.0 - half_sine * half_sine) * cosine * cosine;
    return width / std::sqrt(12.0);
}

class Terms {
public:
    explicit Terms(const Experiment& experiment)
        : experiment_(experiment),
          q_max_(largest_q_invA(experiment) * (1.0 + 1e-6)),
          terms_{{Curve(0.0, q_max_, radial_steps), {}, {}}} {
        const SmallAngle& small_angle = experiment.small_angle;
        for (std::size_t i = 0; i < small_angle.components.size(); ++i) {
            std::visit([&](const auto& c) { add(c, static_cast<int>(i)); }, small_angle.components[i]);
        }
        for (const RingTruth& ring : list_rings(small_angle)) add_ring(ring);
    }

    [[nodiscard]] const std::vector<Term>& list() const { return terms_; }

    // The one term of a ring, by itself.
    [[nodiscard]] Term ring_alone(const RingTruth& ring) const {
        const SmallAngleComponent& component =
            experiment_.small_angle.components[static_cast<std::size_t>(ring.component)];
        const auto [texture, share] = std::visit(
            [](const auto& c) {
                double lorentzian = 0.0;
                if constexpr (requires { c.lorentzian_share; }) lorentzian = c.lorentzian_share;
                return std::pair<Texture, double>(c.texture, lorentzian);
            },
            component);
        const double width = std::hypot(ring.width_rms_invA, pixel_rms_invA(experiment_, ring.q_invA));
        const RingProfile profile =
            ring_profile(ring.q_invA, width, share, ring.photons, experiment_.beam.wavelength_A);
        const double low = std::max(0.0, ring.q_invA - profile.reach_invA());
        const double high = ring.q_invA + profile.reach_invA();
        Term term{Curve(low, high, ring_steps), {}, {}};
        term.radial.add(low, high, profile);
        if (!is_even(texture)) term.azimuthal.push_back(azimuth_curve(texture, ring.component, ring.order));
        return term;
    }

private:
    template <class Function>
    void add_smooth(const Elongation& elongation, const Texture& texture, int number, const Function& f) {
        if (elongation.aspect == 1.0 && is_even(texture)) {
            terms_[0].radial.add(0.0, q_max_, f);
            return;
        }
        const double reach = q_max_ * std::max(1.0, elongation.aspect);
        Term term{Curve(0.0, reach, radial_steps), {}, elongation};
        term.radial.add(0.0, reach, f);
        if (!is_even(texture)) term.azimuthal.push_back(azimuth_curve(texture, number, 0));
        terms_.push_back(std::move(term));
    }
    void add(const FormFactor& c, int number) {
        add_smooth(c.elongation, c.texture, number, [&](double q) {
            double value = c.photons_per_sr * (c.body == FormFactor::Body::coil
                                                   ? coil_intensity(q, c.radius_A)
                                                   : sphere_intensity(q, c.radius_A, c.size_rms_fraction));
            if (c.packing_fraction > 0.0) value *= hard_sphere_structure_factor(q, c.radius_A, c.packing_fraction);
            return value;
        });
    }
    void add(const Diffuse& c, int number) {
        add_smooth(c.elongation, c.texture, number, [&](double q) {
            const double u2 = q * q / (c.q_scale_invA * c.q_scale_invA);
            switch (c.kind) {
                case Diffuse::Kind::low_q:
                    return c.photons_per_sr * std::pow(1.0 + u2, -0.5 * c.power);
                case Diffuse::Kind::high_q:
                    return -c.photons_per_sr * std::expm1(-u2);
                case Diffuse::Kind::flat:
                    break;
            }
            return c.photons_per_sr;
        });
    }
    void add(const Ring&, int) {}
    void add(const Superlattice&, int) {}

    void add_ring(const RingTruth& ring) {
        if (ring.photons <= 0.0) return;
        Term term = ring_alone(ring);
        if (static_cast<double>(term.radial.low()) > q_max_) return;
        if (!term.azimuthal.empty()) {
            terms_.push_back(std::move(term));
            return;
        }
        terms_[0].radial.add(static_cast<double>(term.radial.low()), static_cast<double>(term.radial.high()),
                             term.radial);
    }

    const Experiment& experiment_;
    double q_max_;
    std::vector<Term> terms_;  // the first holds everything that is round and even
};

// Azimuth in turns, in [0, 1], to 2e-6. The polynomial is atan's on [-1, 1].
inline float turns(float y, float x) {
    const float ax = std::abs(x);
    const float ay = std::abs(y);
    const float small = ay > ax ? ax : ay;
    const float large = (ay > ax ? ay : ax) + 1e-30F;
    const float a = small / large;
    const float a2 = a * a;
    float angle =
        a * (0.99997726F +
             a2 * (-0.33262347F + a2 * (0.19354346F + a2 * (-0.11643287F + a2 * (0.05265332F - a2 * 0.01172120F)))));
    angle *= 0.5F * std::numbers::inv_pi_v<float>;
    angle = ay > ax ? 0.25F - angle : angle;
    angle = x < 0.0F ? 0.5F - angle : angle;
    return y < 0.0F ? 1.0F - angle : angle;
}

// Works through rows; keeps what they share.
class RowAdder {
public:
    explicit RowAdder(const Experiment& experiment)
        : per_photon_(static_cast<float>(1.0 / (classical_electron_radius_m * classical_electron_radius_m *
                                                experiment.beam.fluence_photons_per_m2))) {}

    void start(const PixelRow& row) {
        const std::size_t count = row.stol_invA.size();
        photons_per_photon_sr_.resize(count);
        for (std::size_t i = 0; i < count; ++i) photons_per_photon_sr_[i] = per_photon_ * row.photons_per_e2[i];
        azimuth_is_known_ = false;
        blocks_.clear();
        for (std::size_t begin = 0; begin < count; begin += block_px) {
            const std::size_t end = std::min(count, begin + block_px);
            const float* const stol = row.stol_invA.data();
            // q has a single extremum along a straight row.
            const bool turns_inside =
                (stol[std::min(begin + 1, end - 1)] < stol[begin]) != (stol[end - 1] < stol[std::max(end - 2, begin)]);
            Block block{begin, end, 2.0F * std::min(stol[begin], stol[end - 1]),
                        2.0F * std::max(stol[begin], stol[end - 1])};
            if (turns_inside) {
                block.low = 0.0F;
                block.high = std::numeric_limits<float>::max();
            }
            blocks_.push_back(block);
        }
    }

    void add(const Term& term, const PixelRow& row, std::span<float> pixels) {
        const bool is_round = term.elongation.aspect == 1.0;
        for (const Block& block : blocks_) {
            if (is_round && !meets(term, block)) continue;
            const std::size_t count = block.end - block.begin;
            std::array<float, block_px> value;
            std::array<float, block_px> q;
            for (std::size_t i = 0; i < count; ++i) value[i] = photons_per_photon_sr_[block.begin + i];
            find_q(term.elongation, row, block, q.data());
            term.radial.multiply(q.data(), count, value.data());
            if (!term.azimuthal.empty()) {
                find_azimuth(row);
                term.azimuthal[0].multiply(azimuth_.data() + block.begin, count, value.data());
            }
            float* const out = pixels.data() + block.begin;
            for (std::size_t i = 0; i < count; ++i) out[i] += value[i];
        }
    }

private:
    struct Block {
        std::size_t begin;
        std::size_t end;
        float low;  // of q
        float high;
    };

    static bool meets(const Term& term, const Block& block) {
        return block.high >= term.radial.low() && block.low <= term.radial.high();
    }

    void find_azimuth(const PixelRow& row) {
        if (azimuth_is_known_) return;
        azimuth_is_known_ = true;
        azimuth_.resize(row.qx_invA.size());
        const float* const qx = row.qx_invA.data();
        const float* const qy = row.qy_invA.data();
        float* const azimuth = azimuth_.data();
        for (std::size_t i = 0; i < row.qx_invA.size(); ++i) azimuth[i] = turns(qy[i], qx[i]);
    }

    // |q|, or that of a pattern narrowed along an axis.
    static void find_q(const Elongation& elongation, const PixelRow& row, const Block& block, float* q) {
        const std::size_t count = block.end - block.begin;
        const float* const stol = row.stol_invA.data() + block.begin;
        for (std::size_t i = 0; i < count; ++i) q[i] = 2.0F * stol[i];
        if (elongation.aspect == 1.0) return;
        const double axis = elongation.axis_deg * rad_per_deg;
        const auto ax = static_cast<float>(std::cos(axis));
        const auto ay = static_cast<float>(std::sin(axis));
        const auto longer = static_cast<float>(elongation.aspect * elongation.aspect - 1.0);
        const float* const qx = row.qx_invA.data() + block.begin;
        const float* const qy = row.qy_invA.data() + block.begin;
        for (std::size_t i = 0; i < count; ++i) {
            const float along = ax * qx[i] + ay * qy[i];
            const float q2 = q[i] * q[i] + longer * along * along;
            q[i] = std::sqrt(q2 > 0.0F ? q2 : 0.0F);
        }
    }

    float per_photon_;
    bool azimuth_is_known_ = false;
    std::vector<float> photons_per_photon_sr_;
    std::vector<float> azimuth_;
    std::vector<Block> blocks_;
};

void check(const Texture& texture, const std::string& name, Faults& faults) {
    faults.require(texture.oriented_share >= 0 && texture.oriented_share <= 1, name + "oriented_share",
                   texture.oriented_share, "a share lies in [0, 1]", "Give 0 for an even circle.");
    faults.require(texture.arcs >= 1 && texture.arcs <= 24, name + "arcs", texture.arcs, "a circle holds 1 to 24 arcs",
                   "Give 2 for a fibre, 6 for a hexagonal domain.");
    faults.require(std::abs(texture.azimuth_deg) <= 3600, name + "azimuth_deg", texture.azimuth_deg,
                   "an azimuth is an angle", "Give it in degrees from lab +x towards +y.");
    faults.require(texture.arc_rms_deg >= 0.3 && texture.arc_rms_deg <= 180, name + "arc_rms_deg", texture.arc_rms_deg,
                   "arcs are tabulated every 0.18 degrees", "Give an rms width from 0.3 to 180 degrees.");
    faults.require(texture.grains >= 0 && texture.grains <= 100000, name + "grains", texture.grains,
                   "a ring shows 0 to 100000 crystallites", "Give 0 for a smooth ring.");
    faults.require(texture.grain_rms_deg >= 0.3 && texture.grain_rms_deg <= 180, name + "grain_rms_deg",
                   texture.grain_rms_deg, "spots are tabulated every 0.18 degrees",
                   "Give an rms width from 0.3 to 180 degrees.");
}

void check(const Elongation& elongation, const std::string& name, Faults& faults) {
    faults.require(elongation.aspect >= 0.02 && elongation.aspect <= 50, name + "aspect", elongation.aspect,
                   "an elongation lies in 0.02 to 50", "Give 1 for a round pattern.");
    faults.require(std::abs(elongation.axis_deg) <= 3600, name + "axis_deg", elongation.axis_deg,
                   "an azimuth is an angle", "Give it in degrees from lab +x towards +y.");
}

void require_photons(double photons, const std::string& name, Faults& faults) {
    // Sums of 1e30 still fit single precision.
    faults.require(photons >= 0 && photons <= 1e30, name, photons, "a number of photons lies in [0, 1e30]",
                   "Give those of one exposure.");
}

void check(const FormFactor& c, const std::string& name, Faults& faults) {
    faults.require(c.radius_A > 0 && c.radius_A <= 1e6, name + "radius_A", c.radius_A,
                   "a body has a radius up to a million A", "Give it in angstrom.");
    faults.require(c.size_rms_fraction >= 0 && c.size_rms_fraction <= 0.5, name + "size_rms_fraction",
                   c.size_rms_fraction, "Gaussian radii must not reach below 0", "Give 0 to 0.5.");
    faults.require(c.packing_fraction >= 0 && c.packing_fraction <= 0.6, name + "packing_fraction", c.packing_fraction,
                   "Percus and Yevick's fluid freezes or jams beyond 0.6", "Give 0 for a dilute sample.");
    require_photons(c.photons_per_sr, name + "photons_per_sr", faults);
    check(c.elongation, name + "elongation.", faults);
    check(c.texture, name + "texture.", faults);
}

void check(const Ring& c, const std::string& name, Faults& faults) {
    faults.require(c.q_invA > 0 && c.q_invA <= 10, name + "q_invA", c.q_invA, "a ring has a q of 0 to 10 / A",
                   "Give 1/d, without a factor 2 pi.");
    faults.require(c.width_rms_invA > 1e-9 && c.width_rms_invA <= c.q_invA, name + "width_rms_invA", c.width_rms_invA,
                   "a ring has a width, no more than its q", "Give an rms in 1/A.");
    faults.require(c.lorentzian_share >= 0 && c.lorentzian_share <= 1, name + "lorentzian_share", c.lorentzian_share,
                   "a share lies in [0, 1]", "Give 0 for a Gaussian.");
    require_photons(c.photons, name + "photons", faults);
    faults.require(c.orders >= 1 && c.orders <= 64, name + "orders", c.orders, "a ring has 1 to 64 orders", "Give 1.");
    faults.require(c.order_decay >= 0 && c.order_decay <= 10, name + "order_decay", c.order_decay,
                   "the ratio of successive orders lies in 0 to 10", "Give 0.3.");
    check(c.texture, name + "texture.", faults);
}

void check(const Superlattice& c, const std::string& name, Faults& faults) {
    faults.require(c.edge_A >= 1 && c.edge_A <= 1e6, name + "edge_A", c.edge_A, "a cell measures 1 to a million A",
                   "Give the conventional cell's edge.");
    faults.require(c.grain_size_A >= c.edge_A && c.grain_size_A <= 1e9, name + "grain_size_A", c.grain_size_A,
                   "a grain holds at least one cell", "Give its size in angstrom.");
    faults.require(c.strain_rms_fraction >= 0 && c.strain_rms_fraction <= 0.3, name + "strain_rms_fraction",
                   c.strain_rms_fraction, "a strain lies in 0 to 0.3", "Give 0 for none.");
    faults.require(c.displacement_rms_A >= 0 && c.displacement_rms_A <= c.edge_A, name + "displacement_rms_A",
                   c.displacement_rms_A, "units stay within a cell", "Give 0 for none.");
    faults.require(c.unit_radius_A >= 0 && c.unit_radius_A <= c.edge_A, name + "unit_radius_A", c.unit_radius_A,
                   "a unit fits a cell", "Give 0 for points.");
    require_photons(c.photons, name + "photons", faults);
    faults.require(c.most_rings >= 1 && c.most_rings <= 64, name + "most_rings", c.most_rings,
                   "lines are listed for 1 to 64 rings", "Give 12.");
    faults.require(c.lorentzian_share >= 0 && c.lorentzian_share <= 1, name + "lorentzian_share", c.lorentzian_share,
                   "a share lies in [0, 1]", "Give 0 for a Gaussian.");
    check(c.texture, name + "texture.", faults);
}

void check(const Diffuse& c, const std::string& name, Faults& faults) {
    require_photons(c.photons_per_sr, name + "photons_per_sr", faults);
    faults.require(c.q_scale_invA > 1e-9 && c.q_scale_invA <= 10, name + "q_scale_invA", c.q_scale_invA,
                   "a scale of q lies in 0 to 10 / A", "Give 1/d, without a factor 2 pi.");
    faults.require(c.power >= 0 && c.power <= 10, name + "power", c.power, "a power law lies in 0 to 10",
                   "Give 4 for Porod's.");
    check(c.elongation, name + "elongation.", faults);
    check(c.texture, name + "texture.", faults);
}

bool is_dark(const Experiment& experiment) {
    return experiment.small_angle.components.empty() || experiment.detector.panels.empty() ||
           experiment.beam.fluence_photons_per_m2 <= 0;
}

}  // namespace

void check(const SmallAngle& small_angle, const std::string& name, Faults& faults) {
    if (small_angle.components.size() > 64)
        faults.add(fmt::format("{}components: {} of them (each may cost a pass over the image). Give at most 64.", name,
                               small_angle.components.size()));
    for (std::size_t i = 0; i < small_angle.components.size(); ++i) {
        std::visit([&](const auto& c) { check(c, fmt::format("{}components[{}].", name, i), faults); },
                   small_angle.components[i]);
    }
}

void add_small_angle(const Experiment& experiment, Image<float>& expected_photons) {
    if (is_dark(experiment)) return;
    Faults faults;
    check(experiment.small_angle, "small_angle.", faults);
    faults.report();
    const Terms terms(experiment);
    RowAdder adder(experiment);
    for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
        adder.start(row);
        for (const Term& term : terms.list()) adder.add(term, row, pixels);
    });
}

std::vector<RingTruth> ring_truth(const Experiment& experiment) {
    std::vector<RingTruth> rings = list_rings(experiment.small_angle);
    if (is_dark(experiment)) {
        for (RingTruth& ring : rings) ring.photons = 0.0;
        return rings;
    }
    const Terms terms(experiment);
    std::vector<Term> alone;
    for (const RingTruth& ring : rings) alone.push_back(terms.ring_alone(ring));
    RowAdder adder(experiment);
    std::vector<float> photons;
    Image<float> shape(experiment.detector.image_width_px, experiment.detector.image_height_px);
    for_each_pixel_row(experiment, shape, [&](const PixelRow& row, std::span<float> pixels) {
        adder.start(row);
        for (std::size_t i = 0; i < rings.size(); ++i) {
            photons.assign(pixels.size(), 0.0F);
            adder.add(alone[i], row, photons);
            for (const float value : photons) rings[i].photons_on_panels += static_cast<double>(value);
        }
    });
    return rings;
}

}  // namespace braggbench
