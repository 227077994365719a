// What a suite may name that no other library lists without torch.
#pragma once

#include <string>
#include <vector>

namespace braggbench {

std::vector<std::string> zoo_names();

const std::vector<std::string>& known_checks();
bool check_needs_corpus(const std::string& check);

const std::vector<std::string>& known_kernels();

}  // namespace braggbench
