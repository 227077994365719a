#include "bench/commands/nanobragg.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/progress.hpp"
#include "simulator/nanobragg/run.hpp"

namespace braggbench {

namespace {

constexpr const char* summary = "nanoBragg's own command line: takes its options, writes its images";

}  // namespace

std::optional<NanobraggRequest> nanobragg_request(std::span<char* const> words) {
    NanobraggRequest request;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string word = words[i];
        if (word == "nanobragg") {
            request.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            return request;
        }
        if (word == "-q" || word == "--quiet") {
            request.quiet = true;
        } else if (word == "-j" || word == "--threads") {
            ++i;
        } else if (!word.starts_with("-j") && !word.starts_with("--threads=")) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

void run_nanobragg(const NanobraggRequest& request) {
    const auto& arguments = request.arguments;
    if (arguments.empty() || std::ranges::any_of(arguments, [](const std::string& word) {
            return word == "--help" || word == "-help" || word == "-h";
        })) {
        fmt::print(
            "{}\n\n  braggbench nanobragg -mat A.mat -hkl P1.hkl -lambda 1 -distance 100 -N 10 -gauss_xtal\n\n{}",
            summary, nanobragg::options_help());
        return;
    }
    const nanobragg::Options options = nanobragg::parse_options(arguments);
    nanobragg::Run run = nanobragg::prepare(options);
    if (!request.quiet) {
        for (const std::string& note : run.notes) fmt::print(stderr, "braggbench: {}\n", note);
    }
    Image<float> photons;
    {
        Progress progress("nanobragg", "rows", request.quiet || !options.progress);
        run.pixels.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
        photons = render_pixels(run.experiment, run.sampling, run.pixels);
    }
    const nanobragg::Output output = nanobragg::write_images(options, run, photons);
    fmt::print("{} x {} pixels: {:.7g} photons, at most {:.7g} in a pixel\n", photons.width, photons.height, output.sum,
               output.max);
    for (const auto& file : output.files) fmt::print("  {}\n", file.string());
}

void add_nanobragg(CLI::App& app) { app.add_subcommand("nanobragg", summary)->prefix_command(); }

}  // namespace braggbench
