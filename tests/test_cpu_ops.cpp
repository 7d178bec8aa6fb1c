// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Small random graphs of every operator with a fast kernel: the CPU device against the reference
// kernels, whole and in slices, plus which kernel ran.
#include "tests/cpu_graphs.h"

using namespace infer;

namespace {

struct ConvCase {
    Shape x, w;
    Ints strides = {1, 1}, pads = {0, 0, 0, 0}, dilations = {1, 1};
    int64_t group = 1;
    std::string activation = "";
    bool bias = true, residual = false;
};

TEST(CpuOps, run_on_each_set_of_instructions_of_this_machine) {
    const auto sets = cpu::instruction_sets();
    ASSERT_GE(sets.size(), 1u);
    for (const std::string& set : sets) {
        cpu::use_instruction_set(set);
        EXPECT_EQ(cpu::instruction_set(), set);
    }
    cpu::use_instruction_set("");
    EXPECT_EQ(cpu::instruction_set(), sets[0]);
}

TEST(CpuOps, convolution) {
    const ConvCase cases[] = {
        {.x = {1, 3, 33, 47}, .w = {16, 3, 3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}, .activation = "Relu"},
        {.x = {2, 5, 9, 7}, .w = {7, 5, 3, 3}, .pads = {1, 1, 1, 1}},
        {.x = {1, 64, 20, 20}, .w = {64, 64, 3, 3}, .pads = {1, 1, 1, 1}, .residual = true},
        {.x = {3, 24, 10, 10}, .w = {40, 24, 1, 1}, .activation = "LeakyRelu", .residual = true},
        {.x = {1, 17, 40, 41}, .w = {33, 17, 1, 1}, .activation = "HardSwish"},
        {.x = {1, 130, 3, 3}, .w = {100, 130, 1, 1}, .activation = "Swish", .bias = false},
        {.x = {1, 8, 12, 12}, .w = {16, 8, 3, 3}, .pads = {3, 3, 3, 3}, .dilations = {3, 3}},
        {.x = {1, 8, 11, 13}, .w = {12, 4, 3, 3}, .pads = {1, 0, 1, 2}, .group = 2, .activation = "Sigmoid"},
        {.x = {1, 6, 11, 13}, .w = {12, 1, 3, 3}, .pads = {1, 1, 1, 1}, .group = 6},
        {.x = {2, 16, 9, 9}, .w = {4, 16, 1, 1}, .strides = {2, 2}},
        {.x = {1, 1, 28, 28}, .w = {8, 1, 5, 5}, .pads = {2, 2, 2, 2}},
        {.x = {1, 12, 6, 6}, .w = {20, 12, 6, 6}},
        {.x = {1, 4, 5, 5}, .w = {6, 4, 1, 1}, .pads = {1, 1, 1, 1}},
    };
    for (const ConvCase& c : cases) {
        Builder b;
        const ValueId x = b.input(c.x);
        std::vector<ValueId> in{x, b.constant(c.w, -0.3f, 0.3f), c.bias ? b.constant({c.w[0]}) : none};
        std::map<std::string, Attr> attrs{{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}, {"group", c.group}};
        if (!c.activation.empty())
            attrs["activation"] = c.activation;
        if (c.residual) {
            std::vector<ValueId> plain = in;
            Builder shape_of = b;
            const ValueId y = shape_of.op("Conv", plain, attrs);
            in.push_back(b.input(shape_of.finish({y}).value(y).shape));
        }
        check(b.finish({b.op("Conv", in, attrs)}), "conv", 3e-5f);
    }
}

TEST(CpuOps, depthwise_convolution) {
    for (const int64_t channels : {3, 16, 24, 40})
        for (const int64_t kernel : {3, 5, 7})
            for (const int64_t stride : {1, 2})
                for (const int64_t dilation : {1, 2}) {
                    Builder b;
                    const ValueId x = b.input({2, channels, 19, 23});
                    const int64_t pad = kernel / 2 * dilation;
                    const ValueId y = b.op("Conv", {x, b.constant({channels, 1, kernel, kernel}), b.constant({channels})},
                                           {{"strides", Ints{stride, stride}}, {"pads", Ints{pad, pad, pad, pad}},
                                            {"dilations", Ints{dilation, dilation}}, {"group", channels}, {"activation", "Relu"}});
                    check(b.finish({y}), "depthwise");
                }
    Builder b; // as large as the image, as the last layer of some embedders
    const ValueId x = b.input({1, 32, 16, 8});
    check(b.finish({b.op("Conv", {x, b.constant({32, 1, 16, 8}), none}, {{"group", int64_t(32)}})}), "depthwise");
}

TEST(CpuOps, transposed_convolution) {
    struct Case {
        Shape x, w;
        Ints strides, pads, extra = {0, 0};
        int64_t group = 1;
    };
    const Case cases[] = {
        {{1, 24, 15, 20}, {24, 24, 2, 2}, {2, 2}, {0, 0, 0, 0}},
        {{2, 5, 7, 6}, {5, 7, 4, 4}, {2, 2}, {1, 1, 1, 1}},
        {{1, 6, 5, 5}, {6, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}},
        {{1, 6, 5, 7}, {6, 4, 3, 3}, {1, 1}, {0, 0, 0, 0}},
        {{1, 8, 5, 7}, {8, 1, 4, 4}, {2, 2}, {1, 1, 1, 1}, {0, 0}, 8},
        {{1, 3, 4, 4}, {3, 2, 1, 1}, {3, 3}, {0, 0, 0, 0}},
    };
    for (const Case& c : cases) {
        Builder b;
        const ValueId x = b.input(c.x);
        const ValueId y = b.op("ConvTranspose", {x, b.constant(c.w), b.constant({c.w[1] * c.group})},
                               {{"strides", c.strides}, {"pads", c.pads}, {"output_padding", c.extra}, {"group", c.group}, {"activation", "Relu"}});
        check(b.finish({y}), "conv transpose");
    }
}

TEST(CpuOps, matrix_products) {
    for (const int64_t rows : {1, 2, 37}) {
        Builder b;
        const ValueId x = b.input({rows, 50});
        check(b.finish({b.op("Gemm", {x, b.constant({33, 50}), b.constant({33})}, {{"transB", int64_t(1)}})}), "conv");
        Builder m;
        const ValueId a = m.input({2, rows, 20});
        check(m.finish({m.op("MatMul", {a, m.constant({20, 45})})}), "conv");
    }
}

TEST(CpuOps, pooling) {
    const std::map<std::string, Attr> three{{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}};
    for (const char* op : {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})
        for (const int64_t channels : {1, 16, 21}) {
            Builder b;
            const ValueId x = b.input({2, channels, 13, 18});
            const bool global = std::string(op).starts_with("Global");
            auto attrs = global ? std::map<std::string, Attr>{} : three;
            check(b.finish({b.op(op, {x}, attrs)}), "pool");
            if (global)
                continue;
            attrs["ceil_mode"] = int64_t(1);
            if (op == std::string("AveragePool"))
                attrs["count_include_pad"] = int64_t(1);
            Builder c;
            const ValueId z = c.input({1, channels, 10, 11});
            check(c.finish({c.op(op, {z}, attrs)}), "pool");
        }
}

TEST(CpuOps, means_and_sums) {
    for (const Ints& axes : {Ints{2, 3}, Ints{1, 2}, Ints{3}, Ints{0, 1, 2, 3}, Ints{1}})
        for (const int64_t keep : {0, 1})
            for (const int64_t channels : {3, 20}) {
                const std::map<std::string, Attr> attrs{{"keepdims", keep}};
                Builder b;
                check(b.finish({b.op("ReduceMean", {b.input({2, 17, 5, channels}), b.numbers(axes)}, attrs)}));
                Builder c;
                check(c.finish({c.op("ReduceMean", {image(c, {2, channels, 9, 7}), c.numbers(axes)}, attrs)}));
            }
}

TEST(CpuOps, functions_of_one_value) {
    for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "HardSigmoid", "HardSwish", "Mish", "Abs", "Neg", "Exp", "Gelu", "Softplus",
                           "Selu", "Celu", "ThresholdedRelu", "Erf", "Floor", "Ceil", "Round", "Softsign", "Sin", "Cos"})
        for (const Shape& shape : {Shape{1, 5, 7, 3}, Shape{2, 64, 10, 10}}) {
            Builder b;
            check(b.finish({b.op(op, {image(b, shape)})}), "elementwise");
        }
    Builder b;
    check(b.finish({b.op("Clip", {b.input({3, 1000}), b.floats({-0.5f}), b.floats({0.25f})})}), "elementwise");
}

