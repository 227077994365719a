#include "simulator/detector_presets.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <gemmi/fprime.hpp>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

// Modules of equal size in rows and columns, with the same gaps everywhere. One module is a detector without gaps.
struct Grid {
    int columns = 1;
    int rows = 1;
    int width_px = 0;
    int height_px = 0;
    int gap_fast_px = 0;
    int gap_slow_px = 0;
};

struct Hardware {
    enum class Layout { grid, agipd, cspad };
    Layout layout = Layout::grid;
    Grid grid;
    double pixel_size_mm = 0.0;
    SensorMaterial sensor = SensorMaterial::silicon;
    double sensor_thickness_um = 0.0;
    // Counting detectors give counts per photon, integrating ones ADU per keV; the other is 0.
    double adu_per_photon = 0.0;
    double adu_per_keV = 0.0;
    double noise_rms_adu = 0.0;
    double noise_rms_keV = 0.0;
    double offset_adu = 0.0;
    double saturation_adu = 65535.0;
    double saturation_keV = 0.0;  // 0 = given in ADU
    double fibre_point_spread_g_um = 0.0;
};

struct Entry {
    DetectorPreset preset;
    Hardware hardware;
};

constexpr double rayonix_g_um = 27.0;  // Holton, Nielsen & Frankel 2012, J. Synchrotron Rad. 19, 1006

constexpr Hardware rayonix(int size_px, double pixel_size_mm) {
    Hardware hardware;
    hardware.grid = {1, 1, size_px, size_px, 0, 0};
    hardware.pixel_size_mm = pixel_size_mm;
    hardware.sensor = SensorMaterial::gadolinium_oxysulfide_screen;
    hardware.sensor_thickness_um = 40.0;
    // Between the 0.27 and 0.31 that Ke et al. 2018, J. Synchrotron Rad. 25, 655, found for two LCLS data sets.
    hardware.adu_per_photon = 0.29;
    hardware.noise_rms_adu = 3.0;
    hardware.offset_adu = 10.0;
    hardware.fibre_point_spread_g_um = rayonix_g_um;
    return hardware;
}

constexpr Hardware counting(Grid grid, double pixel_size_mm, double sensor_thickness_um) {
    Hardware hardware;
    hardware.grid = grid;
    hardware.pixel_size_mm = pixel_size_mm;
    hardware.sensor_thickness_um = sensor_thickness_um;
    hardware.adu_per_photon = 1.0;
    hardware.saturation_adu = 1048575.0;  // 20-bit counters; EIGER sums its 12-bit ones to more
    return hardware;
}

constexpr Hardware pilatus(int columns, int rows) { return counting({columns, rows, 487, 195, 7, 17}, 0.172, 320.0); }
constexpr Hardware eiger(int columns, int rows) { return counting({columns, rows, 1030, 514, 10, 37}, 0.075, 450.0); }
constexpr Hardware eiger2(int columns, int rows) { return counting({columns, rows, 1028, 512, 12, 38}, 0.075, 450.0); }

constexpr Hardware jungfrau() {
    Hardware hardware;
    hardware.grid = {2, 4, 1030, 514, 8, 36};
    hardware.pixel_size_mm = 0.075;
    hardware.sensor_thickness_um = 320.0;
    hardware.adu_per_keV = 1.0;     // calibrated frames, in keV
    hardware.noise_rms_keV = 0.36;  // 100 electrons of 3.62 eV, the upper bound of the high gain
    hardware.saturation_keV = 120000.0;
    return hardware;
}

constexpr Hardware agipd() {
    Hardware hardware;
    hardware.layout = Hardware::Layout::agipd;
    hardware.pixel_size_mm = 0.2;
    hardware.sensor_thickness_um = 500.0;
    hardware.adu_per_keV = 7.5;
    hardware.noise_rms_keV = 1.0;
    hardware.saturation_keV = 120000.0;
    return hardware;
}

constexpr Hardware cspad() {
    Hardware hardware;
    hardware.layout = Hardware::Layout::cspad;
    hardware.pixel_size_mm = 0.10992;
    hardware.sensor_thickness_um = 500.0;
    hardware.adu_per_keV = 3.38;
    hardware.noise_rms_keV = 1.0;
    hardware.saturation_keV = 350 * 8.0;
    return hardware;
}

constexpr std::string_view mx340_source =
    "pyFAI detector RayonixMx340hs (binned pixel sizes from the maker, 44.2708 um unbinned); SLAC's measurement of "
    "44.271 um; gain after Ke et al. 2018; point spread after Holton et al. 2012; screen thickness assumed";
