// SPDX-License-Identifier: LGPL-2.1-or-later
// Small quantised networks in the forms that files have, for tests of their way onto bytes.
#pragma once

#include "inference/model.h"
#include "tests/cpu_rig.h"
#include "tests/graph_builder.h"

#include <cmath>
#include <functional>
#include <ostream>

namespace infer {

// Quantisers and quantised layers in a few words.
class QuantizedBuilder : public GraphBuilder {
public:
    ValueId number(float value) {
        return constant(make_tensor<float>(ElementType::F32, {}, std::vector<float>{value}));
    }

    // QuantizeLinear and DequantizeLinear.
    ValueId pair(ValueId x, float scale, int zero, ElementType type = ElementType::U8) {
        const ValueId s = number(scale), z = constant(byte(zero, type));
        return node("DequantizeLinear", {node("QuantizeLinear", {x, s, z}), s, z});
    }
    ValueId fake(ValueId x, float low, float high) {
        return fake(x, std::vector<float>{low}, std::vector<float>{high});
    }
    // A range for each channel.
    ValueId fake(ValueId x, const std::vector<float>& low, const std::vector<float>& high) {
        const Shape shape = low.size() == 1 ? Shape{} : Shape{1, int64_t(low.size()), 1, 1};
        const ValueId a = constant(make_tensor<float>(ElementType::F32, shape, low));
        const ValueId b = constant(make_tensor<float>(ElementType::F32, shape, high));
        return node("FakeQuantize", {x, a, b, a, b}, {{"levels", int64_t{256}}});
    }
    // Weights that are whole steps of 8 bits, a step a channel, as DequantizeLinear gives them.
    Tensor grid_weights(const Shape& shape, int most = 127) {
        const Tensor noise =
            random_tensor(shape, unsigned(graph.values.size()) + 5, float(-most), float(most));
        Tensor w(ElementType::F32, shape);
        const int64_t each = count(shape) / shape[0];
        for (int64_t k = 0; k < count(shape); k++)
            w.span<float>()[size_t(k)] = std::nearbyint(noise.span<float>()[size_t(k)]) *
                                         (0.002f + 0.0005f * float(k / each % 7));
        return w;
    }
    ValueId conv(ValueId x, const Shape& weights, std::map<std::string, Attr> attrs = {}) {
        return node("Conv",
                    {x, constant(grid_weights(weights)), constant(random_tensor({weights[0]}, 3))},
                    std::move(attrs));
    }
    static Tensor byte(int value, ElementType type) {
        Tensor t(type, {});
        if (type == ElementType::U8)
            t.span<uint8_t>()[0] = uint8_t(value);
        else
            t.span<int8_t>()[0] = int8_t(value);
        return t;
    }
};

struct QuantizedCase {
    const char* name;
    const char* operators; // that the network comes to, in order
    std::function<void(QuantizedBuilder& b)> build;
    double share = 1; // of multiplications on bytes
};

inline void PrintTo(const QuantizedCase& c, std::ostream* out) { *out << c.name; }

inline Graph graph_of(const QuantizedCase& c) {
    QuantizedBuilder b;
    c.build(b);
    return std::move(b.graph);
}

inline const std::vector<QuantizedCase>& quantized_cases() {
    using B = QuantizedBuilder;
    static const std::vector<int64_t> pad{1, 1, 1, 1};
    const auto same = [](int64_t group = 1) {
        return std::map<std::string, Attr>{{"pads", pad}, {"group", group}};
    };
    static const std::vector<QuantizedCase> cases = {
        {"convolutions_between_pairs", "ToBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 9, 11}), 0.01f, 100);
             const ValueId y = b.pair(b.conv(x, {16, 8, 3, 3}, same()), 0.05f, 117);
             b.graph.outputs = {b.conv(y, {5, 16, 1, 1})};
         }},
        {"signed_numbers", "ToBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 9, 11}), 0.01f, 0, ElementType::I8);
             const ValueId y =
                 b.pair(b.conv(x, {16, 8, 3, 3}, same()), 0.05f, -20, ElementType::I8);
             b.graph.outputs = {b.conv(y, {5, 16, 3, 3}, same())};
         }},
        {"ranges_of_openvino", "ToBytes ConvBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.fake(b.input("x", {1, 3, 12, 12}), -1.28f, 1.27f);
             const ValueId y = b.fake(b.node("Relu", {b.conv(x, {8, 3, 3, 3}, same())}),
                                      std::vector<float>(8, 0.0f), {2, 1, 2.5, 0.5, 1.5, 3, 1, 2});
             const ValueId z = b.fake(b.node("Relu", {b.conv(y, {8, 1, 3, 3}, same(8))}), 0, 6);
             b.graph.outputs = {b.conv(z, {4, 8, 1, 1})};
         }},
        {"ranges_with_a_zero_of_their_own", "ToBytes ConvBytes ToBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.fake(b.input("x", {1, 3, 12, 12}), -1.1f, 1.3f);
             const ValueId y = b.fake(b.node("Elu", {b.conv(x, {4, 3, 3, 3}, same())}),
                                      {-1, -1, -0.9f, -0.5f}, {7, 6, 9, 6.5f});
             const ValueId z =
                 b.fake(b.node("Elu", {b.conv(y, {4, 1, 3, 3}, same(4))}), -1.0f, 9.03f);
             b.graph.outputs = {b.conv(z, {4, 4, 1, 1})};
         }},
        {"narrow_groups", "ToBytes ConvBytes",
         [=](B& b) {
             b.graph.outputs = {
                 b.conv(b.pair(b.input("x", {2, 12, 7, 7}), 0.01f, 90), {24, 3, 3, 3}, same(4))};
         }},
        {"a_residual", "ToBytes ConvBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 16, 8, 8}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {16, 16, 1, 1}), 0.04f, 120);
             const ValueId z = b.pair(b.conv(y, {16, 16, 3, 3}, same()), 0.2f, 130);
             const ValueId sum = b.pair(b.node("Relu", {b.node("Add", {y, z})}), 0.1f, 0);
             b.graph.outputs = {b.conv(sum, {8, 16, 1, 1})};
         }},
        {"a_sum_of_two_bytes", "ToBytes ConvBytes MaxPool AddBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 16, 8, 8}), 0.01f, 128);
             const ValueId y = b.pair(b.node("Relu", {b.conv(x, {16, 16, 1, 1})}), 0.04f, 0);
             const ValueId pooled =
                 b.pair(b.node("MaxPool", {y},
                               {{"kernel_shape", std::vector<int64_t>{3, 3}}, {"pads", pad}}),
                        0.04f, 0);
             b.graph.outputs = {
                 b.conv(b.pair(b.node("Add", {y, pooled}), 0.07f, 0), {8, 16, 1, 1})};
         }},
        {"batch_normalization_between", "ToBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 9, 9}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {8, 8, 3, 3}, same()), 0.05f, 125);
             const ValueId scale = b.floats({1, 2, -1, 0.5, 1, 1, 0.25, 3}),
                           shift = b.floats({0, 1, 0.5, -1, 0, 0, 2, -2});
             const ValueId mean = b.floats({0, 0.1f, 0, 0.2f, 0, 0, 0, 0}),
                           variance = b.floats({1, 2, 1, 1, 0.5, 1, 1, 4});
             const ValueId z =
                 b.pair(b.node("BatchNormalization", {y, scale, shift, mean, variance}), 0.05f, 0);
             b.graph.outputs = {b.conv(z, {4, 8, 1, 1})};
         }},
        {"swish_of_bytes", "ToBytes ConvBytes LookupBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 9, 9}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {8, 8, 3, 3}, same()), 0.05f, 125);
             const ValueId gate = b.pair(b.node("Sigmoid", {y}), 1.0f / 256, 0);
             b.graph.outputs = {b.conv(b.pair(b.node("Mul", {y, gate}), 0.03f, 9), {4, 8, 1, 1})};
         }},
        {"swish_of_floats", "ToBytes ConvBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.fake(b.input("x", {1, 8, 9, 9}), -1.28f, 1.27f);
             const ValueId y = b.conv(x, {8, 8, 3, 3}, same());
             b.graph.outputs = {b.conv(
                 b.fake(b.node("Mul", {y, b.node("Sigmoid", {y})}), -0.28f, 6.86f), {4, 8, 1, 1})};
         }},
        {"parts_on_different_grids", "ToBytes ConvBytes ConvBytes LookupBytes Concat ConvBytes",
         [=](B& b) {
             const ValueId x = b.fake(b.input("x", {1, 8, 9, 9}), 0, 2.55f);
             const ValueId y = b.fake(b.node("Relu", {b.conv(x, {8, 8, 1, 1})}), 0, 2);
             const ValueId z = b.fake(b.node("Relu", {b.conv(x, {8, 8, 3, 3}, same())}), 0, 3);
             b.graph.outputs = {
                 b.conv(b.node("Concat", {y, z}, {{"axis", int64_t{1}}}), {4, 16, 1, 1})};
         }},
        {"channels_apart_and_shuffled",
         "ToBytes ConvBytes Split ConvBytes Concat ChannelShuffle ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {32, 8, 1, 1}), 0.04f, 100);
             const auto parts = b.nodes("Split", {y, b.ints({16, 16})}, 2, {{"axis", int64_t{1}}});
             const ValueId z = b.pair(b.conv(parts[1], {16, 16, 1, 1}), 0.04f, 100);
             const ValueId whole = b.node("Concat", {parts[0], z}, {{"axis", int64_t{1}}});
             const ValueId grouped =
                 b.node("Transpose", {b.node("Reshape", {whole, b.ints({1, 2, 16, 6, 6})})},
                        {{"perm", std::vector<int64_t>{0, 2, 1, 3, 4}}});
             b.graph.outputs = {b.conv(b.node("Reshape", {grouped, b.ints({1, 32, 6, 6})}),
                                       {4, 32, 3, 3}, same())};
         }},
        {"squeeze_and_excitation",
         "ToBytes ConvBytes DequantizeLinear GlobalAveragePool Conv GateBytes ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {2, 24, 9, 7}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {24, 24, 1, 1}), 0.05f, 100);
             const ValueId weights = b.constant(random_tensor({24, 24, 1, 1}, 1));
             const ValueId gate =
                 b.node("Sigmoid", {b.node("Conv", {b.node("GlobalAveragePool", {y}), weights})});
             b.graph.outputs = {
                 b.conv(b.pair(b.node("Mul", {y, gate}), 0.04f, 110), {4, 24, 1, 1})};
         },
         0.98},
        {"slices_of_the_input", "ToBytes Slice Slice Concat ConvBytes",
         [=](B& b) {
             const ValueId x = b.input("x", {1, 4, 6, 6});
             std::vector<ValueId> parts;
             for (const int64_t first : {0, 1})
                 parts.push_back(b.pair(
                     b.node("Slice", {x, b.ints({first}), b.ints({6}), b.ints({3}), b.ints({2})}),
                     0.01f, 128));
             const ValueId whole = b.node("Concat", parts, {{"axis", int64_t{1}}});
             b.graph.outputs = {b.conv(b.pair(whole, 0.01f, 128), {8, 8, 1, 1})};
         }},
        {"resized", "ToBytes ConvBytes Resize ConvBytes",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {8, 8, 1, 1}), 0.04f, 100);
             const ValueId big =
                 b.pair(b.node("Resize", {y, none, b.floats({1, 1, 2, 2})}), 0.04f, 100);
             b.graph.outputs = {b.conv(big, {4, 8, 1, 1})};
         }},
        {"matrix_products",
         "ToBytes ConvBytes Reshape Reshape Transpose ConvBytes Transpose Reshape Softmax",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {2, 8, 3, 3}), 0.01f, 128);
             const ValueId y = b.pair(b.conv(x, {8, 8, 3, 3}), 0.04f, 100);
             const ValueId w = b.constant(b.grid_weights({5, 8}));
             b.graph.outputs = {
                 b.node("Softmax",
                        {b.node("Gemm", {b.node("Flatten", {y}), w, b.floats({1, 2, 3, 4, 5})},
                                {{"transB", int64_t{1}}})},
                        {{"axis", int64_t{1}}})};
         }},
        {"layers_that_stay_in_float", "ToBytes ConvBytes Conv",
         [=](B& b) {
             const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
             const ValueId weights = b.constant(random_tensor({8, 8, 1, 1}, 1));
             b.graph.outputs = {b.node("Conv", {b.conv(x, {8, 8, 1, 1}), weights})};
         },
         0.5},
    };
    return cases;
}

} // namespace infer
