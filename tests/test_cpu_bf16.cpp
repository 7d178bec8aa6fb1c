// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Graphs in bf16 on the CPU device, against the reference kernels in f32. Where the processor cannot
// calculate in bf16 the device must say so.
#include "devices/cpu/onednn.h"
#include "inference/half.h"
#include "tests/cpu_graphs.h"

using namespace infer;

namespace {

using Attrs = std::map<std::string, Attr>;

void round_to_bf16(Tensor& t) {
    for (float& x : t.span<float>())
        x = from_bf16(to_bf16(x));
}

// What ran, as "op:kernel ".
std::string expect_near_reference(const Graph& graph, float tolerance, int threads) {
    std::vector<Tensor> inputs;
    for (const ValueId v : graph.inputs) {
        inputs.push_back(random_tensor(graph.value(v).shape, unsigned(v) + 3));
        round_to_bf16(inputs.back());
    }
    const auto wanted = run_reference(graph, inputs);
    EXPECT_TRUE(wanted.ok()) << wanted.error().text();
    CompileOptions options{.hint = Hint::Latency, .precision = Precision::BF16, .threads = threads};
    options.extra = {{"profile", "1"}};
    auto executor = find_device("CPU")->compile(graph, options);
    if (!cpu::onednn::has_bf16()) {
        EXPECT_FALSE(executor.ok());
        return "";
    }
    EXPECT_TRUE(executor.ok()) << executor.error().text();
    for (int again = 0; again < 2; again++) { // the second time over used memory
        const auto got = run_once(*executor.value(), inputs);
        for (size_t k = 0; k < got.size(); k++)
            expect_near(got[k], wanted.value()[k], tolerance, "output " + std::to_string(k) + ", threads " + std::to_string(threads));
    }
    std::string all;
    for (const auto& layer : executor.value()->layer_times())
        all += layer.op + ":" + layer.kernel + " ";
    return all;
}

// Products of bf16 are exact in f32: only the order of the sums differs.
void expect_exact_products(Graph graph, const std::string& what) {
    SCOPED_TRACE(what);
    for (Value& value : graph.values)
        if (value.constant && value.type == ElementType::F32)
            round_to_bf16(*value.constant);
    for (const int threads : {1, 3}) {
        const std::string ran = expect_near_reference(graph, 2e-5f, threads);
        EXPECT_EQ(ran.find("Conv:amx conv") != std::string::npos, cpu::onednn::has_amx()) << ran;
    }
}

TEST(CpuBf16, convolutions_of_all_geometries) {
    struct Case {
        Shape x, w;
        Ints strides{1, 1}, pads{0, 0, 0, 0}, dilations{1, 1};
    };
    const Case cases[] = {
        {{1, 32, 9, 11}, {32, 32, 1, 1}},
        {{2, 24, 7, 5}, {17, 24, 1, 1}},
        {{1, 3, 20, 23}, {16, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}},
        {{1, 3, 30, 31}, {24, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}},
        {{2, 16, 13, 19}, {33, 16, 3, 3}, {1, 1}, {1, 1, 1, 1}},
        {{1, 64, 10, 10}, {48, 64, 3, 3}, {1, 1}, {1, 1, 1, 1}},
        {{1, 8, 12, 9}, {5, 8, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}},
        {{1, 40, 9, 40}, {70, 40, 1, 3}, {1, 2}, {0, 1, 0, 1}},
        {{1, 5, 40, 7}, {9, 5, 5, 1}, {3, 1}, {1, 0, 2, 0}},
        {{1, 33, 6, 6}, {16, 33, 2, 2}, {2, 2}},
        {{1, 20, 17, 17}, {32, 20, 1, 1}, {2, 2}},
        {{1, 96, 1, 1}, {130, 96, 1, 1}},
        {{1, 16, 5, 3}, {16, 16, 3, 3}, {1, 1}, {4, 4, 4, 4}, {3, 3}},
        {{3, 64, 40, 40}, {64, 64, 1, 1}},
        {{1, 4, 3, 200}, {20, 4, 3, 5}, {1, 1}, {1, 2, 1, 2}},
    };
    for (const Case& c : cases) {
        Builder b;
        const Attrs attrs{{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}};
        expect_exact_products(b.finish({b.op("Conv", {b.input(c.x), b.constant(c.w), b.constant({c.w[0]})}, attrs)}),
                              to_string(c.x) + " by " + to_string(c.w));
    }
}

TEST(CpuBf16, activations_and_residuals) {
    for (const char* f : {"Relu", "LeakyRelu", "Clip", "Swish", "HardSwish", "Sigmoid", "Elu"}) {
        Builder b;
        Attrs attrs{{"activation", f}};
        if (f == std::string("Clip"))
            attrs.insert({{"activation_alpha", -0.5f}, {"activation_beta", 1.5f}});
        if (f == std::string("LeakyRelu"))
            attrs.insert({"activation_alpha", 0.25f});
        const ValueId x = b.input({1, 20, 11, 9}), residual = b.input({1, 40, 11, 9});
        expect_exact_products(b.finish({b.op("Conv", {x, b.constant({40, 20, 1, 1}), b.constant({40}), residual}, attrs)}), f);
    }
}

// Between steps values are kept in bf16: each rounding is 2^-9 of a number.
void expect_rounded(const Graph& graph, const std::string& kernel) {
    for (const int threads : {1, 3}) {
        const std::string ran = expect_near_reference(graph, 0.03f, threads);
        EXPECT_EQ(ran.find(kernel) != std::string::npos, cpu::onednn::has_bf16()) << ran;
    }
}

ValueId next_conv(Builder& b, ValueId x, int64_t from, int64_t to, Attrs attrs = {}) {
    return b.op("Conv", {x, b.constant({to, from, 1, 1}, -0.3f, 0.3f), b.constant({to})}, std::move(attrs));
}

TEST(CpuBf16, depthwise_convolutions_of_any_channels) {
    for (const int64_t channels : {3, 4, 8, 16, 24, 40})
        for (const int64_t stride : {1, 2})
            for (const int64_t size : {3, 5}) {
                Builder b;
                const ValueId x = next_conv(b, b.input({1, 6, 14, 21}), 6, channels);
                const Attrs attrs{{"group", channels}, {"strides", Ints{stride, stride}}, {"pads", Ints(4, size / 2)},
                                  {"activation", channels == 16 ? "Swish" : "Relu"}};
                const ValueId y = b.op("Conv", {x, b.constant({channels, 1, size, size}), b.constant({channels})}, attrs);
                expect_rounded(b.finish({next_conv(b, y, channels, 7)}), "depthwise");
            }
}

TEST(CpuBf16, chains_in_strips) {
    for (const int64_t stride : {1, 2}) {
        Builder b;
        const ValueId x = next_conv(b, b.input({1, 6, 60, 82}), 6, 64, {{"activation", "Relu"}});
        const Attrs attrs{{"group", int64_t(64)}, {"strides", Ints{stride, stride}}, {"pads", Ints{1, 1, 1, 1}}};
        const ValueId y = b.op("Conv", {x, b.constant({64, 1, 3, 3}, -0.3f, 0.3f), b.constant({64})}, attrs);
        expect_rounded(b.finish({next_conv(b, y, 64, 7)}), cpu::onednn::has_amx() ? "strips of amx conv, depthwise" : "depthwise");
    }
}

TEST(CpuBf16, pools_sums_and_joined_branches) {
    Builder b;
    const ValueId x = next_conv(b, b.input({2, 6, 12, 14}), 6, 20, {{"activation", "Relu"}});
    const ValueId pooled = b.op("MaxPool", {x}, {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{1, 1}}});
    const ValueId sum = b.op("Add", {next_conv(b, pooled, 20, 20), x});
    const ValueId gate = b.op("Sigmoid", {next_conv(b, b.op("GlobalAveragePool", {sum}), 20, 20)});
    const ValueId gated = b.op("Mul", {sum, gate});
    const ValueId joined = b.op("Concat", {gated, next_conv(b, x, 20, 12), pooled}, {{"axis", int64_t(1)}});
    const auto halves = b.many("Split", {joined}, 2, {{"axis", int64_t(1)}});
    const ValueId scaled = b.op("Add", {b.op("Mul", {halves[0], b.constant({1, 26, 1, 1})}), halves[1]});
    expect_rounded(b.finish({next_conv(b, scaled, 26, 9)}), "elementwise");
}

TEST(CpuBf16, results_do_not_depend_on_threads) {
    Builder b;
    const ValueId x = next_conv(b, b.input({1, 3, 40, 50}), 3, 24, {{"activation", "Relu"}});
    const Graph graph = b.finish({b.op("Conv", {x, b.constant({40, 24, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}})});
    if (!cpu::onednn::has_bf16())
        return; // refused: shown above
    std::vector<Tensor> results;
    for (const int threads : {1, 2, 5}) {
        auto executor = find_device("CPU")->compile(graph, {.hint = Hint::Latency, .precision = Precision::BF16, .threads = threads});
        ASSERT_TRUE(executor.ok());
        results.push_back(run_once(*executor.value(), {random_tensor({1, 3, 40, 50}, 5)})[0]);
    }
    for (const Tensor& other : results)
        EXPECT_EQ(std::memcmp(results[0].view().data, other.view().data, other.view().size_bytes()), 0);
}

} // namespace