constexpr std::string_view mx225_source =
    "pyFAI detector RayonixMx225hs (39.0625 um unbinned, from the maker); gain, point spread and screen as MX340-HS";
constexpr std::string_view pilatus_source =
    "Kraft et al. 2009, J. Synchrotron Rad. 16, 368; DECTRIS' technical specifications; pyFAI detector Pilatus";
constexpr std::string_view eiger_source =
    "Casanas et al. 2016, Acta Cryst. D72, 1036; DECTRIS' technical specifications; pyFAI detector Eiger";
constexpr std::string_view eiger2_source =
    "Donath et al. 2023, J. Synchrotron Rad. 30, 723; DECTRIS' technical specifications; pyFAI detector Eiger2";

constexpr std::array<Entry, 18> entries = {{
    {{"rayonix-mx340-hs-2x2", "Rayonix MX340-HS, 3840 x 3840 pixels of 88.5 um", mx340_source},
     rayonix(3840, 0.0885417)},
    {{"rayonix-mx340-hs-3x3", "Rayonix MX340-HS, 2560 x 2560 pixels of 132.8 um", mx340_source},
     rayonix(2560, 0.1328125)},
    {{"rayonix-mx340-hs-4x4", "Rayonix MX340-HS, 1920 x 1920 pixels of 177.1 um", mx340_source},
     rayonix(1920, 0.1770833)},
    {{"rayonix-mx340-hs-8x8", "Rayonix MX340-HS, 960 x 960 pixels of 354.2 um", mx340_source}, rayonix(960, 0.3541667)},
    {{"rayonix-mx225-hs-2x2", "Rayonix MX225-HS, 2880 x 2880 pixels of 78.1 um", mx225_source},
     rayonix(2880, 0.078125)},
    {{"rayonix-mx225-hs-3x3", "Rayonix MX225-HS, 1920 x 1920 pixels of 117.2 um", mx225_source},
     rayonix(1920, 0.1171875)},
    {{"rayonix-mx225-hs-4x4", "Rayonix MX225-HS, 1440 x 1440 pixels of 156.3 um", mx225_source},
     rayonix(1440, 0.15625)},
    {{"pilatus-300k", "Dectris PILATUS 300K, 487 x 619 pixels of 172 um", pilatus_source}, pilatus(1, 3)},
    {{"pilatus-1m", "Dectris PILATUS 1M, 981 x 1043 pixels of 172 um", pilatus_source}, pilatus(2, 5)},
    {{"pilatus-2m", "Dectris PILATUS 2M, 1475 x 1679 pixels of 172 um", pilatus_source}, pilatus(3, 8)},
    {{"pilatus-6m", "Dectris PILATUS 6M, 2463 x 2527 pixels of 172 um", pilatus_source}, pilatus(5, 12)},
    {{"eiger-1m", "Dectris EIGER X 1M, 1030 x 1065 pixels of 75 um", eiger_source}, eiger(1, 2)},
    {{"eiger-4m", "Dectris EIGER X 4M, 2070 x 2167 pixels of 75 um", eiger_source}, eiger(2, 4)},
    {{"eiger-16m", "Dectris EIGER X 16M, 4150 x 4371 pixels of 75 um", eiger_source}, eiger(4, 8)},
    {{"eiger2-16m", "Dectris EIGER2 X 16M, 4148 x 4362 pixels of 75 um", eiger2_source}, eiger2(4, 8)},
    {{"jungfrau-4m", "PSI JUNGFRAU 4M, 2068 x 2164 pixels of 75 um, in keV",
      "pyFAI detector Jungfrau4M (8 modules of 1030 x 514, gaps 8 and 36); Mozzanica et al. 2018, Synchrotron Radiat. "
      "News 31, 16 (noise, 10^4 photons of 12 keV)"},
     jungfrau()},
    {{"agipd-1m", "AGIPD 1M of the European XFEL, 16 modules of 512 x 128 pixels of 200 um, one above the other",
      "EXtra-geom's idealised quadrants (from_quad_positions, its documented example); Allahgholi et al. 2019, J. "
      "Synchrotron Rad. 26, 74 (noise below 1 keV, 10^4 photons of 12 keV); 7.5 ADU/keV after CrystFEL files of "
      "SPB/SFX"},
     agipd()},
    {{"cspad", "CSPAD 2.3M of LCLS, 64 ASICs of 194 x 185 pixels of 110 um, 1552 x 1480 as stored by Cheetah",
      "CrystFEL's example cspad-cxiformat.geom (measured positions, 3.38 ADU/keV); LCLS' CSPAD page (1 keV noise and "
      "350 "
      "photons of 8 keV at high gain)"},
     cspad()},
}};

