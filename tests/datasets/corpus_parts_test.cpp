// A corpus made in several runs, or in one that was killed, is the corpus made at once.
#include "datasets/corpus_parts.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>

#include "datasets/generate.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/hdf5_image_file.hpp"
#include "datasets/recipe_toml.hpp"
#include "datasets/verify.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

using test::ScratchFolder;

void ignore_progress(std::int64_t, std::int64_t) {}

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class CorpusParts : public testing::Test {
protected:
    static void SetUpTestSuite() {
        shared_ = std::make_unique<ScratchFolder>();
        setenv("BRAGGBENCH_CACHE", (*shared_ / "cache").c_str(), 1);
        generate(recipe(), whole(), 2, ignore_progress);
    }
    static void TearDownTestSuite() { shared_.reset(); }
    static fs::path whole() { return *shared_ / "whole.h5"; }

    static Recipe recipe() {
        return load_recipe("ci", {"corpus.image_count=22", "crystal.d_min_A=8", "corpus.seed=7"});
    }

    // Parts of 4 images.
    [[nodiscard]] GeneratePlan plan(std::optional<Share> share = std::nullopt, Assembly assembly = Assembly::one_file,
                                    int threads = 2) const {
        return plan_generate(recipe(), corpus_, {threads, share, assembly, 4});
    }
    void make(std::optional<Share> share = std::nullopt, Assembly assembly = Assembly::one_file,
              int threads = 2) const {
        generate(plan(share, assembly, threads), ignore_progress, ignore_progress);
    }
    void expect_the_whole() const {
        EXPECT_TRUE(bytes_of(corpus_) == bytes_of(whole()));
        EXPECT_FALSE(fs::exists(parts_folder(corpus_)));
    }
    [[nodiscard]] VerifyReport verify() const { return verify_corpus(corpus_, {5, 2}, ignore_progress); }
    static std::string faults(const VerifyReport& report) {
        std::string text;
        for (const VerifyCheck& check : report.checks) {
            for (const std::string& fault : check.faults) text += fault + "\n";
        }
        return text;
    }

    static inline std::unique_ptr<ScratchFolder> shared_;
    ScratchFolder folder_;
    fs::path corpus_ = folder_ / "c.h5";
};

TEST_F(CorpusParts, TwoHalvesAreTheWhole) {
    make(Share{2, 2}, Assembly::one_file, 1);
    EXPECT_FALSE(fs::exists(corpus_));
    EXPECT_EQ(plan().found, 11);
    make(Share{1, 2}, Assembly::one_file, 3);
    EXPECT_EQ(plan().found, 22);
    make();
    expect_the_whole();
}

TEST_F(CorpusParts, AnyNumberAndSizeOfPartsIsTheWhole) {
    for (const std::int64_t most : {7, 21}) {
        generate(plan_generate(recipe(), corpus_, {2, std::nullopt, Assembly::one_file, most}), ignore_progress,
                 ignore_progress);
        expect_the_whole();
        fs::remove(corpus_);
    }
}

// Killed at the 14th image with parts of 4, it had finished three parts.
TEST_F(CorpusParts, AKilledRunGoesOn) {
    const pid_t child = fork();
    if (child == 0) {
        generate(
            plan(std::nullopt, Assembly::one_file, 1),
            [](std::int64_t done, std::int64_t) {
                if (done == 14) (void)raise(SIGKILL);
            },
            ignore_progress);
        _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(fs::exists(corpus_));
    EXPECT_EQ(plan().found, 12);
    std::int64_t first = 0;
    generate(
        plan(), [&](std::int64_t done, std::int64_t) { first = first == 0 ? done : first; }, ignore_progress);
    EXPECT_EQ(first, 13);
    expect_the_whole();
}

TEST_F(CorpusParts, FailureWhileJoiningLosesNothing) {
    EXPECT_THROW(generate(plan(), ignore_progress,
                          [](std::int64_t done, std::int64_t) {
                              if (done == 9) throw std::runtime_error("stopped");
                          }),
                 std::runtime_error);
    EXPECT_FALSE(fs::exists(corpus_));
    EXPECT_EQ(plan().found, 22);
    make();
    expect_the_whole();
}

TEST_F(CorpusParts, APartIsACorpus) {
    make(Share{2, 2});
    const std::vector<CorpusPart> parts = find_parts(corpus_, corpus_info(recipe()));
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[1].images, (ImageRange{15, 19}));
    const VerifyReport report = verify_corpus(parts[1].file, {5, 2}, ignore_progress);
    EXPECT_TRUE(report.passed()) << faults(report);
    EXPECT_EQ(report.checks.back().result, "4 of 4 images made again, equal to the last bit");
    const CorpusReader at_once(whole());
    EXPECT_EQ(CorpusReader(parts[1].file).image(2), at_once.image(17));
}

