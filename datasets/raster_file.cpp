#include "datasets/raster_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "datasets/file_bytes.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr std::string_view png_magic = "\x89PNG\r\n\x1a\n";
constexpr int max_side_px = 32768;

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view problem) {
    throw DataError(fmt::format("{}: {}", path.string(), problem));
}

bool is_pgm(std::string_view head) {
    return head.size() > 2 && (head.starts_with("P2") || head.starts_with("P5")) &&
           (head[2] == ' ' || head[2] == '\n' || head[2] == '\r' || head[2] == '\t' || head[2] == '#');
}

bool is_png(std::string_view head) { return head.starts_with(png_magic); }

bool is_jpeg(std::string_view head) { return head.starts_with("\xff\xd8\xff"); }

bool is_tiff(std::string_view head) {
    return head.starts_with(std::string_view("II*\0", 4)) || head.starts_with(std::string_view("MM\0*", 4));
}

// Reads the whitespace-separated decimal numbers of PGM, # comments skipped. Netpbm, pgm(5).
class PgmScanner {
public:
    PgmScanner(const std::filesystem::path& path, std::string_view bytes) : path_(path), rest_(bytes.substr(2)) {}

    int next() {
        for (;;) {
            const std::size_t begin = rest_.find_first_not_of(" \t\r\n\v\f");
            rest_.remove_prefix(std::min(begin, rest_.size()));
            if (!rest_.starts_with('#')) {
                break;
            }
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        }
        if (rest_.empty()) {
            fail(path_, "the PGM ends too early (the file is truncated). Copy the file again.");
        }
        int value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc{} || value < 0) {
            fail(path_, "the PGM holds something else than a number (the file is damaged).");
        }
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }

    // What follows the single white space after the header.
    [[nodiscard]] std::string_view pixels() const { return rest_.substr(std::min<std::size_t>(1, rest_.size())); }

private:
    const std::filesystem::path& path_;
    std::string_view rest_;
};

Image<float> read_pgm(const std::filesystem::path& path, std::string_view bytes) {
    const bool plain = bytes[1] == '2';
    PgmScanner scanner(path, bytes);
    const int width = scanner.next();
    const int height = scanner.next();
    const int highest = scanner.next();
    if (width < 1 || height < 1 || width > max_side_px || height > max_side_px || highest < 1 || highest > 65535) {
        fail(path,
             fmt::format("the PGM header promises {} x {} pixels up to {} (it is damaged).", width, height, highest));
    }
    const std::size_t count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    const std::size_t pixel_bytes = highest > 255 ? 2 : 1;
    const std::size_t least_bytes = plain ? 2 * count - 1 : pixel_bytes * count;
    const std::string_view data = scanner.pixels();
    if (data.size() < least_bytes) {
        fail(path, fmt::format("the PGM has {} bytes of pixels where {} x {} need {} (the file is truncated). Copy the "
                               "file again.",
                               data.size(), width, height, least_bytes));
    }
    Image<float> image(width, height);
    if (plain) {
        std::generate(image.pixels.begin(), image.pixels.end(), [&] { return static_cast<float>(scanner.next()); });
        return image;
    }
    const auto* pixel = reinterpret_cast<const unsigned char*>(data.data());
    for (float& value : image.pixels) {
        value = static_cast<float>(pixel_bytes == 2 ? (pixel[0] << 8U) | pixel[1] : pixel[0]);
        pixel += pixel_bytes;
    }
    return image;
}

std::uint32_t big_endian_32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(0, 4)) {
        value = (value << 8U) | static_cast<unsigned char>(byte);
    }
    return value;
}

// OpenCV hands out what it could decode of a cut file without a word, so the chunks and their checksums are walked
// first (PNG specification, 5.3).
void require_whole_png(const std::filesystem::path& path, std::string_view bytes) {
    constexpr std::size_t frame = 12;  // length, type and CRC of a chunk
    for (std::size_t at = png_magic.size();;) {
        if (bytes.size() - at < frame || bytes.size() - at - frame < big_endian_32(bytes.substr(at))) {
            fail(path, "the PNG ends too early (the file is truncated). Copy the file again.");
        }
        const std::uint32_t length = big_endian_32(bytes.substr(at));
        const std::string_view checked = bytes.substr(at + 4, 4 + std::size_t{length});
        const auto* data = reinterpret_cast<const Bytef*>(checked.data());
        if (crc32_z(0, data, checked.size()) != big_endian_32(bytes.substr(at + 8 + length))) {
            fail(path, "a checksum of the PNG is wrong (the file is damaged). Copy the file again.");
        }
        if (checked.starts_with("IEND")) {
            return;
        }
        at += frame + length;
    }
}

