#include "explain/attribution/cam.hpp"

#include <stdexcept>

namespace braggbench {
namespace {

// Weights of Grad-CAM++ for a score passed through an exponential, whose second and third derivatives are then powers
// of the gradient (equations 10 and 19 there); the exponential itself is one positive factor for the whole map and left
// out.
torch::Tensor plus_plus_weights(const torch::Tensor& activation, const torch::Tensor& gradient) {
    const torch::Tensor squares = gradient * gradient;
    const torch::Tensor denominator = 2.0 * squares + activation.sum({2, 3}, /*keepdim=*/true) * squares * gradient;
    const torch::Tensor alpha =
        torch::where(denominator != 0.0, squares / torch::where(denominator != 0.0, denominator, 1.0), 0.0);
    return (alpha * torch::relu(gradient)).sum({2, 3}, /*keepdim=*/true);
}

}  // namespace

torch::Tensor class_activation_map(AttributionMethod method, const torch::Tensor& activation,
                                   const torch::Tensor& gradient) {
    switch (method) {
        case AttributionMethod::grad_cam:
            return (gradient.mean({2, 3}, /*keepdim=*/true) * activation).sum(1);
        case AttributionMethod::hires_cam:
            return (gradient * activation).sum(1);
        case AttributionMethod::layer_cam:
            return (torch::relu(gradient) * activation).sum(1);
        case AttributionMethod::grad_cam_pp:
            return (plus_plus_weights(activation, gradient) * activation).sum(1);
        default:
            throw std::logic_error(to_string(method) + " has no map per stage");
    }
}

}  // namespace braggbench
