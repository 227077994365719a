#include "labels/recipe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <sstream>
#include <string_view>
#include <type_traits>
#include <utility>

#include "labels/draw.hpp"
#include "labels/recipe_fields.hpp"
#include "simulator/detector_presets.hpp"
#include "simulator/error.hpp"
#include "simulator/materials.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

double Distribution::draw(RandomStream& random) const {
    switch (law) {
        case Law::uniform:
            return random.uniform(low, high);
        case Law::log_uniform:
            return random.log_uniform(low, high);
        case Law::fixed:
            break;
    }
    return low;
}

namespace {

constexpr std::array<std::pair<std::string_view, ParticleShape::Form>, 3> forms = {{
    {"sphere", ParticleShape::Form::sphere},
    {"icosahedron", ParticleShape::Form::icosahedron},
    {"globule", ParticleShape::Form::globule},
}};

constexpr std::array<std::pair<std::string_view, SmallAngleScene>, 13> kinds = {{
    {"halo", SmallAngleScene::halo},
    {"ring", SmallAngleScene::ring},
    {"many-rings", SmallAngleScene::many_rings},
    {"higher-orders", SmallAngleScene::higher_orders},
    {"bcc", SmallAngleScene::bcc},
    {"fcc", SmallAngleScene::fcc},
    {"polycrystalline", SmallAngleScene::polycrystalline},
    {"textured", SmallAngleScene::textured},
    {"oriented", SmallAngleScene::oriented},
    {"structure-factor", SmallAngleScene::structure_factor},
    {"diffuse-low-q", SmallAngleScene::diffuse_low_q},
    {"diffuse-high-q", SmallAngleScene::diffuse_high_q},
    {"high-background", SmallAngleScene::high_background},
}};

}  // namespace

std::optional<ParticleShape::Form> particle_form(const std::string& name) {
    const auto found = std::ranges::find(forms, name, [](const auto& form) { return form.first; });
    if (found == forms.end()) return std::nullopt;
    return found->second;
}

double base_diameter_nm(const SceneRule& scene) {
    return 0.5 * (scene.particle_diameter_nm.low + scene.particle_diameter_nm.high);
}

std::vector<std::string> small_angle_kinds() {
    std::vector<std::string> names;
    for (const auto& [name, kind] : kinds) names.emplace_back(name);
    return names;
}

std::vector<SmallAngleScene> small_angle_scenes(const std::string& names) {
    std::vector<SmallAngleScene> scenes;
    if (names == "none") return scenes;
    std::istringstream text(names);
    for (std::string name; std::getline(text, name, '+');) {
        const auto found = std::ranges::find(kinds, name, [](const auto& kind) { return kind.first; });
        if (found == kinds.end()) {
            throw UsageError(
                fmt::format("small_angle.kinds: \"{}\" (no such kind). Did you mean \"{}\"? Known are: {}.", name,
                            nearest_name(name, small_angle_kinds()), fmt::join(small_angle_kinds(), ", ")));
        }
        scenes.push_back(found->second);
    }
    return scenes;
}

std::int64_t images_per_group(const Recipe& recipe) {
    if (recipe.raster.columns > 0) return std::int64_t{recipe.raster.columns} * recipe.raster.rows;
    return recipe.members.empty() ? 1 : static_cast<std::int64_t>(recipe.members.size());
}

void apply_overlay(const SceneOverlay& overlay, SceneRule& scene) {
    if (overlay.stated.empty()) return;
    SceneRule result = overlay.scene;
    // Both are walked in one order, and a field is taken back where the overlay does not state it.
    std::vector<void*> places;
    for_each_scene_field(result, [&](const char*, const char*, auto& value, Bounds, const char*) {
        places.push_back(static_cast<void*>(&value));
    });
    auto place = places.begin();
    for_each_scene_field(scene, [&](const char* section, const char* key, const auto& value, Bounds, const char*) {
        auto& target = *static_cast<std::remove_cvref_t<decltype(value)>*>(*place++);
        const std::string name = fmt::format("{}.{}", section, key);
        if (std::ranges::find(overlay.stated, name) == overlay.stated.end()) target = value;
    });
    const bool kinds_stated = std::ranges::find(overlay.stated, "small_angle.kinds") != overlay.stated.end();
    if (kinds_stated && scene.small_angle != "none" && overlay.scene.small_angle != "none") {
        result.small_angle = scene.small_angle + "+" + overlay.scene.small_angle;
    }
    scene = result;
}

