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
    for (const Case& c : {Case{{2}, true}, Case{{0}}, Case{{-1}, true}, Case{{1, 2, 3}}, Case{{3, 2, 1, 0}}, Case{{0, 2}}, Case{{3, 0, 1}, false, "pick"}})
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

TEST(CpuKernels, largest_and_smallest) {
    for (const char* op : {"ArgMax", "ArgMin"})
        for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 21, 9, 40}})
            for (const int64_t axis : {1, 2, 3, 0})
                for (const int64_t keep : {0, 1}) {
                    const Attrs attrs{{"axis", axis}, {"keepdims", keep}};
                    Builder b;
                    check(b.finish({b.op(op, {b.op("Round", {b.op("Mul", {b.input(shape), b.floats({3})})})}, attrs)}), "arg"); // many equal
                    Builder c;
                    check(c.finish({c.op(op, {c.op("Add", {image(c, shape), c.constant(shape, -30, 30)})}, attrs)}), "arg");
                }
}

TEST(CpuKernels, resize_in_all_modes) {
    for (const char* mode : {"nearest", "linear", "cubic"})
        for (const char* where : {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"})
            for (const int64_t antialias : {0, 1})
                for (const std::vector<float>& scales : {std::vector<float>{1, 1, 2, 1.3f}, {1, 1, 0.5f, 0.4f}}) {
                    if (antialias && (mode == std::string("nearest") || scales[2] > 1))
                        continue;
                    Builder b;
                    const ValueId x = image(b, {2, antialias ? 3 : 18, 8, 12});
                    check(b.finish({b.op("Resize", {x, b.floats({0, 0, 0.1f, -0.2f, 1, 1, 0.9f, 1.2f}), b.floats(scales)},
                                         {{"mode", mode}, {"coordinate_transformation_mode", where}, {"antialias", antialias}, {"extrapolation_value", 0.5f}})}), "res");
                }
    Builder b; // a slice of channels
    const auto parts = b.many("Split", {image(b, {1, 20, 5, 6}), b.numbers({3, 17})}, 2, {{"axis", int64_t(1)}});
    const Attrs cubic{{"mode", "cubic"}, {"exclude_outside", int64_t(1)}};
    check(b.finish({b.op("Resize", {parts[0], none, b.floats({1, 1, 3, 2})}, cubic), b.op("Resize", {parts[1], none, b.floats({1, 1, 3, 2})}, cubic)}), "resample");
}

TEST(CpuKernels, pixels_where_a_grid_points) {
    for (const char* mode : {"linear", "nearest", "cubic"})
        for (const char* padding : {"zeros", "border", "reflection"})
            for (const int64_t align : {0, 1}) {
                Builder b;
                const ValueId grid = b.op("Mul", {b.input({2, 5, 6, 2}), b.floats({1.3f})});
                check(b.finish({b.op("GridSample", {image(b, {2, 19, 7, 8}), grid}, {{"mode", mode}, {"padding_mode", padding}, {"align_corners", align}})}), "grid sample", 2e-5f);
            }
}

TEST(CpuKernels, convolutions_of_odd_kinds) {
    struct Case {
        const char* what;
        Shape x, w;
        Ints strides = {1, 1}, pads = {0, 0, 0, 0}, dilations = {1, 1};
        int64_t group = 1;
    };
    const Case cases[] = {
        {.what = "grouped", .x = {1, 24, 9, 11}, .w = {36, 6, 3, 3}, .pads = {1, 1, 1, 1}, .group = 4},
        {.what = "grouped, 1x1", .x = {2, 24, 9, 11}, .w = {40, 3, 1, 1}, .group = 8},
        {.what = "depthwise with a multiplier", .x = {1, 10, 9, 11}, .w = {30, 1, 3, 3}, .pads = {1, 1, 1, 1}, .group = 10},
        {.what = "dilated, uneven padding", .x = {1, 5, 17, 19}, .w = {9, 5, 3, 2}, .pads = {4, 0, 1, 3}, .dilations = {2, 3}},
        {.what = "large kernel", .x = {1, 3, 40, 37}, .w = {8, 3, 11, 13}, .pads = {5, 6, 5, 6}},
        {.what = "stride wider than the kernel", .x = {1, 7, 20, 23}, .w = {9, 7, 2, 2}, .strides = {3, 4}},
        {.what = "patches", .x = {1, 3, 32, 48}, .w = {40, 3, 16, 16}, .strides = {16, 16}},
        {.what = "a row", .x = {1, 6, 1, 50}, .w = {6, 6, 1, 7}, .pads = {0, 3, 0, 3}},
        {.what = "a column", .x = {1, 6, 50, 1}, .w = {6, 6, 7, 1}, .pads = {3, 0, 3, 0}},
        {.what = "depthwise, dilated and strided", .x = {1, 33, 15, 17}, .w = {33, 1, 5, 3}, .strides = {2, 1}, .pads = {4, 3, 4, 3}, .dilations = {2, 3}, .group = 33},
        {.what = "depthwise, padding wider than the kernel", .x = {1, 17, 4, 3}, .w = {17, 1, 3, 3}, .pads = {3, 4, 3, 4}, .group = 17},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.what);
        Builder b;
        check(b.finish({b.op("Conv", {b.input(c.x), b.constant(c.w), b.constant({c.w[0]})},
                             {{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}, {"group", c.group}, {"kernel_shape", Ints{c.w[2], c.w[3]}}})}), "conv", 3e-5f);
    }
    Builder b;
    check(b.finish({b.op("ConvTranspose", {b.input({1, 6, 5, 7}), b.constant({6, 4, 3, 2}), none},
                         {{"strides", Ints{2, 3}}, {"pads", Ints{1, 0, 2, 1}}, {"dilations", Ints{2, 3}}, {"group", int64_t(2)}, {"output_padding", Ints{1, 0}}})}), "conv transpose", 3e-5f);
}

TEST(CpuKernels, volumes) {
    for (const int64_t group : {1, 2}) {
        Builder b;
        const ValueId x = b.input({2, 4, 5, 7, 9});
        const ValueId y = b.op("Conv", {x, b.constant({18, 4 / group, 3, 2, 3}), b.constant({18})},
                               {{"strides", Ints{2, 1, 2}}, {"pads", Ints{1, 0, 1, 1, 1, 1}}, {"dilations", Ints{1, 2, 1}}, {"group", group}, {"activation", "Relu"}});
        check(b.finish({b.op("Conv", {y, b.constant({6, 18, 1, 1, 1}), none})}), "tiled conv", 3e-5f);
        for (const char* op : {"MaxPool", "AveragePool"}) {
            Builder p;
            check(p.finish({p.op(op, {p.op("Conv", {p.input({2, 17, 5, 7, 9}), p.constant({17, 17, 1, 1, 1}), none})},
                                 {{"kernel_shape", Ints{3, 2, 3}}, {"strides", Ints{2, 1, 2}}, {"pads", Ints{1, 1, 0, 1, 0, 1}}})}), "pool");
        }
    }
    Builder g;
    check(g.finish({g.op("GlobalAveragePool", {g.input({2, 17, 3, 4, 5})})}), "pool");
}

// What is added lies where the step writes only if the step reads it nowhere else.
TEST(CpuKernels, steps_that_add_their_own_input) {
    const Shape shape{1, 40, 7, 9};
    const Attrs same{{"pads", Ints{1, 1, 1, 1}}};
    const auto conv = [&](const Shape& weight, Attrs attrs) {
        Builder b;
        const ValueId x = image(b, shape);
        check(b.finish({b.op("Conv", {x, b.constant(weight), none, x}, std::move(attrs))}), "conv", 3e-5f);
    };
    conv({40, 40, 1, 1}, {});
    conv({40, 40, 3, 3}, same);
    conv({40, 1, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}, {"group", int64_t(40)}});
    Builder t;
    const ValueId y = image(t, shape);
    check(t.finish({t.op("ConvTranspose", {y, t.constant({40, 40, 1, 1}), none, y})}), "conv transpose", 3e-5f);
    Builder m;
    const ValueId rows = m.op("Abs", {m.input({30, 40})});
    check(m.finish({m.op("MatMul", {rows, m.constant({40, 40}), none, rows})}), "tiled conv", 3e-5f);
    Builder e; // its second row is added to each
    const ValueId z = e.op("Abs", {e.input({30, 40})});
    check(e.finish({e.op("Add", {z, e.op("Slice", {z, e.numbers({1}), e.numbers({2}), e.numbers({0})})})}));
}

