// Support vector machine with a radial kernel on standardised co-occurrence features, after Nawaz et al. 2023 (97.6 %
// on DiffraNet): distances 1, 5, 8 and angles 0, 90, 135 degrees. C and gamma by cross-validation on training images; a
// machine for each pair of classes; probabilities by Platt's sigmoid of each pair, fitted to decisions on images left
// out, and coupled (calibrate.hpp), as libsvm does.
#include <fmt/format.h>

#include <algorithm>
#include <opencv2/ml.hpp>

#include "classifiers/classical/calibrate.hpp"
#include "classifiers/classical/classical_model.hpp"
#include "classifiers/classical/glcm.hpp"
#include "classifiers/classical/glcm_table.hpp"
#include "classifiers/classical/opencv.hpp"

namespace braggbench {
namespace {

constexpr std::array distances_px = {1, 5, 8};
constexpr std::array angles_deg = {0.0, 90.0, 135.0};
constexpr std::array c_values = {1.0, 10.0, 100.0, 1000.0, 10000.0};
constexpr std::array gamma_times_features = {0.1, 0.3, 1.0, 3.0};
constexpr int folds = 5;

struct Kernel {
    double c = 1.0;
    double gamma = 1.0;
};

struct Pair {
    int first = 0;  // p(first | first or second) = sigmoid(decision)
    int second = 0;
    Sigmoid sigmoid;
    cv::Ptr<cv::ml::SVM> machine;
};

FeatureTable rows_of(const FeatureTable& table, const std::vector<std::size_t>& rows) {
    FeatureTable result(static_cast<Eigen::Index>(rows.size()), table.cols());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        result.row(static_cast<Eigen::Index>(i)) = table.row(static_cast<Eigen::Index>(rows[i]));
    }
    return result;
}

std::vector<int> targets_of_rows(const std::vector<int>& targets, const std::vector<std::size_t>& rows) {
    std::vector<int> result;
    result.reserve(rows.size());
    for (const auto row : rows) result.push_back(targets[row]);
    return result;
}

bool one_class(const std::vector<int>& targets) {
    return targets.empty() || std::ranges::count(targets, targets.front()) == std::ssize(targets);
}

cv::Ptr<cv::ml::SVM> train_machine(const FeatureTable& table, const std::vector<int>& targets, const Kernel& kernel) {
    auto machine = cv::ml::SVM::create();
    machine->setType(cv::ml::SVM::C_SVC);
    machine->setKernel(cv::ml::SVM::RBF);
    machine->setC(kernel.c);
    machine->setGamma(kernel.gamma);
    // libsvm's tolerance; OpenCV's own limit of 1000 steps stops far from the solution.
    machine->setTermCriteria({cv::TermCriteria::COUNT + cv::TermCriteria::EPS, 1'000'000, 1e-3});
    machine->train(as_mat(table), cv::ml::ROW_SAMPLE, as_labels(targets));
    return machine;
}

std::vector<double> decisions(const cv::ml::SVM& machine, const FeatureTable& table) {
    cv::Mat raw;
    machine.predict(as_mat(table), raw, cv::ml::StatModel::RAW_OUTPUT);
    std::vector<double> values;
    for (int i = 0; i < raw.rows; ++i) values.push_back(static_cast<double>(raw.at<float>(i)));
    return values;
}

// Images inside and outside a fold.
struct Fold {
    FeatureTable learned;
    std::vector<int> learned_targets;
    FeatureTable judged;
    std::vector<int> judged_targets;
};
Fold split_fold(const FeatureTable& table, const std::vector<int>& targets, const std::vector<int>& fold_of, int fold) {
    std::vector<std::size_t> inside;
    std::vector<std::size_t> outside;
    for (std::size_t i = 0; i < targets.size(); ++i) (fold_of[i] == fold ? inside : outside).push_back(i);
    return {rows_of(table, outside), targets_of_rows(targets, outside), rows_of(table, inside),
            targets_of_rows(targets, inside)};
}

struct Chosen {
    Kernel kernel;
    double accuracy = 0.0;
};

Chosen choose_kernel(const FeatureTable& table, const std::vector<int>& targets, std::uint64_t seed, unsigned threads) {
    const auto fold_of = stratified_folds(targets, folds, seed);
    constexpr auto kernels = c_values.size() * gamma_times_features.size();
    const auto kernel_of = [&](std::size_t k) {
        return Kernel{c_values[k / gamma_times_features.size()],
                      gamma_times_features[k % gamma_times_features.size()] / static_cast<double>(table.cols())};
    };
    std::vector<std::int64_t> right(kernels * folds, 0);
    for_each_counted(std::ssize(right), threads, {}, [&](std::int64_t task) {
        const auto fold = split_fold(table, targets, fold_of, static_cast<int>(task) % folds);
        if (one_class(fold.learned_targets) || fold.judged_targets.empty()) return;
        const auto machine =
            train_machine(fold.learned, fold.learned_targets, kernel_of(static_cast<std::size_t>(task) / folds));
        cv::Mat called;
        machine->predict(as_mat(fold.judged), called);
        for (int i = 0; i < called.rows; ++i) {
            const bool hit = static_cast<int>(called.at<float>(i)) == fold.judged_targets[static_cast<std::size_t>(i)];
            right[static_cast<std::size_t>(task)] += hit ? 1 : 0;
        }
    });
    Chosen best{kernel_of(0), -1.0};
    for (std::size_t k = 0; k < kernels; ++k) {
        std::int64_t sum = 0;
        for (std::size_t f = 0; f < folds; ++f) sum += right[k * folds + f];
        const double accuracy = static_cast<double>(sum) / static_cast<double>(targets.size());
        if (accuracy > best.accuracy) best = {kernel_of(k), accuracy};
    }
    return best;
}

void fit_pair(Pair& pair, const FeatureTable& all, const std::vector<int>& all_targets, const Kernel& kernel,
              std::uint64_t seed) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < all_targets.size(); ++i) {
        if (all_targets[i] == pair.first || all_targets[i] == pair.second) rows.push_back(i);
    }
    const FeatureTable table = rows_of(all, rows);
    const auto targets = targets_of_rows(all_targets, rows);
    const auto fold_of = stratified_folds(targets, folds, seed);
    std::vector<double> values;
    std::vector<int> truth;
    const auto add = [&](const cv::ml::SVM& machine, const FeatureTable& judged, const std::vector<int>& of_judged) {
        for (const double value : decisions(machine, judged)) values.push_back(value);
        for (const int target : of_judged) truth.push_back(target == pair.first ? 1 : 0);
    };
    for (int f = 0; f < folds; ++f) {
        const auto fold = split_fold(table, targets, fold_of, f);
        if (one_class(fold.learned_targets) || fold.judged_targets.empty()) continue;
        add(*train_machine(fold.learned, fold.learned_targets, kernel), fold.judged, fold.judged_targets);
    }
    pair.machine = train_machine(table, targets, kernel);
    if (one_class(truth)) {  // too few images to leave any out
        values.clear();
        truth.clear();
        add(*pair.machine, table, targets);
    }
    pair.sigmoid = fit_sigmoid(values, truth);
}

