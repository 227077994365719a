// Densities of particles on a periodic grid, ready to be transformed.
#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <gemmi/it92.hpp>
#include <gemmi/model.hpp>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>
#include <utility>
#include <vector>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"
#include "simulator/fftw_planner.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

// A blurred density has died away by 1 / spacing - s_max, whence it aliases onto s_max, if its blur suits its spacing:
// exp(-2 pi^2 0.194 (2^2 - 1)) = 1e-5.
constexpr double spacing_per_d = 1.0 / 3.0;
constexpr double blur_rms_per_d = 0.44;
constexpr double blur_reach = 6.0;     // rms, beyond which a Gaussian counts as 0
constexpr double most_points = 1.0e8;  // of 12 bytes each while a transform is made

struct Box {
    int points;
    double edge_A;
    double blur_A;  // rms

    [[nodiscard]] double spacing_A() const { return edge_A / points; }
    [[nodiscard]] std::size_t size() const {
        return static_cast<std::size_t>(points) * static_cast<std::size_t>(points) * static_cast<std::size_t>(points);
    }
    [[nodiscard]] double position_A(int index) const {
        return (index < points / 2 ? index : index - points) * spacing_A();
    }
};

// The least even number from `least` on that FFTW transforms fast.
int smooth_number(int least) {
    for (int n = least + least % 2;; n += 2) {
        int rest = n;
        for (const int prime : {2, 3, 5, 7}) {
            while (rest % prime == 0) rest /= prime;
        }
        if (rest == 1) return n;
    }
}

Box choose_box(double diameter_A, double edge_rms_A, double s_max_invA) {
    if (!(s_max_invA > 0.0 && s_max_invA <= 1.0))
        throw UsageError(fmt::format("s_max = {} / A (outside 0 to 1). Give the largest |q| that the detector reaches.",
                                     s_max_invA));
    const double d_A = 1.0 / s_max_invA;
    const double blur_A = std::max(blur_rms_per_d * d_A, edge_rms_A);
    const double spacing_A = spacing_per_d * d_A;
    const double points = (2.5 * diameter_A + 8.0 * blur_A) / spacing_A;
    if (!(points * points * points <= most_points))
        throw UsageError(
            fmt::format("a particle of {} A to a resolution of {} A needs a grid of {:.0f} points per edge (at most "
                        "{:.0f} are sensible). Give a smaller particle or a lower resolution.",
                        diameter_A, d_A, points, std::cbrt(most_points)));
    const int n = smooth_number(std::max(24, static_cast<int>(std::ceil(points))));
    return {n, n * spacing_A, blur_A};
}

// A ball convolved with an isotropic Gaussian, at r from its centre.
double blurred_ball(double r, double radius, double rms) {
    const double near = (radius - r) / (std::numbers::sqrt2 * rms);
    const double far = (radius + r) / (std::numbers::sqrt2 * rms);
    const double scale = rms * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    if (r < 1e-3 * rms) return std::erf(near) - 2.0 * scale * radius / (rms * rms) * std::exp(-near * near);
    return 0.5 * (std::erf(near) + std::erf(far)) - scale / r * (std::exp(-near * near) - std::exp(-far * far));
}

// Half of the normals of a regular icosahedron's faces: the vertices of the dual dodecahedron.
std::array<Eigen::Vector3d, 10> face_normals() {
    constexpr double g = std::numbers::phi;
    std::array<Eigen::Vector3d, 10> normals;
    std::size_t count = 0;
    for (const double y : {-1.0, 1.0}) {
        for (const double z : {-1.0, 1.0}) normals[count++] = Eigen::Vector3d(1.0, y, z).normalized();
        normals[count++] = Eigen::Vector3d(0.0, y / g, g).normalized();
        normals[count++] = Eigen::Vector3d(y / g, g, 0.0).normalized();
        normals[count++] = Eigen::Vector3d(g, 0.0, y / g).normalized();
    }
    return normals;
}

