// SPDX-License-Identifier: LGPL-2.1-or-later
// Models with open height and width, fed by a source that changes its size all the time.
#include "inference/session.h"
#include "tests/cpu_rig.h"
#include "tests/model_cases.h"
#include "tests/onnx_model.h"

#include <unistd.h>

#include <fstream>

using namespace infer;

namespace {

struct NoiseFrame final : Frame {
    NoiseFrame(FrameSize size, int channels, unsigned seed) : frame_size(size), channels(channels) {
        std::mt19937 rng(seed);
        pixels.resize(size_t(size.width) * size_t(size.height) * size_t(channels));
        for (uint8_t& p : pixels)
            p = uint8_t(rng());
    }
    Result<FrameView> map() override {
        FrameView view;
        view.format = channels == 1 ? PixelFormat::GRAY8 : PixelFormat::BGR;
        view.width = frame_size.width;
        view.height = frame_size.height;
        view.plane[0] = pixels.data();
        view.stride[0] = frame_size.width * channels;
        return view;
    }
    void unmap() override {}
    FrameSize size() const override { return frame_size; }

    const FrameSize frame_size;
    const int channels;
    std::vector<uint8_t> pixels;
};

struct Case {
    const char* name;
    int channels;
    FrameSize from; // sizes are this and 19 more in `step`s, as the model takes them exactly
    int step;
    bool by_reference; // compared with the reference kernels, or with the device at a fixed shape
};

// Halves the picture and adds it to itself at full size again: odd sizes do not fit.
std::string halving_model() {
    OnnxModel m(13);
    m.input("x", {-1, 3, -1, -1}).output("y");
    std::vector<float> weights(4 * 3 * 3 * 3);
    for (size_t i = 0; i < weights.size(); i++)
        weights[i] = float(int(i * 7 % 11) - 5) / 100;
    m.floats("w", {4, 3, 3, 3}, weights).floats("v", {4, 3, 1, 1}, std::vector<float>(12, 0.01f));
    m.floats("scales", {4}, {1, 1, 2, 2});
    auto* half = m.node("Conv", {"x", "w"}, {"h"});
    set_ints(half, "strides", {2, 2});
    set_ints(half, "pads", {1, 1, 1, 1});
    m.node("Relu", {"h"}, {"r"});
    m.node("Resize", {"r", "", "scales"}, {"u"});
    m.node("Conv", {"x", "v"}, {"s"});
    m.node("Add", {"u", "s"}, {"y"});
    return m.save("halving.onnx");
}

// The frame's pixels as the model's input: its own size, so nothing is scaled.
Tensor input_of(const NoiseFrame& frame) {
    const auto [width, height] = frame.frame_size;
    Tensor t(ElementType::F32, {1, frame.channels, height, width});
    const size_t plane = size_t(width) * size_t(height), channels = size_t(frame.channels);
    for (size_t i = 0; i < plane * channels; i++)
        t.span<float>()[i % channels * plane + i / channels] = float(frame.pixels[i]);
    return t;
}

std::vector<Tensor> at_fixed_shape(const std::string& file, const Tensor& input,
                                   bool by_reference) {
    auto graph = load_model(file, {.shapes = {{"", input.shape()}}});
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_TRUE(optimize(graph.value()).ok());
    if (by_reference)
        return run_reference(graph.value(), {input}).value();
    auto executor = find_device("CPU")->compile(
        graph.value(), {.hint = Hint::Latency, .precision = Precision::F32});
    EXPECT_TRUE(executor.ok());
    return run_once(*executor.value(), {input});
}

std::shared_ptr<const Processing> raw(int channels) {
    auto how = std::make_shared<Processing>();
    how->preprocess.color = channels == 1 ? PreprocessSpec::Gray : PreprocessSpec::BGR;
    return how;
}

double resident_mb() {
    long pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return double(resident) * double(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class CpuSizes : public testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        const Case& c = GetParam();
        file = std::string(c.name) == "halving"
                   ? halving_model()
                   : folder_of({c.name}).empty() ? ""
                                                 : folder_of({c.name}) + "/" + c.name + ".onnx";
        if (file.empty())
            GTEST_SKIP() << "no " << c.name << " under $GI_SHARED/models";
        SessionConfig config;
        config.model = file;
        config.at_source_size = true;
        config.options.hint = Hint::Latency;
        config.options.precision = Precision::F32;
        session = Session::open(config).value();
        source = session->add_source({});
        how = raw(c.channels);
    }
    Output through(std::unique_ptr<NoiseFrame> frame) {
        EXPECT_EQ(source->push(std::move(frame), how), PushResult::Ok);
        auto output = source->pop();
        EXPECT_TRUE(output);
        return std::move(*output);
    }
    static FrameSize size(int k) {
        const Case& c = GetParam();
        return {c.from.width + k % 5 * c.step, c.from.height + k / 5 * c.step};
    }

    std::string file;
    std::shared_ptr<Session> session;
    std::unique_ptr<Source> source;
    std::shared_ptr<const Processing> how;
};

TEST_P(CpuSizes, twenty_sizes_in_turn_give_what_each_gives_at_its_own_shape_and_memory_stays) {
    const Case& c = GetParam();
    for (int k = 0; k < 20; k++) {
        auto frame = std::make_unique<NoiseFrame>(size(k), c.channels, unsigned(k));
        const auto wanted = at_fixed_shape(file, input_of(*frame), c.by_reference);
        const Output output = through(std::move(frame));
        ASSERT_EQ(output.status, FrameStatus::Inferred) << output.reason;
        ASSERT_EQ(output.results.tensors.size(), wanted.size());
        for (size_t t = 0; t < wanted.size(); t++)
            EXPECT_EQ(difference(output.results.tensors[t].second, wanted[t]), "")
                << "output " << t << " at " << to_string(wanted[t].shape());
    }
    const double once = resident_mb();
    for (int k = 0; k < 20; k++)
        through(std::make_unique<NoiseFrame>(size(k), c.channels, unsigned(k)));
    const double twice = resident_mb();
    RecordProperty("resident_mb_after_20_sizes", std::to_string(once));
    RecordProperty("resident_mb_after_40_sizes", std::to_string(twice));
    EXPECT_LE(twice, once * 1.05 + 8) << "MB; " << once << " before";
}

INSTANTIATE_TEST_SUITE_P(Open, CpuSizes,
                         testing::Values(Case{"halving", 3, {32, 24}, 2, true},
                                         Case{"yunet-n-dynamic", 3, {160, 128}, 32, false},
                                         Case{"ppocrv4-det", 3, {96, 64}, 32, false}),
                         [](const auto& test) {
                             std::string name = test.param.name;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

// 33x25 does not fit the model; 64x32 does, and the picture is stretched to that.
TEST(CpuSizesOdd, a_size_that_does_not_fit_is_served_by_the_next_multiple_of_32) {
    SessionConfig config;
    config.model = halving_model();
    config.at_source_size = true;
    const auto session = Session::open(config).value();
    const auto source = session->add_source({});
    EXPECT_EQ(source->push(std::make_unique<NoiseFrame>(FrameSize{33, 25}, 3, 1u), raw(3)),
              PushResult::Ok);
    const auto output = source->pop();
    ASSERT_EQ(output->status, FrameStatus::Inferred) << output->reason;
    EXPECT_EQ(output->results.tensors[0].second.shape(), (Shape{1, 4, 32, 64}));
    EXPECT_EQ(output->results.processing->options.input_width, 64);
}

} // namespace
