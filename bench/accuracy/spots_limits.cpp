// Prints the table of docs/spots.md: the spots integrator beside the converged pixels integrator.
// The judge's list grows until it knows the sums of spots to 0.08 %, or is as long as asked for.
// Usage: spots_limits [most samples of a pixel] [goal | beyond]: rows up to 1 degree, 3 % and 1 mrad, or those beyond
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/simulator/converged.hpp"

namespace braggbench {
namespace {

struct Row {
    double mosaic_rms_deg, band_percent, divergence_rms_mrad;
};

const std::vector<Row>& goal_rows() {
    static const std::vector<Row> list = {
        // singly
        {0, 0, 0},
        {0.02, 0, 0},
        {0.1, 0, 0},
        {0.2, 0, 0},
        {0.5, 0, 0},
        {1, 0, 0},
        {0, 0.3, 0},
        {0, 1, 0},
        {0, 3, 0},
        {0, 0, 0.3},
        {0, 0, 1},
        // combined
        {0.02, 1, 0},
        {0.2, 0.3, 0},
        {0.2, 3, 0},
        {1, 3, 0},
        {0.2, 0, 1},
        {0, 0.3, 0.3},
        {0, 3, 1},
        {0.02, 1.274, 1},  // a Gaussian of 3 % full width at half maximum
        {0.02, 3, 1},
        {0.1, 0.3, 0.3},
        {0.2, 1, 0.3},
        {0.5, 1, 1},
        {1, 0.3, 1},
        {1, 1.274, 1},
        {1, 3, 1},
    };
    return list;
}

const std::vector<Row>& rows_beyond() {
    static const std::vector<Row> list = {
        {2, 0, 0}, {0, 6, 0}, {0, 10, 0}, {0, 0, 3}, {0, 0, 10}, {2, 6, 3},
    };
    return list;
}

void print(int most_samples, const std::vector<Row>& rows) {
    // The middle of a part stands for all of it: with 16 x 16 parts spots of a quarter of a pixel err by 0.2 %.
    constexpr int oversample = 16;
    constexpr double well_known = 8e-4;

    fmt::print(
        "| laws | mosaic rms (deg) | band (%) | divergence rms (mrad) | peaks | R (%) | 1 - CC | R of pixels (%) | "
        "samples "
        "| judge's R (%) | judge's R of pixels (%) |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (const auto laws : {SmearedScene::Laws::gaussian, SmearedScene::Laws::edged}) {
        for (const Row& row : rows) {
            const bool edged = laws == SmearedScene::Laws::edged;
            if (edged && row.mosaic_rms_deg == 0 && row.band_percent == 0) continue;
            const Experiment experiment =
                smeared_scene({laws, row.mosaic_rms_deg, 0.01 * row.band_percent, row.divergence_rms_mrad});
            Agreement a;
            int samples = 1 << 16;
            for (;; samples *= 4) {
                a = compare_with_converged(experiment, samples, oversample);
                if (a.judge_spot_r < well_known || 4 * samples > most_samples) break;
            }
            fmt::print("| {} | {} | {} | {} | {} | {:.2f} | {:.0e} | {:.2f} | {} | {:.2f} | {:.2f} |\n",
                       edged ? "cap, top hat" : "Gaussian", row.mosaic_rms_deg, row.band_percent,
                       row.divergence_rms_mrad, a.peaks, 100 * a.spot_r, 1 - a.correlation, 100 * a.pixel_r, samples,
                       100 * a.judge_spot_r, 100 * a.judge_pixel_r);
            std::fflush(stdout);
        }
    }
}

}  // namespace
}  // namespace braggbench

int main(int argc, char** argv) {
    using namespace braggbench;
    const std::string which = argc > 2 ? argv[2] : "";
    std::vector<Row> rows;
    if (which != "beyond") rows = goal_rows();
    if (which != "goal") rows.insert(rows.end(), rows_beyond().begin(), rows_beyond().end());
    print(argc > 1 ? std::atoi(argv[1]) : 1 << 20, rows);
    return 0;
}
