// What the keyed random streams (simulator/random.hpp) of the explain folder are for: they continue the enumeration
// Stage from 64 on. Append, never renumber.
#pragma once

#include "simulator/random.hpp"

namespace braggbench {

inline constexpr Stage stage_random_pixels{64};
inline constexpr Stage stage_random_coarse{65};
inline constexpr Stage stage_image_choice{66};
inline constexpr Stage stage_null_choice{67};
inline constexpr Stage stage_bootstrap{68};
inline constexpr Stage stage_ring_nulls{80};
inline constexpr Stage stage_permutation{81};
inline constexpr Stage stage_smooth_grad{90};
inline constexpr Stage stage_rise_masks{91};
inline constexpr Stage stage_substrate{92};
inline constexpr Stage stage_random_order{93};
inline constexpr Stage stage_tsne_start{94};
inline constexpr Stage stage_embedded_images{95};
inline constexpr Stage stage_inversion_start{96};
inline constexpr Stage stage_counted_images{97};

}  // namespace braggbench
