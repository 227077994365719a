// Guided backpropagation (Springenberg et al. 2014, arXiv 1412.6806) of any network, TorchScript included, as it
// stands.
#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace braggbench {

// While one lives, every ReLU that this thread evaluates passes back only the positive part of its gradient. Torch's
// dispatcher is told so, for this thread; no module is touched. Other activations (leaky ReLU, sigmoid, ...) stay as
// they are.
class GuidedReluMode {
public:
    GuidedReluMode();

private:
    c10::impl::IncludeDispatchKeyGuard included_;
    bool optimised_;

public:
    ~GuidedReluMode();
    GuidedReluMode(const GuidedReluMode&) = delete;
    GuidedReluMode& operator=(const GuidedReluMode&) = delete;
};

}  // namespace braggbench
