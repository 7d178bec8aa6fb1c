// SPDX-License-Identifier: LGPL-2.1-or-later
// What the passes make of small graphs: fewer nodes, the same results.
#include "tests/onnx_model.h"

#include "inference/formats/onnx.h"
#include "inference/formats/onnx_case.h"
#include "inference/model.h"

#include <map>

using namespace infer;

namespace {

Graph graph_of(const OnnxModel& model) {
    auto graph = load_model(model.save("passes.onnx"));
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    return graph.ok() ? std::move(graph.value()) : Graph();
}

// Operators with what is fused into them, in order: "Conv+Relu", "Conv+residual".
std::string operators(const Graph& graph) {
    std::string text;
    for (const Node& node : graph.nodes) {
        const bool product = node.op == "Conv" || node.op == "ConvTranspose" ||
                             node.op == "MatMul" || node.op == "Gemm";
        text += (text.empty() ? "" : " ") + node.op +
                (product && node.inputs.size() > 3 ? "+residual" : "") +
                (node.has("activation") ? "+" + node.attr("activation", "") : "");
    }
    return text;
}

std::vector<float> counting(size_t n, int from) {
    std::vector<float> values(n);
    for (size_t i = 0; i < n; i++)
        values[i] = float(int(i * 5 % 13) + from) / 8;
    return values;
}

// Input "x" [1, 4, 6, 6], output "y", and some constants to use.
OnnxModel begin(int64_t opset = 13) {
    OnnxModel m(opset);
    m.input("x", {1, 4, 6, 6}).output("y");
    m.floats("w", {4, 4, 3, 3}, counting(144, -6))
        .floats("w1", {4, 4, 1, 1}, counting(16, -6))
        .floats("b", {4}, counting(4, -2));
    m.floats("scale", {4}, {1, 2, 0.5, -1})
        .floats("mean", {4}, counting(4, 0))
        .floats("var", {4}, {1, 2, 3, 4});
    m.floats("channels", {4, 1, 1}, {1, 2, 3, 4})
        .floats("three", {}, {3})
        .floats("zero", {}, {0})
        .floats("six", {}, {6});
    m.floats("half", {}, {0.5}).floats("one", {}, {1}).floats("root", {}, {1.41421356f});
    return m;
}

onnx_pb::Operation* conv(OnnxModel& m, const std::string& x, const std::string& y,
                         const char* w = "w") {
    auto* n = m.node("Conv", {x, w, "b"}, {y});
    if (std::string(w) == "w")
        set_ints(n, "pads", {1, 1, 1, 1});
    return n;
}

struct Rewrite {
    const char* what;
    void (*build)(OnnxModel&);
    const char* operators; // after optimize()
};

const Rewrite rewrites[] = {
    {"batch normalization goes into the convolution before it, then the activation",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("BatchNormalization", {"c", "scale", "b", "mean", "var"}, {"n"});
         m.node("Relu", {"n"}, {"y"});
     },
     "Conv+Relu"},
    {"and into a transposed one with groups",
     [](OnnxModel& m) {
         m.floats("wt", {4, 2, 2, 2}, counting(32, -6));
         set_int(m.node("ConvTranspose", {"x", "wt"}, {"c"}), "group", 2);
         m.node("BatchNormalization", {"c", "scale", "b", "mean", "var"}, {"y"});
     },
     "ConvTranspose"},
    {"before a convolution it goes in where no padding cuts off its shift",
     [](OnnxModel& m) {
         m.node("BatchNormalization", {"x", "scale", "b", "mean", "var"}, {"n"});
         conv(m, "n", "y", "w1");
     },
     "Conv"},
    {"and stays where there is padding",
     [](OnnxModel& m) {
         m.node("BatchNormalization", {"x", "scale", "b", "mean", "var"}, {"n"});
         conv(m, "n", "y");
     },
     "BatchNormalization Conv"},
    {"a factor and a summand by channel go into weights and bias",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Mul", {"c", "channels"}, {"s"});
         m.node("Sub", {"three", "s"}, {"y"});
     },
     "Conv"},
    {"a factor before a padded convolution too",
     [](OnnxModel& m) {
         m.node("Div", {"x", "channels"}, {"s"});
         conv(m, "s", "y");
     },
     "Conv"},
    {"a convolution others read is left alone",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Mul", {"c", "channels"}, {"s"});
         m.node("Mul", {"c", "s"}, {"y"});
     },
     "Conv Mul Mul"},
    {"mean, difference and deviation over the last dimension are a LayerNormalization with scale and bias",
     [](OnnxModel& m) {
         m.floats("two", {}, {2}).floats("tiny", {}, {1e-5f}).floats("row", {6}, counting(6, 2)).floats("shift", {6}, counting(6, -3));
         set_ints(m.node("ReduceMean", {"x"}, {"m"}), "axes", {-1});
         m.node("Sub", {"x", "m"}, {"d"});
         m.node("Pow", {"d", "two"}, {"q"});
         set_ints(m.node("ReduceMean", {"q"}, {"v"}), "axes", {-1});
         m.node("Add", {"v", "tiny"}, {"e"});
         m.node("Sqrt", {"e"}, {"s"});
         m.node("Div", {"d", "s"}, {"n"});
         m.node("Mul", {"n", "row"}, {"g"});
         m.node("Add", {"g", "shift"}, {"y"});
     },
     "LayerNormalization"},
    {"over height and width an InstanceNormalization",
     [](OnnxModel& m) {
         m.floats("tiny", {}, {1e-5f});
         set_ints(m.node("ReduceMean", {"x"}, {"m"}), "axes", {2, 3});
         m.node("Sub", {"x", "m"}, {"d"});
         m.node("Mul", {"d", "d"}, {"q"});
         set_ints(m.node("ReduceMean", {"q"}, {"v"}), "axes", {2, 3});
         m.node("Add", {"tiny", "v"}, {"e"});
         m.node("Sqrt", {"e"}, {"s"});
         m.node("Reciprocal", {"s"}, {"r"});
         m.node("Mul", {"d", "r"}, {"n"});
         m.node("Mul", {"channels", "n"}, {"y"});
     },
     "InstanceNormalization"},
    {"of groups, between two Reshapes, a GroupNormalization with scale and bias",
     [](OnnxModel& m) {
         m.ints("groups", {0, 2, -1}).ints("whole", {1, 4, 6, 6});
         m.floats("ones", {2}, {1, 1}).floats("zeros", {2}, {0, 0});
         m.node("Reshape", {"x", "groups"}, {"r"});
         m.node("InstanceNormalization", {"r", "ones", "zeros"}, {"n"});
         m.node("Reshape", {"n", "whole"}, {"back"});
         m.node("Add", {"back", "channels"}, {"y"});
     },
     "GroupNormalization"},
    {"over the channels alone another, and what is behind stays",
     [](OnnxModel& m) {
         m.floats("tiny", {}, {1e-5f});
         set_ints(m.node("ReduceMean", {"x"}, {"m"}), "axes", {1});
         m.node("Sub", {"x", "m"}, {"d"});
         m.node("Mul", {"d", "d"}, {"q"});
         set_ints(m.node("ReduceMean", {"q"}, {"v"}), "axes", {1});
         m.node("Add", {"tiny", "v"}, {"e"});
         m.node("Sqrt", {"e"}, {"s"});
         m.node("Div", {"d", "s"}, {"n"});
         m.node("Mul", {"channels", "n"}, {"y"});
     },
     "MeanVarianceNormalization Mul"},
    {"but not where the square is of something else",
     [](OnnxModel& m) {
         m.floats("tiny", {}, {1e-5f});
         set_ints(m.node("ReduceMean", {"x"}, {"m"}), "axes", {1});
         m.node("Sub", {"x", "m"}, {"d"});
         m.node("Mul", {"x", "x"}, {"q"});
         set_ints(m.node("ReduceMean", {"q"}, {"v"}), "axes", {1});
         m.node("Add", {"tiny", "v"}, {"e"});
         m.node("Sqrt", {"e"}, {"s"});
         m.node("Div", {"d", "s"}, {"y"});
     },
     "ReduceMean Sub Mul ReduceMean Add Sqrt Div"},
    {"the approximate Gelu is one node",
     [](OnnxModel& m) {
         m.floats("third", {}, {3}).floats("a", {}, {0.044715f}).floats("c", {}, {0.79788456f});
         m.node("Pow", {"x", "third"}, {"p"});
         m.node("Mul", {"p", "a"}, {"q"});
         m.node("Add", {"x", "q"}, {"r"});
         m.node("Mul", {"r", "c"}, {"s"});
         m.node("Tanh", {"s"}, {"t"});
         m.node("Add", {"t", "one"}, {"u"});
         m.node("Mul", {"x", "half"}, {"h"});
         m.node("Mul", {"h", "u"}, {"y"});
     },
     "Gelu"},
    {"a border of zeros becomes padding",
     [](OnnxModel& m) {
         m.ints("pads", {0, 0, 1, 2, 0, 0, 0, 1});
         m.node("Pad", {"x", "pads"}, {"p"});
         conv(m, "p", "y");
     },
     "Conv"},
    {"a sum with something else becomes a residual, then the activation",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Add", {"c", "x"}, {"s"});
         m.node("LeakyRelu", {"s"}, {"y"});
     },
     "Conv+residual+LeakyRelu"},
    {"of two convolutions the later one takes the other's result",
     [](OnnxModel& m) {
         conv(m, "x", "a");
         conv(m, "x", "b2", "w1");
         m.node("Add", {"b2", "a"}, {"y"});
     },
     "Conv Conv+residual"},
    {"an activation between convolution and sum keeps them apart",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Relu", {"c"}, {"r"});
         m.node("Add", {"r", "x"}, {"y"});
     },
     "Conv+Relu Add"},
    {"x * sigmoid(x) is Swish",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Sigmoid", {"c"}, {"s"});
         m.node("Mul", {"s", "c"}, {"y"});
     },
     "Conv+Swish"},
    {"x * clip(x + 3, 0, 6) / 6 is HardSwish",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Add", {"c", "three"}, {"a"});
         m.node("Clip", {"a", "zero", "six"}, {"d"});
         m.node("Mul", {"c", "d"}, {"e"});
         m.node("Div", {"e", "six"}, {"y"});
     },
     "Conv+HardSwish"},
    {"x * (clip(x + 3, 0, 6) / 6) as well",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Add", {"three", "c"}, {"a"});
         m.node("Clip", {"a", "zero", "six"}, {"d"});
         m.node("Div", {"d", "six"}, {"e"});
         m.node("Mul", {"e", "c"}, {"y"});
     },
     "Conv+HardSwish"},
    {"x * tanh(softplus(x)) is Mish",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Softplus", {"c"}, {"s"});
         m.node("Tanh", {"s"}, {"t"});
         m.node("Mul", {"c", "t"}, {"y"});
     },
     "Conv+Mish"},
    {"0.5 x (1 + erf(x / sqrt 2)) is Gelu",
     [](OnnxModel& m) {
         m.node("Div", {"x", "root"}, {"d"});
         m.node("Erf", {"d"}, {"e"});
         m.node("Add", {"e", "one"}, {"a"});
         m.node("Mul", {"x", "a"}, {"p"});
         m.node("Mul", {"p", "half"}, {"y"});
     },
     "Gelu"},
    {"bounds are fused, PRelu with one slope too",
     [](OnnxModel& m) {
         conv(m, "x", "c");
         m.node("Clip", {"c", "zero", "six"}, {"d"});
         conv(m, "d", "e");
         m.node("PRelu", {"e", "half"}, {"y"});
     },
     "Conv+Clip Conv+LeakyRelu"},
    {"what does nothing goes",
     [](OnnxModel& m) {
         m.ints("perm", {1, 4, 6, 6});
         m.node("Identity", {"x"}, {"a"});
         m.node("Dropout", {"a"}, {"d"});
         m.node("Add", {"d", "zero"}, {"e"});
         m.node("Mul", {"one", "e"}, {"f"});
         m.node("Reshape", {"f", "perm"}, {"g"});
         m.node("Neg", {"g"}, {"y"});
     },
     "Neg"},
    {"reshapes and transposes in a row become one",
     [](OnnxModel& m) {
         m.ints("s1", {4, 36}).ints("s2", {1, 144}).ints("ax", {0});
         m.node("Reshape", {"x", "s1"}, {"a"});
         m.node("Flatten", {"a"}, {"b2"});
         m.node("Unsqueeze", {"b2", "ax"}, {"c"});
         set_ints(m.node("Transpose", {"c"}, {"d"}), "perm", {2, 0, 1});
         set_ints(m.node("Transpose", {"d"}, {"y"}), "perm", {1, 0, 2});
     },
     "Reshape Transpose"},
    {"shape arithmetic is folded",
     [](OnnxModel& m) {
         m.ints("two", {2}).ints("rest", {-1});
         m.node("Shape", {"x"}, {"s"});
         m.node("Gather", {"s", "two"}, {"h"});
         set_int(m.node("Concat", {"h", "rest"}, {"t"}), "axis", 0);
         m.node("Reshape", {"x", "t"}, {"y"});
     },
     "Reshape"},
    {"a channel shuffle is one node",
     [](OnnxModel& m) {
         m.ints("s1", {1, 2, 2, 6, 6}).ints("s2", {1, 4, 6, 6});
         m.node("Reshape", {"x", "s1"}, {"a"});
         set_ints(m.node("Transpose", {"a"}, {"c"}), "perm", {0, 2, 1, 3, 4});
         m.node("Reshape", {"c", "s2"}, {"y"});
     },
     "ChannelShuffle"},
    {"the same computed twice is computed once",
     [](OnnxModel& m) {
         m.node("Exp", {"x"}, {"a"});
         m.node("Exp", {"x"}, {"b2"});
         m.node("Mul", {"a", "b2"}, {"y"});
     },
     "Exp Mul"},
    {"pooling over all of the image is global",
     [](OnnxModel& m) {
         set_ints(m.node("AveragePool", {"x"}, {"y"}), "kernel_shape", {6, 6});
     },
     "GlobalAveragePool"},
    {"so is a mean over its dimensions",
     [](OnnxModel& m) {
         set_ints(m.node("ReduceMean", {"x"}, {"y"}), "axes", {2, 3});
     },
     "GlobalAveragePool"},
    {"a matrix product takes bias and activation",
     [](OnnxModel& m) {
         m.floats("wm", {6, 3}, counting(18, -6)).floats("bm", {3}, counting(3, 0));
         m.node("MatMul", {"x", "wm"}, {"p"});
         m.node("Add", {"bm", "p"}, {"q"});
         m.node("Sigmoid", {"q"}, {"y"});
     },
     "MatMul+Sigmoid"},
    {"the old Softmax over several dimensions becomes one over rows",
     [](OnnxModel& m) {
         m.file.mutable_opset_import(0)->set_version(11);
         m.node("Softmax", {"x"}, {"y"});
     },
     "Reshape Softmax Reshape"},
    {"an output that is the input is copied",
     [](OnnxModel& m) { m.node("Identity", {"x"}, {"y"}); }, "Identity"},
};

} // namespace

