#include "simulator/render.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "simulator/background.hpp"
#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/spot.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

std::vector<PanelView> views_of(const Detector& detector, Image<float>& image) {
    std::vector<PanelView> views;
    views.reserve(detector.panels.size());
    for (const Panel& panel : detector.panels) {
        views.emplace_back(panel, image.pixels.data() + image.index(panel.image_fast_px, panel.image_slow_px),
                           image.width);
    }
    return views;
}

// |q| of the pixel corner that is farthest from the beam.
double largest_q_invA(const Experiment& experiment) {
    double largest2 = 0.0;
    for (const Panel& panel : experiment.detector.panels) {
        for (const int fast : {0, panel.width_px}) {
            for (const int slow : {0, panel.height_px}) {
                const double cosine = lab_from_panel_mm(panel, fast, slow).normalized().z();
                largest2 = std::max(largest2, 2.0 * (1.0 - cosine));
            }
        }
    }
    return std::sqrt(largest2) / experiment.beam.wavelength_A;
}

Smearing smearing_of(const Beam& beam, const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl) {
    Smearing smearing;
    smearing.wavenumber_invA = 1.0 / beam.wavelength_A;
    smearing.mosaic_rms_rad = crystal.mosaic_spread_rms_deg * rad_per_deg;
    smearing.bandwidth_rms = beam.bandwidth_rms_fraction;
    // Gaussian interference function of simtbx's nanoBragg: exp(-2 (N dh)^2 / 0.63) in intensity.
    const Eigen::Vector3d sigma = (std::sqrt(0.63) / 2.0) * crystal.cells_per_block.cwiseInverse();
    smearing.shape = lab_from_hkl * sigma.cwiseAbs2().asDiagonal() * lab_from_hkl.transpose();
    const double divergence = beam.divergence_rms_mrad * 1e-3 * smearing.wavenumber_invA;
    smearing.divergence = Eigen::Vector3d(divergence * divergence, divergence * divergence, 0.0).asDiagonal();
    return smearing;
}