TEST(CpuKernels, regions_of_images) {
    for (const char* where : {"half_pixel", "output_half_pixel"})
        for (const int64_t samples : {0, 2}) {
            Builder b;
            const ValueId rois = b.op("Mul", {b.input({5, 4}), b.floats({14})});
            const ValueId of = b.add_constant(make_tensor<int64_t>(ElementType::I64, {5}, Ints{0, 1, 1, 2, 0}));
            check(b.finish({b.op("RoiAlign", {image(b, {2, 19, 9, 11}), rois, of},
                                 {{"output_height", int64_t(3)}, {"output_width", int64_t(4)}, {"sampling_ratio", samples}, {"spatial_scale", 0.8f}, {"coordinate_transformation_mode", where}})}),
                  "roi align", 2e-5f);
        }
}

TEST(CpuKernels, deformable_convolutions) {
    struct Case {
        int64_t group, offsets;
        bool mask;
    };
    for (const Case& c : {Case{1, 1, false}, Case{2, 4, true}, Case{4, 2, true}}) {
        Builder b;
        const ValueId x = image(b, {2, 24, 7, 31});
        const ValueId offset = b.op("Mul", {b.input({2, 2 * 6 * c.offsets, 4, 32}), b.floats({3})});
        const ValueId mask = c.mask ? b.input({2, 6 * c.offsets, 4, 32}) : none;
        check(b.finish({b.op("DeformConv", {x, b.constant({20, 24 / c.group, 3, 2}), offset, b.constant({20}), mask},
                             {{"group", c.group}, {"offset_group", c.offsets}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 2}}, {"dilations", Ints{1, 2}}, {"kernel_shape", Ints{3, 2}}})}),
              "deformable conv", 3e-5f);
    }
}

