#include "datasets/image_cache.hpp"

namespace braggbench {
namespace {

std::size_t bytes_of(const ImageCache::Entry& image) { return image->size() * sizeof(std::uint16_t); }

}  // namespace

ImageCache::Entry ImageCache::find(std::int64_t index) {
    const std::scoped_lock lock(mutex_);
    const auto place = places_.find(index);
    if (place == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, place->second);
    return place->second->second;
}

void ImageCache::insert(std::int64_t index, const Entry& image) {
    const std::size_t bytes = bytes_of(image);
    if (bytes > capacity_bytes_) return;
    Order forgotten;  // destroyed after the lock is given back
    const std::scoped_lock lock(mutex_);
    if (places_.contains(index)) return;  // another thread was first
    while (used_bytes_ + bytes > capacity_bytes_) {
        used_bytes_ -= bytes_of(order_.back().second);
        places_.erase(order_.back().first);
        forgotten.splice(forgotten.begin(), order_, std::prev(order_.end()));
    }
    order_.emplace_front(index, image);
    places_.emplace(index, order_.begin());
    used_bytes_ += bytes;
}

}  // namespace braggbench
