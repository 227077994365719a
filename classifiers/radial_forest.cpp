#include "classifiers/radial_forest.hpp"

#include <algorithm>
#include <functional>
#include <opencv2/core.hpp>
#include <opencv2/ml.hpp>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr int max_depth = 12;
constexpr int min_samples = 4;  // of a node that is split

// Trees ask only which of two values is larger, so that no scale of the photons is better than another.
cv::Mat profiles(std::span<const ImageSummary> images) {
    cv::Mat rows(static_cast<int>(images.size()), summary_rings, CV_32F, cv::Scalar(0));
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto& profile = images[i].radial_photons;
        std::copy(profile.begin(), profile.end(), rows.ptr<float>(static_cast<int>(i)));
    }
    return rows;
}

// OpenCV grows no tree where there is nothing to choose.
template <class T>
bool all_alike(std::span<const T> targets) {
    return !targets.empty() && std::ranges::adjacent_find(targets, std::not_equal_to<>()) == targets.end();
}

cv::Ptr<cv::ml::RTrees> grow(std::span<const ImageSummary> images, const cv::Mat& responses, int response_kind,
                             std::uint64_t seed) {
    if (images.empty()) {
        throw UsageError("no images to grow a forest on (it learns from examples). Use a corpus with a train split.");
    }
    // The trees' draws come from this thread's generator of OpenCV.
    cv::theRNG().state = seed * 0x9E3779B97F4A7C15ULL + 1;
    auto forest = cv::ml::RTrees::create();
    forest->setMaxDepth(max_depth);
    forest->setMinSampleCount(min_samples);
    forest->setRegressionAccuracy(0.0F);
    forest->setTermCriteria({cv::TermCriteria::MAX_ITER, forest_trees, 0.0});
    cv::Mat kinds(1, summary_rings + 1, CV_8U, cv::Scalar(cv::ml::VAR_ORDERED));
    kinds.at<std::uint8_t>(summary_rings) = static_cast<std::uint8_t>(response_kind);
    forest->train(cv::ml::TrainData::create(profiles(images), cv::ml::ROW_SAMPLE, responses, cv::noArray(),
                                            cv::noArray(), cv::noArray(), kinds));
    return forest;
}

}  // namespace

std::vector<std::vector<double>> forest_votes(std::span<const ImageSummary> train_images,
                                              std::span<const int> train_labels,
                                              std::span<const ImageSummary> test_images, int class_count,
                                              std::uint64_t seed) {
    std::vector<std::vector<double>> votes(test_images.size(),
                                           std::vector<double>(static_cast<std::size_t>(class_count), 0.0));
    if (test_images.empty()) return votes;
    if (all_alike(train_labels)) {
        for (auto& row : votes) row[static_cast<std::size_t>(train_labels.front())] = 1.0;
        return votes;
    }
    cv::Mat responses(static_cast<int>(train_labels.size()), 1, CV_32S);
    std::copy(train_labels.begin(), train_labels.end(), responses.ptr<int>());
    const auto forest = grow(train_images, responses, cv::ml::VAR_CATEGORICAL, seed);
    cv::Mat counted;  // first row: the classes that occur; then a row per image
    forest->getVotes(profiles(test_images), counted, 0);
    for (int column = 0; column < counted.cols; ++column) {
        const auto c = static_cast<std::size_t>(counted.at<int>(0, column));
        for (std::size_t i = 0; i < votes.size(); ++i) {
            votes[i][c] = static_cast<double>(counted.at<int>(static_cast<int>(i) + 1, column)) / forest_trees;
        }
    }
    return votes;
}

std::vector<double> forest_values(std::span<const ImageSummary> train_images, std::span<const double> train_values,
                                  std::span<const ImageSummary> test_images, std::uint64_t seed) {
    if (test_images.empty()) return {};
    if (all_alike(train_values)) return std::vector<double>(test_images.size(), train_values.front());
    cv::Mat responses(static_cast<int>(train_values.size()), 1, CV_32F);
    for (std::size_t i = 0; i < train_values.size(); ++i) {
        responses.at<float>(static_cast<int>(i)) = static_cast<float>(train_values[i]);
    }
    const auto forest = grow(train_images, responses, cv::ml::VAR_ORDERED, seed);
    cv::Mat predicted;
    forest->predict(profiles(test_images), predicted);
    std::vector<double> values;
    for (std::size_t i = 0; i < test_images.size(); ++i) {
        values.push_back(static_cast<double>(predicted.at<float>(static_cast<int>(i))));
    }
    return values;
}

}  // namespace braggbench