TEST(CpuKernels, convolutions_by_computed_weights) {
    for (const int64_t group : {1, 12}) {
        Builder b;
        const ValueId x = image(b, {2, 12, 7, 9});
        const ValueId y = b.op("Conv", {x, b.input({24, 12 / group, 3, 3}), b.input({24})}, {{"group", group}, {"pads", Ints{1, 0, 1, 0}}, {"strides", Ints{1, 2}}, {"activation", "Relu"}});
        check(b.finish({b.op("Relu", {y})}), "computed conv", 3e-5f);
    }
}

TEST(CpuKernels, places_that_are_indices) {
    const auto numbers = [](Builder& b, const Shape& shape, const Ints& at) { return b.add_constant(make_tensor<int64_t>(ElementType::I64, shape, at)); };
    Builder b;
    const ValueId x = b.op("Abs", {b.input({3, 4, 5})});
    check(b.finish({b.op("GatherElements", {x, numbers(b, {3, 2, 5}, Ints{0, 1, 2, 3, -1, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 0, 1, 2, 3, -4, 1, 1, 1, 1, 1, 0, 2, 0, 2, 0})}, {{"axis", int64_t(1)}})}), "pick");
    Builder c;
    check(c.finish({c.op("GatherND", {c.op("Abs", {c.input({3, 4, 5})}), numbers(c, {3, 2, 1}, Ints{0, 1, -1, 2, 3, 0})}, {{"batch_dims", int64_t(1)}})}), "pick");
    Builder d; // the value is read again behind it
    const ValueId y = d.op("Abs", {d.input({3, 4, 5})});
    const ValueId put = d.op("ScatterND", {y, numbers(d, {2, 2}, Ints{0, 1, -1, 2}), d.input({2, 5})});
    check(d.finish({d.op("Add", {put, y})}), "pick");
    Builder e;
    check(e.finish({e.op("ScatterElements", {e.op("Abs", {e.input({3, 4})}), numbers(e, {2, 2}, Ints{0, 3, -2, 1}), e.input({2, 2})}, {{"axis", int64_t(1)}})}), "pick");
    Builder f; // two lists of indices; the channels of an image
    const ValueId z = image(f, {2, 6, 4, 5});
    check(f.finish({f.op("Gather", {f.op("Abs", {z}), numbers(f, {2, 2}, Ints{0, 3, -2, 1})}, {{"axis", int64_t(2)}}),
                    f.op("MaxPool", {f.op("Gather", {z, numbers(f, {4}, Ints{5, 0, 4, -3})}, {{"axis", int64_t(1)}})}, {{"kernel_shape", Ints{2, 2}}})}), "pick");
    Builder g; // by indices that are computed
    const ValueId best = g.op("ArgMax", {g.input({7, 4})}, {{"axis", int64_t(1)}, {"keepdims", int64_t(0)}});
    check(g.finish({g.op("Gather", {g.input({4, 6}), best}), g.op("Gather", {g.input({6, 4}), best}, {{"axis", int64_t(1)}})}), "pick");
}