class GlcmSvm : public ClassicalModel {
public:
    explicit GlcmSvm(const SettingValues& settings)
        : search_images_(static_cast<std::size_t>(settings.at("search_images"))),
          kernel_{settings.at("c"), settings.at("gamma_times_features")} {}

    nlohmann::json fit(const FitJob& job) override {
        outputs_ = static_cast<int>(job.outputs.size());
        const auto& targets = job.train.targets;
        FeatureTable table = glcm_table(job.corpus, job.train.indices, offsets(), job.threads, job.progress);
        standardisation_ = Standardisation::of(table);
        standardisation_.apply(table);
        Chosen chosen;
        if (kernel_.c > 0.0 && kernel_.gamma > 0.0) {
            chosen.kernel = {kernel_.c, kernel_.gamma / static_cast<double>(table.cols())};
        } else {
            const auto searched = stratified_sample(targets, search_images_, job.seed);
            chosen = choose_kernel(rows_of(table, searched), targets_of_rows(targets, searched), job.seed, job.threads);
        }
        pairs_.clear();
        for (int i = 0; i < outputs_; ++i) {
            for (int j = i + 1; j < outputs_; ++j) {
                if (std::ranges::count(targets, i) > 0 && std::ranges::count(targets, j) > 0) {
                    pairs_.push_back({i, j, {}, nullptr});
                }
            }
        }
        for_each_counted(std::ssize(pairs_), job.threads, {}, [&](std::int64_t p) {
            fit_pair(pairs_[static_cast<std::size_t>(p)], table, targets, chosen.kernel, job.seed);
        });
        return {{"features", table.cols()},
                {"c", chosen.kernel.c},
                {"gamma", chosen.kernel.gamma},
                {"cross_validated_accuracy", chosen.accuracy > 0.0 ? nlohmann::json(chosen.accuracy) : nullptr}};
    }

