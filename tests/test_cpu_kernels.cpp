// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernels that transformers, style networks and detection heads live on, against the reference kernels.
#include "tests/cpu_graphs.h"

using namespace infer;

namespace {

using Attrs = std::map<std::string, Attr>;

TEST(CpuKernels, products_of_two_computed_matrices) {
    struct Case {
        Shape a, b;
    };
    const Case cases[] = {
        {{2, 3, 17, 20}, {2, 3, 20, 33}}, {{5, 7}, {7, 1}},          {{1, 4, 130, 64}, {1, 4, 64, 130}},
        {{3, 1, 4, 9}, {2, 9, 5}},        {{2, 6, 8}, {8, 40}},      {{9}, {9, 4}},
        {{2, 5, 9}, {9}},                 {{4, 5}, {3, 5, 6}},       {{1, 1, 1, 300}, {1, 1, 300, 70}},
        {{1, 1, 200, 16}, {1, 1, 16, 3}},
    };
    for (const Case& c : cases) {
        Builder b;
        const ValueId x = b.input(c.a), y = b.input(c.b);
        check(b.finish({b.op("MatMul", {x, y})}), "matrix product", 2e-5f);
    }
    Builder b; // a weight for each of a batch
    check(b.finish({b.op("MatMul", {b.input({3, 4, 10}), b.constant({3, 10, 12})})}), "matrix product", 2e-5f);
    Builder c; // a weight of one matrix, however it is written
    check(c.finish({c.op("MatMul", {c.input({2, 3, 4, 10}), c.constant({1, 10, 12})})}), "conv", 2e-5f);
}

TEST(CpuKernels, gemm_in_all_forms) {
    for (const int64_t a : {0, 1})
        for (const int64_t b : {0, 1})
            for (const Shape& c : {Shape{}, Shape{11}, Shape{1, 11}, Shape{1}}) {
                Builder g;
                const ValueId x = g.input(a ? Shape{9, 130} : Shape{130, 9}), y = g.input(b ? Shape{11, 9} : Shape{9, 11});
                const Attrs attrs{{"transA", a}, {"transB", b}, {"alpha", 0.5f}, {"beta", 2.0f}, {"activation", "Relu"}};
                check(g.finish({g.op("Gemm", {x, y, g.input(c)}, attrs)}), "matrix product", 2e-5f);
            }
    Builder g;
    check(g.finish({g.op("Gemm", {g.input({5, 9}), g.input({9, 11}), g.input({5, 11})})}), "matrix product", 2e-5f);
}

TEST(CpuKernels, attention) {
    Builder b;
    const ValueId x = b.input({1, 50, 96});
    const auto heads = [&](const Ints& perm) {
        const ValueId y = b.op("MatMul", {x, b.constant({96, 96}, -0.3f, 0.3f), b.constant({96})});
        return b.op("Transpose", {b.op("Reshape", {y, b.numbers({1, 50, 3, 32})})}, {{"perm", perm}});
    };
    const ValueId scores = b.op("Mul", {b.op("MatMul", {heads({0, 2, 1, 3}), heads({0, 2, 3, 1})}), b.floats({0.2f})});
    const ValueId all = b.op("MatMul", {b.op("Softmax", {scores}), heads({0, 2, 1, 3})});
    check(b.finish({b.op("Reshape", {b.op("Transpose", {all}, {{"perm", Ints{0, 2, 1, 3}}}), b.numbers({1, 50, 96})})}), "", 2e-5f);
}

TEST(CpuKernels, softmax_over_any_axis) {
    for (const char* op : {"Softmax", "LogSoftmax"})
        for (const Shape& shape : {Shape{2, 5, 3}, Shape{1, 21, 7, 70}, Shape{3, 2, 4, 2}, Shape{40, 3}})
            for (size_t axis = 0; axis < shape.size(); axis++) {
                Builder b;
                check(b.finish({b.op(op, {b.input(shape)}, {{"axis", int64_t(axis)}})}), "softmax");
                if (shape.size() < 4)
                    continue;
                Builder c;
                check(c.finish({c.op(op, {image(c, shape)}, {{"axis", int64_t(axis)}})}), "softmax");
            }
}

TEST(CpuKernels, reductions_over_any_axes) {
    for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"})
        for (const Ints& axes : {Ints{1}, Ints{2}, Ints{3}, Ints{0, 2}, Ints{1, 3}, Ints{0, 3}, Ints{2, 3}, Ints{1, 2, 3}, Ints{0, 1, 2, 3}})
            for (const int64_t keep : {0, 1}) {
                Builder b;
                check(b.finish({b.op(op, {b.input({2, 6, 5, 19}), b.numbers(axes)}, {{"keepdims", keep}})}), "reduce");
                Builder c;
                check(c.finish({c.op(op, {image(c, {2, 18, 5, 6}), c.numbers(axes)}, {{"keepdims", keep}})}), "reduce", 2e-5f);
            }
    Builder b; // a slice of channels
    const auto parts = b.many("Split", {image(b, {2, 20, 5, 6}), b.numbers({1, 19})}, 2, {{"axis", int64_t(1)}});
    check(b.finish({b.op("ReduceMax", {parts[0], b.numbers({3})}), b.op("ReduceMean", {parts[1], b.numbers({2, 3})})}), "reduce");
}

TEST(CpuKernels, normalization_of_rows) {
    for (const Shape& shape : {Shape{1, 197, 192}, Shape{2, 3, 5}, Shape{4, 1031}})
        for (const bool bias : {true, false}) {
            Builder b;
            const int64_t n = shape.back();
            check(b.finish({b.op("LayerNormalization", {b.input(shape), b.constant({n}), bias ? b.constant({n}) : none})}), "normalize rows");
            Builder c;
            check(c.finish({c.op("LpNormalization", {c.input(shape)}, {{"axis", int64_t(-1)}, {"p", int64_t(bias ? 1 : 2)}})}), "normalize rows");
        }
    Builder b; // over several dimensions
    check(b.finish({b.op("LayerNormalization", {b.input({2, 3, 4, 5}), b.constant({4, 5}), b.constant({4, 5})}, {{"axis", int64_t(2)}})}), "normalize rows");
    Builder c; // the channels of an image
    check(c.finish({c.op("LpNormalization", {image(c, {2, 21, 4, 5})}, {{"axis", int64_t(1)}})}), "normalize rows");
    Builder d; // a row of zeros stays one
    check(d.finish({d.op("LpNormalization", {d.op("Mul", {d.input({3, 8}), d.floats({0})})})}), "normalize rows");
}

TEST(CpuKernels, normalization_of_images) {
    for (const int64_t channels : {3, 32, 84}) {
        const Shape shape{2, channels, 9, 130};
        const int64_t groups = channels == 84 ? 6 : channels == 32 ? 2 : 1;
        Builder b;
        check(b.finish({b.op("InstanceNormalization", {image(b, shape), b.constant({channels}), b.constant({channels})})}), "normalize images", 2e-5f);
        Builder c;
        check(c.finish({c.op("GroupNormalization", {image(c, shape), c.constant({channels}), c.constant({channels})}, {{"num_groups", groups}})}),
              "normalize images", 2e-5f);
        Builder d;
        check(d.finish({d.op("GroupNormalization", {image(d, shape), d.constant({groups}), d.constant({groups})},
                             {{"num_groups", groups}, {"scale_by_group", int64_t(1)}})}), "normalize images", 2e-5f);
        for (const Ints& axes : {Ints{2, 3}, Ints{1, 2, 3}, Ints{1}}) {
            Builder e;
            check(e.finish({e.op("MeanVarianceNormalization", {image(e, shape)}, {{"axes", axes}})}), "normalize", 2e-5f);
        }
        Builder f;
        check(f.finish({f.op("LRN", {image(f, shape)}, {{"size", int64_t(5)}, {"alpha", 0.5f}})}), "normalize rows");
    }
    Builder b; // a slice of channels; far from zero
    const auto parts = b.many("Split", {b.op("Add", {image(b, {1, 40, 12, 12}), b.floats({100})}), b.numbers({8, 32})}, 2, {{"axis", int64_t(1)}});
    check(b.finish({b.op("InstanceNormalization", {parts[1], b.constant({32}), b.constant({32})})}), "normalize images", 2e-4f);
}

TEST(CpuKernels, powers_and_logarithms) {
    for (const float power : {3.0f, -1.0f, 0.75f, 2.0f, 0.5f, -0.5f, 0.0f}) {
        Builder b;
        const ValueId x = b.op("Add", {b.op("Abs", {b.input({3, 70})}), b.floats({0.1f})});
        check(b.finish({b.op("Pow", {x, b.floats({power})}), b.op("Log", {x})}), "elementwise");
    }
    Builder b; // a whole power of what is below zero
    check(b.finish({b.op("Pow", {b.input({3, 70}), b.floats({3})})}), "elementwise");
}

TEST(CpuKernels, what_a_quantizer_leaves) {
    for (const ElementType type : {ElementType::U8, ElementType::I8}) {
        Builder b;
        const ValueId x = b.op("Mul", {image(b, {1, 20, 9, 11}), b.floats({3})});
        const Tensor zero = type == ElementType::U8 ? make_tensor<uint8_t>(type, {}, std::vector<uint8_t>{120}) : make_tensor<int8_t>(type, {}, std::vector<int8_t>{-3});
        const ValueId scale = b.floats({0.02f}), at = b.add_constant(zero);
        const ValueId q = b.op("QuantizeLinear", {x, scale, at});
        check(b.finish({b.op("Relu", {b.op("DequantizeLinear", {q, scale, at})})}), "elementwise", 2e-3f);
    }
}

TEST(CpuKernels, batch_normalization_that_stays) {
    Builder b;
    const ValueId x = b.op("MaxPool", {image(b, {2, 11, 6, 7})}, {{"kernel_shape", Ints{2, 2}}});
    const auto c = [&](float low) { return b.constant({11}, low, 2); };
    check(b.finish({b.op("Relu", {b.op("BatchNormalization", {x, c(-1), c(-1), c(-1), c(0.5f)})})}), "elementwise");
    Builder p; // on a matrix
    const auto d = [&](float low) { return p.constant({30}, low, 2); };
    check(p.finish({p.op("BatchNormalization", {p.input({4, 30}), d(-1), d(-1), d(-1), d(0.5f)})}), "elementwise");
}

TEST(CpuKernels, many_operands_and_constants_of_lower_rank) {
    for (const char* op : {"Max", "Min", "Sum", "Mean"}) {
        Builder b;
        const ValueId x = image(b, {2, 5, 6, 7});
        check(b.finish({b.op(op, {x, b.constant({5, 1, 1}), b.input({1, 5, 6, 7}), b.constant({7})})}), "elementwise");
    }
    Builder b;
    check(b.finish({b.op("Mul", {image(b, {2, 5, 6, 7}), b.constant({5, 6, 7})})}), "elementwise");
}

TEST(CpuKernels, picking_by_constants) {
    struct Case {
        Ints at;
        bool scalar = false;
        const char* kernel = "";
    };
    for (const Case& c : {Case{{2}, true}, Case{{0}}, Case{{-1}, true}, Case{{1, 2, 3}}, Case{{3, 2, 1, 0}}, Case{{0, 2}}, Case{{3, 0, 1}, false, "reference"}})
        for (const int64_t axis : {0, 1, -1}) {
            Builder b;
            const ValueId x = b.input({4, 5, 6, 7});
            const Shape shape = c.scalar ? Shape{} : Shape{int64_t(c.at.size())};
            const ValueId at = b.add_constant(make_tensor<int64_t>(ElementType::I64, shape, c.at));
            check(b.finish({b.op("Abs", {b.op("Gather", {x, at}, {{"axis", axis}})})}), c.kernel);
        }
}

TEST(CpuKernels, convolution_and_pooling_of_one_dimension) {
    Builder b;
    const ValueId x = b.input({2, 6, 41});
    const ValueId y = b.op("Conv", {x, b.constant({8, 6, 5}), b.constant({8})},
                           {{"strides", Ints{2}}, {"pads", Ints{2, 1}}, {"dilations", Ints{1}}, {"kernel_shape", Ints{5}}, {"activation", "Relu"}});
    const ValueId z = b.op("MaxPool", {y}, {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"pads", Ints{1, 1}}});
    const ValueId w = b.op("ConvTranspose", {z, b.constant({8, 4, 4}), none}, {{"strides", Ints{2}}, {"pads", Ints{1, 1}}, {"output_padding", Ints{0}}});
    const ValueId d = b.op("Conv", {w, b.constant({4, 1, 3}), none}, {{"pads", Ints{1, 1}}, {"group", int64_t(4)}});
    check(b.finish({b.op("GlobalAveragePool", {d}), d}), "pool", 2e-5f);
    for (const char* kernel : {"tiled conv", "pool", "depthwise", "conv transpose"})
        check(b.finish({d}), kernel, 2e-5f);
}

