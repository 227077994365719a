#include "simulator/point_spread.hpp"

#include <fftw3.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>
#include <vector>

#include "simulator/faults.hpp"
#include "simulator/fftw_planner.hpp"

namespace braggbench {
namespace {

constexpr int max_radius_px = 4096;

double sigma_of(double fwhm) { return fwhm / (2.0 * std::sqrt(2.0 * std::numbers::ln2)); }

// Half of the peak value is reached where (1 + r^2 / g^2)^(3/2) = 2.
double fiber_distance(double fwhm) { return fwhm / (2.0 * std::sqrt(std::cbrt(4.0) - 1.0)); }

// A Gaussian in [offset - 1/2, offset + 1/2] for offset 0 ... radius.
std::vector<double> gaussian_line(double fwhm_px, int radius) {
    std::vector<double> line(static_cast<std::size_t>(radius) + 1, 0.0);
    line[0] = 1.0;
    if (fwhm_px <= 0.0) return line;
    const double scale = 1.0 / (sigma_of(fwhm_px) * std::numbers::sqrt2);
    // Differences of erfc on the far side keep their relative precision.
    for (int i = 0; i <= radius; ++i) {
        line[static_cast<std::size_t>(i)] =
            i == 0 ? std::erf(0.5 * scale) : 0.5 * (std::erfc((i - 0.5) * scale) - std::erfc((i + 0.5) * scale));
    }
    return line;
}

// Rows of pixels are independent, and so are columns; `line` is symmetric. Beyond the edges there are no photons.
void convolve_lines(const std::vector<double>& line, Image<float>& photons) {
    const auto width = static_cast<std::size_t>(photons.width);
    const auto height = static_cast<std::size_t>(photons.height);
    const std::size_t radius = line.size() - 1;
    std::vector<float> weights(line.begin(), line.end());
    std::vector<float> padded(width + 2 * radius, 0.0F);
    Image<float> along_rows(photons.width, photons.height);
    for (std::size_t y = 0; y < height; ++y) {
        std::copy_n(&photons.pixels[y * width], width, &padded[radius]);
        const float* __restrict centre = &padded[radius];
        float* __restrict out = &along_rows.pixels[y * width];
        for (std::size_t x = 0; x < width; ++x) out[x] = weights[0] * centre[x];
        for (std::size_t j = 1; j <= radius; ++j) {
            const float weight = weights[j];
            const float* left = centre - j;
            const float* right = centre + j;
            for (std::size_t x = 0; x < width; ++x) out[x] += weight * (left[x] + right[x]);
        }
    }
    const std::vector<float> nothing(width, 0.0F);
    for (std::size_t y = 0; y < height; ++y) {
        float* __restrict out = &photons.pixels[y * width];
        const float* row = &along_rows.pixels[y * width];
        for (std::size_t x = 0; x < width; ++x) out[x] = weights[0] * row[x];
        for (std::size_t j = 1; j <= radius; ++j) {
            const float weight = weights[j];
            const float* above = y >= j ? &along_rows.pixels[(y - j) * width] : nothing.data();
            const float* below = y + j < height ? &along_rows.pixels[(y + j) * width] : nothing.data();
            for (std::size_t x = 0; x < width; ++x) out[x] += weight * (above[x] + below[x]);
        }
    }
}

// The smallest length of the form 2^k, 3 2^k or 5 2^k: FFTW's unmeasured plans are slow for many others.
int transform_length(int at_least) {
    int best = static_cast<int>(std::bit_ceil(static_cast<unsigned>(at_least)));
    for (const int odd : {3, 5}) {
        int length = odd;
        while (length < at_least) length *= 2;
        best = std::min(best, length);
    }
    return best;
}

struct FftwFree {
    void operator()(void* memory) const { fftwf_free(memory); }
};

// Aligned as FFTW wants it, grown when needed.
struct Buffer {
    std::unique_ptr<float[], FftwFree> values;
    std::size_t size = 0;

