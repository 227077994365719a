#include "classifiers/train_augmentation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "classifiers/random_stage.hpp"

namespace braggbench {
namespace {

float mean_of(const Image<float>& image) {
    const double sum = std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
    return static_cast<float>(sum / static_cast<double>(image.size()));
}

int whole(RandomStream& random, int low, int high) {
    return low + static_cast<int>(draw_index(random, static_cast<std::size_t>(high - low + 1)));
}

// A disc and an arm to one side, as beam stops on a holder are.
void cast_shadow(Image<float>& photons, RandomStream& random) {
    const double size = photons.width;
    const double fast = size * random.uniform(0.45, 0.55);
    const double slow = size * random.uniform(0.45, 0.55);
    const double radius = size * random.uniform(0.01, 0.05);
    const double arm = radius * random.uniform(0.2, 1.0);
    const auto transmission = static_cast<float>(random.uniform(0.0, 0.5));
    const auto side = draw_index(random, 4);
    for (int y = 0; y < photons.height; ++y) {
        for (int x = 0; x < photons.width; ++x) {
            double along = x - fast;
            double across = y - slow;
            if (side >= 2) std::swap(along, across);
            if (side % 2 == 1) along = -along;
            const bool in_disc = along * along + across * across < radius * radius;
            if (in_disc || (along > 0 && std::abs(across) < arm)) photons(x, y) *= transmission;
        }
    }
}

void cut_margin(Image<float>& photons, RandomStream& random) {
    const int most = photons.width / 10;
    const int left = whole(random, 0, most);
    const int right = whole(random, 0, most);
    const int top = whole(random, 0, most);
    const int bottom = whole(random, 0, most);
    const float fill = mean_of(photons);
    for (int y = 0; y < photons.height; ++y) {
        for (int x = 0; x < photons.width; ++x) {
            const bool inside = x >= left && x < photons.width - right && y >= top && y < photons.height - bottom;
            if (!inside) photons(x, y) = fill;
        }
    }
}

// The maximum over copies shifted by a little: each pixel becomes the largest of several draws at about the same level,
// and spots get more numerous, as in a block of a large detector.
void reduce_by_maxima(Image<float>& photons, RandomStream& random) {
    const int copies = whole(random, 3, 24);
    const int reach = photons.width / 16;
    const Image<float> original = photons;
    for (int copy = 0; copy < copies; ++copy) {
        const int shift_fast = whole(random, -reach, reach);
        const int shift_slow = whole(random, -reach, reach);
        for (int y = 0; y < photons.height; ++y) {
            // Mirrored at the border, so that a level that rises towards one side stays smooth.
            int from_y = std::abs(y + shift_slow);
            if (from_y >= photons.height) from_y = 2 * photons.height - 1 - from_y;
            const int first = std::max(0, -shift_fast);
            const int last = std::min(photons.width, photons.width - shift_fast);
            for (int x = first; x < last; ++x) {
                photons(x, y) = std::max(photons(x, y), original(x + shift_fast, from_y));
            }
        }
    }
}

}  // namespace

Image<float> dihedral(const Image<float>& image, int symmetry) {
    const int last = image.width - 1;
    Image<float> result(image.width, image.height);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            int from_x = (symmetry & 4) != 0 ? y : x;
            int from_y = (symmetry & 4) != 0 ? x : y;
            if ((symmetry & 1) != 0) from_x = last - from_x;
            if ((symmetry & 2) != 0) from_y = last - from_y;
            result(x, y) = image(from_x, from_y);
        }
    }
    return result;
}

void vary_detector(Image<float>& photons, RandomStream& random) {
    const auto gain = static_cast<float>(random.log_uniform(0.9, 1.1));
    for (auto& value : photons.pixels) value *= gain;
    if (random.uniform() < 0.15) reduce_by_maxima(photons, random);
    if (random.uniform() < 0.25) cast_shadow(photons, random);
    if (random.uniform() < 0.25) cut_margin(photons, random);
}

}  // namespace braggbench
