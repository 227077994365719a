#include "datasets/image_file.hpp"

#include <bzlib.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <opencv2/imgcodecs.hpp>

#include "datasets/file_bytes.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

class ImageFiles : public testing::Test {
protected:
    ImageFiles() { std::filesystem::create_directories(folder_); }
    ~ImageFiles() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path put(const std::string& name, const std::string& bytes) {
        replace_file(folder_ / name, bytes);
        return folder_ / name;
    }
    DetectorImage read(const std::string& name, const std::string& bytes) { return ImageFile(put(name, bytes)).read(); }

    // The DataError's text; the test fails if there is none.
    std::string complaint(const std::string& name, const std::string& bytes) {
        try {
            (void)read(name, bytes);
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << "the file is not named";
            return error.what();
        }
        ADD_FAILURE() << name << ": no DataError";
        return {};
    }

    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        ("images_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
};

std::string gzip(const std::string& bytes) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string packed(bytes.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

std::string bzip2(std::string bytes) {
    std::string packed(bytes.size() + 1000, '\0');
    auto size = static_cast<unsigned>(packed.size());
    EXPECT_EQ(
        BZ2_bzBuffToBuffCompress(packed.data(), &size, bytes.data(), static_cast<unsigned>(bytes.size()), 9, 0, 0),
        BZ_OK);
    packed.resize(size);
    return packed;
}

const std::string small_pgm = "P2\n# a comment\n3 2 # another\n65535\n0 1 2\n300 65535 5\n";
const std::vector<float> small_pixels = {0, 1, 2, 300, 65535, 5};

TEST_F(ImageFiles, png16_is_read_back_exactly) {
    Image<std::uint16_t> image(7, 5);
    for (std::size_t i = 0; i < image.size(); ++i) {
        image.pixels[i] = static_cast<std::uint16_t>(i * 1927);
    }
    const std::filesystem::path path = folder_ / "a.png";
    write_png16(path, image);
    const ImageFile file(path);
    EXPECT_EQ(file.image_count(), 1);
    const DetectorImage back = file.read();
    EXPECT_EQ(back.name, "a.png");
    ASSERT_EQ(back.values.width, 7);
    ASSERT_EQ(back.values.height, 5);
    EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(), back.values.pixels.begin()));
    EXPECT_EQ(std::count(back.valid.pixels.begin(), back.valid.pixels.end(), 1), 35);
    EXPECT_FALSE(back.beam_fast_px.has_value());
}

TEST_F(ImageFiles, png8_grey_and_colour_with_equal_channels_keep_their_values) {
    const cv::Mat grey = (cv::Mat_<std::uint8_t>(2, 2) << 0, 7, 128, 255);
    cv::Mat colour;
    cv::merge(std::vector<cv::Mat>{grey, grey, grey}, colour);
    for (const cv::Mat& mat : {grey, colour}) {
        ASSERT_TRUE(cv::imwrite((folder_ / "a.png").string(), mat));
        EXPECT_EQ(ImageFile(folder_ / "a.png").read().values.pixels, (std::vector<float>{0, 7, 128, 255}));
    }
}

TEST_F(ImageFiles, pgm_in_all_its_kinds) {
    EXPECT_EQ(read("plain.pgm", small_pgm).values.pixels, small_pixels);
    EXPECT_EQ(read("eight.pgm", std::string("P5\n2 2\n255\n\x00\x01\xfe\xff", 15)).values.pixels,
              (std::vector<float>{0, 1, 254, 255}));
    EXPECT_EQ(read("sixteen.pgm", std::string("P5 1 2 65535\n\x01\x02\xff\xfe", 17)).values.pixels,
              (std::vector<float>{258, 65534}));
}

TEST_F(ImageFiles, float_tiff_masks_what_was_not_measured) {
    const cv::Mat mat = (cv::Mat_<float>(1, 4) << 0.5F, -1.0F, std::nanf(""), 3e5F);
    ASSERT_TRUE(cv::imwrite((folder_ / "a.tif").string(), mat));
    const DetectorImage image = ImageFile(folder_ / "a.tif").read();
    EXPECT_EQ(image.values.pixels, (std::vector<float>{0.5F, 0, 0, 3e5F}));
    EXPECT_EQ(image.valid.pixels, (std::vector<std::uint8_t>{1, 0, 0, 1}));
}

