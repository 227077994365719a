#include "datasets/corpus_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "datasets/hdf5.hpp"
#include "datasets/manifest.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

CorpusPart read_part(const fs::path& file, const CorpusInfo& whole) {
    try {
        const CorpusReader part(file, 0);
        const CorpusInfo& info = part.info();
        if (info.first_image && info.recipe_toml == whole.recipe_toml && info.provenance == whole.provenance) {
            return {file, {*info.first_image, *info.first_image + info.image_count}};
        }
    } catch (const DataError& error) {
        throw DataError(
            fmt::format("{} (It is a part of a corpus: remove it, and its images are made again.)", error.what()));
    }
    throw DataError(
        fmt::format("{}: is no part of this corpus (it was made of another recipe, seed or version). "
                    "Remove the folder {}, or name another output.",
                    file.string(), file.parent_path().string()));
}

// Copies the images of a part and all that is known of them.
void append_part(CorpusWriter& writer, const CorpusPart& part, Assembly assembly,
                 const std::function<void()>& image_done) {
    if (const auto faults = manifest_differences(hdf5::open_file(part.file)); !faults.empty()) {
        throw DataError(fmt::format("{}: is damaged ({}). Remove it, and its images are made again.",
                                    part.file.string(), faults.front()));
    }
    const CorpusReader reader(part.file, 0);
    std::vector<std::vector<float>> drawn;
    for (const std::string& name : reader.info().drawn_names) drawn.push_back(reader.drawn(name));
    for (std::int64_t i = 0; i < part.images.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        EncodedRecord encoded;
        if (assembly == Assembly::one_file) encoded.chunk = reader.stored_chunk(i);
        encoded.checksum = reader.checksums().at(at);
        CorpusRecord& record = encoded.record;
        record.image.width = reader.info().width_px;
        record.image.height = reader.info().height_px;
        record.class_index = reader.class_indices()[at];
        record.split = reader.splits()[at];
        record.labels = reader.labels()[at];
        record.variations = reader.variations()[at];
        record.group = reader.groups()[at];
        record.member = reader.members()[at];
        record.truth = reader.truth()[at];
        for (const std::vector<float>& column : drawn) record.drawn.push_back(column[at]);
        record.peaks = reader.peaks(i);
        writer.append(encoded);
        image_done();
    }
}

}  // namespace

ImageRange share_of(std::int64_t image_count, std::int64_t per_group, Share share) {
    if (share.of < 1 || share.number < 1 || share.number > share.of) {
        throw UsageError(
            fmt::format("part {}/{} (parts are counted from 1). Give K/N with K from 1 to N.", share.number, share.of));
    }
    const std::int64_t groups = image_count / per_group;
    if (groups < share.of) {
        throw UsageError(
            fmt::format("part {}/{} (there are {} images in groups of {}, and a group is not parted). "
                        "Use fewer parts.",
                        share.number, share.of, image_count, per_group));
    }
    return {groups * (share.number - 1) / share.of * per_group, groups * share.number / share.of * per_group};
}

fs::path parts_folder(const fs::path& corpus) { return corpus.string() + ".parts"; }

fs::path part_file(const fs::path& corpus, ImageRange images) {
    return parts_folder(corpus) / fmt::format("{:08}-{:08}.h5", images.first, images.end - 1);
}

std::vector<CorpusPart> find_parts(const fs::path& corpus, const CorpusInfo& whole) {
    std::vector<fs::path> files;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(parts_folder(corpus), missing)) {
        if (entry.path().extension() == ".h5") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<CorpusPart> parts;
    for (const fs::path& file : files) parts.push_back(read_part(file, whole));
    std::ranges::sort(parts, {}, [](const CorpusPart& part) { return part.images.first; });
    std::int64_t next = 0;
    // Two runs at once may have made some images twice.
    std::erase_if(parts, [&](const CorpusPart& part) {
        if (part.images.first < next) return true;
        next = part.images.end;
        return false;
    });
    return parts;
}

std::vector<ImageRange> missing_images(const std::vector<CorpusPart>& parts, ImageRange wanted, std::int64_t most) {
    std::vector<ImageRange> missing;
    std::int64_t next = wanted.first;
    const auto up_to = [&](std::int64_t end) {
        for (; next < end; next = missing.back().end) missing.push_back({next, std::min(next + most, end)});
    };
    for (const CorpusPart& part : parts) {
        up_to(std::min(part.images.first, wanted.end));
        next = std::max(next, part.images.end);
    }
    up_to(wanted.end);
    return missing;
}

CorpusInfo part_info(const CorpusInfo& whole, ImageRange images) {
    CorpusInfo info = whole;
    info.image_count = images.size();
    info.first_image = images.first;
    return info;
}

void join_parts(const std::vector<CorpusPart>& parts, const fs::path& corpus, const CorpusInfo& whole,
                Assembly assembly, const std::function<void(std::int64_t, std::int64_t)>& progress) {
    {
        auto writer = assembly == Assembly::one_file ? CorpusWriter(corpus, whole) : CorpusWriter(corpus, whole, parts);
        std::int64_t done = 0;
        for (const CorpusPart& part : parts) {
            append_part(writer, part, assembly, [&] {
                ++done;
                if (progress) progress(done, whole.image_count);
            });
        }
        writer.finish();
    }
    if (assembly == Assembly::virtual_file) return;
    std::error_code ignored;
    for (const CorpusPart& part : parts) fs::remove(part.file, ignored);
    fs::remove(parts_folder(corpus), ignored);  // unless something else is in it
}

}  // namespace braggbench
