#include "datasets/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "datasets/file_bytes.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr Rgb white = {255, 255, 255};
constexpr Rgb ink = {40, 40, 40};
constexpr int caption_height_px = 22;
constexpr int gutter_px = 8;
constexpr double caption_scale = 0.45;

static_assert(sizeof(Rgb) == 3);

// The picture's own memory as OpenCV sees it; channels in the order R, G, B.
cv::Mat as_mat(Picture& picture) { return {picture.height, picture.width, CV_8UC3, picture.pixels.data()}; }

cv::Scalar as_scalar(Rgb colour) { return {double(colour[0]), double(colour[1]), double(colour[2])}; }

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

// The value below which `share` of them lie; reorders them.
float quantile(std::vector<float>& values, double share) {
    const auto at = static_cast<std::ptrdiff_t>(std::floor(share * static_cast<double>(values.size() - 1)));
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}

template <class T>
Picture grey(const Image<T>& values) {
    std::vector<float> finite;
    finite.reserve(values.size());
    for (const T value : values.pixels) {
        if (std::isfinite(static_cast<float>(value))) {
            finite.push_back(static_cast<float>(value));
        }
    }
    Picture picture(values.width, values.height, white);
    if (finite.empty()) {
        return picture;
    }
    const double low = quantile(finite, 0.01);
    // An image of few photons is nearly all zeros: without this its single photons would be as black as its peaks.
    const double high = std::max<double>(quantile(finite, 0.998), low + 1e-6);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = static_cast<double>(values.pixels[i]);
        if (std::isfinite(value)) {
            const std::uint8_t shade =
                to_byte(255.0 * (1.0 - std::sqrt(std::clamp((value - low) / (high - low), 0.0, 1.0))));
            picture.pixels[i] = {shade, shade, shade};
        }
    }
    return picture;
}

}  // namespace

Picture grey_picture(const Image<float>& values) { return grey(values); }
Picture grey_picture(const Image<std::uint16_t>& values) { return grey(values); }

void mark_peaks(Picture& picture, std::span<const Peak> peaks, double scale, Rgb colour) {
    if (picture.pixels.empty()) {
        return;
    }
    cv::Mat canvas = as_mat(picture);
    constexpr int shift = 4;  // OpenCV's fixed-point sub-pixel bits
    constexpr double unit = 1 << shift;
    for (const Peak& peak : peaks) {
        if (!peak.visible || !std::isfinite(peak.fast_px) || !std::isfinite(peak.slow_px)) {
            continue;
        }
        const double sigma = std::sqrt(std::max(peak.var_fast_px2, peak.var_slow_px2));
        const double radius = std::clamp(3.0 * sigma * scale + 2.5, 4.0, 64.0);
        // OpenCV has pixel centres at integers.
        const double fast = scale * static_cast<double>(peak.fast_px) - 0.5;
        const double slow = scale * static_cast<double>(peak.slow_px) - 0.5;
        if (std::abs(fast) > 32000.0 || std::abs(slow) > 32000.0) {
            continue;
        }
        const cv::Point centre(static_cast<int>(std::lround(fast * unit)), static_cast<int>(std::lround(slow * unit)));
        cv::circle(canvas, centre, static_cast<int>(std::lround(radius * unit)), as_scalar(colour), 1, cv::LINE_AA,
                   shift);
    }
}

void blend_heat(Picture& picture, const Image<float>& map) {
    if (map.width != picture.width || map.height != picture.height) {
        throw UsageError(fmt::format("a map of {} x {} pixels does not fit a picture of {} x {}.", map.width,
                                     map.height, picture.width, picture.height));
    }
    float highest = 0.0F;
    for (const float value : map.pixels) {
        highest = std::isfinite(value) ? std::max(highest, value) : highest;
    }
    if (highest <= 0.0F) {
        return;
    }
    cv::Mat ramp(1, 256, CV_8UC1);
    for (int i = 0; i < 256; ++i) {
        ramp.at<std::uint8_t>(i) = static_cast<std::uint8_t>(i);
    }
    cv::Mat colours;
    cv::applyColorMap(ramp, colours, cv::COLORMAP_VIRIDIS);
    for (std::size_t i = 0; i < map.size(); ++i) {
        const float value = map.pixels[i];
        if (!std::isfinite(value) || value <= 0.0F) {
            continue;
        }
        const double share = static_cast<double>(value) / static_cast<double>(highest);
        // On light paper strong must be dark, so the ramp is walked backwards; faint heat leaves the spots legible.
        const auto bgr = colours.at<cv::Vec3b>(to_byte(255.0 * (1.0 - share)));
        const double opacity = 0.75 * std::sqrt(share);
        for (std::size_t channel = 0; channel < 3; ++channel) {
            std::uint8_t& target = picture.pixels[i][channel];
            target = to_byte((1.0 - opacity) * target + opacity * bgr[2 - static_cast<int>(channel)]);
        }
    }
}

