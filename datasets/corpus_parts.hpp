// A corpus made in parts: files of consecutive images in the folder NAME.parts beside it, each a corpus that states the
// whole's recipe and its own first image. An interrupted run goes on from them, several runs can share the work, and a
// virtual corpus shows them as one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench {

// Share `number` of `of`, counted from 1.
struct Share {
    int number = 1;
    int of = 1;
};

// The images of a share, whole groups of `per_group`.
ImageRange share_of(std::int64_t image_count, std::int64_t per_group, Share share);

std::filesystem::path parts_folder(const std::filesystem::path& corpus);
std::filesystem::path part_file(const std::filesystem::path& corpus, ImageRange images);

// The parts that lie beside `corpus`, in order and without overlap. Throws DataError for one that is damaged or of
// another recipe or program than `whole`.
std::vector<CorpusPart> find_parts(const std::filesystem::path& corpus, const CorpusInfo& whole);

// What is missing of `wanted`, in pieces of at most `most` images.
std::vector<ImageRange> missing_images(const std::vector<CorpusPart>& parts, ImageRange wanted, std::int64_t most);

// What a part's file says of itself.
CorpusInfo part_info(const CorpusInfo& whole, ImageRange images);

enum class Assembly {
    one_file,  // the bytes of a corpus made at once; the parts are removed
    virtual_file
};

// Makes `corpus` of its parts, which hold all images. `progress(done, total)` counts images.
void join_parts(const std::vector<CorpusPart>& parts, const std::filesystem::path& corpus, const CorpusInfo& whole,
                Assembly assembly, const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
