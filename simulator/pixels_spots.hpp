// The lists that pixels_sparse.cpp works on, each number in an array of its own for SIMD loops: the steps of one
// setting of the spindle, and the spots that one reflection makes in them. Lab frame, |s| = 1 / lambda.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "simulator/pixels_detail.hpp"

namespace braggbench::pixels {

// The steps at one point of the pixel and one spindle setting: in `rows` rows of `blocks`, of which each goes through
// the same settings.
struct StepTable {
    std::vector<Step> steps;
    std::size_t blocks = 0;
    std::array<std::vector<double>, 9> rotation;                 // of the row's settings, row by row
    std::vector<double> x, y, z, wavelength_A, wavenumber_invA;  // of each step's source
    std::vector<double> weight_log2;

    void fill(const Scene& scene, const Lattice& lattice, int spindle, int point) {
        steps = scene.steps(spindle, point);
        const bool product = scene.sampling->combination == PixelSampling::Combination::product;
        blocks = product ? static_cast<std::size_t>(scene.blocks) : steps.size();
        for (std::size_t element = 0; element < 9; ++element) {
            rotation[element].resize(steps.empty() ? 0 : blocks);
            for (std::size_t i = 0; i < rotation[element].size(); ++i) {
                rotation[element][i] = lattice.settings[static_cast<std::size_t>(steps[i].setting)](
                    static_cast<Eigen::Index>(element / 3), static_cast<Eigen::Index>(element % 3));
            }
        }
        const auto list = [&](std::vector<double>& to, const auto& value) {
            to.resize(steps.size());
            for (std::size_t i = 0; i < steps.size(); ++i) {
                to[i] = value(steps[i], scene.sources[static_cast<std::size_t>(steps[i].source)]);
            }
        };
        list(x, [](const Step&, const Source& source) { return source.incident.x(); });
        list(y, [](const Step&, const Source& source) { return source.incident.y(); });
        list(z, [](const Step&, const Source& source) { return source.incident.z(); });
        list(wavelength_A, [](const Step&, const Source& source) { return source.wavelength_A; });
        list(wavenumber_invA, [](const Step&, const Source& source) { return 1.0 / source.wavelength_A; });
        list(weight_log2, [](const Step& step, const Source&) { return std::log2(step.weight); });
    }
};

// Of the spots that one reflection makes: in pixel numbers, where the point of pixel n lies at n.
struct Spots {
    std::vector<int> step;
    std::vector<double> vx, vy, vz;  // the direction in which the lattice point itself lies, over 1 / wavelength
    std::vector<double> fast, slow;  // the footprint's middle
    std::vector<double> half_width, half_height;
    std::vector<double> shear, rest2, per_fast2, per_slow2;  // see Ellipse

    std::size_t count = 0;

    // Room for so many.
    void reserve(std::size_t most) {
        if (step.size() >= most) return;
        step.resize(most);
        for (std::vector<double>* list :
             {&vx, &vy, &vz, &fast, &slow, &half_width, &half_height, &shear, &rest2, &per_fast2, &per_slow2}) {
            list->resize(most);
        }
    }
};

}  // namespace braggbench::pixels
