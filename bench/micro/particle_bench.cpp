// Speed of particles without a lattice and of small-angle scattering, one core.
#include <benchmark/benchmark.h>

#include <memory>

#include "simulator/experiment.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/single_particle.hpp"
#include "simulator/small_angle.hpp"

namespace braggbench {
namespace {

// 260 x 257 pixels after Yang 2016, soft X-rays, 700 A icosahedra.
Experiment soft_shot(int particles) {
    Experiment experiment;
    experiment.beam.wavelength_A = 7.75;
    experiment.detector = flat_detector(257, 260, 0.3, 580.0, 128.5, 130.0);
    ParticleDraw draw;
    ParticleShape shape;
    shape.form = ParticleShape::Form::icosahedron;
    draw.transform =
        std::make_shared<const ParticleTransform>(transform_shape(shape, 1.4 * largest_q_invA(experiment)));
    draw.count = particles;
    draw.size_rms_fraction = 0.1;
    experiment.particles = draw_particles(draw, experiment.beam, 1, 2);
    return experiment;
}

void single_particles(benchmark::State& state) {
    const Experiment experiment = soft_shot(static_cast<int>(state.range(0)));
    Image<float> image(257, 260);
    for (auto _ : state) {
        add_particles(experiment, image);
        benchmark::DoNotOptimize(image.pixels.data());
    }
    state.counters["transform_MiB"] =
        static_cast<double>(experiment.particles.particles[0].transform->bytes()) / (1024.0 * 1024.0);
}

void particle_transform(benchmark::State& state) {
    ParticleShape shape;
    shape.form = static_cast<ParticleShape::Form>(state.range(0));
    for (auto _ : state) {
        const ParticleTransform transform = transform_shape(shape, 0.0125);
        benchmark::DoNotOptimize(&transform);
    }
}

Experiment saxs(int size_px) {
    Experiment experiment;
    experiment.detector = flat_detector(size_px, size_px, 0.172, 3000.0, 0.5 * size_px, 0.5 * size_px);
    return experiment;
}

void small_angle(benchmark::State& state, const std::vector<SmallAngleScene>& scenes) {
    const auto size = static_cast<int>(state.range(0));
    Experiment experiment = saxs(size);
    SmallAngle all;
    for (const SmallAngleScene scene : scenes) {
        for (const SmallAngleComponent& component :
             draw_small_angle(scene, 100.0, experiment, 1, all.components.size()).components)
            all.components.push_back(component);
    }
    experiment.small_angle = all;
    Image<float> image(size, size);
    for (auto _ : state) {
        add_small_angle(experiment, image);
        benchmark::DoNotOptimize(image.pixels.data());
    }
    state.counters["components"] = static_cast<double>(all.components.size());
}

// What every pass needs: the geometry of the rows.
void rows_alone(benchmark::State& state) {
    const auto size = static_cast<int>(state.range(0));
    const Experiment experiment = saxs(size);
    Image<float> image(size, size);
    for (auto _ : state) {
        for_each_pixel_row(experiment, image,
                           [](const PixelRow& row, std::span<float> pixels) { pixels[0] += row.photons_per_e2[0]; });
        benchmark::DoNotOptimize(image.pixels.data());
    }
}

BENCHMARK(single_particles)->ArgName("particles")->Arg(1)->Arg(3)->Arg(8)->Unit(benchmark::kMillisecond);
BENCHMARK(particle_transform)->ArgName("form")->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(rows_alone)->Name("small_angle/rows_alone")->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(small_angle, five_even,
                  {SmallAngleScene::halo, SmallAngleScene::ring, SmallAngleScene::fcc, SmallAngleScene::diffuse_low_q,
                   SmallAngleScene::diffuse_high_q})
    ->Arg(512)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(small_angle, five_mixed,
                  {SmallAngleScene::halo, SmallAngleScene::textured, SmallAngleScene::polycrystalline,
                   SmallAngleScene::oriented, SmallAngleScene::diffuse_low_q})
    ->Arg(512)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
