// Random forest on co-occurrence features, after Nawaz et al. 2023 (98.4 % on DiffraNet): distances 1, 2, 5, 8 and
// angles 90 and 135 degrees.
#include <algorithm>
#include <opencv2/ml.hpp>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/classical/glcm.hpp"
#include "classifiers/classical/glcm_table.hpp"
#include "classifiers/classical/opencv.hpp"

namespace braggbench {
namespace {

// Trees are grown in groups, each a forest of its own, so that cores share the work and no result depends on them.
constexpr int group_trees = 20;
constexpr std::array distances_px = {1, 2, 5, 8};
constexpr std::array angles_deg = {90.0, 135.0};

class GlcmForest : public ClassicalModel {
public:
    explicit GlcmForest(const SettingValues& settings)
        : trees_(static_cast<int>(settings.at("trees"))), leaf_images_(static_cast<int>(settings.at("leaf_images"))) {}

    nlohmann::json fit(const FitJob& job) override {
        outputs_ = static_cast<int>(job.outputs.size());
        const FeatureTable table = glcm_table(job.corpus, job.train.indices, offsets(), job.threads, job.progress);
        groups_.assign(static_cast<std::size_t>((trees_ + group_trees - 1) / group_trees), nullptr);
        for_each_counted(static_cast<std::int64_t>(groups_.size()), job.threads, {}, [&](std::int64_t g) {
            const SeededOpenCv seeded(mixed_seed(job.seed, static_cast<std::uint64_t>(g)));
            auto forest = cv::ml::RTrees::create();
            // OpenCV's depth ends at 25, where trees of some thousand images have long come to an end; a node of
            // fewer than MinSampleCount images is not split.
            forest->setMaxDepth(25);
            forest->setMinSampleCount(leaf_images_ + 1);
            forest->setActiveVarCount(0);  // the root of their number, as scikit-learn's default
            forest->setCalculateVarImportance(false);
            const int left = trees_ - static_cast<int>(g) * group_trees;
            forest->setTermCriteria({cv::TermCriteria::COUNT, std::min(left, group_trees), 0.0});
            forest->train(as_mat(table), cv::ml::ROW_SAMPLE, as_labels(job.train.targets));
            groups_[static_cast<std::size_t>(g)] = forest;
        });
        return {{"features", table.cols()}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        const FeatureTable table = glcm_table(corpus, indices, offsets(), threads, progress);
        std::vector<std::vector<float>> rows(indices.size(), std::vector<float>(static_cast<std::size_t>(outputs_)));
        for_each_counted(table.rows(), threads, {}, [&](std::int64_t i) {
            const cv::Mat sample = as_mat(table).row(static_cast<int>(i));
            auto& row = rows[static_cast<std::size_t>(i)];
            float total = 0.0F;
            for (const auto& forest : groups_) {
                cv::Mat votes;  // a row of classes, a row of counts
                forest->getVotes(sample, votes, cv::ml::DTrees::PREDICT_MAX_VOTE);
                for (int c = 0; c < votes.cols; ++c) {
                    const auto count = static_cast<float>(votes.at<int>(1, c));
                    row.at(static_cast<std::size_t>(votes.at<int>(0, c))) += count;
                    total += count;
                }
            }
            for (float& share : row) share /= total;
        });
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "outputs" << outputs_ << "groups" << static_cast<int>(groups_.size());
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            storage << "group" + std::to_string(g) << "{";
            groups_[g]->write(storage);
            storage << "}";
        }
    }

    void read(const cv::FileNode& node) override {
        node["outputs"] >> outputs_;
        groups_.assign(static_cast<std::size_t>(static_cast<int>(node["groups"])), nullptr);
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            groups_[g] = cv::Algorithm::read<cv::ml::RTrees>(node["group" + std::to_string(g)]);
            if (!groups_[g]) throw DataError("no trees");
        }
        if (outputs_ < 2 || groups_.empty()) throw DataError("no forest");
    }

private:
    static std::vector<GlcmOffset> offsets() { return glcm_offsets(distances_px, angles_deg); }

    int trees_;
    int leaf_images_;
    int outputs_ = 0;
    std::vector<cv::Ptr<cv::ml::RTrees>> groups_;
};

}  // namespace

std::unique_ptr<ClassicalModel> make_glcm_forest(const SettingValues& settings) {
    return std::make_unique<GlcmForest>(settings);
}

}  // namespace braggbench
