#include "classifiers/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "classifiers/audit_model.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "classifiers/metric_comparison.hpp"
#include "classifiers/parallel.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double z95 = 1.959963984540054;
constexpr std::size_t most_bins = 16;
constexpr std::size_t fewest_images_per_bin = 20;
constexpr std::size_t most_train_images = 20000;  // of the regression: more change its AUC by less than its interval

using Groups = std::vector<std::int64_t>;
using Picked = std::vector<std::size_t>;  // images, by number

std::vector<double> pick(const std::vector<double>& values, const Picked& images) {
    std::vector<double> picked;
    picked.reserve(images.size());
    for (const std::size_t i : images) picked.push_back(values[i]);
    return picked;
}

// Numbers from 0 without gaps for the groups of some images; empty if each stands alone.
Groups pick_groups(const Groups& groups, const Picked& images) {
    Groups picked;
    if (groups.empty()) return picked;
    std::map<std::int64_t, std::int64_t> numbers;
    for (const std::size_t i : images) {
        picked.push_back(numbers.try_emplace(groups[i], static_cast<std::int64_t>(numbers.size())).first->second);
    }
    if (numbers.size() == images.size()) picked.clear();
    return picked;
}

// Ranks from 1, equal values sharing their mean.
std::vector<double> ranks(const std::vector<double>& values) {
    Picked order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> result(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first;
        while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
        for (std::size_t k = first; k < end; ++k) result[order[k]] = 0.5 * static_cast<double>(first + 1 + end);
        first = end;
    }
    return result;
}

// The chance that of two images of a normal pair with this Spearman correlation the order is told: 1/2 + asin(r) / pi,
// r = 2 sin(pi rho / 6) (Kruskal 1958, J. Am. Stat. Assoc. 53, 814).
double concordance(double spearman) {
    return 0.5 + std::asin(std::clamp(2.0 * std::sin(pi * spearman / 6.0), -1.0, 1.0)) / pi;
}

// The image of an interval under |x - chance|, back on the upper side.
Metric folded(double value, const std::array<double, 2>& interval, double chance) {
    const double low = std::abs(interval[0] - chance);
    const double high = std::abs(interval[1] - chance);
    const bool straddles = interval[0] <= chance && interval[1] >= chance;
    return {chance + std::abs(value - chance),
            std::array{straddles ? chance : chance + std::min(low, high), chance + std::max(low, high)}, chance};
}

struct Score {
    Metric auc;
    Metric correlation;
    double z = 0.0;
};

std::optional<Score> score_of_truth(const std::vector<double>& truth, const std::vector<double>& scores,
                                    const Groups& groups, AuditShape shape) {
    const std::vector<int> yes_or_no(truth.begin(), truth.end());
    const auto measured = clustered_auc(yes_or_no, scores, groups);
    if (!measured || std::min(measured->positive_groups, measured->negative_groups) < audit_min_groups) {
        return std::nullopt;
    }
    Score score;
    score.z = measured->z;
    score.auc = shape == AuditShape::rank ? folded(measured->auc, measured->ci95, 0.5)
                                          : Metric{measured->auc, measured->ci95, 0.5};
    return score;
}

// Fisher's z with the standard error of Bonett & Wright 2000 (Psychometrika 65, 23). Groups count as one image each,
// which is the most careful.
std::optional<Score> score_of_value(const std::vector<double>& truth, const std::vector<double>& scores,
                                    const Groups& groups, AuditShape shape) {
    const double count = groups.empty() ? static_cast<double>(truth.size())
                                        : 1.0 + static_cast<double>(*std::max_element(groups.begin(), groups.end()));
    if (count < 2.0 * static_cast<double>(audit_min_groups)) return std::nullopt;
    const auto spearman = correlation(ranks(truth), ranks(scores));
    if (!spearman) return std::nullopt;
    const double rho = std::clamp(*spearman, -0.999999, 0.999999);
    const double half = z95 * std::sqrt((1.0 + 0.5 * rho * rho) / (count - 3.0));
    const std::array<double, 2> interval = {std::tanh(std::atanh(rho) - half), std::tanh(std::atanh(rho) + half)};
    Score score;
    score.z = rho * std::sqrt(count - 1.0);
    score.correlation = shape == AuditShape::rank ? folded(*spearman, interval, 0.0) : Metric{*spearman, interval, 0.0};
    score.auc = {concordance(*score.correlation.value),
                 std::array{concordance((*score.correlation.ci95)[0]), concordance((*score.correlation.ci95)[1])}, 0.5};
    return score;
}

std::optional<Score> score(const LabelColumn& label, const std::vector<double>& truth,
                           const std::vector<double>& scores, const Groups& groups, AuditShape shape) {
    if (truth.empty()) return std::nullopt;
    return label.kind == LabelKind::value ? score_of_value(truth, scores, groups, shape)
                                          : score_of_truth(truth, scores, groups, shape);
}

