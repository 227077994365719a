#include "datasets/cbf_file.hpp"

#include <cbf.h>
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <optional>
#include <utility>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr std::string_view cbf_magic = "###CBF";
// A frame of more than 2^28 pixels is a damaged header, not a detector.
constexpr std::size_t max_pixels = std::size_t{1} << 28;
// Panels turned by more than this against the assembled image would be shown several pixels wrong at their corners.
constexpr double max_panel_tilt_rad = 0.05;

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view problem) {
    throw DataError(fmt::format("{}: {}", path.string(), problem));
}

std::string_view error_name(int code) {
    constexpr std::array<std::pair<int, std::string_view>, 8> names = {{{CBF_FORMAT, "bad format"},
                                                                        {CBF_ALLOC, "out of memory"},
                                                                        {CBF_ENDOFDATA, "unexpected end of data"},
                                                                        {CBF_FILEREAD, "read failed"},
                                                                        {CBF_NOTFOUND, "item not found"},
                                                                        {CBF_UNDEFINED, "value undefined"},
                                                                        {CBF_BITCOUNT, "bit count exceeded"},
                                                                        {CBF_ARGUMENT, "bad argument"}}};
    for (const auto& [bit, name] : names) {
        if ((code & bit) != 0) {
            return name;
        }
    }
    return "unknown error";
}

// CBFlib decodes what the header promises without asking how much is there, so look first: every binary section must
// be whole. Returns their number.
int count_whole_sections(const std::filesystem::path& path, std::string_view bytes) {
    constexpr std::string_view opening = "--CIF-BINARY-FORMAT-SECTION--";
    constexpr std::string_view size_key = "X-Binary-Size:";
    constexpr std::string_view data_mark = "\x0c\x1a\x04\xd5";
    int sections = 0;
    for (std::size_t at = bytes.find(opening); at != std::string_view::npos; at = bytes.find(opening, at)) {
        const std::size_t data = bytes.find(data_mark, at);
        const std::string_view header = bytes.substr(at, std::min(data, bytes.size()) - at);
        const std::size_t key = header.find(size_key);
        if (data == std::string_view::npos || key == std::string_view::npos) {
            // Text encodings (base64 and the like) have no mark and no length to check; they close with the boundary.
            const std::size_t close = bytes.find("--CIF-BINARY-FORMAT-SECTION----", at);
            if (close == std::string_view::npos) {
                fail(path, "a binary section is not whole (the file is truncated). Copy the file again.");
            }
            ++sections;
            at = close + opening.size() + 2;
            continue;
        }
        std::string_view text = header.substr(key + size_key.size());
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        std::size_t size = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), size).ec != std::errc{}) {
            fail(path, "X-Binary-Size of a binary section is not a number (the header is damaged).");
        }
        const std::size_t begin = data + data_mark.size();
        if (size > bytes.size() - begin) {
            fail(path,
                 fmt::format("a binary section should have {} bytes but {} are left (the file is truncated). Copy "
                             "the file again.",
                             size, bytes.size() - begin));
        }
        ++sections;
        // The closing boundary is the opening one with two more dashes; step over it.
        const std::size_t close = bytes.find(opening, begin + size);
        if (close == std::string_view::npos) {
            break;
        }
        at = close + opening.size();
    }
    return sections;
}

using Row = std::map<std::string, std::string, std::less<>>;

class CbfReader {
public:
    CbfReader(std::filesystem::path path, std::string& bytes) : path_(std::move(path)) {
        FILE* stream = fmemopen(bytes.data(), bytes.size(), "rb");
        if (stream == nullptr || cbf_make_handle(&handle_) != 0) {
            if (stream != nullptr) {
                std::fclose(stream);
            }
            throw std::bad_alloc();
        }
        handle_->logfile = nullptr;  // CBFlib would print warnings about line lengths to stderr
        // CBFlib owns the stream from here on and closes it with the handle.
        const int code = cbf_read_widefile(handle_, stream, MSG_DIGESTNOW);
        if (code != 0) {
            cbf_free_handle(handle_);
            fail(path_,
                 fmt::format("is not a readable CBF (CBFlib: {}). It is damaged, or its checksum does not match; "
                             "copy the file again.",
                             error_name(code)));
        }
    }
    CbfReader(const CbfReader&) = delete;
    CbfReader& operator=(const CbfReader&) = delete;
    ~CbfReader() { cbf_free_handle(handle_); }