TEST(Passes, rewrite_what_they_should_and_keep_results) {
    Tensor x = make_tensor<float>(ElementType::F32, {1, 4, 6, 6},
                                  std::span<const float>(counting(144, -7)));
    for (const Rewrite& r : rewrites) {
        SCOPED_TRACE(r.what);
        OnnxModel m = begin();
        r.build(m);
        Graph plain = graph_of(m), fast = plain;
        const auto ok = optimize(fast);
        ASSERT_TRUE(ok.ok()) << ok.error().text();
        EXPECT_EQ(operators(fast), r.operators);
        EXPECT_EQ(fast.value(fast.outputs[0]).name, "y");
        const auto a = run_reference(plain, {x}), b = run_reference(fast, {x});
        ASSERT_TRUE(a.ok() && b.ok());
        EXPECT_EQ(difference(b.value()[0], a.value()[0], 1e-4f, 1e-5f), "");
    }
}

TEST(Passes, a_value_in_the_middle_that_is_an_output_stays) {
    OnnxModel m = begin();
    m.output("c");
    conv(m, "x", "c");
    m.node("Relu", {"c"}, {"y"});
    Graph graph = graph_of(m);
    ASSERT_TRUE(optimize(graph).ok());
    EXPECT_EQ(operators(graph), "Conv Relu");
}

