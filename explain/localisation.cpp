#include "explain/localisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// What a map has on some pixels, those off Omega left out.
struct PixelSum {
    double positive = 0.0;  // of S+
    double value = 0.0;     // of S
    std::int64_t pixels = 0;

    [[nodiscard]] double mean() const { return positive / static_cast<double>(pixels); }
};

PixelSum sum_over(const RankedMap& map, const std::vector<std::uint32_t>& pixels) {
    PixelSum sum;
    for (const std::uint32_t pixel : pixels) {
        if (map.is_valid(pixel)) {
            const float value = map.value(pixel);
            sum.value += value;
            sum.positive += value > 0.0F ? value : 0.0F;
            ++sum.pixels;
        }
    }
    return sum;
}

// The key that marks the top share of pixels, and the chance that a pixel of exactly that key is among them.
struct TopPixels {
    std::uint32_t threshold = 0;
    double tie_chance = 0.0;
};

// Zeros are never top pixels, however few pixels are positive.
TopPixels top_pixels(const RankedMap& map, double share) {
    const auto wanted = static_cast<std::int64_t>(std::llround(share * static_cast<double>(map.valid_pixels())));
    if (wanted == 0) {
        return {~0U, 0.0};
    }
    const std::uint32_t key = map.key_at(wanted);
    if (key == 0) {
        return {0, 0.0};
    }
    const RankedMap::Place place = map.place_of(key);
    return {key, static_cast<double>(wanted - place.above) / static_cast<double>(place.tied)};
}

