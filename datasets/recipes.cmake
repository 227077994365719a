# Embeds datasets/recipes/*.toml, listed here by name, as string constants.
embed_toml(
  recipes datasets/recipe_toml.hpp BuiltinRecipe FOLDER recipes
  FILES
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
