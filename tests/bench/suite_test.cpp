// Suites: what their TOML may say, what a step's result depends on, and that the cache holds whole results whoever is
// killed or runs beside.
#include "bench/suite/suite_toml.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "bench/suite/measures.hpp"
#include "bench/suite/results_writers.hpp"
#include "bench/suite/run_suite.hpp"
#include "bench/suite/step_cache.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

const std::string corpus_toml = R"(
name = "tiny"

[[corpus]]
name = "images"
recipe = "diffranet-small"
images = 60
set = ["detector.width_px=64", "detector.height_px=64", "detector.beam_fast_px=32", "detector.beam_slow_px=32",
       "crystal.d_min_A=8"]
)";

const std::string tiny_toml = corpus_toml + R"(
[[model]]
name = "net"
corpus = "images"
model = "compact-tiny"
epochs = 3

[[model]]
name = "forest"
corpus = "images"
model = "glcm-forest"
settings = ["trees=10"]

[[evaluation]]
name = "net-test"
model = "net"
baseline-images = 20

[[evaluation]]
name = "forest-test"
model = "forest"
baseline-images = 0

[[explanation]]
name = "maps"
model = "net"
methods = ["hires_cam"]
images-per-class = 3
nulls = 3

[[peaks]]
name = "peaks"
corpus = "images"
finders = ["peakfinder8"]

[[check]]
name = "metrics"
check = "metrics"
)";

