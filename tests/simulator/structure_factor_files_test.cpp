// hkl text, MTZ, the choice among formats, and the cache.

#include <gtest/gtest.h>
#include <stdlib.h>  // setenv is POSIX, not in <cstdlib>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

const UnitCell cell{60.0, 70.0, 80.0};

class StructureFactorFiles : public testing::Test {
protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() / ("braggbench_files_" + std::to_string(getpid()));
        std::filesystem::create_directories(directory_);
        cache_ = directory_ / "cache";
        setenv("BRAGGBENCH_CACHE", cache_.c_str(), 1);
    }
    void TearDown() override {
        unsetenv("BRAGGBENCH_CACHE");
        std::filesystem::remove_all(directory_);
    }
    std::filesystem::path write(const std::string& name, const std::string& text) {
        std::ofstream(directory_ / name, std::ios::binary) << text;
        return directory_ / name;
    }
    std::string hkl_error(const std::string& text) {
        try {
            structure_factors_from_hkl(write("bad.hkl", text), cell);
        } catch (const DataError& error) {
            return error.what();
        }
        ADD_FAILURE() << "no DataError for " << text;
        return "";
    }
    [[nodiscard]] std::vector<std::filesystem::path> cached() const {
        std::vector<std::filesystem::path> files;
        if (!std::filesystem::exists(cache_)) return files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(cache_)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
        return files;
    }

    std::filesystem::path directory_;
    std::filesystem::path cache_;
};

TEST_F(StructureFactorFiles, HklTextIsTakenAsItStands) {
    const auto factors = structure_factors_from_hkl(
        write("a.hkl", "# h k l F\n1 2 -3 10.5\n\n  -4\t0 5 7e1 # bright\r\n0 0 0 3\n"), cell);
    EXPECT_EQ(factors(1, 2, -3), 10.5F);
    EXPECT_EQ(factors(-4, 0, 5), 70.0F);
    EXPECT_EQ(factors(0, 0, 0), 3.0F);
    EXPECT_EQ(factors(-1, -2, 3), 0.0F);  // no Friedel mate
    EXPECT_EQ(factors.hkl_max(), (MillerIndex{4, 2, 5}));
    EXPECT_EQ(factors.space_group(), "P 1");
    EXPECT_NEAR(factors.d_min_A(), 1.0 / std::sqrt(16.0 / 3600.0 + 25.0 / 6400.0), 1e-12);
}

TEST_F(StructureFactorFiles, HklFaultsNameTheLine) {
    EXPECT_NE(hkl_error("1 2 3 4\n1 2 x 4\n").find("bad.hkl:2:"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3\n").find(":1:"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3.5 4\n").find(":1:"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3 4 5\n").find(":1:"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3 nan\n").find("F = nan"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3 -1\n").find("F = -1"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3 1e60\n").find("finite"), std::string::npos);
    EXPECT_NE(hkl_error("-2147483648 2 3 1\n").find("beyond"), std::string::npos);
    EXPECT_NE(hkl_error("90000 90000 90000 1\n").find("too large"), std::string::npos);
    EXPECT_NE(hkl_error("1 2 3 4\n1 2 3 5\n").find("two amplitudes"), std::string::npos);
    EXPECT_NE(hkl_error("# nothing\n").find("no reflections"), std::string::npos);
    EXPECT_NE(hkl_error("0 0 0 4\n").find("0 0 0"), std::string::npos);
    EXPECT_THROW(structure_factors_from_hkl(write("a.hkl", "1 2 3 4\n"), UnitCell{-1.0, 1.0, 1.0}), UsageError);
    EXPECT_THROW(structure_factors_from_hkl(directory_ / "none.hkl", cell), DataError);
}

TEST_F(StructureFactorFiles, ReadsNanoBraggsLists) {
    const std::filesystem::path hkl = std::filesystem::path(SHARED_DIR) / "reference/nanobragg/inputs/P1_60x70x80.hkl";
    if (!std::filesystem::exists(hkl)) GTEST_SKIP() << hkl << " is not there";
    const auto factors = structure_factors_from_hkl(hkl, cell);
    EXPECT_EQ(factors(-18, -6, -1), 151.804F);
    EXPECT_EQ(factors(-18, -6, 0), 486.1F);
    EXPECT_EQ(factors(-18, -6, 40), 0.0F);
}

