// A dense two-dimensional array of pixels: slow-major, pixel (fast, slow) at index slow * width + fast.
// Pixel (0, 0) covers [0, 1) x [0, 1) in pixel units; its centre is at 0.5, 0.5 (docs/frames.md).
#pragma once

#include <cstddef>
#include <vector>

namespace braggbench {

template <class T>
struct Image {
    int width = 0;   // pixels along fast
    int height = 0;  // pixels along slow
    std::vector<T> pixels;

    Image() = default;
    Image(int width_px, int height_px, T fill = T{})
        : width(width_px),
          height(height_px),
          pixels(static_cast<std::size_t>(width_px) * static_cast<std::size_t>(height_px), fill) {}

    [[nodiscard]] std::size_t index(int fast, int slow) const {
        return static_cast<std::size_t>(slow) * static_cast<std::size_t>(width) + static_cast<std::size_t>(fast);
    }
    T& operator()(int fast, int slow) { return pixels[index(fast, slow)]; }
    const T& operator()(int fast, int slow) const { return pixels[index(fast, slow)]; }
    [[nodiscard]] std::size_t size() const { return pixels.size(); }
    bool operator==(const Image&) const = default;
};

}  // namespace braggbench
