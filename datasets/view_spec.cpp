#include "datasets/view_spec.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "simulator/faults.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

constexpr int max_size_px = 16384;

template <class T, std::size_t n>
using Names = std::array<std::pair<const char*, T>, n>;

constexpr Names<Downsampling, 5> downsampling_names = {{{"max", Downsampling::max},
                                                        {"mean", Downsampling::mean},
                                                        {"area", Downsampling::area},
                                                        {"nearest", Downsampling::nearest},
                                                        {"bilinear", Downsampling::bilinear}}};
constexpr Names<CropPlace, 3> crop_names = {
    {{"centre", CropPlace::centre}, {"random", CropPlace::random}, {"fixed", CropPlace::fixed}}};
constexpr Names<TileJoin, 2> join_names = {{{"mean", TileJoin::mean}, {"max", TileJoin::max}}};

struct TokenHelp {
    const char* name;
    const char* form;
    const char* meaning;
};
constexpr std::array<TokenHelp, 11> tokens = {{
    {"native", "native", "the image as it is"},
    {"downsample", "downsample:METHOD:SIZE",
     "into SIZE x SIZE px by max, mean, nearest (whole blocks), area or bilinear (any ratio)"},
    {"crop", "crop:PLACE:SIZE", "a square from the centre, at random, or fixed:SIZE:FAST:SLOW; may follow downsample"},
    {"tiles", "tiles:SIZE:OVERLAP[:JOIN]", "squares that cover it; predictions joined by mean or max"},
    {"quadrants", "quadrants:METHOD:SIZE[:JOIN]", "its four quarters, each downsampled"},
    {"lcn", "lcn[:BOX]", "local contrast normalisation over BOX x BOX px (5)"},
    {"linear", "linear", "photons as they are"},
    {"sqrt", "sqrt", "square root of the photons"},
    {"log", "log", "ln(1 + photons)"},
    {"percentile", "percentile[:LOW:HIGH]", "0 to 1 between two percentiles of the image (1 and 99.8), clipped"},
    {"8bit", "8bit[:LOW:HIGH]",
     "whole numbers 0 to 255 between LOW and HIGH photons (0; linear 255, sqrt and log 65025)"},
}};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

template <class T, std::size_t n>
std::string name_of(const Names<T, n>& names, T value) {
    for (const auto& [name, candidate] : names) {
        if (candidate == value) {
            return name;
        }
    }
    return {};
}

// The words of one token: "crop:fixed:256:10:20".
class Words {
public:
    Words(const std::string& token, std::string_view view) : token_(token), view_(view), words_(split(token, ':')) {}

    [[nodiscard]] const std::string& head() const { return words_.front(); }
    [[nodiscard]] std::size_t left() const { return words_.size() - next_; }

    [[noreturn]] void fail(const std::string& problem) const {
        throw UsageError(fmt::format("view \"{}\": \"{}\": {}", view_, token_, problem));
    }

    template <class T, std::size_t n>
    T name(const Names<T, n>& names, std::string_view what) {
        const std::string word = take(what);
        std::vector<std::string> known;
        for (const auto& [name, value] : names) {
            if (word == name || (word == "center" && std::string_view(name) == "centre")) {
                return value;
            }
            known.emplace_back(name);
        }
        fail(fmt::format("unknown {} \"{}\". Did you mean \"{}\"?", what, word, nearest_name(word, known)));
    }

    int whole(std::string_view what) {
        const std::string word = take(what);
        int value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size()) {
            fail(fmt::format("{} = \"{}\" (it must be a whole number of pixels). Give one.", what, word));
        }
        return value;
    }

    double number(std::string_view what) {
        const std::string word = take(what);
        double value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size()) {
            fail(fmt::format("{} = \"{}\" (it must be a number). Give one.", what, word));
        }
        return value;
    }

    void end() const {
        if (left() != 0) {
            fail(fmt::format("\"{}\" is too much. The form is {}.", words_[next_], form()));
        }
    }

    [[nodiscard]] std::string form() const {
        for (const TokenHelp& token : tokens) {
            if (head() == token.name) {
                return token.form;
            }
        }
        return {};
    }

private:
    std::string take(std::string_view what) {
        if (left() == 0) {
            fail(fmt::format("the {} is missing. The form is {}.", what, form()));
        }
        return words_[next_++];
    }

    std::string token_;
    std::string_view view_;
    std::vector<std::string> words_;
    std::size_t next_ = 1;
};

double default_byte_high(ValueTransform transform) {
    // 255 squared: a square root then fills a byte exactly.
    return transform == ValueTransform::linear ? 255.0 : 65025.0;
}

