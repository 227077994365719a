#include "simulator/nanobragg/files.hpp"

#include <fmt/format.h>

#include <Eigen/LU>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"

namespace braggbench::nanobragg {
namespace {

constexpr double most_amplitudes = 2.5e8;
constexpr int largest_index = 100000;

struct Line {
    int number = 0;
    std::string text;
    std::vector<double> values;
};

[[noreturn]] void fail(const std::filesystem::path& path, int line, const std::string& problem) {
    throw DataError(fmt::format("{}:{}: {}", path.string(), line, problem));
}

// Every line that is neither empty nor a comment, as numbers.
std::vector<Line> read_numbers(const std::filesystem::path& path) {
    const std::string bytes = read_gunzipped_file(path);
    std::vector<Line> lines;
    std::string_view rest = bytes;
    for (int number = 1; !rest.empty(); ++number) {
        const std::string_view whole = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), whole.size() + 1));
        std::string_view text = whole.substr(0, whole.find('#'));
        Line line;
        line.number = number;
        for (;;) {
            const auto start = text.find_first_not_of(" \t\r,");
            if (start == std::string_view::npos) break;
            text.remove_prefix(start);
            const std::string_view word = text.substr(0, text.find_first_of(" \t\r,"));
            double value = 0.0;
            const char* first = word.data() + (word.front() == '+' ? 1 : 0);
            const auto [end, error] = std::from_chars(first, word.data() + word.size(), value);
            if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(value)) {
                fail(path, number,
                     fmt::format("'{}' is not a finite number. Correct or remove it.", word.substr(0, 40)));
            }
            line.values.push_back(value);
            text.remove_prefix(word.size());
        }
        if (!line.values.empty()) lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<double> flat(const std::vector<Line>& lines) {
    std::vector<double> values;
    for (const Line& line : lines) values.insert(values.end(), line.values.begin(), line.values.end());
    return values;
}

void size_box(const std::filesystem::path& path, AmplitudeBox& box, double absent) {
    const double size = (static_cast<double>(box.max.h) - box.min.h + 1) *
                        (static_cast<double>(box.max.k) - box.min.k + 1) *
                        (static_cast<double>(box.max.l) - box.min.l + 1);
    if (!(size >= 1 && size <= most_amplitudes)) {
        throw DataError(fmt::format(
            "{}: indices from {} {} {} to {} {} {} make a box of {:.1e} amplitudes (at most "
            "{:.1e}). Remove outlying reflections.",
            path.string(), box.min.h, box.min.k, box.min.l, box.max.h, box.max.k, box.max.l, size, most_amplitudes));
    }
    box.f_e.assign(static_cast<std::size_t>(size), absent);
}

}  // namespace

std::size_t AmplitudeBox::index(int h, int k, int l) const {
    return (static_cast<std::size_t>(h - min.h) * static_cast<std::size_t>(max.k - min.k + 1) +
            static_cast<std::size_t>(k - min.k)) *
               static_cast<std::size_t>(max.l - min.l + 1) +
           static_cast<std::size_t>(l - min.l);
}

Eigen::Matrix3d read_matrix(const std::filesystem::path& path) {
    const std::vector<double> values = flat(read_numbers(path));
    // MOSFLM's own files go on with U, the cell and missetting angles.
    if (values.size() < 9) {
        throw DataError(fmt::format("{}: holds {} numbers (a matrix has nine). Give a*, b*, c* as columns.",
                                    path.string(), values.size()));
    }
    Eigen::Matrix3d matrix;
    for (int i = 0; i < 9; ++i) matrix(i / 3, i % 3) = values[static_cast<std::size_t>(i)];
    return matrix;
}

