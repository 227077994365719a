#include "simulator/crystfel_geometry.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "simulator/atomic_file.hpp"
#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

constexpr double mm_per_m = 1000.0;

// Twelve digits, and no minus before a zero.
std::string number(double value) { return fmt::format("{:.12g}", value == 0.0 ? 0.0 : value); }

std::string direction(const Eigen::Vector3d& axis) {
    std::string text = fmt::format("{:+.12f}x {:+.12f}y", axis.x(), axis.y());
    if (axis.z() != 0.0) text += fmt::format(" {:+.12f}z", axis.z());
    return text;
}

bool every_panel_says(const std::vector<CrystfelPanel>& panels, const CrystfelStatement& statement) {
    return std::ranges::all_of(panels, [&](const CrystfelPanel& panel) {
        return std::ranges::find(panel.statements, statement) != panel.statements.end();
    });
}

std::string header(const CrystfelGeometry& geometry) {
    std::string text = "; CrystFEL geometry, written by BraggBench\n\n";
    const bool energy_kept = std::ranges::any_of(geometry.statements, [](const CrystfelStatement& statement) {
        return statement.first == "photon_energy" || statement.first == "wavelength";
    });
    if (geometry.photon_energy_eV && !energy_kept) {
        text += fmt::format("photon_energy = {} eV\n", number(*geometry.photon_energy_eV));
    }
    for (const CrystfelStatement& statement : geometry.panels.front().statements) {
        if (every_panel_says(geometry.panels, statement)) {
            text += fmt::format("{} = {}\n", statement.first, statement.second);
        }
    }
    for (const auto& [key, value] : geometry.statements) text += fmt::format("{} = {}\n", key, value);
    return text;
}

std::string panel_text(const CrystfelGeometry& geometry, std::size_t i) {
    const Panel& panel = geometry.detector.panels[i];
    const CrystfelPanel& info = geometry.panels[i];
    std::string text = "\n";
    const auto add = [&](const std::string& key, const std::string& value) {
        text += fmt::format("{}/{} = {}\n", info.name, key, value);
    };
    add("min_fs", std::to_string(info.first_fast_px));
    add("max_fs", std::to_string(info.first_fast_px + panel.width_px - 1));
    add("min_ss", std::to_string(info.first_slow_px));
    add("max_ss", std::to_string(info.first_slow_px + panel.height_px - 1));
    add("res", number(mm_per_m / panel.pixel_size_mm));
    add("fs", direction(panel.fast_axis));
    add("ss", direction(panel.slow_axis));
    add("corner_x", number(panel.origin_mm.x() / panel.pixel_size_mm));
    add("corner_y", number(panel.origin_mm.y() / panel.pixel_size_mm));
    add("clen", number(info.camera_length_mm / mm_per_m));
    add("coffset", number((panel.origin_mm.z() - info.camera_length_mm) / mm_per_m));
    if (info.adu_per_photon) add("adu_per_photon", number(*info.adu_per_photon));
    if (info.adu_per_eV) add("adu_per_eV", number(*info.adu_per_eV));
    if (info.max_adu) add("max_adu", number(*info.max_adu));
    if (!info.indexed) add("no_index", "1");
    for (const CrystfelStatement& statement : info.statements) {
        if (!every_panel_says(geometry.panels, statement)) add(statement.first, statement.second);
    }
    return text;
}

std::string region_text(const CrystfelBadRegion& region) {
    std::string text = "\n";
    const auto add = [&](const std::string& key, double value) {
        text += fmt::format("{}/{} = {}\n", region.name, key, number(value));
    };
    add(region.in_lab ? "min_x" : "min_fs", region.min_fast_or_x);
    add(region.in_lab ? "max_x" : "max_fs", region.max_fast_or_x);
    add(region.in_lab ? "min_y" : "min_ss", region.min_slow_or_y);
    add(region.in_lab ? "max_y" : "max_ss", region.max_slow_or_y);
    if (!region.panel.empty()) text += fmt::format("{}/panel = {}\n", region.name, region.panel);
    return text;
}

