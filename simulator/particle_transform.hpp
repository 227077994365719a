// The Fourier transform of one particle's electron density, in electrons, kept on a grid from which any point of an
// Ewald sphere is interpolated. Particle frame in A with the origin amid the particle; s in 1/A without a factor 2 pi;
// F(s) = integral of density(x) exp(2 pi i s . x) dx. Interpolation is Fourier gridding: Beatty, Nishimura & Pauly
// 2005, IEEE Trans. Med. Imaging 24, 799.
#pragma once

#include <Eigen/Core>
#include <array>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace braggbench {

// A body without atoms. Its contrast is its electron density less that of what surrounds it.
struct ParticleShape {
    enum class Form {
        sphere,
        icosahedron,  // regular, vertices on the sphere of the diameter; a two-fold axis along each of x, y, z
        globule,      // a lumpy, grainy body within the sphere of the diameter, drawn from `seed`
    };
    Form form = Form::sphere;
    double diameter_A = 700.0;
    double contrast_e_per_A3 = 0.43;  // protein of 1.35 g/cm^3 in vacuum; 0.10 in water
    double core_diameter_A = 0.0;     // of an inner body of the same form, sphere and icosahedron only; 0 = none
    double core_contrast_e_per_A3 = 0.0;
    double edge_rms_A = 0.0;  // softness of the surfaces: the density is convolved with a Gaussian of this rms
    std::uint64_t seed = 1;
};

// How a coordinate file becomes a particle.
struct ParticleAtoms {
    double solvent_e_per_A3 = 0.0;  // displaced by the atoms: 0.334 for water, 0 = in vacuum
};

class ParticleTransform {
public:
    // What sample() reads and writes, for a whole row: s in the particle's frame, F in electrons.
    struct Samples {
        std::span<const float> sx_invA, sy_invA, sz_invA;
        std::span<float> re_e, im_e;
    };

    // Density on a periodic cube of `points` per edge, x fastest, the particle around index 0 with wrap, blurred by a
    // Gaussian of which the variance `sharpen_A2` per axis is to be undone. The particle must not fill more
    // than 1 / 2.5 of each edge.
    ParticleTransform(std::vector<float> density_e_per_A3, int points, double edge_A, double diameter_A,
                      double s_max_invA, double sharpen_A2);

    [[nodiscard]] double diameter_A() const { return diameter_A_; }
    [[nodiscard]] double s_max_invA() const { return s_max_invA_; }
    [[nodiscard]] std::size_t bytes() const { return values_.size() * sizeof(float); }

    // |s| must not exceed s_max.
    void sample(const Samples& samples) const;
    [[nodiscard]] std::complex<double> operator()(const Eigen::Vector3d& s_invA) const;

private:
    double diameter_A_;
    double s_max_invA_;
    double edge_A_;
    double sharpen_A2_;
    int reach_;                  // grid steps from the origin to the end of the grid, along each axis
    std::vector<float> values_;  // re, im; x fastest, from -lead; y and z from -reach
};

// Throws UsageError for a shape that is none, or a grid that would take more memory than is sensible.
ParticleTransform transform_shape(const ParticleShape& shape, double s_max_invA);

// The first model of the file as it stands (strict non-crystallographic symmetry expanded, no crystal symmetry),
// centred on its scattering mass. Form factors: IT92 (International Tables C), neutral atoms, no dispersion. Throws
// DataError for a file that cannot be used, UsageError for a grid that would take more memory than is sensible.
ParticleTransform transform_atoms(const std::filesystem::path& pdb_or_mmcif, double s_max_invA,
                                  const ParticleAtoms& options = {});

}  // namespace braggbench