// Tokens come in this order; of those of one rank only one.
enum class Rank { none, downsample, frame, contrast, transform, bytes };

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    ViewSpec parse() {
        for (const std::string& token : split(text_, '+')) {
            Words words(token, text_);
            take(words);
            words.end();
        }
        if (!framed_) {
            throw UsageError(
                fmt::format("view \"{}\" (it does not say what of the image is seen). Begin with native, downsample, "
                            "crop, tiles or "
                            "quadrants, such as downsample:max:256+sqrt.",
                            text_));
        }
        validate(spec_);
        return spec_;
    }

private:
    void advance(const Words& words, Rank rank) {
        if (rank <= rank_) {
            words.fail(
                "out of place. The order is [downsample] native|crop|tiles|quadrants, lcn, one of linear, sqrt, "
                "log or percentile, 8bit.");
        }
        rank_ = rank;
    }

    void take(Words& words) {
        const std::string& head = words.head();
        if (head == "downsample") {
            advance(words, Rank::downsample);
            spec_.downsampling = words.name(downsampling_names, "method");
            spec_.size_px = words.whole("size");
            if (spec_.size_px < 1) {
                words.fail("the size must be at least 1 px. Give the model's input size.");
            }
            framed_ = true;
        } else if (head == "native" || head == "quadrants") {
            if (framed_) {
                words.fail("does not go with downsample. Leave one of them out.");
            }
            advance(words, Rank::frame);
            framed_ = true;
            spec_.framing = head == "native" ? Framing::native : Framing::quadrants;
            if (head == "quadrants") {
                spec_.downsampling = words.name(downsampling_names, "method");
                spec_.size_px = words.whole("size");
                take_join(words);
            }
        } else if (head == "crop" || head == "tiles") {
            advance(words, Rank::frame);
            spec_.canvas_px = framed_ ? spec_.size_px : 0;
            framed_ = true;
            if (head == "crop") {
                take_crop(words);
            } else {
                spec_.framing = Framing::tiles;
                spec_.size_px = words.whole("size");
                spec_.tile_overlap_px = words.whole("overlap");
                take_join(words);
            }
        } else if (head == "lcn") {
            advance(words, Rank::contrast);
            spec_.values.contrast_box_px = words.left() > 0 ? words.whole("box") : 5;
        } else if (head == "8bit") {
            advance(words, Rank::bytes);
            take_bytes(words);
        } else {
            take_transform(words);
        }
    }

    void take_crop(Words& words) {
        spec_.framing = Framing::crop;
        spec_.crop = words.name(crop_names, "place");
        spec_.size_px = words.whole("size");
        if (spec_.crop == CropPlace::fixed) {
            spec_.crop_fast_px = words.whole("fast corner");
            spec_.crop_slow_px = words.whole("slow corner");
        }
    }

    void take_join(Words& words) {
        if (words.left() > 0) {
            spec_.join = words.name(join_names, "rule to join");
        }
    }

    void take_transform(Words& words) {
        const std::string& head = words.head();
        std::vector<std::string> known;
        for (const TokenHelp& token : tokens) {
            known.emplace_back(token.name);
        }
        if (head != "linear" && head != "sqrt" && head != "log" && head != "percentile") {
            words.fail(fmt::format("unknown. Did you mean \"{}\"?", nearest_name(head, known)));
        }
        advance(words, Rank::transform);
        ValueRule& rule = spec_.values;
        rule.transform = head == "sqrt"         ? ValueTransform::sqrt
                         : head == "log"        ? ValueTransform::log
                         : head == "percentile" ? ValueTransform::percentile
                                                : ValueTransform::linear;
        if (rule.transform == ValueTransform::percentile && words.left() > 0) {
            rule.percentile_low = words.number("lower percentile");
            rule.percentile_high = words.number("upper percentile");
        }
    }

    void take_bytes(Words& words) {
        ValueRule& rule = spec_.values;
        rule.bytes = true;
        if (rule.transform == ValueTransform::percentile) {
            return;
        }
        rule.byte_high_photons = default_byte_high(rule.transform);
        if (words.left() > 0) {
            rule.byte_low_photons = words.number("lowest value");
            rule.byte_high_photons = words.number("highest value");
        }
    }

    std::string_view text_;
    ViewSpec spec_;
    Rank rank_ = Rank::none;
    bool framed_ = false;
};

