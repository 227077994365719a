#include "datasets/part_images.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simulator/error.hpp"

namespace braggbench {

// Files that a process may have open are few.
constexpr std::size_t most_open = 64;

PartImages::PartImages(std::vector<CorpusPart> parts, int width_px, int height_px)
    : parts_(std::move(parts)),
      image_shape_{0, static_cast<std::uint64_t>(height_px), static_cast<std::uint64_t>(width_px)} {}

std::shared_ptr<const hdf5::Handle> PartImages::data_of(std::size_t part) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(open_, part, &Open::part);
    if (found != open_.end()) {
        open_.splice(open_.begin(), open_, found);
        return found->data;
    }
    const CorpusPart& asked = parts_[part];
    auto data = std::make_shared<const hdf5::Handle>(hdf5::open(hdf5::open_file(asked.file), "/entry/data/data"));
    hdf5::Shape expected = image_shape_;
    expected.front() = static_cast<std::uint64_t>(asked.images.size());
    hdf5::check_shape(*data, expected);
    open_.push_front({part, data});
    if (open_.size() > most_open) open_.pop_back();
    return data;
}

std::optional<std::vector<std::uint8_t>> PartImages::chunk(std::int64_t index) {
    const auto after = std::ranges::upper_bound(parts_, index, {}, [](const CorpusPart& p) { return p.images.first; });
    const auto part = static_cast<std::size_t>(after - parts_.begin() - 1);
    const auto row = static_cast<std::uint64_t>(index - parts_[part].images.first);
    return hdf5::read_chunk(*data_of(part), {row, 0, 0});
}

}  // namespace braggbench
