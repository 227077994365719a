#include "explain/localisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// One pixel in rank order. S+ is not negative, and non-negative floats order as their bit patterns do.
struct RankedPixel {
    std::uint32_t key;
    std::uint32_t index;
};

// Least-significant-digit radix sort, descending by key: a comparison sort of 512 x 512 pixels takes longer than all
// the scores together.
void sort_descending(std::vector<RankedPixel>& pixels) {
    constexpr int digit_bits = 11;
    constexpr std::size_t digits = std::size_t{1} << digit_bits;
    std::vector<RankedPixel> other(pixels.size());
    for (int shift = 0; shift < 32; shift += digit_bits) {
        std::array<std::size_t, digits> begin{};
        const auto digit = [shift](const RankedPixel& pixel) {
            return digits - 1 - ((pixel.key >> shift) & (digits - 1));
        };
        for (const RankedPixel& pixel : pixels) {
            ++begin[digit(pixel)];
        }
        std::exclusive_scan(begin.begin(), begin.end(), begin.begin(), std::size_t{0});
        for (const RankedPixel& pixel : pixels) {
            other[begin[digit(pixel)]++] = pixel;
        }
        pixels.swap(other);
    }
}

double mean_over(const std::vector<float>& values, const std::vector<std::uint32_t>& pixels, const Mask& valid) {
    double sum = 0.0;
    std::int64_t count = 0;
    for (const std::uint32_t pixel : pixels) {
        if (valid.pixels[pixel] != 0) {
            sum += values[pixel];
            ++count;
        }
    }
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

std::int64_t count_valid(const std::vector<std::uint32_t>& pixels, const Mask& valid) {
    return std::count_if(pixels.begin(), pixels.end(),
                         [&valid](std::uint32_t pixel) { return valid.pixels[pixel] != 0; });
}

// The value that marks the top share of pixels, and the chance that a pixel of exactly that value is among them.
struct TopPixels {
    float threshold = 0.0F;
    double tie_chance = 0.0;
};

// Zeros are never top pixels, however few pixels are positive.
TopPixels top_pixels(const std::vector<RankedPixel>& ranked, double share) {
    const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(ranked.size())));
    if (wanted == 0) {
        return {std::numeric_limits<float>::infinity(), 0.0};
    }
    const std::uint32_t key = ranked[std::min(wanted, ranked.size()) - 1].key;
    if (key == 0) {
        return {0.0F, 0.0};
    }
    const auto first = std::lower_bound(ranked.begin(), ranked.end(), key,
                                        [](const RankedPixel& pixel, std::uint32_t k) { return pixel.key > k; });
    const auto last = std::upper_bound(first, ranked.end(), key,
                                       [](std::uint32_t k, const RankedPixel& pixel) { return k > pixel.key; });
    const auto above = static_cast<double>(first - ranked.begin());
    return {std::bit_cast<float>(key), (static_cast<double>(wanted) - above) / static_cast<double>(last - first)};
}

// Expected share of discs that hold a top pixel; absent if no disc holds a valid pixel.
std::optional<double> recall(const std::vector<float>& values, const Mask& valid, const PeakTargets& targets,
                             const TopPixels& top) {
    double found = 0.0;
    std::int64_t peaks = 0;
    for (const std::vector<std::uint32_t>& disc : targets.discs) {
        bool any_valid = false;
        double missed = 1.0;
        for (const std::uint32_t pixel : disc) {
            if (valid.pixels[pixel] == 0) {
                continue;
            }
            any_valid = true;
            if (values[pixel] > top.threshold) {
                missed = 0.0;
            } else if (values[pixel] == top.threshold) {
                missed *= 1.0 - top.tie_chance;
            }
        }
        if (any_valid) {
            ++peaks;
            found += 1.0 - missed;
        }
    }
    if (peaks == 0) {
        return std::nullopt;
    }
    return found / static_cast<double>(peaks);
}

struct RankScores {
    double average_precision = 0.0;
    std::optional<double> sauc;
};

// Both rank scores in one walk from the highest value down, a tie group at a time. `positive` is 1 on the mask,
// `negative` counts how many nulls hold the pixel.
RankScores rank_scores(const std::vector<RankedPixel>& ranked, const std::vector<std::uint8_t>& positive,
                       const std::vector<std::uint16_t>& negative) {
    double precision_sum = 0.0;
    double auc_sum = 0.0;
    double above = 0.0;
    double positives_above = 0.0;
    double negatives_above = 0.0;
    for (std::size_t begin = 0; begin < ranked.size();) {
        std::size_t end = begin;
        double positives = 0.0;
        double negatives = 0.0;
        for (; end < ranked.size() && ranked[end].key == ranked[begin].key; ++end) {
            positives += positive[ranked[end].index];
            negatives += negative[ranked[end].index];
        }
        const auto size = static_cast<double>(end - begin);
        if (positives > 0.0) {
            // The mean over all orders of the tied pixels, in closed form per rank: a positive at place k of the
            // group has (k - 1)(t - 1)/(n - 1) of the group's other positives before it, on average.
            const double slope = size > 1.0 ? (positives - 1.0) / (size - 1.0) : 0.0;
            double sum = 0.0;
            for (double place = 1.0; place <= size; place += 1.0) {
                sum += (positives_above + 1.0 + (place - 1.0) * slope) / (above + place);
            }
            precision_sum += sum * positives / size;
        }
        // A negative is beaten by all positives above it and by half of those it is tied with.
        auc_sum += negatives * (positives_above + 0.5 * positives);
        above += size;
        positives_above += positives;
        negatives_above += negatives;
        begin = end;
    }
    RankScores scores;
    scores.average_precision = precision_sum / positives_above;
    if (negatives_above > 0.0) {
        scores.sauc = auc_sum / (positives_above * negatives_above);
    }
    return scores;
}

