// The program as a person starts it, on a tiny corpus of its own; what it prints, its exit code and the files it
// leaves.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace braggbench {

namespace fs = std::filesystem;

struct Outcome {
    int exit_code = -1;
    std::string output;  // standard output and standard error
};

class Program : public testing::Test {
protected:
    static void SetUpTestSuite() {
        directory = fs::temp_directory_path() / ("braggbench-cli-" + std::to_string(getpid()));
        fs::create_directories(directory);
        setenv("BRAGGBENCH_CACHE", (directory / "cache").c_str(), 1);
        corpus_run =
            run("generate diffranet-small -o corpus.h5 -n 60 --set detector.width_px=64 --set detector.height_px=64 "
                "--set detector.beam_fast_px=32 --set detector.beam_slow_px=32 --set crystal.d_min_A=8");
        train_run = run("train corpus.h5 -o model.pt --epochs 1");
    }
    static void TearDownTestSuite() { fs::remove_all(directory); }

    static Outcome run(const std::string& arguments) { return run_command(BRAGGBENCH_PROGRAM " -q " + arguments); }

    static Outcome run_command(const std::string& shell) {
        const std::string command = "cd " + directory.string() + " && { " + shell + "; } 2>&1";
        Outcome result;
        FILE* pipe = popen(command.c_str(), "r");
        std::array<char, 4096> buffer{};
        while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
            result.output.append(buffer.data(), count);
        }
        const int status = pclose(pipe);
        if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
        return result;
    }

    static std::string read(const std::string& name) {
        std::ifstream file(directory / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static void write(const std::string& name, const std::string& content) {
        std::ofstream(directory / name, std::ios::binary) << content;
    }

    // The exit code, the words, and no file that was not there before.
    static void expect_fault(const std::string& arguments, int exit_code, const std::string& words) {
        const auto files = [] { return std::distance(fs::directory_iterator(directory), {}); };
        const auto before = files();
        const Outcome result = run(arguments);
        EXPECT_EQ(result.exit_code, exit_code) << arguments << "\n" << result.output;
        EXPECT_NE(result.output.find(words), std::string::npos) << arguments << "\n" << result.output;
        EXPECT_EQ(result.output.find("internal error"), std::string::npos) << result.output;
        EXPECT_EQ(files(), before) << arguments << " left a file behind";
    }

    static inline fs::path directory;
    static inline Outcome corpus_run;
    static inline Outcome train_run;
};

}  // namespace braggbench