// Expected share of discs that hold a top pixel; absent if no disc holds a valid pixel.
std::optional<double> recall(const RankedMap& map, const PeakTargets& targets, const TopPixels& top) {
    double found = 0.0;
    std::int64_t peaks = 0;
    for (const std::vector<std::uint32_t>& disc : targets.discs) {
        bool any_valid = false;
        double missed = 1.0;
        for (const std::uint32_t pixel : disc) {
            if (!map.is_valid(pixel)) {
                continue;
            }
            any_valid = true;
            const std::uint32_t key = map.key(pixel);
            if (key > top.threshold) {
                missed = 0.0;
            } else if (key == top.threshold) {
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

// The sum of 1/k for k from a + 1 to b: one by one to 32, then Euler and Maclaurin's, whose next term is below 1e-11 of
// the first.
double harmonic_between(double a, double b) {
    double sum = 0.0;
    while (a < b && a < 32.0) {
        a += 1.0;
        sum += 1.0 / a;
    }
    if (a < b) {
        const double ia = 1.0 / a;
        const double ib = 1.0 / b;
        sum += std::log1p((b - a) / a) + 0.5 * (ib - ia) - (ib * ib - ia * ia) / 12.0 +
               (std::pow(ib, 4) - std::pow(ia, 4)) / 120.0;
    }
    return sum;
}

// What a tie group of `tied` pixels, of which `positives` are on the mask, adds to the sum of precisions, as the mean
// over all its orders: a positive at place k of the group has (k - 1)(positives - 1)/(tied - 1) of the group's other
// positives before it. `above` pixels come before the group, of which `positives_above` are on the mask.
double precision_sum(double above, double tied, double positives_above, double positives) {
    const double slope = tied > 1.0 ? (positives - 1.0) / (tied - 1.0) : 0.0;
    const double rest = positives_above + 1.0 - slope * (above + 1.0);
    return (slope * tied + rest * harmonic_between(above, above + tied)) * positives / tied;
}

std::vector<std::uint32_t> sorted_keys(const RankedMap& map, const std::vector<std::uint32_t>& pixels) {
    std::vector<std::uint32_t> keys;
    keys.reserve(pixels.size());
    for (const std::uint32_t pixel : pixels) {
        if (map.is_valid(pixel)) {
            keys.push_back(map.key(pixel));
        }
    }
    sort_descending(keys);
    return keys;
}

// The keys of the nulls' pixels that are not on the mask, a pixel once for each null that holds it.
std::vector<std::uint32_t> negative_keys(const RankedMap& map, const PeakTargets& truth,
                                         std::span<const PeakTargets> nulls) {
    std::vector<std::uint32_t> pixels;
    for (const PeakTargets& null : nulls) {
        std::set_difference(null.pixels.begin(), null.pixels.end(), truth.pixels.begin(), truth.pixels.end(),
                            std::back_inserter(pixels));
    }
    return sorted_keys(map, pixels);
}

// Calls visit(begin, end) for each run of equal keys.
template <class Visit>
void for_each_tie(const std::vector<std::uint32_t>& keys, const Visit& visit) {
    for (std::size_t begin = 0; begin < keys.size();) {
        std::size_t end = begin + 1;
        while (end < keys.size() && keys[end] == keys[begin]) {
            ++end;
        }
        visit(begin, end);
        begin = end;
    }
}

double average_precision(const RankedMap& map, const std::vector<std::uint32_t>& positives) {
    const std::span<const std::uint32_t> all = map.positive_keys();
    double sum = 0.0;
    std::size_t next = 0;  // of `all`
    for_each_tie(positives, [&](std::size_t begin, std::size_t end) {
        const std::uint32_t key = positives[begin];
        while (next < all.size() && all[next] > key) {
            ++next;
        }
        const std::size_t above = next;
        while (next < all.size() && all[next] == key) {
            ++next;
        }
        const double tied = key == 0 ? static_cast<double>(map.valid_pixels()) - static_cast<double>(above)
                                     : static_cast<double>(next - above);
        sum += precision_sum(static_cast<double>(above), tied, static_cast<double>(begin),
                             static_cast<double>(end - begin));
    });
    return sum / static_cast<double>(positives.size());
}

std::optional<double> shuffled_auc(const std::vector<std::uint32_t>& positives,
                                   const std::vector<std::uint32_t>& negatives) {
    if (negatives.empty()) {
        return std::nullopt;
    }
    // A negative is beaten by all positives above it and by half of those it is tied with.
    double sum = 0.0;
    std::size_t above = 0;
    for_each_tie(negatives, [&](std::size_t begin, std::size_t end) {
        while (above < positives.size() && positives[above] > negatives[begin]) {
            ++above;
        }
        std::size_t tied = above;
        while (tied < positives.size() && positives[tied] == negatives[begin]) {
            ++tied;
        }
        sum += static_cast<double>(end - begin) * 0.5 * static_cast<double>(above + tied);
    });
    return sum / (static_cast<double>(positives.size()) * static_cast<double>(negatives.size()));
}

double share_of_ties(const std::vector<std::uint32_t>& descending, std::uint32_t key, double of_ties) {
    const auto [first, last] = std::equal_range(descending.begin(), descending.end(), key, std::greater<>());
    return static_cast<double>(first - descending.begin()) + of_ties * static_cast<double>(last - first);
}

// Precision of the as many highest pixels as there are positives, over all orders of tied pixels.
double rank_accuracy(const RankedMap& map, const std::vector<std::uint32_t>& positives) {
    const auto wanted = static_cast<std::int64_t>(positives.size());
    const std::uint32_t key = map.key_at(wanted);
    const RankedMap::Place place = map.place_of(key);
    const double of_ties = static_cast<double>(wanted - place.above) / static_cast<double>(place.tied);
    return share_of_ties(positives, key, of_ties) / static_cast<double>(wanted);
}

double pointing(const RankedMap& map, const std::vector<std::uint32_t>& positives) {
    const std::uint32_t highest = map.key_at(1);
    return share_of_ties(positives, highest, 1.0) / static_cast<double>(map.place_of(highest).tied);
}

// sLift with its resolution limit: a null mean that is below one null pixel of the true peaks' mean cannot be told from
// zero, so sLift never exceeds the number of null pixels.
double slift_of(double on_truth, double on_nulls, std::int64_t null_pixels) {
    if (on_truth <= 0.0) {
        return 0.0;
    }
    return on_truth / std::max(on_nulls, on_truth / static_cast<double>(std::max<std::int64_t>(null_pixels, 1)));
}

void check(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
           const LocalisationOptions& options) {
    const auto same = [&map](const PeakTargets& targets) {
        return targets.width_px == map.width_px() && targets.height_px == map.height_px();
    };
    if (!same(truth) || !std::all_of(nulls.begin(), nulls.end(), same)) {
        throw UsageError(fmt::format(
            "cannot score a map of {} x {} pixels (the peaks or the nulls are of an image of another size). "
            "Bring the map to the view's size first.",
            map.width_px(), map.height_px()));
    }
    if (!(options.top_share > 0.0 && options.top_share < 1.0)) {
        throw UsageError(
            fmt::format("top share = {} (peak recall counts the top share of pixels). Give a number "
                        "between 0 and 1.",
                        options.top_share));
    }
}

// Mass, lift, sLift, NSS and peak recall; false if localisation is undefined.
bool score_means(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                 const LocalisationOptions& options, LocalisationScores& scores) {
    const PixelSum on_truth = sum_over(map, truth.pixels);
    scores.mask_pixels = on_truth.pixels;
    scores.rho =
        map.valid_pixels() > 0 ? static_cast<double>(on_truth.pixels) / static_cast<double>(map.valid_pixels()) : 0.0;
    std::vector<PixelSum> on_nulls;
    for (const PeakTargets& null : nulls) {
        const PixelSum sum = sum_over(map, null.pixels);
        if (sum.pixels > 0) {
            on_nulls.push_back(sum);
        }
    }
    if (on_truth.pixels == 0 || on_nulls.empty()) {
        return false;
    }
    const auto null_count = static_cast<double>(on_nulls.size());
    double null_sum = 0.0;
    std::int64_t null_pixels = 0;
    for (const PixelSum& null : on_nulls) {
        null_sum += null.mean();
        null_pixels += null.pixels;
    }
    scores.mass = on_truth.positive / map.total();
    scores.lift = *scores.mass / scores.rho;
    scores.slift = slift_of(on_truth.mean(), null_sum / null_count, null_pixels);
    const auto as_high = std::count_if(on_nulls.begin(), on_nulls.end(),
                                       [&](const PixelSum& null) { return null.mean() >= on_truth.mean(); });
    scores.slift_p = (1.0 + static_cast<double>(as_high)) / (1.0 + null_count);
    if (on_nulls.size() > 1) {
        for (const PixelSum& null : on_nulls) {
            scores.null_slift.push_back(
                slift_of(null.mean(), (null_sum - null.mean()) / (null_count - 1.0), null_pixels - null.pixels));
        }
        std::sort(scores.null_slift.begin(), scores.null_slift.end());
    }
    if (map.sigma() > 0.0) {
        scores.nss = (on_truth.value / static_cast<double>(on_truth.pixels) - map.mean()) / map.sigma();
    }

    const TopPixels top = top_pixels(map, options.top_share);
    scores.peak_recall = recall(map, truth, top);
    double chance_sum = 0.0;
    std::int64_t chance_count = 0;
    for (const PeakTargets& null : nulls) {
        if (const std::optional<double> chance = recall(map, null, top)) {
            chance_sum += *chance;
            ++chance_count;
        }
    }
    scores.peak_recall_chance = chance_sum / static_cast<double>(chance_count);
    return true;
}

LocalisationScores score_all(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                             const LocalisationOptions& options) {
    LocalisationScores scores;
    if (score_means(map, truth, nulls, options, scores)) {
        const std::vector<std::uint32_t> positives = sorted_keys(map, truth.pixels);
        scores.average_precision = average_precision(map, positives);
        scores.sauc = shuffled_auc(positives, negative_keys(map, truth, nulls));
        scores.rank_accuracy = rank_accuracy(map, positives);
        scores.pointing = pointing(map, positives);
    }
    return scores;
}

// Of a map that cannot be scored: what is known all the same.
LocalisationScores no_scores(const RankedMap& map, const PeakTargets& truth) {
    LocalisationScores scores;
    scores.status = map.status();
    scores.mask_pixels = sum_over(map, truth.pixels).pixels;
    return scores;
}

}  // namespace

LocalisationScores score_map(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                             const LocalisationOptions& options) {
    check(map, truth, nulls, options);
    return map.status() == MapStatus::ok ? score_all(map, truth, nulls, options) : no_scores(map, truth);
}

LocalisationScores score_map(const Image<float>& map, const Mask& valid, const PeakTargets& truth,
                             std::span<const PeakTargets> nulls, const LocalisationOptions& options) {
    return score_map(RankedMap(map, valid), truth, nulls, options);
}

LocalisationScores score_some_peaks(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                    const LocalisationOptions& options) {
    check(map, truth, nulls, options);
    if (map.status() != MapStatus::ok) {
        return no_scores(map, truth);
    }
    LocalisationScores scores;
    score_means(map, truth, nulls, options, scores);
    return scores;
}

LocalisationScores score_uniform_map(const Mask& valid, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                     const LocalisationOptions& options) {
    const RankedMap map(Image<float>(valid.width, valid.height, 1.0F), valid);
    check(map, truth, nulls, options);
    return map.status() == MapStatus::constant ? score_all(map, truth, nulls, options) : no_scores(map, truth);
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
