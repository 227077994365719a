#include "simulator/crystfel_geometry.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <string_view>
#include <tuple>

#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

constexpr double mm_per_m = 1000.0;

// Where a statement stands, for messages.
struct Place {
    const std::filesystem::path* file = nullptr;
    int line = 0;
};

[[noreturn]] void fail(const Place& place, const std::string& what) {
    throw DataError(fmt::format("{}:{}: {}", place.file->string(), place.line, what));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

// A number at the start of `text`, which is shortened by it.
std::optional<double> take_number(std::string_view& text) {
    std::string_view rest = text;
    if (rest.starts_with('+')) rest.remove_prefix(1);
    double value = 0.0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    text = trimmed(rest);
    return value;
}

double number(const Place& place, const std::string& key, std::string_view text) {
    std::string_view rest = text;
    const std::optional<double> value = take_number(rest);
    if (!value || !rest.empty()) fail(place, fmt::format("{} = {} (it must be a number). Correct it.", key, text));
    return *value;
}

int whole_number(const Place& place, const std::string& key, std::string_view text) {
    const double value = number(place, key, text);
    constexpr double most = 1e6;
    if (value != std::floor(value) || value < 0 || value > most) {
        fail(place, fmt::format("{} = {} (pixels are counted from 0 in whole numbers). Correct it.", key, text));
    }
    return static_cast<int>(value);
}

// A number with a unit, or nothing if the text is not one: then it is a place in a data file.
std::optional<double> quantity(const Place& place, const std::string& key, std::string_view text,
                               const std::vector<std::pair<std::string_view, double>>& units) {
    std::string_view rest = text;
    const std::optional<double> value = take_number(rest);
    if (!value) return std::nullopt;
    for (const auto& [unit, factor] : units) {
        if (rest == unit) return *value * factor;
    }
    std::string known;
    for (const auto& [unit, factor] : units) {
        if (!unit.empty()) known += fmt::format("{}{}", known.empty() ? "" : " or ", unit);
    }
    fail(place, fmt::format("{} = {} (the unit is not understood). Use {}.", key, text, known));
}

// A direction such as "+0.999989x -0.0048y" or "-x": terms in any order, absent ones 0.
Eigen::Vector3d direction(const Place& place, const std::string& key, std::string_view text) {
    Eigen::Vector3d result = Eigen::Vector3d::Zero();
    std::string_view rest = trimmed(text);
    const auto refuse = [&]() {
        fail(place, fmt::format("{} = {} (not a direction). Write it like +0.999x -0.0048y +0.1z.", key, text));
    };
    if (rest.empty()) refuse();
    while (!rest.empty()) {
        double sign = 1.0;
        if (rest.front() == '+' || rest.front() == '-') {
            sign = rest.front() == '-' ? -1.0 : 1.0;
            rest = trimmed(rest.substr(1));
        }
        if (rest.starts_with('+') || rest.starts_with('-')) refuse();
        const double size = take_number(rest).value_or(1.0);
        if (rest.empty() || rest.front() < 'x' || rest.front() > 'z') refuse();
        result[rest.front() - 'x'] += sign * size;
        rest = trimmed(rest.substr(1));
    }
    return result;
}

// What a panel has been told so far, in the file's words. Copied from the defaults at the panel's first mention.
struct PanelDraft {
    std::string name;
    Place place;
    std::map<std::string, std::pair<std::string, Place>> values;
};

struct RegionDraft {
    CrystfelBadRegion region;
    Place place;
    std::map<std::string, double> limits;
};

const std::vector<std::string>& panel_keys() {
    static const std::vector<std::string> keys = {"min_fs",   "max_fs",  "min_ss",     "max_ss",   "corner_x",
                                                  "corner_y", "fs",      "ss",         "clen",     "coffset",
                                                  "res",      "max_adu", "adu_per_eV", "no_index", "adu_per_photon"};
    return keys;
}

// Keys that say where data and masks lie and how CrystFEL treats them.
const std::vector<std::string>& kept_panel_keys() {
    static const std::vector<std::string> keys = {"data",
                                                  "mask",
                                                  "mask_file",
                                                  "mask_good",
                                                  "mask_bad",
                                                  "saturation_map",
                                                  "flag_lessthan",
                                                  "flag_morethan",
                                                  "flag_equal",
                                                  "saturation_map_file",
                                                  "mask_edge_pixels",
                                                  "badrow_direction",
                                                  "badrow",
                                                  "rail_x",
                                                  "rail_y",
                                                  "rail_z",
                                                  "clen_for_centering",
                                                  "integr_radius",
                                                  "peak_sep",
                                                  "gain"};
    return keys;
}

bool is_numbered(std::string_view key, std::string_view before, std::string_view after) {
    if (!key.starts_with(before) || !key.ends_with(after) || key.size() <= before.size() + after.size()) return false;
    const std::string_view digits = key.substr(before.size(), key.size() - before.size() - after.size());
    return digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_dimension(std::string_view key) { return is_numbered(key, "dim", ""); }

bool is_kept(const std::string& key) {
    if (std::ranges::find(kept_panel_keys(), key) != kept_panel_keys().end() || is_dimension(key)) return true;
    return std::ranges::any_of(std::array{"_data", "_file", "_goodbits", "_badbits"},
                               [&](const char* end) { return is_numbered(key, "mask", end); });
}

bool is_kept_top_level(const std::string& key) {
    return key.starts_with("rigid_group") || key.starts_with("group_") || key == "peak_list" ||
           key == "peak_list_type" || key == "peak_info_location" || key == "photon_energy_bandwidth" ||
           key == "photon_energy_scale" || key == "bandwidth" || key == "beam_bandwidth";
}

class Reader {
public:
    Reader(const std::filesystem::path& path, const CrystfelOptions& options) : path_(path), options_(options) {}

    CrystfelGeometry read() {
        std::ifstream file(path_);
        if (!file) throw DataError(path_.string() + ": cannot be read. Check the name and the permissions.");
        std::string line;
        for (place_ = {&path_, 1}; std::getline(file, line); ++place_.line) read_line(line);
        if (file.bad()) throw DataError(path_.string() + ": reading failed. Check the disk.");
        if (drafts_.empty()) {
            throw DataError(path_.string() +
                            ": no panel in it (lines like p0/min_fs = 0). Is it a CrystFEL geometry file?");
        }
        for (const PanelDraft& draft : drafts_) finish_panel(draft);
        stack_blocks();
        for (RegionDraft& draft : regions_) finish_region(draft);
        Faults faults;
        check(geometry_.detector, faults);
        try {
            faults.report();
        } catch (const UsageError& error) {
            throw DataError(fmt::format("{}: contradictory panels, counted from 0 in the file's order:\n{}",
                                        path_.string(), error.what()));
        }
        return std::move(geometry_);
    }

private:
    void read_line(std::string_view line) {
        line = trimmed(line.substr(0, line.find(';')));
        if (line.empty()) return;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            fail(place_,
                 fmt::format("\"{}\" (not a statement). Write key = value, or a comment behind a semicolon.", line));
        }
        const std::string left(trimmed(line.substr(0, equals)));
        const std::string value(trimmed(line.substr(equals + 1)));
        if (left.empty() || value.empty()) {
            fail(place_, fmt::format("\"{}\" (one side of the = is empty). Complete it or take it out.", line));
        }
        const std::size_t slash = left.find('/');
        if (slash == std::string::npos) {
            read_top_level(left, value);
        } else if (left.starts_with("bad")) {
            read_region(left.substr(0, slash), left.substr(slash + 1), value);
        } else {
            const std::string key = left.substr(slash + 1);
            require_known(key);
            draft_of(left.substr(0, slash)).values[key] = {value, place_};
        }
    }

    void read_top_level(const std::string& key, const std::string& value) {
        if (key == "photon_energy") {
            set_energy(quantity(place_, key, value, {{"", 1.0}, {"eV", 1.0}, {"keV", 1000.0}}), key, value);
        } else if (key == "wavelength") {
            const auto wavelength_A = quantity(place_, key, value, {{"A", 1.0}, {"m", 1e10}});
            set_energy(wavelength_A ? std::optional(hc_eV_A / *wavelength_A) : std::nullopt, key, value);
        } else if (key == "electron_voltage") {
            fail(place_, "electron_voltage (electrons, but this program makes X-ray images). Give photon_energy.");
        } else if (key == "detector_shift_x" || key == "detector_shift_y") {
            const auto shift = quantity(place_, key, value, {{"", mm_per_m}, {"m", mm_per_m}, {"mm", 1.0}});
            if (shift) {
                (key.back() == 'x' ? shift_mm_.x() : shift_mm_.y()) = *shift;
            } else {
                geometry_.statements.emplace_back(key, value);
            }
        } else if (is_kept_top_level(key)) {
            geometry_.statements.emplace_back(key, value);
        } else {
            require_known(key);
            defaults_[key] = {value, place_};
        }
    }

    void set_energy(std::optional<double> energy_eV, const std::string& key, const std::string& value) {
        if (!energy_eV) {
            geometry_.statements.emplace_back(key, value);
        } else if (!(*energy_eV > 0) || !std::isfinite(*energy_eV)) {
            fail(place_, fmt::format("{} = {} (it must be positive). Correct it.", key, value));
        } else {
            geometry_.photon_energy_eV = energy_eV;
        }
    }

    void read_region(const std::string& name, const std::string& key, const std::string& value) {
        auto found = std::ranges::find(regions_, name, [](const RegionDraft& draft) { return draft.region.name; });
        if (found == regions_.end()) {
            found = regions_.emplace(regions_.end());
            found->region.name = name;
            found->place = place_;
        }
        static const std::vector<std::string> keys = {"min_fs", "max_fs", "min_ss", "max_ss", "min_x",
                                                      "max_x",  "min_y",  "max_y",  "panel"};
        if (key == "panel") {
            found->region.panel = value;
        } else if (std::ranges::find(keys, key) != keys.end()) {
            found->limits[key] = number(place_, name + "/" + key, value);
        } else {
            fail(place_, fmt::format("{}/{} (not a key of a bad region). Did you mean {}?", name, key,
                                     nearest_name(key, keys)));
        }
    }

    void require_known(const std::string& key) const {
        if (is_kept(key) || std::ranges::find(panel_keys(), key) != panel_keys().end()) return;
        std::vector<std::string> known = panel_keys();
        known.insert(known.end(), kept_panel_keys().begin(), kept_panel_keys().end());
        fail(place_, fmt::format("{} (not a key of CrystFEL's geometry format). Did you mean {}?", key,
                                 nearest_name(key, known)));
    }

    PanelDraft& draft_of(const std::string& name) {
        const auto found = std::ranges::find(drafts_, name, &PanelDraft::name);
        if (found != drafts_.end()) return *found;
        return drafts_.emplace_back(PanelDraft{name, place_, defaults_});
    }

    static const std::pair<std::string, Place>* find_value(const PanelDraft& draft, const std::string& key) {
        const auto found = draft.values.find(key);
        return found == draft.values.end() ? nullptr : &found->second;
    }

    static const std::pair<std::string, Place>& value(const PanelDraft& draft, const std::string& key) {
        if (const auto* found = find_value(draft, key)) return *found;
        fail(draft.place,
             fmt::format("panel {} has no {} (neither its own nor a default above it). Add a line {}/{} = ...",
                         draft.name, key, draft.name, key));
    }

    static double number_of(const PanelDraft& draft, const std::string& key) {
        const auto& [text, place] = value(draft, key);
        return number(place, draft.name + "/" + key, text);
    }

    static std::optional<double> optional_number(const PanelDraft& draft, const std::string& key) {
        if (find_value(draft, key) == nullptr) return std::nullopt;
        return number_of(draft, key);
    }

    static int pixel_of(const PanelDraft& draft, const std::string& key) {
        const auto& [text, place] = value(draft, key);
        return whole_number(place, draft.name + "/" + key, text);
    }

    // Unit vectors at right angles. Files round them to six digits or so, and some scale them by a measured pixel size.
    static void set_axes(const PanelDraft& draft, Panel& panel) {
        const auto& [fast_text, fast_place] = value(draft, "fs");
        const auto& [slow_text, slow_place] = value(draft, "ss");
        const Eigen::Vector3d fast = direction(fast_place, draft.name + "/fs", fast_text);
        const Eigen::Vector3d slow = direction(slow_place, draft.name + "/ss", slow_text);
        constexpr double tolerance = 5e-3;
        for (const auto& [length, key, text, place] : {std::tuple(fast.norm(), "fs", &fast_text, &fast_place),
                                                       std::tuple(slow.norm(), "ss", &slow_text, &slow_place)}) {
            if (!(std::abs(length - 1.0) < tolerance)) {
                fail(*place,
                     fmt::format("{}/{} = {} (its length is {:.4g}, but pixels are square and {} gives their size). "
                                 "Normalise it.",
                                 draft.name, key, *text, length, "res"));
            }
        }
        if (!(std::abs(fast.dot(slow)) < tolerance)) {
            fail(slow_place, fmt::format("{}/ss = {} (it is not at right angles to fs = {}). Correct one of them.",
                                         draft.name, slow_text, fast_text));
        }
        // Both share what is left of the angle between them.
        const Eigen::Vector3d middle = (fast.normalized() + slow.normalized()).normalized();
        const Eigen::Vector3d across = (fast.normalized() - slow.normalized()).normalized();
        panel.fast_axis = ((middle + across) / std::sqrt(2.0)).normalized();
        panel.slow_axis = ((middle - across) / std::sqrt(2.0)).normalized();
    }

    double camera_length_mm(const PanelDraft& draft) const {
        if (const auto* found = find_value(draft, "clen")) {
            const auto length = quantity(found->second, draft.name + "/clen", found->first,
                                         {{"", mm_per_m}, {"m", mm_per_m}, {"mm", 1.0}});
            if (length) return *length;
            if (!options_.camera_length_mm) {
                fail(found->second,
                     fmt::format("clen = {} (a place in a data file, which is not read). Give the camera "
                                 "length with the request, or a number in metres here.",
                                 found->first));
            }
        }
        if (!options_.camera_length_mm) (void)value(draft, "clen");
        return *options_.camera_length_mm;
    }

    void finish_panel(const PanelDraft& draft) {
        CrystfelPanel info;
        Panel panel;
        info.name = draft.name;
        info.first_fast_px = pixel_of(draft, "min_fs");
        info.first_slow_px = pixel_of(draft, "min_ss");
        panel.width_px = pixel_of(draft, "max_fs") - info.first_fast_px + 1;
        panel.height_px = pixel_of(draft, "max_ss") - info.first_slow_px + 1;
        if (panel.width_px < 1 || panel.height_px < 1) {
            fail(value(draft, "max_fs").second,
                 fmt::format(
                     "panel {} of {} x {} pixels (max_fs and max_ss are the last pixel, not less than min_fs and "
                     "min_ss). Correct them.",
                     draft.name, panel.width_px, panel.height_px));
        }
        const double per_m = number_of(draft, "res");
        if (!(per_m > 0)) {
            fail(value(draft, "res").second,
                 fmt::format("{}/res = {} (pixels per metre are positive). Correct it.", draft.name, per_m));
        }
        panel.pixel_size_mm = mm_per_m / per_m;
        set_axes(draft, panel);
        info.camera_length_mm = camera_length_mm(draft);
        double coffset_mm = 0.0;
        if (const auto* found = find_value(draft, "coffset")) {
            coffset_mm = quantity(found->second, draft.name + "/coffset", found->first,
                                  {{"", mm_per_m}, {"m", mm_per_m}, {"mm", 1.0}})
                             .value_or(std::numeric_limits<double>::quiet_NaN());
        }
        panel.origin_mm = Eigen::Vector3d(number_of(draft, "corner_x") * panel.pixel_size_mm + shift_mm_.x(),
                                          number_of(draft, "corner_y") * panel.pixel_size_mm + shift_mm_.y(),
                                          info.camera_length_mm + coffset_mm);
        if (!panel.origin_mm.allFinite()) {
            fail(draft.place, fmt::format("panel {} lies nowhere (coffset is no number). Correct it.", draft.name));
        }
        info.adu_per_photon = optional_number(draft, "adu_per_photon");
        info.adu_per_eV = optional_number(draft, "adu_per_eV");
        info.max_adu = optional_number(draft, "max_adu");
        if (const auto* found = find_value(draft, "no_index")) {
            info.indexed = found->first == "0" || found->first == "false";
        }
        for (const auto& [key, text] : draft.values) {
            if (is_kept(key)) info.statements.emplace_back(key, text.first);
        }
        panel.image_fast_px = info.first_fast_px;
        panel.image_slow_px = info.first_slow_px;
        geometry_.detector.panels.push_back(panel);
        geometry_.panels.push_back(std::move(info));
    }

    // Panels of different data sets, or of different numbers along a fixed dimension, would cover each other.
    void stack_blocks() {
        using Block = std::pair<std::string, std::vector<double>>;
        std::vector<Block> block_of;
        std::map<Block, int> heights;
        for (std::size_t i = 0; i < geometry_.panels.size(); ++i) {
            Block block;
            for (const auto& [key, text] : geometry_.panels[i].statements) {
                if (key == "data") block.first = text;
                std::string_view rest = text;
                if (!is_dimension(key)) continue;
                if (const auto fixed = take_number(rest)) block.second.push_back(*fixed);
            }
            const Panel& panel = geometry_.detector.panels[i];
            int& height = heights[block];
            height = std::max(height, panel.image_slow_px + panel.height_px);
            block_of.push_back(std::move(block));
        }
        std::map<Block, int> starts;
        int total = 0;
        for (const auto& [block, height] : heights) {
            starts[block] = total;
            total += height;
        }
        Detector& detector = geometry_.detector;
        for (std::size_t i = 0; i < detector.panels.size(); ++i) {
            detector.panels[i].image_slow_px += starts[block_of[i]];
            detector.image_width_px =
                std::max(detector.image_width_px, detector.panels[i].image_fast_px + detector.panels[i].width_px);
        }
        detector.image_height_px = total;
    }

    void finish_region(RegionDraft& draft) {
        CrystfelBadRegion& region = draft.region;
        region.in_lab = draft.limits.contains("min_x");
        const std::array<std::string, 4> keys =
            region.in_lab ? std::array<std::string, 4>{"min_x", "max_x", "min_y", "max_y"}
                          : std::array<std::string, 4>{"min_fs", "max_fs", "min_ss", "max_ss"};
        for (const std::string& key : keys) {
            if (!draft.limits.contains(key)) {
                fail(draft.place,
                     fmt::format("{} has no {} (a bad region needs min and max along two directions, either "
                                 "fs and ss or x and y). Add it.",
                                 region.name, key));
            }
        }
        if (draft.limits.size() != keys.size()) {
            fail(draft.place, fmt::format("{} (fs and ss are mixed with x and y). Use two regions.", region.name));
        }
        if (!region.panel.empty() &&
            std::ranges::find(geometry_.panels, region.panel, &CrystfelPanel::name) == geometry_.panels.end()) {
            std::vector<std::string> names;
            for (const CrystfelPanel& panel : geometry_.panels) names.push_back(panel.name);
            fail(draft.place, fmt::format("{}/panel = {} (no such panel). Did you mean {}?", region.name, region.panel,
                                          nearest_name(region.panel, names)));
        }
        region.min_fast_or_x = draft.limits[keys[0]];
        region.max_fast_or_x = draft.limits[keys[1]];
        region.min_slow_or_y = draft.limits[keys[2]];
        region.max_slow_or_y = draft.limits[keys[3]];
        geometry_.bad_regions.push_back(region);
    }

    std::filesystem::path path_;
    CrystfelOptions options_;
    Place place_;
    CrystfelGeometry geometry_;
    std::vector<PanelDraft> drafts_;
    std::vector<RegionDraft> regions_;
    std::map<std::string, std::pair<std::string, Place>> defaults_;
    Eigen::Vector2d shift_mm_ = Eigen::Vector2d::Zero();
};

}  // namespace

CrystfelGeometry read_crystfel_geometry(const std::filesystem::path& path, const CrystfelOptions& options) {
    return Reader(path, options).read();
}

}  // namespace braggbench