TEST_F(ImageFiles, packed_files_are_told_by_content) {
    EXPECT_EQ(read("a.pgm.gz", gzip(small_pgm)).values.pixels, small_pixels);
    EXPECT_EQ(read("misnamed.cbf", bzip2(small_pgm)).values.pixels, small_pixels);
    // pbzip2 and bgzip write several streams one after the other.
    EXPECT_EQ(read("b.gz", gzip(small_pgm.substr(0, 20)) + gzip(small_pgm.substr(20))).values.pixels, small_pixels);
    EXPECT_EQ(read("b.bz2", bzip2(small_pgm.substr(0, 20)) + bzip2(small_pgm.substr(20))).values.pixels, small_pixels);
    EXPECT_NE(complaint("twice.gz", gzip(gzip(small_pgm))).find("compressed twice"), std::string::npos);
}

TEST_F(ImageFiles, every_truncation_of_a_packed_file_is_an_error) {
    for (const std::string& packed : {gzip(small_pgm), bzip2(small_pgm)}) {
        for (std::size_t size = 0; size < packed.size(); ++size) {
            EXPECT_THROW((void)read("cut", packed.substr(0, size)), DataError) << size;
        }
    }
}

TEST_F(ImageFiles, every_truncation_and_flipped_byte_of_a_png_is_an_error) {
    Image<std::uint16_t> image(16, 16, 1000);
    write_png16(folder_ / "good.png", image);
    const std::string good = read_file_bytes(folder_ / "good.png");
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_THROW((void)read("cut.png", good.substr(0, size)), DataError) << size;
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x55);
        EXPECT_THROW((void)read("flipped.png", bad), DataError) << at;
    }
}

TEST_F(ImageFiles, every_truncation_of_a_tiff_is_an_error_or_the_whole_image) {
    cv::Mat mat(16, 16, CV_16U);
    cv::randu(mat, 1, 60000);
    ASSERT_TRUE(cv::imwrite((folder_ / "good.tif").string(), mat));
    const std::string good = read_file_bytes(folder_ / "good.tif");
    const DetectorImage whole = ImageFile(folder_ / "good.tif").read();
    for (std::size_t size = 0; size < good.size(); ++size) {
        try {
            EXPECT_EQ(read("cut.tif", good.substr(0, size)).values, whole.values) << size;
        } catch (const DataError&) {
        }
    }
}

TEST_F(ImageFiles, damaged_pgm) {
    EXPECT_NE(complaint("cut.pgm", std::string("P5\n2 2\n255\n\x00\x01\xfe", 14)).find("truncated"), std::string::npos);
    EXPECT_NE(complaint("cut2.pgm", "P2\n2 2\n255\n10 2 333").find("truncated"), std::string::npos);
    EXPECT_NE(complaint("word.pgm", "P2\n2 2\n255\n10 2 x 3").find("damaged"), std::string::npos);
    EXPECT_NE(complaint("size.pgm", "P5\n0 2\n255\n").find("damaged"), std::string::npos);
    EXPECT_NE(complaint("huge.pgm", "P5\n30000 30000\n255\nabc").find("truncated"), std::string::npos);
}

TEST_F(ImageFiles, what_is_no_image_is_refused_with_its_beginning) {
    EXPECT_NE(complaint("a.cbf", "hello world, I am text").find("'hello world,'"), std::string::npos);
    EXPECT_NE(complaint("empty.png", "").find("is empty"), std::string::npos);
    EXPECT_THROW(ImageFile(folder_ / "missing.png"), DataError);
    EXPECT_THROW(ImageFile{folder_}, DataError);
    EXPECT_THROW((void)ImageFile(put("a.pgm", small_pgm)).read(1), UsageError);
    EXPECT_THROW((void)ImageFile(put("a.pgm", small_pgm)).read(-1), UsageError);
}

TEST_F(ImageFiles, an_unwritable_place_is_a_data_error_and_nothing_stays) {
    EXPECT_THROW(write_png16(folder_ / "missing" / "a.png", Image<std::uint16_t>(2, 2)), DataError);
    EXPECT_THROW(write_png16(folder_ / "a.png", Image<std::uint16_t>()), DataError);
    std::filesystem::create_directory(folder_ / "taken.png");
    EXPECT_THROW(write_png16(folder_ / "taken.png", Image<std::uint16_t>(2, 2)), DataError);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace braggbench