// Share of a unit Gaussian inside two faces that meet as an icosahedron's do, at h <= k from its middle: Drezner &
// Wesolowsky 1990, J. Stat. Comput. Simul. 35, 101. Vertices, where more faces meet, are a little too full.
double blurred_wedge(double h, double k) {
    const auto half_space = [](double depth) { return 0.5 * std::erfc(-depth / std::numbers::sqrt2); };
    if (k > 6.0 || h > 6.0) return half_space(h);
    if (h < -6.0) return 0.0;
    // Gauss & Legendre's 8 points on [-1, 1] (Abramowitz & Stegun 25.4).
    constexpr std::array<std::array<double, 2>, 4> rule{{{0.1834346424956498, 0.3626837833783620},
                                                         {0.5255324099163290, 0.3137066458778873},
                                                         {0.7966664774136267, 0.2223810344533745},
                                                         {0.9602898564975363, 0.1012285362903763}}};
    const double end = std::asin(std::sqrt(5.0) / 3.0);  // sine of the correlation: the normals' cosine
    double integral = 0.0;
    for (const auto& [node, weight] : rule) {
        for (const double side : {-node, node}) {
            const double sine = std::sin(0.5 * end * (1.0 + side));
            integral += weight * std::exp(-0.5 * (h * h + k * k - 2.0 * h * k * sine) / (1.0 - sine * sine));
        }
    }
    return half_space(h) * half_space(k) + 0.25 * end * std::numbers::inv_pi * integral;
}

// Calls value(x, y, z) at every grid point within `radius` of the origin and adds it to the density.
template <class Value>
void add_within(const Box& box, double radius_A, std::vector<float>& density, const Value& value) {
    const auto n = static_cast<std::size_t>(box.points);
    for (std::size_t k = 0; k < n; ++k) {
        const double z = box.position_A(static_cast<int>(k));
        for (std::size_t j = 0; j < n; ++j) {
            const double y = box.position_A(static_cast<int>(j));
            const double left2 = radius_A * radius_A - z * z - y * y;
            if (left2 < 0.0) continue;
            for (std::size_t i = 0; i < n; ++i) {
                const double x = box.position_A(static_cast<int>(i));
                if (x * x <= left2) density[(k * n + j) * n + i] += static_cast<float>(value(x, y, z));
            }
        }
    }
}

void add_body(const Box& box, ParticleShape::Form form, double diameter_A, double contrast,
              std::vector<float>& density) {
    const double radius = 0.5 * diameter_A;
    const double reach = radius + blur_reach * box.blur_A;
    if (form == ParticleShape::Form::sphere) {
        add_within(box, reach, density, [&](double x, double y, double z) {
            return contrast * blurred_ball(std::sqrt(x * x + y * y + z * z), radius, box.blur_A);
        });
        return;
    }
    const auto normals = face_normals();
    const double face = radius * std::sqrt((5.0 + 2.0 * std::sqrt(5.0)) / 15.0);
    add_within(box, reach, density, [&](double x, double y, double z) {
        double first = 0.0;
        double second = 0.0;
        for (const Eigen::Vector3d& normal : normals) {
            const double height = std::abs(normal.dot(Eigen::Vector3d(x, y, z)));
            second = std::max(second, std::min(first, height));
            first = std::max(first, height);
        }
        return contrast * blurred_wedge((face - first) / box.blur_A, (face - second) / box.blur_A);
    });
}

struct GaussianPoint {
    Eigen::Vector3d position_A;
    double electrons;
    double variance_A2;  // per axis, the box's blur included
};

void add_point(const Box& box, const GaussianPoint& point, std::vector<float>& density) {
    const double rms = std::sqrt(point.variance_A2);
    const double step = box.spacing_A();
    const int reach = static_cast<int>(std::ceil((blur_reach - 1.0) * rms / step));
    const int count = 2 * reach + 1;
    std::array<std::vector<float>, 3> profile;
    std::array<std::vector<std::size_t>, 3> place;
    for (int axis = 0; axis < 3; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        const int first = static_cast<int>(std::lround(point.position_A[axis] / step)) - reach;
        for (int i = first; i < first + count; ++i) {
            const double u = (i * step - point.position_A[axis]) / rms;
            profile[a].push_back(
                static_cast<float>(std::exp(-0.5 * u * u) / (rms * std::sqrt(2.0 * std::numbers::pi))));
            place[a].push_back(static_cast<std::size_t>(((i % box.points) + box.points) % box.points));
        }
    }
    const auto n = static_cast<std::size_t>(box.points);
    const auto size = static_cast<std::size_t>(count);
    for (std::size_t k = 0; k < size; ++k) {
        for (std::size_t j = 0; j < size; ++j) {
            const float factor = static_cast<float>(point.electrons) * profile[2][k] * profile[1][j];
            float* const line = &density[(place[2][k] * n + place[1][j]) * n];
            for (std::size_t i = 0; i < size; ++i) line[place[0][i]] += factor * profile[0][i];
        }
    }
}

