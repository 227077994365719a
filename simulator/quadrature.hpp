// Gauss-Legendre nodes in (-1, 1) with weights that sum to 2 (Abramowitz & Stegun 1964, table 25.4).
#pragma once

#include <array>

namespace braggbench {

struct QuadraturePoint {
    double node;
    double weight;
};

inline constexpr std::array<QuadraturePoint, 10> gauss_legendre_10 = {{
    {-0.9739065285171717, 0.0666713443086881},
    {-0.8650633666889845, 0.1494513491505806},
    {-0.6794095682990244, 0.2190863625159820},
    {-0.4333953941292472, 0.2692667193099963},
    {-0.1488743389816312, 0.2955242247147529},
    {0.1488743389816312, 0.2955242247147529},
    {0.4333953941292472, 0.2692667193099963},
    {0.6794095682990244, 0.2190863625159820},
    {0.8650633666889845, 0.1494513491505806},
    {0.9739065285171717, 0.0666713443086881},
}};

}  // namespace braggbench
