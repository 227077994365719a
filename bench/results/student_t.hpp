// Student's t distribution for any number of degrees of freedom above 0, whole or not.
#pragma once

namespace braggbench {

// P(T <= t). By the incomplete beta function's continued fraction (DLMF 8.17.22, Lentz's method).
double student_t_cdf(double t, double degrees_of_freedom);

// The t with P(T <= t) = p, for p in (0, 1).
double student_t_quantile(double p, double degrees_of_freedom);

}  // namespace braggbench