AmplitudeBox read_hkl(const std::filesystem::path& path, double absent) {
    const std::vector<Line> lines = read_numbers(path);
    AmplitudeBox box;
    box.min = {largest_index, largest_index, largest_index};
    box.max = {-largest_index, -largest_index, -largest_index};
    for (const Line& line : lines) {
        if (line.values.size() != 4) fail(path, line.number, "is not 'h k l F'. Give three integers and an amplitude.");
        for (std::size_t i = 0; i < 3; ++i) {
            if (line.values[i] != std::floor(line.values[i]) || std::abs(line.values[i]) > largest_index) {
                fail(path, line.number,
                     fmt::format("the index {} is not a whole number within {}. Correct or remove the line.",
                                 line.values[i], largest_index));
            }
        }
        const MillerIndex hkl{static_cast<int>(line.values[0]), static_cast<int>(line.values[1]),
                              static_cast<int>(line.values[2])};
        box.min = {std::min(box.min.h, hkl.h), std::min(box.min.k, hkl.k), std::min(box.min.l, hkl.l)};
        box.max = {std::max(box.max.h, hkl.h), std::max(box.max.k, hkl.k), std::max(box.max.l, hkl.l)};
    }
    if (lines.empty()) throw DataError(fmt::format("{}: lists no reflections. Give lines 'h k l F'.", path.string()));
    size_box(path, box, absent);
    for (const Line& line : lines) {
        box.f_e[box.index(static_cast<int>(line.values[0]), static_cast<int>(line.values[1]),
                          static_cast<int>(line.values[2]))] = line.values[3];
    }
    box.listed = lines.size();
    return box;
}

AmplitudeBox read_dump(const std::filesystem::path& path) {
    const std::string bytes = read_gunzipped_file(path);
    const auto end = bytes.find("\n\f");
    AmplitudeBox box;
    std::array<int*, 6> numbers{&box.min.h, &box.max.h, &box.min.k, &box.max.k, &box.min.l, &box.max.l};
    const char* at = bytes.data();
    const char* const stop = end == std::string::npos ? at : bytes.data() + end;
    for (int* number : numbers) {
        while (at != stop && *at == ' ') ++at;
        const auto [next, error] = std::from_chars(at, stop, *number);
        if (error != std::errc{}) {
            throw DataError(
                fmt::format("{}: is not one of nanoBragg's dump files (they begin with six integers and a "
                            "form feed). Give -hkl.",
                            path.string()));
        }
        at = next;
    }
    size_box(path, box, 0.0);
    const auto wide = [](int low, int high) { return static_cast<std::size_t>(high - low + 2); };
    const std::size_t nk = wide(box.min.k, box.max.k);
    const std::size_t nl = wide(box.min.l, box.max.l);
    const std::size_t size = wide(box.min.h, box.max.h) * nk * nl * sizeof(double);
    if (bytes.size() - (end + 2) < size) {
        throw DataError(fmt::format("{}: ends after {} of {} bytes. Make it again with -hkl.", path.string(),
                                    bytes.size() - (end + 2), size));
    }
    for (int h = box.min.h; h <= box.max.h; ++h) {
        for (int k = box.min.k; k <= box.max.k; ++k) {
            const std::size_t line =
                (static_cast<std::size_t>(h - box.min.h) * nk + static_cast<std::size_t>(k - box.min.k)) * nl;
            std::memcpy(&box.f_e[box.index(h, k, box.min.l)], bytes.data() + end + 2 + line * sizeof(double),
                        static_cast<std::size_t>(box.max.l - box.min.l + 1) * sizeof(double));
        }
    }
    for (const double f : box.f_e) {
        if (!std::isfinite(f)) {
            throw DataError(
                fmt::format("{}: holds an amplitude that is not finite. Make it again with -hkl.", path.string()));
        }
    }
    box.listed = box.f_e.size();
    return box;
}

std::string dump_bytes(const AmplitudeBox& box) {
    std::string bytes =
        fmt::format("{} {} {} {} {} {}\n\f", box.min.h, box.max.h, box.min.k, box.max.k, box.min.l, box.max.l);
    const auto nl = static_cast<std::size_t>(box.max.l - box.min.l + 1);
    const std::vector<double> empty(nl + 1, 0.0);
    const auto append = [&](const double* values, std::size_t count) {
        bytes.append(reinterpret_cast<const char*>(values), count * sizeof(double));
    };
    for (int h = box.min.h; h <= box.max.h + 1; ++h) {
        for (int k = box.min.k; k <= box.max.k + 1; ++k) {
            if (h > box.max.h || k > box.max.k) {
                append(empty.data(), nl + 1);
            } else {
                append(&box.f_e[box.index(h, k, box.min.l)], nl);
                append(empty.data(), 1);
            }
        }
    }
    return bytes;
}

