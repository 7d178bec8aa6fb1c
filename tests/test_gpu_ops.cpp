// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every kernel of the GPU device on the first one there is (PoCL where there is no GPU), against
// the reference kernels: odd sizes, batches of 1 to 8. Sizes are arguments of the kernels, so that
// these few programs are what models run too.
#include "tests/small_graphs.h"

#include <cstdlib>

using namespace infer;

namespace {

using Attrs = std::map<std::string, Attr>;

class GpuOps : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto devices = find_device("GPU")->devices(); !devices.ok())
            GTEST_SKIP() << devices.error().text();
    }
};

// `kernel` must have run, and nothing on the CPU.
void check(const Graph& graph, const std::string& kernel, float tolerance = 1e-5f,
           Precision precision = Precision::F32) {
    std::vector<Tensor> inputs;
    for (const ValueId v : graph.inputs)
        inputs.push_back(random_tensor(graph.value(v).shape, unsigned(v) + 3));
    const auto wanted = run_reference(graph, inputs);
    ASSERT_TRUE(wanted.ok()) << wanted.error().text();
    auto executor = find_device("GPU")->compile(
        graph, {.hint = Hint::Latency, .precision = precision, .extra = {{"profile", "1"}}});
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    const std::string what =
        graph.nodes.back().op + " of " + to_string(graph.value(graph.inputs[0]).shape);
    for (int again = 0; again < 2; again++) { // the second time over used memory
        const auto got = run_once(*executor.value(), inputs);
        for (size_t k = 0; k < got.size(); k++)
            expect_near(got[k], wanted.value()[k], tolerance,
                        what + ", output " + std::to_string(k));
    }
    bool ran = kernel.empty();
    for (const auto& layer : executor.value()->layer_times()) {
        ran |= layer.kernel == kernel;
        EXPECT_NE(layer.kernel, "reference on the CPU") << layer.op << " in " << what;
    }
    EXPECT_TRUE(ran) << what << " did not run " << kernel;
}

struct ConvCase {
    Shape x, w;
    Ints strides = {1, 1}, pads = {0, 0, 0, 0}, dilations = {1, 1};
    int64_t group = 1;
};

