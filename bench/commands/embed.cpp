#include <fmt/format.h>

#include <cctype>
#include <iostream>
#include <memory>
#include <optional>

#include "bench/commands/commands.hpp"
#include "bench/commands/options.hpp"
#include "bench/progress.hpp"
#include "bench/report/scatter_chart.hpp"
#include "bench/text_tables.hpp"
#include "explain/embed_corpus.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct EmbedCommand {
    std::filesystem::path corpus;
    std::filesystem::path model;
    std::filesystem::path output;
    std::vector<std::string> spaces = {"act", "fea", "prd"};
    bool json = false;
    EmbedOptions options;
};

std::string scatter(const Embedding& embedding, std::size_t s, const CorpusReader& corpus) {
    const auto& space = embedding.spaces[s];
    const auto& object = embedding.json.at("spaces")[s];
    const auto& classes = corpus.info().class_names;
    report::ScatterChart chart;
    chart.title = fmt::format("{} of {} images", description_of(space.space), space.rows.size());
    chart.title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(chart.title.front())));
    chart.subtitle = fmt::format(
        "t-SNE of {} dimensions, perplexity {:g}, KL divergence {:.3f}, trustworthiness {:.3f}",
        object.at("dimensions").get<std::int64_t>(), embedding.json.at("perplexity").get<double>(),
        object.at("tsne").at("kl_divergence").get<double>(), object.at("tsne").at("trustworthiness").get<double>());
    chart.groups = classes;
    for (std::size_t i = 0; i < space.rows.size(); ++i) {
        const auto image = embedding.images[space.rows[i]];
        const auto group = static_cast<std::size_t>(corpus.class_indices()[static_cast<std::size_t>(image)]);
        const auto row = static_cast<Eigen::Index>(i);
        chart.points.push_back(
            {space.places(row, 0), space.places(row, 1), group, fmt::format("{} {}", image, classes[group])});
    }
    return report::scatter_svg(chart);
}

void run_embed(EmbedCommand command, const CommonOptions& common) {
    auto& options = command.options;
    options.spaces.clear();
    for (const auto& space : command.spaces) options.spaces.push_back(space_of(space));
    options.threads = static_cast<unsigned>(common.threads);
    // A folder that is not there is made when there is something to put into it.
    if (!command.output.has_filename()) command.output = command.output.parent_path();
    const bool there = std::filesystem::is_directory(command.output);
    if (!there && std::filesystem::exists(command.output)) {
        throw UsageError(
            fmt::format("{}: not a folder (several files are written). Name a folder.", command.output.string()));
    }
    require_writable(there ? command.output / "embedding.json" : command.output);
    const CorpusReader corpus(command.corpus);
    std::optional<Progress> progress;
    std::string at_work;
    const auto embedding = embed_corpus(
        command.model, corpus, options, [&](const std::string& what, std::int64_t done, std::int64_t total) {
            if (what != at_work)
                progress.emplace("embed: " + what, what == "images" ? "images" : "steps", common.quiet);
            at_work = what;
            progress->update(done, total);
        });
    progress.reset();
    std::filesystem::create_directories(command.output);
    replace_file(command.output / "embedding.csv", embedding.csv);
    for (std::size_t s = 0; s < embedding.spaces.size(); ++s) {
        replace_file(command.output / (to_string(embedding.spaces[s].space) + ".svg"), scatter(embedding, s, corpus));
    }
    replace_file(command.output / "embedding.json", embedding.json.dump(2) + "\n");
    std::cout << (command.json ? embedding.json.dump(2) + "\n" : embedding_table(embedding.json));
}

}  // namespace

void add_embed(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<EmbedCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "embed",
        "what a model has learned, as pictures: labels, features and predictions of images in the plane\n\n"
        "  braggbench embed corpus.h5 --model model.pt -o embedding\n"
        "writes a scatter plot per space (act.svg, fea.svg, prd.svg), the place, labels, status and error\n"
        "distance of every image (embedding.csv), and all numbers (embedding.json, docs/results.md). Near\n"
        "points are alike; how far apart two clusters lie, and how large they are, means nothing.\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->model, "a file made by `braggbench train`")->required();
    sub->add_option("-o,--output", command->output, "the folder to write to")->required();
    sub->add_option("--space", command->spaces,
                    "act: labels; fea: features, what a network's last layer sees; prd: predictions")
        ->delimiter(',')
        ->default_str("act,fea,prd");
    sub->add_option("--perplexity", o.perplexity,
                    "how many neighbours each point keeps near; less than a third of them")
        ->check(CLI::Range(2.0, 10000.0))
        ->capture_default_str();
    sub->add_option("--limit", o.limit, "images at most; time and memory grow with its square")
        ->check(CLI::Range(10, 50000))
        ->capture_default_str();
    sub->add_option("--seed", o.seed, "chooses images, where points start, and resamples")->capture_default_str();
    add_split_option(*sub, o.split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_embed(*command, common); });
}

}  // namespace braggbench
