// What tests of `import` share: folders of small images, one run, what is refused.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/import.hpp"
#include "datasets/raster_file.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench::test {

inline void ignore_progress(std::int64_t, std::int64_t) {}

inline Image<std::uint16_t> ramp(int width, int height, int start = 0) {
    Image<std::uint16_t> image(width, height);
    std::iota(image.pixels.begin(), image.pixels.end(), static_cast<std::uint16_t>(start));
    return image;
}

class Import : public testing::Test {
protected:
    ImportSummary run(const std::vector<std::filesystem::path>& sources, const ImportOptions& options = {}) {
        return import_corpus(sources, output(), options, ignore_progress);
    }
    [[nodiscard]] std::filesystem::path output() const { return folder_ / "imported.h5"; }
    [[nodiscard]] CorpusReader read() const { return CorpusReader(output()); }

    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    void write_image(const std::string& name, const Image<std::uint16_t>& image) const {
        std::filesystem::create_directories((folder_ / name).parent_path());
        name.ends_with(".png") ? write_png16(folder_ / name, image) : write_pgm(folder_ / name, image);
    }
    // a/0.pgm, a/1.pgm, b/0.pgm, b/1.pgm, of 6 x 5 px.
    [[nodiscard]] std::filesystem::path two_classes() const {
        for (int i = 0; i < 4; ++i) {
            write_image(fmt::format("set/{}/{}.pgm", i < 2 ? "a" : "b", i % 2), ramp(6, 5, 100 * i));
        }
        return folder_ / "set";
    }

    // The message of the error, which must name `names`; nothing may be left where the output would be.
    template <class Error = DataError>
    std::string refusal(const std::vector<std::filesystem::path>& sources, const std::string& names,
                        const ImportOptions& options = {}) {
        try {
            run(sources, options);
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find(names), std::string::npos) << error.what();
            for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
                EXPECT_FALSE(entry.path().filename().string().starts_with("imported.h5")) << entry.path();
            }
            return error.what();
        }
        ADD_FAILURE() << "nothing was refused";
        return {};
    }

    ScratchFolder folder_;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace braggbench::test
