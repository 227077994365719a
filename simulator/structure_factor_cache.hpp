// Structure factors kept on disk under a key that is a hash of everything that makes them. A cache is never needed: an
// unreadable, damaged or unwritable one only costs time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "simulator/structure_factors.hpp"

namespace braggbench {

// FNV-1a over 128 bits (Fowler, Noll & Vo): short, without a new dependency, and collisions by chance are out of reach.
class ContentKey {
public:
    ContentKey& add(std::string_view bytes);  // with its length, so that neighbours cannot run into each other
    ContentKey& add(double value);
    [[nodiscard]] std::string hex() const;

private:
    __extension__ using Word = unsigned __int128;
    void mix(const void* data, std::size_t size);
    Word state_ = (Word{0x6c62272e07bb0142U} << 64U) | Word{0x62b821756295c58dU};
};

// Empty if there is no such entry or it is damaged.
std::optional<StructureFactors> read_cached(const ContentKey& key);

// Writes to a temporary name and renames. Does nothing if the directory cannot be written.
void write_cached(const ContentKey& key, const StructureFactors& factors);

}  // namespace braggbench