std::string frame_text(const ViewSpec& spec) {
    const std::string method = name_of(downsampling_names, spec.downsampling);
    const std::string canvas =
        spec.canvas_px > 0 ? fmt::format("downsample:{}:{}+", method, spec.canvas_px) : std::string();
    switch (spec.framing) {
        case Framing::native:
            return "native";
        case Framing::crop: {
            const std::string crop = fmt::format("{}crop:{}:{}", canvas, name_of(crop_names, spec.crop), spec.size_px);
            return spec.crop == CropPlace::fixed ? fmt::format("{}:{}:{}", crop, spec.crop_fast_px, spec.crop_slow_px)
                                                 : crop;
        }
        case Framing::tiles:
            return fmt::format("{}tiles:{}:{}:{}", canvas, spec.size_px, spec.tile_overlap_px,
                               name_of(join_names, spec.join));
        case Framing::quadrants:
            return fmt::format("quadrants:{}:{}:{}", method, spec.size_px, name_of(join_names, spec.join));
        case Framing::fit:
            break;
    }
    return fmt::format("downsample:{}:{}", method, spec.size_px);
}

}  // namespace

std::string view_help() {
    std::string text;
    for (const TokenHelp& token : tokens) {
        text += fmt::format("  {:<30} {}\n", token.form, token.meaning);
    }
    return text;
}

ViewSpec parse_view(std::string_view text) { return Parser(text).parse(); }

std::string to_text(const ViewSpec& spec) {
    std::string text = frame_text(spec);
    const ValueRule& rule = spec.values;
    if (rule.contrast_box_px > 0) {
        text += fmt::format("+lcn:{}", rule.contrast_box_px);
    }
    switch (rule.transform) {
        case ValueTransform::sqrt:
            text += "+sqrt";
            break;
        case ValueTransform::log:
            text += "+log";
            break;
        case ValueTransform::percentile:
            text += fmt::format("+percentile:{}:{}", rule.percentile_low, rule.percentile_high);
            break;
        case ValueTransform::linear:
            break;
    }
    if (rule.bytes) {
        text += rule.transform == ValueTransform::percentile
                    ? "+8bit"
                    : fmt::format("+8bit:{}:{}", rule.byte_low_photons, rule.byte_high_photons);
    }
    return text;
}

void validate(const ViewSpec& spec) {
    Faults faults;
    const auto edge = [&](const char* name, int value) {
        faults.require(value >= 1 && value <= max_size_px, name, value,
                       fmt::format("a view's edge must be 1 to {} px", max_size_px), "Give the model's input size.");
    };
    if (spec.framing != Framing::native) {
        edge("view size", spec.size_px);
    }
    if (spec.canvas_px != 0) {
        edge("size to downsample into", spec.canvas_px);
    }
    if (spec.framing == Framing::crop && spec.crop == CropPlace::fixed) {
        faults.require(spec.crop_fast_px >= 0, "fast corner of the crop", spec.crop_fast_px, "it must not be negative",
                       "Count from pixel (0, 0).");
        faults.require(spec.crop_slow_px >= 0, "slow corner of the crop", spec.crop_slow_px, "it must not be negative",
                       "Count from pixel (0, 0).");
    }
    if (spec.framing == Framing::tiles) {
        faults.require(spec.tile_overlap_px >= 0 && spec.tile_overlap_px < spec.size_px, "overlap of the tiles",
                       spec.tile_overlap_px, fmt::format("it must be 0 to {}", spec.size_px - 1),
                       "Give less than a tile's edge.");
    }
    const ValueRule& rule = spec.values;
    if (rule.contrast_box_px != 0) {
        faults.require(rule.contrast_box_px >= 3 && rule.contrast_box_px <= 255 && rule.contrast_box_px % 2 == 1,
                       "lcn box", rule.contrast_box_px, "it must be odd, 3 to 255 px", "Ke 2018 takes 5.");
        if (rule.transform == ValueTransform::sqrt || rule.transform == ValueTransform::log) {
            faults.add(
                "lcn with sqrt or log (normalised values are negative as often as not). Leave one of the two out.");
        }
    }
    if (rule.transform == ValueTransform::percentile) {
        faults.require(rule.percentile_low >= 0 && rule.percentile_low < rule.percentile_high, "lower percentile",
                       rule.percentile_low, "it must be at least 0 and below the upper one", "Give such as 1:99.8.");
        faults.require(rule.percentile_high <= 100, "upper percentile", rule.percentile_high,
                       "it must not be above 100", "Give such as 1:99.8.");
    } else if (rule.bytes) {
        const bool rooted = rule.transform == ValueTransform::sqrt || rule.transform == ValueTransform::log;
        faults.require(!rooted || rule.byte_low_photons >= 0, "lowest value of 8bit", rule.byte_low_photons,
                       "sqrt and log need photons that are not negative", "Give 0 or more.");
        faults.require(rule.byte_high_photons > rule.byte_low_photons, "highest value of 8bit", rule.byte_high_photons,
                       fmt::format("it must be above the lowest, {}", rule.byte_low_photons), "Give two ends.");
    }
    faults.report();
}

}  // namespace braggbench
