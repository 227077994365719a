#include "simulator/point_spread.hpp"

#include <fftw3.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
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

// Sums of neighbours in registers: eight pixels at a time, and the rest one by one. left(j) and right(j) point to the
// pixels j before and j behind those of `out`.
using EightPixels [[gnu::vector_size(32), gnu::aligned(4), gnu::may_alias]] = float;

template <class Left, class Right>
void convolve_line(const std::vector<float>& weights, const Left& left, const Right& right, float* __restrict out,
                   std::size_t n) {
    const auto eight = [](const float* pixels) { return *reinterpret_cast<const EightPixels*>(pixels); };
    std::size_t x = 0;
    for (; x + 16 <= n; x += 16) {
        EightPixels a = weights[0] * eight(left(0) + x);
        EightPixels b = weights[0] * eight(left(0) + x + 8);
        for (std::size_t j = 1; j < weights.size(); ++j) {
            a += weights[j] * (eight(left(j) + x) + eight(right(j) + x));
            b += weights[j] * (eight(left(j) + x + 8) + eight(right(j) + x + 8));
        }
        *reinterpret_cast<EightPixels*>(out + x) = a;
        *reinterpret_cast<EightPixels*>(out + x + 8) = b;
    }
    for (; x < n; ++x) {
        float sum = weights[0] * left(0)[x];
        for (std::size_t j = 1; j < weights.size(); ++j) sum += weights[j] * (left(j)[x] + right(j)[x]);
        out[x] = sum;
    }
}

// Rows of pixels are independent, and so are columns; `line` is symmetric. Beyond the edges there are no photons.
void convolve_lines(const std::vector<double>& line, Image<float>& photons) {
    const auto width = static_cast<std::size_t>(photons.width);
    const auto height = static_cast<std::size_t>(photons.height);
    const std::size_t radius = line.size() - 1;
    const std::vector<float> weights(line.begin(), line.end());
    std::vector<float> padded(width + 2 * radius, 0.0F);
    // Kept between images, whose fresh pages would cost as much as the sums.
    thread_local std::vector<float> along_rows;
    along_rows.resize(photons.size());
    for (std::size_t y = 0; y < height; ++y) {
        std::copy_n(&photons.pixels[y * width], width, &padded[radius]);
        const float* centre = &padded[radius];
        convolve_line(
            weights, [&](std::size_t j) { return centre - j; }, [&](std::size_t j) { return centre + j; },
            &along_rows[y * width], width);
    }
    const std::vector<float> nothing(width, 0.0F);
    const float* rows = along_rows.data();
    for (std::size_t y = 0; y < height; ++y) {
        convolve_line(
            weights, [&](std::size_t j) { return y >= j ? rows + (y - j) * width : nothing.data(); },
            [&](std::size_t j) { return y + j < height ? rows + (y + j) * width : nothing.data(); },
            &photons.pixels[y * width], width);
    }
}

