#include "classifiers/any_model.hpp"

#include "classifiers/classical/classical.hpp"
#include "classifiers/predict.hpp"

namespace braggbench {

Predictions predict_with_file(const std::filesystem::path& path, const CorpusReader& corpus, Split split,
                              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    if (is_classical_model(path)) return predict_classical(load_classical(path), corpus, split, progress);
    return predict(load_model(path), corpus, split, progress);
}

}  // namespace braggbench
