#include <fmt/format.h>

#include <map>

#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/generate.hpp"
#include "simulator/structure_factor_cache.hpp"

namespace braggbench {
namespace {

template <class T>
void add(ContentKey& key, const std::vector<T>& values) {
    key.add(std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

Measure images_measure(const CorpusReader& corpus) {
    ContentKey key;
    add(key, corpus.checksums());
    return exact_measure("images", key.hex(), corpus.info().image_count);
}

Measure labels_measure(const CorpusReader& corpus) {
    ContentKey key;
    for (const auto& name : corpus.info().class_names) key.add(name);
    add(key, corpus.class_indices());
    add(key, corpus.variations());
    for (const auto& labels : corpus.labels()) {
        add(key, labels.attributes);
        add(key, labels.values);
        key.add(static_cast<double>(labels.grade));
    }
    return exact_measure("labels", key.hex(), corpus.info().image_count);
}

Measure splits_measure(const CorpusReader& corpus) {
    ContentKey key;
    std::map<Split, std::int64_t> counts;
    for (const auto split : corpus.splits()) {
        key.add(split_name(split));
        ++counts[split];
    }
    return exact_measure("splits",
                         fmt::format("{} train, {} validation, {} test: {}", counts[Split::train],
                                     counts[Split::validation], counts[Split::test], key.hex()),
                         corpus.info().image_count);
}

Measure peaks_measure(const CorpusReader& corpus) {
    ContentKey key;
    std::int64_t listed = 0;
    std::int64_t visible = 0;
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        for (const Peak& peak : corpus.peaks(i)) {
            ++listed;
            visible += peak.visible ? 1 : 0;
            add(key, std::vector<float>{static_cast<float>(peak.hkl.h), static_cast<float>(peak.hkl.k),
                                        static_cast<float>(peak.hkl.l), static_cast<float>(peak.lattice),
                                        static_cast<float>(peak.kind), peak.visible ? 1.0F : 0.0F, peak.fast_px,
                                        peak.slow_px, peak.photons, peak.background_photons, peak.snr, peak.d_A});
        }
    }
    return exact_measure("peaks", fmt::format("{} listed, {} visible: {}", listed, visible, key.hex()), listed);
}

}  // namespace

StepResult run_corpus_step(const CorpusStep& step, const StepWork& work) {
    // Nothing of a killed try can be used.
    for (const auto& left : std::filesystem::directory_iterator(work.directory)) std::filesystem::remove_all(left);
    const auto path = work.directory / corpus_file;
    generate(step.resolved, path, work.threads, work.progress);
    const CorpusReader corpus(path);
    StepResult result;
    result.measures = {images_measure(corpus), labels_measure(corpus), splits_measure(corpus), peaks_measure(corpus)};
    result.provenance = {{"recipe", step.resolved.name},
                         {"images", step.resolved.image_count},
                         {"seed", step.resolved.seed},
                         {"checksum", result.measures.front().text}};
    return result;
}

Split split_of(const std::string& name) {
    return name == "train" ? Split::train : name == "validation" ? Split::validation : Split::test;
}

}  // namespace braggbench
