// The program's version and the git commit it was built from; written into everything it makes.
#pragma once

#include <string_view>

namespace braggbench {

std::string_view version();
std::string_view git_commit();

}  // namespace braggbench