    // Text values of a category, "." and "?" left out; nothing if the category is absent.
    std::vector<Row> rows(const char* category, std::initializer_list<const char*> columns) const {
        unsigned count = 0;
        if (cbf_find_category(handle_, category) != 0 || cbf_count_rows(handle_, &count) != 0) {
            return {};
        }
        std::vector<Row> table(count);
        for (const char* column : columns) {
            if (cbf_find_column(handle_, column) != 0) {
                continue;
            }
            for (unsigned row = 0; row < count; ++row) {
                const char* value = nullptr;
                if (cbf_select_row(handle_, row) == 0 && cbf_get_value(handle_, &value) == 0 && value != nullptr &&
                    std::string_view(value) != "." && std::string_view(value) != "?") {
                    table[row].emplace(column, value);
                }
            }
        }
        return table;
    }

    struct Array {
        std::array<std::size_t, 3> dimensions{};  // fastest first
        std::vector<float> values;
    };

    Array array(unsigned row) const {
        check(cbf_find_category(handle_, "array_data"), "array_data");
        check(cbf_find_column(handle_, "data"), "array_data.data");
        check(cbf_select_row(handle_, row), "array_data");
        unsigned compression = 0;
        int id = 0;
        int is_signed = 0;
        int is_unsigned = 0;
        int low = 0;
        int high = 0;
        int is_real = 0;
        std::size_t element_size = 0;
        std::size_t count = 0;
        std::size_t padding = 0;
        const char* byte_order = nullptr;
        Array result;
        auto& [fast, slow, third] = result.dimensions;
        check(cbf_get_arrayparameters_wdims(handle_, &compression, &id, &element_size, &is_signed, &is_unsigned, &count,
                                            &low, &high, &is_real, &byte_order, &fast, &slow, &third, &padding),
              "the parameters of a binary section");
        third = std::max<std::size_t>(third, 1);
        if (count == 0 || count > max_pixels || fast == 0 || slow == 0 || fast > count || slow > count ||
            third > count || fast * slow != count / third || count % third != 0) {
            fail(path_,
                 fmt::format("a binary section's size is inconsistent ({} elements, {} x {} x {}). The header is "
                             "damaged or of a kind this program does not read.",
                             count, fast, slow, third));
        }
        result.values.resize(count);
        std::size_t read = 0;
        int code = 0;
        if (is_real != 0) {
            code = cbf_get_realarray(handle_, &id, result.values.data(), sizeof(float), count, &read);
        } else {
            std::vector<int> integers(count);
            code = cbf_get_integerarray(handle_, &id, integers.data(), sizeof(int), 1, count, &read);
            std::transform(integers.begin(), integers.end(), result.values.begin(),
                           [](int value) { return static_cast<float>(value); });
        }
        // On overflow CBFlib stores the largest value, which is what a saturated pixel is.
        check(code & ~CBF_OVERFLOW, "the pixels");
        if (read != count) {
            fail(path_, fmt::format("has {} pixels where {} are promised (the file is truncated).", read, count));
        }
        return result;
    }

private:
    void check(int code, std::string_view what) const {
        if (code != 0) {
            fail(path_, fmt::format("{} cannot be read (CBFlib: {}). The file is damaged.", what, error_name(code)));
        }
    }

    std::filesystem::path path_;
    cbf_handle handle_ = nullptr;
};

std::string text(const Row& row, std::string_view key) {
    const auto found = row.find(key);
    return found == row.end() ? std::string() : found->second;
}

double number(const Row& row, std::string_view key, double otherwise = 0.0) {
    const auto found = row.find(key);
    if (found == row.end()) {
        return otherwise;
    }
    char* end = nullptr;
    const double value = std::strtod(found->second.c_str(), &end);
    return end == found->second.c_str() || !std::isfinite(value) ? otherwise : value;
}

// As number(), for counts; what no count can be becomes -1 and is refused where it is used.
int count(const Row& row, std::string_view key, double otherwise = 0.0) {
    const double value = number(row, key, otherwise);
    return std::abs(value) < 1e9 ? static_cast<int>(value) : -1;
}