void apply_detector_preset(Recipe& recipe) {
    if (recipe.detector_preset == "none") return;
    DetectorPlacement placement;
    placement.distance_mm = recipe.distance_mm;
    placement.wavelength_A = recipe.wavelength_A;
    const DetectorSetup setup = detector_preset(recipe.detector_preset, placement);
    const Detector detector = recipe.assembled ? assembled(setup.detector) : setup.detector;
    recipe.width_px = detector.image_width_px;
    recipe.height_px = detector.image_height_px;
    recipe.pixel_size_mm = setup.detector.panels.front().pixel_size_mm;
    recipe.sensor_thickness_um = setup.detector.sensor_thickness_um;
    recipe.sensor_attenuation_length_um = setup.detector.sensor_attenuation_length_um;
    recipe.response = setup.response;
    constexpr double fwhm_per_g = 1.533;  // of g / (2 pi) (g^2 + r^2)^(-3/2)
    if (setup.fibre_point_spread_g_um > 0) {
        recipe.response.point_spread.fiber_fraction = 1.0;
        recipe.response.point_spread.fiber_fwhm_px =
            fwhm_per_g * setup.fibre_point_spread_g_um * 1e-3 / recipe.pixel_size_mm;
    }
}

namespace {

struct FaultCollector {
    std::string faults;

    void add(const std::string& fault) { faults += (faults.empty() ? "" : "\n") + fault; }

    void operator()(const char* section, const char* key, const Distribution& d, Bounds b, const char* help) {
        const std::string name = fmt::format("{}.{}", section, key);
        if (!(std::isfinite(d.low) && std::isfinite(d.high) && d.low >= b.low && d.high <= b.high)) {
            add(fmt::format("{} = {} .. {} (must lie within {} .. {}: {}).", name, d.low, d.high, b.low, b.high, help));
        } else if (d.low > d.high) {
            add(fmt::format("{} = [{}, {}] (the low end is above the high end). Swap them.", name, d.low, d.high));
        } else if (d.law == Law::log_uniform && !(d.low > 0)) {
            add(fmt::format(
                "{} = log_uniform [{}, {}] (a logarithm needs positive ends). Use uniform, or raise the low end.", name,
                d.low, d.high));
        }
    }
    template <class T>
    void operator()(const char* section, const char* key, const T& value, Bounds b, const char* help) {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
            const auto v = static_cast<double>(value);
            if (!(v >= b.low && v <= b.high)) {
                add(fmt::format("{}{}{} = {} (must lie within {} .. {}: {}).", section, *section ? "." : "", key, value,
                                b.low, b.high, help));
            }
        }
    }
};

}  // namespace