std::vector<std::uint32_t> disc_pixels(double fast_px, double slow_px, int width_px, int height_px, double radius_px) {
    std::vector<std::uint32_t> pixels;
    const int centre_fast = static_cast<int>(std::floor(fast_px));
    const int centre_slow = static_cast<int>(std::floor(slow_px));
    const int reach = static_cast<int>(std::ceil(radius_px)) + 1;
    for (int slow = std::max(0, centre_slow - reach); slow <= std::min(height_px - 1, centre_slow + reach); ++slow) {
        for (int fast = std::max(0, centre_fast - reach); fast <= std::min(width_px - 1, centre_fast + reach); ++fast) {
            const bool holds_centre = fast == centre_fast && slow == centre_slow;
            if (holds_centre || std::hypot(fast + 0.5 - fast_px, slow + 0.5 - slow_px) <= radius_px) {
                pixels.push_back(static_cast<std::uint32_t>(slow) * static_cast<std::uint32_t>(width_px) +
                                 static_cast<std::uint32_t>(fast));
            }
        }
    }
    return pixels;
}

// sLift with its resolution limit: a null mean that is below one null pixel of the true peaks' mean cannot be told from
// zero, so sLift never exceeds the number of null pixels.
double slift_of(double on_truth, double on_nulls, std::int64_t null_pixels) {
    if (on_truth <= 0.0) {
        return 0.0;
    }
    return on_truth / std::max(on_nulls, on_truth / static_cast<double>(std::max<std::int64_t>(null_pixels, 1)));
}

void check(const Image<float>& map, const Mask& valid, const PeakTargets& truth, std::span<const PeakTargets> nulls,
           const LocalisationOptions& options) {
    const auto same = [&map](int width, int height) { return width == map.width && height == map.height; };
    bool sizes_agree = same(valid.width, valid.height) && same(truth.width_px, truth.height_px);
    for (const PeakTargets& null : nulls) {
        sizes_agree = sizes_agree && same(null.width_px, null.height_px);
    }
    if (!sizes_agree) {
        throw UsageError(fmt::format(
            "cannot score a map of {} x {} pixels (the valid mask, the peaks or the nulls are of another size). "
            "Bring the map to the view's size first.",
            map.width, map.height));
    }
    if (!(options.top_share > 0.0 && options.top_share < 1.0)) {
        throw UsageError(
            fmt::format("top share = {} (peak recall counts the top share of pixels). Give a number "
                        "between 0 and 1.",
                        options.top_share));
    }
}

}  // namespace

PeakTargets make_targets(std::span<const Peak> peaks, int width_px, int height_px, double radius_px) {
    if (!(radius_px >= 0.0) || !std::isfinite(radius_px)) {
        throw UsageError(
            fmt::format("peak radius = {} px (a disc has no negative radius). Give 0 or more.", radius_px));
    }
    PeakTargets targets;
    targets.width_px = width_px;
    targets.height_px = height_px;
    for (const Peak& peak : peaks) {
        const double fast_px = peak.fast_px;
        const double slow_px = peak.slow_px;
        if (!peak.visible || !(fast_px >= 0.0 && fast_px < width_px && slow_px >= 0.0 && slow_px < height_px)) {
            continue;
        }
        targets.discs.push_back(disc_pixels(fast_px, slow_px, width_px, height_px, radius_px));
        const std::vector<std::uint32_t>& disc = targets.discs.back();
        targets.pixels.insert(targets.pixels.end(), disc.begin(), disc.end());
    }
    std::sort(targets.pixels.begin(), targets.pixels.end());
    targets.pixels.erase(std::unique(targets.pixels.begin(), targets.pixels.end()), targets.pixels.end());
    return targets;
}

Mask to_mask(const PeakTargets& targets) {
    Mask mask(targets.width_px, targets.height_px);
    for (const std::uint32_t pixel : targets.pixels) {
        mask.pixels[pixel] = 1;
    }
    return mask;
}

