#include "datasets/corpus.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "datasets/hdf5.hpp"
#include "datasets/hdf5_image_file.hpp"
#include "datasets/view.hpp"
#include "simulator/error.hpp"
#include "small_corpus.hpp"

namespace braggbench {
namespace {

using test::ScratchFolder;
using test::small_info;
using test::small_record;
using test::write_small_corpus;

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void expect_same(const Peak& a, const Peak& b) {
    EXPECT_EQ(a.hkl, b.hkl);
    EXPECT_EQ(a.lattice, b.lattice);
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.visible, b.visible);
    EXPECT_EQ(a.fast_px, b.fast_px);
    EXPECT_EQ(a.slow_px, b.slow_px);
    EXPECT_EQ(a.photons, b.photons);
    EXPECT_EQ(a.var_fast_px2, b.var_fast_px2);
    EXPECT_EQ(a.var_slow_px2, b.var_slow_px2);
    EXPECT_EQ(a.cov_px2, b.cov_px2);
    EXPECT_EQ(a.background_photons, b.background_photons);
    EXPECT_EQ(a.snr, b.snr);
    EXPECT_EQ(a.d_A, b.d_A);
}

// The message of the DataError that opening `path` gives.
std::string refusal(const std::filesystem::path& path) {
    try {
        const CorpusReader reader(path);
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find(path.filename().string()), std::string::npos) << error.what();
        return error.what();
    }
    ADD_FAILURE() << path << " was accepted";
    return {};
}

TEST(Corpus, ReadsBackWhatWasWritten) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(7);
    const auto records = write_small_corpus(folder / "c.h5", info);
    const CorpusReader reader(folder / "c.h5");

    EXPECT_EQ(reader.path(), folder / "c.h5");
    const CorpusInfo& read = reader.info();
    EXPECT_EQ(read.image_count, 7);
    EXPECT_EQ(read.width_px, info.width_px);
    EXPECT_EQ(read.height_px, info.height_px);
    EXPECT_EQ(read.wavelength_A, info.wavelength_A);
    ASSERT_EQ(read.detector.panels.size(), 1U);
    const Panel& panel = read.detector.panels[0];
    EXPECT_EQ(panel.width_px, info.width_px);
    EXPECT_EQ(panel.height_px, info.height_px);
    EXPECT_EQ(panel.pixel_size_mm, info.detector.panels[0].pixel_size_mm);
    EXPECT_EQ(panel.origin_mm, info.detector.panels[0].origin_mm);
    EXPECT_EQ(panel.fast_axis, info.detector.panels[0].fast_axis);
    EXPECT_EQ(panel.slow_axis, info.detector.panels[0].slow_axis);
    EXPECT_EQ(read.detector.image_width_px, info.width_px);
    EXPECT_EQ(read.detector.image_height_px, info.height_px);
    EXPECT_EQ(read.detector.sensor_thickness_um, 320.0);
    EXPECT_EQ(read.detector.sensor_attenuation_length_um, 111.1);
    EXPECT_EQ(read.response.gain_adu_per_photon, 2.3);
    EXPECT_EQ(read.response.read_noise_rms_adu, 0.7);
    EXPECT_EQ(read.response.offset_adu, 10.1);
    EXPECT_EQ(read.response.saturation_adu, 65000.0);
    EXPECT_EQ(read.class_names, info.class_names);
    EXPECT_EQ(read.recipe_toml, info.recipe_toml);
    EXPECT_EQ(read.seed, info.seed);
    EXPECT_EQ(read.provenance, info.provenance);

    ASSERT_EQ(reader.class_indices().size(), 7U);
    ASSERT_EQ(reader.splits().size(), 7U);
    ASSERT_EQ(reader.truth().size(), 7U);
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto index = static_cast<std::int64_t>(i);
        EXPECT_EQ(reader.class_indices()[i], records[i].class_index);
        EXPECT_EQ(reader.splits()[i], records[i].split);
        EXPECT_EQ(reader.labels()[i], records[i].labels);
        EXPECT_EQ(reader.variations()[i], records[i].variations);
        EXPECT_EQ(reader.groups()[i], records[i].group);
        EXPECT_EQ(reader.members()[i], records[i].member);
        EXPECT_EQ(std::memcmp(&reader.truth()[i], &records[i].truth, sizeof(ImageTruth)), 0);
        EXPECT_EQ(reader.image(index), records[i].image);
        const std::vector<Peak> peaks = reader.peaks(index);
        ASSERT_EQ(peaks.size(), records[i].peaks.size());
        for (std::size_t k = 0; k < peaks.size(); ++k) expect_same(peaks[k], records[i].peaks[k]);
    }
    EXPECT_EQ(read.labels.attributes, info.labels.attributes);
    EXPECT_EQ(read.labels.values, info.labels.values);
    EXPECT_EQ(read.labels.value_units, info.labels.value_units);
    EXPECT_TRUE(read.labels.graded);
    EXPECT_EQ(read.variation_names, info.variation_names);
    EXPECT_EQ(read.member_names, info.member_names);
    ASSERT_EQ(read.drawn_names, info.drawn_names);
    const std::vector<float> volumes = reader.drawn("crystal.volume_um3");
    for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(volumes[i], records[i].drawn[0]);
    EXPECT_TRUE(reader.drawn("crystal.colour").empty());
    EXPECT_EQ(reader.indices(Split::train), (std::vector<std::int64_t>{0, 3, 6}));
    EXPECT_EQ(reader.indices(Split::test), (std::vector<std::int64_t>{2, 5}));
    EXPECT_THROW((void)reader.image(7), UsageError);
    EXPECT_THROW((void)reader.image(-1), UsageError);
    EXPECT_THROW((void)reader.peaks(7), UsageError);
}

