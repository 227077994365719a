// The tables of nanoBragg's options: what each is called, what it takes, what it sets. Only options.cpp reads them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "simulator/nanobragg/options.hpp"

namespace braggbench::nanobragg {

// Throw UsageError for what is no finite number, or no whole one.
double to_number(const std::string& option, const std::string& text);
int to_integer(const std::string& option, const std::string& text);

// The arguments that follow one option.
class Words {
public:
    Words(std::string option, std::span<const std::string> words) : option_(std::move(option)), words_(words) {}
    [[nodiscard]] double number(std::size_t i = 0) const { return to_number(option_, words_[i]); }
    [[nodiscard]] int integer(std::size_t i = 0) const { return to_integer(option_, words_[i]); }
    [[nodiscard]] const std::string& text(std::size_t i = 0) const { return words_[i]; }
    [[nodiscard]] Vector vector() const { return {number(0), number(1), number(2)}; }
    [[nodiscard]] std::size_t size() const { return words_.size(); }

private:
    std::string option_;
    std::span<const std::string> words_;
};

struct Option {
    std::vector<std::string> names;  // the first is shown; one that ends in '*' stands for all that begin so
    int arguments = 0;
    const char* shown = "";
    const char* help = "";
    std::function<void(Options&, const Words&)> take;
};

std::vector<Option> crystal_options();
std::vector<Option> beam_options();
std::vector<Option> detector_options();
std::vector<Option> output_options();

}  // namespace braggbench::nanobragg