    float* resized(std::size_t wanted) {
        if (wanted > size) {
            values.reset(fftwf_alloc_real(wanted));
            if (!values) throw std::bad_alloc();
            size = wanted;
        }
        return values.get();
    }
};

fftwf_complex* as_complex(float* values) { return reinterpret_cast<fftwf_complex*>(values); }

// The transformed kernel and the plans for one image size. Immutable, hence shared between threads.
class Convolution {
public:
    Convolution(const PointSpread& spread, int width, int height)
        : spread_(spread),
          image_width_(width),
          image_height_(height),
          width_(transform_length(width + spread.radius_px)),
          height_(transform_length(height + spread.radius_px)) {
        Buffer real;
        Buffer spectrum;
        float* in = real.resized(real_size());
        float* out = spectrum.resized(2 * spectrum_size());
        {
            const std::scoped_lock lock(fftw_planner());
            forward_ = fftwf_plan_dft_r2c_2d(height_, width_, in, as_complex(out), FFTW_ESTIMATE);
            backward_ = fftwf_plan_dft_c2r_2d(height_, width_, as_complex(out), in, FFTW_ESTIMATE);
        }
        // The kernel's centre goes to pixel (0, 0), its left and upper parts to the far ends.
        std::fill_n(in, real_size(), 0.0F);
        const Image<double> kernel = point_spread_kernel(spread);
        const int radius = spread.radius_px;
        const double scale = 1.0 / (static_cast<double>(width_) * height_);
        for (int y = -radius; y <= radius; ++y) {
            for (int x = -radius; x <= radius; ++x) {
                const auto row = static_cast<std::size_t>(((y % height_) + height_) % height_);
                const auto column = static_cast<std::size_t>(((x % width_) + width_) % width_);
                in[row * static_cast<std::size_t>(width_) + column] +=
                    static_cast<float>(scale * kernel(x + radius, y + radius));
            }
        }
        fftwf_execute_dft_r2c(forward_, in, as_complex(out));
        // The kernel is even, hence its transform real.
        transfer_.resize(spectrum_size());
        for (std::size_t i = 0; i < transfer_.size(); ++i) transfer_[i] = out[2 * i];
    }
    Convolution(const Convolution&) = delete;
    Convolution& operator=(const Convolution&) = delete;
    ~Convolution() {
        const std::scoped_lock lock(fftw_planner());
        fftwf_destroy_plan(forward_);
        fftwf_destroy_plan(backward_);
    }

    [[nodiscard]] bool is_for(const PointSpread& spread, int width, int height) const {
        return spread == spread_ && width == image_width_ && height == image_height_;
    }

    void apply(Image<float>& photons) const {
        // Kept between images: fresh pages would cost as much as a transform.
        thread_local Buffer real;
        thread_local Buffer spectrum;
        float* pixels = real.resized(real_size());
        float* waves = spectrum.resized(2 * spectrum_size());
        const auto width = static_cast<std::size_t>(image_width_);
        const auto row_length = static_cast<std::size_t>(width_);
        for (std::size_t y = 0; y < static_cast<std::size_t>(image_height_); ++y) {
            float* row = pixels + y * row_length;
            std::copy_n(&photons.pixels[y * width], width, row);
            std::fill(row + width, row + row_length, 0.0F);
        }
        std::fill(pixels + static_cast<std::size_t>(image_height_) * row_length, pixels + real_size(), 0.0F);
        fftwf_execute_dft_r2c(forward_, pixels, as_complex(waves));
        for (std::size_t i = 0; i < transfer_.size(); ++i) {
            waves[2 * i] *= transfer_[i];
            waves[2 * i + 1] *= transfer_[i];
        }
        fftwf_execute_dft_c2r(backward_, as_complex(waves), pixels);
        for (std::size_t y = 0; y < static_cast<std::size_t>(image_height_); ++y) {
            const float* row = pixels + y * row_length;
            // Rounding leaves some 1e-7 of the brightest pixel, of either sign.
            for (std::size_t x = 0; x < width; ++x) {
                const float value = row[x];
                photons.pixels[y * width + x] = value > 0.0F ? value : 0.0F;
            }
        }
    }

private:
    [[nodiscard]] std::size_t real_size() const {
        return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
    }
    [[nodiscard]] std::size_t spectrum_size() const {
        return static_cast<std::size_t>(width_ / 2 + 1) * static_cast<std::size_t>(height_);
    }