TEST(Corpus, KeepsPanelsAndTheGapsBetweenThem) {
    const ScratchFolder folder;
    CorpusInfo info = small_info(1);
    Panel& left = info.detector.panels[0];
    left.width_px = 40;
    Panel right = left;
    right.image_fast_px = 45;
    right.width_px = info.width_px - 45;
    right.fast_axis = {-std::cos(0.01), 0.0, std::sin(0.01)};
    right.origin_mm += Eigen::Vector3d(-45 * 0.172, 0.3, -1.7);
    info.detector.panels.push_back(right);
    write_small_corpus(folder / "c.h5", info);
    const CorpusReader reader(folder / "c.h5");
    ASSERT_EQ(reader.info().detector.panels.size(), 2U);
    const Panel& read = reader.info().detector.panels[1];
    EXPECT_EQ(read.image_fast_px, 45);
    EXPECT_EQ(read.width_px, right.width_px);
    EXPECT_TRUE(read.origin_mm.isApprox(right.origin_mm, 1e-14));
    EXPECT_EQ(read.fast_axis, right.fast_axis);

    const auto height = static_cast<std::uint64_t>(info.height_px);
    const auto width = static_cast<std::uint64_t>(info.width_px);
    const auto mask = hdf5::read_all<std::uint32_t>(hdf5::open_file(folder / "c.h5"),
                                                    "/entry/instrument/detector/pixel_mask", {height, width});
    for (std::size_t fast = 0; fast < width; ++fast) {
        EXPECT_EQ(mask[3 * width + fast], fast >= 40 && fast < 45 ? 1U : 0U);
        EXPECT_EQ(reader.info().pixel_mask.pixels[3 * width + fast], fast >= 40 && fast < 45 ? 1 : 0);
    }
}

// Trained on as one of a corpus, classified as one of a file: masked pixels are filled alike.
TEST(Corpus, AnImageHasOneViewInCorpusAndFile) {
    const ScratchFolder folder;
    CorpusInfo info = small_info(2);
    info.pixel_mask = Image<std::uint8_t>(info.width_px, info.height_px);
    for (int slow = 0; slow < info.height_px; ++slow) {
        for (int fast = 30; fast < 37; ++fast) info.pixel_mask(fast, slow) = 1;
    }
    write_small_corpus(folder / "c.h5", info);
    const CorpusReader reader(folder / "c.h5");
    const DetectorImage file = read_hdf5_image(folder / "c.h5", 1);
    for (const char* spec : {"downsample:max:32", "downsample:mean:48+sqrt", "crop:centre:64"}) {
        const View of_file = make_view(file, parse_view(spec), 1.0, 0.0);
        const View of_corpus = make_view(reader.image(1), image_frame(reader.info()), parse_view(spec), 1.0, 0.0);
        EXPECT_TRUE(of_corpus.photons == of_file.photons) << spec;
        EXPECT_TRUE(of_corpus.valid == of_file.valid) << spec;
        EXPECT_FALSE(make_view(reader.image(1), parse_view(spec), 1.0, 0.0).photons == of_file.photons) << spec;
    }
}