std::vector<SourceLine> read_sources(const std::filesystem::path& path) {
    std::vector<SourceLine> sources;
    for (const Line& line : read_numbers(path)) {
        if (line.values.size() > 5) fail(path, line.number, "has more than X Y Z I lambda. Remove the rest.");
        SourceLine source;
        const std::array<std::optional<double>*, 5> fields{&source.x, &source.y, &source.z, &source.intensity,
                                                           &source.wavelength_m};
        for (std::size_t i = 0; i < line.values.size(); ++i) *fields[i] = line.values[i];
        if (source.wavelength_m && !(*source.wavelength_m > 1e-13 && *source.wavelength_m < 1e-7)) {
            fail(path, line.number,
                 fmt::format("the wavelength {} is not one of X-rays in metres. Give one such as 1e-10.",
                             *source.wavelength_m));
        }
        if (source.intensity && *source.intensity < 0) fail(path, line.number, "an intensity is negative. Correct it.");
        sources.push_back(source);
    }
    if (sources.empty())
        throw DataError(fmt::format("{}: lists no sources. Give lines X Y Z I lambda.", path.string()));
    return sources;
}

std::vector<Eigen::Matrix3d> read_blocks(const std::filesystem::path& path) {
    std::vector<Eigen::Matrix3d> blocks;
    for (const Line& line : read_numbers(path)) {
        if (line.values.size() != 9) {
            fail(
                path, line.number,
                fmt::format("holds {} numbers (a block is nine). Give a rotation matrix by rows.", line.values.size()));
        }
        Eigen::Matrix3d block;
        for (int i = 0; i < 9; ++i) block(i / 3, i % 3) = line.values[static_cast<std::size_t>(i)];
        if (!(block * block.transpose()).isIdentity(1e-6) || block.determinant() < 0) {
            fail(path, line.number, "is not a rotation. Give an orthonormal matrix of determinant 1.");
        }
        blocks.push_back(block);
    }
    if (blocks.empty()) throw DataError(fmt::format("{}: holds no blocks. Give nine numbers a line.", path.string()));
    return blocks;
}

std::optional<double> SmvHeader::number(const std::string& key) const {
    const auto found = values.find(key);
    if (found == values.end()) return std::nullopt;
    double value = 0.0;
    const std::string& text = found->second;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{} || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

SmvHeader read_smv_header(const std::filesystem::path& path) {
    const std::string bytes = read_gunzipped_file(path);
    SmvHeader header;
    const auto close = bytes.find('}');
    if (bytes.empty() || bytes.front() != '{' || close == std::string::npos) {
        throw DataError(fmt::format("{}: is not an SMV image (they begin with a header in braces). Give another file.",
                                    path.string()));
    }
    std::string_view text = std::string_view(bytes).substr(1, close - 1);
    constexpr std::string_view space = " \t\r\n";
    const auto trim = [&](std::string_view word) {
        const auto first = word.find_first_not_of(space);
        if (first == std::string_view::npos) return std::string();
        return std::string(word.substr(first, word.find_last_not_of(space) - first + 1));
    };
    while (!text.empty()) {
        // nanoBragg ends DIALS_ORIGIN without a semicolon.
        const std::size_t end = std::min(text.find_first_of(";\n"), text.size());
        const std::string_view record = text.substr(0, end);
        const auto equals = record.find('=');
        if (equals != std::string_view::npos)
            header.values[trim(record.substr(0, equals))] = trim(record.substr(equals + 1));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    header.width = static_cast<int>(header.number("SIZE1").value_or(0));
    header.height = static_cast<int>(header.number("SIZE2").value_or(0));
    header.header_bytes = static_cast<std::size_t>(std::max(header.number("HEADER_BYTES").value_or(0), 0.0));
    const auto pixels =
        static_cast<std::size_t>(std::max(header.width, 0)) * static_cast<std::size_t>(std::max(header.height, 0));
    if (pixels == 0 || header.header_bytes == 0 || bytes.size() < header.header_bytes + 2 * pixels) {
        throw DataError(fmt::format("{}: {} bytes are too few for its header and {} x {} pixels. Fetch it again.",
                                    path.string(), bytes.size(), header.width, header.height));
    }
    return header;
}

std::vector<std::uint8_t> read_mask(const std::filesystem::path& path) {
    const SmvHeader header = read_smv_header(path);
    const std::string bytes = read_gunzipped_file(path);
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height));
    for (std::size_t i = 0; i < mask.size(); ++i) {
        const char* const value = bytes.data() + header.header_bytes + 2 * i;
        mask[i] = value[0] != 0 || value[1] != 0 ? 1 : 0;
    }
    return mask;
}

}  // namespace braggbench::nanobragg
