#include "classifiers/classical/templates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "classifiers/classical/calibrate.hpp"
#include "classifiers/classical/opencv.hpp"

namespace braggbench {
namespace {

constexpr std::int64_t block_images = 64;  // of one matrix product

class Templates : public ClassicalModel {
public:
    explicit Templates(const SettingValues& settings)
        : per_class_(static_cast<std::size_t>(settings.at("per_class"))),
          calibration_images_(static_cast<std::size_t>(settings.at("calibration_images"))) {
        view_.size_px = static_cast<int>(settings.at("size_px"));
    }

    nlohmann::json fit(const FitJob& job) override {
        const auto& targets = job.train.targets;
        outputs_ = static_cast<int>(job.outputs.size());
        const auto chosen = stratified_sample(targets, per_class_ * job.outputs.size(), job.seed);
        std::vector<std::int64_t> indices;
        template_classes_.clear();
        for (const auto i : chosen) {
            indices.push_back(job.train.indices[i]);
            template_classes_.push_back(targets[i]);
        }
        templates_ = table_of(job.corpus, indices, job.threads, {});
        turn();
        // The temperature is fitted to images that are no templates.
        std::vector<std::int64_t> others;
        std::vector<int> truth;
        for (const auto i : stratified_sample(targets, calibration_images_ + chosen.size(), job.seed)) {
            if (std::ranges::binary_search(chosen, i)) continue;
            others.push_back(job.train.indices[i]);
            truth.push_back(targets[i]);
        }
        const auto nearest = distances(job.corpus, others, job.threads, job.progress);
        if (others.empty()) return {{"templates", templates_.rows()}, {"temperature", temperature_}};
        const auto surprise = [&](double temperature) {
            double sum = 0.0;
            for (Eigen::Index i = 0; i < nearest.rows(); ++i) {
                const auto p = probabilities(nearest.row(i), temperature);
                sum -= std::log(std::max(p[static_cast<std::size_t>(truth[static_cast<std::size_t>(i)])], 1e-12F));
            }
            return sum;
        };
        temperature_ = minimise_log_scale(surprise, 1.0, 1e5);
        return {{"templates", templates_.rows()}, {"temperature", temperature_}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        const auto nearest = distances(corpus, indices, threads, progress);
        std::vector<std::vector<float>> rows;
        for (Eigen::Index i = 0; i < nearest.rows(); ++i) {
            rows.push_back(probabilities(nearest.row(i), temperature_));
        }
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "outputs" << outputs_ << "size_px" << view_.size_px << "temperature" << temperature_ << "classes"
                << template_classes_ << "templates" << as_mat(templates_);
    }

    void read(const cv::FileNode& node) override {
        node["outputs"] >> outputs_;
        node["size_px"] >> view_.size_px;
        node["temperature"] >> temperature_;
        node["classes"] >> template_classes_;
        cv::Mat templates;
        node["templates"] >> templates;
        templates_ = as_table(templates);
        if (outputs_ < 2 || templates_.rows() != std::ssize(template_classes_) || templates_.rows() == 0 ||
            templates_.cols() != Eigen::Index{view_.size_px} * view_.size_px) {
            throw DataError("no templates");
        }
        turn();
    }

private:
    void turn() {
        turned_ = rotated_templates(templates_, view_.size_px);
        turned_classes_.clear();
        for (const int c : template_classes_) turned_classes_.insert(turned_classes_.end(), template_rotations, c);
    }

    [[nodiscard]] FeatureTable table_of(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                        unsigned threads, const ClassicalProgress& progress) const {
        const auto& response = corpus.info().response;
        return feature_table(
            corpus, indices, Eigen::Index{view_.size_px} * view_.size_px,
            [&](const Image<std::uint16_t>& image, std::span<float> row) {
                template_pixels(image, view_, response.gain_adu_per_photon, response.offset_adu, row);
            },
            threads, progress);
    }

    [[nodiscard]] Eigen::MatrixXf distances(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const {
        const auto count = std::ssize(indices);
        const FeatureTable images = table_of(corpus, indices, threads, progress);
        Eigen::MatrixXf nearest(count, outputs_);
        for_each_counted((count + block_images - 1) / block_images, threads, {}, [&](std::int64_t b) {
            const auto first = b * block_images;
            const auto rows = std::min(block_images, count - first);
            nearest.middleRows(first, rows) =
                nearest_templates(images.middleRows(first, rows), turned_, turned_classes_, outputs_);
        });
        return nearest;
    }

    // p falls as exp(-distance / temperature).
    static std::vector<float> probabilities(const Eigen::RowVectorXf& nearest, double temperature) {
        std::vector<float> row;
        const float smallest = nearest.minCoeff();
        float sum = 0.0F;
        for (const float distance : nearest) {
            row.push_back(std::exp((smallest - distance) / static_cast<float>(temperature)));
            sum += row.back();
        }
        for (float& p : row) p /= sum;
        return row;
    }

    std::size_t per_class_;
    std::size_t calibration_images_;
    ViewSpec view_;
    int outputs_ = 0;
    double temperature_ = 100.0;
    FeatureTable templates_;
    std::vector<int> template_classes_;
    FeatureTable turned_;
    std::vector<int> turned_classes_;
};

}  // namespace

void template_pixels(const Image<std::uint16_t>& image, const ViewSpec& view, double gain_adu_per_photon,
                     double offset_adu, std::span<float> pixels) {
    const auto seen = make_view(image, view, gain_adu_per_photon, offset_adu);
    const float highest = std::ranges::max(seen.photons.pixels);
    const float factor = highest > 0.0F ? 255.0F / highest : 0.0F;
    std::ranges::transform(seen.photons.pixels, pixels.begin(), [&](float v) { return std::max(v, 0.0F) * factor; });
}

FeatureTable rotated_templates(const FeatureTable& templates, int size_px) {
    FeatureTable turned(templates.rows() * template_rotations, templates.cols());
    const auto centre = static_cast<float>(size_px - 1) / 2.0F;  // OpenCV counts from the middle of pixel (0, 0)
    for (Eigen::Index t = 0; t < templates.rows(); ++t) {
        const FeatureTable row = templates.row(t);
        const cv::Mat from = as_mat(row).reshape(1, size_px);
        for (int k = 0; k < template_rotations; ++k) {
            const cv::Mat to(size_px, size_px, CV_32F, turned.row(t * template_rotations + k).data());
            if (k == 0) {
                from.copyTo(to);
                continue;
            }
            cv::warpAffine(from, to, cv::getRotationMatrix2D({centre, centre}, template_step_deg * k, 1.0), to.size(),
                           cv::INTER_CUBIC, cv::BORDER_CONSTANT, cv::Scalar(0.0));
        }
    }
    return turned;
}

Eigen::MatrixXf nearest_templates(const FeatureTable& images, const FeatureTable& templates,
                                  std::span<const int> classes, int class_count) {
    const Eigen::VectorXf image_squares = images.rowwise().squaredNorm();
    const Eigen::VectorXf template_squares = templates.rowwise().squaredNorm();
    const Eigen::MatrixXf products = templates * images.transpose();
    Eigen::MatrixXf nearest =
        Eigen::MatrixXf::Constant(images.rows(), class_count, std::numeric_limits<float>::infinity());
    for (Eigen::Index i = 0; i < images.rows(); ++i) {
        for (Eigen::Index t = 0; t < templates.rows(); ++t) {
            const float squared = image_squares[i] + template_squares[t] - 2.0F * products(t, i);
            float& best = nearest(i, classes[static_cast<std::size_t>(t)]);
            best = std::min(best, squared);
        }
    }
    // Rounding may leave a little below 0. Eigen's own root of infinity is not infinite.
    return nearest.unaryExpr([](float squared) { return std::sqrt(std::max(squared, 0.0F)); });
}

std::vector<std::size_t> ranked_by_distance(const Eigen::MatrixXf& nearest, int class_index) {
    std::vector<std::size_t> order(static_cast<std::size_t>(nearest.rows()));
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        return nearest(static_cast<Eigen::Index>(a), class_index) < nearest(static_cast<Eigen::Index>(b), class_index);
    });
    return order;
}

std::unique_ptr<ClassicalModel> make_templates(const SettingValues& settings) {
    return std::make_unique<Templates>(settings);
}

}  // namespace braggbench
