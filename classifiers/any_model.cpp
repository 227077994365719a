#include "classifiers/any_model.hpp"

#include "classifiers/classical/classical.hpp"
#include "classifiers/predict.hpp"
#include "classifiers/torchscript.hpp"
#include "simulator/error.hpp"

namespace braggbench {

TrainedModel load_network(const std::filesystem::path& path) {
    if (is_classical_model(path)) {
        throw UsageError(path.string() +
                         ": a classical model (it has no network to look into). Give a file made by 'braggbench "
                         "train' with a model of the zoo, or TorchScript.");
    }
    return is_torchscript(path) ? load_torchscript(path) : load_model(path);
}

Predictions predict_with_file(const std::filesystem::path& path, const CorpusReader& corpus, Split split,
                              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    if (is_classical_model(path)) return predict_classical(load_classical(path), corpus, split, progress);
    return predict(load_network(path), corpus, split, progress);
}

}  // namespace braggbench