TEST(Passes, an_output_that_is_a_constant_is_made_by_a_node) {
    OnnxModel m = begin();
    m.output("six");
    m.node("Relu", {"x"}, {"y"});
    Graph graph = graph_of(m);
    ASSERT_TRUE(optimize(graph).ok());
    EXPECT_EQ(operators(graph), "Relu Identity");
    EXPECT_EQ(graph.value(graph.outputs[1]).name, "six");
}

TEST(Passes, running_them_again_changes_nothing) {
    Graph graph = graph_of(small_network());
    ASSERT_TRUE(optimize(graph).ok());
    const std::string once = operators(graph);
    ASSERT_TRUE(optimize(graph).ok());
    EXPECT_EQ(operators(graph), once);
}

TEST(Passes, weights_two_convolutions_share_are_not_changed_for_both) {
    OnnxModel m = begin();
    m.output("z");
    conv(m, "x", "c");
    m.node("Mul", {"c", "channels"}, {"y"});
    conv(m, "x", "z");
    Graph plain = graph_of(m), fast = plain;
    ASSERT_TRUE(optimize(fast).ok());
    const Tensor x = make_tensor<float>(ElementType::F32, {1, 4, 6, 6},
                                        std::span<const float>(counting(144, -7)));
    const auto a = run_reference(plain, {x}), b = run_reference(fast, {x});
    for (size_t k : {size_t(0), size_t(1)})
        EXPECT_EQ(difference(b.value()[k], a.value()[k], 1e-4f, 1e-5f), "");
}
