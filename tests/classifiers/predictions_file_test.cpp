#include "classifiers/predictions_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "classifiers/csv.hpp"
#include "classifiers/peak_list.hpp"
#include "datasets/hdf5.hpp"
#include "simulator/error.hpp"
#include "tests/classifiers/labelled_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

// Images 0 and 1 are for training, 2 (blank) and 3 (strong, ice) for testing.
class PredictionsFileTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        directory = fs::temp_directory_path() / ("braggbench-predictions-" + std::to_string(getpid()));
        fs::create_directories(directory);
        test::write_labelled_corpus(directory / "corpus.h5", {{.split = Split::train},
                                                              {.class_index = 1, .split = Split::train},
                                                              {},
                                                              {.class_index = 2, .attributes = {1, 0}}});
    }
    static void TearDownTestSuite() { fs::remove_all(directory); }

    static fs::path write(const std::string& text, const std::string& name = "p.csv") {
        std::ofstream(directory / name, std::ios::binary) << text;
        return directory / name;
    }
    Predictions read(const std::string& text) { return read_predictions(write(text), corpus); }

    void expect_fault(const std::string& text, const std::string& words) {
        try {
            read(text);
            FAIL() << words;
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        }
    }

    static inline fs::path directory;
    const CorpusReader corpus{directory / "corpus.h5"};
};

TEST_F(PredictionsFileTest, ProbabilitiesInAnyOrderOfImagesAndColumns) {
    const auto predictions = read(
        "\xEF\xBB\xBF"
        "class:strong,image,class:blank,attributes:ice,class:weak,values:mosaic1\r\n"
        "0.7,3,0.1,0.9,0.2,-1.5\r\n\n"
        "0.25,2,0.5,0.125,0.25,2e-1\n"
        "0,0,1,0,0,0\n");
    EXPECT_EQ(predictions.model, "p.csv");
    EXPECT_EQ(predictions.image_indices, (std::vector<std::int64_t>{2, 3}));
    ASSERT_EQ(predictions.heads.size(), 3U);
    EXPECT_EQ(predictions.heads[0].outputs, test::labelled_classes);
    EXPECT_EQ(predictions.heads[1].outputs, std::vector<std::string>{"ice"});
    EXPECT_EQ(predictions.scores[0], (std::vector<float>{0.5F, 0.25F, 0.25F, 0.125F, 0.2F}));
    EXPECT_EQ(predictions.scores[1], (std::vector<float>{0.1F, 0.2F, 0.7F, 0.9F, -1.5F}));
}

TEST_F(PredictionsFileTest, NamesOfTheAnswersAndProbabilitiesOfHits) {
    const auto named = read("image,class,hit:hit\n2,weak,0.25\n3,strong,1\n");
    EXPECT_EQ(named.scores[0], (std::vector<float>{0, 1, 0, 0.75F, 0.25F}));
    EXPECT_EQ(named.scores[1], (std::vector<float>{0, 0, 1, 0, 1}));
    EXPECT_EQ(read("image,hit\n2,miss\n3,hit\n").scores[1], (std::vector<float>{0, 1}));
}

TEST_F(PredictionsFileTest, FaultsAreNamedByTheirLines) {
    expect_fault("", "no lines");
    expect_fault("class\nblank\n", "no column image");
    expect_fault("image\n2\n3\n", "no predictions");
    expect_fault("image,klass\n2,blank\n", "p.csv:1: unknown column \"klass\"");
    expect_fault("image,class:week\n2,1\n", "Did you mean \"weak\"?");
    expect_fault("image,attributes:\n2,1\n", "not among the attributes");
    expect_fault("image,class:weak,class:blank\n2,0,1\n3,0,1\n", "no column class:strong");
    expect_fault("image,attributes:ice,attributes:ice\n2,0,1\n3,0,1\n", "attributes:ice twice");
    expect_fault("image,class\n2,blank\n3,strnog\n", "p.csv:3: unknown class \"strnog\"");
    expect_fault("image,class\n2,blank\n", "no predictions for 1 of the 2 images of the split: 3");
    expect_fault("image,class\n2,blank\n\n2,blank\n3,blank\n", "p.csv:4: image 2 again (it is also at ");
    expect_fault("image,class\n2,blank\n3,blank\n4,blank\n", "p.csv:4: image 4 (");
    expect_fault("image,class\n2,blank\n3.5,blank\n", "p.csv:3: image \"3.5\"");
    expect_fault("image,class\n2,blank\n3\n", "p.csv:3: 1 cells under 2 columns");
    expect_fault("image,attributes:ice\n2,0.5\n3,nan\n", "p.csv:3: nan for attributes:ice");
    expect_fault("image,attributes:ice\n2,0.5\n3,\n", "p.csv:3: \"\" under attributes:ice");
    expect_fault("image,attributes:ice\n2,1.01\n3,0\n", "p.csv:2: 1.01 for attributes:ice");
    expect_fault("image,values:mosaic1\n2,1\n3,inf\n", "p.csv:3: inf for values:mosaic1");
    expect_fault("image,hit:miss,hit:hit\n2,0.9,0.9\n3,0,1\n", "add up to 1.8");
    EXPECT_THROW(read_predictions(directory / "absent.csv", corpus), DataError);
}

