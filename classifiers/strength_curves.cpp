#include "classifiers/strength_curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "classifiers/evaluate_task.hpp"
#include "classifiers/metric_psychometric.hpp"
#include "classifiers/parallel.hpp"

namespace braggbench {
namespace {

constexpr int line_points = 41;

constexpr std::string_view any_label = "*";
constexpr std::string_view hit_question = "hit";
constexpr std::string_view class_question = "class";

// What is asked, and what its strength may be: a column of the truth, something drawn, or one of derived().
struct CurveRule {
    std::string_view question;  // the name of a label, or one of the above
    const char* quantity;
};
constexpr std::array<CurveRule, 15> rules = {{
    {hit_question, "visible_peaks"},
    {hit_question, "brightest_peak_snr"},
    {hit_question, "crystal_volume_x_fluence"},
    {hit_question, "background_photons_per_px"},
    {class_question, "visible_peaks"},
    {class_question, "background_photons_per_px"},
    {any_label, "visible_peaks"},
    {any_label, "background_photons_per_px"},
    {"ice", "ice.thickness_um"},
    {"ice", "visible_ice_peaks"},
    {"badice", "ice.thickness_um"},
    {"badice", "brightest_ice_photons_per_px"},
    {"multilattice", "misorientation_deg"},
    {"multilattice", "second_lattice_peaks"},
    {"multilattice", "crystal.further_volume"},
}};

double brightest_snr(const CorpusReader& corpus, std::int64_t image) {
    double highest = 0.0;
    for (const auto& peak : corpus.peaks(image)) {
        if (peak.kind == PeakKind::protein) highest = std::max(highest, static_cast<double>(peak.snr));
    }
    return highest;
}

// One per image; NaN where the corpus does not know it, empty if it knows none.
std::vector<double> strengths_of(const CorpusReader& corpus, const std::string& quantity,
                                 std::span<const std::int64_t> images) {
    const auto& info = corpus.info();
    std::vector<double> strengths;
    const auto collect = [&](const auto& strength_of) {
        for (const auto image : images) strengths.push_back(strength_of(static_cast<std::size_t>(image)));
        return strengths;
    };
    if (!info.import_note.empty()) return strengths;  // its truth is zeros of no meaning
    const auto& truth = corpus.truth();
    if (quantity == "brightest_peak_snr") {
        if (info.peak_source != PeakSource::simulated) return strengths;
        strengths.resize(images.size());
        for_each_index(static_cast<std::int64_t>(images.size()), [&](std::int64_t i) {
            strengths[static_cast<std::size_t>(i)] = brightest_snr(corpus, images[static_cast<std::size_t>(i)]);
        });
        return strengths;
    }
    if (quantity == "background_photons_per_px") {
        const double pixels = static_cast<double>(info.width_px) * info.height_px;
        return collect([&](std::size_t i) {
            return static_cast<double>(truth[i].total_photons - truth[i].spot_photons) / pixels;
        });
    }
    if (quantity == "crystal_volume_x_fluence") {
        const auto volumes = corpus.drawn("crystal.volume_um3");
        if (volumes.empty()) return strengths;
        return collect(
            [&](std::size_t i) { return static_cast<double>(volumes[i] * truth[i].fluence_photons_per_m2); });
    }
    for (const auto& column : truth_columns) {
        if (quantity == column.name) {
            return collect([&](std::size_t i) { return static_cast<double>(truth[i].*column.member); });
        }
    }
    const auto drawn = corpus.drawn(quantity);
    if (drawn.empty()) return strengths;
    return collect([&](std::size_t i) { return static_cast<double>(drawn[i]); });
}

std::string curve_units(const std::string& quantity) {
    for (const auto& column : truth_columns) {
        if (quantity == column.name) return column.units;
    }
    if (quantity == "crystal_volume_x_fluence") return "um3 photons/m2";
    if (quantity == "background_photons_per_px") return "counts";
    return units_of(quantity);
}

struct Question {
    std::string head;
    std::string output;  // "" = the class
    std::string_view asked;
    std::vector<std::int64_t> images;  // of which it is true, in the corpus
    std::vector<int> right;
    std::optional<double> floor;  // of right answers, where there is nothing to be seen
};

Question yes_no_question(const Task& task, std::string output, std::string_view asked, const YesNo& answers,
                         std::span<const std::int64_t> image_indices) {
    Question question{task.head->name, std::move(output), asked, {}, {}, std::nullopt};
    const auto said = answers.answers();
    double alarms = 0.0;
    double others = 0.0;
    for (std::size_t k = 0; k < said.size(); ++k) {
        if (answers.truth[k] == 1) {
            question.images.push_back(image_indices[answers.images[k]]);
            question.right.push_back(said[k]);
        } else {
            alarms += said[k];
            others += 1.0;
        }
    }
    if (others > 0.0) question.floor = alarms / others;
    return question;
}

std::vector<Question> questions_of(const Task& task, std::span<const std::int64_t> image_indices) {
    std::vector<Question> questions;
    const Head& head = *task.head;
    if (head.kind == HeadKind::multi_label) {
        for (std::size_t label = 0; label < head.outputs.size(); ++label) {
            questions.push_back(
                yes_no_question(task, head.outputs[label], head.outputs[label], label_of(task, label), image_indices));
        }
    } else if (head.kind == HeadKind::one_of_n) {
        if (!task.hit_of_class.empty()) {
            questions.push_back(yes_no_question(task, "hit", hit_question, hit_of(task), image_indices));
        }
        if (head.name == "hit") return questions;
        Question question{head.name, "", class_question, {image_indices.begin(), image_indices.end()}, {}, 0.0};
        const auto said = classes_said(task);
        const auto truth = true_classes(task.truth);
        for (std::size_t i = 0; i < said.size(); ++i) question.right.push_back(said[i] == truth[i] ? 1 : 0);
        questions.push_back(std::move(question));
    }
    return questions;
}

nlohmann::json curve_json(const Question& question, const std::string& quantity, const CorpusReader& corpus) {
    const auto strengths = strengths_of(corpus, quantity, question.images);
    std::vector<double> shown;
    std::vector<int> right;
    std::int64_t at_zero = 0;
    std::int64_t right_at_zero = 0;
    for (std::size_t i = 0; i < strengths.size(); ++i) {
        if (strengths[i] > 0.0 && std::isfinite(strengths[i])) {
            shown.push_back(strengths[i]);
            right.push_back(question.right[i]);
        } else if (strengths[i] == 0.0) {
            ++at_zero;
            right_at_zero += question.right[i];
        }
    }
    if (static_cast<std::int64_t>(shown.size()) < min_curve_images) return nullptr;
    const auto [lowest, highest] = std::ranges::minmax_element(shown);
    if (*highest < 10.0 * *lowest) return nullptr;
    const double floor = question.floor.value_or(0.0);
    if (floor >= 1.0) return nullptr;
    const PsychometricOptions options{.scale = StrengthScale::logarithmic,
                                      .chance = floor,
                                      .bin_edges = {},
                                      .bin_count = 10,
                                      .max_lapse = 0.05,
                                      .threshold_accuracy = std::nullopt,
                                      .resamples = 2000};
    const auto curve = psychometric_curve(shown, right, corpus.info().seed, options);
    nlohmann::json line = nlohmann::json::array();
    for (int k = 0; curve.fit && k < line_points; ++k) {
        const double strength = *lowest * std::pow(*highest / *lowest, static_cast<double>(k) / (line_points - 1));
        line.push_back({strength, curve.fit->accuracy_at(strength, options)});
    }
    const auto images = static_cast<std::int64_t>(shown.size());
    return {{"head", question.head},
            {"output", question.output.empty() ? nlohmann::json() : nlohmann::json(question.output)},
            {"quantity", quantity},
            {"units", curve_units(quantity)},
            {"scale", "logarithmic"},
            {"measure", question.output.empty() ? "right" : "detected"},
            {"images", images},
            {"left_out", static_cast<std::int64_t>(strengths.size()) - images - at_zero},
            {"at_zero", at_zero > 0 ? nlohmann::json(proportion(right_at_zero, at_zero, floor)) : nlohmann::json()},
            {"floor", question.floor ? nlohmann::json(floor) : nlohmann::json()},
            {"curve", curve},
            {"line", line}};
}

}  // namespace

nlohmann::json strength_curves(const Predictions& predictions, const CorpusReader& corpus, unsigned threads) {
    std::vector<Question> questions;
    for (std::size_t h = 0; h < predictions.heads.size(); ++h) {
        const Task task = make_task(predictions, h, corpus);
        for (auto& question : questions_of(task, predictions.image_indices)) questions.push_back(std::move(question));
    }
    struct Job {
        const Question* question;
        const char* quantity;
    };
    std::vector<Job> jobs;
    for (const auto& question : questions) {
        const bool label = question.asked != hit_question && question.asked != class_question;
        for (const auto& rule : rules) {
            if (rule.question == question.asked || (label && rule.question == any_label)) {
                jobs.push_back({&question, rule.quantity});
            }
        }
    }
    std::vector<nlohmann::json> curves(jobs.size());
    for_each_index(
        static_cast<std::int64_t>(jobs.size()),
        [&](std::int64_t j) {
            const auto& job = jobs[static_cast<std::size_t>(j)];
            curves[static_cast<std::size_t>(j)] = curve_json(*job.question, job.quantity, corpus);
        },
        threads);
    std::erase_if(curves, [](const nlohmann::json& curve) { return curve.is_null(); });
    return curves;
}

}  // namespace braggbench
