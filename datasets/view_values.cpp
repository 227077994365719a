#include "datasets/view_values.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace braggbench {
namespace {

// Sums over the box, kept while it moves.
struct Moments {
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;

    void add(const Moments& other, double sign) {
        sum += sign * other.sum;
        squares += sign * other.squares;
        count += sign * other.count;
    }
};

float transformed(float value, ValueTransform transform) {
    switch (transform) {
        case ValueTransform::sqrt:
            return std::sqrt(std::max(value, 0.0F));
        case ValueTransform::log:
            return std::log1p(std::max(value, 0.0F));
        case ValueTransform::linear:
        case ValueTransform::percentile:
            break;
    }
    return value;
}

// The value below which the given percentage lies, at the nearest rank.
float percentile(std::vector<float>& values, double percent) {
    const auto rank =
        static_cast<std::ptrdiff_t>(std::lround(percent / 100.0 * static_cast<double>(values.size() - 1)));
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[static_cast<std::size_t>(rank)];
}

// `low` becomes 0 and `high` `top`, clipped.
void stretch(Image<float>& values, float low, float high, float top) {
    const float scale = high > low ? top / (high - low) : 0.0F;
    for (float& value : values.pixels) {
        value = std::clamp((value - low) * scale, 0.0F, top);
    }
}

}  // namespace

Image<float> local_contrast(const Image<float>& values, const Image<std::uint8_t>& valid, int box_px) {
    Image<float> result(values.width, values.height);
    const int reach = box_px / 2;
    std::vector<Moments> columns(static_cast<std::size_t>(values.width));
    const auto add_row = [&](int slow, double sign) {
        if (slow < 0 || slow >= values.height) {
            return;
        }
        const std::size_t from = values.index(0, slow);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const double used = valid.pixels[from + i] != 0 ? sign : 0.0;
            const double value = static_cast<double>(values.pixels[from + i]);
            columns[i].sum += used * value;
            columns[i].squares += used * value * value;
            columns[i].count += used;
        }
    };
    for (int slow = -reach; slow < reach; ++slow) {
        add_row(slow, 1.0);
    }
    for (int slow = 0; slow < values.height; ++slow) {
        add_row(slow + reach, 1.0);
        add_row(slow - reach - 1, -1.0);
        Moments box;
        for (int fast = -reach; fast < values.width; ++fast) {
            if (fast + reach < values.width) {
                box.add(columns[static_cast<std::size_t>(fast + reach)], 1.0);
            }
            if (fast - reach - 1 >= 0) {
                box.add(columns[static_cast<std::size_t>(fast - reach - 1)], -1.0);
            }
            if (fast < 0 || valid(fast, slow) == 0) {
                continue;
            }
            const double mean = box.sum / box.count;
            const double variance = box.squares / box.count - mean * mean;
            // A constant box leaves rounding errors only.
            if (variance > 1e-10 * (mean * mean + variance)) {
                result(fast, slow) =
                    static_cast<float>((static_cast<double>(values(fast, slow)) - mean) / std::sqrt(variance));
            }
        }
    }
    return result;
}

void apply_values(Image<float>& values, const Image<std::uint8_t>& valid, const ValueRule& rule) {
    if (rule.contrast_box_px > 0) {
        values = local_contrast(values, valid, rule.contrast_box_px);
    }
    constexpr float byte_top = 255.0F;
    const float top = rule.bytes ? byte_top : 1.0F;
    if (rule.transform == ValueTransform::percentile) {
        std::vector<float> measured;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (valid.pixels[i] != 0) {
                measured.push_back(values.pixels[i]);
            }
        }
        const float low = measured.empty() ? 0.0F : percentile(measured, rule.percentile_low);
        const float high = measured.empty() ? 0.0F : percentile(measured, rule.percentile_high);
        stretch(values, low, high, top);
    } else {
        if (rule.transform != ValueTransform::linear) {
            for (float& value : values.pixels) {
                value = transformed(value, rule.transform);
            }
        }
        if (rule.bytes) {
            stretch(values, transformed(static_cast<float>(rule.byte_low_photons), rule.transform),
                    transformed(static_cast<float>(rule.byte_high_photons), rule.transform), top);
        }
    }
    if (rule.bytes) {
        for (float& value : values.pixels) {
            value = std::round(value);
        }
    }
}

Image<std::uint8_t> as_bytes(const Image<float>& values) {
    Image<std::uint8_t> bytes(values.width, values.height);
    std::transform(values.pixels.begin(), values.pixels.end(), bytes.pixels.begin(),
                   [](float value) { return static_cast<std::uint8_t>(value); });
    return bytes;
}

}  // namespace braggbench