std::string fault_of(const std::string& toml) {
    try {
        parse_suite(toml, "my.toml");
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no fault";
}

void expect_fault(const std::string& toml, const std::string& words) {
    const std::string fault = fault_of(toml);
    EXPECT_NE(fault.find(words), std::string::npos) << fault;
}

class SuiteRuns : public testing::Test {
protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        directory = fs::temp_directory_path() / fmt::format("braggbench-suite-{}-{}", getpid(), info->name());
        fs::create_directories(directory);
        setenv("BRAGGBENCH_CACHE", (directory / "cache").c_str(), 1);
    }
    void TearDown() override { fs::remove_all(directory); }

    [[nodiscard]] SuiteOptions options(const std::string& cache, int threads = 1) const {
        SuiteOptions result;
        result.cache = directory / cache;
        result.machine.processor = "of tests";
        result.machine.cores = result.machine.threads = threads;
        return result;
    }

    // In a process of its own, which is killed at the progress call of this number of a step. The exit status.
    [[nodiscard]] int run_and_kill(const std::string& cache, const std::string& step, int at_call) const {
        const pid_t child = fork();
        if (child == 0) {
            SuiteCalls calls;
            bool there = false;
            int count = 0;
            calls.on_step = [&](const std::vector<PlannedStep>& steps, std::size_t index) {
                there = steps[index].name == step;
                if (there && at_call == 0) std::raise(SIGKILL);
            };
            calls.progress = [&](std::int64_t, std::int64_t) {
                if (there && ++count == at_call) std::raise(SIGKILL);
            };
            run_suite(parse_suite(tiny_toml, "tiny"), options(cache), calls);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        return status;
    }

    // In a process of its own.
    [[nodiscard]] Results run(const std::string& cache, const std::string& toml, int threads = 1) const {
        const fs::path file = directory / fmt::format("{}-{}.json", cache, threads);
        const pid_t child = start(cache, toml, file, threads);
        finish(child);
        return read_results(file);
    }
    [[nodiscard]] pid_t start(const std::string& cache, const std::string& toml, const fs::path& file,
                              int threads = 1) const {
        const pid_t child = fork();
        if (child == 0) {
            int status = 1;
            try {
                write_results(file, run_suite(parse_suite(toml, "tiny"), options(cache, threads), {}));
                status = 0;
            } catch (const std::exception& error) {
                fmt::print(stderr, "{}\n", error.what());
            }
            _exit(status);
        }
        return child;
    }
    static void finish(pid_t child) {
        int status = 0;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    }

    // All but times and what was cached.
    static std::string content(Results results) {
        for (auto& step : results.steps) {
            step.cached = false;
            step.wall_s = step.cpu_s = 0.0;
        }
        return results_text(results);
    }

    fs::path directory;
};

TEST(SuiteToml, BuiltinSuitesAreValid) {
    for (const auto& builtin : builtin_suites()) {
        const Suite suite = load_suite(std::string(builtin.name));
        EXPECT_EQ(suite.name, builtin.name);
        EXPECT_FALSE(suite.description.empty());
    }
}

TEST(SuiteToml, ReadsEveryKindOfStep) {
    const Suite suite = parse_suite(tiny_toml + "\n[[speed]]\nname = \"speed\"\nkernels = [\"infer\"]\n", "tiny");
    EXPECT_EQ(suite.corpora.front().resolved.image_count, 60);
    EXPECT_EQ(suite.corpora.front().resolved.width_px, 64);
    EXPECT_EQ(suite.models.front().options.epochs, 3);
    EXPECT_EQ(suite.evaluations.front().corpus, "images");
    EXPECT_EQ(suite.explanations.front().methods, std::vector<std::string>{"hires_cam"});
    EXPECT_EQ(suite.speeds.front().kernels, std::vector<std::string>{"infer"});
}

TEST(SuiteToml, PresetComesBeforeWhatIsStated) {
    const Suite suite = parse_suite(
        corpus_toml + "[[model]]\nname = \"m\"\ncorpus = \"images\"\nepochs = 2\npreset = \"nawaz\"\n", "my.toml");
    EXPECT_EQ(suite.models.front().options.epochs, 2);
    EXPECT_EQ(suite.models.front().options.batch_size, 128);
    EXPECT_EQ(suite.models.front().options.model, "alexnet");
}

TEST(SuiteToml, FaultsNameThePlaceAndTheNearestName) {
    expect_fault("name = ", "my.toml:1:8");
    expect_fault("[[corpus]]\nname = \"a\"\n", "a suite without name");
    expect_fault("name = \"x\"\n", "a suite without steps");
    expect_fault("name = \"x\"\nmodels = 1\n", "my.toml:2:10: unknown key \"models\"");
    expect_fault("name = \"x\"\n[[corpus]]\nname = \"a\"\nrecipe = \"diffranet-smal\"\n",
                 "my.toml:4:10: unknown recipe \"diffranet-smal\" (there are attributes17, ");
    expect_fault("name = \"x\"\n[[corpus]]\nname = \"a\"\nrecipe = \"ci\"\nimage = 3\n",
                 "my.toml:5:9: unknown key \"corpus.image\" (there are name, recipe, images, seed, set). Did you mean "
                 "\"images\"?");
    expect_fault("name = \"x\"\n[[corpus]]\nname = \"a\"\nrecipe = \"ci\"\nset = [\"crystal.modle=lysozyme\"]\n",
                 "crystal.model");
    expect_fault("name = \"x\"\n[[corpus]]\nrecipe = \"ci\"\n", "a [[corpus]] without name");
    expect_fault("name = \"x\"\n[[corpus]]\nname = \"a b\"\nrecipe = \"ci\"\n", "name \"a b\"");
    expect_fault("name = \"x\"\n[[corpus]]\nname = \"a\"\nrecipe = \"ci\"\nimages = 2.5\n",
                 "corpus.images must be a whole number");
    const auto fault_after_corpus = [](const std::string& rest, const std::string& words) {
        expect_fault(corpus_toml + rest, words);
    };
    fault_after_corpus("[[corpus]]\nname = \"images\"\nrecipe = \"ci\"\n", "two steps called \"images\"");
    fault_after_corpus("[[model]]\nname = \"m\"\ncorpus = \"image\"\n",
                       "unknown corpus \"image\" (there are images). Did you mean \"images\"?");
    fault_after_corpus("[[model]]\nname = \"m\"\ncorpus = \"images\"\nmodel = \"compakt\"\n",
                       "unknown model \"compakt\" (there are compact, ");
    fault_after_corpus("[[model]]\nname = \"m\"\ncorpus = \"images\"\npreset = \"nawas\"\n", "Did you mean \"nawaz\"?");
    fault_after_corpus("[[model]]\nname = \"m\"\ncorpus = \"images\"\noptimizer = \"adan\"\n", "Did you mean adam?");
    fault_after_corpus("[[evaluation]]\nname = \"e\"\nmodel = \"m\"\n", "unknown model \"m\" (the suite has none)");
    fault_after_corpus("[[peaks]]\nname = \"p\"\ncorpus = \"images\"\nfinders = [\"peakfinder9\"]\n",
                       "unknown peak finder \"peakfinder9\" (there are peakfinder8, dispersion, dispersion-extended)");
    fault_after_corpus("[[check]]\nname = \"c\"\ncheck = \"metric\"\n", "Did you mean \"metrics\"?");
    fault_after_corpus("[[check]]\nname = \"c\"\ncheck = \"polarisation\"\n", "no corpus");
    fault_after_corpus("[[speed]]\nname = \"s\"\nkernels = [\"inferr\"]\n", "Did you mean \"infer\"?");
    const std::string model = "[[model]]\nname = \"m\"\ncorpus = \"images\"\n";
    fault_after_corpus(model + "[[evaluation]]\nname = \"e\"\nmodel = \"m\"\nsplit = \"tests\"\n",
                       "unknown split \"tests\" (there are train, validation, test). Did you mean \"test\"?");
    fault_after_corpus(model + "[[explanation]]\nname = \"e\"\nmodel = \"m\"\nmethods = [\"gradcam\"]\n",
                       "unknown method \"gradcam\" (there are all, grad_cam, ");
    fault_after_corpus(model + "model = \"glcm-forest\"\n[[explanation]]\nname = \"e\"\nmodel = \"m\"\n",
                       "only networks have attribution maps");
    EXPECT_THROW(load_suite("cy"), UsageError);
    EXPECT_THROW(load_suite("missing.toml"), DataError);
}

TEST(SuiteToml, EveryKeyIsExplained) {
    const std::string keys = suite_keys_text();
    for (const char* key : {"[[corpus]]", "recipe", "epochs = 14", "images-per-class = 20", "finders", "repeats = 7"}) {
        EXPECT_NE(keys.find(key), std::string::npos) << key << "\n" << keys;
    }
}

TEST(Measures, WrongAnswersFailInJunit) {
    Results results;
    results.suite = "s";
    results.steps.push_back({"c", "check", "h", false, 1.0, 1.0});
    for (auto measure : {exact_measure("right", "1, as by hand", 1), wrong_measure("bad", "0 <instead> of 1", 1)}) {
        measure.id = "c/" + measure.id;
        measure.step = "c";
        results.measures.push_back(measure);
    }
    const std::string xml = results_junit(results);
    EXPECT_NE(xml.find("tests=\"2\" failures=\"1\""), std::string::npos) << xml;
    EXPECT_NE(xml.find("<failure message=\"wrong: 0 &lt;instead&gt; of 1\"/>"), std::string::npos) << xml;
    EXPECT_NE(results_table(results).find("1 known answers came out wrong"), std::string::npos);
}

class Cache : public SuiteRuns {
protected:
    static StepResult write_file(const fs::path& folder, const std::string& text) {
        std::ofstream(folder / "file") << text;
        return {{exact_measure("m", text, 1)}, {{"from", text}}};
    }
};

TEST_F(Cache, MakesAnEntryOnce) {
    StepCache cache(directory / "c");
    int made = 0;
    const auto make = [&](const fs::path& folder) {
        ++made;
        return write_file(folder, "text");
    };
    EXPECT_FALSE(cache.get("kind", "hash", 2.0, make, {}).cached);
    const CacheEntry again = cache.get("kind", "hash", 2.0, make, {});
    EXPECT_TRUE(again.cached);
    EXPECT_EQ(made, 1);
    EXPECT_EQ(again.result.measures.front().text, "text");
    EXPECT_EQ(again.result.provenance.at("from"), "text");
    EXPECT_TRUE(fs::exists(again.directory / "file"));
    EXPECT_EQ(cache.recorded_rates().at("kind").steps, 1);
}

TEST_F(Cache, DamagedEntriesAreMadeAnew) {
    StepCache cache(directory / "c");
    const auto make = [](const fs::path& folder) { return write_file(folder, "text"); };
    const fs::path entry = cache.get("kind", "hash", 1.0, make, {}).directory;
    for (const char* name : {"file", "results.json", "contents.json"}) {
        fs::resize_file(entry / name, fs::file_size(entry / name) / 2);
        EXPECT_FALSE(cache.has("kind", "hash")) << name;
        EXPECT_FALSE(cache.get("kind", "hash", 1.0, make, {}).cached) << name;
        EXPECT_TRUE(cache.has("kind", "hash")) << name;
    }
}

TEST_F(Cache, FailuresLeaveNoEntryAndWhatTheyWroteIsThereForTheNext) {
    StepCache cache(directory / "c");
    const auto fail = [](const fs::path& folder) -> StepResult {
        write_file(folder, "half");
        throw DataError("no");
    };
    EXPECT_THROW(cache.get("kind", "hash", 1.0, fail, {}), DataError);
    EXPECT_FALSE(cache.has("kind", "hash"));
    cache.get("kind", "hash", 1.0,
              [](const fs::path& folder) {
                  EXPECT_TRUE(fs::exists(folder / "file"));
                  return write_file(folder, "whole");
              },
              {});
    EXPECT_TRUE(cache.has("kind", "hash"));
}

TEST_F(Cache, OneWaitsWhileAnotherMakesTheSame) {
    std::atomic<int> made = 0;
    std::atomic<int> waited = 0;
    const auto work = [&] {
        StepCache cache(directory / "c");
        cache.get(
            "kind", "hash", 1.0,
            [&](const fs::path& folder) {
                ++made;
                while (waited == 0) std::this_thread::yield();
                return write_file(folder, "text");
            },
            [&] { ++waited; });
    };
    std::thread other(work);
    work();
    other.join();
    EXPECT_EQ(made, 1);
    EXPECT_EQ(waited, 1);
}

TEST_F(SuiteRuns, AHashHoldsWhatDecidesTheResultAndNoNames) {
    const auto hashes = [&](std::string toml, int threads = 1) {
        std::map<std::string, std::string> result;
        for (const auto& step : plan_suite(parse_suite(toml, "tiny"), options("c", threads))) {
            result[step.kind + std::to_string(result.count(step.kind + "0"))] = step.hash;
        }
        return result;
    };
    const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
        for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
            text.replace(at, from.size(), to);
        }
        return text;
    };
    const auto base = hashes(tiny_toml);
    EXPECT_EQ(base, hashes(tiny_toml));
    EXPECT_EQ(base, hashes(replaced(replaced(tiny_toml, "\"images\"", "\"shots\""), "\"net\"", "\"network\"")));

    const auto differing = [&](const std::map<std::string, std::string>& other) {
        std::string kinds;
        for (const auto& [kind, hash] : other) kinds += hash == base.at(kind) ? "" : kind + " ";
        return kinds;
    };
    EXPECT_EQ(differing(hashes(replaced(tiny_toml, "images = 60", "images = 61"))),
              "corpus0 evaluation0 evaluation1 explanation0 model0 model1 peaks0 ");
    EXPECT_EQ(differing(hashes(replaced(tiny_toml, "epochs = 3", "epochs = 4"))), "evaluation0 explanation0 model0 ");
    EXPECT_EQ(differing(hashes(replaced(tiny_toml, "trees=10", "trees=11"))), "evaluation1 model1 ");
    EXPECT_EQ(differing(hashes(replaced(tiny_toml, "nulls = 3", "nulls = 4"))), "explanation0 ");
    // Rounding depends on the number of threads, and with it a network's weights; nothing else does.
    EXPECT_EQ(differing(hashes(tiny_toml, 2)), "evaluation0 explanation0 model0 ");
}

