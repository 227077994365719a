# Embeds datasets/recipes/*.toml, listed here by name, as string constants.
set(BUILTIN_RECIPES
    attributes17
    ci
    diffranet
    diffranet-small
    hollatz
    hollatz-balanced
    hollatz-intensity
    hollatz-pairs-ice
    hollatz-pairs-lattice
    ln83
    ln84
    raster
    single-particle
    still
    xfel-cspad
    xfel-rayonix)
set(BUILTIN_RECIPES_SOURCE ${PROJECT_BINARY_DIR}/builtin_recipes.cpp)
set(entries "")
foreach(name IN LISTS BUILTIN_RECIPES)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/recipes/${name}.toml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(
  CONFIGURE
  OUTPUT ${BUILTIN_RECIPES_SOURCE}
  CONTENT
    "#include \"datasets/recipe_toml.hpp\"

namespace braggbench {
const std::vector<BuiltinRecipe>& builtin_recipes() {
    static const std::vector<BuiltinRecipe> recipes = {
@entries@    };
    return recipes;
}
}  // namespace braggbench
"
  @ONLY)