// The axes of imgCIF: each a translation or rotation on top of the one it depends on, at the setting of the frame.
class Axes {
public:
    Axes(std::filesystem::path path, const CbfReader& cbf) : path_(std::move(path)) {
        for (Row& row : cbf.rows("axis", {"id", "type", "depends_on", "vector[1]", "vector[2]", "vector[3]",
                                          "offset[1]", "offset[2]", "offset[3]"})) {
            axes_[text(row, "id")] = std::move(row);
        }
        for (const Row& row : cbf.rows("diffrn_scan_frame_axis", {"axis_id", "angle", "displacement"})) {
            // Only the first frame: a detector image is one exposure.
            settings_.emplace(text(row, "axis_id"), Setting{number(row, "angle"), number(row, "displacement")});
        }
    }

    [[nodiscard]] Eigen::Vector3d vector(const std::string& id) const {
        const Row& axis = find(id);
        return Eigen::Vector3d(number(axis, "vector[1]"), number(axis, "vector[2]"), number(axis, "vector[3]"))
            .normalized();
    }

    // Lab from the frame that moves with the axis.
    [[nodiscard]] Eigen::Isometry3d lab_from_axis(const std::string& id, int depth = 0) const {
        if (depth > 64) {
            fail(path_, fmt::format("axis {} depends on itself (its header is damaged).", id));
        }
        const Row& axis = find(id);
        const std::string parent = text(axis, "depends_on");
        Eigen::Isometry3d pose = parent.empty() ? Eigen::Isometry3d::Identity() : lab_from_axis(parent, depth + 1);
        pose.translate(
            Eigen::Vector3d(number(axis, "offset[1]"), number(axis, "offset[2]"), number(axis, "offset[3]")));
        const auto setting = settings_.find(id);
        if (setting != settings_.end()) {
            if (text(axis, "type") == "rotation") {
                pose.rotate(Eigen::AngleAxisd(setting->second.angle_deg * std::numbers::pi / 180.0, vector(id)));
            } else {
                pose.translate(vector(id) * setting->second.displacement_mm);
            }
        }
        return pose;
    }

private:
    struct Setting {
        double angle_deg;
        double displacement_mm;
    };

    const Row& find(const std::string& id) const {
        const auto found = axes_.find(id);
        if (found == axes_.end()) {
            fail(path_, fmt::format("axis '{}' is used but not described (incomplete imgCIF header).", id));
        }
        return found->second;
    }

    std::filesystem::path path_;
    std::map<std::string, Row, std::less<>> axes_;
    std::map<std::string, Setting, std::less<>> settings_;
};

// One rectangle of pixels of an array and its place. The first index of an array is taken as the fast one.
struct CbfPanel {
    std::string name;
    std::string array_id;
    std::array<int, 3> start{};  // first pixel in the array, from 0
    int width_px = 0;
    int height_px = 0;
    Eigen::Vector3d origin_mm;  // outer corner of its first pixel
    Eigen::Vector3d fast_mm;    // one pixel along
    Eigen::Vector3d slow_mm;
};

