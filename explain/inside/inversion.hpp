// Images that a stage cannot tell from the one it saw: representation inversion after Mahendran & Vedaldi 2015 (CVPR,
// 5188; arXiv 1412.0035), the objective of Nawaz et al. 2023, equation 5. docs/inside.md has the formula and its units.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Classifier;

struct InversionOptions {
    std::vector<double> tv_weights = {0.0, 0.001, 0.01, 0.1};  // lambda_V, one inversion for each
    double tv_beta = 1.0;
    double range_weight = 1.0;  // lambda_alpha
    double range_alpha = 6.0;
    int steps = 300;
    int starts = 2;      // of each weight, from different noise
    double reach = 1.5;  // how far the steps can take a pixel all in all, in units of RootScale::range
    std::uint64_t seed = 1;
};

// Roots of photons, sqrt(photons + 3/8), of typical images: x = (root - mean) / deviation is what is sought, and
// `range` the largest |x| in them.
struct RootScale {
    double mean = 0.0;
    double deviation = 1.0;
    double range = 1.0;
};
// Throws UsageError without images.
RootScale root_scale(std::span<const Image<float>> photons);

enum class InversionStatus : std::uint8_t {
    ok,
    no_gradient,  // the stage does not depend on the image differentiably
    empty,        // the stage is zero for this image: nothing to come back to
    non_finite
};
std::string to_string(InversionStatus status);

struct Inversion {
    double tv_weight = 0.0;
    int start = 0;
    InversionStatus status = InversionStatus::ok;
    Image<float> photons;        // empty unless ok
    double feature_error = 0.0;  // |Phi(x) - Phi0|^2 / |Phi0|^2
    double noise_error = 0.0;    // the same of the noise that it started from
    double objective = 0.0;      // with both regularisers
};

// Every weight and start for one image and stage, each as if it were alone. Nothing is written into the model. `step`
// is called after each step. Throws UsageError for a stage that does not exist, which lists those that do, and options
// out of range.
std::vector<Inversion> invert(Classifier& model, const std::string& stage, const Image<float>& photons,
                              const RootScale& scale, const InversionOptions& options,
                              const std::function<void()>& step = {});

// Pearson's correlation of the roots of two images where `valid` is not 0; 0 if one of them is constant.
double root_correlation(const Image<float>& one, const Image<float>& other, const Image<std::uint8_t>& valid);

}  // namespace braggbench
