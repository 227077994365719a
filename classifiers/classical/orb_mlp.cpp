// Bag of visual words: ORB keypoints (Rublee et al. 2011, ICCV) of the 8-bit image of glcm.hpp, their 256-bit
// descriptors assigned to a vocabulary of k-means centres, and a multi-layer perceptron with one hidden layer on the
// shares of the words and the logarithm of the number of keypoints. After Nawaz et al. 2023 (97.5 % on DiffraNet).
#include <algorithm>
#include <cmath>
#include <opencv2/core/ocl.hpp>
#include <opencv2/features2d.hpp>
#include <opencv2/ml.hpp>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/classical/glcm.hpp"
#include "classifiers/classical/opencv.hpp"

namespace braggbench {
namespace {

constexpr Eigen::Index descriptor_bits = 256;
constexpr std::size_t vocabulary_descriptors = 20'000;  // k-means learns from, spread over the training images

// A row of 0 and 1 per keypoint, so that squared distances are Hamming's; strongest keypoint first.
FeatureTable descriptor_table(const Image<std::uint16_t>& image, const GreyLevels& levels, int keypoints,
                              int fast_threshold) {
    // ORB asks for OpenCL whatever it is given. A driver loaded in this thread leaves its signal stack behind (pocl's
    // LLVM does, and AddressSanitizer then aborts).
    cv::ocl::setUseOpenCL(false);
    auto grey = grey_image(image, levels);
    const cv::Mat mat(grey.height, grey.width, CV_8U, grey.pixels.data());
    auto orb = cv::ORB::create(keypoints);
    orb->setFastThreshold(fast_threshold);
    std::vector<cv::KeyPoint> points;
    cv::Mat descriptors;
    orb->detectAndCompute(mat, cv::noArray(), points, descriptors);
    std::vector<int> order(points.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::ranges::stable_sort(order, [&](int a, int b) {
        return points[static_cast<std::size_t>(a)].response > points[static_cast<std::size_t>(b)].response;
    });
    FeatureTable table(std::ssize(order), descriptor_bits);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto* const bytes = descriptors.ptr<std::uint8_t>(order[i]);
        for (Eigen::Index bit = 0; bit < descriptor_bits; ++bit) {
            table(static_cast<Eigen::Index>(i), bit) = static_cast<float>((bytes[bit / 8] >> (bit % 8)) & 1);
        }
    }
    return table;
}

class OrbMlp : public ClassicalModel {
public:
    explicit OrbMlp(const SettingValues& settings)
        : keypoints_(static_cast<int>(settings.at("keypoints"))),
          fast_threshold_(static_cast<int>(settings.at("fast_threshold"))),
          words_(static_cast<int>(settings.at("words"))),
          hidden_(static_cast<int>(settings.at("hidden"))),
          epochs_(static_cast<int>(settings.at("epochs"))) {}

    nlohmann::json fit(const FitJob& job) override {
        outputs_ = static_cast<int>(job.outputs.size());
        const auto learned_from = learn_vocabulary(job);
        FeatureTable table = words_of(job.corpus, job.train.indices, job.threads, job.progress);
        standardisation_ = Standardisation::of(table);
        standardisation_.apply(table);
        cv::Mat wanted(static_cast<int>(table.rows()), outputs_, CV_32F, cv::Scalar(-1.0));
        for (int i = 0; i < wanted.rows; ++i)
            wanted.at<float>(i, job.train.targets[static_cast<std::size_t>(i)]) = 1.0F;
        network_ = cv::ml::ANN_MLP::create();
        network_->setLayerSizes(std::vector<int>{static_cast<int>(table.cols()), hidden_, outputs_});
        network_->setActivationFunction(cv::ml::ANN_MLP::SIGMOID_SYM, 1.0, 1.0);
        // One image at a time, so that no sum depends on threads as RPROP's does.
        network_->setTrainMethod(cv::ml::ANN_MLP::BACKPROP, step_scale, momentum);
        network_->setTermCriteria({cv::TermCriteria::COUNT, epochs_, 0.0});
        const SeededOpenCv seeded(mixed_seed(job.seed, 1));
        network_->train(as_mat(table), cv::ml::ROW_SAMPLE, wanted);
        return {{"features", table.cols()}, {"vocabulary_keypoints", learned_from}, {"words", vocabulary_.rows()}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        FeatureTable table = words_of(corpus, indices, threads, progress);
        standardisation_.apply(table);
        std::vector<std::vector<float>> rows(indices.size(), std::vector<float>(static_cast<std::size_t>(outputs_)));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            cv::Mat answer;
            network_->predict(as_mat(table).row(static_cast<int>(i)), answer);
            // Least squares on targets of -1 and 1 estimate 2 p - 1.
            float sum = 0.0F;
            for (int c = 0; c < outputs_; ++c) {
                rows[i][static_cast<std::size_t>(c)] = std::clamp(0.5F * (answer.at<float>(c) + 1.0F), 1e-6F, 1.0F);
                sum += rows[i][static_cast<std::size_t>(c)];
            }
            for (float& p : rows[i]) p /= sum;
        }
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "outputs" << outputs_ << "vocabulary" << as_mat(vocabulary_);
        write_standardisation(storage, standardisation_);
        storage << "network"
                << "{";
        network_->write(storage);
        storage << "}";
    }

