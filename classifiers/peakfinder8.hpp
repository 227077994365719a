// peakfinder8: strong pixels above a threshold that depends on the distance from the beam, tested against the
// background around them. The algorithm is Anton Barty's in Cheetah (Barty et al. 2014, J. Appl. Cryst. 47, 1118); this
// is an implementation from its description, not a port. Positions in pixels from the outer corner of pixel (0, 0).
#pragma once

#include <cstdint>
#include <vector>

#include "classifiers/found_peak.hpp"
#include "simulator/detector.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Which ring around the beam each pixel of an image belongs to: bin = the distance of the pixel's centre, rounded to
// whole pixels. Made once per geometry.
class RadialBins {
public:
    // Throws UsageError for a size that is not positive or a beam that is not finite or over 30 000 px away.
    RadialBins(int width_px, int height_px, double beam_fast_px, double beam_slow_px);
    // Panels tilted or at different distances count as projected from the sample onto the plane of the first panel's
    // pixel (0, 0), square to the beam. Pixels between panels, or not downstream of the sample, belong to no ring.
    explicit RadialBins(const Detector& detector);

    [[nodiscard]] std::size_t count() const { return begin_.size() - 1; }
    // The ring of each pixel; count() for pixels of none.
    [[nodiscard]] const Image<std::uint16_t>& bins() const { return bins_; }
    // The place of each pixel if all are sorted by ring, those of none last; and where the pixels of each ring begin.
    [[nodiscard]] const std::vector<std::uint32_t>& places() const { return places_; }
    [[nodiscard]] const std::vector<std::size_t>& begin() const { return begin_; }

private:
    void sort_pixels();
    Image<std::uint16_t> bins_;
    std::vector<std::uint32_t> places_;
    std::vector<std::size_t> begin_;
};

// Defaults for images in photons. Published sets: CrystFEL 800 / 5 / 2-200 / 3, OM on a Pilatus 0 / 6 / 1-300 / 4,
// Cheetah 100 / 40 / 3-any / 4 (threshold / min_snr / pixels / radius).
struct PeakFinder8Options {
    double threshold = 0.0;  // a strong pixel is higher than this whatever its ring says; in the image's units
    double min_snr = 5.0;    // of strong pixels over their ring, and of peaks over their surroundings
    int min_pixels = 2;
    int max_pixels = 200;
    int local_background_radius_px = 3;  // the surroundings reach twice as far from the peak's centre
    double min_radius_px = 0.0;          // rings whose radius is outside are left out
    double max_radius_px = 1e9;
};

// 1. Mean and population sigma of each ring, five times, each time over pixels strictly between mean -+ min_snr sigma
//    of the time before; then high = max(mean + min_snr sigma, threshold).
// 2. 8-connected regions of pixels above their ring's `high`, at least one of them off the image's border, of
//    min_pixels to max_pixels. Centroid weighted by |value - ring mean|.
// 3. Surroundings: the pixels within 2 local_background_radius_px of the centroid that are not above their ring's
//    `high`: mean, sigma and maximum; where there are none, or all are alike, the ring's mean and sigma.
// 4. Peaks with snr = intensity / sigma of one pixel >= min_snr, and no lower than the highest pixel around them, both
//    above background.
// Pixels with valid == 0, outside all rings or not finite take no part. `valid` may be empty. Throws UsageError for
// sizes that differ or options out of range, all at once.
std::vector<FoundPeak> peakfinder8(const Image<float>& values, const Image<std::uint8_t>& valid, const RadialBins& bins,
                                   const PeakFinder8Options& options = {});

}  // namespace braggbench
