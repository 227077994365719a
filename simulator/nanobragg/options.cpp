#include "simulator/nanobragg/options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "simulator/error.hpp"
#include "simulator/nanobragg/files.hpp"
#include "simulator/nanobragg/option_table.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench::nanobragg {

double to_number(const std::string& option, const std::string& text) {
    double value = 0.0;
    const char* first = text.data();
    if (!text.empty() && text.front() == '+') ++first;
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
        throw UsageError(fmt::format("{} {} (not a number). Give a finite number.", option, text));
    }
    return value;
}

int to_integer(const std::string& option, const std::string& text) {
    const double value = to_number(option, text);
    if (value != std::floor(value) || std::abs(value) > 2e9) {
        throw UsageError(fmt::format("{} {} (not a whole number within 2e9). Give a whole number.", option, text));
    }
    return static_cast<int>(value);
}

namespace {

const std::vector<std::pair<const char*, std::vector<Option>>>& groups() {
    static const std::vector<std::pair<const char*, std::vector<Option>>> all = {
        {"Crystal", crystal_options()},
        {"Beam, spindle and water", beam_options()},
        {"Detector", detector_options()},
        {"Output", output_options()},
    };
    return all;
}

// A name with '*' stands for every option that begins so and has no name of its own, as in nanoBragg.
const Option& find_option(const std::string& word) {
    const Option* best = nullptr;
    std::size_t best_length = 0;
    std::vector<std::string> known;
    for (const auto& [title, options] : groups()) {
        for (const Option& option : options) {
            for (std::string name : option.names) {
                const bool prefix = name.back() == '*';
                if (prefix) name.pop_back();
                if (word == name) return option;
                if (prefix && word.starts_with(name) && name.size() > best_length) {
                    best = &option;
                    best_length = name.size();
                }
                known.push_back(std::move(name));
            }
        }
    }
    if (best != nullptr) return *best;
    throw UsageError(
        fmt::format("{} (nanoBragg has no such option). Did you mean {}? `braggbench nanobragg --help` lists them.",
                    word, nearest_name(word, known)));
}

bool is_number(const std::string& word) {
    double value = 0.0;
    return std::from_chars(word.data(), word.data() + word.size(), value).ec == std::errc{};
}

// How many of the words that follow belong to the option.
std::size_t argument_count(const std::string& name, const Option& option, std::span<const std::string> rest) {
    if (option.arguments >= 0) {
        const auto count = static_cast<std::size_t>(option.arguments);
        if (rest.size() < count) {
            throw UsageError(fmt::format("{} (it takes {} argument{}: {}). Give {}.", name, count,
                                         count == 1 ? "" : "s", option.shown, count == 1 ? "it" : "them"));
        }
        return count;
    }
    std::size_t count = 0;
    const auto most = static_cast<std::size_t>(-option.arguments);
    if (!rest.empty() && rest.front().find("rand") != std::string::npos) return 1;
    while (count < most && count < rest.size() && is_number(rest[count])) ++count;
    if (count == 0) throw UsageError(fmt::format("{} (it takes {}). Give them.", name, option.shown));
    return count;
}

void take_header(Options& options, const SmvHeader& header, bool is_mask) {
    options.pixels_fast = header.width;
    options.pixels_slow = header.height;
    const auto value = [&](const char* key) { return header.number(key); };
    options.pixel_mm = value("PIXEL_SIZE").value_or(options.pixel_mm);
    options.distance_mm = value("DISTANCE").value_or(options.distance_mm);
    if (const auto x = value("CLOSE_DISTANCE")) options.close_distance_mm = x;
    options.wavelength_A = value("WAVELENGTH").value_or(options.wavelength_A);
    if (const auto x = value("BEAM_CENTER_X")) options.x_beam_mm = x;
    if (const auto y = value("BEAM_CENTER_Y")) {
        options.y_beam_mm = is_mask ? options.pixel_mm * header.height - *y : *y;
    }
    if (const auto x = value("ORGX")) options.org_x = x;
    if (const auto y = value("ORGY")) options.org_y = y;
    options.phi_deg = value("PHI").value_or(options.phi_deg);
    if (const auto x = value("OSC_RANGE")) options.osc_deg = x;
}

}  // namespace

Options parse_options(std::span<const std::string> arguments) {
    if (!arguments.empty() && arguments.front().ends_with("nanoBragg")) arguments = arguments.subspan(1);
    struct Taken {
        const Option* option;
        Words words;
    };
    std::vector<Taken> taken;
    for (std::size_t i = 0; i < arguments.size();) {
        const std::string& name = arguments[i];
        if (name.empty() || name.front() != '-') {
            throw UsageError(
                fmt::format("\"{}\" (no option takes this argument). Remove it; options begin with '-'.", name));
        }
        const Option& option = find_option(name);
        const std::size_t count = argument_count(name, option, arguments.subspan(i + 1));
        taken.push_back({&option, Words(name, arguments.subspan(i + 1, count))});
        i += 1 + count;
    }
    Options files;
    for (const Taken& item : taken) {
        if (item.option->names.front() == "-mask*" || item.option->names.front() == "-img*") {
            item.option->take(files, item.words);
        }
    }
    Options options;
    if (files.mask) take_header(options, read_smv_header(*files.mask), true);
    if (files.img) take_header(options, read_smv_header(*files.img), false);
    for (const Taken& item : taken) item.option->take(options, item.words);
    return options;
}

std::string options_help() {
    std::string text;
    for (const auto& [title, options] : groups()) {
        text += fmt::format("{}:\n", title);
        for (const Option& option : options) {
            std::string name = option.names.front();
            if (name.back() == '*') name.pop_back();
            text += fmt::format("  {:<36} {}\n", fmt::format("{} {}", name, option.shown), option.help);
        }
    }
    return text;
}

}  // namespace braggbench::nanobragg