constexpr int agipd_modules = 16;
constexpr int agipd_asics = 8;

// First pixel of the first module of each quadrant, in pixels from the beam; x along the slow scan of its modules.
// Source: EXtra-geom, AGIPD_1MGeometry.from_quad_positions with its default gaps.
Detector agipd_at_origin(double pixel_mm) {
    constexpr std::array<std::array<double, 2>, 4> first_px = {{{-525, 625}, {-550, -10}, {520, -160}, {542.5, 475}}};
    constexpr int asic_height_px = 64;
    constexpr int width_px = 128;
    constexpr int asic_pitch_px = asic_height_px + 2;
    constexpr int module_pitch_px = width_px + 29;
    Detector detector;
    detector.image_width_px = width_px;
    detector.image_height_px = agipd_modules * agipd_asics * asic_height_px;
    for (int module = 0; module < agipd_modules; ++module) {
        const auto& first = first_px[static_cast<std::size_t>(module / 4)];
        const double way = module < agipd_modules / 2 ? 1.0 : -1.0;
        for (int asic = 0; asic < agipd_asics; ++asic) {
            Panel panel;
            panel.width_px = width_px;
            panel.height_px = asic_height_px;
            panel.pixel_size_mm = pixel_mm;
            panel.fast_axis = Eigen::Vector3d(0, -way, 0);
            panel.slow_axis = Eigen::Vector3d(way, 0, 0);
            panel.origin_mm = pixel_mm * Eigen::Vector3d(first[0] + way * asic_pitch_px * asic,
                                                         first[1] - module_pitch_px * (module % 4), 0.0);
            panel.image_slow_px = (module * agipd_asics + asic) * asic_height_px;
            detector.panels.push_back(panel);
        }
    }
    return detector;
}

// The first ASIC of a CSPAD sensor of two: its fast direction and the outer corner of its first pixel, in pixels from
// the beam. Source: CrystFEL's example cspad-cxiformat.geom.
struct CspadSensor {
    double fast_x, fast_y, corner_x_px, corner_y_px;
};
constexpr std::array<CspadSensor, 32> cspad_sensors = {{
    {0.004806, 0.999989, 443.819, -49.8719},   {0.003265, 0.999995, 239.8, -49.3504},
    {-0.999997, 0.002424, 872.219, 342.054},   {-0.999997, 0.002685, 871.381, 135.836},
    {-7.8e-05, -0.999999, 480.758, 769.64},    {0.001551, -0.999999, 689.447, 770.295},
    {-0.999998, -0.002161, 445.672, 751.701},  {-0.999999, -7.4e-05, 445.151, 541.081},
    {-0.99999, -0.004167, 28.4776, 436.83},    {-1, 0.000385, 29.3559, 226.978},
    {0.000539, -1, -364.144, 859.163},         {-0.000337, -1, -156.511, 857.902},
    {0.999996, 0.002303, -786.718, 463.506},   {0.999997, 0.001741, -787.022, 668.135},
    {-0.000201, -0.999999, -761.085, 428.541}, {0.003097, -0.999995, -559.624, 428.347},
    {-0.004086, -0.999991, -442.346, 20.3382}, {0.000302, -1, -235.519, 19.2312},
    {0.999997, -0.002037, -863.817, -370.344}, {1, -0.001155, -863.549, -165.126},
    {0.002076, 0.999998, -473.62, -793.473},   {0.004134, 0.999991, -676.809, -792.653},
    {0.999981, -0.006417, -442.034, -769.447}, {0.999996, -0.002727, -441.283, -566.627},
    {0.999988, -0.004965, -33.3507, -458.693}, {0.999998, -0.002316, -31.8316, -254.931},
    {0.002474, 0.999997, 359.553, -886.512},   {5.9e-05, 1, 154.142, -884.763},
    {-0.999993, 0.00404, 784.877, -492.935},   {-0.999971, 0.007529, 784.254, -699.59},
    {0.004516, 0.99999, 769.176, -460.51},     {0.004918, 0.999989, 554.764, -460.25},
}};