TEST(Corpus, AMaskOfItsOwnIsReadBack) {
    const ScratchFolder folder;
    CorpusInfo info = small_info(2);
    info.pixel_mask = Image<std::uint8_t>(info.width_px, info.height_px);
    for (const std::size_t p : {7U, 900U, 4000U}) info.pixel_mask.pixels[p] = 1;
    write_small_corpus(folder / "c.h5", info);
    EXPECT_EQ(CorpusReader(folder / "c.h5").info().pixel_mask, info.pixel_mask);
}

TEST(Corpus, TablesLongerThanAChunk) {
    const ScratchFolder folder;
    CorpusInfo info = small_info(130, 8, 8);
    CorpusWriter writer(folder / "c.h5", info);
    std::vector<CorpusRecord> records;
    for (std::int64_t i = 0; i < info.image_count; ++i) {
        CorpusRecord record = small_record(info, i, 0);
        record.peaks = small_record(small_info(1), i, 90).peaks;
        records.push_back(record);
        writer.append(encode(std::move(record)));
    }
    writer.finish();
    const CorpusReader reader(folder / "c.h5");
    for (const std::int64_t i : {0, 44, 45, 46, 63, 64, 129}) {
        const auto peaks = reader.peaks(i);
        const auto& expected = records[static_cast<std::size_t>(i)].peaks;
        ASSERT_EQ(peaks.size(), expected.size());
        for (std::size_t k = 0; k < peaks.size(); ++k) expect_same(peaks[k], expected[k]);
    }
}

TEST(Corpus, CxiPeaksAreTheVisibleOnesAtPixelCentres) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(70);
    std::vector<CorpusRecord> records;
    {
        CorpusWriter writer(folder / "c.h5", info);
        for (std::int64_t i = 0; i < info.image_count; ++i) {
            records.push_back(small_record(info, i, i == 66 ? 3000 : static_cast<int>(i)));
            writer.append(encode(CorpusRecord(records.back())));
        }
        writer.finish();
    }
    const hdf5::Handle file = hdf5::open_file(folder / "c.h5");
    // Of 3000 peaks 2250 are visible; the table stops at 2048.
    const auto counts = hdf5::read_all<std::int32_t>(file, "/entry_1/result_1/nPeaks", {70});
    const auto x = hdf5::read_all<float>(file, "/entry_1/result_1/peakXPosRaw", {70, 2048});
    const auto y = hdf5::read_all<float>(file, "/entry_1/result_1/peakYPosRaw", {70, 2048});
    const auto intensity = hdf5::read_all<float>(file, "/entry_1/result_1/peakTotalIntensity", {70, 2048});
    for (std::size_t i = 0; i < records.size(); ++i) {
        std::size_t n = 0;
        for (const Peak& peak : records[i].peaks) {
            if (!peak.visible || n == 2048) continue;
            ASSERT_EQ(x[i * 2048 + n], peak.fast_px - 0.5F);
            ASSERT_EQ(y[i * 2048 + n], peak.slow_px - 0.5F);
            ASSERT_EQ(intensity[i * 2048 + n], peak.photons);
            ++n;
        }
        ASSERT_EQ(counts[i], static_cast<std::int32_t>(n));
        for (; n < 2048; ++n) ASSERT_EQ(x[i * 2048 + n], 0.0F);
    }
    EXPECT_EQ(hdf5::read_double(file, "/cxi_version"), 160.0);
    EXPECT_NEAR(hdf5::read_double(file, "/entry/event/photon_energy_eV"), 12398.4198 / 1.3, 1e-3);
    EXPECT_TRUE(hdf5::is_dataset(file, "/entry_1/data_1/data"));
}

// The filter pipeline of HDF5 must undo what encode() did without it.
TEST(Corpus, Hdf5ItselfReadsTheChunks) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(3);
    const auto records = write_small_corpus(folder / "c.h5", info);
    const hdf5::Handle file = hdf5::open_file(folder / "c.h5");
    const auto stack = hdf5::read_all<std::uint16_t>(file, "/entry/data/data", {3, 80, 96});
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& pixels = records[i].image.pixels;
        EXPECT_TRUE(
            std::equal(pixels.begin(), pixels.end(), stack.begin() + static_cast<std::ptrdiff_t>(i * pixels.size())));
    }
    const auto mask = hdf5::read_all<std::uint32_t>(file, "/entry/instrument/detector/pixel_mask", {80, 96});
    EXPECT_EQ(mask, std::vector<std::uint32_t>(80 * 96, 0));
}

