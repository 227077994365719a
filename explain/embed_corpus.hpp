// The whole `embed` job: a model's features and predictions on a split of a corpus, and the spaces they span.
#pragma once

#include <filesystem>

#include "explain/embed_predictions.hpp"

namespace braggbench {

// Of model files of every kind; only networks have features (Trace of classifiers/model.hpp). Throws what loading the
// model, choose_embedded() and embed_predictions() throw.
Embedding embed_corpus(const std::filesystem::path& model, const CorpusReader& corpus, const EmbedOptions& options,
                       const EmbedProgress& progress);

}  // namespace braggbench
