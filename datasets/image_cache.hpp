// The images of a corpus that were asked for last, unpacked, up to a number of bytes. Thread-safe; the lock is held for
// a look-up only, never while an image is made or copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "simulator/image.hpp"

namespace braggbench {

class ImageCache {
public:
    using Entry = std::shared_ptr<const Image<std::uint16_t>>;

    explicit ImageCache(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

    [[nodiscard]] std::size_t capacity_bytes() const { return capacity_bytes_; }
    // Null if the image is not kept.
    [[nodiscard]] Entry find(std::int64_t index);
    // Makes room by forgetting what was longest not asked for; an image larger than the cache is not kept.
    void insert(std::int64_t index, const Entry& image);

private:
    using Order = std::list<std::pair<std::int64_t, Entry>>;  // the last one asked for in front

    std::size_t capacity_bytes_;
    std::mutex mutex_;
    Order order_;
    std::unordered_map<std::int64_t, Order::iterator> places_;
    std::size_t used_bytes_ = 0;
};

}  // namespace braggbench
