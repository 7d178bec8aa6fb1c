// SPDX-License-Identifier: LGPL-2.1-or-later
// What opsets 1 to 6 said in another way (ONNX Changelog.md): broadcasting along an axis that is
// named, and attributes that were called otherwise. What has become an input since (Slice, Pad...)
// is in onnx_upgrade.cpp.
#include "inference/formats/onnx_rewriter.h"

#include <array>

namespace infer::onnx {
namespace {

// Until opset 6 the second operand could start at a dimension of the first: attributes broadcast
// and axis. Without axis, its dimensions are the last ones, as they are today.
void align(Rewriter& r) {
    Node& node = r.node();
    if (r.opset() >= 7 || node.inputs.size() != 2)
        return;
    if (node.attr("broadcast", int64_t{0}) && node.has("axis"))
        node.inputs[1] = r.emit("AlignAxis", {node.inputs[1], node.inputs[0]},
                                {{"axis", node.attr("axis", int64_t{0})}});
    node.attrs.clear();
}

// One slope a channel.
void prelu(Rewriter& r) {
    if (r.opset() < 7 && r.node().inputs.size() == 2)
        r.put(1, r.emit("AlignAxis", {r.input(1), r.input(0)}, {{"axis", int64_t{1}}}));
}

void reshape(Rewriter& r) {
    if (r.opset() < 5)
        r.ints_to_input("shape", 1);
}

void concat(Rewriter& r) {
    if (r.opset() < 4 && !r.node().has("axis"))
        r.node().attrs["axis"] = int64_t{1};
}

void pad(Rewriter& r) {
    if (r.opset() < 2)
        r.ints_to_input("paddings", 1);
}

// The type as a word, in capitals.
void cast(Rewriter& r) {
    constexpr std::string_view words[] = {"",        "FLOAT",  "UINT8",  "INT8",   "UINT16",
                                          "INT16",   "INT32",  "INT64",  "STRING", "BOOL",
                                          "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
    const std::string to = r.node().attr("to", "");
    for (size_t k = 1; k < std::size(words); k++)
        if (r.opset() < 6 && words[k] == to)
            r.node().attrs["to"] = int64_t(k); // ONNX's number of it
}

void upsample(Rewriter& r) {
    Node& node = r.node();
    if (r.opset() < 7 && node.has("height_scale"))
        node.attrs["scales"] = std::vector<float>{1, 1, node.attr("height_scale", 1.0f),
                                                  node.attr("width_scale", 1.0f)};
}

// Statistics of the batch were asked for by is_test 0, which also made four more outputs.
void batch_normalization(Rewriter& r) {
    Node& node = r.node();
    if (r.opset() < 7 && node.outputs.size() > 1 && !node.attr("is_test", int64_t{0}))
        node.attrs["training_mode"] = int64_t{1};
}

void lp_pool(Rewriter& r) {
    if (r.opset() < 2)
        r.node().attrs["p"] = int64_t(r.node().attr("p", 2.0f));
}

constexpr Rewrite table[] = {
    {"Add", align},         {"Sub", align},
    {"Mul", align},         {"Div", align},
    {"Pow", align},         {"And", align},
    {"Or", align},          {"Xor", align},
    {"Equal", align},       {"Less", align},
    {"Greater", align},     {"PRelu", prelu},
    {"Reshape", reshape},   {"Concat", concat},
    {"Pad", pad},           {"Cast", cast},
    {"LpPool", lp_pool},    {"GlobalLpPool", lp_pool},
    {"Upsample", upsample}, {"BatchNormalization", batch_normalization},
};

} // namespace

std::span<const Rewrite> early_rewrites() { return table; }

} // namespace infer::onnx
