#include "classifiers/multiply_adds.hpp"

#include <ATen/record_function.h>

#include <memory>
#include <string_view>

namespace braggbench {
namespace {

thread_local std::int64_t counted = 0;

// weight (out, in / groups, kernel...): every output value takes in / groups x kernel products; of a transposed one
// (in, out / groups, kernel...) every input value takes out / groups x kernel.
std::int64_t of_convolution(const at::Tensor& input, const at::Tensor& weight, c10::IntArrayRef stride,
                            c10::IntArrayRef padding, c10::IntArrayRef dilation, bool transposed) {
    const auto per_value = weight.numel() / weight.size(0);
    if (transposed) return input.numel() * per_value;
    std::int64_t values = input.size(0) * weight.size(0);
    for (std::int64_t axis = 2; axis < input.dim(); ++axis) {
        // A list of one stands for every axis.
        const auto of = [&](c10::IntArrayRef list) {
            return list[list.size() == 1 ? 0 : static_cast<std::size_t>(axis - 2)];
        };
        const auto reach = of(dilation) * (weight.size(axis) - 1) + 1;
        values *= (input.size(axis) + 2 * of(padding) - reach) / of(stride) + 1;
    }
    return values * per_value;
}

// (..., n, k) x (..., k, m)
std::int64_t of_product(const at::Tensor& left, const at::Tensor& right) { return left.numel() * right.size(-1); }

// Only the operators that all others end in, so that nothing counts twice: conv2d and convolution call _convolution;
// linear, matmul and einsum call one of the products.
std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& function) {
    const std::string_view name = function.name();
    const auto inputs = function.inputs();
    if (name == "aten::_convolution") {
        counted += of_convolution(inputs[0].toTensor(), inputs[1].toTensor(), inputs[3].toIntVector(),
                                  inputs[4].toIntVector(), inputs[5].toIntVector(), inputs[6].toBool());
    } else if (name == "aten::mm" || name == "aten::bmm" || name == "aten::mv") {
        const auto right = inputs[1].toTensor();
        counted += name == "aten::mv" ? inputs[0].toTensor().numel() : of_product(inputs[0].toTensor(), right);
    } else if (name == "aten::addmm" || name == "aten::baddbmm") {
        counted += of_product(inputs[1].toTensor(), inputs[2].toTensor());
    }
    return nullptr;
}

}  // namespace

std::int64_t multiply_adds(Classifier& network, const ModelShape& shape) {
    const torch::NoGradGuard no_grad;
    const bool was_training = network.is_training();
    network.eval();
    counted = 0;
    const auto handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback(count).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
    const auto finish = [&] {
        at::removeCallback(handle);
        network.train(was_training);
    };
    try {
        network.forward(torch::zeros({1, 1, shape.height_px, shape.width_px}));
    } catch (...) {
        finish();
        throw;
    }
    finish();
    return counted;
}

}  // namespace braggbench
