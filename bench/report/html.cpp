#include "bench/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace braggbench::report {

namespace {

constexpr std::string_view narrow_space = "\u202f";
constexpr std::string_view minus_sign = "\u2212";

std::string with_minus(std::string digits) {
    if (!digits.empty() && digits.front() == '-') digits.replace(0, 1, minus_sign);
    return digits;
}

std::string digits_of(double value, NumberStyle style) {
    if (style == NumberStyle::percent) return with_minus(fmt::format("{:.1f}", 100.0 * value));
    const double size = std::abs(value);
    if (size != 0.0 && (size < 0.001 || size >= 1e6)) return with_minus(fmt::format("{:.1e}", value));
    const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
    return with_minus(fmt::format("{:.{}f}", value, decimals));
}

std::string unit_of(NumberStyle style) {
    return style == NumberStyle::percent ? fmt::format("{}%", narrow_space) : std::string();
}

}  // namespace

std::string escape(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

bool is_png(std::span<const std::uint8_t> bytes) {
    static constexpr std::array<std::uint8_t, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return bytes.size() > signature.size() && std::equal(signature.begin(), signature.end(), bytes.begin());
}

// RFC 4648, section 4.
std::string png_data_uri(std::span<const std::uint8_t> png) {
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string uri = "data:image/png;base64,";
    uri.reserve(uri.size() + (png.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < png.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, png.size() - i);
        std::uint32_t word = 0;
        for (std::size_t k = 0; k < 3; ++k) word = (word << 8) | (k < have ? png[i + k] : 0U);
        for (std::size_t k = 0; k < 4; ++k) {
            uri += k <= have ? alphabet[(word >> (18 - 6 * k)) & 63U] : '=';
        }
    }
    return uri;
}

std::string format(std::optional<double> value, NumberStyle style) {
    if (!value || !std::isfinite(*value)) return "n/a";
    return digits_of(*value, style) + unit_of(style);
}

std::string format_interval(const std::optional<std::array<double, 2>>& interval, NumberStyle style) {
    if (!interval || !std::isfinite((*interval)[0]) || !std::isfinite((*interval)[1])) return "";
    return fmt::format("{} to {}{}", digits_of((*interval)[0], style), digits_of((*interval)[1], style),
                       unit_of(style));
}

std::string format_setting(double value) {
    if (!std::isfinite(value)) return "n/a";
    if (std::abs(value) >= 9999.5 && std::abs(value) < 1e12) return format_count(std::llround(value));
    return with_minus(fmt::format("{:.4g}", value));
}

std::string format_setting(std::optional<double> value) { return value ? format_setting(*value) : "n/a"; }

std::string format_scientific(double value) {
    if (!std::isfinite(value)) return "n/a";
    if (value == 0.0) return "0";
    int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
    double mantissa = value / std::pow(10.0, exponent);
    if (std::abs(mantissa) >= 9.995) {
        mantissa /= 10.0;
        ++exponent;
    }
    return fmt::format("{}\u202f\u00d7\u202f10<sup>{}</sup>", with_minus(fmt::format("{:.2f}", mantissa)),
                       with_minus(fmt::format("{}", exponent)));
}

std::string format_count(std::int64_t value) {
    const std::string digits = fmt::format("{}", value < 0 ? -value : value);
    std::string result = value < 0 ? std::string(minus_sign) : std::string();
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) result += narrow_space;
        result += digits[i];
    }
    return result;
}

std::string with_interval(const Metric& metric, NumberStyle style) {
    const std::string interval = format_interval(metric.ci95, style);
    if (interval.empty()) return format(metric.value, style);
    return fmt::format("{} (95\u202f% interval {})", format(metric.value, style), interval);
}

std::string metric_cell(const Metric& metric, NumberStyle style, bool show_chance) {
    std::string cell = fmt::format("<td class=\"num\">{}", format(metric.value, style));
    if (const std::string interval = format_interval(metric.ci95, style); !interval.empty()) {
        cell += fmt::format("<span class=\"sub\">{}</span>", interval);
    }
    if (show_chance && metric.chance) {
        cell += fmt::format("<span class=\"sub\">chance {}</span>", format(metric.chance, style));
    }
    return cell + "</td>";
}

}  // namespace braggbench::report
