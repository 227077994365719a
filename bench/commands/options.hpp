// Options that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "labels/draw.hpp"

namespace braggbench {

inline void add_split_option(CLI::App& command, Split& split) {
    static const std::map<std::string, Split> names = {
        {"train", Split::train}, {"validation", Split::validation}, {"test", Split::test}};
    command.add_option("--split", split, "which images")
        ->transform(CLI::CheckedTransformer(names))
        ->default_str("test");
}

}  // namespace braggbench
