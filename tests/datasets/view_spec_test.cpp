#include "datasets/view_spec.hpp"

#include <gtest/gtest.h>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::string complaint(const std::string& text) {
    try {
        (void)parse_view(text);
    } catch (const UsageError& error) {
        return error.what();
    }
    ADD_FAILURE() << text << " is no error";
    return {};
}

TEST(view_spec, every_text_is_its_own_again) {
    for (const std::string text :
         {"native", "downsample:max:256", "downsample:mean:128", "downsample:area:200", "downsample:nearest:7",
          "downsample:bilinear:960", "crop:centre:256", "crop:random:720", "crop:fixed:256:10:20", "tiles:256:64:mean",
          "tiles:256:0:max", "quadrants:max:512:mean", "downsample:bilinear:960+crop:random:720+lcn:5",
          "downsample:area:512+tiles:128:32:max+sqrt", "native+log", "native+percentile:1:99.8+8bit",
          "native+8bit:0:255", "native+sqrt+8bit:0:65025", "native+log+8bit:0.5:1000"}) {
        EXPECT_EQ(to_text(parse_view(text)), text);
        EXPECT_EQ(parse_view(to_text(parse_view(text))), parse_view(text)) << text;
    }
}

TEST(view_spec, what_is_left_out_has_its_usual_value) {
    EXPECT_EQ(parse_view("downsample:max:256"), ViewSpec{});
    EXPECT_EQ(to_text(parse_view("crop:center:9")), "crop:centre:9");
    EXPECT_EQ(to_text(parse_view("tiles:256:64")), "tiles:256:64:mean");
    EXPECT_EQ(to_text(parse_view("native+lcn")), "native+lcn:5");
    EXPECT_EQ(to_text(parse_view("native+linear")), "native");
    EXPECT_EQ(to_text(parse_view("native+sqrt+8bit")), "native+sqrt+8bit:0:65025");
    EXPECT_EQ(to_text(parse_view("native+8bit")), "native+8bit:0:255");
    EXPECT_EQ(to_text(parse_view("native+percentile")), "native+percentile:1:99.8");
}

TEST(view_spec, errors_name_the_token_and_the_nearest_name) {
    EXPECT_NE(complaint("downsampel:max:256").find("Did you mean \"downsample\"?"), std::string::npos);
    EXPECT_NE(complaint("downsample:mox:256").find("Did you mean \"max\"?"), std::string::npos);
    EXPECT_NE(complaint("crop:centred:256").find("Did you mean \"centre\"?"), std::string::npos);
    EXPECT_NE(complaint("downsample:max").find("the size is missing. The form is downsample:METHOD:SIZE"),
              std::string::npos);
    EXPECT_NE(complaint("downsample:max:big").find("whole number"), std::string::npos);
    EXPECT_NE(complaint("downsample:max:256:3").find("\"3\" is too much"), std::string::npos);
    EXPECT_NE(complaint("sqrt").find("what of the image is seen"), std::string::npos);
    EXPECT_NE(complaint("native+sqrt+log").find("out of place"), std::string::npos);
    EXPECT_NE(complaint("sqrt+native").find("out of place"), std::string::npos);
    EXPECT_NE(complaint("downsample:max:256+native").find("does not go with downsample"), std::string::npos);
    EXPECT_NE(complaint("").find("unknown"), std::string::npos);
    EXPECT_NE(complaint("native+").find("unknown"), std::string::npos);
}

TEST(view_spec, impossible_views_are_refused_with_all_faults) {
    for (const char* text : {"downsample:max:0", "downsample:max:16385", "tiles:64:64", "tiles:64:-1",
                             "crop:fixed:64:-1:0", "native+lcn:4", "native+lcn+sqrt", "native+percentile:5:5",
                             "native+percentile:-1:50", "native+percentile:1:101", "native+8bit:3:3",
                             "native+sqrt+8bit:-1:9", "native+8bit:nan:9", "downsample:max:0+crop:centre:5"}) {
        EXPECT_THROW(parse_view(text), UsageError) << text;
    }
    const std::string both = complaint("downsample:max:99999+tiles:64:64");
    EXPECT_NE(both.find("size to downsample into"), std::string::npos);
    EXPECT_NE(both.find("overlap of the tiles"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