Detector cspad_at_origin(double pixel_mm) {
    constexpr int width_px = 194;
    constexpr int height_px = 185;
    // The two columns in the middle of a sensor are 2.5 pixels wide; the simulated ones keep one pixel, at the outside.
    constexpr double asic_pitch_px = 197.0;
    constexpr int sensors_per_quadrant = 8;
    Detector detector;
    detector.image_width_px = 4 * 2 * width_px;
    detector.image_height_px = sensors_per_quadrant * height_px;
    for (std::size_t number = 0; number < cspad_sensors.size(); ++number) {
        const CspadSensor& sensor = cspad_sensors[number];
        const int quadrant = static_cast<int>(number) / sensors_per_quadrant;
        for (int asic = 0; asic < 2; ++asic) {
            Panel panel;
            panel.width_px = width_px;
            panel.height_px = height_px;
            panel.pixel_size_mm = pixel_mm;
            panel.fast_axis = Eigen::Vector3d(sensor.fast_x, sensor.fast_y, 0).normalized();
            panel.slow_axis = Eigen::Vector3d::UnitZ().cross(panel.fast_axis);
            panel.origin_mm = pixel_mm * (Eigen::Vector3d(sensor.corner_x_px, sensor.corner_y_px, 0) +
                                          asic * asic_pitch_px * panel.fast_axis);
            panel.image_fast_px = (2 * quadrant + asic) * width_px;
            panel.image_slow_px = static_cast<int>(number) % sensors_per_quadrant * height_px;
            detector.panels.push_back(panel);
        }
    }
    return detector;
}

// The beam at the origin of the lab meets (beam_fast_px, beam_slow_px).
Detector grid_at_origin(const Grid& grid, double pixel_mm, double beam_fast_px, double beam_slow_px) {
    Detector detector;
    detector.image_width_px = grid.columns * (grid.width_px + grid.gap_fast_px) - grid.gap_fast_px;
    detector.image_height_px = grid.rows * (grid.height_px + grid.gap_slow_px) - grid.gap_slow_px;
    for (int row = 0; row < grid.rows; ++row) {
        for (int column = 0; column < grid.columns; ++column) {
            Panel panel;
            panel.width_px = grid.width_px;
            panel.height_px = grid.height_px;
            panel.pixel_size_mm = pixel_mm;
            panel.image_fast_px = column * (grid.width_px + grid.gap_fast_px);
            panel.image_slow_px = row * (grid.height_px + grid.gap_slow_px);
            panel.origin_mm = pixel_mm * ((panel.image_fast_px - beam_fast_px) * panel.fast_axis +
                                          (panel.image_slow_px - beam_slow_px) * panel.slow_axis);
            detector.panels.push_back(panel);
        }
    }
    return detector;
}

const Entry& find_entry(const std::string& name) {
    const auto found = std::ranges::find(entries, std::string_view(name), [](const Entry& e) { return e.preset.name; });
    if (found != entries.end()) return *found;
    std::vector<std::string> names;
    for (const Entry& entry : entries) names.emplace_back(entry.preset.name);
    throw UsageError(fmt::format("detector = \"{}\" (no such preset). Did you mean \"{}\"? Known: {}.", name,
                                 nearest_name(name, names), fmt::join(names, ", ")));
}

void check_placement(const Entry& entry, const DetectorPlacement& placement) {
    Faults faults;
    faults.require(placement.distance_mm > 0, "distance_mm", placement.distance_mm,
                   "the detector must be downstream of the sample", "Give a positive distance.");
    faults.require(placement.wavelength_A > 0, "wavelength_A", placement.wavelength_A, "a wavelength is positive",
                   "Give it in angstrom, such as 1.3.");
    faults.require(true, "shift_mm", placement.shift_mm.sum(), "", "Give it in millimetres.");
    if (placement.beam_fast_px.has_value() != placement.beam_slow_px.has_value()) {
        faults.add("beam_fast_px, beam_slow_px (only one of them is given). Give both or none.");
    }
    if (placement.beam_fast_px) {
        faults.require(true, "beam_fast_px", *placement.beam_fast_px, "", "Give it in pixels.");
        if (entry.hardware.layout != Hardware::Layout::grid) {
            faults.add(
                fmt::format("beam_fast_px = {} (the image of {} holds its panels as they are stored, not as they "
                            "lie in space). Move the detector by shift_mm.",
                            *placement.beam_fast_px, entry.preset.name));
        }
    }
    if (placement.beam_slow_px) faults.require(true, "beam_slow_px", *placement.beam_slow_px, "", "Give it in pixels.");
    faults.report();
}

