// The tables of labels beside exported images, as text lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/view_labels.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

// Columns: the file, the image's number in the corpus, class, split, and what the truth says of the whole image and of
// what the file shows of it (view_labels.hpp); then "attribute.NAME" (0, 1, empty = unknown), "value.NAME [UNITS]"
// (empty = undefined) and grade, as far as the corpus has them.
std::string csv_header(const CorpusInfo& info);
std::string csv_line(const std::string& file, std::int64_t index, const CorpusReader& corpus,
                     const LabelSupport& support);

// The eight columns of Hollatz's multiclasses.txt, by these rules: blank = no crystal in the beam; photo1, photo2 = the
// crystal is of photosystem I or II; multilattice = two or more crystals; ice = a visible peak of ice; badice = the ice
// has more photons than the protein; mosaic1 = the first crystal's rms mosaic spread in degrees; mosaic2 = that of a
// second one. A label is its image's, not its view's.
class HollatzLabels {
public:
    // Throws UsageError if the corpus' recipe cannot be read: it says which model is of which class.
    explicit HollatzLabels(const CorpusReader& corpus);
    // "fake_00001.pgm 0 1 0 0 1 0 0.892528 0.000000"
    [[nodiscard]] std::string line(const std::string& file, std::int64_t index, const std::vector<Peak>& peaks) const;

private:
    const CorpusReader* corpus_;
    Recipe recipe_;
    std::vector<float> mosaic_deg_;
};

// The columns of the tables `labels` and `geom` of resonet's files, and the rows of an image: class (its number),
// num_lat (lattices), multi_lattice (0 or 1), visible_peaks (of protein), reso (of the finest of them in angstrom, 0
// without one); detdist and pixsize (mm), wavelen (angstrom), xdim and ydim (px of the corpus). Names as resonet's
// simulations (github.com/dermen/resonet, sims/main.py) call them.
std::vector<std::string> resonet_label_names();
std::vector<float> resonet_labels(const CorpusReader& corpus, std::int64_t index);
std::vector<std::string> resonet_geometry_names();
std::vector<float> resonet_geometry(const CorpusInfo& info);

}  // namespace braggbench
