#include <fmt/format.h>
#include <zlib.h>

#include <opencv2/core.hpp>
#include <string>
#include <string_view>

#include "classifiers/classical/classical.hpp"
#include "datasets/file_bytes.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// The whole first line is this and the checksum of all that follows it, eight hexadecimal digits.
constexpr std::string_view magic = "braggbench classical model 1 crc32 ";
constexpr std::size_t checksum_digits = 8;
constexpr std::size_t largest_text = std::size_t{1} << 30;

std::string checksum(std::string_view bytes) {
    const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return fmt::format("{:08x}", crc);
}

std::string deflated(const std::string& text) {
    std::string packed(compressBound(text.size()), '\0');
    uLongf size = packed.size();
    constexpr int level = 6;
    if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                  text.size(), level) != Z_OK) {
        throw DataError("zlib failed");
    }
    packed.resize(size);
    return packed;
}

std::string inflated(std::string_view packed, std::size_t text_size) {
    if (text_size > largest_text) throw DataError("too long");
    std::string text(text_size, '\0');
    uLongf size = text.size();
    if (uncompress(reinterpret_cast<Bytef*>(text.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                   packed.size()) != Z_OK ||
        size != text_size) {
        throw DataError("damaged");
    }
    return text;
}

}  // namespace

void save_classical(const std::filesystem::path& path, const TrainedClassical& model) {
    cv::FileStorage storage(".json", cv::FileStorage::WRITE | cv::FileStorage::MEMORY);
    model.model->write(storage);
    const std::string text = storage.releaseAndGetString();
    const auto& card = model.card;
    const nlohmann::json header = {{"model", card.model},
                                   {"settings", card.settings},
                                   {"head", card.head},
                                   {"gain_adu_per_photon", card.gain_adu_per_photon},
                                   {"offset_adu", card.offset_adu},
                                   {"training", card.training},
                                   {"text_bytes", text.size()}};
    const std::string content = header.dump() + "\n" + deflated(text);
    replace_file(path, std::string(magic) + checksum(content) + "\n" + content);
}

TrainedClassical load_classical(const std::filesystem::path& path) {
    const std::string bytes = read_file_bytes(path);
    try {
        const std::size_t begin = magic.size() + checksum_digits + 1;
        if (!bytes.starts_with(magic) || bytes.size() < begin) throw DataError("another format");
        const std::string_view content = std::string_view(bytes).substr(begin);
        if (std::string_view(bytes).substr(magic.size(), checksum_digits) != checksum(content)) {
            throw DataError("another checksum");
        }
        const std::size_t line = content.find('\n');
        if (line == std::string_view::npos) throw DataError("no header");
        const auto header = nlohmann::json::parse(content.substr(0, line));
        TrainedClassical model;
        auto& card = model.card;
        header.at("model").get_to(card.model);
        header.at("settings").get_to(card.settings);
        header.at("head").get_to(card.head);
        header.at("gain_adu_per_photon").get_to(card.gain_adu_per_photon);
        header.at("offset_adu").get_to(card.offset_adu);
        card.training = header.at("training");
        const std::string text = inflated(content.substr(line + 1), header.at("text_bytes").get<std::size_t>());
        const cv::FileStorage storage(text, cv::FileStorage::READ | cv::FileStorage::MEMORY);
        for (const auto& info : classical_models()) {
            if (info.name != card.model) continue;
            auto read = info.make(card.settings);
            read->read(storage.root());
            model.model = std::move(read);
        }
        if (!model.model) throw DataError("an unknown model");
        return model;
    } catch (const std::exception&) {
        throw DataError(path.string() +
                        ": not a classical model (another kind of file, damaged, or of another version of braggbench). "
                        "Make it anew with 'braggbench train'.");
    }
}

bool is_classical_model(const std::filesystem::path& path) {
    try {
        return read_file_head(path, magic.size()) == magic;
    } catch (const DataError&) {
        return false;
    }
}

}  // namespace braggbench
