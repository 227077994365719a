#include "simulator/nearest_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace braggbench {
namespace {

TEST(NearestName, IsTheOneWithTheFewestEdits) {
    const std::vector<std::string> known{"photosystem-1", "photosystem-2", "hydrogenase", "lysozyme"};
    EXPECT_EQ(nearest_name("lysozime", known), "lysozyme");
    EXPECT_EQ(nearest_name("Lysozyme", known), "lysozyme");
    EXPECT_EQ(nearest_name("hydrogense", known), "hydrogenase");
    EXPECT_EQ(nearest_name("photosytem2", known), "photosystem-2");
}

TEST(NearestName, TiesGoToTheFirstAndNothingToNothing) {
    const std::vector<std::string> known{"photosystem-1", "photosystem-2"};
    EXPECT_EQ(nearest_name("photosystem-3", known), "photosystem-1");
    EXPECT_EQ(nearest_name("photosystem-3", {}), "");
}

}  // namespace
}  // namespace braggbench