TEST(Corpus, SameRecordsGiveSameBytesOnAnyNumberOfThreads) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(12);
    write_small_corpus(folder / "one.h5", info);
    std::vector<EncodedRecord> encoded(12);
    {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (std::int64_t i = t; i < 12; i += 4) {
                    encoded[static_cast<std::size_t>(i)] = encode(small_record(info, i, static_cast<int>(7 * i)));
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
    CorpusWriter writer(folder / "two.h5", info);
    for (const EncodedRecord& record : encoded) writer.append(record);
    writer.finish();
    EXPECT_GT(bytes_of(folder / "one.h5").size(), 10000U);
    EXPECT_TRUE(bytes_of(folder / "one.h5") == bytes_of(folder / "two.h5"));
}

TEST(Corpus, ImagesAndPeaksAreReadFromSeveralThreads) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(16);
    const auto records = write_small_corpus(folder / "c.h5", info);
    const CorpusReader reader(folder / "c.h5");
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i < 64; ++i) {
                const std::size_t k = (i * (t + 1)) % records.size();
                if (reader.image(static_cast<std::int64_t>(k)) != records[k].image) ++wrong[t];
                if (reader.peaks(static_cast<std::int64_t>(k)).size() != records[k].peaks.size()) ++wrong[t];
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(Corpus, UnfinishedWriterLeavesNothing) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(3);
    {
        CorpusWriter writer(folder / "c.h5", info);
        writer.append(encode(small_record(info, 0, 3)));
        EXPECT_FALSE(std::filesystem::exists(folder / "c.h5"));
        EXPECT_THROW(writer.finish(), std::logic_error);
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Corpus, ReplacesAnOldFileOnlyWhenFinished) {
    const ScratchFolder folder;
    write_small_corpus(folder / "c.h5", small_info(2));
    const std::string before = bytes_of(folder / "c.h5");
    {
        CorpusWriter writer(folder / "c.h5", small_info(3));
        writer.append(encode(small_record(small_info(3), 0, 3)));
    }
    EXPECT_TRUE(bytes_of(folder / "c.h5") == before);
    write_small_corpus(folder / "c.h5", small_info(3));
    EXPECT_EQ(CorpusReader(folder / "c.h5").info().image_count, 3);
}

TEST(Corpus, RefusesPlacesThatCannotBeWritten) {
    const ScratchFolder folder;
    EXPECT_THROW(CorpusWriter(folder / "nowhere/c.h5", small_info(1)), DataError);
    EXPECT_THROW(CorpusWriter(folder.path(), small_info(1)), DataError);
    EXPECT_THROW(CorpusWriter("/proc/c.h5", small_info(1)), DataError);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Corpus, TwoWritersOfOneFileDoNotMix) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(1);
    {
        CorpusWriter first(folder / "c.h5", info);
        EXPECT_THROW(CorpusWriter(folder / "c.h5", info), DataError);
        first.append(encode(small_record(info, 0, 3)));
        first.finish();
    }
    EXPECT_EQ(CorpusReader(folder / "c.h5").peaks(0).size(), 3U);
}

TEST(Corpus, RefusesRecordsThatDoNotFit) {
    const ScratchFolder folder;
    EXPECT_THROW(CorpusWriter(folder / "c.h5", small_info(0)), UsageError);
    const CorpusInfo info = small_info(1);
    CorpusWriter writer(folder / "c.h5", info);
    EXPECT_THROW(writer.append(encode(small_record(small_info(1, 95, 80), 0, 0))), std::logic_error);
    CorpusRecord record = small_record(info, 0, 0);
    record.class_index = 4;
    EXPECT_THROW(writer.append(encode(CorpusRecord(record))), std::logic_error);
    record.class_index = 3;
    writer.append(encode(CorpusRecord(record)));
    EXPECT_THROW(writer.append(encode(CorpusRecord(record))), std::logic_error);
}