Image<std::uint16_t> reduce_max(const Image<std::uint16_t>& image, int factor) {
    Image<std::uint16_t> result(image.width / factor, image.height / factor);
    for (int slow = 0; slow < result.height * factor; ++slow) {
        for (int fast = 0; fast < result.width * factor; ++fast) {
            auto& largest = result(fast / factor, slow / factor);
            largest = std::max(largest, image(fast, slow));
        }
    }
    return result;
}

Picture resize_nearest(const Picture& picture, int factor) {
    if (factor < 1) {
        throw UsageError(fmt::format("a picture cannot be enlarged {} times (give 1 or more).", factor));
    }
    Picture larger(picture.width * factor, picture.height * factor);
    for (int slow = 0; slow < larger.height; ++slow) {
        for (int fast = 0; fast < larger.width; ++fast) {
            larger(fast, slow) = picture(fast / factor, slow / factor);
        }
    }
    return larger;
}

Picture contact_sheet(std::span<const Tile> tiles, int columns) {
    if (tiles.empty() || columns < 1) {
        throw UsageError(fmt::format("a contact sheet of {} tiles in {} columns (give at least one of each).",
                                     tiles.size(), columns));
    }
    int width = 0;
    int height = 0;
    for (const Tile& tile : tiles) {
        width = std::max(width, tile.picture.width);
        height = std::max(height, tile.picture.height);
    }
    const int used_columns = std::min(columns, static_cast<int>(tiles.size()));
    const int rows = (static_cast<int>(tiles.size()) + used_columns - 1) / used_columns;
    const int cell_width = width + gutter_px;
    const int cell_height = height + caption_height_px + gutter_px;
    Picture sheet(used_columns * cell_width + gutter_px, rows * cell_height + gutter_px, white);
    cv::Mat canvas = as_mat(sheet);
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        const Picture& picture = tiles[i].picture;
        const int left = gutter_px + static_cast<int>(i) % used_columns * cell_width;
        const int top = gutter_px + static_cast<int>(i) / used_columns * cell_height;
        for (int slow = 0; slow < picture.height; ++slow) {
            std::copy_n(picture.pixels.begin() + static_cast<std::ptrdiff_t>(picture.index(0, slow)), picture.width,
                        sheet.pixels.begin() + static_cast<std::ptrdiff_t>(sheet.index(left, top + slow)));
        }
        if (picture.pixels.empty()) {
            continue;
        }
        cv::rectangle(canvas, cv::Rect(left - 1, top - 1, picture.width + 2, picture.height + 2),
                      as_scalar({205, 205, 205}));
        std::string caption = tiles[i].caption;
        const auto text_width = [](const std::string& text) {
            int baseline = 0;
            return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, caption_scale, 1, &baseline).width;
        };
        if (text_width(caption) > width) {
            while (!caption.empty() && text_width(caption + "..") > width) {
                caption.pop_back();
            }
            caption += "..";
        }
        cv::putText(canvas, caption, {left, top + height + caption_height_px - 6}, cv::FONT_HERSHEY_SIMPLEX,
                    caption_scale, as_scalar(ink), 1, cv::LINE_AA);
    }
    return sheet;
}

std::vector<std::uint8_t> encode_png(const Picture& picture) {
    if (picture.pixels.empty()) {
        throw UsageError("an empty picture cannot be written as PNG.");
    }
    const bool is_grey = std::ranges::all_of(picture.pixels, [](const Rgb& p) { return p[0] == p[1] && p[1] == p[2]; });
    cv::Mat stored;
    // cvtColor only reads, but takes a Mat.
    cv::cvtColor(as_mat(const_cast<Picture&>(picture)), stored, is_grey ? cv::COLOR_RGB2GRAY : cv::COLOR_RGB2BGR);
    std::vector<std::uint8_t> encoded;
    if (!cv::imencode(".png", stored, encoded)) {
        throw DataError(
            fmt::format("a picture of {} x {} pixels cannot be encoded as PNG.", picture.width, picture.height));
    }
    return encoded;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
    const std::vector<std::uint8_t> encoded = encode_png(picture);
    replace_file(path, std::string_view(reinterpret_cast<const char*>(encoded.data()), encoded.size()));
}

}  // namespace braggbench
