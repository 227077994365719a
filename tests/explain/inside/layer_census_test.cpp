#include "explain/inside/layer_census.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/explain/inside/planted_net.hpp"

namespace braggbench {
namespace {

constexpr double epsilon = 1e-6;

const LayerTally& layer_named(const LayerCensus& census, const std::string& name) {
    for (const LayerTally& layer : census.layers()) {
        if (layer.name == name) return layer;
    }
    throw std::runtime_error("no layer " + name);
}

TEST(LayerCensus, TellsWhyMapsAreDead) {
    PlantedNet net;
    net.eval();
    LayerCensus census;
    for (int batch = 0; batch < 3; ++batch) census.trace(net, planted_images(4, 12) * (batch == 0 ? 1.0 : 0.5));
    ASSERT_EQ(census.layers().size(), 3U);
    const LayerTally& first = layer_named(census, "first");
    EXPECT_EQ(first.stage, "one");
    EXPECT_EQ(dead_inputs(first, epsilon), 0);
    const auto dead = dead_maps(first, epsilon);
    ASSERT_EQ(dead.size(), 2U);
    EXPECT_EQ(dead[0].map, 1);
    EXPECT_EQ(dead[0].cause, DeadCause::weights);
    EXPECT_EQ(dead[1].map, 3);
    EXPECT_EQ(dead[1].cause, DeadCause::data);
    const LayerTally& second = layer_named(census, "second");
    EXPECT_EQ(second.stage, "two");
    EXPECT_EQ(dead_inputs(second, epsilon), 2);
    ASSERT_EQ(dead_maps(second, epsilon).size(), 1U);
    EXPECT_EQ(dead_maps(second, epsilon)[0].cause, DeadCause::input);
    // Without a ReLU nothing is dead.
    EXPECT_FALSE(layer_named(census, "head").rectified);
    EXPECT_TRUE(dead_maps(layer_named(census, "head"), epsilon).empty());

    const auto json = census.json(epsilon);
    EXPECT_EQ(json[0].at("dead_by").at("weights"), 1);
    EXPECT_EQ(json[0].at("dead_by").at("data"), 1);
    EXPECT_EQ(json[1].at("dead_by").at("input"), 1);
    EXPECT_TRUE(json[2].at("dead").is_null());
}

// A map that no image here made fire, yet one within the ranges would.
TEST(LayerCensus, DeadByDataFiresOnOtherImages) {
    PlantedNet net;
    net.eval();
    LayerCensus census;
    census.trace(net, torch::full({1, 1, 6, 6}, planted_highest));
    const auto dead = dead_maps(layer_named(census, "first"), epsilon);
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0].map, 1);
}

TEST(LayerCensus, FoldsNorms) {
    PlantedNet net;
    net.eval();
    {
        const torch::NoGradGuard no_gradients;
        // The norm turns map 3 round: it now fires unless its neighbours are bright, and lifts map 1 by 2000.
        for (auto& parameter : net.named_parameters()) {
            if (parameter.key() == "norm.weight") parameter.value()[3] = -1.0;
            if (parameter.key() == "norm.bias") parameter.value()[1] = 2000.0;
        }
    }
    LayerCensus census;
    census.trace(net, planted_images(4, 12));
    EXPECT_TRUE(dead_maps(layer_named(census, "first"), epsilon).empty());
    {
        const torch::NoGradGuard no_gradients;
        for (auto& parameter : net.named_parameters()) {
            if (parameter.key() == "norm.bias") parameter.value()[1] = -3.0;
        }
    }
    LayerCensus again;
    again.trace(net, planted_images(4, 12));
    const auto dead = dead_maps(layer_named(again, "first"), epsilon);
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0].cause, DeadCause::weights);
}

TEST(LayerCensus, LeavesTheOutputsAsTheyAre) {
    PlantedNet net;
    net.eval();
    const torch::Tensor images = planted_images(3, 10);
    LayerCensus census;
    const Trace watched = census.trace(net, images);
    const torch::NoGradGuard no_gradients;
    const Trace plain = net.trace(images);
    EXPECT_TRUE(torch::equal(watched.logits, plain.logits));
    EXPECT_TRUE(torch::equal(watched.stages[0].activation, plain.stages[0].activation));
    EXPECT_TRUE(torch::equal(census.first_input(), images));
    // Outside of trace() nothing is looked at.
    const auto before = census.layers().size();
    net.trace(images);
    EXPECT_EQ(census.layers().size(), before);
}

// Whatever folds its norms into its weights, or adds branches: every layer has the name of its parameters.
TEST(LayerCensus, NamesTheLayersOfTheZoo) {
    for (const std::string name : {"compact", "compact-tiny", "resnet18", "vgg16"}) {
        torch::manual_seed(1);
        const auto net = make_model(name, {3, 64, 64});
        net->eval();
        LayerCensus census;
        const Trace trace = census.trace(*net, torch::rand({1, 1, 64, 64}) * 50.0);
        std::set<std::string> parameters;
        for (const auto& parameter : net->named_parameters()) {
            if (parameter.value().dim() > 1) {
                parameters.insert(parameter.key().substr(0, parameter.key().size() - std::string(".weight").size()));
            }
        }
        std::set<std::string> layers;
        for (const LayerTally& layer : census.layers()) layers.insert(layer.name);
        EXPECT_EQ(layers, parameters) << name;
        // Stages that are one layer's ReLU are known to be; sums of branches are not.
        std::size_t of_stages = 0;
        for (const LayerTally& layer : census.layers()) of_stages += layer.stage.empty() ? 0U : 1U;
        if (name != "resnet18") {
            EXPECT_EQ(of_stages, trace.stages.size()) << name;
        }
    }
}

}  // namespace
}  // namespace braggbench