TEST(Corpus, RefusesNumbersThatAreNotFinite) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(1);
    CorpusWriter writer(folder / "c.h5", info);
    CorpusRecord record = small_record(info, 0, 3);
    record.peaks[1].slow_px = std::nanf("");
    EXPECT_THROW(writer.append(encode(std::move(record))), std::logic_error);
}

TEST(CorpusReader, SaysWhatIsWrongWithAFile) {
    const ScratchFolder folder;
    EXPECT_NE(refusal(folder / "none.h5").find("no such file"), std::string::npos);
    std::ofstream(folder / "text.h5") << "not at all";
    EXPECT_NE(refusal(folder / "text.h5").find("not an HDF5 file"), std::string::npos);
    std::ofstream(folder / "empty.h5").close();
    EXPECT_NE(refusal(folder / "empty.h5").find("not an HDF5 file"), std::string::npos);
    EXPECT_THROW(CorpusReader(folder.path()), DataError);
}

TEST(CorpusReader, RefusesTruncatedFiles) {
    const ScratchFolder folder;
    write_small_corpus(folder / "whole.h5", small_info(4));
    const std::string whole = bytes_of(folder / "whole.h5");
    for (const std::size_t length : {std::size_t{8}, std::size_t{47}, std::size_t{100}, std::size_t{2048},
                                     whole.size() / 4, whole.size() / 2, whole.size() - 1000, whole.size() - 1}) {
        std::ofstream(folder / "cut.h5", std::ios::binary) << whole.substr(0, length);
        EXPECT_NE(refusal(folder / "cut.h5").find("damaged or incomplete"), std::string::npos) << length;
    }
}

TEST(CorpusReader, RefusesADamagedImage) {
    const ScratchFolder folder;
    const CorpusInfo info = small_info(1);
    CorpusRecord record = small_record(info, 0, 0);
    const auto chunk = encode(CorpusRecord(record)).chunk;
    write_small_corpus(folder / "c.h5", info);
    std::string bytes = bytes_of(folder / "c.h5");
    const auto at = bytes.find(std::string(chunk.begin(), chunk.end()));
    ASSERT_NE(at, std::string::npos);
    for (std::size_t i = 0; i < 64; ++i) bytes[at + chunk.size() / 2 + i] ^= 0x55;
    std::ofstream(folder / "c.h5", std::ios::binary) << bytes;
    const CorpusReader reader(folder / "c.h5");
    EXPECT_THROW((void)reader.image(0), DataError);
}

TEST(CorpusReader, RefusesOtherHdf5Files) {
    const ScratchFolder folder;
    const auto path = folder / "other.h5";
    hdf5::create_group(hdf5::create_file(path), "entry", "NXentry");
    EXPECT_NE(refusal(path).find("not a BraggBench corpus"), std::string::npos);

    {
        const hdf5::Handle file = hdf5::create_file(path);
        hdf5::set_attribute(file, "braggbench_corpus_version", 3);
        const hdf5::Handle entry = hdf5::create_group(file, "entry", "NXentry");
        const hdf5::Handle data = hdf5::create_group(entry, "data", "NXdata");
        hdf5::create_chunked(data, "data", hdf5::Number::u16, {0, 8, 8}, {hdf5::unlimited, 8, 8}, {1, 8, 8});
    }
    EXPECT_NE(refusal(path).find("holds no images"), std::string::npos);

    {
        const hdf5::Handle file = hdf5::create_file(path);
        hdf5::set_attribute(file, "braggbench_corpus_version", 3);
        const hdf5::Handle entry = hdf5::create_group(file, "entry", "NXentry");
        const hdf5::Handle data = hdf5::create_group(entry, "data", "NXdata");
        hdf5::create_chunked(data, "data", hdf5::Number::u16, {2, 8, 8}, {2, 8, 8}, {1, 8, 8});
    }
    EXPECT_NE(refusal(path).find("incident_wavelength"), std::string::npos);

    {
        const hdf5::Handle file = hdf5::create_file(path);
        hdf5::set_attribute(file, "braggbench_corpus_version", 99);
        const hdf5::Handle entry = hdf5::create_group(file, "entry", "NXentry");
        const hdf5::Handle data = hdf5::create_group(entry, "data", "NXdata");
        hdf5::create_chunked(data, "data", hdf5::Number::u16, {2, 8, 8}, {2, 8, 8}, {1, 8, 8});
    }
    EXPECT_NE(refusal(path).find("version 99"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
