#include "explain/null_peaks.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "explain/random_stages.hpp"

namespace braggbench {
namespace {

// Fisher and Yates' shuffle.
void shuffle(std::vector<std::int64_t>& values, std::uint64_t seed, std::uint64_t key, Stage stage) {
    RandomStream random(seed, key, stage);
    for (std::size_t i = values.size(); i > 1; --i) {
        const auto j = static_cast<std::size_t>((std::uint64_t{random.bits()} * i) >> 32);
        std::swap(values[i - 1], values[j]);
    }
}

}  // namespace

std::vector<std::int64_t> choose_images(std::span<const std::int32_t> class_indices, std::span<const Split> splits,
                                        Split split, int per_class, std::uint64_t seed) {
    std::map<std::int32_t, std::vector<std::int64_t>> by_class;
    for (std::size_t i = 0; i < class_indices.size(); ++i) {
        if (splits[i] == split) {
            by_class[class_indices[i]].push_back(static_cast<std::int64_t>(i));
        }
    }
    std::vector<std::int64_t> chosen;
    for (auto& [class_index, images] : by_class) {
        shuffle(images, seed, static_cast<std::uint64_t>(class_index), stage_image_choice);
        images.resize(std::min(images.size(), static_cast<std::size_t>(std::max(per_class, 0))));
        chosen.insert(chosen.end(), images.begin(), images.end());
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

std::vector<std::int64_t> choose_nulls(std::int64_t image, std::span<const std::int32_t> class_indices,
                                       std::span<const Split> splits, int count, std::uint64_t seed,
                                       const std::function<bool(std::int64_t)>& has_peaks) {
    const auto self = static_cast<std::size_t>(image);
    std::vector<std::int64_t> same_split;
    std::vector<std::int64_t> other_splits;
    for (std::size_t i = 0; i < class_indices.size(); ++i) {
        if (i != self && class_indices[i] == class_indices[self]) {
            (splits[i] == splits[self] ? same_split : other_splits).push_back(static_cast<std::int64_t>(i));
        }
    }
    shuffle(same_split, seed, static_cast<std::uint64_t>(image), stage_null_choice);
    shuffle(other_splits, seed, static_cast<std::uint64_t>(image), stage_null_choice);
    std::vector<std::int64_t> chosen;
    for (const std::vector<std::int64_t>& candidates : {std::cref(same_split), std::cref(other_splits)}) {
        for (const std::int64_t candidate : candidates) {
            if (static_cast<int>(chosen.size()) >= count) {
                return chosen;
            }
            if (has_peaks(candidate)) {
                chosen.push_back(candidate);
            }
        }
    }
    return chosen;
}

std::vector<Peak> moved(std::vector<Peak> peaks, double fast_px, double slow_px) {
    for (Peak& peak : peaks) {
        peak.fast_px = static_cast<float>(peak.fast_px + fast_px);
        peak.slow_px = static_cast<float>(peak.slow_px + slow_px);
    }
    return peaks;
}

}  // namespace braggbench