TEST(CpuKernels, recurrent_cells) {
    struct Case {
        const char* op;
        int64_t gates;
        const char* direction;
        int64_t layout;
        bool all_inputs;
        Attrs attrs = {};
    };
    const Case cases[] = {
        {"LSTM", 4, "bidirectional", 0, false},
        {"LSTM", 4, "reverse", 1, true, {{"input_forget", int64_t(1)}}},
        {"GRU", 3, "forward", 0, true},
        {"GRU", 3, "bidirectional", 1, false, {{"linear_before_reset", int64_t(1)}}},
        {"RNN", 1, "forward", 0, true, {{"activations", std::vector<std::string>{"Relu"}}}},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.op);
        const int64_t steps = 7, batch = 3, wide = 11, hidden = 21, d = c.direction == std::string("bidirectional") ? 2 : 1;
        const Shape state = c.layout ? Shape{batch, d, hidden} : Shape{d, batch, hidden};
        Builder b;
        const auto part = [&](bool there, const Shape& shape) { return there ? b.input(shape) : none; };
        const ValueId lengths = c.all_inputs ? b.add_constant(make_tensor<int32_t>(ElementType::I32, {batch}, std::vector<int32_t>{7, 4, 1})) : none;
        std::vector<ValueId> in{b.input(c.layout ? Shape{batch, steps, wide} : Shape{steps, batch, wide}),
                                b.constant({d, c.gates * hidden, wide}, -0.3f, 0.3f), b.constant({d, c.gates * hidden, hidden}, -0.3f, 0.3f),
                                b.constant({d, 2 * c.gates * hidden}, -0.3f, 0.3f), lengths, part(c.all_inputs, state)};
        if (c.gates == 4)
            in.insert(in.end(), {part(c.all_inputs, state), c.all_inputs ? b.constant({d, 3 * hidden}) : none});
        Attrs attrs = c.attrs;
        attrs.insert({{"hidden_size", hidden}, {"direction", c.direction}, {"layout", c.layout}});
        check(b.finish(b.many(c.op, in, c.gates == 4 ? 3 : 2, attrs)), "recurrence", 3e-5f);
    }
}

} // namespace