TEST(CpuKernels, einsum_as_a_product) {
    struct Case {
        const char* equation;
        Shape a, b;
    };
    for (const Case& c : {Case{"bhqd,bhkd->bhqk", {2, 3, 7, 16}, {2, 3, 9, 16}}, Case{"bqhd,bkhd->bhqk", {2, 7, 3, 16}, {2, 9, 3, 16}},
                          Case{"ij,jk->ki", {5, 6}, {6, 7}}, Case{"bchw,cd->bdhw", {1, 6, 4, 5}, {6, 9}}, Case{"abc,abc->ab", {2, 3, 4}, {2, 3, 4}}}) {
        Builder b;
        check(b.finish({b.op("Einsum", {b.input(c.a), b.input(c.b)}, {{"equation", c.equation}})}), "matrix product", 2e-5f);
    }
}

TEST(CpuKernels, borders_and_repetitions) {
    for (const char* mode : {"constant", "edge", "reflect", "wrap"})
        for (const Ints& pads : {Ints{0, 0, 1, 2, 0, 0, 3, 0}, Ints{1, 2, 0, 0, 0, 3, 0, 0}, Ints{0, -1, 2, -1, 0, 0, -1, 1}}) {
            if (pads[0] == 1 && mode == std::string("reflect"))
                continue; // a batch of one holds nothing to reflect
            Builder b;
            check(b.finish({b.op("Pad", {b.input({1, 4, 5, 6}), b.numbers(pads)}, {{"mode", mode}})}), "copy");
            Builder c;
            check(c.finish({c.op("Pad", {image(c, {1, 4, 5, 6}), c.numbers(pads), c.floats({0.5f})}, {{"mode", mode}})}), "copy");
        }
    Builder w; // around more than once
    check(w.finish({w.op("Pad", {w.input({2, 3}), w.numbers({0, 7, 0, 8})}, {{"mode", "wrap"}})}), "copy");
    Builder b;
    check(b.finish({b.op("Expand", {b.input({3, 1, 5}), b.numbers({2, 1, 4, 1})}), b.op("Tile", {b.input({2, 3, 4}), b.numbers({1, 2, 3})})}), "copy");
    Builder c;
    const ValueId x = c.op("GlobalAveragePool", {image(c, {1, 20, 4, 4})});
    check(c.finish({c.op("Expand", {x, c.numbers({1, 20, 6, 5})}), c.op("Tile", {x, c.numbers({2, 2, 3, 2})})}), "copy");
}

} // namespace