    std::vector<std::vector<float>> predict(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                            unsigned threads, const ClassicalProgress& progress) const override {
        FeatureTable table = glcm_table(corpus, indices, offsets(), threads, progress);
        standardisation_.apply(table);
        const auto known = known_classes();
        const auto k = std::ssize(known);
        std::vector<std::vector<double>> of_pairs(pairs_.size());
        for_each_counted(std::ssize(pairs_), threads, {}, [&](std::int64_t p) {
            of_pairs[static_cast<std::size_t>(p)] = decisions(*pairs_[static_cast<std::size_t>(p)].machine, table);
        });
        const auto place = [&](int c) { return std::ranges::find(known, c) - known.begin(); };
        std::vector<std::vector<float>> rows(indices.size(), std::vector<float>(static_cast<std::size_t>(outputs_)));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            Eigen::MatrixXd pairwise = Eigen::MatrixXd::Zero(k, k);
            for (std::size_t p = 0; p < pairs_.size(); ++p) {
                // Kept from certainty as libsvm does, which coupling could not undo.
                const double first = std::clamp(pairs_[p].sigmoid(of_pairs[p][i]), 1e-7, 1.0 - 1e-7);
                pairwise(place(pairs_[p].first), place(pairs_[p].second)) = first;
                pairwise(place(pairs_[p].second), place(pairs_[p].first)) = 1.0 - first;
            }
            const Eigen::VectorXd coupled = couple_pairs(pairwise);
            for (std::ptrdiff_t c = 0; c < k; ++c) {
                rows[i].at(static_cast<std::size_t>(known[static_cast<std::size_t>(c)])) =
                    static_cast<float>(coupled[c]);
            }
        }
        return rows;
    }

    void write(cv::FileStorage& storage) const override {
        storage << "outputs" << outputs_ << "pairs" << static_cast<int>(pairs_.size());
        write_standardisation(storage, standardisation_);
        for (std::size_t p = 0; p < pairs_.size(); ++p) {
            const auto& pair = pairs_[p];
            storage << "pair" + std::to_string(p) << "{"
                    << "first" << pair.first << "second" << pair.second << "sigmoid_a" << pair.sigmoid.a << "sigmoid_b"
                    << pair.sigmoid.b << "machine"
                    << "{";
            pair.machine->write(storage);
            storage << "}"
                    << "}";
        }
    }

    void read(const cv::FileNode& node) override {
        node["outputs"] >> outputs_;
        standardisation_ = read_standardisation(node);
        pairs_.assign(static_cast<std::size_t>(static_cast<int>(node["pairs"])), {});
        for (std::size_t p = 0; p < pairs_.size(); ++p) {
            auto& pair = pairs_[p];
            const auto entry = node["pair" + std::to_string(p)];
            entry["first"] >> pair.first;
            entry["second"] >> pair.second;
            entry["sigmoid_a"] >> pair.sigmoid.a;
            entry["sigmoid_b"] >> pair.sigmoid.b;
            pair.machine = cv::Algorithm::read<cv::ml::SVM>(entry["machine"]);
            if (!pair.machine) throw DataError("no machine");
        }
        if (outputs_ < 2 || pairs_.empty()) throw DataError("no machines");
    }

private:
    static std::vector<GlcmOffset> offsets() { return glcm_offsets(distances_px, angles_deg); }

    // Classes that training met; the others get 0.
    [[nodiscard]] std::vector<int> known_classes() const {
        std::vector<int> known;
        for (const auto& pair : pairs_) {
            known.push_back(pair.first);
            known.push_back(pair.second);
        }
        std::ranges::sort(known);
        known.erase(std::unique(known.begin(), known.end()), known.end());
        return known;
    }

    std::size_t search_images_;
    Kernel kernel_;  // as given: 0 = to be searched
    int outputs_ = 0;
    Standardisation standardisation_;
    std::vector<Pair> pairs_;
};

}  // namespace

std::unique_ptr<ClassicalModel> make_glcm_svm(const SettingValues& settings) {
    return std::make_unique<GlcmSvm>(settings);
}

}  // namespace braggbench
