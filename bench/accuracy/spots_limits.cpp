// Prints the table of docs/spots.md: the spots integrator beside the converged pixels integrator.
// Usage: spots_limits [samples of a pixel] [points along a pixel's edge]
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/simulator/converged.hpp"

namespace braggbench {
namespace {

struct Row {
    double mosaic_rms_deg, band_percent, divergence_rms_mrad;
};

const std::vector<Row>& rows() {
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
        // two at a time
        {0.02, 1, 0},
        {0.2, 0.3, 0},
        {0.2, 1, 0},
        {0.2, 3, 0},
        {1, 0.3, 0},
        {1, 3, 0},
        {0.02, 0, 1},
        {0.2, 0, 0.3},
        {1, 0, 1},
        {0, 0.3, 0.3},
        {0, 3, 1},
        // all
        {0.02, 0.3, 0.3},
        {0.1, 0.3, 0.3},
        {0.2, 1, 0.3},
        {0.5, 1, 1},
        {0.02, 3, 1},
        {1, 0.3, 1},
        {1, 3, 1},
        // beyond
        {2, 0, 0},
        {4, 0, 0},
        {0, 6, 0},
        {0, 10, 0},
        {0, 0, 3},
        {0, 0, 10},
        {2, 6, 3},
    };
    return list;
}

void print(int samples, int oversample) {
    fmt::print(
        "| laws | mosaic rms (deg) | band (%) | divergence rms (mrad) | peaks | R spots (%) | R pixels (%) | 1 - CC | "
        "judge's own R (%) |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (const auto laws : {SmearedScene::Laws::gaussian, SmearedScene::Laws::edged}) {
        for (const Row& row : rows()) {
            const bool edged = laws == SmearedScene::Laws::edged;
            if (edged && row.mosaic_rms_deg == 0 && row.band_percent == 0) continue;
            const Experiment experiment =
                smeared_scene({laws, row.mosaic_rms_deg, 0.01 * row.band_percent, row.divergence_rms_mrad});
            const Agreement a = compare_with_converged(experiment, samples, oversample);
            fmt::print("| {} | {} | {} | {} | {} | {:.3f} | {:.3f} | {:.0e} | {:.3f} |\n",
                       edged ? "cap, top hat" : "Gaussian", row.mosaic_rms_deg, row.band_percent,
                       row.divergence_rms_mrad, a.peaks, 100 * a.spot_r, 100 * a.pixel_r, 1 - a.correlation,
                       100 * a.judge_r);
            std::fflush(stdout);
        }
    }
}

}  // namespace
}  // namespace braggbench

int main(int argc, char** argv) {
    const int samples = argc > 1 ? std::atoi(argv[1]) : 1 << 19;
    const int oversample = argc > 2 ? std::atoi(argv[2]) : 8;
    braggbench::print(samples, oversample);
    return 0;
}