// The truth that is predicted: of a grade, hit or not.
std::vector<double> truth_of(const LabelColumn& label) {
    std::vector<double> truth = label.values;
    if (label.kind == LabelKind::grade) {
        for (double& value : truth) {
            if (std::isfinite(value)) value = value == static_cast<double>(Grade::hit) ? 1.0 : 0.0;
        }
    }
    return truth;
}

// Half of the images, whole groups, drawn by the seed but as many of each side of the label in both halves.
std::vector<char> first_half(const std::vector<double>& truth, const Groups& groups, bool stratified,
                             std::uint64_t seed) {
    struct Group {
        bool positive = false;
        double key = 0.0;
        std::size_t number = 0;
    };
    const std::size_t count =
        groups.empty() ? truth.size() : static_cast<std::size_t>(1 + *std::max_element(groups.begin(), groups.end()));
    std::vector<Group> drawn(count);
    RandomStream random(seed, 0, folds_stage);
    for (std::size_t g = 0; g < count; ++g) drawn[g] = {false, random.uniform(), g};
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (stratified && truth[i] == 1.0)
            drawn[groups.empty() ? i : static_cast<std::size_t>(groups[i])].positive = true;
    }
    std::stable_sort(drawn.begin(), drawn.end(), [](const Group& a, const Group& b) {
        return a.positive != b.positive ? a.positive : a.key < b.key;
    });
    std::vector<char> first_of_group(count);
    for (std::size_t k = 0; k < count; ++k) first_of_group[drawn[k].number] = k % 2 == 0 ? 1 : 0;
    std::vector<char> first(truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
        first[i] = first_of_group[groups.empty() ? i : static_cast<std::size_t>(groups[i])];
    }
    return first;
}

// The bin of each value: its own for a category, else one of equally full ones.
std::vector<std::size_t> bins_of(const std::vector<double>& values, bool category) {
    std::vector<double> edges = values;
    std::sort(edges.begin(), edges.end());
    if (category) {
        edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    } else {
        const std::size_t bins = std::clamp<std::size_t>(values.size() / 2 / fewest_images_per_bin, 2, most_bins);
        std::vector<double> starts;
        for (std::size_t b = 0; b < bins; ++b) starts.push_back(edges[b * edges.size() / bins]);
        starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
        edges = std::move(starts);
    }
    std::vector<std::size_t> bins;
    for (const double value : values) {
        bins.push_back(static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), value) - edges.begin()) -
                       1);
    }
    return bins;
}

// What the first half says of each bin, as the score of the second half's images.
std::optional<Score> score_any_shape(const LabelColumn& label, const std::vector<double>& truth,
                                     const std::vector<double>& values, bool category, const Groups& groups,
                                     std::uint64_t seed) {
    if (truth.empty()) return std::nullopt;
    const std::vector<std::size_t> bins = bins_of(values, category);
    const std::vector<double> wanted = label.kind == LabelKind::value ? ranks(truth) : truth;
    const std::vector<char> first = first_half(truth, groups, label.kind != LabelKind::value, seed);
    std::vector<double> sums(1 + *std::max_element(bins.begin(), bins.end()), 0.0);
    std::vector<double> counts(sums.size(), 0.0);
    double all = 0.0;
    double all_count = 0.0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (first[i] == 0) continue;
        sums[bins[i]] += wanted[i];
        counts[bins[i]] += 1.0;
        all += wanted[i];
        all_count += 1.0;
    }
    const double mean = all / std::max(1.0, all_count);
    Picked second;
    std::vector<double> scores;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (first[i] != 0) continue;
        second.push_back(i);
        // One image's worth of the mean, so that an empty bin says nothing.
        scores.push_back((sums[bins[i]] + mean) / (counts[bins[i]] + 1.0));
    }
    return score(label, pick(truth, second), scores, pick_groups(groups, second), AuditShape::any);
}

Picked defined(const std::vector<double>& a) {
    Picked images;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::isfinite(a[i])) images.push_back(i);
    }
    return images;
}

class LabelAuditor {
public:
    LabelAuditor(const AuditTable& table, const AuditOptions& options, std::size_t label)
        : table_(table), options_(options), number_(label), label_(table.labels[label]), truth_(truth_of(label_)) {}