struct Ball {
    Eigen::Vector3d centre;
    double radius;
};

// Balls in touch with each other, the whole scaled to fit the diameter.
std::vector<Ball> draw_lumps(double diameter_A, RandomStream& random) {
    std::vector<Ball> lumps{{Eigen::Vector3d::Zero(), random.uniform(0.6, 1.0)}};
    while (lumps.size() < 7) {
        const auto on = static_cast<std::size_t>(random.uniform(0.0, static_cast<double>(lumps.size())));
        const double radius = random.uniform(0.35, 0.8);
        const Eigen::Vector3d towards = random.rotation().col(0);
        lumps.push_back({lumps[on].centre + lumps[on].radius * towards, radius});
    }
    Eigen::Vector3d middle = Eigen::Vector3d::Zero();
    double mass = 0.0;
    for (const Ball& lump : lumps) {
        middle += std::pow(lump.radius, 3) * lump.centre;
        mass += std::pow(lump.radius, 3);
    }
    double extent = 0.0;
    for (Ball& lump : lumps) {
        lump.centre -= middle / mass;
        extent = std::max(extent, lump.centre.norm() + lump.radius);
    }
    for (Ball& lump : lumps) {
        lump.centre *= 0.5 * diameter_A / extent;
        lump.radius *= 0.5 * diameter_A / extent;
    }
    return lumps;
}

// Grains on a jittered lattice, of uneven weight, inside a union of balls.
void add_globule(const Box& box, const ParticleShape& shape, std::vector<float>& density) {
    // An image number that no corpus reaches keeps this stream apart from those that draw shots.
    RandomStream random(shape.seed, std::numeric_limits<std::uint64_t>::max(), Stage::particles);
    const std::vector<Ball> lumps = draw_lumps(shape.diameter_A, random);
    // A residue of a protein fills about 5 A cubed; large bodies are made of at most 48^3 grains.
    const double grain_A = std::max(5.0, shape.diameter_A / 48.0);
    const int reach = static_cast<int>(std::ceil(0.5 * shape.diameter_A / grain_A));
    const double grain_rms_A = 0.45 * grain_A;
    for (int k = -reach; k <= reach; ++k) {
        for (int j = -reach; j <= reach; ++j) {
            for (int i = -reach; i <= reach; ++i) {
                const double x = i + random.uniform(-0.3, 0.3);
                const double y = j + random.uniform(-0.3, 0.3);
                const double z = k + random.uniform(-0.3, 0.3);
                const double weight = std::max(0.0, 1.0 + 0.35 * random.normal());
                const Eigen::Vector3d position = grain_A * Eigen::Vector3d(x, y, z);
                const bool inside = std::ranges::any_of(lumps, [&](const Ball& lump) {
                    return (position - lump.centre).squaredNorm() < lump.radius * lump.radius;
                });
                if (!inside) continue;
                add_point(box,
                          {position, weight * shape.contrast_e_per_A3 * std::pow(grain_A, 3),
                           grain_rms_A * grain_rms_A + box.blur_A * box.blur_A},
                          density);
            }
        }
    }
}

// Volumes that atoms displace in A^3: Fraser, MacRae & Suzuki 1978, J. Appl. Cryst. 11, 693; carbon's for elements
// that they do not list.
double displaced_A3(gemmi::El element) {
    switch (element) {
        case gemmi::El::H:
            return 5.15;
        case gemmi::El::D:
            return 5.15;
        case gemmi::El::N:
            return 2.49;
        case gemmi::El::O:
            return 9.13;
        case gemmi::El::S:
            return 19.86;
        case gemmi::El::P:
            return 5.73;
        default:
            return 16.44;
    }
}

