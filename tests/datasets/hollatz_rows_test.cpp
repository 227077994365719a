// The numbers of row_statistics.hpp against the rows as the notebook prints them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "row_statistics.hpp"

namespace braggbench {
namespace {

TEST(HollatzRows, AreMeasuredRight) {
    const std::filesystem::path path =
        std::filesystem::path(SHARED_DIR) / "seeds/hollatz2022_feature_extraction_notebook.txt";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent (data beside the repository)";
    std::ifstream file(path);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    std::size_t at = 0;
    for (const test::PrintedRow& printed : test::printed_rows) {
        at = text.find("array([", at) + 7;
        const std::size_t end = text.find("], dtype=uint8", at);
        ASSERT_LT(end, text.size()) << printed.what;
        std::vector<double> pixels;
        const std::string numbers = text.substr(at, end - at);
        const std::regex number("[0-9]+");
        for (std::sregex_iterator match(numbers.begin(), numbers.end(), number), none; match != none; ++match) {
            pixels.push_back(std::stod(match->str()));
        }
        ASSERT_EQ(pixels.size(), 512U) << printed.what;
        const test::Row row = test::row_statistics(pixels);
        EXPECT_EQ(row.low, printed.row.low) << printed.what;
        EXPECT_EQ(row.high, printed.row.high) << printed.what;
        EXPECT_NEAR(row.mean, printed.row.mean, 0.05) << printed.what;
        EXPECT_NEAR(row.noise, printed.row.noise, 0.005) << printed.what;
        EXPECT_EQ(row.maxima, printed.row.maxima) << printed.what;
        EXPECT_NEAR(row.width, printed.row.width, 0.005) << printed.what;
        EXPECT_EQ(row.slope, printed.row.slope) << printed.what;
    }
}

}  // namespace
}  // namespace braggbench
