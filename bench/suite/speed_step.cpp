#include <torch/torch.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>

#include "bench/suite/known_names.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/find_peaks.hpp"
#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"
#include "classifiers/spot_finder.hpp"
#include "datasets/generate.hpp"
#include "datasets/recipe_toml.hpp"
#include "explain/attribution.hpp"
#include "explain/explanation_rows.hpp"

namespace braggbench {
namespace {

constexpr int network_px = 256;
constexpr std::int64_t network_batch = 4;
constexpr int calls_of_a_turn = 3;  // of which the fastest counts

double thread_ms() {
    std::timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// One torch thread while it lives.
class OneThread {
public:
    OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
    ~OneThread() { at::set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

private:
    int before_;
};

// What all kernels work on: images of diffranet, the first of each class that has a crystal last.
class Subjects {
public:
    Subjects() : source_(load_recipe("diffranet", {"corpus.image_count=64"})) {
        network_ = make_model("compact", {5, network_px, network_px});
        for (std::int64_t i = 0; i < source_.recipe().image_count; ++i) {
            if (source_.assignments()[static_cast<std::size_t>(i)].class_index == bright_class) images_.push_back(i);
        }
        images_.resize(std::min<std::size_t>(images_.size(), 4));
        record_ = source_.record(images_.front());
        shot_.values = Image<float>(record_.image.width, record_.image.height);
        std::ranges::copy(record_.image.pixels, shot_.values.pixels.begin());
        shot_.gain_adu_per_photon = source_.recipe().response.gain_adu_per_photon;
        shot_.offset_adu = source_.recipe().response.offset_adu;
        torch::manual_seed(1);
        batch_ = torch::poisson(torch::full({network_batch, 1, network_px, network_px}, 3.0));
        for (std::int64_t i = 0; i < network_batch; ++i) {
            Image<float> image(network_px, network_px);
            const auto* pixels = batch_[i].data_ptr<float>();
            std::copy(pixels, pixels + image.size(), image.pixels.begin());
            photons_.push_back(std::move(image));
        }
    }

    void generate() const {
        for (const auto index : images_) [[maybe_unused]] const auto record = source_.record(index);
    }
    void compress() const { encode(CorpusRecord(record_)); }
    void find(PeakFinder finder) const {
        FindPeaksOptions options;
        options.finder = finder;
        find_peaks(shot_, options);
    }
    void infer() const {
        const torch::InferenceMode inference;
        network_->eval();
        network_->forward(batch_);
    }
    void learn() const {
        network_->train();
        network_->zero_grad();
        const auto targets = torch::zeros({network_batch, 1});
        const std::vector<Head> heads = {{"class", HeadKind::one_of_n, {"a", "b", "c", "d", "e"}, 1.0, {}, {}, {}, {}}};
        loss_of(network_->forward(batch_), targets, heads, {}).backward();
    }
    void attribute_maps() const { attribute(*network_, photons_, std::vector<int>(photons_.size(), 0)); }

private:
    static constexpr int bright_class = 4;
    RecipeSource source_;
    std::vector<std::int64_t> images_;
    CorpusRecord record_;
    DetectorImage shot_;
    std::shared_ptr<Classifier> network_;
    torch::Tensor batch_;
    std::vector<Image<float>> photons_;
};

struct Kernel {
    std::string name;
    std::int64_t images;  // of one call
    std::function<void(const Subjects&)> run;
};

const std::vector<Kernel>& kernels() {
    static const std::vector<Kernel> table = {
        {"generate", 4, [](const Subjects& s) { s.generate(); }},
        {"compress", 1, [](const Subjects& s) { s.compress(); }},
        {"peakfinder8", 1, [](const Subjects& s) { s.find(PeakFinder::peakfinder8); }},
        {"dispersion", 1, [](const Subjects& s) { s.find(PeakFinder::dispersion); }},
        {"dispersion-extended", 1, [](const Subjects& s) { s.find(PeakFinder::dispersion_extended); }},
        {"infer", network_batch, [](const Subjects& s) { s.infer(); }},
        {"train", network_batch, [](const Subjects& s) { s.learn(); }},
        {"attribute", network_batch, [](const Subjects& s) { s.attribute_maps(); }},
    };
    return table;
}

}  // namespace

const std::vector<std::string>& known_kernels() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const auto& kernel : kernels()) all.push_back(kernel.name);
        return all;
    }();
    return names;
}

StepResult run_speed_step(const SpeedStep& step, const StepWork& work) {
    const OneThread one_thread;
    const Subjects subjects;
    StepResult result;
    const auto total = static_cast<std::int64_t>(step.kernels.size()) * step.repeats;
    std::vector<std::vector<double>> times_ms(step.kernels.size());
    // Turn by turn, so that what disturbs the machine for a while does not meet one kernel alone.
    for (std::int64_t turn = 0; turn < total; ++turn) {
        const auto k = static_cast<std::size_t>(turn) % step.kernels.size();
        const auto& kernel = *std::ranges::find(kernels(), step.kernels[k], &Kernel::name);
        double least_ms = std::numeric_limits<double>::max();
        for (int call = 0; call < calls_of_a_turn; ++call) {
            const double begin = thread_ms();
            kernel.run(subjects);
            least_ms = std::min(least_ms, (thread_ms() - begin) / static_cast<double>(kernel.images));
        }
        times_ms[k].push_back(least_ms);
        work.progress(turn + 1, total);
    }
    for (std::size_t k = 0; k < step.kernels.size(); ++k) {
        Measure measure;
        measure.id = step.kernels[k];
        measure.kind = MeasureKind::speed;
        measure.better = Better::lower;
        measure.unit = "ms";
        measure.n = step.repeats;
        std::vector<Sample> samples;
        for (const double time_ms : times_ms[k]) samples.push_back({0, time_ms});
        const auto middle = estimate(samples, Statistic::median, 1);
        measure.metric = {middle.value, middle.ci95, std::nullopt};
        measure.samples = Samples{"turns of " + step.kernels[k], times_ms[k], {}, true};
        result.measures.push_back(std::move(measure));
    }
    return result;
}

}  // namespace braggbench
