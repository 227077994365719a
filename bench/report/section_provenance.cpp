#include <fmt/format.h>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "simulator/version.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

std::string commands(const ReportInput& input) {
    if (input.commands.empty()) return "<p class=\"absent\">The commands were not recorded.</p>\n";
    std::string lines;
    for (const std::string& command : input.commands) lines += escape(command) + "\n";
    return fmt::format("<pre tabindex=\"0\" aria-label=\"Commands\"><code>{}</code></pre>\n", lines);
}

std::string words_of(const json& value) {
    if (value.is_null()) return "n/a";
    return escape(value.is_string() ? value.get<std::string>() : value.dump());
}

// A flat object as two columns; anything else as its text.
std::string key_values(const json& object) {
    if (!object.is_object()) return words_of(object);
    std::string items;
    for (const auto& [key, value] : object.items()) {
        items += fmt::format("{} {}{}", escape(key), words_of(value), "<br>");
    }
    return items;
}

std::string origin_row(std::string_view name, const std::string& file, const json& provenance) {
    return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n", name, escape(file),
                       key_values(provenance));
}

std::string origins(const ReportInput& input) {
    std::string rows = origin_row("Corpus", text(input.corpus_summary, "file", input.corpus.string()),
                                  member(input.corpus_summary, "provenance"));
    const auto add = [&](std::string_view name, const std::optional<json>& result) {
        if (result) rows += origin_row(name, text(*result, "corpus"), member(*result, "provenance"));
    };
    add("Training", input.training);
    add("Evaluation", input.evaluation);
    add("Explanation", input.explanation);
    rows += origin_row("This report", "", json{{"version", version()}, {"git_commit", git_commit()}});
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Versions\"><table "
        "class=\"origins\"><caption>What made each part</caption><thead><tr><th scope=\"col\">Part</th><th "
        "scope=\"col\">corpus</th><th scope=\"col\">versions</th></tr></thead><tbody>{}</tbody></table></div>\n",
        rows);
}

std::string folded(std::string_view title, const std::string& body) {
    if (body.empty()) return "";
    return fmt::format(
        "<details><summary>{}</summary><pre tabindex=\"0\" aria-label=\"{}\"><code>{}</code></pre></details>\n", title,
        title, escape(body));
}

}  // namespace

std::string provenance_section(const ReportInput& input) {
    std::string section = "<section id=\"repeat\">\n<h2>5. How to repeat it</h2>\n" + commands(input) + origins(input);
    section += fmt::format("<p>Seed of the corpus: {}. Seed of the training: {}.</p>\n",
                           escape(text(input.corpus_summary, "seed", "n/a")),
                           input.training ? escape(text(member(*input.training, "options"), "seed", "n/a")) : "n/a");
    section += folded("The resolved recipe", text(input.corpus_summary, "recipe_toml"));
    if (input.training) section += folded("The training options", member(*input.training, "options").dump(2));
    return section + "</section>\n";
}

}  // namespace braggbench::report