Detector geometry(const Hardware& hardware, const DetectorPlacement& placement) {
    switch (hardware.layout) {
        case Hardware::Layout::agipd:
            return agipd_at_origin(hardware.pixel_size_mm);
        case Hardware::Layout::cspad:
            return cspad_at_origin(hardware.pixel_size_mm);
        case Hardware::Layout::grid:
            break;
    }
    const Grid& grid = hardware.grid;
    const double width_px = grid.columns * (grid.width_px + grid.gap_fast_px) - grid.gap_fast_px;
    const double height_px = grid.rows * (grid.height_px + grid.gap_slow_px) - grid.gap_slow_px;
    return grid_at_origin(grid, hardware.pixel_size_mm, placement.beam_fast_px.value_or(0.5 * width_px),
                          placement.beam_slow_px.value_or(0.5 * height_px));
}

struct Atoms {
    int atomic_number;
    int count;
};

struct Material {
    std::array<Atoms, 3> atoms;
    double molar_mass_g_per_mol;
    double density_g_per_cm3;
};

// Densities: NIST's X-ray tables (Si 2.33, CdTe 6.20); a phosphor screen is powder of Gd2O2S (7.44 g/cm3) filling about
// half of it.
Material material_of(SensorMaterial sensor) {
    switch (sensor) {
        case SensorMaterial::silicon:
            return {{{{14, 1}, {14, 0}, {14, 0}}}, 28.086, 2.33};
        case SensorMaterial::cadmium_telluride:
            return {{{{48, 1}, {52, 1}, {14, 0}}}, 240.01, 6.20};
        case SensorMaterial::gadolinium_oxysulfide_screen:
            break;
    }
    return {{{{64, 2}, {8, 2}, {16, 1}}}, 378.56, 0.5 * 7.44};
}

}  // namespace

std::span<const DetectorPreset> detector_presets() {
    static const std::vector<DetectorPreset> presets = [] {
        std::vector<DetectorPreset> list;
        for (const Entry& entry : entries) list.push_back(entry.preset);
        return list;
    }();
    return presets;
}

DetectorSetup detector_preset(const std::string& name, const DetectorPlacement& placement) {
    const Entry& entry = find_entry(name);
    check_placement(entry, placement);
    const Hardware& hardware = entry.hardware;
    DetectorSetup setup;
    setup.detector = geometry(hardware, placement);
    for (Panel& panel : setup.detector.panels) {
        panel.origin_mm += Eigen::Vector3d(placement.shift_mm.x(), placement.shift_mm.y(), placement.distance_mm);
    }
    const double energy_eV = hc_eV_A / placement.wavelength_A;
    setup.detector.sensor_thickness_um = hardware.sensor_thickness_um;
    setup.detector.sensor_attenuation_length_um = attenuation_length_um(hardware.sensor, energy_eV);

    setup.response.gain_adu_per_photon = hardware.adu_per_photon + hardware.adu_per_keV * 1e-3 * energy_eV;
    setup.response.read_noise_rms_adu = hardware.noise_rms_adu + hardware.noise_rms_keV * hardware.adu_per_keV;
    setup.response.offset_adu = hardware.offset_adu;
    const double saturation_adu =
        hardware.saturation_keV > 0 ? hardware.saturation_keV * hardware.adu_per_keV : hardware.saturation_adu;
    setup.response.saturation_adu = std::min(saturation_adu, 65535.0);
    setup.fibre_point_spread_g_um = hardware.fibre_point_spread_g_um;
    return setup;
}

double attenuation_length_um(SensorMaterial sensor, double photon_energy_eV) {
    if (!(photon_energy_eV >= 2000 && photon_energy_eV <= 100000)) {
        throw UsageError(
            fmt::format("photon energy = {} eV (the attenuation of sensors is known from 2 to 100 keV). Give a "
                        "wavelength from 0.124 "
                        "to 6.2 A.",
                        photon_energy_eV));
    }
    const Material material = material_of(sensor);
    constexpr double cm_per_m = 100.0;
    constexpr double cm_per_A = 1e-8;
    double cross_section_cm2 = 0.0;
    for (const Atoms& atoms : material.atoms) {
        if (atoms.count == 0) continue;
        double f_double_prime = 0.0;
        gemmi::cromer_liberman(atoms.atomic_number, photon_energy_eV, &f_double_prime);
        cross_section_cm2 += atoms.count * 2.0 * classical_electron_radius_m * cm_per_m * hc_eV_A / photon_energy_eV *
                             cm_per_A * f_double_prime;
    }
    const double per_cm =
        cross_section_cm2 * avogadro_per_mol * material.density_g_per_cm3 / material.molar_mass_g_per_mol;
    constexpr double um_per_cm = 1e4;
    return um_per_cm / per_cm;
}

}  // namespace braggbench
