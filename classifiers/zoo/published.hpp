// The networks of the literature, for one channel and any number of outputs: docs/models.md has a row for each.
#pragma once

#include <memory>

#include "classifiers/model.hpp"

namespace braggbench {

std::shared_ptr<Classifier> make_ke2018(const ModelShape& shape);
std::shared_ptr<Classifier> make_deepfreak(const ModelShape& shape);
std::shared_ptr<Classifier> make_alexnet(const ModelShape& shape);
std::shared_ptr<Classifier> make_vgg16(const ModelShape& shape);
std::shared_ptr<Classifier> make_resnet18(const ModelShape& shape);
std::shared_ptr<Classifier> make_resnet34(const ModelShape& shape);
std::shared_ptr<Classifier> make_resnet50(const ModelShape& shape);
std::shared_ptr<Classifier> make_resnet101(const ModelShape& shape);
std::shared_ptr<Classifier> make_yang2016(const ModelShape& shape);

}  // namespace braggbench