    // Without worst and Holm, which need all pairs.
    LabelAudit run(std::vector<AuditPair>& pairs) {
        LabelAudit result;
        result.label = number_;
        const Picked known = defined(truth_);
        result.images = static_cast<std::int64_t>(known.size());
        if (label_.kind != LabelKind::value) {
            for (const std::size_t i : known) result.positives += truth_[i] == 1.0 ? 1 : 0;
        }
        result.not_audited = reason_not_to(known, result);
        if (!result.not_audited.empty()) return result;
        for (const Nuisance& nuisance : table_.nuisances) {
            if (std::ranges::find(nuisance.used_by, label_.name) == nuisance.used_by.end()) add_pairs(nuisance, pairs);
        }
        add_together(pairs);
        return result;
    }

private:
    [[nodiscard]] std::string reason_not_to(const Picked& known, const LabelAudit& counts) const {
        if (known.empty()) return "undefined in every image";
        if (label_.kind == LabelKind::value) {
            const auto [least, most] = std::ranges::minmax(pick(truth_, known));
            if (least == most) return "the same in every image";
            if (counts.images < 2 * audit_min_groups) {
                return fmt::format("defined in {} images, fewer than {}", counts.images, 2 * audit_min_groups);
            }
            return "";
        }
        const std::int64_t fewer = std::min(counts.positives, counts.images - counts.positives);
        if (fewer == 0) return counts.positives == 0 ? "in no image" : "in every image";
        if (fewer < audit_min_groups) {
            return fmt::format("{} images on one side, fewer than {}", fewer, audit_min_groups);
        }
        return "";
    }

    void add(const std::string& nuisance, NuisanceKind kind, AuditShape shape, std::size_t images,
             const std::optional<Score>& scored, std::vector<AuditPair>& pairs) const {
        if (!scored) return;
        AuditPair pair;
        pair.label = number_;
        pair.nuisance = nuisance;
        pair.kind = kind;
        pair.shape = shape;
        pair.images = static_cast<std::int64_t>(images);
        pair.auc = scored->auc;
        pair.correlation = scored->correlation;
        pair.p = shape == AuditShape::rank ? two_sided_p(scored->z) : one_sided_p(scored->z);
        pair.exceeds = kind != NuisanceKind::drawn && (*pair.auc.ci95)[0] > options_.max_auc;
        pairs.push_back(pair);
    }

    void add_pairs(const Nuisance& nuisance, std::vector<AuditPair>& pairs) const {
        Picked images;
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            if (std::isfinite(truth_[i]) && std::isfinite(nuisance.values[i])) images.push_back(i);
        }
        const std::vector<double> truth = pick(truth_, images);
        const std::vector<double> values = pick(nuisance.values, images);
        if (values.empty() || std::ranges::min(values) == std::ranges::max(values)) return;
        const Groups groups = pick_groups(table_.groups, images);
        if (!nuisance.category) {
            add(nuisance.name, nuisance.kind, AuditShape::rank, images.size(),
                score(label_, truth, values, groups, AuditShape::rank), pairs);
        }
        add(nuisance.name, nuisance.kind, AuditShape::any, images.size(),
            score_any_shape(label_, truth, values, nuisance.category, groups, options_.seed), pairs);
    }

    void add_together(std::vector<AuditPair>& pairs) const {
        std::vector<const std::vector<double>*> columns;
        for (const Nuisance& nuisance : table_.nuisances) {
            if (nuisance.kind != NuisanceKind::drawn) columns.push_back(&nuisance.values);
        }
        Picked train;
        Picked test;
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            if (!std::isfinite(truth_[i])) continue;
            if (table_.splits[i] == Split::train) train.push_back(i);
            if (table_.splits[i] == Split::test) test.push_back(i);
        }
        if (columns.empty() || train.size() < 2 || test.empty()) return;
        const std::size_t step = (train.size() + most_train_images - 1) / most_train_images;
        Picked thinned;
        for (std::size_t k = 0; k < train.size(); k += step) thinned.push_back(train[k]);
        const Eigen::MatrixXd features = score_features(columns, thinned);
        const std::vector<double> scores = label_.kind == LabelKind::value
                                               ? linear_scores(features, ranks_of_known(), thinned, test)
                                               : logistic_scores(features, truth_, thinned, test);
        add("all together", NuisanceKind::image, AuditShape::together, test.size(),
            score(label_, pick(truth_, test), scores, pick_groups(table_.groups, test), AuditShape::together), pairs);
    }

    // Ranks, in [0, 1], where the label is defined.
    [[nodiscard]] std::vector<double> ranks_of_known() const {
        const Picked known = defined(truth_);
        const std::vector<double> ranked = ranks(pick(truth_, known));
        std::vector<double> result(truth_.size(), 0.0);
        for (std::size_t k = 0; k < known.size(); ++k) {
            result[known[k]] = ranked[k] / static_cast<double>(known.size());
        }
        return result;
    }

    const AuditTable& table_;
    const AuditOptions& options_;
    std::size_t number_;
    const LabelColumn& label_;
    std::vector<double> truth_;
};

