# embed_toml(<name> <header> <type> FOLDER <folder> FILES <names>): writes a source, its path in <name>_SOURCE, that defines
# `const std::vector<type>& builtin_<name>()` of <header>: every file's name and text.
function(embed_toml name header type)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "FOLDER" "FILES")
  set(source ${PROJECT_BINARY_DIR}/builtin_${name}.cpp)
  set(entries "")
  foreach(file_name IN LISTS arg_FILES)
    set(file ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER}/${file_name}.toml)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND entries "    {\"${file_name}\", R\"toml(${text})toml\"},\n")
  endforeach()
  file(
    CONFIGURE
    OUTPUT ${source}
    CONTENT
      "#include \"@header@\"

namespace braggbench {
const std::vector<@type@>& builtin_@name@() {
    static const std::vector<@type@> @name@ = {
@entries@    };
    return @name@;
}
}  // namespace braggbench
"
    @ONLY)
  set(${name}_SOURCE ${source} PARENT_SCOPE)
endfunction()
