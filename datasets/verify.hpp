// Whether a corpus file is what its writer wrote: every image, label and peak, and for a simulated one whether its
// recipe still gives the same images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace braggbench {

struct VerifyOptions {
    // Images made again from the recipe and compared, spread over the corpus; all of them if it is larger.
    std::int64_t replayed_images = 3;
    int threads = 1;
};

struct VerifyCheck {
    std::string name;                 // "images", "labels", ...
    std::string result;               // what was found, in words
    std::vector<std::string> faults;  // "place: problem"; empty: passed
};

struct VerifyReport {
    std::filesystem::path path;
    std::vector<VerifyCheck> checks;
    std::vector<std::string> notes;  // worth knowing, and no faults

    [[nodiscard]] bool passed() const;
};

// Never throws for what is wrong with the file: that is in the report. `progress(done, total)` counts images read and
// made.
VerifyReport verify_corpus(const std::filesystem::path& path, const VerifyOptions& options,
                           const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