TEST(CpuOps, functions_of_two_values_broadcast) {
    const Shape x{2, 12, 6, 10};
    for (const char* op : {"Add", "Sub", "Mul", "Div", "Min", "Max"}) {
        if (!find_op(op))
            continue;
        for (const Shape& other : {Shape{2, 12, 6, 10}, Shape{1, 12, 1, 1}, Shape{2, 12, 1, 1}, Shape{12, 1, 1}, Shape{1, 1, 6, 10},
                                   Shape{1}, Shape{}, Shape{10}, Shape{12, 6, 10}, Shape{2, 1, 1, 1}})
            for (const bool swapped : {false, true}) {
                Builder b;
                const ValueId a = image(b, x), c = b.constant(other, 0.5f, 1.5f);
                const ValueId sum = b.op("Add", {b.op("Abs", {a}), b.floats({0.5f})});
                check(b.finish({b.op(op, swapped ? std::vector<ValueId>{c, sum} : std::vector<ValueId>{sum, c})}));
            }
    }
    Builder b; // the gate of a squeeze-and-excitation block
    const ValueId a = image(b, x);
    check(b.finish({b.op("Mul", {a, b.op("Sigmoid", {b.op("GlobalAveragePool", {a})})})}), "elementwise");
    Builder p;
    const ValueId z = image(p, x);
    check(p.finish({p.op("PRelu", {z, p.constant({12, 1, 1})})}), "elementwise");
}

