#include "classifiers/torchscript.hpp"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <fstream>

#include "classifiers/model.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

class TorchScript : public testing::Test {
protected:
    void SetUp() override {
        folder_ =
            std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    static ModelCard card(const std::string& name, int size_px) {
        ModelCard card;
        card.zoo_name = name;
        card.heads.resize(1);
        card.heads[0].name = "class";
        card.heads[0].outputs = {"miss", "maybe", "hit"};
        card.hit_classes = {"hit"};
        card.view = parse_view("downsample:max:" + std::to_string(size_px));
        card.gain_adu_per_photon = 0.25;
        return card;
    }
    static TrainedModel model(const std::string& name, int size_px) {
        torch::manual_seed(5);
        TrainedModel made{card(name, size_px), nullptr};
        made.network = make_model(name, shape_of(made.card));
        made.network->eval();
        return made;
    }
    static torch::Tensor photons(int count, int size_px) {
        torch::manual_seed(6);
        return torch::poisson(torch::full({count, 1, size_px, size_px}, 3.0));
    }
    // A script of these methods, without a card.
    std::filesystem::path script(const std::string& source) const {
        torch::jit::Module module("Foreign");
        module.register_attribute("training", c10::BoolType::get(), false);
        module.register_parameter("weight", torch::tensor({0.5F, -1.0F, 2.0F}), false);
        module.define(source);
        const auto path = folder_ / "foreign.torchscript";
        module.save(path.string());
        return path;
    }
    // What load_torchscript() says of it.
    std::string fault(const std::string& source) const {
        try {
            load_torchscript(script(source), card("foreign", 16));
        } catch (const DataError& error) {
            return error.what();
        }
        return "no DataError";
    }

    std::filesystem::path folder_;
};

TEST_F(TorchScript, ModelsOfTheZooComeBackTheSame) {
    for (const auto& entry : model_zoo()) {
        SCOPED_TRACE(entry.name);
        const int size_px = std::max(entry.min_size_px, 64);
        const auto ours = model(entry.name, size_px);
        if (parameter_count(*ours.network) > 30'000'000) continue;  // interop/torchscript_python has them all
        const auto path = folder_ / (entry.name + ".torchscript");
        ASSERT_NO_THROW(export_torchscript(path, ours));
        EXPECT_TRUE(is_torchscript(path));
        const auto theirs = load_model(path);
        EXPECT_EQ(theirs.card.zoo_name, entry.name);
        EXPECT_EQ(theirs.card.heads, ours.card.heads);
        EXPECT_EQ(theirs.card.hit_classes, ours.card.hit_classes);
        EXPECT_EQ(theirs.card.view, ours.card.view);
        EXPECT_EQ(theirs.card.gain_adu_per_photon, 0.25);
        EXPECT_EQ(parameter_count(*theirs.network), parameter_count(*ours.network));
        const torch::NoGradGuard no_grad;
        const auto x = photons(3, size_px);
        EXPECT_TRUE(torch::allclose(theirs.network->forward(x), ours.network->forward(x), 1e-5, 1e-5));
    }
}

TEST_F(TorchScript, CheckpointsAndOtherFilesAreNoTorchScript) {
    const auto path = folder_ / "model.pt";
    save_model(path, model("ke2018", 169));
    EXPECT_FALSE(is_torchscript(path));
    std::ofstream(folder_ / "text") << "def forward(";
    EXPECT_FALSE(is_torchscript(folder_ / "text"));
    EXPECT_FALSE(is_torchscript(folder_ / "none"));
    EXPECT_EQ(load_model(path).card.zoo_name, "ke2018");
}

TEST_F(TorchScript, DamagedFilesAreDataErrors) {
    const auto path = folder_ / "model.torchscript";
    export_torchscript(path, model("ke2018", 169));
    const auto size = std::filesystem::file_size(path);
    for (const auto part : {size / 3, size - 40}) {
        std::filesystem::resize_file(path, part);
        EXPECT_FALSE(is_torchscript(path));
        EXPECT_THROW(load_model(path), DataError);
        EXPECT_THROW(load_torchscript(path), DataError);
    }
}

TEST_F(TorchScript, ACardIsNeededAndCanBeAdded) {
    const auto path = script("def forward(self, x):\n    return x.mean([2, 3]) * self.weight\n");
    EXPECT_THROW(load_model(path), UsageError);
    const auto stated = load_torchscript(path, card("foreign", 16));
    EXPECT_TRUE(stated.network->trace(photons(2, 16)).stages.empty());
    EXPECT_FALSE(stated.network->trace(photons(2, 16)).features.defined());
    const auto with_card = folder_ / "with-card.torchscript";
    export_torchscript(with_card, stated);
    const auto loaded = load_model(with_card);
    EXPECT_EQ(loaded.card.zoo_name, "foreign");
    const auto x = photons(2, 16);
    EXPECT_TRUE(torch::equal(loaded.network->forward(x), x.mean({2, 3}) * torch::tensor({0.5F, -1.0F, 2.0F})));
}

TEST_F(TorchScript, StatedCardsAreChecked) {
    StatedCard stated{{"miss", "hit"}, {"hit"}, {"ice"}, parse_view("downsample:max:16")};
    const auto made = make_card("folder/theirs.torchscript", stated);
    EXPECT_EQ(made.zoo_name, "theirs");
    ASSERT_EQ(made.heads.size(), 2U);
    EXPECT_EQ(made.heads[1].kind, HeadKind::multi_label);
    EXPECT_EQ(output_count(made.heads), 3U);
    const auto refused = [&](const auto& spoil) {
        auto spoilt = stated;
        spoil(spoilt);
        EXPECT_THROW(make_card("theirs", spoilt), UsageError);
    };
    refused([](StatedCard& card) { card.view.reset(); });
    refused([](StatedCard& card) { card.view = parse_view("native"); });
    refused([](StatedCard& card) { card.hit_classes = {"ice"}; });
    refused([](StatedCard& card) { card.classes = {"hit"}; });
    refused([](StatedCard& card) { card.attributes = {"ice", "ice"}; });
    refused([](StatedCard& card) { card = {.classes = {}, .hit_classes = {}, .attributes = {}, .view = card.view}; });
}

TEST_F(TorchScript, FeaturesBecomeStagesWithGradients) {
    const std::string head_of_dictionary = R"(
def head(self, f: Dict[str, Tensor]):
    return f["deep"].mean([1, 2, 3]).unsqueeze(1) * self.weight
def features(self, x):
    early = x * 2.0
    return {"early": early, "deep": torch.avg_pool2d(early, [4, 4])}
def forward(self, x):
    return self.head(self.features(x))
)";
    const auto model = load_torchscript(script(head_of_dictionary), card("foreign", 16));
    auto x = photons(2, 16);
    const auto trace = model.network->trace(x.requires_grad_());
    ASSERT_EQ(trace.stages.size(), 2U);
    EXPECT_EQ(trace.stages[0].name, "early");
    EXPECT_EQ(trace.stages[0].stride_px, 1.0);
    EXPECT_EQ(trace.stages[0].start_px, 0.0);
    EXPECT_EQ(trace.stages[1].name, "deep");
    EXPECT_EQ(trace.stages[1].stride_px, 4.0);
    EXPECT_EQ(trace.stages[1].start_px, 1.5);
    EXPECT_TRUE(torch::allclose(trace.features, x.mean({2, 3}) * 2.0));
    // d (mean of 16 averages x 2) / d early = 2 / 16 / 16 for the third logit, and from stage to stage.
    const auto gradients = torch::autograd::grad({trace.logits.select(1, 2).sum()},
                                                 {trace.stages[0].activation, trace.stages[1].activation});
    EXPECT_TRUE(torch::allclose(gradients[0], torch::full({2, 1, 16, 16}, 2.0 / 256.0)));
    EXPECT_TRUE(torch::allclose(gradients[1], torch::full({2, 1, 4, 4}, 2.0 / 16.0)));
}