    void read(const cv::FileNode& node) override {
        node["outputs"] >> outputs_;
        cv::Mat vocabulary;
        node["vocabulary"] >> vocabulary;
        vocabulary_ = as_table(vocabulary);
        standardisation_ = read_standardisation(node);
        network_ = cv::Algorithm::read<cv::ml::ANN_MLP>(node["network"]);
        if (outputs_ < 2 || !network_ || vocabulary_.cols() != descriptor_bits) throw DataError("no network");
    }

private:
    static constexpr double step_scale = 0.001;
    static constexpr double momentum = 0.5;

    // The same number of descriptors from each of enough images; gives how many there were.
    std::int64_t learn_vocabulary(const FitJob& job) {
        const auto levels = levels_of(job.corpus);
        const auto sampled = stratified_sample(job.train.targets, vocabulary_images, job.seed);
        std::vector<FeatureTable> parts(sampled.size());
        for_each_counted(std::ssize(sampled), job.threads, {}, [&](std::int64_t i) {
            const auto image = job.corpus.shared_image(job.train.indices[sampled[static_cast<std::size_t>(i)]]);
            parts[static_cast<std::size_t>(i)] = descriptor_table(*image, levels, keypoints_, fast_threshold_);
        });
        Eigen::Index all = 0;
        for (const auto& part : parts) all += part.rows();
        if (all == 0) {
            throw UsageError(job.corpus.path().string() +
                             ": no image has an ORB keypoint (they are too dark, or smaller than 63 px). Lower "
                             "fast_threshold, or use another model.");
        }
        FeatureTable chosen(std::min(all, static_cast<Eigen::Index>(vocabulary_descriptors)), descriptor_bits);
        // Every n-th of all.
        Eigen::Index seen = 0;
        Eigen::Index taken = 0;
        for (const auto& part : parts) {
            for (Eigen::Index row = 0; row < part.rows(); ++row, ++seen) {
                if ((seen + 1) * chosen.rows() / all > taken) chosen.row(taken++) = part.row(row);
            }
        }
        const SeededOpenCv seeded(mixed_seed(job.seed, 0));
        cv::Mat labels;
        cv::Mat centres;
        cv::kmeans(as_mat(chosen), std::min(words_, static_cast<int>(chosen.rows())), labels,
                   {cv::TermCriteria::COUNT + cv::TermCriteria::EPS, 30, 1e-3}, 1, cv::KMEANS_PP_CENTERS, centres);
        vocabulary_ = as_table(centres);
        return chosen.rows();
    }

    [[nodiscard]] FeatureTable words_of(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                        unsigned threads, const ClassicalProgress& progress) const {
        const auto levels = levels_of(corpus);
        const Eigen::RowVectorXf lengths = vocabulary_.rowwise().squaredNorm().transpose();
        return feature_table(
            corpus, indices, vocabulary_.rows() + 1,
            [&](const Image<std::uint16_t>& image, std::span<float> row) {
                const auto descriptors = descriptor_table(image, levels, keypoints_, fast_threshold_);
                FeatureTable distances = -2.0F * descriptors * vocabulary_.transpose();
                distances.rowwise() += lengths;
                for (Eigen::Index i = 0; i < distances.rows(); ++i) {
                    Eigen::Index nearest = 0;
                    distances.row(i).minCoeff(&nearest);
                    row[static_cast<std::size_t>(nearest)] += 1.0F / static_cast<float>(distances.rows());
                }
                row.back() = std::log1p(static_cast<float>(distances.rows()));
            },
            threads, progress);
    }

    static GreyLevels levels_of(const CorpusReader& corpus) {
        const auto& response = corpus.info().response;
        return grey_levels(response.gain_adu_per_photon, response.offset_adu);
    }

    static constexpr std::size_t vocabulary_images = 400;
    int keypoints_;
    int fast_threshold_;
    int words_;
    int hidden_;
    int epochs_;
    int outputs_ = 0;
    FeatureTable vocabulary_;
    Standardisation standardisation_;
    cv::Ptr<cv::ml::ANN_MLP> network_;
};

}  // namespace

std::unique_ptr<ClassicalModel> make_orb_mlp(const SettingValues& settings) {
    return std::make_unique<OrbMlp>(settings);
}

}  // namespace braggbench