std::vector<CbfPanel> find_panels(const std::filesystem::path& path, const CbfReader& cbf) {
    const Axes axes(path, cbf);
    std::map<std::string, Row, std::less<>> steps;
    for (Row& row :
         cbf.rows("array_structure_list_axis", {"axis_set_id", "axis_id", "displacement", "displacement_increment"})) {
        const std::string set = row.contains("axis_set_id") ? text(row, "axis_set_id") : text(row, "axis_id");
        steps.emplace(set, std::move(row));
    }
    std::map<std::pair<std::string, int>, int> section_start;
    for (const Row& row : cbf.rows("array_structure_list_section", {"id", "index", "start"})) {
        section_start[{text(row, "id"), count(row, "index")}] = count(row, "start", 1.0) - 1;
    }
    struct Side {
        int length = 0;
        Row step;
    };
    struct Description {
        std::string array_id;
        std::map<int, Side> sides;
    };
    std::map<std::string, Description> descriptions;
    for (const Row& row :
         cbf.rows("array_structure_list", {"array_id", "array_section_id", "index", "dimension", "axis_set_id"})) {
        const auto step = steps.find(text(row, "axis_set_id"));
        if (step == steps.end()) {
            continue;
        }
        const std::string section = text(row, "array_section_id");
        Description& description = descriptions[section.empty() ? text(row, "array_id") : section];
        description.array_id = text(row, "array_id");
        description.sides[count(row, "index")] = {count(row, "dimension"), step->second};
    }
    std::vector<CbfPanel> panels;
    for (const auto& [name, description] : descriptions) {
        if (!description.sides.contains(1) || !description.sides.contains(2)) {
            continue;
        }
        const Side& fast = description.sides.at(1);
        const Side& slow = description.sides.at(2);
        const std::string fast_axis = text(fast.step, "axis_id");
        const std::string slow_axis = text(slow.step, "axis_id");
        CbfPanel panel{name, description.array_id, {}, fast.length, slow.length, {}, {}, {}};
        for (int index = 1; index <= 3; ++index) {
            const auto start = section_start.find({name, index});
            panel.start.at(static_cast<std::size_t>(index - 1)) = start == section_start.end() ? 0 : start->second;
        }
        const Eigen::Vector3d fast_direction = axes.lab_from_axis(fast_axis).linear() * axes.vector(fast_axis);
        const Eigen::Vector3d slow_direction = axes.lab_from_axis(slow_axis).linear() * axes.vector(slow_axis);
        panel.fast_mm = fast_direction * number(fast.step, "displacement_increment");
        panel.slow_mm = slow_direction * number(slow.step, "displacement_increment");
        // dxtbx, and the programs that write these files, put the outer corner of the first pixel at `displacement`.
        panel.origin_mm = axes.lab_from_axis(fast_axis).translation() +
                          fast_direction * number(fast.step, "displacement") +
                          slow_direction * number(slow.step, "displacement");
        if (panel.fast_mm.norm() <= 0 || panel.slow_mm.norm() <= 0 || !panel.origin_mm.allFinite()) {
            fail(path, fmt::format("panel {} has pixels of no size (incomplete imgCIF header).", name));
        }
        panels.push_back(panel);
    }
    return panels;
}

struct Limits {
    float undefined = -1.0F;  // this and below is masked
    float overload = std::numeric_limits<float>::max();
};

void put(DetectorImage& image, std::size_t at, float value, const Limits& limits) {
    const bool valid = std::isfinite(value) && value > limits.undefined && value <= limits.overload;
    image.values.pixels[at] = valid ? value : 0.0F;
    image.valid.pixels[at] = valid ? 1 : 0;
}

// The number after `key` in a miniCBF header's comment lines.
std::optional<std::array<double, 2>> header_numbers(const std::string& header, std::string_view key,
                                                    const char* format) {
    const std::size_t at = header.find(key);
    std::array<double, 2> value{};
    if (at == std::string::npos ||
        std::sscanf(header.c_str() + at + key.size(), format, value.data(), value.data() + 1) < 1) {
        return std::nullopt;
    }
    return value;
}

// Where the line x = y = 0 (imgCIF: the beam runs along -z) meets the panel, in its pixels.
std::optional<Eigen::Vector2d> beam_on(const CbfPanel& panel) {
    Eigen::Matrix2d step;
    step << panel.fast_mm.head<2>(), panel.slow_mm.head<2>();
    if (std::abs(step.determinant()) < 1e-12) {
        return std::nullopt;
    }
    return Eigen::Vector2d(step.inverse() * -panel.origin_mm.head<2>());
}