// Calls visit(hkl, r) for every reflection within spot_cut_sigma of the Ewald sphere and |r| <= q_max, the origin
// excepted. Lines of lattice points along the densest axis are cut with the sphere's shell.
template <class Visit>
void walk_ewald_sphere(const Eigen::Matrix3d& lab_from_hkl, MillerIndex hkl_max, const Smearing& smearing, double q_max,
                       const Visit& visit) {
    const double k = smearing.wavenumber_invA;
    std::array<int, 3> axis = {0, 1, 2};
    std::ranges::stable_sort(axis, std::greater<>{}, [&](int i) { return lab_from_hkl.col(i).squaredNorm(); });
    const std::array<int, 3> box = {hkl_max.h, hkl_max.k, hkl_max.l};
    const Eigen::Matrix3d hkl_from_lab = lab_from_hkl.inverse();
    const auto limit = [&](std::size_t i) {
        const double reach = q_max * hkl_from_lab.row(axis[i]).norm();
        return static_cast<int>(
            std::min(std::floor(reach), static_cast<double>(box[static_cast<std::size_t>(axis[i])])));
    };
    const int limit0 = limit(0);
    const int limit1 = limit(1);
    const double limit2 = box[static_cast<std::size_t>(axis[2])];
    const Eigen::Vector3d a = lab_from_hkl.col(axis[0]);
    const Eigen::Vector3d b = lab_from_hkl.col(axis[1]);
    const Eigen::Vector3d c = lab_from_hkl.col(axis[2]);

    const double mosaic2 = smearing.mosaic_rms_rad * smearing.mosaic_rms_rad;
    const double band2 = smearing.bandwidth_rms * smearing.bandwidth_rms;
    const Eigen::Matrix3d constant = smearing.shape + smearing.divergence;
    const double widest = std::sqrt(constant.trace() + (mosaic2 + band2) * q_max * q_max);
    // |r + s0|^2 - k^2 = r^2 + 2 k r_z must lie within +-shell.
    const double thickness = spot_cut_sigma * widest;
    const double shell = 2.0 * k * thickness + thickness * thickness;
    const double cut2 = spot_cut_sigma * spot_cut_sigma;
    const double cc = c.squaredNorm();

    std::array<int, 3> index{};
    const auto try_range = [&](const Eigen::Vector3d& p, double from, double to) {
        const auto first = static_cast<int>(std::max(std::ceil(from), -limit2));
        const auto last = static_cast<int>(std::min(std::floor(to), limit2));
        for (int n = first; n <= last; ++n) {
            const Eigen::Vector3d r = p + n * c;
            const double r2 = r.squaredNorm();
            if (r2 > q_max * q_max) continue;
            const double excess = r2 + 2.0 * k * r.z();
            const double length = std::sqrt(std::max(k * k + excess, 0.0));
            const double distance = excess / (length + k);
            const Eigen::Vector3d normal = (r + Eigen::Vector3d(0, 0, k)) / length;
            const double along = normal.dot(r);
            const double variance =
                normal.dot(constant * normal) + mosaic2 * (r2 - along * along) + band2 * along * along;
            if (!(distance * distance < cut2 * variance)) continue;
            index[static_cast<std::size_t>(axis[2])] = n;
            visit(MillerIndex{index[0], index[1], index[2]}, r);
        }
    };
    for (int i = -limit0; i <= limit0; ++i) {
        index[static_cast<std::size_t>(axis[0])] = i;
        for (int j = -limit1; j <= limit1; ++j) {
            index[static_cast<std::size_t>(axis[1])] = j;
            const Eigen::Vector3d p = i * a + j * b;
            const double middle = -(c.dot(p) + k * c.z()) / cc;
            const double excess = (p.squaredNorm() + 2.0 * k * p.z()) / cc;
            const double outer2 = middle * middle - excess + shell / cc;
            if (outer2 < 0) continue;
            const double outer = std::sqrt(outer2);
            const double inner2 = middle * middle - excess - shell / cc;
            if (inner2 <= 0) {
                try_range(p, middle - outer, middle + outer);
            } else {
                // Open at the inner ends, so that no point can be visited twice.
                const double inner = std::sqrt(inner2);
                try_range(p, middle - outer, std::nextafter(middle - inner, middle - outer));
                try_range(p, std::nextafter(middle + inner, middle + outer), middle + outer);
            }
        }
    }
}

Peak to_peak(MillerIndex hkl, std::size_t lattice, const Deposit& deposit, double d_A) {
    const Eigen::Vector2d mean = deposit.first / deposit.photons;
    // 1/12 is the variance of a position within its pixel.
    const Eigen::Matrix2d covariance =
        deposit.second / deposit.photons - mean * mean.transpose() + Eigen::Matrix2d::Identity() / 12.0;
    Peak peak;
    peak.hkl = hkl;
    peak.lattice = static_cast<std::uint8_t>(lattice);
    peak.fast_px = static_cast<float>(mean.x());
    peak.slow_px = static_cast<float>(mean.y());
    peak.photons = static_cast<float>(deposit.photons);
    peak.var_fast_px2 = static_cast<float>(covariance(0, 0));
    peak.var_slow_px2 = static_cast<float>(covariance(1, 1));
    peak.cov_px2 = static_cast<float>(covariance(0, 1));
    peak.d_A = static_cast<float>(d_A);
    return peak;
}