// In electrons, with the solvent that the atom displaces, as a Gaussian of its volume (same source).
double atom_factor_e(gemmi::El element, double s2, double solvent_e_per_A3) {
    const double volume = displaced_A3(element);
    return gemmi::IT92<double>::get(element).calculate_sf(0.25 * s2) -
           solvent_e_per_A3 * volume * std::exp(-std::numbers::pi * std::pow(volume, 2.0 / 3.0) * s2);
}

struct Plan {
    explicit Plan(fftwf_plan made) : plan(made) {}
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan() {
        const std::scoped_lock lock(fftw_planner());
        fftwf_destroy_plan(plan);
    }
    fftwf_plan plan;
};

using Complex = std::unique_ptr<fftwf_complex[], decltype(&fftwf_free)>;

Complex half_spectrum(const Box& box) {
    const auto n = static_cast<std::size_t>(box.points);
    Complex out(fftwf_alloc_complex(n * n * (n / 2 + 1)), fftwf_free);
    if (!out) throw std::bad_alloc();
    return out;
}

// Positions of one element become its density: each weight convolved with the element's form factor.
class AtomGrid {
public:
    explicit AtomGrid(const Box& box)
        : box_(box), grid_(box.size()), work_(half_spectrum(box)), sum_(half_spectrum(box)) {
        const std::size_t count =
            box.size() / static_cast<std::size_t>(box.points) * static_cast<std::size_t>(box.points / 2 + 1);
        for (std::size_t i = 0; i < count; ++i) sum_[i][0] = sum_[i][1] = 0.0F;
    }

    void add(gemmi::El element, const std::vector<GaussianPoint>& atoms, double solvent_e_per_A3) {
        std::ranges::fill(grid_, 0.0F);
        for (const GaussianPoint& atom : atoms) add_point(box_, atom, grid_);
        {
            const std::scoped_lock lock(fftw_planner());
            plan_ = std::make_unique<Plan>(
                fftwf_plan_dft_r2c_3d(box_.points, box_.points, box_.points, grid_.data(), work_.get(), FFTW_ESTIMATE));
        }
        fftwf_execute(plan_->plan);
        plan_.reset();
        // The form factor at every sum of three squared grid steps.
        const int n = box_.points;
        const int half = n / 2;
        const double step2 = 1.0 / (box_.edge_A * box_.edge_A);
        std::vector<float> factor(static_cast<std::size_t>(3 * half * half + 1));
        for (std::size_t i = 0; i < factor.size(); ++i)
            factor[i] = static_cast<float>(atom_factor_e(element, static_cast<double>(i) * step2, solvent_e_per_A3));
        std::size_t place = 0;
        for (int w = 0; w < n; ++w) {
            const int z = std::min(w, n - w);
            for (int v = 0; v < n; ++v) {
                const int y = std::min(v, n - v);
                for (int x = 0; x <= half; ++x, ++place) {
                    const float f = factor[static_cast<std::size_t>(x * x + y * y + z * z)];
                    sum_[place][0] += f * work_[place][0];
                    sum_[place][1] += f * work_[place][1];
                }
            }
        }
    }

    std::vector<float> density() {
        {
            const std::scoped_lock lock(fftw_planner());
            plan_ = std::make_unique<Plan>(
                fftwf_plan_dft_c2r_3d(box_.points, box_.points, box_.points, sum_.get(), grid_.data(), FFTW_ESTIMATE));
        }
        fftwf_execute(plan_->plan);
        plan_.reset();
        const float scale = 1.0F / static_cast<float>(box_.size());
        for (float& value : grid_) value *= scale;
        return std::move(grid_);
    }

private:
    Box box_;
    std::vector<float> grid_;
    Complex work_;
    Complex sum_;
    std::unique_ptr<Plan> plan_;
};

}  // namespace

