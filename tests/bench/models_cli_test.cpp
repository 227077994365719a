// Training, resuming, comparing and evaluating models of every kind, as a person meets them.
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/bench/program.hpp"

namespace braggbench {
namespace {

constexpr auto training = "train corpus.h5 --model compact --epochs 40 --batch 4 --cache-gib 0";

// Starts training with a checkpoint after every batch and kills it once there is one.
void train_and_kill(const fs::path& directory, const std::string& output) {
    const pid_t child = fork();
    if (child == 0) {
        const std::string command = "cd " + directory.string() + " && exec " + BRAGGBENCH_PROGRAM + " -q " + training +
                                    " --checkpoint-minutes 1e-6 -o " + output + " >/dev/null 2>&1";
        execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        _exit(127);
    }
    const fs::path checkpoint = directory / (output + ".checkpoint");
    for (int tries = 0; tries < 6000 && !fs::exists(checkpoint); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended before it could be killed";
    ASSERT_TRUE(fs::exists(checkpoint));
    ASSERT_FALSE(fs::exists(directory / output));
}

TEST_F(Program, KilledWhileTrainingItResumesToTheSameModel) {
    ASSERT_EQ(run(std::string(training) + " -o whole.pt").exit_code, 0);
    train_and_kill(directory, "killed.pt");
    const Outcome resumed = run(std::string(training) + " --resume -o killed.pt");
    ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
    ASSERT_EQ(run("evaluate corpus.h5 --model whole.pt --write-predictions whole.csv").exit_code, 0);
    ASSERT_EQ(run("evaluate corpus.h5 --model killed.pt --write-predictions killed.csv").exit_code, 0);
    EXPECT_EQ(read("whole.csv"), read("killed.csv"));
}

TEST_F(Program, AFullDiskLeavesTheLastCheckpoint) {
    train_and_kill(directory, "full.pt");
    const std::string before = read("full.pt.checkpoint");
    // Files of more than 16 KiB cannot be written: what a full disk is to a checkpoint.
    const Outcome full = run_command("trap '' XFSZ; ulimit -f 16; " BRAGGBENCH_PROGRAM " -q " + std::string(training) +
                                     " --checkpoint-minutes 1e-6 --resume -o full.pt");
    EXPECT_EQ(full.exit_code, 3) << full.output;
    EXPECT_NE(full.output.find("cannot be written"), std::string::npos) << full.output;
    EXPECT_EQ(read("full.pt.checkpoint"), before);
    EXPECT_EQ(run(std::string(training) + " --resume -o full.pt").exit_code, 0);
}

TEST_F(Program, ModelsOfEveryKindAreEvaluatedTogether) {
    ASSERT_EQ(run("train corpus.h5 --model glcm-forest -o forest.model").exit_code, 0);
    ASSERT_EQ(run("train corpus.h5 --model peakfinder8 -o finder.model").exit_code, 0);
    const Outcome exported = run("export-model model.pt -o model.torchscript");
    ASSERT_EQ(exported.exit_code, 0) << exported.output;
    const Outcome evaluated =
        run("evaluate corpus.h5 --model model.pt --model model.torchscript --model forest.model --model finder.model "
            "--json");
    ASSERT_EQ(evaluated.exit_code, 0) << evaluated.output;
    const auto json = nlohmann::json::parse(evaluated.output);
    ASSERT_EQ(json.at("models").size(), 4U);
    EXPECT_EQ(json.at("models")[0].at("tasks")[0].at("confusion"), json.at("models")[1].at("tasks")[0].at("confusion"));
    EXPECT_EQ(json.at("models")[3].at("tasks")[0].at("head"), "hit");
    const Outcome explained = run("explain corpus.h5 --model forest.model -o no.json");
    EXPECT_EQ(explained.exit_code, 2) << explained.output;
}

TEST_F(Program, EveryModelInOneTable) {
    const Outcome compared =
        run("compare corpus.h5 --models compact-tiny vgg16 glcm-forest dispersion --minutes 0.02 --epochs 1 "
            "--directory models -o comparison.json");
    ASSERT_EQ(compared.exit_code, 0) << compared.output;
    for (const char* word : {"compact-tiny", "vgg16", "glcm-forest", "dispersion", "majority", "radial_profile"}) {
        EXPECT_NE(compared.output.find(word), std::string::npos) << word << "\n" << compared.output;
    }
    const auto rows = nlohmann::json::parse(read("comparison.json")).at("rows");
    ASSERT_EQ(rows.size(), 4U);
    EXPECT_GT(rows[1].at("parameters").get<std::int64_t>(), 14'000'000);
    EXPECT_GT(rows[1].at("multiply_adds").get<std::int64_t>(), 1'000'000'000);
    EXPECT_TRUE(fs::exists(directory / "models" / "vgg16.model"));
}

TEST_F(Program, HeadsThatCannotBeLearned) {
    expect_fault("train corpus.h5 --heads attributes -o no.pt", 2, "no attributes");
    expect_fault("train corpus.h5 --heads grades -o no.pt", 2, "there is none of that name");
    expect_fault("train corpus.h5 --model resnet18 --view downsample:max:32 -o no.pt", 2,
                 "its last stage would be empty");
    expect_fault("train corpus.h5 --model resnett18 -o no.pt", 2, "Did you mean 'resnet18'");
    expect_fault("train corpus.h5 --optimizer adamm -o no.pt", 2, "Did you mean adam");
    expect_fault("train corpus.h5 --preset holatz -o no.pt", 2, "Did you mean 'hollatz'");
    expect_fault("train corpus.h5 --freeze-through stage9 -o no.pt", 2, "stage1");
    expect_fault("train corpus.h5 --init corpus.h5 -o no.pt", 3, "corpus.h5");
    expect_fault("train corpus.h5 --model glcm-forest --setting threes=3 -o no.model", 2, "trees");
    write("broken.pt.checkpoint", "this is no checkpoint");
    expect_fault("train corpus.h5 --resume -o broken.pt", 3, "not a braggbench training checkpoint");
    EXPECT_EQ(read("broken.pt.checkpoint"), "this is no checkpoint");
}

TEST_F(Program, TransferTellsWhatItTakes) {
    const Outcome heads =
        run("train corpus.h5 --heads hit --init model.pt --freeze-through stage3 --epochs 1 -o hits.pt");
    ASSERT_EQ(heads.exit_code, 0) << heads.output;
    const Outcome classified = run("evaluate corpus.h5 --model hits.pt --json");
    ASSERT_EQ(classified.exit_code, 0) << classified.output;
    EXPECT_EQ(nlohmann::json::parse(classified.output).at("tasks")[0].at("head"), "hit");
}

TEST_F(Program, EmbedsAModelsSpaces) {
    ASSERT_EQ(train_run.exit_code, 0) << train_run.output;
    const Outcome embedded = run("embed corpus.h5 --model model.pt --split train --perplexity 8 -o embedding/");
    ASSERT_EQ(embedded.exit_code, 0) << embedded.output;
    EXPECT_NE(embedded.output.find("trustworthiness"), std::string::npos) << embedded.output;
    const auto json = nlohmann::json::parse(read("embedding/embedding.json"));
    ASSERT_EQ(json.at("spaces").size(), 3U);
    EXPECT_EQ(json.at("spaces")[1].at("dimensions"), 48);
    EXPECT_EQ(read("embedding/embedding.csv").find("image,class,labels,act_x,act_y,fea_x,fea_y,prd_x,prd_y,"), 0U);
    for (const std::string space : {"act", "fea", "prd"}) {
        EXPECT_EQ(read("embedding/" + space + ".svg").find("<svg xmlns="), 0U) << space;
    }
    expect_fault("embed corpus.h5 --model model.pt -o few", 2, "--perplexity");
    expect_fault("embed corpus.h5 --model model.pt --space all -o other", 2, "act (labels)");
    expect_fault("embed corpus.h5 --model model.pt -o model.pt", 2, "not a folder");
    expect_fault("embed corpus.h5 --model model.pt -o nowhere/else", 3, "nowhere");
}

}  // namespace
}  // namespace braggbench