namespace {

void check_preset(const Recipe& recipe, FaultCollector& collector) {
    Recipe whole = recipe;
    try {
        apply_detector_preset(whole);
    } catch (const UsageError& error) {
        collector.add(fmt::format("detector.preset: {}", error.what()));
        return;
    }
    if (whole.width_px != recipe.width_px || whole.height_px != recipe.height_px ||
        whole.pixel_size_mm != recipe.pixel_size_mm) {
        collector.add(
            fmt::format("detector.preset = \"{}\" with {} x {} pixels of {} mm (it has {} x {} of {} mm). Leave "
                        "these three out, or the preset.",
                        recipe.detector_preset, recipe.width_px, recipe.height_px, recipe.pixel_size_mm, whole.width_px,
                        whole.height_px, whole.pixel_size_mm));
    }
    const Distribution none;
    if (recipe.scene.beam_fast_px != none || recipe.scene.beam_slow_px != none) {
        collector.add(
            "detector.beam_fast_px and beam_slow_px (a preset stands where it was published, or as a whole "
            "elsewhere). Leave them out and give detector.shift_x_mm and shift_y_mm.");
    }
}

void check_word(const char* key, const std::string& value, const std::vector<std::string>& known,
                FaultCollector& collector) {
    if (std::ranges::find(known, value) != known.end()) return;
    collector.add(fmt::format("{} = \"{}\" (it is none of {}). Did you mean \"{}\"?", key, value,
                              fmt::join(known, ", "), nearest_name(value, known)));
}

void check_words(const SceneRule& scene, FaultCollector& collector) {
    const auto one_of = [&](const char* key, const std::string& value, const std::vector<std::string>& known) {
        check_word(key, value, known, collector);
    };
    one_of("beam.spectrum", scene.spectrum, {"gaussian", "top-hat", "sase", "two-colour"});
    one_of("crystal.mosaic_law", scene.mosaic_law, {"gaussian", "nanobragg-cap"});
    one_of("crystal.misorientation", scene.misorientation, {"random", "rms", "fixed"});
    one_of("beam_stop.shape", scene.beam_stop, {"none", "circle", "circle+arm", "wedge"});
    std::vector<std::string> media = {"none"};
    for (const AmorphousMaterial& material : amorphous_materials()) media.emplace_back(material.name);
    one_of("background.medium", scene.medium, media);
    try {
        (void)small_angle_scenes(scene.small_angle);
    } catch (const UsageError& error) {
        collector.add(error.what());
    }
}

void check_overlay(const std::string& whose, const SceneOverlay& overlay, FaultCollector& collector) {
    for (const char* fixed : {"crystal.model", "crystal.d_min_A", "particles.shape", "particles.contrast_e_per_A3",
                              "particles.diameter_nm"}) {
        if (std::ranges::find(overlay.stated, fixed) == overlay.stated.end()) continue;
        collector.add(
            fmt::format("{} states {} (it is loaded once for each class). State it in a [[class]].", whose, fixed));
    }
    FaultCollector of_scene;
    for_each_scene_field(overlay.scene, of_scene);
    check_words(overlay.scene, of_scene);
    if (!of_scene.faults.empty() && collector.faults.find(of_scene.faults) == std::string::npos) {
        collector.add(fmt::format("{}: {}", whose, of_scene.faults));
    }
}

// Names of one kind: not empty, not twice.
class Names {
public:
    explicit Names(const char* kind) : kind_(kind) {}
    void add(const std::string& name, FaultCollector& collector) {
        if (name.empty()) {
            collector.add(fmt::format("{}.name is empty. Name every {}.", kind_, kind_));
        } else if (name.find_first_of(" /+") != std::string::npos) {
            collector.add(
                fmt::format("{}.name = \"{}\" (blanks, '/' and '+' part names). Use '-' or '_'.", kind_, name));
        }
        if (!seen_.insert(name).second) {
            collector.add(fmt::format("{}.name = \"{}\" twice (they must differ). Rename one.", kind_, name));
        }
    }

private:
    const char* kind_;
    std::set<std::string> seen_;
};

void check_variations(const Recipe& recipe, FaultCollector& collector) {
    Names names("variation");
    constexpr std::size_t most = 64;  // bits of Assignment::variations
    if (recipe.variations.size() > most) collector.add("more than 64 [[variation]]. Leave some out.");
    std::vector<std::string> known;
    for (const ClassRule& rule : recipe.classes) known.push_back("class." + rule.name);
    for (const VariationRule& rule : recipe.variations) {
        const std::string whose = fmt::format("variation \"{}\"", rule.name);
        names.add(rule.name, collector);
        for_each_variation_field(rule, collector);
        check_overlay(whose, rule.overlay, collector);
        for (const std::string* text : {&rule.among, &rule.given}) {
            try {
                const LabelRule condition(*text, known, whose);
            } catch (const UsageError& error) {
                collector.add(error.what());
            }
        }
        known.push_back("variation." + rule.name);
    }
}

void check_groups(const Recipe& recipe, FaultCollector& collector) {
    Names names("member");
    for (const MemberRule& rule : recipe.members) {
        names.add(rule.name, collector);
        check_overlay(fmt::format("member \"{}\"", rule.name), rule.overlay, collector);
        for (const std::string* list : {&rule.with, &rule.without}) {
            try {
                (void)variations_named(recipe, *list);
            } catch (const UsageError& error) {
                collector.add(fmt::format("member \"{}\": {}", rule.name, error.what()));
            }
        }
    }
    const bool raster = recipe.raster.columns > 0 || recipe.raster.rows > 0;
    if (raster && (recipe.raster.columns < 1 || recipe.raster.rows < 1)) {
        collector.add(fmt::format("raster.columns = {}, raster.rows = {} (a scan has both). Give both, or neither.",
                                  recipe.raster.columns, recipe.raster.rows));
        return;
    }
    if (raster && !recipe.members.empty()) {
        collector.add("[raster] beside [[member]] (images are grouped by the one or the other). Leave one out.");
    }
    if (raster && (recipe.classes.size() != 2 || recipe.classes[0].scene.crystal || !recipe.classes[1].scene.crystal)) {
        collector.add(
            "[raster] (a position is off the crystal or on it). Give two classes: the first with "
            "crystal.present = false, the second with a crystal.");
    }
    const std::int64_t per_group = images_per_group(recipe);
    if (recipe.image_count % per_group != 0) {
        collector.add(fmt::format("corpus.image_count = {} (images come in groups of {}). Give a multiple of it.",
                                  recipe.image_count, per_group));
    }
}

void check_labels(const Recipe& recipe, FaultCollector& collector) {
    Names names("attribute");
    for (const AttributeRule& rule : recipe.labels.attributes) names.add(rule.name, collector);
    Names values("value");
    for (const RegressionRule& rule : recipe.labels.values) values.add(rule.name, collector);
    const GradeRule& grade = recipe.labels.grade;
    if (!grade.quantity.empty() && !(grade.maybe_from <= grade.hit_from)) {
        collector.add(fmt::format("grade.maybe_from = {}, grade.hit_from = {} (a hit is more than a maybe). Swap them.",
                                  grade.maybe_from, grade.hit_from));
    }
    try {
        const Labeller labeller(recipe);
    } catch (const UsageError& error) {
        collector.add(error.what());
    }
}

}  // namespace