Mask peak_mask(std::span<const Peak> peaks, int width_px, int height_px, double radius_px) {
    return to_mask(make_targets(peaks, width_px, height_px, radius_px));
}

LocalisationScores score_map(const Image<float>& map, const Mask& valid, const PeakTargets& truth,
                             std::span<const PeakTargets> nulls, const LocalisationOptions& options) {
    check(map, valid, truth, nulls, options);
    std::vector<float> values(map.size());
    std::vector<RankedPixel> ranked;
    ranked.reserve(map.size());
    double total = 0.0;
    for (std::size_t i = 0; i < map.size(); ++i) {
        if (valid.pixels[i] == 0) {
            continue;
        }
        if (!std::isfinite(map.pixels[i])) {
            throw DataError(fmt::format(
                "the map is not finite at pixel {}, {} ({}). Mask such pixels or give another "
                "map.",
                i % static_cast<std::size_t>(map.width), i / static_cast<std::size_t>(map.width), map.pixels[i]));
        }
        // Not std::max: it would keep the sign of -0, whose bits sort above everything.
        const float value = map.pixels[i] > 0.0F ? map.pixels[i] : 0.0F;
        values[i] = value;
        total += value;
        ranked.push_back({std::bit_cast<std::uint32_t>(value), static_cast<std::uint32_t>(i)});
    }

    LocalisationScores scores;
    scores.zero_map = !(total > 0.0);
    scores.mask_pixels = count_valid(truth.pixels, valid);
    scores.rho = ranked.empty() ? 0.0 : static_cast<double>(scores.mask_pixels) / static_cast<double>(ranked.size());
    if (scores.zero_map || scores.mask_pixels == 0) {
        return scores;
    }

    std::vector<std::uint8_t> positive(map.size());
    for (const std::uint32_t pixel : truth.pixels) {
        positive[pixel] = 1;
    }
    std::vector<std::uint16_t> negative(map.size());
    std::vector<double> null_means;
    std::vector<std::int64_t> null_counts;
    for (const PeakTargets& null : nulls) {
        const std::int64_t count = count_valid(null.pixels, valid);
        if (count == 0) {
            continue;
        }
        null_counts.push_back(count);
        null_means.push_back(mean_over(values, null.pixels, valid));
        for (const std::uint32_t pixel : null.pixels) {
            negative[pixel] = static_cast<std::uint16_t>(negative[pixel] + (positive[pixel] == 0 ? 1 : 0));
        }
    }
    if (null_means.empty()) {
        return scores;
    }
    const auto null_count = static_cast<double>(null_means.size());
    const double null_sum = std::accumulate(null_means.begin(), null_means.end(), 0.0);
    const std::int64_t null_pixels = std::accumulate(null_counts.begin(), null_counts.end(), std::int64_t{0});

    const double on_truth = mean_over(values, truth.pixels, valid);
    scores.mass = on_truth * static_cast<double>(scores.mask_pixels) / total;
    scores.lift = *scores.mass / scores.rho;
    scores.slift = slift_of(on_truth, null_sum / null_count, null_pixels);
    const auto as_high =
        std::count_if(null_means.begin(), null_means.end(), [on_truth](double mean) { return mean >= on_truth; });
    scores.slift_p = (1.0 + static_cast<double>(as_high)) / (1.0 + null_count);
    if (null_means.size() > 1) {
        for (std::size_t j = 0; j < null_means.size(); ++j) {
            scores.null_slift.push_back(
                slift_of(null_means[j], (null_sum - null_means[j]) / (null_count - 1.0), null_pixels - null_counts[j]));
        }
        std::sort(scores.null_slift.begin(), scores.null_slift.end());
    }

    sort_descending(ranked);
    const RankScores ranks = rank_scores(ranked, positive, negative);
    scores.average_precision = ranks.average_precision;
    scores.sauc = ranks.sauc;

    const TopPixels top = top_pixels(ranked, options.top_share);
    scores.peak_recall = recall(values, valid, truth, top);
    double chance_sum = 0.0;
    std::int64_t chance_count = 0;
    for (const PeakTargets& null : nulls) {
        if (const std::optional<double> chance = recall(values, valid, null, top)) {
            chance_sum += *chance;
            ++chance_count;
        }
    }
    scores.peak_recall_chance = chance_sum / static_cast<double>(chance_count);
    return scores;
}

void add_ceiling(LocalisationScores& scores, const LocalisationScores& oracle) {
    scores.oracle_slift = oracle.slift;
    if (!scores.slift || !oracle.slift || *oracle.slift < minimum_oracle_slift) {
        return;
    }
    // A map that is zero on every true pixel has ln 0; as for the nulls, one pixel of the mask is the resolution.
    const double slift =
        std::max(*scores.slift, 1.0 / static_cast<double>(std::max<std::int64_t>(scores.mask_pixels, 1)));
    scores.ceiling_fraction = std::log(slift) / std::log(*oracle.slift);
}

}  // namespace braggbench