TEST_F(CorpusParts, AVirtualCorpusIsTheWhole) {
    make(std::nullopt, Assembly::virtual_file);
    const VerifyReport report = verify();
    EXPECT_TRUE(report.passed()) << faults(report);
    const CorpusReader at_once(whole());
    const CorpusReader parts(corpus_);
    ASSERT_EQ(parts.parts().size(), 6U);
    EXPECT_EQ(parts.checksums(), at_once.checksums());
    EXPECT_EQ(parts.class_indices(), at_once.class_indices());
    EXPECT_EQ(parts.labels(), at_once.labels());
    for (std::int64_t i = 21; i >= 0; --i) {
        EXPECT_EQ(parts.image(i), at_once.image(i)) << i;
        EXPECT_EQ(parts.peaks(i).size(), at_once.peaks(i).size()) << i;
    }
    // HDF5 itself resolves it, and wherever both are moved to.
    fs::create_directory(folder_ / "elsewhere");
    fs::rename(corpus_, folder_ / "elsewhere/c.h5");
    fs::rename(parts_folder(corpus_), folder_ / "elsewhere/c.h5.parts");
    const hdf5::Handle file = hdf5::open_file(folder_ / "elsewhere/c.h5");
    Image<std::uint16_t> image(at_once.info().width_px, at_once.info().height_px);
    hdf5::read_block(hdf5::open(file, "/entry/data/data"), {17, 0, 0},
                     {1, static_cast<std::uint64_t>(image.height), static_cast<std::uint64_t>(image.width)},
                     hdf5::Number::u16, image.pixels.data());
    EXPECT_EQ(image, at_once.image(17));
    // And it becomes one file again.
    fs::rename(folder_ / "elsewhere/c.h5.parts", parts_folder(corpus_));
    make();
    expect_the_whole();
}

TEST_F(CorpusParts, AMissingOrChangedPartIsNamed) {
    make(std::nullopt, Assembly::virtual_file);
    const fs::path part = part_file(corpus_, {8, 12});
    const std::string good = bytes_of(part);
    fs::remove(part);
    EXPECT_NE(faults(verify()).find("00000008-00000011.h5"), std::string::npos) << faults(verify());
    try {
        const CorpusReader reader(corpus_);
        ADD_FAILURE() << "opened without a part";
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("images 8 to 11 are missing"), std::string::npos) << error.what();
    }
    EXPECT_THROW((void)read_hdf5_image(corpus_, 0), DataError);
    // One of another place.
    fs::copy_file(part_file(corpus_, {4, 8}), part);
    EXPECT_NE(faults(verify()).find("is not the part of images 8 to 11"), std::string::npos) << faults(verify());
    EXPECT_NE(faults(verify()).find("image 8 has checksum"), std::string::npos) << faults(verify());
    std::ofstream(part, std::ios::binary) << good.substr(0, good.size() - 9);
    EXPECT_NE(faults(verify()).find("00000008-00000011.h5"), std::string::npos) << faults(verify());
    std::ofstream(part, std::ios::binary) << good;
    EXPECT_TRUE(verify().passed()) << faults(verify());
}

TEST_F(CorpusParts, DamagedAndForeignPartsAreRefusedByName) {
    make(Share{1, 2});
    const fs::path part = part_file(corpus_, {4, 8});
    const std::string good = bytes_of(part);
    std::ofstream(part, std::ios::binary) << good.substr(0, good.size() / 2);
    EXPECT_THROW(plan(), DataError);
    std::ofstream(part, std::ios::binary) << good;
    EXPECT_EQ(plan().found, 11);
    Recipe other = recipe();
    other.seed = 8;
    try {
        (void)plan_generate(other, corpus_, {});
        ADD_FAILURE() << "took parts of another seed";
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("00000000-00000003.h5"), std::string::npos) << error.what();
    }
}

TEST_F(CorpusParts, NoDamagedImageGetsIntoTheWhole) {
    make(Share{1, 2});
    make(Share{2, 2});
    const fs::path part = part_file(corpus_, {4, 8});
    const std::string good = bytes_of(part);
    const std::vector<std::uint8_t> chunk = CorpusReader(part).stored_chunk(2);
    const std::size_t at = good.find(std::string(chunk.begin(), chunk.end()));
    ASSERT_NE(at, std::string::npos);
    for (const std::size_t byte : {at + 2, at + chunk.size() / 2, at + chunk.size() - 1}) {
        std::string flipped = good;
        flipped[byte] = static_cast<char>(flipped[byte] ^ 4);
        std::ofstream(part, std::ios::binary) << flipped;
        try {
            make();
            ADD_FAILURE() << "took a part with byte " << byte << " flipped";
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find("00000004-00000007.h5"), std::string::npos) << error.what();
        }
        EXPECT_FALSE(fs::exists(corpus_));
    }
    std::ofstream(part, std::ios::binary) << good;
    make();
    expect_the_whole();
}

TEST(CorpusPartRanges, GroupsStayWhole) {
    EXPECT_EQ(share_of(20, 5, {1, 3}), (ImageRange{0, 5}));
    EXPECT_EQ(share_of(20, 5, {2, 3}), (ImageRange{5, 10}));
    EXPECT_EQ(share_of(20, 5, {3, 3}), (ImageRange{10, 20}));
    EXPECT_THROW(share_of(20, 5, {0, 3}), UsageError);
    EXPECT_THROW(share_of(20, 5, {4, 3}), UsageError);
    EXPECT_THROW(share_of(20, 5, {1, 5}), UsageError);
    const std::vector<CorpusPart> parts = {{"a", {4, 8}}, {"b", {11, 12}}};
    EXPECT_EQ(missing_images(parts, {0, 20}, 5), (std::vector<ImageRange>{{0, 4}, {8, 11}, {12, 17}, {17, 20}}));
    EXPECT_EQ(missing_images(parts, {5, 12}, 5), (std::vector<ImageRange>{{8, 11}}));
    EXPECT_TRUE(missing_images(parts, {4, 8}, 5).empty());
}

}  // namespace
}  // namespace braggbench
