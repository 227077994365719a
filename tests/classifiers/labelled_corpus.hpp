// A small corpus with classes, attributes, values and drawn strengths of the tests' own choice; its images are dark.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/classifiers/small_corpus_info.hpp"

namespace braggbench::test {

struct LabelledImage {
    int class_index = 0;  // 0: no crystal, 1 and 2: crystals
    Split split = Split::test;
    std::vector<std::uint8_t> attributes = {};  // ice, multilattice
    std::vector<float> values = {};             // mosaic1
    ImageTruth truth = {};
    std::vector<float> drawn = {};  // ice.thickness_um
    std::uint16_t level = 40;       // of all its pixels; offset 40, gain 1
};

inline const std::vector<std::string> labelled_classes = {"blank", "weak", "strong"};

inline std::filesystem::path write_labelled_corpus(const std::filesystem::path& path,
                                                   const std::vector<LabelledImage>& images) {
    constexpr int size_px = 16;
    auto info = small_corpus_info(size_px, static_cast<std::int64_t>(images.size()), labelled_classes, 1);
    info.labels.attributes = {"ice", "multilattice"};
    info.labels.values = {"mosaic1"};
    info.labels.value_units = {"deg"};
    info.drawn_names = {"ice.thickness_um"};
    CorpusWriter writer(path, info);
    for (const auto& given : images) {
        CorpusRecord record;
        record.image = Image<std::uint16_t>(size_px, size_px, given.level);
        record.class_index = given.class_index;
        record.split = given.split;
        record.labels.attributes = given.attributes.empty() ? std::vector<std::uint8_t>{0, 0} : given.attributes;
        record.labels.values = given.values.empty() ? std::vector<float>{0.0F} : given.values;
        record.truth = given.truth;
        record.drawn = given.drawn.empty() ? std::vector<float>{0.0F} : given.drawn;
        writer.append(encode(std::move(record)));
    }
    writer.finish();
    return path;
}

}  // namespace braggbench::test