// Three reflections of P 43 21 2 in the asymmetric unit, one of them an absence, one unmeasured. The bytes are written
// here (CCP4's mtzformat page) because Debian's gemmi lacks what its own writer needs.
std::filesystem::path write_mtz(const std::filesystem::path& path, char type, float value) {
    const float unmeasured = std::nanf("");
    const std::vector<float> rows{2, 1, 3, value,      5,  //
                                  0, 0, 6, value,      5,  //
                                  4, 3, 2, unmeasured, 5};
    std::string bytes("MTZ ", 4);
    const auto append = [&](const void* data, std::size_t size) { bytes.append(static_cast<const char*>(data), size); };
    const auto header_word = static_cast<std::int32_t>(21 + rows.size());  // counted from 1; the data begin at 21
    const std::int32_t little_endian_ieee = 0x00004144;
    append(&header_word, sizeof header_word);
    append(&little_endian_ieee, sizeof little_endian_ieee);
    bytes.resize(80, '\0');
    append(rows.data(), rows.size() * sizeof(float));
    for (std::string line :
         {std::string("VERS MTZ:V1.1"), std::string("NCOL 5 3 0"), std::string("CELL 79.15 79.15 36.28 90 90 90"),
          std::string("SYMINF 8 8 P 96 'P 43 21 2' PG422"), std::string("COLUMN H H 0 4 0"),
          std::string("COLUMN K H 0 3 0"), std::string("COLUMN L H 2 6 0"),
          std::string("COLUMN VALUE ") + type + " 0 50 0", std::string("COLUMN SECOND F 5 5 0"), std::string("NDIF 1"),
          std::string("PROJECT 0 test"), std::string("CRYSTAL 0 test"), std::string("DATASET 0 test"),
          std::string("DCELL 0 79.15 79.15 36.28 90 90 90"), std::string("DWAVEL 0 1.0"), std::string("END"),
          std::string("MTZENDOFHEADERS")}) {
        line.resize(80, ' ');
        bytes += line;
    }
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

TEST_F(StructureFactorFiles, MtzIsExpandedToP1) {
    const auto factors = structure_factors_from_mtz(write_mtz(directory_ / "f.mtz", 'F', 12.0F));
    int present = 0;
    for (const float f : factors.amplitudes()) {
        if (f == 0.0F) continue;
        EXPECT_EQ(f, 12.0F);
        ++present;
    }
    EXPECT_EQ(present, 16);  // the general position of 4/mmm; the absence and the unmeasured one are 0
    for (const MillerIndex e : {MillerIndex{2, 1, 3}, {-2, -1, -3}, {-1, 2, 3}, {1, 2, 3}, {1, 2, -3}, {-2, 1, -3}})
        EXPECT_EQ(factors(e.h, e.k, e.l), 12.0F);
    EXPECT_EQ(factors.space_group(), "P 43 21 2");
    EXPECT_NEAR(factors.cell().a_A, 79.15, 1e-3);
    EXPECT_EQ(structure_factors_from_mtz(directory_ / "f.mtz", "SECOND")(3, -4, 2), 5.0F);
}

TEST_F(StructureFactorFiles, MtzIntensitiesAreRooted) {
    // Amplitudes are preferred; the intensity column must be asked for when both are there.
    const auto path = write_mtz(directory_ / "i.mtz", 'J', 49.0F);
    EXPECT_EQ(structure_factors_from_mtz(path)(2, 1, 3), 5.0F);
    EXPECT_EQ(structure_factors_from_mtz(path, "VALUE")(2, 1, 3), 7.0F);
    EXPECT_EQ(structure_factors_from_mtz(write_mtz(path, 'J', -3.0F), "VALUE")(2, 1, 3), 0.0F);
}

TEST_F(StructureFactorFiles, MtzFaults) {
    const auto path = write_mtz(directory_ / "f.mtz", 'F', 12.0F);
    EXPECT_THROW(structure_factors_from_mtz(path, "NONE"), DataError);
    EXPECT_THROW(structure_factors_from_mtz(directory_ / "none.mtz"), DataError);
    EXPECT_THROW(structure_factors_from_mtz(write_mtz(directory_ / "n.mtz", 'F', -12.0F)), DataError);
    const std::string whole = read_gunzipped_file(path);
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{90}, whole.size() / 2})
        EXPECT_THROW(structure_factors_from_mtz(write("cut.mtz", whole.substr(0, size))), DataError) << size;
    EXPECT_THROW(structure_factors_from_mtz(write("text.mtz", std::string(500, 'x'))), DataError);
}

TEST_F(StructureFactorFiles, LoadChoosesByTheEnding) {
    const std::string pdb = std::string(TEST_DATA_DIR) + "/thirty_atoms_p212121.pdb";
    const auto plain = load_structure_factors(pdb, 2.5);
    EXPECT_EQ(plain.amplitudes(), structure_factors_from_coordinates(pdb, 2.5).amplitudes());
    const auto gz = directory_ / "thirty.ent.gz";
    gzFile file = gzopen(gz.c_str(), "wb");
    const std::string text = read_gunzipped_file(pdb);
    ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
    gzclose(file);
    EXPECT_EQ(load_structure_factors(gz, 2.5).amplitudes(), plain.amplitudes());
    const std::string packed = [&] {
        std::ifstream in(gz, std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    }();
    EXPECT_THROW(load_structure_factors(write("cut.pdb.gz", packed.substr(0, packed.size() / 2)), 2.5), DataError);

    const auto mtz = write_mtz(directory_ / "f.mtz", 'F', 12.0F);
    EXPECT_EQ(load_structure_factors(mtz, 5.0)(2, 1, 3), 12.0F);
    const auto hkl = write("a.hkl", "1 0 0 5\n20 0 0 6\n");
    EXPECT_THROW(load_structure_factors(hkl, 5.0), UsageError);
    EXPECT_EQ(load_structure_factors(hkl, 5.0, &cell)(1, 0, 0), 5.0F);
    EXPECT_EQ(load_structure_factors(hkl, 5.0, &cell)(20, 0, 0), 0.0F);  // 3 A, beyond the limit
    EXPECT_EQ(load_structure_factors(hkl, 2.0, &cell)(20, 0, 0), 6.0F);
    EXPECT_THROW(load_structure_factors("image.png", 5.0), UsageError);
    EXPECT_THROW(load_structure_factors("missing.pdb", 5.0), DataError);
    EXPECT_THROW(load_structure_factors(pdb, 0.1), UsageError);
}

TEST_F(StructureFactorFiles, UnknownModelsGetTheNearestName) {
    try {
        load_structure_factors("lysozim", 5.0);
        FAIL() << "no error";
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("Did you mean lysozyme?"), std::string::npos) << error.what();
    }
}