// The smallest length of the form 2^k, 3 2^k or 5 2^k: FFTW's unmeasured plans are slow for many others. A multiple of
// 8, whose half is whole vectors.
int transform_length(int at_least) {
    int best = std::max(static_cast<int>(std::bit_ceil(static_cast<unsigned>(at_least))), 8);
    for (const int odd : {3, 5}) {
        int length = 8 * odd;
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

// Four complex numbers.
using Waves [[gnu::vector_size(32), gnu::aligned(8), gnu::may_alias]] = float;
using Lanes = std::int32_t __attribute__((vector_size(32)));

Waves& waves_at(float* values, std::size_t wave) { return *reinterpret_cast<Waves*>(values + 2 * wave); }
Waves conjugate(const Waves& w) { return w * Waves{1, -1, 1, -1, 1, -1, 1, -1}; }
Waves times_i(const Waves& w) {
    return __builtin_shuffle(w, Lanes{1, 0, 3, 2, 5, 4, 7, 6}) * Waves{-1, 1, -1, 1, -1, 1, -1, 1};
}
Waves reversed(const Waves& w) { return __builtin_shuffle(w, Lanes{6, 7, 4, 5, 2, 3, 0, 1}); }

// The transformed kernel and the plans for one image size. Immutable, hence shared between threads. Two rows at a time
// are the real and the imaginary part of one transform, whose halves tell their spectra apart. Rows beyond the image
// hold nothing before the convolution and nothing wanted after it: they are never transformed. Columns are, a few at a
// time, forth and back while the caches hold them.
class Convolution {
public:
    Convolution(const PointSpread& spread, int width, int height)
        : spread_(spread),
          image_width_(width),
          image_height_(height),
          width_(transform_length(width + spread.radius_px)),
          height_(transform_length(height + spread.radius_px)),
          // Whole cache lines, and the values past the last that the last vector of a row holds.
          row_stride_((length(width_) / 2 / batch_columns + 1) * batch_columns),
          // Columns a power of two apart would compete for the same lines of the cache.
          column_stride_(length(height_) + batch_columns) {
        const int waves_per_row = width_ / 2 + 1;
        Buffer real;
        Buffer spectrum;
        Buffer columns;
        Buffer rows;
        float* in = real.resized(length(width_) * length(height_));
        float* out = spectrum.resized(2 * length(waves_per_row) * length(height_));
        fftwf_complex* pair = as_complex(rows.resized(pair_size()));
        fftwf_complex* batch = as_complex(columns.resized(batch_size()));
        const int stride = static_cast<int>(column_stride_);
        fftwf_plan whole = nullptr;
        {
            const std::scoped_lock lock(fftw_planner());
            whole = fftwf_plan_dft_r2c_2d(height_, width_, in, as_complex(out), FFTW_ESTIMATE);
            rows_forth_ = fftwf_plan_dft_1d(width_, pair, pair, FFTW_FORWARD, FFTW_ESTIMATE);
            rows_back_ = fftwf_plan_dft_1d(width_, pair, pair, FFTW_BACKWARD, FFTW_ESTIMATE);
            columns_forth_ = fftwf_plan_many_dft(1, &height_, batch_columns, batch, nullptr, 1, stride, batch, nullptr,
                                                 1, stride, FFTW_FORWARD, FFTW_ESTIMATE);
            columns_back_ = fftwf_plan_many_dft(1, &height_, batch_columns, batch, nullptr, 1, stride, batch, nullptr,
                                                1, stride, FFTW_BACKWARD, FFTW_ESTIMATE);
        }
        // The kernel's centre goes to pixel (0, 0), its left and upper parts to the far ends.
        std::fill_n(in, length(width_) * length(height_), 0.0F);
        const Image<double> kernel = point_spread_kernel(spread);
        const int radius = spread.radius_px;
        // Spectra of pairs of rows come out doubled.
        const double scale = 0.5 / (static_cast<double>(width_) * height_);
        for (int y = -radius; y <= radius; ++y) {
            for (int x = -radius; x <= radius; ++x) {
                const std::size_t row = length(((y % height_) + height_) % height_);
                const std::size_t column = length(((x % width_) + width_) % width_);
                in[row * length(width_) + column] += static_cast<float>(scale * kernel(x + radius, y + radius));
            }
        }
        fftwf_execute_dft_r2c(whole, in, as_complex(out));
        {
            const std::scoped_lock lock(fftw_planner());
            fftwf_destroy_plan(whole);
        }
        // The kernel is even, hence its transform real. Column after column.
        transfer_.resize(length(waves_per_row) * length(height_));
        for (std::size_t x = 0; x < length(waves_per_row); ++x) {
            for (std::size_t y = 0; y < length(height_); ++y) {
                transfer_[x * length(height_) + y] = out[2 * (y * length(waves_per_row) + x)];
            }
        }
    }
    Convolution(const Convolution&) = delete;
    Convolution& operator=(const Convolution&) = delete;
    ~Convolution() {
        const std::scoped_lock lock(fftw_planner());
        for (const fftwf_plan plan : {rows_forth_, rows_back_, columns_forth_, columns_back_}) fftwf_destroy_plan(plan);
    }

    [[nodiscard]] bool is_for(const PointSpread& spread, int width, int height) const {
        return spread == spread_ && width == image_width_ && height == image_height_;
    }

    void apply(Image<float>& photons) const {
        // Kept between images: fresh pages would cost as much as a transform.
        thread_local Buffer pair_of_rows;
        thread_local Buffer spectrum;
        const std::size_t width = length(image_width_);
        const std::size_t height = length(image_height_);
        const std::vector<float> nothing(width, 0.0F);
        std::vector<float> dropped(width);
        float* pair = pair_of_rows.resized(pair_size());
        float* waves = spectrum.resized(2 * row_stride_ * (height + 1));
        for (std::size_t y = 0; y < height; y += 2) {
            const float* first = &photons.pixels[y * width];
            transform_rows(first, y + 1 < height ? first + width : nothing.data(), pair, waves + 2 * y * row_stride_);
        }
        convolve_columns(reinterpret_cast<std::complex<float>*>(waves));
        for (std::size_t y = 0; y < height; y += 2) {
            float* first = &photons.pixels[y * width];
            transform_back(waves + 2 * y * row_stride_, pair, first, y + 1 < height ? first + width : dropped.data());
        }
    }

private:
    // A cache line of complex numbers.
    static constexpr int batch_columns = 8;

    static std::size_t length(int n) { return static_cast<std::size_t>(n); }
    [[nodiscard]] std::size_t batch_size() const { return 2 * length(batch_columns) * column_stride_; }
    [[nodiscard]] std::size_t pair_size() const { return 2 * length(width_ + batch_columns); }

    // With Z the transform of first + i second: Z(k) + Z(-k)* is twice the first row's, Z(k) - Z(-k)* twice i times the
    // second's.
    void transform_rows(const float* first, const float* second, float* pair, float* waves) const {
        const std::size_t width = length(image_width_);
        for (std::size_t x = 0; x < width; ++x) {
            pair[2 * x] = first[x];
            pair[2 * x + 1] = second[x];
        }
        std::fill(pair + 2 * width, pair + 2 * length(width_), 0.0F);
        fftwf_execute_dft(rows_forth_, as_complex(pair), as_complex(pair));
        pair[2 * length(width_)] = pair[0];
        pair[2 * length(width_) + 1] = pair[1];
        for (std::size_t k = 0; 2 * k <= length(width_); k += 4) {
            const Waves ahead = waves_at(pair, k);
            const Waves behind = conjugate(reversed(waves_at(pair, length(width_) - k - 3)));
            waves_at(waves, k) = ahead + behind;
            waves_at(waves, row_stride_ + k) = -times_i(ahead - behind);
        }
    }

    void transform_back(float* waves, float* pair, float* first, float* second) const {
        // From the middle outwards, so that what a vector holds past the middle is overwritten.
        for (std::size_t k = length(width_) / 2 / 4 * 4 + 4; k > 0;) {
            k -= 4;
            const Waves a = waves_at(waves, k);
            const Waves ib = times_i(waves_at(waves, row_stride_ + k));
            waves_at(pair, length(width_) - k - 3) = reversed(conjugate(a - ib));
            waves_at(pair, k) = a + ib;
        }
        fftwf_execute_dft(rows_back_, as_complex(pair), as_complex(pair));
        // Rounding leaves some 1e-7 of the brightest pixel, of either sign.
        const std::size_t width = length(image_width_);
        for (std::size_t x = 0; x < width; ++x) {
            const float a = pair[2 * x];
            const float b = pair[2 * x + 1];
            first[x] = a > 0.0F ? a : 0.0F;
            second[x] = b > 0.0F ? b : 0.0F;
        }
    }

    // A constant number of steps, which compilers unroll, for all batches but the last.
    template <class Do>
    static void for_columns(std::size_t n, const Do& step) {
        if (n == batch_columns) {
            for (std::size_t x = 0; x < batch_columns; ++x) step(x);
        } else {
            for (std::size_t x = 0; x < n; ++x) step(x);
        }
    }

    void convolve_columns(std::complex<float>* waves) const {
        thread_local Buffer columns;
        float* batch = columns.resized(batch_size());
        auto* numbers = reinterpret_cast<std::complex<float>*>(batch);
        const std::size_t waves_per_row = length(width_ / 2 + 1);
        const std::size_t filled = length(image_height_);
        const std::size_t column_length = length(height_);
        for (std::size_t first = 0; first < waves_per_row; first += batch_columns) {
            const std::size_t n = std::min(length(batch_columns), waves_per_row - first);
            for (std::size_t y = 0; y < filled; ++y) {
                const std::complex<float>* row = waves + y * row_stride_ + first;
                for_columns(n, [&](std::size_t x) { numbers[x * column_stride_ + y] = row[x]; });
            }
            for (std::size_t x = 0; x < length(batch_columns); ++x) {
                std::complex<float>* column = numbers + x * column_stride_;
                std::fill(column + (x < n ? filled : 0), column + column_length, 0.0F);
            }
            fftwf_execute_dft(columns_forth_, as_complex(batch), as_complex(batch));
            for (std::size_t x = 0; x < n; ++x) {
                const float* transfer = &transfer_[(first + x) * column_length];
                float* column = batch + 2 * x * column_stride_;
                for (std::size_t y = 0; y < column_length; ++y) {
                    column[2 * y] *= transfer[y];
                    column[2 * y + 1] *= transfer[y];
                }
            }
            fftwf_execute_dft(columns_back_, as_complex(batch), as_complex(batch));
            for (std::size_t y = 0; y < filled; ++y) {
                std::complex<float>* row = waves + y * row_stride_ + first;
                for_columns(n, [&](std::size_t x) { row[x] = numbers[x * column_stride_ + y]; });
            }
        }
    }

    PointSpread spread_;
    int image_width_;
    int image_height_;
    int width_;
    int height_;
    std::size_t row_stride_;     // complex numbers from row to row of the spectra
    std::size_t column_stride_;  // and from column to column of a batch
    fftwf_plan rows_forth_ = nullptr;
    fftwf_plan rows_back_ = nullptr;
    fftwf_plan columns_forth_ = nullptr;
    fftwf_plan columns_back_ = nullptr;
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
