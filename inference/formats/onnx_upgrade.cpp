// SPDX-License-Identifier: LGPL-2.1-or-later
// Older opsets in the words of the newest (ONNX Changelog.md): attributes that have become inputs,
// operators that were renamed or have changed their meaning.
#include "inference/formats/onnx_parts.h"
#include "inference/ops/kernel.h"

namespace infer::onnx {
namespace {

class Upgrade {
public:
    Upgrade(Graph& graph, Node& node, int64_t opset) : graph_(graph), node_(node), opset_(opset) {}
    Result<void> run();

private:
    ValueId constant(Tensor tensor);
    void put(size_t input, ValueId value);
    void ints_to_input(const char* attr, size_t input);
    void float_to_input(const char* attr, size_t input);
    void upsample();
    void resize();
    void type_name(const char* attr);

    Graph& graph_;
    Node& node_;
    const int64_t opset_;
};

ValueId Upgrade::constant(Tensor tensor) {
    const std::string name =
        graph_.value(node_.outputs[0]).name + "/constant" + std::to_string(graph_.values.size());
    return graph_.add_value({name, tensor.type(), tensor.shape(), tensor});
}

void Upgrade::put(size_t input, ValueId value) {
    if (node_.inputs.size() <= input)
        node_.inputs.resize(input + 1, none);
    node_.inputs[input] = value;
}

// Where the attribute is there and the input is not.
void Upgrade::ints_to_input(const char* attr, size_t input) {
    const auto it = node_.attrs.find(attr);
    if (it == node_.attrs.end())
        return;
    std::vector<int64_t> values = node_.attr(attr, std::vector<int64_t>());
    if (const auto* one = std::get_if<int64_t>(&it->second))
        values = {*one};
    put(input, constant(make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values)));
    node_.attrs.erase(attr);
}

void Upgrade::float_to_input(const char* attr, size_t input) {
    const auto it = node_.attrs.find(attr);
    if (it == node_.attrs.end())
        return;
    const float value = node_.attr(attr, 0.0f);
    put(input, constant(make_tensor<float>(ElementType::F32, {}, std::span(&value, 1))));
    node_.attrs.erase(attr);
}

// Upsample-7, -9: nearest takes the pixel at floor(x / scale), linear samples at x / scale.
void Upgrade::upsample() {
    node_.op = "Resize";
    if (const auto it = node_.attrs.find("scales"); it != node_.attrs.end()) {
        if (const auto* scales = std::get_if<std::vector<float>>(&it->second))
            put(2,
                constant(make_tensor<float>(ElementType::F32, {int64_t(scales->size())}, *scales)));
        node_.attrs.erase("scales");
    } else if (node_.inputs.size() == 2) {
        put(2, node_.inputs[1]);
        node_.inputs[1] = none;
    }
    node_.attrs["coordinate_transformation_mode"] = std::string("asymmetric");
    node_.attrs["nearest_mode"] = std::string("floor");
}

// Resize-10 has inputs x, scales and the meaning of Upsample.
void Upgrade::resize() {
    if (opset_ < 11)
        return upsample();
    if (node_.inputs.size() > 1) // region of interest: only tf_crop_and_resize reads it
        if (node_.attr("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize")
            node_.inputs[1] = none;
    // sizes leave scales empty, as a missing input or as a constant without elements
    if (node_.inputs.size() > 3 && node_.inputs[3] != none && node_.inputs[2] != none)
        if (const auto& c = graph_.value(node_.inputs[2]).constant; c && count(c->shape()) == 0)
            node_.inputs[2] = none;
}

// Types are named as in tensor.h; those that cannot be computed with are refused by the rules.
void Upgrade::type_name(const char* attr) {
    if (!node_.has(attr))
        return;
    const auto type = type_of(int32_t(node_.attr(attr, int64_t{0})));
    node_.attrs[attr] = type ? std::string(name_of(computed(*type)))
                             : "type " + std::to_string(node_.attr(attr, int64_t{0}));
}

Result<void> Upgrade::run() {
    const std::string& op = node_.op;
    if (op == "Clip") {
        float_to_input("min", 1);
        float_to_input("max", 2);
    } else if (op == "Slice") {
        ints_to_input("starts", 1);
        ints_to_input("ends", 2);
        ints_to_input("axes", 3);
    } else if (op == "Squeeze" || op == "Unsqueeze" || op.starts_with("Reduce"))
        ints_to_input("axes", 1);
    else if (op == "Split")
        ints_to_input("split", 1);
    else if (op == "Pad") {
        ints_to_input("pads", 1);
        float_to_input("value", 2);
    } else if (op == "TopK")
        ints_to_input("k", 1);
    else if (op == "Upsample")
        upsample();
    else if (op == "Resize")
        resize();
    else if (op == "Scatter")
        node_.op = "ScatterElements";
    else if (op == "GroupNormalization" && opset_ < 21)
        node_.attrs["scale_by_group"] = int64_t{1};
    else if (op == "Gelu")
        node_.attrs["alpha"] = node_.attr("approximate", "none") == "tanh" ? 1.0f : 0.0f;
    else if (op == "Cast")
        type_name("to");
    else if (op == "EyeLike")
        type_name("dtype");
    else if ((op == "Softmax" || op == "LogSoftmax" || op == "Hardmax") && opset_ < 13) {
        // all dimensions from axis on are one
        if (!node_.has("axis"))
            node_.attrs["axis"] = int64_t{1};
        node_.attrs["flatten"] = int64_t{1};
    } else if (op == "Dropout" || op == "BatchNormalization")
        node_.outputs.resize(std::min<size_t>(node_.outputs.size(), op == "Dropout" ? 2 : 1));
    return {};
}

} // namespace

Result<void> upgrade(Graph& graph, Node& node, int64_t opset) {
    if (node.outputs.empty() || node.outputs[0] == none)
        return {};
    return Upgrade(graph, node, opset).run();
}

} // namespace infer::onnx