TEST(CpuOps, chains_whose_parts_share_an_operand) {
    Builder b;
    const ValueId x = image(b, {1, 10, 9, 9}), y = image(b, {1, 10, 9, 9});
    const ValueId s = b.op("Mul", {x, b.op("Sigmoid", {x})});           // x twice
    const ValueId t = b.op("Add", {b.op("Exp", {y}), b.op("Neg", {s})}); // two chains meet
    check(b.finish({b.op("Sub", {b.floats({2.0f}), b.op("Relu", {t})}), b.op("Abs", {y})}), "elementwise");
}

TEST(CpuOps, softmax) {
    for (const int64_t n : {1, 2, 3, 16, 85}) {
        Builder b;
        check(b.finish({b.op("Softmax", {b.input({2, 37, n})}, {{"axis", int64_t(-1)}})}), "softmax");
        Builder c;
        check(c.finish({c.op("Softmax", {image(c, {1, n, 5, 7})}, {{"axis", int64_t(1)}})}), "softmax");
    }
}

TEST(CpuOps, resize) {
    for (const char* mode : {"nearest", "linear"})
        for (const char* where : {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"})
            for (const std::vector<float>& scales : {std::vector<float>{1, 1, 2, 2}, {1, 1, 1.5f, 3}, {1, 1, 0.5f, 0.75f}}) {
                Builder b;
                const ValueId x = image(b, {1, 19, 8, 12});
                check(b.finish({b.op("Resize", {x, none, b.floats(scales)},
                                     {{"mode", mode}, {"coordinate_transformation_mode", where}, {"nearest_mode", "floor"}})}), "resize");
            }
}

TEST(CpuOps, moving_elements) {
    Builder b; // parts written in place, kept by two readers, and one that must be copied
    const ValueId x = b.input({2, 6, 8, 8});
    const ValueId p = b.op("Conv", {x, b.constant({5, 6, 1, 1}), none}), q = b.op("Conv", {x, b.constant({11, 6, 3, 3}), none}, {{"pads", Ints{1, 1, 1, 1}}});
    const ValueId all = b.op("Concat", {p, q, p, x}, {{"axis", int64_t(1)}});
    const auto parts = b.many("Split", {all, b.numbers({3, 20, 4})}, 3, {{"axis", int64_t(1)}});
    const ValueId cut = b.op("Slice", {all, b.numbers({1, 0}), b.numbers({7, 100}), b.numbers({2, 3}), b.numbers({2, 3})});
    check(b.finish({b.op("Relu", {parts[1]}), b.op("MaxPool", {parts[2]}, {{"kernel_shape", Ints{2, 2}}}), parts[0], cut}));

    Builder s; // detection heads: classes and boxes side by side, boxes by rows
    const ValueId y = s.input({1, 8, 6, 10});
    std::vector<ValueId> levels;
    for (const int64_t stride : {1, 2}) {
        const std::map<std::string, Attr> attrs{{"strides", Ints{stride, stride}}};
        const ValueId head = s.op("Concat", {s.op("Conv", {y, s.constant({4, 8, 1, 1}), none}, attrs),
                                             s.op("Sigmoid", {s.op("Conv", {y, s.constant({1, 8, 1, 1}), none}, attrs)}),
                                             s.op("Conv", {y, s.constant({3, 8, 1, 1}), none}, attrs)}, {{"axis", int64_t(1)}});
        levels.push_back(s.op("Reshape", {head, s.numbers({1, 8, -1})}));
    }
    check(s.finish({s.op("Transpose", {s.op("Concat", levels, {{"axis", int64_t(2)}})}, {{"perm", Ints{0, 2, 1}}})}));
}

TEST(CpuOps, shuffles_and_blocks) {
    Builder b;
    const ValueId x = image(b, {2, 12, 5, 6});
    const ValueId groups = b.op("Reshape", {x, b.numbers({2, 3, 4, 5, 6})});
    const ValueId back = b.op("Reshape", {b.op("Transpose", {groups}, {{"perm", Ints{0, 2, 1, 3, 4}}}), b.numbers({2, 12, 5, 6})});
    check(b.finish({back}));
    for (const char* mode : {"DCR", "CRD"}) {
        Builder d;
        check(d.finish({d.op("DepthToSpace", {image(d, {2, 12, 5, 6})}, {{"blocksize", int64_t(2)}, {"mode", mode}})}));
    }
    for (const Ints& perm : {Ints{0, 2, 3, 1}, Ints{0, 3, 1, 2}, Ints{3, 2, 1, 0}, Ints{0, 1, 3, 2}}) {
        Builder t;
        check(t.finish({t.op("Transpose", {t.input({2, 3, 4, 5})}, {{"perm", perm}})}));
        Builder u;
        check(u.finish({u.op("Transpose", {image(u, {2, 20, 4, 5})}, {{"perm", perm}})}));
    }
}

TEST(CpuOps, models_that_are_channels_last_themselves) {
    Builder b;
    const ValueId x = b.input({1, 12, 10, 3});
    const ValueId scaled = b.op("Mul", {x, b.constant({3})});
    const ValueId y = b.op("Conv", {b.op("Transpose", {scaled}, {{"perm", Ints{0, 3, 1, 2}}}), b.constant({8, 3, 3, 3}), none});
    Graph graph = b.finish({b.op("Transpose", {y}, {{"perm", Ints{0, 2, 3, 1}}})});
    check(graph, "conv");
    auto executor = find_device("CPU")->compile(graph, {.hint = Hint::Latency});
    EXPECT_EQ(executor.value()->inputs()[0].layout, InputFormat::NHWC);
    EXPECT_EQ(executor.value()->describe().at("steps"), "2"); // no Transpose is left
}

TEST(CpuOps, what_has_no_fast_kernel_runs_the_plain_one) {
    Builder b;
    check(b.finish({b.op("Hardmax", {b.input({2, 5, 3})}, {{"axis", int64_t(1)}})}), "reference");
    Builder c; // an output that is an input, an output twice
    const ValueId x = c.input({2, 3});
    const ValueId y = c.op("Relu", {x});
    check(c.finish({y, x, y}));
}

} // namespace
