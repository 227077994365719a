#include "datasets/recipe_stream.hpp"

#include "simulator/random.hpp"

namespace braggbench {

RecipeSource stream_block(const RecipeSource& corpus, std::uint64_t number) {
    Recipe recipe = corpus.recipe();
    recipe.validation_fraction = 0;
    recipe.test_fraction = 0;
    const auto words = philox_block(recipe.seed, number, Stage::labels, 0);
    // 61 bits and, set in streams alone, the one above them: below 6.92e18, while a recipe's seed may be up to 9e18.
    recipe.seed = (std::uint64_t{words[0]} << 32 | words[1]) >> 3 | std::uint64_t{1} << 62;
    return {std::move(recipe), corpus.models()};
}

}  // namespace braggbench
