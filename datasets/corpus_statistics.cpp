#include "datasets/corpus_statistics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "datasets/hdf5.hpp"

namespace braggbench {

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t adu_values = 65536;
constexpr std::size_t snr_bins = 20;

Image<std::uint8_t> valid_pixels(const CorpusInfo& info) {
    Image<std::uint8_t> valid(info.width_px, info.height_px);
    std::ranges::transform(info.pixel_mask.pixels, valid.pixels.begin(),
                           [](std::uint8_t masked) { return static_cast<std::uint8_t>(masked == 0 ? 1 : 0); });
    return valid;
}

std::vector<int> histogram_edges() {
    std::vector<int> edges;
    for (int quarter = 0; quarter <= 64; ++quarter) {
        const int edge = static_cast<int>(std::lround(std::exp2(quarter / 4.0))) - 1;
        if (edges.empty() || edge > edges.back()) edges.push_back(edge);
    }
    edges.back() = static_cast<int>(adu_values);
    return edges;
}

std::vector<double> snr_bin_edges() {
    std::vector<double> edges;
    for (std::size_t b = 0; b < snr_bins; ++b) {
        edges.push_back(static_cast<double>(visible_peak_min_snr) * std::exp2(static_cast<double>(b) / 2.0));
    }
    return edges;
}

// Pixels far from the beam, as places in the image.
std::vector<std::size_t> corner_pixels(const Image<std::uint8_t>& valid) {
    const int side = std::max(1, std::min(valid.width, valid.height) / 8);
    std::vector<std::size_t> places;
    for (int slow = 0; slow < valid.height; ++slow) {
        for (int fast = 0; fast < valid.width; ++fast) {
            const bool corner =
                (fast < side || fast >= valid.width - side) && (slow < side || slow >= valid.height - side);
            if (corner && valid(fast, slow) != 0) places.push_back(valid.index(fast, slow));
        }
    }
    return places;
}

std::vector<std::size_t> edge_pixels(const Image<std::uint8_t>& valid) {
    const int side = std::max(1, std::min(valid.width, valid.height) / 32);
    std::vector<std::size_t> places;
    for (int slow = 0; slow < valid.height; ++slow) {
        for (int fast = 0; fast < valid.width; ++fast) {
            const bool edge = fast < side || fast >= valid.width - side || slow < side || slow >= valid.height - side;
            if (edge && valid(fast, slow) != 0) places.push_back(valid.index(fast, slow));
        }
    }
    return places;
}

// The middle one, the upper of two.
template <class Number>
double median(std::vector<Number>& values) {
    if (values.empty()) return undefined;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

// s of each pixel of a panel's row as a bin, the panel moved by `shift_mm`: s = sqrt(2 (1 - cos 2 theta)) / lambda,
// and 1 - cos = sin^2 / (1 + cos) keeps the digits near the beam.
void radial_row(const Panel& panel, const Eigen::Vector3d& shift_mm, int slow, double bins_per_s_per_A,
                std::vector<std::int32_t>& bins) {
    const Eigen::Vector3d start =
        panel.origin_mm + shift_mm +
        panel.pixel_size_mm * (0.5 * panel.fast_axis + (static_cast<double>(slow) + 0.5) * panel.slow_axis);
    const Eigen::Vector3f first = start.cast<float>();
    const Eigen::Vector3f step = (panel.pixel_size_mm * panel.fast_axis).cast<float>();
    const float x0 = first.x();
    const float y0 = first.y();
    const float z0 = first.z();
    const float dx = step.x();
    const float dy = step.y();
    const float dz = step.z();
    const auto scale = static_cast<float>(bins_per_s_per_A);
    std::int32_t* const out = bins.data();
    const int width = panel.width_px;
    for (int fast = 0; fast < width; ++fast) {
        const auto f = static_cast<float>(fast);
        const float x = x0 + f * dx;
        const float y = y0 + f * dy;
        const float z = z0 + f * dz;
        const float across = x * x + y * y;
        const float square = across + z * z;
        const float cosine = z / std::sqrt(square);
        out[fast] = static_cast<std::int32_t>(scale * std::sqrt(2.0F * across / (square * (1.0F + cosine))));
    }
}

class Measurer {
public:
    Measurer(const CorpusReader& corpus, const Image<std::uint8_t>& valid, double s_max_invA,
             const std::vector<int>& edges_adu)
        : corpus_(corpus), valid_(valid), corners_(corner_pixels(valid)), edges_(edge_pixels(valid)) {
        bins_per_s_per_A_ = radial_bins / (s_max_invA * corpus.info().wavelength_A);
        bin_of_value_.resize(adu_values);
        for (std::size_t b = 0; b + 1 < edges_adu.size(); ++b) {
            for (int value = edges_adu[b]; value < edges_adu[b + 1]; ++value) {
                bin_of_value_[static_cast<std::size_t>(value)] = static_cast<std::uint8_t>(b);
            }
        }
        const Panel& panel = corpus.info().detector.panels.front();
        mean_beam_fast_px_ = -panel.origin_mm.dot(panel.fast_axis) / panel.pixel_size_mm;
        mean_beam_slow_px_ = -panel.origin_mm.dot(panel.slow_axis) / panel.pixel_size_mm;
    }

    // One thread's room to work in.
    struct Scratch {
        std::vector<std::uint32_t> counts = std::vector<std::uint32_t>(adu_values, 0);
        std::vector<std::uint16_t> values;
        std::vector<std::int32_t> bins;
    };

    ImageStatistics measure(std::int64_t index, Scratch& scratch, PixelSums& sums, std::span<const double> snr_edges) {
        const Image<std::uint16_t> image = corpus_.image(index);
        ImageStatistics result = pixel_statistics(image, scratch, sums);
        add_radial(image, index, scratch, sums);
        std::vector<float> snr;
        for (const Peak& peak : corpus_.peaks(index)) {
            if (!peak.visible) continue;
            snr.push_back(peak.snr);
            const auto above = std::upper_bound(snr_edges.begin(), snr_edges.end(), static_cast<double>(peak.snr));
            ++sums.peaks_by_snr[static_cast<std::size_t>(std::max<std::ptrdiff_t>(above - snr_edges.begin() - 1, 0))];
        }
        const bool known = corpus_.info().peak_source != PeakSource::unknown;
        result.visible_peaks = known ? static_cast<double>(snr.size()) : std::numeric_limits<double>::quiet_NaN();
        result.median_snr = median(snr);
        return result;
    }

private:
    ImageStatistics pixel_statistics(const Image<std::uint16_t>& image, Scratch& scratch, PixelSums& sums) const {
        std::vector<std::uint32_t>& counts = scratch.counts;
        for (std::size_t p = 0; p < image.size(); ++p) counts[image.pixels[p]] += valid_.pixels[p];
        ImageStatistics result;
        std::uint64_t pixels = 0;
        std::uint64_t total = 0;
        std::size_t largest = 0;
        for (std::size_t value = 0; value < adu_values; ++value) {
            const std::uint64_t count = counts[value];
            if (count == 0) continue;
            pixels += count;
            total += count * value;
            largest = value;
            sums.histogram[bin_of_value_[value]] += count;
        }
        const auto count = static_cast<double>(pixels);
        const double mean = static_cast<double>(total) / count;
        const double saturation = corpus_.info().response.saturation_adu;
        const std::array<double, 3> shares = {0.01, 0.5, 0.99};
        std::array<double, 3> quantiles = {undefined, undefined, undefined};
        double squares = 0.0;
        double below = 0.0;
        std::size_t next = 0;
        for (std::size_t value = 0; value <= largest; ++value) {
            const auto here = static_cast<double>(counts[value]);
            if (counts[value] == 0) continue;
            const auto adu = static_cast<double>(value);
            squares += here * (adu - mean) * (adu - mean);
            below += here;
            while (next < shares.size() && below >= shares[next] * count) quantiles[next++] = adu;
            if (adu >= saturation) result.saturated_px += here;
            counts[value] = 0;
        }
        result.total_adu = pixels == 0 ? undefined : static_cast<double>(total);
        result.mean_adu = mean;
        result.sigma_adu = std::sqrt(squares / count);
        result.p01_adu = quantiles[0];
        result.median_adu = quantiles[1];
        result.p99_adu = quantiles[2];
        result.max_adu = pixels == 0 ? undefined : static_cast<double>(largest);
        const auto median_at = [&](const std::vector<std::size_t>& places) {
            scratch.values.clear();
            for (const std::size_t place : places) scratch.values.push_back(image.pixels[place]);
            return median(scratch.values);
        };
        result.corners_adu = median_at(corners_);
        result.edges_adu = median_at(edges_);
        return result;
    }

    void add_radial(const Image<std::uint16_t>& image, std::int64_t index, Scratch& scratch, PixelSums& sums) const {
        const Detector& detector = corpus_.info().detector;
        const ImageTruth& truth = corpus_.truth()[static_cast<std::size_t>(index)];
        const Panel& lead = detector.panels.front();
        Eigen::Vector3d shift_mm = Eigen::Vector3d::Zero();
        if (std::isfinite(truth.beam_fast_px) && std::isfinite(truth.beam_slow_px)) {
            shift_mm =
                lead.pixel_size_mm * ((mean_beam_fast_px_ - static_cast<double>(truth.beam_fast_px)) * lead.fast_axis +
                                      (mean_beam_slow_px_ - static_cast<double>(truth.beam_slow_px)) * lead.slow_axis);
        }
        for (const Panel& panel : detector.panels) {
            scratch.bins.resize(static_cast<std::size_t>(panel.width_px));
            for (int slow = 0; slow < panel.height_px; ++slow) {
                radial_row(panel, shift_mm, slow, bins_per_s_per_A_, scratch.bins);
                const std::size_t row = image.index(panel.image_fast_px, panel.image_slow_px + slow);
                for (int fast = 0; fast < panel.width_px; ++fast) {
                    const auto at = static_cast<std::size_t>(fast);
                    const std::int32_t bin = scratch.bins[at];
                    if (bin < 0 || bin >= radial_bins || valid_.pixels[row + at] == 0) continue;
                    sums.radial_adu[static_cast<std::size_t>(bin)] += image.pixels[row + at];
                    ++sums.radial_pixels[static_cast<std::size_t>(bin)];
                }
            }
        }
    }

    const CorpusReader& corpus_;
    const Image<std::uint8_t>& valid_;
    std::vector<std::size_t> corners_;
    std::vector<std::size_t> edges_;
    std::vector<std::uint8_t> bin_of_value_;
    double bins_per_s_per_A_ = 0.0;
    double mean_beam_fast_px_ = 0.0;
    double mean_beam_slow_px_ = 0.0;
};

// The largest s of any corner of a panel, at the mean beam centre.
double largest_s_invA(const CorpusInfo& info) {
    double largest = 0.0;
    for (const Panel& panel : info.detector.panels) {
        for (const int fast : {0, panel.width_px}) {
            for (const int slow : {0, panel.height_px}) {
                const Eigen::Vector3d place =
                    panel.origin_mm + panel.pixel_size_mm * (fast * panel.fast_axis + slow * panel.slow_axis);
                const double cosine = place.z() / place.norm();
                largest = std::max(largest, std::sqrt(2.0 * (1.0 - cosine)) / info.wavelength_A);
            }
        }
    }
    return largest;
}

PixelSums empty_sums(const std::string& name, std::size_t histogram_bins) {
    PixelSums sums;
    sums.name = name;
    sums.histogram.assign(histogram_bins, 0);
    sums.radial_adu.assign(radial_bins, 0);
    sums.radial_pixels.assign(radial_bins, 0);
    sums.peaks_by_snr.assign(snr_bins, 0);
    return sums;
}

void add(const PixelSums& image, PixelSums& group) {
    ++group.images;
    const auto plus = [](const std::vector<std::uint64_t>& from, std::vector<std::uint64_t>& to) {
        for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    };
    plus(image.histogram, group.histogram);
    plus(image.radial_adu, group.radial_adu);
    plus(image.radial_pixels, group.radial_pixels);
    plus(image.peaks_by_snr, group.peaks_by_snr);
}

}  // namespace

CorpusStatistics corpus_statistics(const CorpusReader& corpus, int threads,
                                   const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const CorpusInfo& info = corpus.info();
    CorpusStatistics result;
    result.images.resize(static_cast<std::size_t>(info.image_count));
    result.bin_edges_adu = histogram_edges();
    result.snr_edges = snr_bin_edges();
    result.s_max_invA = largest_s_invA(info);
    const std::size_t bins = result.bin_edges_adu.size() - 1;
    for (const std::string& name : info.class_names) result.classes.push_back(empty_sums(name, bins));
    for (const std::string& name : info.labels.attributes) {
        result.with_attribute.push_back(empty_sums(name, bins));
        result.without_attribute.push_back(empty_sums(name, bins));
    }
    const hdf5::Handle file = hdf5::open_file(corpus.path());
    const hdf5::Handle data = hdf5::open(file, "/entry/data/data");
    const hdf5::DatasetInfo stack = hdf5::dataset_info(data);
    const bool one_chunk_each = stack.chunk.size() == 3 && stack.chunk[0] == 1 && stack.chunk[1] == stack.shape[1] &&
                                stack.chunk[2] == stack.shape[2];
    const Image<std::uint8_t> valid = valid_pixels(info);
    Measurer measurer(corpus, valid, result.s_max_invA, result.bin_edges_adu);

    std::mutex mutex;
    std::exception_ptr failure;
    std::atomic<std::int64_t> next = 0;
    std::int64_t done = 0;
    const auto work = [&] {
        Measurer::Scratch scratch;
        for (std::int64_t i = next++; i < info.image_count; i = next++) {
            try {
                PixelSums sums = empty_sums("", bins);
                ImageStatistics measured = measurer.measure(i, scratch, sums, result.snr_edges);
                const auto at = static_cast<std::size_t>(i);
                const std::uint64_t bytes = one_chunk_each ? hdf5::stored_chunk_bytes(data, {at, 0, 0}) : 0;
                measured.stored_bytes = bytes == 0 ? undefined : static_cast<double>(bytes);
                result.images[at] = measured;
                const std::scoped_lock lock(mutex);
                add(sums, result.classes[static_cast<std::size_t>(corpus.class_indices()[at])]);
                const auto& attributes = corpus.labels()[at].attributes;
                for (std::size_t a = 0; a < attributes.size(); ++a) {
                    if (attributes[a] == 1) add(sums, result.with_attribute[a]);
                    if (attributes[a] == 0) add(sums, result.without_attribute[a]);
                }
                if (progress) progress(++done, info.image_count);
            } catch (...) {
                const std::scoped_lock lock(mutex);
                if (!failure) failure = std::current_exception();
                next = info.image_count;
            }
        }
    };
    {
        std::vector<std::jthread> others;
        for (int t = 1; t < threads; ++t) others.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    return result;
}

}  // namespace braggbench