DetectorImage single_panel(const CbfReader& cbf, const std::filesystem::path& path, const std::vector<CbfPanel>& panels,
                           const Row* intensities) {
    const CbfReader::Array array = cbf.array(0);
    if (array.dimensions[2] != 1) {
        fail(path,
             fmt::format("holds {} frames in one array but no description of panels in it. Split it into files of "
                         "one frame.",
                         array.dimensions[2]));
    }
    DetectorImage image;
    image.values = Image<float>(static_cast<int>(array.dimensions[0]), static_cast<int>(array.dimensions[1]));
    image.valid = Image<std::uint8_t>(image.values.width, image.values.height);
    Limits limits;
    if (intensities != nullptr) {
        limits.undefined = static_cast<float>(number(*intensities, "undefined_value", limits.undefined));
        limits.overload = static_cast<float>(number(*intensities, "overload", limits.overload));
    }
    if (panels.size() == 1) {
        if (const auto beam = beam_on(panels[0])) {
            image.beam_fast_px = beam->x();
            image.beam_slow_px = beam->y();
        }
    }
    const std::vector<Row> headers = cbf.rows("array_data", {"header_contents"});
    const std::string header = headers.empty() ? std::string() : text(headers[0], "header_contents");
    if (const auto beam = header_numbers(header, "# Beam_xy", " ( %lf , %lf )")) {
        image.beam_fast_px = (*beam)[0];
        image.beam_slow_px = (*beam)[1];
    }
    if (const auto cutoff = header_numbers(header, "# Count_cutoff", " %lf")) {
        limits.overload = static_cast<float>((*cutoff)[0]);
    }
    for (std::size_t i = 0; i < array.values.size(); ++i) {
        put(image, i, array.values[i], limits);
    }
    return image;
}

// A panel's place in the assembled image: its pixel (f, s) goes to corner + f * fast + s * slow.
struct Placement {
    Eigen::Vector2i fast;
    Eigen::Vector2i slow;
    Eigen::Vector2i first;  // the pixel where the panel's pixel (0, 0) goes
};

// The assembled image's axes: imgCIF x, then -y.
Eigen::Vector2d assembled(const Eigen::Vector3d& vector_mm, double pixel_mm) {
    return {vector_mm.x() / pixel_mm, -vector_mm.y() / pixel_mm};
}

Placement place(const std::filesystem::path& path, const CbfPanel& panel, double pixel_mm) {
    const Eigen::Vector2d fast = assembled(panel.fast_mm, pixel_mm);
    const Eigen::Vector2d slow = assembled(panel.slow_mm, pixel_mm);
    Placement result{fast.array().round().matrix().cast<int>(), slow.array().round().matrix().cast<int>(), {}};
    if ((fast - result.fast.cast<double>()).norm() > max_panel_tilt_rad ||
        (slow - result.slow.cast<double>()).norm() > max_panel_tilt_rad || result.fast.dot(result.slow) != 0) {
        fail(path, fmt::format("panel {} is turned against the others by more than 3 degrees, or has other pixels "
                               "(panels are assembled by whole pixels only). Read its panels with dxtbx.",
                               panel.name));
    }
    // The panel's centre is put where it belongs; the first pixel's centre then follows in whole pixels.
    const double half_width = 0.5 * panel.width_px;
    const double half_height = 0.5 * panel.height_px;
    const Eigen::Vector2d centre = assembled(panel.origin_mm, pixel_mm) + half_width * fast + half_height * slow;
    const Eigen::Vector2d first_centre =
        centre - (half_width - 0.5) * result.fast.cast<double>() - (half_height - 0.5) * result.slow.cast<double>();
    result.first = first_centre.array().floor().matrix().cast<int>();
    return result;
}

