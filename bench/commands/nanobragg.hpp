// `braggbench nanobragg`: nanoBragg's own command line. Its options begin with one dash and would be taken apart by
// CLI11, so main() hands the words over before CLI11 sees them.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace braggbench {

struct NanobraggRequest {
    bool quiet = false;
    std::vector<std::string> arguments;
};

// What follows `nanobragg` if that is the subcommand of the command line (without the program's name).
std::optional<NanobraggRequest> nanobragg_request(std::span<char* const> words);

// Throws UsageError or DataError.
void run_nanobragg(const NanobraggRequest& request);

// Only for the list in `braggbench --help`.
void add_nanobragg(CLI::App& app);

}  // namespace braggbench
