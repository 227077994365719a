// The images of a virtual corpus, read from its parts.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/hdf5.hpp"

namespace braggbench {

// Opens a part when an image of it is asked for and keeps the last few open. Thread-safe.
class PartImages {
public:
    // `width_px` x `height_px` are the corpus's; the parts are in order and hold all images.
    PartImages(std::vector<CorpusPart> parts, int width_px, int height_px);

    [[nodiscard]] const std::vector<CorpusPart>& parts() const { return parts_; }
    // The bytes of image `index` as they are stored; nullopt if there are none. Throws DataError for a part that is
    // missing or holds other images than the corpus says.
    [[nodiscard]] std::optional<std::vector<std::uint8_t>> chunk(std::int64_t index);

private:
    struct Open {
        std::size_t part;
        std::shared_ptr<const hdf5::Handle> data;
    };
    [[nodiscard]] std::shared_ptr<const hdf5::Handle> data_of(std::size_t part);

    std::vector<CorpusPart> parts_;
    hdf5::Shape image_shape_;
    std::mutex mutex_;
    std::list<Open> open_;  // the last asked for first
};

}  // namespace braggbench
