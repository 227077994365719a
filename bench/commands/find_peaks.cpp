#include "classifiers/find_peaks.hpp"

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct FindPeaksCommand {
    std::vector<std::filesystem::path> files;
    std::filesystem::path output;
    std::string finder = peak_finder_names().front();
    // Both finders know these; each has its own defaults.
    std::optional<double> threshold;
    std::optional<int> min_pixels;
    std::optional<int> max_pixels;
    FindPeaksOptions options;
};

void run_find_peaks(FindPeaksCommand& command, const CommonOptions& common) {
    auto& options = command.options;
    options.finder = peak_finder_of(command.finder);
    const auto set = [](const auto& given, auto& of_peakfinder8, auto& of_dispersion) {
        if (given) of_peakfinder8 = of_dispersion = *given;
    };
    set(command.threshold, options.peakfinder8.threshold, options.dispersion.global_threshold);
    set(command.min_pixels, options.peakfinder8.min_pixels, options.dispersion.min_pixels);
    set(command.max_pixels, options.peakfinder8.max_pixels, options.dispersion.max_pixels);
    if (!command.output.empty()) require_writable(command.output);

    Progress progress("find-peaks", "files", common.quiet || command.files.size() < 10);
    const auto list = find_peaks(command.files, options, static_cast<unsigned>(common.threads),
                                 [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    if (!list.images.empty()) {
        if (command.output.empty()) {
            std::cout << peaks_csv(list.images);
        } else if (command.output.extension() == ".cxi" || command.output.extension() == ".h5") {
            write_peaks_cxi(command.output, list.images);
        } else {
            replace_file(command.output, peaks_csv(list.images));
        }
    }
    if (!list.faults.empty()) throw DataError(list.faults);
}

}  // namespace

void add_find_peaks(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<FindPeaksCommand>();
    auto* sub = app.add_subcommand(
        "find-peaks",
        "Bragg peaks of detector images by peakfinder8 or DIALS' dispersion thresholds\n\n"
        "  braggbench find-peaks shot_*.cbf --finder peakfinder8 -o peaks.cxi\n"
        "Reads what `classify` reads. Counts become photons by (value - offset) / gain, and all\n"
        "thresholds are in photons. The finders and their defaults: docs/peak-finders.md. A file that\n"
        "cannot be used is named on standard error, the others are still listed, and the exit code is 3.\n");
    sub->add_option("FILE", command->files, "images or stacks of images")->required();
    sub->add_option("--finder", command->finder, "peakfinder8, dispersion or dispersion-extended")
        ->capture_default_str();
    sub->add_option("-o,--output", command->output,
                    "write here, CXI if it ends in .cxi or .h5, else CSV (default: CSV on standard output)");
    sub->add_option("--threshold", command->threshold, "strong pixels are higher than this, in photons (default: 0)");
    sub->add_option("--min-pixels", command->min_pixels, "of a peak (default: 2; dispersion 3)");
    sub->add_option("--max-pixels", command->max_pixels, "of a peak (default: 200; dispersion 1000)");
    sub->add_option("--min-snr", command->options.peakfinder8.min_snr, "peakfinder8: sigmas above its ring")
        ->capture_default_str();
    sub->add_option("--local-background-radius", command->options.peakfinder8.local_background_radius_px,
                    "peakfinder8: half the radius of the surroundings, in px")
        ->capture_default_str();
    sub->add_option("--sigma-background", command->options.dispersion.sigma_background,
                    "dispersion: sigmas of the index of dispersion")
        ->capture_default_str();
    sub->add_option("--sigma-strong", command->options.dispersion.sigma_strong,
                    "dispersion: sigmas above the local mean")
        ->capture_default_str();
    sub->add_option("--beam-fast", command->options.beam_fast_px,
                    "px from the outer corner of pixel (0, 0) (default: as the file says, else the middle)");
    sub->add_option("--beam-slow", command->options.beam_slow_px, "the same along slow");
    sub->add_option("--gain", command->options.gain_adu_per_photon,
                    "ADU per photon (default: as the file says, else 1)");
    sub->add_option("--offset", command->options.offset_adu,
                    "value of a dark pixel in ADU (default: as the file says, else 0)");
    sub->callback([command, &common] { run_find_peaks(*command, common); });
}

}  // namespace braggbench