TEST_F(TorchScript, FeaturesMayBeATensorOrAList) {
    const auto one = load_torchscript(script(R"(
def features(self, x):
    return torch.max_pool2d(x, [2, 2])
def head(self, f):
    return f.mean([1, 2, 3]).unsqueeze(1) * self.weight
def forward(self, x):
    return self.head(self.features(x))
)"),
                                      card("foreign", 16));
    const auto stages = one.network->trace(photons(2, 16)).stages;
    ASSERT_EQ(stages.size(), 1U);
    EXPECT_EQ(stages[0].name, "features");
    EXPECT_EQ(stages[0].start_px, 0.5);
    const auto list = load_torchscript(script(R"(
def features(self, x):
    return [x, torch.max_pool2d(x, [2, 2])]
def head(self, f: List[Tensor]):
    return f[1].mean([1, 2, 3]).unsqueeze(1) * self.weight
def forward(self, x):
    return self.head(self.features(x))
)"),
                                       card("foreign", 16));
    const auto listed = list.network->trace(photons(2, 16)).stages;
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[1].name, "stage2");
}

TEST_F(TorchScript, TheCardSaysWhereUnitsLie) {
    const auto path = script(R"(
def features(self, x):
    return torch.max_pool2d(x, [3, 3], [3, 3])
def head(self, f):
    return f.mean([1, 2, 3]).unsqueeze(1) * self.weight
def forward(self, x):
    return self.head(self.features(x))
)");
    auto json = card_json(card("foreign", 17));
    json["stages"] = {{{"name", "features"}, {"stride_px", 3.0}, {"start_px", 1.0}}};
    torch::jit::load(path.string()).save(path.string(), {{"braggbench.json", json.dump()}});
    const auto again = folder_ / "again.torchscript";
    export_torchscript(again, load_model(path));
    for (const auto& file : {path, again}) {
        const auto stages = load_model(file).network->trace(photons(1, 17)).stages;
        ASSERT_EQ(stages.size(), 1U);
        EXPECT_EQ(stages[0].stride_px, 3.0);
        EXPECT_EQ(stages[0].start_px, 1.0);
    }
    json["stages"] = {{{"name", "features"}}};
    torch::jit::load(path.string()).save(path.string(), {{"braggbench.json", json.dump()}});
    EXPECT_THROW(load_model(path), DataError);
}