Graph conv_graph(const ConvCase& c, const char* activation, bool adds) {
    Builder b;
    const ValueId x = b.input(c.x);
    const Attrs attrs{
        {"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}, {"group", c.group}};
    const ValueId plain = b.op("Conv", {x, b.constant(c.w), b.constant({c.w[0]})}, attrs);
    if (!adds)
        return b.finish({plain});
    Attrs fused = attrs;
    fused["activation"] = activation;
    return b.finish({b.op("Conv", {x, b.constant(c.w), b.constant({c.w[0]}), plain}, fused)});
}

const ConvCase conv_cases[] = {
    {{1, 3, 37, 53}, {8, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}},
    {{2, 16, 9, 11}, {24, 16, 1, 1}},
    {{8, 5, 7, 7}, {13, 5, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {{3, 12, 19, 35}, {12, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {1, 1}, 12}, // depthwise
    {{1, 12, 33, 40}, {12, 1, 3, 3}, {2, 2}, {0, 1, 1, 0}, {1, 1}, 12},
    {{2, 12, 10, 17}, {20, 3, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}, 4}, // groups with holes
    {{1, 7, 6, 50}, {9, 7, 1, 7}, {1, 3}, {0, 3, 0, 3}},
    {{5, 4, 1, 1}, {6, 4, 1, 1}},
    {{1, 6, 40, 20}, {3, 6, 1, 1}, {2, 2}},
};

TEST_F(GpuOps, convolutions_of_all_forms) {
    for (const ConvCase& c : conv_cases)
        check(conv_graph(c, "", false), "conv", 2e-5f);
}

TEST_F(GpuOps, convolutions_add_and_activate) {
    for (const char* activation :
         {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Swish", "Mish",
          "Elu", "Gelu", "Softplus", "Selu", "Celu", "ThresholdedRelu"})
        check(conv_graph(conv_cases[2], activation, true), "conv", 2e-5f);
}

TEST_F(GpuOps, convolutions_of_one_dimension) {
    Builder b;
    check(b.finish({b.op("Conv", {b.input({2, 6, 45}), b.constant({8, 6, 5}), none},
                         {{"pads", Ints{2, 2}}, {"strides", Ints{2}}})}),
          "conv", 2e-5f);
}

TEST_F(GpuOps, transposed_convolutions) {
    struct Case {
        Shape x, w;
        Ints strides, pads, extra = {0, 0};
        int64_t group = 1;
        Ints dilations = {1, 1};
    };
    const Case cases[] = {
        {{1, 24, 15, 20}, {24, 24, 2, 2}, {2, 2}, {0, 0, 0, 0}},
        {{8, 5, 7, 6}, {5, 7, 4, 4}, {2, 2}, {1, 1, 1, 1}},
        {{2, 6, 5, 5}, {6, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}},
        {{1, 8, 5, 7}, {8, 1, 4, 4}, {2, 2}, {1, 1, 1, 1}, {0, 0}, 8},
        {{1, 3, 4, 4}, {3, 2, 1, 1}, {3, 3}, {0, 0, 0, 0}},
        {{1, 4, 6, 5}, {4, 6, 3, 3}, {1, 2}, {0, 1, 0, 1}, {0, 1}, 2, {2, 1}},
    };
    for (const Case& c : cases) {
        Builder b;
        const Attrs attrs{{"strides", c.strides},      {"pads", c.pads},
                          {"output_padding", c.extra}, {"group", c.group},
                          {"dilations", c.dilations},  {"activation", "Relu"}};
        check(b.finish(
                  {b.op("ConvTranspose",
                        {b.input(c.x), b.constant(c.w), b.constant({c.w[1] * c.group})}, attrs)}),
              "conv_transpose", 2e-5f);
    }
}

TEST_F(GpuOps, matrix_products) {
    struct Case {
        Shape a, b;
    };
    const Case cases[] = {
        {{2, 3, 17, 20}, {2, 3, 20, 33}},
        {{5, 7}, {7, 1}},
        {{3, 1, 4, 9}, {2, 9, 5}},
        {{2, 6, 8}, {8, 40}},
        {{9}, {9, 4}},
        {{2, 5, 9}, {9}},
        {{4, 5}, {3, 5, 6}},
        {{1, 1, 1, 300}, {1, 1, 300, 70}},
    };
    for (const Case& c : cases) {
        Builder b;
        check(b.finish({b.op("MatMul", {b.input(c.a), b.input(c.b)})}), "product", 2e-5f);
    }
    Builder w; // with a bias and an activation, as passes fuse them
    check(w.finish({w.op("MatMul", {w.input({8, 3, 50}), w.constant({50, 45}), w.constant({45})},
                         {{"activation", "Relu"}})}),
          "product", 2e-5f);
}

TEST_F(GpuOps, gemm_in_all_forms) {
    for (const int64_t a : {0, 1})
        for (const int64_t b : {0, 1})
            for (const Shape& c : {Shape{}, Shape{11}, Shape{1, 11}, Shape{13, 1}}) {
                Builder g;
                const ValueId x = g.input(a ? Shape{9, 13} : Shape{13, 9}),
                              y = g.input(b ? Shape{11, 9} : Shape{9, 11});
                const Attrs attrs{{"transA", a},
                                  {"transB", b},
                                  {"alpha", 0.5f},
                                  {"beta", 2.0f},
                                  {"activation", "Relu"}};
                check(g.finish({g.op("Gemm", {x, y, g.input(c)}, attrs)}), "product", 2e-5f);
            }
    Builder g;
    check(g.finish({g.op("Gemm", {g.input({8, 50}), g.constant({33, 50}), g.constant({33})},
                         {{"transB", int64_t(1)}})}),
          "product", 2e-5f);
}

TEST_F(GpuOps, pooling) {
    for (const char* op : {"MaxPool", "AveragePool"})
        for (const int64_t batch : {1, 8})
            for (const int64_t ceil : {0, 1})
                for (const int64_t with_pads : {0, 1}) {
                    Attrs attrs{{"kernel_shape", Ints{3, 2}},
                                {"strides", Ints{2, 2}},
                                {"pads", Ints{1, 1, 1, 0}},
                                {"ceil_mode", ceil}};
                    if (op == std::string("AveragePool"))
                        attrs["count_include_pad"] = with_pads;
                    Builder b;
                    check(b.finish({b.op(op, {b.input({batch, 5, 14, 39})}, attrs)}), "pool");
                }
    for (const char* op : {"GlobalAveragePool", "GlobalMaxPool"}) {
        Builder b;
        check(b.finish({b.op(op, {b.input({3, 7, 13, 18})})}), "reduce");
    }
}

TEST_F(GpuOps, reductions) {
    for (const char* op : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd",
                           "ReduceL1", "ReduceL2", "ReduceSumSquare"})
        for (const Ints& axes : {Ints{2, 3}, Ints{1, 3}, Ints{0, 1, 2, 3}, Ints{1}}) {
            Builder b;
            check(b.finish({b.op(op, {b.input({2, 5, 3, 7}), b.numbers(axes)},
                                 {{"keepdims", int64_t(0)}})}),
                  "reduce");
        }
}

TEST_F(GpuOps, softmax_over_any_axis) {
    for (const char* op : {"Softmax", "LogSoftmax"})
        for (const int64_t axis : {1, 2, -1}) {
            Builder b;
            check(b.finish({b.op(op, {b.input({8, 5, 3, 19})}, {{"axis", axis}})}), "softmax");
        }
}

TEST_F(GpuOps, normalizations) {
    const Shape x{3, 8, 5, 7};
    Builder i;
    check(i.finish({i.op("InstanceNormalization", {i.input(x), i.constant({8}), i.constant({8})})}),
          "apply_moments", 3e-5f);
    Builder g;
    check(g.finish({g.op("GroupNormalization", {g.input(x), g.constant({8}), g.constant({8})},
                         {{"num_groups", int64_t(4)}})}),
          "apply_moments", 3e-5f);
    Builder l;
    check(l.finish({l.op("LayerNormalization",
                         {l.input({3, 5, 33}), l.constant({33}), l.constant({33})})}),
          "apply_moments", 3e-5f);
    Builder r;
    check(r.finish({r.op("RMSNormalization", {r.input({3, 5, 33}), r.constant({33})})}),
          "apply_moments", 3e-5f);
    Builder m;
    check(m.finish({m.op("MeanVarianceNormalization", {m.input(x)}, {{"axes", Ints{2, 3}}})}),
          "apply_moments", 3e-5f);
}

TEST_F(GpuOps, resize) {
    for (const char* mode : {"nearest", "linear", "cubic"})
        for (const char* where : {"asymmetric", "half_pixel", "align_corners"})
            for (const std::vector<float>& scales :
                 {std::vector<float>{1, 1, 2, 2}, {1, 1, 1.5f, 0.75f}, {1, 2, 2, 1}}) {
                Builder b;
                const Attrs attrs{{"mode", mode},
                                  {"coordinate_transformation_mode", where},
                                  {"nearest_mode", "floor"}};
                check(b.finish({b.op("Resize", {b.input({2, 3, 8, 13}), none, b.floats(scales)},
                                     attrs)}),
                      "resize");
            }
}

TEST_F(GpuOps, functions_of_one_value) {
    Builder b; // one kernel for each would take the driver a second a function
    ValueId x = b.input({3, 5, 37});
    for (const char* op : {"Sigmoid", "Tanh", "Elu", "HardSigmoid", "Exp", "Neg", "Abs", "Sqrt",
                           "Erf", "Sin", "Cos", "Softsign", "Relu"})
        x = b.op(op, {x});
    check(b.finish({x}), "chain", 3e-5f);
    Builder c;
    ValueId y = c.op("Mul", {c.input({8, 33}), c.floats({4.0f})});
    for (const char* op :
         {"LeakyRelu", "HardSwish", "Mish", "Gelu", "Softplus", "Round", "Floor", "Ceil"})
        y = c.op(op, {y});
    check(c.finish({c.op("Clip", {y, c.floats({-0.5f}), c.floats({2.25f})})}), "chain", 3e-5f);
}

TEST_F(GpuOps, functions_of_two_values_broadcast) {
    const Shape x{2, 12, 6, 10};
    std::vector<Shape> others{x, {1, 12, 1, 1}, {10}}; // a program each
    if (std::getenv("GI_FULL"))
        others.insert(others.end(), {{1, 1, 6, 10}, {1}, {2, 1, 1, 1}});
    for (const Shape& other : others) {
        Builder b;
        ValueId v = b.op("Add", {b.op("Abs", {b.input(x)}), b.floats({0.5f})});
        const ValueId o = b.constant(other, 0.5f, 1.5f);
        v = b.op("Div", {o, b.op("Sub", {b.op("Mul", {v, o}), b.op("Max", {v, o})})});
        check(b.finish({b.op("Min", {v, b.floats({9.0f})})}), "chain", 3e-5f);
    }
    Builder p;
    check(p.finish({p.op("PRelu", {p.input(x), p.constant({12, 1, 1})})}), "chain");
    Builder s; // both grow
    check(s.finish({s.op("Add", {s.input({5, 1, 7}), s.input({1, 6, 1})})}), "chain");
}

TEST_F(GpuOps, moving_elements) {
    for (const Ints& perm : {Ints{0, 2, 3, 1}, Ints{3, 2, 1, 0}, Ints{1, 0, 3, 2}}) {
        Builder t;
        check(t.finish({t.op("Transpose", {t.input({3, 5, 7, 9})}, {{"perm", perm}})}), "move", 0);
    }
    for (const char* mode : {"DCR", "CRD"}) {
        Builder d;
        check(d.finish({d.op("DepthToSpace", {d.input({2, 12, 5, 6})},
                             {{"blocksize", int64_t(2)}, {"mode", mode}})}),
              "move", 0);
    }
    Builder e;
    check(e.finish({e.op("SpaceToDepth", {e.input({2, 3, 6, 8})}, {{"blocksize", int64_t(2)}})}),
          "move", 0);
    Builder c;
    check(c.finish({c.op("ChannelShuffle", {c.input({2, 12, 5, 6})}, {{"groups", int64_t(3)}})}),
          "move", 0);
    Builder x;
    check(x.finish({x.op("Expand", {x.input({3, 1, 5}), x.numbers({2, 3, 4, 5})})}), "move", 0);
    Builder r;
    check(r.finish({r.op("Tile", {r.input({3, 1, 5}), r.numbers({2, 3, 1})})}), "move", 0);
    Builder p;
    check(p.finish({p.op("Pad", {p.input({2, 3, 5, 6}), p.numbers({0, 1, 2, 0, 0, 0, 1, 3}),
                                 p.floats({0.5f})})}),
          "move", 0);
    Builder b;
    const ValueId y = b.input({2, 7, 9});
    const ValueId cut = b.op("Slice", {y, b.numbers({5, -1}), b.numbers({0, -100}),
                                       b.numbers({1, 2}), b.numbers({-2, -3})});
    check(b.finish({cut}), "move", 0);
}

TEST_F(GpuOps, joining_and_splitting) {
    for (const int64_t batch : {1, 3}) { // in one image parts are written where they end up
        Builder b;
        const ValueId x = b.input({batch, 6, 8, 9});
        const ValueId p = b.op("Relu", {x}),
                      q = b.op("MaxPool", {x}, {{"kernel_shape", Ints{1, 1}}});
        const ValueId all =
            b.op("Concat", {p, q, p, x, b.constant({batch, 2, 8, 9})}, {{"axis", int64_t(1)}});
        const auto parts = b.many("Split", {all, b.numbers({3, 20, 3})}, 3, {{"axis", int64_t(1)}});
        check(b.finish({b.op("Relu", {parts[1]}), b.op("Sigmoid", {parts[2]}), parts[0], p}), "");
    }
}

TEST_F(GpuOps, values_in_16_bits) {
    Builder b; // to and from them, weights, what is repeated and what is added
    const ValueId x = b.input({2, 6, 13, 17});
    const ValueId y = b.op("Conv", {x, b.constant({10, 6, 3, 3}), b.constant({10})},
                           {{"pads", Ints{1, 1, 1, 1}}, {"activation", "Relu"}});
    const ValueId z = b.op("Mul", {y, b.op("Sigmoid", {b.op("GlobalAveragePool", {y})})});
    const ValueId rows =
        b.op("Reshape", {b.op("Concat", {z, x}, {{"axis", int64_t(1)}}), b.numbers({2, 16, 221})});
    const ValueId out = b.op("MatMul", {rows, b.constant({221, 5}, -0.1f, 0.1f), b.constant({5})});
    check(b.finish({b.op("Softmax", {out}), z}), "", 4e-3f, Precision::F16);
}

} // namespace