void add_lattice(const Experiment& experiment, std::size_t lattice, double q_max, const std::vector<PanelView>& views,
                 std::vector<Peak>& peaks) {
    const Crystal& crystal = experiment.crystals[lattice];
    const StructureFactors& factors = *crystal.structure_factors;
    const Eigen::Matrix3d lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(factors.cell());
    const Smearing smearing = smearing_of(experiment.beam, crystal, lab_from_hkl);

    const double cells = crystal.cells_per_block.prod();
    constexpr double A3_per_um3 = 1e12;
    const double blocks = crystal.illuminated_volume_um3 * A3_per_um3 / (cells * volume_A3(factors.cell()));
    const double photons_per_sr_e2 = classical_electron_radius_m * classical_electron_radius_m *
                                     experiment.beam.fluence_photons_per_m2 * blocks * cells * cells;
    SpotPainter painter(smearing);
    // A point beyond the detector's corner can still be smeared onto it.
    const double reach =
        q_max + spot_cut_sigma * std::sqrt(smeared_covariance(smearing, Eigen::Vector3d(q_max, 0, 0)).trace());
    walk_ewald_sphere(lab_from_hkl, factors.hkl_max(), smearing, reach, [&](MillerIndex hkl, const Eigen::Vector3d& r) {
        if (hkl == MillerIndex{}) return;
        const auto amplitude = static_cast<double>(factors(hkl.h, hkl.k, hkl.l));
        if (amplitude <= 0.0) return;
        Deposit total;
        for (const PanelView& view : views) {
            const Panel& panel = *view.panel;
            if (!painter.place(view, r)) continue;
            const Eigen::Vector3d& direction = painter.direction();
            const Eigen::Vector3d position = direction * (view.close_mm / view.normal.dot(direction));
            Deposit deposit =
                painter.paint(photons_per_sr_e2 * amplitude * amplitude * solid_angle_sr(panel, position) *
                              polarization_factor(direction, experiment.beam.polarization) *
                              capture_fraction(experiment.detector, panel, direction));
            const Eigen::Vector2d place(panel.image_fast_px, panel.image_slow_px);
            deposit.second += deposit.first * place.transpose() + place * deposit.first.transpose() +
                              deposit.photons * place * place.transpose();
            deposit.first += deposit.photons * place;
            total.photons += deposit.photons;
            total.first += deposit.first;
            total.second += deposit.second;
        }
        if (total.photons >= static_cast<double>(listed_peak_min_photons)) {
            peaks.push_back(to_peak(hkl, lattice, total, 1.0 / r.norm()));
        }
    });
}

bool on_a_panel(const Detector& detector, int fast, int slow) {
    return std::ranges::any_of(detector.panels, [&](const Panel& panel) {
        return fast >= panel.image_fast_px && fast < panel.image_fast_px + panel.width_px &&
               slow >= panel.image_slow_px && slow < panel.image_slow_px + panel.height_px;
    });
}

// Background, signal-to-noise and visibility, once every photon has its place.
void finish_peaks(const Experiment& experiment, const Image<float>& background, std::vector<Peak>& peaks) {
    const double read_noise_photons = experiment.response.read_noise_rms_adu / experiment.response.gain_adu_per_photon;
    for (Peak& peak : peaks) {
        const int fast = std::clamp(static_cast<int>(std::floor(peak.fast_px)), 0, background.width - 1);
        const int slow = std::clamp(static_cast<int>(std::floor(peak.slow_px)), 0, background.height - 1);
        peak.background_photons = background(fast, slow);
        peak.snr = signal_to_noise(peak, read_noise_photons);
        peak.visible = peak.snr >= visible_peak_min_snr && on_a_panel(experiment.detector, fast, slow);
    }
    std::ranges::sort(peaks, [](const Peak& a, const Peak& b) {
        if (a.photons != b.photons) return a.photons > b.photons;
        return std::pair(a.lattice, a.hkl) < std::pair(b.lattice, b.hkl);
    });
}