TEST_F(StructureFactorFiles, CacheIsReadAndKeyedByContent) {
    const auto hkl = write("a.hkl", "1 2 3 5\n");
    load_structure_factors(hkl, 2.0, &cell);
    ASSERT_EQ(cached().size(), 1U);
    load_structure_factors(hkl, 2.0, &cell);
    EXPECT_EQ(cached().size(), 1U);
    // Whatever makes the result makes the key: limit, cell, bytes.
    load_structure_factors(hkl, 3.0, &cell);
    EXPECT_EQ(cached().size(), 2U);
    const UnitCell other{61.0, 70.0, 80.0};
    EXPECT_EQ(load_structure_factors(hkl, 2.0, &other).cell(), other);
    EXPECT_EQ(cached().size(), 3U);
    write("a.hkl", "1 2 3 6\n");
    EXPECT_EQ(load_structure_factors(hkl, 2.0, &cell)(1, 2, 3), 6.0F);
    EXPECT_EQ(cached().size(), 4U);
}

TEST_F(StructureFactorFiles, CacheHoldsAllThatWasComputed) {
    const std::string cif = std::string(TEST_DATA_DIR) + "/thirty_atoms_p43212.cif";
    const auto first = load_structure_factors(cif, 3.0);
    // A planted amplitude proves that the second reading comes from the entry: its checksum is redone.
    const auto entry = cached().at(0);
    std::string bytes = read_gunzipped_file(entry);
    const float planted = 4321.0F;
    std::memcpy(bytes.data() + bytes.size() - 8, &planted, 4);
    const auto sum = static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size() - sizeof(std::uint32_t)));
    std::memcpy(bytes.data() + bytes.size() - sizeof sum, &sum, sizeof sum);
    std::ofstream(entry, std::ios::binary) << bytes;
    const auto second = load_structure_factors(cif, 3.0);
    EXPECT_EQ(second.amplitudes().back(), planted);
    EXPECT_EQ(second.cell(), first.cell());
    EXPECT_EQ(second.space_group(), first.space_group());
    EXPECT_EQ(second.d_min_A(), first.d_min_A());
    EXPECT_EQ(second.hkl_max(), first.hkl_max());
    EXPECT_TRUE(std::equal(first.amplitudes().begin(), first.amplitudes().end() - 1, second.amplitudes().begin()));
}

TEST_F(StructureFactorFiles, DamagedEntriesAreIgnoredAndRewritten) {
    const auto hkl = write("a.hkl", "1 2 3 5\n-1 0 2 7\n");
    const auto good = load_structure_factors(hkl, 2.0, &cell);
    const auto entry = cached().at(0);
    const std::string whole = read_gunzipped_file(entry);
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    for (const std::string& damaged : {std::string(), whole.substr(0, 20), whole.substr(0, whole.size() - 5), flipped,
                                       std::string(whole.size(), '\0'), whole + whole}) {
        std::ofstream(entry, std::ios::binary) << damaged;
        EXPECT_EQ(load_structure_factors(hkl, 2.0, &cell).amplitudes(), good.amplitudes());
        EXPECT_EQ(read_gunzipped_file(entry), whole);
    }
    EXPECT_EQ(cached().size(), 1U);  // no temporary file stays
}

TEST_F(StructureFactorFiles, NoCacheIsNoError) {
    // A file where the directory should be: it cannot be made, not even by root.
    setenv("BRAGGBENCH_CACHE", write("occupied", "x").c_str(), 1);
    EXPECT_EQ(load_structure_factors(write("a.hkl", "1 2 3 5\n"), 2.0, &cell)(1, 2, 3), 5.0F);
}

TEST(CacheDirectory, FollowsTheEnvironment) {
    setenv("BRAGGBENCH_CACHE", "/somewhere/own", 1);
    EXPECT_EQ(cache_directory(), "/somewhere/own");
    unsetenv("BRAGGBENCH_CACHE");
    setenv("XDG_CACHE_HOME", "/somewhere/xdg", 1);
    EXPECT_EQ(cache_directory(), "/somewhere/xdg/braggbench");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/somewhere/home", 1);
    EXPECT_EQ(cache_directory(), "/somewhere/home/.cache/braggbench");
}

}  // namespace
}  // namespace braggbench
