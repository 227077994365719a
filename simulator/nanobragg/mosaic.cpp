#include "simulator/nanobragg/mosaic.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace braggbench::nanobragg {
namespace {

constexpr std::int64_t modulus = 2147483647;
constexpr std::int64_t multiplier = 16807;

}  // namespace

ShuffledMinimalStandard::ShuffledMinimalStandard(std::int64_t seed)
    : state_(std::max<std::int64_t>(std::abs(seed) % modulus, 1)) {
    constexpr int warm_up = 8;
    for (int i = 0; i < warm_up; ++i) next();
    for (std::size_t i = table_.size(); i-- > 0;) table_[i] = next();
    chosen_ = table_.front();
}

std::int64_t ShuffledMinimalStandard::next() { return state_ = state_ * multiplier % modulus; }

float ShuffledMinimalStandard::operator()() {
    constexpr std::int64_t per_place = 1 + (modulus - 1) / 32;
    const auto place = static_cast<std::size_t>(chosen_ / per_place);
    const std::int64_t fresh = next();
    chosen_ = table_[place];
    table_[place] = fresh;
    constexpr float largest = 1.0F - 1.2e-7F;
    return std::min(static_cast<float>(chosen_) * (1.0F / static_cast<float>(modulus)), largest);
}

Eigen::Matrix3d random_block(double spread_rad, ShuffledMinimalStandard& random) {
    const auto symmetric = [&] {
        return static_cast<double>(static_cast<float>(2.0 * static_cast<double>(random()) - 1.0));
    };
    const double azimuth = std::numbers::pi * symmetric();
    const double height = symmetric();
    const double u = symmetric();
    const double across = std::sqrt(1.0 - height * height);
    const Eigen::Vector3d axis(across * std::sin(azimuth), across * std::cos(azimuth), height);
    // nanoBragg passes the spread in single precision.
    const double angle = static_cast<double>(static_cast<float>(spread_rad)) * std::pow(1.0 - u * u, 1.0 / 3.0);
    return Eigen::AngleAxisd(angle, axis).toRotationMatrix();
}

std::vector<Eigen::Matrix3d> random_blocks(double spread_rad, int count, std::int64_t seed) {
    ShuffledMinimalStandard random(seed);
    std::vector<Eigen::Matrix3d> blocks;
    for (int i = 0; i < count; ++i) blocks.push_back(random_block(spread_rad, random));
    if (!blocks.empty()) blocks.front().setIdentity();
    return blocks;
}

}  // namespace braggbench::nanobragg