DetectorImage assemble(const CbfReader& cbf, const std::filesystem::path& path, const std::vector<CbfPanel>& panels,
                       const std::vector<Row>& intensities) {
    const double pixel_mm = panels.front().fast_mm.norm();
    std::vector<Placement> placements;
    Eigen::Vector2i low = Eigen::Vector2i::Constant(std::numeric_limits<int>::max());
    Eigen::Vector2i high = Eigen::Vector2i::Constant(std::numeric_limits<int>::min());
    for (const CbfPanel& panel : panels) {
        constexpr double max_reach_px = 10000.0;
        if (panel.width_px < 1 || panel.height_px < 1 || panel.width_px > max_reach_px ||
            panel.height_px > max_reach_px || panel.origin_mm.head<2>().norm() / pixel_mm > max_reach_px) {
            fail(path, fmt::format("panel {} lies or reaches over 10000 pixels from the beam (the header is damaged).",
                                   panel.name));
        }
        const Placement& at = placements.emplace_back(place(path, panel, pixel_mm));
        const Eigen::Vector2i last = at.first + (panel.width_px - 1) * at.fast + (panel.height_px - 1) * at.slow;
        low = low.cwiseMin(at.first).cwiseMin(last);
        high = high.cwiseMax(at.first).cwiseMax(last);
    }
    DetectorImage image;
    const Eigen::Vector2i size = high - low + Eigen::Vector2i::Ones();
    image.values = Image<float>(size.x(), size.y());
    image.valid = Image<std::uint8_t>(size.x(), size.y());
    image.beam_fast_px = -low.x();
    image.beam_slow_px = -low.y();

    const std::vector<Row> arrays = cbf.rows("array_data", {"array_id"});
    for (std::size_t row = 0; row < arrays.size(); ++row) {
        const std::string array_id = text(arrays[row], "array_id");
        const CbfReader::Array array = cbf.array(static_cast<unsigned>(row));
        Limits limits;
        for (const Row& intensity : intensities) {
            if (text(intensity, "array_id") == array_id) {
                limits.undefined = static_cast<float>(number(intensity, "undefined_value", limits.undefined));
                limits.overload = static_cast<float>(number(intensity, "overload", limits.overload));
            }
        }
        for (std::size_t p = 0; p < panels.size(); ++p) {
            const CbfPanel& panel = panels[p];
            if (panel.array_id != array_id) {
                continue;
            }
            const auto [fast_start, slow_start, third_start] = panel.start;
            if (std::min({fast_start, slow_start, third_start}) < 0 ||
                static_cast<std::size_t>(fast_start) + static_cast<std::size_t>(panel.width_px) > array.dimensions[0] ||
                static_cast<std::size_t>(slow_start) + static_cast<std::size_t>(panel.height_px) >
                    array.dimensions[1] ||
                static_cast<std::size_t>(third_start) >= array.dimensions[2]) {
                fail(path, fmt::format("panel {} reaches outside its array (the header is damaged).", panel.name));
            }
            for (int slow = 0; slow < panel.height_px; ++slow) {
                const std::size_t from = (static_cast<std::size_t>(third_start) * array.dimensions[1] +
                                          static_cast<std::size_t>(slow_start + slow)) *
                                             array.dimensions[0] +
                                         static_cast<std::size_t>(fast_start);
                for (int fast = 0; fast < panel.width_px; ++fast) {
                    const Eigen::Vector2i to =
                        placements[p].first + fast * placements[p].fast + slow * placements[p].slow - low;
                    put(image, image.values.index(to.x(), to.y()), array.values[from + static_cast<std::size_t>(fast)],
                        limits);
                }
            }
        }
    }
    return image;
}

}  // namespace

bool is_cbf(std::string_view head) { return head.starts_with(cbf_magic); }

std::mutex& cbflib_mutex() {
    static std::mutex mutex;
    return mutex;
}

DetectorImage read_cbf(const std::filesystem::path& path, std::string bytes) {
    if (!is_cbf(bytes)) {
        fail(path, "is not a CBF (it does not begin with ###CBF).");
    }
    if (count_whole_sections(path, bytes) == 0) {
        fail(path, "holds no image (no binary section follows its header; the file may be truncated).");
    }
    const std::scoped_lock lock(cbflib_mutex());
    const CbfReader cbf(path, bytes);
    const std::vector<Row> arrays = cbf.rows("array_data", {"array_id"});
    const std::vector<Row> intensities =
        cbf.rows("array_intensities", {"array_id", "gain", "undefined_value", "overload"});
    const std::vector<CbfPanel> panels = find_panels(path, cbf);
    // CBF values are counts above zero; imgCIF gives the gain as counts per quantum, 0 or nothing where it is not
    // known.
    const double gain = intensities.empty() ? 1.0 : number(intensities.front(), "gain", 1.0);
    const auto with_scale = [gain](DetectorImage image) {
        image.gain_adu_per_photon = gain > 0 ? gain : 1.0;
        image.offset_adu = 0.0;
        return image;
    };
    if (panels.size() > 1) {
        return with_scale(assemble(cbf, path, panels, intensities));
    }
    if (arrays.size() != 1) {
        fail(path,
             fmt::format("holds {} arrays without a description of the panels they belong to. Split it into files "
                         "of one image.",
                         arrays.size()));
    }
    return with_scale(single_panel(cbf, path, panels, intensities.empty() ? nullptr : intensities.data()));
}

}  // namespace braggbench