TEST_F(SuiteRuns, ASecondRunTakesEverythingFromTheCache) {
    const Results first = run("c", tiny_toml);
    const Results second = run("c", tiny_toml);
    EXPECT_EQ(content(first), content(second));
    for (const auto& step : first.steps) EXPECT_FALSE(step.cached) << step.name;
    for (const auto& step : second.steps) EXPECT_TRUE(step.cached) << step.name;

    const auto measure = [&](const std::string& id) {
        const auto found = std::ranges::find(first.measures, id, &Measure::id);
        EXPECT_NE(found, first.measures.end()) << id;
        return found == first.measures.end() ? Measure{} : *found;
    };
    EXPECT_EQ(measure("images/splits").text.substr(0, 33), "36 train, 9 validation, 15 test: ");
    EXPECT_EQ(measure("net/images").text, "36 learned from");
    const Measure accuracy = measure("forest-test/class/accuracy");
    EXPECT_EQ(accuracy.n, 15);
    ASSERT_TRUE(accuracy.samples && accuracy.metric.ci95 && accuracy.metric.chance);
    EXPECT_EQ(accuracy.samples->values.size(), 15U);
    // Answers of one network are pairs with those of another only if these are the same weights.
    EXPECT_NE(accuracy.samples->units, measure("net-test/class/accuracy").samples->units);
    EXPECT_TRUE(measure("peaks/peakfinder8/recall").metric.value);
    EXPECT_TRUE(measure("peaks/peakfinder8/fast_offset").metric.value);
    EXPECT_EQ(measure("metrics/balanced_accuracy").text, "0.800000, as by hand");
    EXPECT_TRUE(std::ranges::any_of(first.measures, [](const Measure& m) {
        return m.id.starts_with("maps/hires_cam/") && m.id.ends_with("/slift") && m.samples;
    }));
    EXPECT_FALSE(std::ranges::any_of(first.measures, is_wrong));
}

