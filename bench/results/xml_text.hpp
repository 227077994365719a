// Text of an XML file, such as JUnit's.
#pragma once

#include <string>
#include <string_view>

namespace braggbench {

// For content and quoted attributes; control characters, which XML 1.0 does not have, become spaces.
std::string escaped_xml(std::string_view text);

}  // namespace braggbench