void correct_for_number(std::vector<AuditPair>& pairs, bool drawn) {
    std::vector<double> p;
    Picked which;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
        if ((pairs[k].kind == NuisanceKind::drawn) != drawn) continue;
        p.push_back(pairs[k].p);
        which.push_back(k);
    }
    const std::vector<double> adjusted = holm_adjusted(p);
    for (std::size_t k = 0; k < which.size(); ++k) pairs[which[k]].p_holm = adjusted[k];
}

}  // namespace

const char* name_of(AuditShape shape) {
    switch (shape) {
        case AuditShape::rank:
            return "rank";
        case AuditShape::any:
            return "any";
        case AuditShape::together:
            return "together";
    }
    return "";
}

bool AuditResult::leaks() const { return std::ranges::any_of(labels, &LabelAudit::leaks); }

AuditResult audit(const AuditTable& table, const AuditOptions& options) {
    if (!(options.max_auc >= 0.5 && options.max_auc < 1.0)) {
        throw UsageError(
            fmt::format("max_auc = {} (an AUC of chance is 0.5 and a perfect one 1). Give one from 0.5 to "
                        "below 1.",
                        options.max_auc));
    }
    AuditResult result;
    result.labels.resize(table.labels.size());
    std::vector<std::vector<AuditPair>> of_label(table.labels.size());
    for_each_index(
        static_cast<std::int64_t>(table.labels.size()),
        [&](std::int64_t l) {
            const auto label = static_cast<std::size_t>(l);
            result.labels[label] = LabelAuditor(table, options, label).run(of_label[label]);
        },
        options.threads);
    for (std::size_t label = 0; label < table.labels.size(); ++label) {
        LabelAudit& audited = result.labels[label];
        for (AuditPair& pair : of_label[label]) {
            const std::size_t at = result.pairs.size();
            result.pairs.push_back(pair);
            audited.leaks = audited.leaks || pair.exceeds;
            if (pair.shape == AuditShape::together) {
                audited.together = at;
                continue;
            }
            auto& worst = pair.kind == NuisanceKind::drawn ? audited.worst_drawn : audited.worst;
            // A perfect one first: its interval, of another kind, is the more careful.
            const auto badness = [&](std::size_t k) {
                const Metric& auc = result.pairs[k].auc;
                return std::array{*auc.value == 1.0 ? 1.0 : 0.0, (*auc.ci95)[0], *auc.value};
            };
            if (!worst || badness(at) > badness(*worst)) {
                worst = at;
            }
        }
    }
    correct_for_number(result.pairs, false);
    correct_for_number(result.pairs, true);
    return result;
}

nlohmann::json audit_json(const AuditTable& table, const AuditOptions& options, const AuditResult& result) {
    const auto pair_json = [&](const AuditPair& pair) {
        nlohmann::json json = {{"label", table.labels[pair.label].name},
                               {"label_kind", name_of(table.labels[pair.label].kind)},
                               {"nuisance", pair.nuisance},
                               {"kind", pair.shape == AuditShape::together ? "all but drawn" : name_of(pair.kind)},
                               {"shape", name_of(pair.shape)},
                               {"images", pair.images},
                               {"auc", pair.auc},
                               {"p", pair.p},
                               {"p_holm", pair.p_holm},
                               {"exceeds", pair.exceeds}};
        if (pair.correlation.value) json["spearman"] = pair.correlation;
        return json;
    };
    const auto optional_pair = [&](const std::optional<std::size_t>& at) {
        return at ? pair_json(result.pairs[*at]) : nlohmann::json();
    };
    nlohmann::json labels = nlohmann::json::array();
    for (const LabelAudit& audited : result.labels) {
        const LabelColumn& label = table.labels[audited.label];
        labels.push_back(
            {{"name", label.name},
             {"kind", name_of(label.kind)},
             {"images", audited.images},
             {"positives", label.kind == LabelKind::value ? nlohmann::json() : nlohmann::json(audited.positives)},
             {"not_audited", audited.not_audited},
             {"leaks", audited.leaks},
             {"worst", optional_pair(audited.worst)},
             {"together", optional_pair(audited.together)},
             {"worst_drawn", optional_pair(audited.worst_drawn)}});
    }
    nlohmann::json pairs = nlohmann::json::array();
    for (const AuditPair& pair : result.pairs) pairs.push_back(pair_json(pair));
    return {{"command", "inspect --audit"},
            {"corpora", table.corpora},
            {"images", table.splits.size()},
            {"groups", table.groups.empty() ? nlohmann::json() : nlohmann::json(1 + std::ranges::max(table.groups))},
            {"max_auc", options.max_auc},
            {"seed", options.seed},
            {"leaks", result.leaks()},
            {"labels", std::move(labels)},
            {"pairs", std::move(pairs)}};
}

}  // namespace braggbench