TEST_F(SuiteRuns, KilledAnywhereItGoesOnToTheSameResults) {
    const Results whole = run("whole", tiny_toml);
    struct Kill {
        const char* step;
        int at_call;
    };
    // In the corpus, in an epoch, after one, before a step, in a step of many images.
    for (const auto& [step, at_call] :
         {Kill{"images", 20}, Kill{"net", 2}, Kill{"net", 4}, Kill{"net-test", 0}, Kill{"peaks", 3}}) {
        const int status = run_and_kill("killed", step, at_call);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << step << " " << status;
    }
    const Results resumed = run("killed", tiny_toml);
    EXPECT_EQ(content(whole), content(resumed));
    for (const auto& entry : fs::directory_iterator(directory / "killed")) {
        EXPECT_NE(entry.path().extension(), ".part") << entry.path();
    }
}

TEST_F(SuiteRuns, TwoAtOnceInOneCacheGiveTheSame) {
    const pid_t first = start("c", tiny_toml, directory / "1.json");
    const pid_t second = start("c", tiny_toml, directory / "2.json");
    finish(first);
    finish(second);
    EXPECT_EQ(content(read_results(directory / "1.json")), content(read_results(directory / "2.json")));
}

TEST_F(SuiteRuns, ResultsDoNotDependOnThreads) {
    const std::string toml = corpus_toml + R"(
[[model]]
name = "forest"
corpus = "images"
model = "glcm-forest"
settings = ["trees=10"]

[[evaluation]]
name = "forest-test"
model = "forest"

[[peaks]]
name = "peaks"
corpus = "images"
)";
    const Results one = run("one", toml, 1);
    Results three = run("three", toml, 3);
    three.machine = one.machine;
    EXPECT_EQ(content(one), content(three));
}

}  // namespace
}  // namespace braggbench
