// The ROC-AUC of one number for a yes-or-no truth, with an interval and a test against chance that cost one sort, also
// where images come in groups that share most of what was drawn (matched pairs, raster scans).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace braggbench {

struct ClusteredAuc {
    double auc = 0.5;
    // Variance by DeLong et al. 1988 (Biometrics 44, 837), in groups by Obuchowski 1997 (Biometrics 53, 567), the same
    // for groups of one; normal on the logit's scale. Of a perfect separation, which has no variance: Wilson's interval
    // of as many right answers as there are groups on the smaller side.
    std::array<double, 2> ci95 = {0.0, 1.0};
    double z = 0.0;  // (auc - 0.5) / its standard deviation where truth and number have nothing to do with each other
    std::int64_t positive_groups = 0;  // with at least one such image
    std::int64_t negative_groups = 0;
};

// truth[i] is 0 or 1; groups[i] counts from 0 without gaps, empty = every image by itself. Equal scores are half right.
// Without groups, z is that of Mann and Whitney (1947, Ann. Math. Stat. 18, 50) with ties; in groups it uses the
// variance above. None without both truths. Throws UsageError for different lengths, other truths or a score that is
// not a number.
std::optional<ClusteredAuc> clustered_auc(std::span<const int> truth, std::span<const double> scores,
                                          std::span<const std::int64_t> groups = {});

// P(|Z| >= |z|) and P(Z >= z) of a standard normal.
double two_sided_p(double z);
double one_sided_p(double z);

}  // namespace braggbench
