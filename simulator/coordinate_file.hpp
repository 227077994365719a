// Atoms from a PDB or mmCIF file (also gzipped), checked so that a density can be made of them. Coordinates in A, B in
// A^2, as gemmi::Structure holds them.
#pragma once

#include <filesystem>
#include <string>

namespace gemmi {
struct Structure;
}

namespace braggbench {

// The bytes of a file, gunzipped if its name ends in .gz. Throws DataError if it is missing, unreadable or truncated.
std::string read_gunzipped_file(const std::filesystem::path& path);

// `text` is the content of the file `path`, whose ending says the format. Throws DataError if the text is of another
// format or truncated, or has no cell, no known space group, no atoms, or numbers that are not finite. Of several
// models the first counts; copies by strict non-crystallographic symmetry are added.
gemmi::Structure read_coordinates(const std::filesystem::path& path, const std::string& text);

}  // namespace braggbench
