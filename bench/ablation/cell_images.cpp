#include "bench/ablation/cell_images.hpp"

#include <fmt/format.h>

#include <utility>

#include "classifiers/predictions.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

bool several(const ViewSpec& view) { return view.framing == Framing::tiles || view.framing == Framing::quadrants; }

}  // namespace

double visible_count(const ImageTruth& truth, LabelTruth about) {
    switch (about) {
        case LabelTruth::second_lattice:
            return static_cast<double>(truth.second_lattice_peaks);
        case LabelTruth::ice_rings:
            return static_cast<double>(truth.visible_ice_peaks);
        case LabelTruth::peaks:
            break;
    }
    return static_cast<double>(truth.visible_peaks);
}

CellImages::CellImages(const CorpusReader& corpus, ViewSpec view, TruthOf truth, std::uint64_t seed)
    : corpus_(&corpus), view_(view), source_(head_source(corpus)), seed_(seed) {
    if (truth == TruthOf::image) return;
    if (!corpus.info().import_note.empty() || corpus.info().peak_source != PeakSource::simulated) {
        throw UsageError(
            fmt::format("{}: truth = view (its recipe or its peaks are not known, so that nobody can say "
                        "what a part of an image shows). Use truth = image.",
                        corpus.path().string()));
    }
    labeller_ = std::make_shared<const CorpusLabeller>(corpus);
    for (const auto& name : corpus.info().labels.attributes) about_.push_back(truth_of_label(corpus.info(), name));
}

bool CellImages::changes_by_epoch() const {
    return several(view_) || (view_.framing == Framing::crop && view_.crop == CropPlace::random);
}

std::vector<View> CellImages::views(std::int64_t index, int epoch) const {
    const auto& response = corpus_->info().response;
    return make_views(*corpus_->shared_image(index), view_, response.gain_adu_per_photon, response.offset_adu,
                      {seed_, static_cast<std::uint64_t>(index), static_cast<std::uint32_t>(epoch)});
}

std::vector<View> CellImages::views(std::int64_t index) const { return views(index, 0); }

ImageLabels CellImages::visible_labels(std::int64_t index, const View& view) const {
    auto labels = labeller_->labels(index, view);
    const auto truth = truth_in_view(corpus_->truth()[static_cast<std::size_t>(index)], corpus_->peaks(index), view);
    for (std::size_t a = 0; a < about_.size(); ++a) {
        if (about_[a] != LabelTruth::peaks && labels.attributes[a] == 1 && visible_count(truth, about_[a]) == 0.0) {
            labels.attributes[a] = 0;
        }
    }
    return labels;
}

std::vector<float> CellImages::image_targets(std::int64_t index, const std::vector<Head>& heads) const {
    const auto i = static_cast<std::size_t>(index);
    return targets_of(heads, source_, corpus_->class_indices()[i], corpus_->labels()[i]);
}

std::vector<float> CellImages::targets(std::int64_t index, const std::vector<Head>& heads, const View* view) const {
    if (labeller_ == nullptr) return image_targets(index, heads);
    const auto class_index = corpus_->class_indices()[static_cast<std::size_t>(index)];
    if (view != nullptr) return targets_of(heads, source_, class_index, visible_labels(index, *view));
    ViewSpec whole;
    whole.framing = Framing::native;
    const auto& response = corpus_->info().response;
    const View image =
        make_view(*corpus_->shared_image(index), whole, response.gain_adu_per_photon, response.offset_adu);
    return targets_of(heads, source_, class_index, visible_labels(index, image));
}

ImageFeed CellImages::feed(std::vector<std::int64_t> indices, std::vector<Head> heads, int epoch,
                           std::size_t cache_bytes) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    auto view = [this, epoch, indices = std::move(indices), heads = std::move(heads)](std::int64_t row) {
        const auto index = indices[static_cast<std::size_t>(row)];
        auto all = views(index, epoch);
        std::size_t chosen = 0;
        if (several(view_)) {
            RandomStream random = keyed_stream({seed_, static_cast<std::uint64_t>(index), 0}, DrawPurpose::crop);
            chosen = (random.bits() + static_cast<std::size_t>(epoch)) % all.size();
        }
        auto truth = targets(index, heads, &all[chosen]);
        return LabelledView{std::move(all[chosen].photons), std::move(truth)};
    };
    FeedOptions options;
    options.view = view_;
    options.cache_bytes = cache_bytes;
    return {count, std::move(view), options, corpus_->path().string()};
}

}  // namespace braggbench
