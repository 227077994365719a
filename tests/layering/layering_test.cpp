// One-way layers: simulator <- labels <- datasets <- classifiers <- explain <- bench, in includes and in linked
// libraries; libtorch in no header below classifiers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 6> layers = {"simulator", "labels", "datasets", "classifiers", "explain", "bench"};

int rank(const std::string& layer) {
    const auto* const found = std::find(layers.begin(), layers.end(), layer);
    return found == layers.end() ? -1 : static_cast<int>(found - layers.begin());
}

std::vector<fs::path> sources(const std::string& layer) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SOURCE_DIR) / layer)) {
        const auto extension = entry.path().extension();
        if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
    }
    return files;
}

std::vector<std::string> includes(const fs::path& file) {
    static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
    std::vector<std::string> found;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        std::smatch match;
        if (std::regex_search(line, match, pattern)) found.push_back(match[1]);
    }
    return found;
}

TEST(Layering, IncludesGoDownwards) {
    int checked = 0;
    for (const std::string layer : layers) {
        for (const auto& file : sources(layer)) {
            for (const auto& include : includes(file)) {
                const int included = rank(include.substr(0, include.find('/')));
                if (included < 0) continue;
                ++checked;
                EXPECT_LE(included, rank(layer)) << file << " includes " << include;
            }
        }
    }
    EXPECT_GT(checked, 100);
}

TEST(Layering, TorchStaysInClassifiersAndAbove) {
    for (const std::string layer : {"simulator", "labels", "datasets"}) {
        for (const auto& file : sources(layer)) {
            for (const auto& include : includes(file)) {
                EXPECT_FALSE(include.starts_with("torch/") || include.starts_with("ATen/"))
                    << file << " includes " << include;
            }
        }
    }
}

TEST(Layering, LibrariesLinkDownwards) {
    std::istringstream all(LINKED_LIBRARIES);
    int checked = 0;
    for (std::string entry; std::getline(all, entry, '|');) {
        const std::string layer = entry.substr(0, entry.find(':'));
        std::istringstream libraries(entry.substr(entry.find(':') + 1));
        for (std::string library; std::getline(libraries, library, ',');) {
            const std::string prefix = "braggbench_";
            if (!library.starts_with(prefix)) continue;
            const int linked = rank(library.substr(prefix.size()));
            if (linked < 0) continue;
            ++checked;
            EXPECT_LT(linked, rank(layer)) << layer << " links " << library;
        }
    }
    EXPECT_EQ(checked, 4);
}

}  // namespace
