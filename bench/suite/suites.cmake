# Embeds bench/suite/suites/*.toml, listed here by name, as string constants.
set(BUILTIN_SUITES ci sources paper)
set(BUILTIN_SUITES_SOURCE ${PROJECT_BINARY_DIR}/builtin_suites.cpp)
set(entries "")
foreach(name IN LISTS BUILTIN_SUITES)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/suites/${name}.toml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(
  CONFIGURE
  OUTPUT ${BUILTIN_SUITES_SOURCE}
  CONTENT
    "#include \"bench/suite/suite_toml.hpp\"

namespace braggbench {
const std::vector<BuiltinSuite>& builtin_suites() {
    static const std::vector<BuiltinSuite> suites = {
@entries@    };
    return suites;
}
}  // namespace braggbench
"
  @ONLY)