Image<float> decode(const std::filesystem::path& path, std::string_view bytes) {
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        fail(path, "is larger than 2 GiB (no raster image this program reads is).");
    }
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::Mat decoded;
    try {
        // imdecode only reads, but takes a Mat.
        const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
        decoded = cv::imdecode(buffer, cv::IMREAD_ANYDEPTH | cv::IMREAD_GRAYSCALE);
        if (!decoded.empty()) {
            decoded.convertTo(decoded, CV_32F);
        }
    } catch (const cv::Exception& error) {
        fail(path,
             fmt::format("cannot be decoded ({}). The file is damaged or of a kind OpenCV does not read.", error.err));
    }
    if (decoded.empty() || decoded.channels() != 1) {
        fail(path, "cannot be decoded. The file is damaged or of a kind OpenCV does not read.");
    }
    Image<float> image(decoded.cols, decoded.rows);
    for (int slow = 0; slow < image.height; ++slow) {
        std::copy_n(decoded.ptr<float>(slow), image.width, &image(0, slow));
    }
    return image;
}

// Encodes and writes; the Mat only borrows the pixels, which imencode does not change.
template <class T>
void write_grey_png(const std::filesystem::path& path, const Image<T>& image) {
    std::vector<unsigned char> encoded;
    const cv::Mat pixels(image.height, image.width, cv::DataType<T>::type, const_cast<T*>(image.pixels.data()));
    if (image.pixels.empty() || !cv::imencode(".png", pixels, encoded)) {
        throw DataError(fmt::format("{}: the image cannot be encoded as PNG.", path.string()));
    }
    replace_file(path, std::string_view(reinterpret_cast<const char*>(encoded.data()), encoded.size()));
}

template <class T>
std::string pgm_head(const std::filesystem::path& path, const Image<T>& image) {
    if (image.pixels.empty()) {
        throw DataError(fmt::format("{}: an image without pixels cannot be written as PGM.", path.string()));
    }
    return fmt::format("P5\n{} {}\n{}\n", image.width, image.height, std::numeric_limits<T>::max());
}

}  // namespace

bool is_raster(std::string_view head) { return is_png(head) || is_pgm(head) || is_tiff(head) || is_jpeg(head); }

DetectorImage read_raster(const std::filesystem::path& path, std::string_view bytes) {
    DetectorImage image;
    if (is_pgm(bytes)) {
        image.values = read_pgm(path, bytes);
    } else {
        if (is_png(bytes)) {
            require_whole_png(path, bytes);
        }
        // The marker of a JPEG's end (ITU-T T.81, B.1.1.3); of a cut one OpenCV hands out what it has.
        if (is_jpeg(bytes) && bytes.rfind("\xff\xd9") == std::string_view::npos) {
            fail(path, "the JPEG has no end marker (the file is truncated). Copy the file again.");
        }
        image.values = decode(path, bytes);
    }
    image.valid = Image<std::uint8_t>(image.values.width, image.values.height, 1);
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        // Floating-point TIFFs carry NaN or negative values for what a detector did not measure.
        if (!(image.values.pixels[i] >= 0)) {
            image.values.pixels[i] = 0;
            image.valid.pixels[i] = 0;
        }
    }
    return image;
}

void write_png16(const std::filesystem::path& path, const Image<std::uint16_t>& image) { write_grey_png(path, image); }

void write_png8(const std::filesystem::path& path, const Image<std::uint8_t>& image) { write_grey_png(path, image); }

void write_pgm(const std::filesystem::path& path, const Image<std::uint8_t>& image) {
    std::string bytes = pgm_head(path, image);
    bytes.append(reinterpret_cast<const char*>(image.pixels.data()), image.size());
    replace_file(path, bytes);
}

void write_pgm(const std::filesystem::path& path, const Image<std::uint16_t>& image) {
    std::string bytes = pgm_head(path, image);
    for (const std::uint16_t value : image.pixels) {
        bytes += static_cast<char>(value >> 8U);
        bytes += static_cast<char>(value & 0xFFU);
    }
    replace_file(path, bytes);
}

}  // namespace braggbench