ParticleTransform transform_shape(const ParticleShape& shape, double s_max_invA) {
    const auto refuse = [](const char* name, double value, const char* why) {
        throw UsageError(fmt::format("{} = {} ({}).", name, value, why));
    };
    if (!(shape.diameter_A > 0.0 && shape.diameter_A <= 1.0e6))
        refuse("diameter_A", shape.diameter_A, "a particle measures up to a million A). Give its diameter in A");
    if (!std::isfinite(shape.contrast_e_per_A3))
        refuse("contrast_e_per_A3", shape.contrast_e_per_A3, "not a number). Give an electron density, such as 0.43");
    if (!(shape.core_diameter_A >= 0.0 && shape.core_diameter_A <= shape.diameter_A))
        refuse("core_diameter_A", shape.core_diameter_A, "the core lies inside the particle). Give 0 for none");
    if (!std::isfinite(shape.core_contrast_e_per_A3))
        refuse("core_contrast_e_per_A3", shape.core_contrast_e_per_A3, "not a number). Give an electron density");
    if (!(shape.edge_rms_A >= 0.0 && shape.edge_rms_A <= shape.diameter_A))
        refuse("edge_rms_A", shape.edge_rms_A,
               "an edge is at most as soft as the particle is large). Give 0 for sharp");
    const bool grainy = shape.form == ParticleShape::Form::globule;
    if (grainy && shape.core_diameter_A > 0.0)
        refuse("core_diameter_A", shape.core_diameter_A, "a globule has no core). Give 0");
    const Box box = choose_box(shape.diameter_A, shape.edge_rms_A, s_max_invA);
    std::vector<float> density(box.size());
    if (grainy) {
        add_globule(box, shape, density);
    } else {
        add_body(box, shape.form, shape.diameter_A, shape.contrast_e_per_A3, density);
        if (shape.core_diameter_A > 0.0)
            add_body(box, shape.form, shape.core_diameter_A, shape.core_contrast_e_per_A3 - shape.contrast_e_per_A3,
                     density);
    }
    const double sharpen_A2 = box.blur_A * box.blur_A - shape.edge_rms_A * shape.edge_rms_A;
    return {std::move(density), box.points, box.edge_A, shape.diameter_A, s_max_invA, sharpen_A2};
}

ParticleTransform transform_atoms(const std::filesystem::path& pdb_or_mmcif, double s_max_invA,
                                  const ParticleAtoms& options) {
    if (!(options.solvent_e_per_A3 >= 0.0 && options.solvent_e_per_A3 <= 5.0))
        throw UsageError(fmt::format("solvent_e_per_A3 = {} (outside 0 to 5). Give 0.334 for water, 0 for vacuum.",
                                     options.solvent_e_per_A3));
    const gemmi::Structure structure = read_coordinates(pdb_or_mmcif, read_gunzipped_file(pdb_or_mmcif));
    std::map<gemmi::El, std::vector<GaussianPoint>> elements;
    Eigen::Vector3d middle = Eigen::Vector3d::Zero();
    double electrons = 0.0;
    for (const gemmi::Chain& chain : structure.models.at(0).chains) {
        for (const gemmi::Residue& residue : chain.residues) {
            for (const gemmi::Atom& atom : residue.atoms) {
                if (!(atom.occ > 0.0F)) continue;
                const double z = atom.occ * static_cast<double>(atom.element.atomic_number());
                const Eigen::Vector3d position(atom.pos.x, atom.pos.y, atom.pos.z);
                const double variance = std::max(0.0, static_cast<double>(atom.b_iso)) / gemmi::u_to_b();
                elements[atom.element.elem].push_back({position, static_cast<double>(atom.occ), variance});
                middle += z * position;
                electrons += z;
            }
        }
    }
    if (!(electrons > 0.0))
        throw DataError(
            fmt::format("{}: every atom has occupancy 0 (nothing scatters). Give occupancies.", pdb_or_mmcif.string()));
    middle /= electrons;
    double extent_A = 0.0;
    for (auto& [element, atoms] : elements) {
        for (GaussianPoint& atom : atoms) {
            atom.position_A -= middle;
            // 3 A for the atom's own size.
            extent_A = std::max(extent_A, atom.position_A.norm() + 3.0 * std::sqrt(atom.variance_A2) + 3.0);
        }
    }
    const Box box = choose_box(2.0 * extent_A, 0.0, s_max_invA);
    AtomGrid grid(box);
    for (auto& [element, atoms] : elements) {
        for (GaussianPoint& atom : atoms) atom.variance_A2 += box.blur_A * box.blur_A;
        grid.add(element, atoms, options.solvent_e_per_A3);
    }
    return {grid.density(), box.points, box.edge_A, 2.0 * extent_A, s_max_invA, box.blur_A * box.blur_A};
}

}  // namespace braggbench
