// Small corpora of three classes that every classifier tells apart, drawn without the simulator.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "simulator/random.hpp"
#include "tests/classifiers/small_corpus_info.hpp"

namespace braggbench::test {

inline const std::vector<std::string> drawn_classes = {"blank", "no-crystal", "crystal"};

struct DrawnImages {
    int size_px = 48;
    int spots = 8;
    int spot_px = 1;  // edge of the square that a spot is
};

// Blank: read-out noise; no-crystal: a background of 5 photons; crystal: the same with spots of 80 photons a pixel.
inline Image<std::uint16_t> draw_image(const DrawnImages& rule, int class_index, std::uint64_t k) {
    RandomStream random(5, k, Stage::photon_noise);
    Image<std::uint16_t> image(rule.size_px, rule.size_px);
    for (auto& value : image.pixels) {
        value = static_cast<std::uint16_t>(40.0 + random.normal() +
                                           static_cast<double>(class_index > 0 ? random.poisson(5.0) : 0));
    }
    for (int spot = 0; class_index == 2 && spot < rule.spots; ++spot) {
        const int x = static_cast<int>(random.uniform(1, rule.size_px - rule.spot_px));
        const int y = static_cast<int>(random.uniform(1, rule.size_px - rule.spot_px));
        for (int i = 0; i < rule.spot_px * rule.spot_px; ++i) image(x + i % rule.spot_px, y + i / rule.spot_px) += 80;
    }
    return image;
}

struct DrawnRow {
    int class_index = 0;
    Split split = Split::train;
};

inline std::filesystem::path write_drawn_corpus(const std::filesystem::path& path, const DrawnImages& rule, int count,
                                                const std::function<DrawnRow(int)>& row) {
    CorpusWriter writer(path, small_corpus_info(rule.size_px, count, drawn_classes, 2));
    for (int i = 0; i < count; ++i) {
        CorpusRecord record;
        record.class_index = row(i).class_index;
        record.split = row(i).split;
        record.image = draw_image(rule, record.class_index, static_cast<std::uint64_t>(i));
        writer.append(encode(std::move(record)));
    }
    writer.finish();
    return path;
}

}  // namespace braggbench::test
