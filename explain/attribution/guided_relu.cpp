#include "explain/attribution/guided_relu.hpp"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/library.h>
#include <torch/torch.h>

namespace braggbench {
namespace {

// A key above autograd's that no tensor carries: what is registered for it is reached only where a thread includes it.
constexpr auto guided_key = c10::DispatchKey::TESTING_ONLY_GenericMode;

class GuidedRelu : public torch::autograd::Function<GuidedRelu> {
public:
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
        // Not relu(), which would come back here.
        torch::Tensor result = torch::clamp_min(x, 0.0);
        context->save_for_backward({result});
        return result;
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const torch::Tensor result = context->get_saved_variables().at(0);
        return {torch::where(result > 0.0, torch::clamp_min(gradients.at(0), 0.0), torch::zeros_like(result))};
    }
};

torch::Tensor guided(const torch::Tensor& x) {
    const c10::impl::ExcludeDispatchKeyGuard once(guided_key);
    return GuidedRelu::apply(x);
}

torch::Tensor& guided_in_place(torch::Tensor& x) {
    const c10::impl::ExcludeDispatchKeyGuard once(guided_key);
    return x.copy_(GuidedRelu::apply(x));
}

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) { library.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, TESTING_ONLY_GenericMode, library) {
    library.impl("relu", guided);
    library.impl("relu_", guided_in_place);
}

}  // namespace

// TorchScript differentiates whole blocks by itself where it optimises, without asking the dispatcher.
GuidedReluMode::GuidedReluMode() : included_(guided_key), optimised_(torch::jit::getGraphExecutorOptimize()) {
    torch::jit::setGraphExecutorOptimize(false);
}
GuidedReluMode::~GuidedReluMode() { torch::jit::setGraphExecutorOptimize(optimised_); }

}  // namespace braggbench