TEST_F(TorchScript, FaultsAreNamed) {
    EXPECT_NE(fault("def forward(self, x):\n    return x.mean([2, 3])\n").find("(2, 1)"), std::string::npos);
    EXPECT_NE(fault("def forward(self, x):\n    return x.mean([2, 3]) * self.weight / 0.0\n").find("NaN"),
              std::string::npos);
    EXPECT_NE(
        fault("def forward(self, x):\n    return x.view([-1, 1, 32, 32]).mean([2, 3]) * self.weight\n").find("size"),
        std::string::npos);
    EXPECT_NE(
        fault("def forward(self, x):\n    return x.view([1, 256]).mean(1, True) * self.weight\n").find("fails on"),
        std::string::npos);
    EXPECT_NE(fault("def forward(self, x):\n    return [x]\n").find("one tensor"), std::string::npos);
    EXPECT_NE(fault(R"(
def features(self, x):
    return x
def head(self, f):
    return f.mean([2, 3]) * self.weight
def forward(self, x):
    return x.mean([2, 3]) * self.weight + 1.0
)")
                  .find("differs from forward"),
              std::string::npos);
}

// NaN that only some images bring about.
TEST_F(TorchScript, EveryPredictionIsChecked) {
    const auto model = load_torchscript(
        script("def forward(self, x):\n    return x.mean([2, 3]).sqrt() * self.weight\n"), card("foreign", 16));
    EXPECT_NO_THROW(model.network->forward(photons(2, 16)));
    EXPECT_THROW(model.network->forward(photons(2, 16) - 10.0), DataError);
}

TEST_F(TorchScript, WhatHoldsForOneImageAloneIsNotExported) {
    class Fixed : public Classifier {
    public:
        Trace trace(const torch::Tensor& photons) override {
            return {{}, photons.view({photons.size(0), 3, -1}).mean(2)};
        }
    };
    TrainedModel fixed{card("fixed", 18), std::make_shared<Fixed>()};
    EXPECT_THROW(export_torchscript(folder_ / "fixed.torchscript", fixed), UsageError);
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace braggbench
