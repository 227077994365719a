// What every classical model is made of, for those who add one; users need classifiers/classical/classical.hpp alone.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"

namespace cv {
class FileNode;
class FileStorage;
}  // namespace cv

namespace braggbench {

using ClassicalProgress = std::function<void(std::int64_t done, std::int64_t total)>;  // from any one thread at a time
using SettingValues = std::map<std::string, double>;

// One row per image, single precision as OpenCV's models want it.
using FeatureTable = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct LabelledImages {
    std::vector<std::int64_t> indices;  // in the corpus
    std::vector<int> targets;           // which output of the head is true
};

struct FitJob {
    const CorpusReader& corpus;
    LabelledImages train;
    LabelledImages validation;
    std::vector<std::string> outputs;  // of the head; at least two of them occur in what the model learns from
    std::uint64_t seed = 1;
    unsigned threads = 0;
    ClassicalProgress progress;
};

class ClassicalModel {
public:
    ClassicalModel() = default;
    ClassicalModel(const ClassicalModel&) = delete;
    ClassicalModel& operator=(const ClassicalModel&) = delete;
    virtual ~ClassicalModel() = default;

    // Gives what was chosen on the way, for the record. The same job gives the same model on any number of threads.
    virtual nlohmann::json fit(const FitJob& job) = 0;
    // Probabilities, a row per image, a column per output.
    [[nodiscard]] virtual std::vector<std::vector<float>> predict(const CorpusReader& corpus,
                                                                  std::span<const std::int64_t> indices,
                                                                  unsigned threads,
                                                                  const ClassicalProgress& progress) const = 0;
    virtual void write(cv::FileStorage& storage) const = 0;
    // Whatever it throws becomes a DataError that names the file.
    virtual void read(const cv::FileNode& node) = 0;
};

// The table's makers; their settings and defaults stand in classical.cpp.
std::unique_ptr<ClassicalModel> make_glcm_forest(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_glcm_svm(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_orb_mlp(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_templates(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_peakfinder8_hits(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_dispersion_hits(const SettingValues& settings);
std::unique_ptr<ClassicalModel> make_dispersion_extended_hits(const SettingValues& settings);

// Calls work(i) for [0, count) on all threads, and progress from one at a time.
void for_each_counted(std::int64_t count, unsigned threads, const ClassicalProgress& progress,
                      const std::function<void(std::int64_t)>& work);

// Fills a table from images, in parallel: features(image, row).
FeatureTable feature_table(const CorpusReader& corpus, std::span<const std::int64_t> indices, Eigen::Index columns,
                           const std::function<void(const Image<std::uint16_t>&, std::span<float>)>& features,
                           unsigned threads, const ClassicalProgress& progress);

// (x - mean) / deviation of each column, as measured on the training images; columns that are constant there become 0.
struct Standardisation {
    std::vector<float> means;
    std::vector<float> factors;
    static Standardisation of(const FeatureTable& table);
    void apply(FeatureTable& table) const;
};

// Up to `count` of the numbers from 0 to targets.size() - 1, keyed by the seed, each class in turn, ascending.
std::vector<std::size_t> stratified_sample(std::span<const int> targets, std::size_t count, std::uint64_t seed);

// Which of `folds` parts each image belongs to, keyed by the seed, the classes spread evenly.
std::vector<int> stratified_folds(std::span<const int> targets, int folds, std::uint64_t seed);

}  // namespace braggbench
