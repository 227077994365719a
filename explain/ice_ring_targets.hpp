// Where the rings of ice of an image lie in a view of it, as targets for maps that explain a label about ice. The truth
// is the simulator's: the image's scene is drawn again from the corpus' recipe and rendered with its ice and without.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/view.hpp"
#include "explain/peak_targets.hpp"
#include "labels/draw.hpp"

namespace braggbench {

// The rings that an image shows, on a view of it.
struct IceRings {
    std::vector<double> radii_px;  // of the rings, in the view's pixels, as if the detector were square to the beam
    Image<float> radius_px;        // of every pixel of the view, in the same measure; negative off the detector
    double beam_fast_px = 0.0;     // in the view
    double beam_slow_px = 0.0;
};

class IceRingTruth {
public:
    // Throws UsageError for a corpus without a recipe.
    explicit IceRingTruth(const CorpusReader& corpus);

    // A ring is there if its excess S over the ice on either side has S / sqrt(S + B + n r^2) >= 5 in the image, B the
    // photons of all else on its n pixels and r the read-out noise. No radii for an image without ice.
    [[nodiscard]] IceRings rings(std::int64_t image_index, const View& view) const;

private:
    const CorpusReader* corpus_;
    Recipe recipe_;
    std::vector<Assignment> assignments_;
};

// Truth: pixels within radius_px + 1/2 of a ring, in sectors of 10 degrees that take the part of peaks' discs. Rings
// lie at the same place in every image of a geometry, so that the nulls are not those of others but the same number of
// rings at other radii: each up to 32 px from its own, inward and outward in turn and clear of all rings of the image.
// Rings without such a place are left out.
TargetSet ring_targets(const IceRings& rings, double radius_px, int nulls, std::uint64_t seed,
                       std::int64_t image_index);

}  // namespace braggbench