bool is_bad(const CrystfelBadRegion& region, const Panel& panel, const CrystfelPanel& info, int fast, int slow) {
    if (region.in_lab) {
        const Eigen::Vector3d place = lab_from_panel_mm(panel, fast + 0.5, slow + 0.5) / panel.pixel_size_mm;
        return place.x() > region.min_fast_or_x && place.x() < region.max_fast_or_x &&
               place.y() > region.min_slow_or_y && place.y() < region.max_slow_or_y;
    }
    const int file_fast = info.first_fast_px + fast;
    const int file_slow = info.first_slow_px + slow;
    return file_fast >= region.min_fast_or_x && file_fast <= region.max_fast_or_x &&
           file_slow >= region.min_slow_or_y && file_slow <= region.max_slow_or_y;
}

void require_consistent(const CrystfelGeometry& geometry) {
    if (geometry.panels.empty() || geometry.panels.size() != geometry.detector.panels.size()) {
        throw UsageError(fmt::format("panels: {} described, {} in the detector (each needs one). Describe them all.",
                                     geometry.panels.size(), geometry.detector.panels.size()));
    }
}

}  // namespace

CrystfelGeometry crystfel_geometry(const Detector& detector, double photon_energy_eV, double adu_per_photon) {
    Faults faults;
    faults.require(photon_energy_eV > 0, "photon_energy_eV", photon_energy_eV, "an energy is positive",
                   "Give it in eV.");
    faults.require(adu_per_photon > 0, "adu_per_photon", adu_per_photon, "a gain is positive",
                   "Give ADU per photon, 1 for counts.");
    check(detector, faults);
    faults.report();
    CrystfelGeometry geometry;
    geometry.detector = detector;
    geometry.photon_energy_eV = photon_energy_eV;
    for (std::size_t i = 0; i < detector.panels.size(); ++i) {
        const Panel& panel = detector.panels[i];
        CrystfelPanel info;
        info.name = fmt::format("p{}", i);
        info.first_fast_px = panel.image_fast_px;
        info.first_slow_px = panel.image_slow_px;
        info.camera_length_mm = detector.panels.front().origin_mm.z();
        info.adu_per_photon = adu_per_photon;
        geometry.panels.push_back(info);
    }
    return geometry;
}

void write_crystfel_geometry(const std::filesystem::path& path, const CrystfelGeometry& geometry) {
    require_consistent(geometry);
    std::string text = header(geometry);
    for (std::size_t i = 0; i < geometry.panels.size(); ++i) text += panel_text(geometry, i);
    for (const CrystfelBadRegion& region : geometry.bad_regions) text += region_text(region);
    replace_file(path, text);
}

std::optional<double> gain_adu_per_photon(const CrystfelGeometry& geometry) {
    require_consistent(geometry);
    const CrystfelPanel& first = geometry.panels.front();
    if (first.adu_per_photon) return first.adu_per_photon;
    if (first.adu_per_eV && geometry.photon_energy_eV) return *first.adu_per_eV * *geometry.photon_energy_eV;
    return std::nullopt;
}

Image<std::uint8_t> good_pixels(const CrystfelGeometry& geometry) {
    require_consistent(geometry);
    Image<std::uint8_t> good = active_pixels(geometry.detector);
    for (std::size_t i = 0; i < geometry.panels.size(); ++i) {
        const Panel& panel = geometry.detector.panels[i];
        const CrystfelPanel& info = geometry.panels[i];
        for (int slow = 0; slow < panel.height_px; ++slow) {
            for (int fast = 0; fast < panel.width_px; ++fast) {
                const bool bad = !info.indexed || std::ranges::any_of(geometry.bad_regions, [&](const auto& region) {
                    return (region.panel.empty() || region.panel == info.name) &&
                           is_bad(region, panel, info, fast, slow);
                });
                if (bad) good(panel.image_fast_px + fast, panel.image_slow_px + slow) = 0;
            }
        }
    }
    return good;
}

}  // namespace braggbench