    PointSpread spread_;
    int image_width_;
    int image_height_;
    int width_;
    int height_;
    fftwf_plan forward_ = nullptr;
    fftwf_plan backward_ = nullptr;
    std::vector<float> transfer_;
};

// A corpus has one detector: its convolution is made once. The few kept last serve tests and detectors of many sizes.
std::shared_ptr<const Convolution> convolution_for(const PointSpread& spread, int width, int height) {
    static std::mutex mutex;
    static std::vector<std::shared_ptr<const Convolution>> kept;
    constexpr std::size_t most = 4;
    const std::scoped_lock lock(mutex);
    for (const auto& convolution : kept) {
        if (convolution->is_for(spread, width, height)) return convolution;
    }
    if (kept.size() == most) kept.erase(kept.begin());
    kept.push_back(std::make_shared<const Convolution>(spread, width, height));
    return kept.back();
}

bool gaussian_only(const PointSpread& spread) { return spread.fiber_fraction <= 0.0 || spread.fiber_fwhm_px <= 0.0; }

// Beyond 6 sigma a Gaussian holds 2e-9 of the photons.
int gaussian_radius(const PointSpread& spread) {
    return std::min(spread.radius_px, static_cast<int>(std::ceil(6.0 * sigma_of(spread.gaussian_fwhm_px))));
}

}  // namespace

void check(const PointSpread& spread, Faults& faults) {
    faults.require(spread.gaussian_fwhm_px >= 0.0 && spread.gaussian_fwhm_px <= 1000.0, "gaussian_fwhm_px",
                   spread.gaussian_fwhm_px, "a width cannot be negative or beyond any detector",
                   "Give a full width at half maximum in [0, 1000] pixels.");
    faults.require(spread.fiber_fwhm_px >= 0.0 && spread.fiber_fwhm_px <= 1000.0, "fiber_fwhm_px", spread.fiber_fwhm_px,
                   "a width cannot be negative or beyond any detector",
                   "Give a full width at half maximum in [0, 1000] pixels.");
    faults.require(spread.fiber_fraction >= 0.0 && spread.fiber_fraction <= 1.0, "fiber_fraction",
                   spread.fiber_fraction, "it is a share of the photons", "Give a number in [0, 1].");
    faults.require(spread.radius_px >= 1 && spread.radius_px <= max_radius_px, "radius_px", spread.radius_px,
                   "the kernel's size follows from it", "Give 1 to 4096 pixels.");
}

bool spreads(const PointSpread& spread) { return spread.gaussian_fwhm_px > 0.0 || !gaussian_only(spread); }

Image<double> point_spread_kernel(const PointSpread& spread) {
    const int radius = spread.radius_px;
    Image<double> kernel(2 * radius + 1, 2 * radius + 1);
    const double fiber = gaussian_only(spread) ? 0.0 : spread.fiber_fraction;
    const std::vector<double> line = gaussian_line(spread.gaussian_fwhm_px, radius);
    const double g = fiber_distance(spread.fiber_fwhm_px);
    // The fibre's profile integrated over the quadrant below (x, y) is atan(x y / (g sqrt(g^2 + x^2 + y^2))) / (2 pi).
    const auto corner = [&](int x, int y) {
        const double u = x + 0.5;
        const double v = y + 0.5;
        return std::atan(u * v / (g * std::sqrt(g * g + u * u + v * v))) / (2.0 * std::numbers::pi);
    };
    for (int y = 0; y <= radius; ++y) {
        for (int x = 0; x <= y; ++x) {
            double share = (1.0 - fiber) * line[static_cast<std::size_t>(x)] * line[static_cast<std::size_t>(y)];
            if (fiber > 0.0) {
                share += fiber * (corner(x, y) - corner(x - 1, y) - corner(x, y - 1) + corner(x - 1, y - 1));
            }
            for (const int sign_x : {-1, 1}) {
                for (const int sign_y : {-1, 1}) {
                    kernel(radius + sign_x * x, radius + sign_y * y) = share;
                    kernel(radius + sign_x * y, radius + sign_y * x) = share;
                }
            }
        }
    }
    return kernel;
}

double lost_fraction(const PointSpread& spread) {
    const double half = spread.radius_px + 0.5;
    const double fiber = gaussian_only(spread) ? 0.0 : spread.fiber_fraction;
    double kept = 0.0;
    if (fiber > 0.0) {
        const double g = fiber_distance(spread.fiber_fwhm_px);
        kept += fiber * 2.0 / std::numbers::pi * std::atan(half * half / (g * std::sqrt(g * g + 2.0 * half * half)));
    }
    const double inside = spread.gaussian_fwhm_px > 0.0
                              ? std::erf(half / (sigma_of(spread.gaussian_fwhm_px) * std::numbers::sqrt2))
                              : 1.0;
    return 1.0 - kept - (1.0 - fiber) * inside * inside;
}

void apply_point_spread(const PointSpread& spread, Image<float>& photons) {
    if (!spreads(spread) || photons.size() == 0) return;
    if (gaussian_only(spread)) {
        convolve_lines(gaussian_line(spread.gaussian_fwhm_px, gaussian_radius(spread)), photons);
    } else {
        convolution_for(spread, photons.width, photons.height)->apply(photons);
    }
}

}  // namespace braggbench