// Photons per sr of amorphous scattering against sin(theta) / lambda, on a grid fine enough for linear interpolation.
class AmorphousCurve {
public:
    AmorphousCurve(const Experiment& experiment, double stol_max) {
        const double diameter_cm = experiment.beam.diameter_um * 1e-4;
        const double area_cm2 = std::numbers::pi / 4.0 * diameter_cm * diameter_cm;
        const double photons_per_sr_e2 =
            classical_electron_radius_m * classical_electron_radius_m * experiment.beam.fluence_photons_per_m2;
        per_step_ = static_cast<double>(values_.size() - 2) / stol_max;
        for (const AmorphousLayer& layer : experiment.background) {
            const AmorphousMaterial& material = amorphous_material(layer.material);
            const double molecules = area_cm2 * layer.thickness_um * 1e-4 * material.density_g_per_cm3 *
                                     avogadro_per_mol / material.molar_mass_g_per_mol;
            for (std::size_t i = 0; i < values_.size(); ++i) {
                const double f = amorphous_f_e(material, static_cast<double>(i) / per_step_);
                values_[i] += photons_per_sr_e2 * molecules * f * f;
            }
        }
    }
    double operator()(double stol_invA) const {
        const double t = stol_invA * per_step_;
        const auto i = std::min(static_cast<std::size_t>(t), values_.size() - 2);
        return values_[i] + (t - static_cast<double>(i)) * (values_[i + 1] - values_[i]);
    }

private:
    double per_step_;
    std::array<double, 2050> values_{};
};

void add_background(const Experiment& experiment, Image<float>& image) {
    const bool dark = experiment.beam.fluence_photons_per_m2 <= 0 ||
                      std::ranges::none_of(experiment.background, [](auto& layer) { return layer.thickness_um > 0; });
    if (dark) return;
    const AmorphousCurve curve(experiment, 0.5 * largest_q_invA(experiment));
    const double half_k = 0.5 / experiment.beam.wavelength_A;
    const double kahn = experiment.beam.polarization;
    for (const PanelView& view : views_of(experiment.detector, image)) {
        const Panel& panel = *view.panel;
        const double solid = panel.pixel_size_mm * panel.pixel_size_mm * view.close_mm;
        const Eigen::Vector3d step = panel.pixel_size_mm * panel.fast_axis;
        const bool thick = experiment.detector.sensor_thickness_um > 0;
        const double depth =
            thick ? experiment.detector.sensor_thickness_um / experiment.detector.sensor_attenuation_length_um : 0.0;
        for (int slow = 0; slow < panel.height_px; ++slow) {
            const Eigen::Vector3d start = lab_from_panel_mm(panel, 0.5, slow + 0.5);
            float* row = view.pixel00 + slow * view.image_width_px;
            for (int fast = 0; fast < panel.width_px; ++fast) {
                const double x = start.x() + fast * step.x();
                const double y = start.y() + fast * step.y();
                const double z = start.z() + fast * step.z();
                const double transverse2 = x * x + y * y;
                const double range2 = transverse2 + z * z;
                const double per_range = 1.0 / std::sqrt(range2);
                const double cosine = z * per_range;
                const double stol = half_k * std::sqrt(2.0 * (1.0 - cosine));
                const double polarization =
                    0.5 * (1.0 + cosine * cosine - kahn * (x * x - y * y) * per_range * per_range);
                double photons = curve(stol) * solid * polarization * per_range * per_range * per_range;
                if (thick) photons *= -std::expm1(-depth / (view.close_mm * per_range));
                row[fast] += static_cast<float>(photons);
            }
        }
    }
}

}  // namespace

Image<float> render_background(const Experiment& experiment) {
    validate(experiment);
    Image<float> image(experiment.detector.image_width_px, experiment.detector.image_height_px);
    add_background(experiment, image);
    return image;
}

Rendering render(const Experiment& experiment) {
    Rendering rendering;
    rendering.expected_photons = render_background(experiment);
    if (experiment.beam.fluence_photons_per_m2 <= 0 || experiment.crystals.empty()) return rendering;
    const Image<float> background = rendering.expected_photons;
    const std::vector<PanelView> views = views_of(experiment.detector, rendering.expected_photons);
    const double q_max = largest_q_invA(experiment);
    for (std::size_t lattice = 0; lattice < experiment.crystals.size(); ++lattice) {
        add_lattice(experiment, lattice, q_max, views, rendering.peaks);
    }
    finish_peaks(experiment, background, rendering.peaks);
    return rendering;
}

}  // namespace braggbench