void validate(const Recipe& recipe) {
    FaultCollector collector;
    for_each_corpus_field(recipe, collector);
    for_each_scene_field(recipe.scene, collector);
    if (recipe.name.empty()) collector.add("name is empty (the corpus records it). Give one.");
    if (recipe.validation_fraction + recipe.test_fraction > 0.95) {
        collector.add(
            fmt::format("corpus.validation_fraction + corpus.test_fraction = {} (leaves nothing to train on). Keep "
                        "their sum <= 0.95.",
                        recipe.validation_fraction + recipe.test_fraction));
    }
    check_word("integrator.name", recipe.integrator, {"spots", "pixels"}, collector);
    if (recipe.detector_preset != "none") check_preset(recipe, collector);
    if (recipe.classes.empty()) collector.add("no [[class]] (every image needs a label). Add at least one.");
    Names names("class");
    for (const auto& rule : recipe.classes) {
        FaultCollector of_class;
        for_each_class_field(rule, of_class);
        for_each_scene_field(rule.scene, of_class);
        check_words(rule.scene, of_class);
        if (!of_class.faults.empty() && collector.faults.find(of_class.faults) == std::string::npos) {
            collector.add(fmt::format("class \"{}\": {}", rule.name, of_class.faults));
        }
        names.add(rule.name, collector);
        if (rule.scene.crystal && rule.scene.fluence_photons_per_m2.high <= 0) {
            collector.add(
                fmt::format("class \"{}\" has a crystal but no X-rays (it would show no peak). Set "
                            "beam.fluence_photons_per_m2 above 0 or crystal.present = false.",
                            rule.name));
        }
    }
    check_variations(recipe, collector);
    check_groups(recipe, collector);
    check_labels(recipe, collector);
    if (!collector.faults.empty()) throw UsageError(collector.faults);
}

}  // namespace braggbench
