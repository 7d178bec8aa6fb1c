// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading ONNX files: quantized operators and those of other domains, put into other words.
#include "tests/onnx_rig.h"

using namespace infer;

namespace {

// A node of ONNX Runtime's own domain.
onnx_pb::Operation* contrib(OnnxModel& m, const std::string& op, const std::vector<std::string>& in,
                            const std::vector<std::string>& out = {"y"}) {
    auto* n = m.node(op, in, out);
    n->set_domain("com.microsoft");
    return n;
}

// "q": x in bytes of scale 1 and zero point 0; the names of some scales and zero points.
void quantize_x(OnnxModel& m) {
    m.floats("one", {}, {1}).floats("two", {}, {2}).floats("half", {}, {0.5});
    for (int zero : {0, 1, 4})
        m.tensor("zero" + std::to_string(zero), {}, 2)->add_int32_data(zero);
    m.node("QuantizeLinear", {"x", "one", "zero0"}, {"q"});
}

const OldNode other_words[] = {
    {"QLinearAdd",
     13,
     [](OnnxModel& m) {
         quantize_x(m);
         contrib(m, "QLinearAdd", {"q", "one", "zero0", "q", "one", "zero0", "two", "zero1"},
                 {"s"});
         m.node("DequantizeLinear", {"s", "two", "zero1"}, {"y"});
     },
     {2, 4},
     {0, 2, 4, 6, 8, 10, 12, 14}},
    {"QLinearLeakyRelu",
     13,
     [](OnnxModel& m) {
         quantize_x(m);
         set_float(contrib(m, "QLinearLeakyRelu", {"q", "one", "zero4", "half", "zero4"}, {"s"}),
                   "alpha", 0.5);
         contrib(m, "DequantizeLinear", {"s", "half", "zero4"});
     },
     {2, 4},
     {-2, -1.5, -1, -0.5, 0, 1, 2, 3}},
    {"QLinearConcat",
     13,
     [](OnnxModel& m) {
         quantize_x(m);
         set_int(contrib(m, "QLinearConcat",
                         {"one", "zero0", "q", "one", "zero0", "q", "two", "zero1"}, {"s"}),
                 "axis", 1);
         m.node("DequantizeLinear", {"s", "one", "zero0"}, {"y"});
     },
     {2, 8},
     {0, 1, 2, 3, 0, 0, 2, 4, 4, 5, 6, 7, 6, 8, 10, 12}},
    {"QLinearMatMul with a scale a column",
     13,
     [](OnnxModel& m) {
         quantize_x(m);
         m.floats("scales", {2}, {1, 0.5});
         m.tensor("zeros", {2}, 2)->set_raw_data(std::string(2, 0));
         m.tensor("b", {4, 2}, 2)->set_raw_data(std::string(8, 2));
         m.node("QLinearMatMul", {"q", "one", "zero0", "b", "scales", "zeros", "one", "zero0"},
                {"s"});
         m.node("DequantizeLinear", {"s", "one", "zero0"}, {"y"});
     },
     {2, 2},
     {12, 6, 44, 22}},
    {"MatMulInteger with a zero point a column",
     13,
     [](OnnxModel& m) {
         quantize_x(m);
         auto* zeros = m.tensor("zeros", {2}, 2);
         zeros->add_int32_data(2);
         zeros->add_int32_data(1);
         m.tensor("b", {4, 2}, 2)->set_raw_data(std::string(8, 2));
         m.node("MatMulInteger", {"q", "b", "", "zeros"}, {"i"});
         set_int(m.node("Cast", {"i"}, {"y"}), "to", 1);
     },
     {2, 2},
     {0, 6, 0, 22}},
    {"FusedConv",
     13,
     [](OnnxModel& m) {
         m.ints("image", {1, 1, 2, 4}).floats("w", {1, 1, 1, 1}, {-1});
         m.node("Reshape", {"x", "image"}, {"r"});
         auto* n = contrib(m, "FusedConv", {"r", "w"});
         set_text(n, "activation", "LeakyRelu");
         auto* params = n->add_attribute();
         params->set_name("activation_params");
         params->set_type(6);
         params->add_floats(0.5);
     },
     {1, 1, 2, 4},
     {0, -0.5, -1, -1.5, -2, -2.5, -3, -3.5}},
    {"FusedGemm",
     13,
     [](OnnxModel& m) {
         m.floats("b", {4, 1}, {1, -1, 0, 0});
         set_text(contrib(m, "FusedGemm", {"x", "b"}), "activation", "Relu");
     },
     {2, 1},
     {0, 0}},
    {"BiasGelu",
     13,
     [](OnnxModel& m) {
         m.floats("b", {4}, {0, 0, 0, 0});
         contrib(m, "BiasGelu", {"x", "b"});
     },
     {2, 4},
     {0, 0.841344746f, 1.95449974f, 2.99595031f, 3.99987332f, 4.99999857f, 5.99999999f, 7}},
    {"FastGelu",
     13,
     [](OnnxModel& m) { contrib(m, "FastGelu", {"x"}); },
     {2, 4},
     {0, 0.841191991f, 1.95459769f, 2.99636261f, 3.99992975f, 4.99999977f, 6, 7}},
    {"QuickGelu",
     13,
     [](OnnxModel& m) { contrib(m, "QuickGelu", {"x"}); },
     {2, 4},
     {0, 0.845795766f, 1.93565862f, 2.98192869f, 3.99558528f, 4.99899298f, 5.99977965f,
      6.99995313f}},
    {"SkipLayerNormalization",
     13,
     [](OnnxModel& m) {
         m.floats("gamma", {4}, {1, 1, 1, 2}).floats("beta", {4}, {0, 0, 1, 0});
         m.floats("skip", {2, 4}, {0, 0, 0, 0, 1, 1, 1, 1});
         contrib(m, "SkipLayerNormalization", {"x", "skip", "gamma", "beta"});
     },
     {2, 4},
     {-1.34164079f, -0.447213595f, 1.4472136f, 2.68328157f, -1.34164079f, -0.447213595f, 1.4472136f,
      2.68328157f}},
};

} // namespace

TEST(Onnx, operators_of_other_words_give_what_they_mean) {
    for (const OldNode& row : other_words)
        check(row);
}