TEST_F(PredictionsFileTest, WhatIsWrittenReadsBackToTheLastBit) {
    Predictions predictions;
    const std::vector<std::string> heads = {"class", "attributes", "values"};
    predictions.heads = make_heads(heads, head_source(corpus));
    predictions.image_indices = {2, 3};
    predictions.scores = {{1.0F / 3.0F, 1.0F / 3.0F, 1.0F / 3.0F, 1e-30F, 0.1F, -1.0F / 7.0F},
                          {0.0F, 0.0F, 1.0F, 1.0F, 0.5F, 1e20F}};
    for (const std::string name : {"out.csv", "out.h5", "out.hdf5"}) {
        write_predictions(directory / name, predictions);
        const auto again = read_predictions(directory / name, corpus);
        EXPECT_EQ(again.heads, predictions.heads) << name;
        EXPECT_EQ(again.scores, predictions.scores) << name;
        EXPECT_EQ(again.image_indices, predictions.image_indices) << name;
    }
    EXPECT_THROW(write_predictions(directory / "out.txt", predictions), UsageError);
    EXPECT_THROW(write_predictions(directory / "absent" / "out.csv", predictions), DataError);
}

TEST_F(PredictionsFileTest, Hdf5WithoutImagesAndNamesIsInTheCorpusOrder) {
    const auto write_hdf5 = [&](std::uint64_t rows) {
        const auto file = hdf5::create_file(directory / "bare.h5");
        const auto group = hdf5::create_group(file, "predictions", "NXcollection");
        const std::vector<float> values(rows * 3, 1.0F / 3.0F);
        hdf5::write_values(group, "class", hdf5::Number::f32, values.data(), {rows, 3});
    };
    write_hdf5(2);
    const auto predictions = read_predictions(directory / "bare.h5", corpus);
    EXPECT_EQ(predictions.heads[0].outputs, test::labelled_classes);
    EXPECT_EQ(predictions.image_indices, (std::vector<std::int64_t>{2, 3}));
    write_hdf5(3);
    EXPECT_THROW(read_predictions(directory / "bare.h5", corpus), DataError);
    EXPECT_THROW(read_predictions(directory / "corpus.h5", corpus), DataError);  // no predictions in it
}

TEST_F(PredictionsFileTest, PeakListsAreCountedByImage) {
    const auto path = write("file,image,fast_px\n\"a, b.h5\",1,3.5\n\"a, b.h5\",3,3.5\n\"a, b.h5\",3,9\n", "peaks.csv");
    EXPECT_EQ(read_peak_counts(path, corpus), (std::vector<std::int64_t>{0, 1, 0, 2}));
    EXPECT_THROW(read_peak_counts(write("file,image\na.h5,4\n", "peaks.csv"), corpus), DataError);
    EXPECT_THROW(read_peak_counts(write("file,image\na.h5,1\nb.h5,1\n", "peaks.csv"), corpus), DataError);
    EXPECT_THROW(read_peak_counts(write("x,y\n1,1\n", "peaks.csv"), corpus), DataError);
}

TEST(Csv, QuotesAreUndoneAndMade) {
    EXPECT_EQ(csv_cells("a,\"b, \"\"c\"\"\",,d"), (std::vector<std::string>{"a", "b, \"c\"", "", "d"}));
    EXPECT_EQ(csv_cell("plain"), "plain");
    EXPECT_EQ(csv_cell("b, \"c\""), "\"b, \"\"c\"\"\"");
}

}  // namespace
}  // namespace braggbench
