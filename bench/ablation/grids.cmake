# Embeds bench/ablation/grids/*.toml, listed here by name, as string constants.
set(BUILTIN_GRIDS downsampling smoke)
set(BUILTIN_GRIDS_SOURCE ${PROJECT_BINARY_DIR}/builtin_grids.cpp)
set(entries "")
foreach(name IN LISTS BUILTIN_GRIDS)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/grids/${name}.toml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(
  CONFIGURE
  OUTPUT ${BUILTIN_GRIDS_SOURCE}
  CONTENT
    "#include \"bench/ablation/grid.hpp\"

namespace braggbench {
const std::vector<BuiltinGrid>& builtin_grids() {
    static const std::vector<BuiltinGrid> grids = {
@entries@    };
    return grids;
}
}  // namespace braggbench
"
  @ONLY)
