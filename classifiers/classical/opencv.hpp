// What classical models share of OpenCV: tables as matrices without a copy, and its random numbers keyed.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {

// The table must outlive it. OpenCV has no view of constant data; it writes to none that it only learns from.
inline cv::Mat as_mat(const FeatureTable& table) {
    return {static_cast<int>(table.rows()), static_cast<int>(table.cols()), CV_32F,
            const_cast<float*>(table.data())};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

inline FeatureTable as_table(const cv::Mat& mat) {
    if (mat.type() != CV_32F || !mat.isContinuous()) throw DataError("a table of another type");
    return Eigen::Map<const FeatureTable>(mat.ptr<float>(), mat.rows, mat.cols);
}

inline cv::Mat as_labels(const std::vector<int>& targets) { return cv::Mat(targets, true); }

// A seed for part `k` of what is learned.
inline std::uint64_t mixed_seed(std::uint64_t seed, std::uint64_t k) {
    RandomStream random(seed, k, classical_stage);
    return (std::uint64_t{random.bits()} << 32U) | random.bits();
}

// OpenCV's learners take their random numbers from one generator per thread; this one is seeded for as long as the
// object lives, and then left as it was.
class SeededOpenCv {
public:
    explicit SeededOpenCv(std::uint64_t seed) : before_(cv::theRNG().state) { cv::theRNG().state = seed; }
    ~SeededOpenCv() { cv::theRNG().state = before_; }
    SeededOpenCv(const SeededOpenCv&) = delete;
    SeededOpenCv& operator=(const SeededOpenCv&) = delete;

private:
    std::uint64_t before_;
};

inline void write_standardisation(cv::FileStorage& storage, const Standardisation& standardisation) {
    storage << "means" << standardisation.means << "factors" << standardisation.factors;
}

inline Standardisation read_standardisation(const cv::FileNode& node) {
    Standardisation result;
    node["means"] >> result.means;
    node["factors"] >> result.factors;
    if (result.means.empty() || result.means.size() != result.factors.size()) throw DataError("no standardisation");
    return result;
}

}  // namespace braggbench
