#include "datasets/recipe_stream.hpp"

#include "simulator/random.hpp"

namespace braggbench {

RecipeSource stream_block(const RecipeSource& corpus, std::uint64_t number) {
    Recipe recipe = corpus.recipe();
    recipe.validation_fraction = 0;
    recipe.test_fraction = 0;
    const auto words = philox_block(recipe.seed, number, Stage::labels, 0);
    // 62 bits: a recipe's own seed is a whole number of TOML, and the top bit below that is set in streams alone.
    recipe.seed = (std::uint64_t{words[0]} << 32 | words[1]) >> 2 | std::uint64_t{1} << 62;
    return {std::move(recipe), corpus.models()};
}

}  // namespace braggbench
