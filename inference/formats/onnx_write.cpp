// SPDX-License-Identifier: LGPL-2.1-or-later
// A graph as an ONNX file that others read too. Numbers of types and attributes: onnx.proto.
#include "inference/formats/onnx.h"
#include "inference/formats/onnx_parts.h"
#include "inference/tail.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace infer {
namespace {

constexpr int64_t usual_opset = 18; // the first in whose words graphs are

// Operators that graphs have in the words of a later opset.
constexpr std::pair<std::string_view, int64_t> later[] = {
    {"AffineGrid", 20},         {"Gelu", 20},
    {"GridSample", 20},         {"DFT", 20},
    {"GroupNormalization", 21}, {"RMSNormalization", 23}};

// Ours, or OpenVINO's.
constexpr std::string_view not_in_onnx[] = {
    "AddBytes",       "AlignAxis",   "CTCGreedyDecoder",  "CTCGreedyDecoderSeqLen",
    "ChannelShuffle", "ConvBytes",   "DetectionOutput",   "FakeQuantize",
    "GateBytes",      "LookupBytes", "PSRoiPooling",      "PriorBox",
    "Proposal",       "RoiPooling",  "PriorBoxClustered", "Swish",
    "ToBytes"};

int32_t number_of(ElementType type) {
    switch (type) {
    case ElementType::F32:
        return 1;
    case ElementType::U8:
        return 2;
    case ElementType::I8:
        return 3;
    case ElementType::U16:
        return 4;
    case ElementType::I16:
        return 5;
    case ElementType::I32:
        return 6;
    case ElementType::I64:
        return 7;
    case ElementType::Bool:
        return 9;
    case ElementType::F16:
        return 10;
    case ElementType::F64:
        return 11;
    case ElementType::U32:
        return 12;
    case ElementType::U64:
        return 13;
    case ElementType::BF16:
        return 16;
    }
    return 0;
}

// Graphs name types by words, files by numbers.
bool names_type(const std::string& key) {
    return key == "to" || key == "dtype" || key == "output_dtype" || key == "output_datatype";
}

int32_t number_named(const std::string& word) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == word)
            return number_of(ElementType(k));
    return 0;
}

void write(const Tensor& tensor, onnx_pb::TensorData& to) {
    for (const int64_t d : tensor.shape())
        to.add_dims(d);
    to.set_data_type(number_of(tensor.type()));
    to.set_raw_data(tensor.view().data, tensor.view().size_bytes());
}

class AttributeWriter {
public:
    explicit AttributeWriter(onnx_pb::Attribute& to) : to_(to) {}

    void operator()(int64_t v) { to_.set_type(2), to_.set_i(v); }
    void operator()(float v) { to_.set_type(1), to_.set_f(v); }
    void operator()(const std::string& v) {
        if (names_type(to_.name()))
            return (*this)(int64_t(number_named(v)));
        to_.set_type(3), to_.set_s(v);
    }
    void operator()(const std::vector<int64_t>& v) {
        to_.set_type(7), to_.mutable_ints()->Add(v.begin(), v.end());
    }
    void operator()(const std::vector<float>& v) {
        to_.set_type(6), to_.mutable_floats()->Add(v.begin(), v.end());
    }
    void operator()(const std::vector<std::string>& v) {
        to_.set_type(8);
        for (const std::string& text : v)
            to_.add_strings(text);
    }
    void operator()(const Tensor& v) { to_.set_type(4), write(v, *to_.mutable_t()); }

private:
    onnx_pb::Attribute& to_;
};

class GraphWriter {
public:
    explicit GraphWriter(Graph graph) : graph_(std::move(graph)), names_(graph_.values.size()) {}

    Result<std::string> write();

private:
    std::optional<Error> refused() const;
    const std::string& name(ValueId v);
    void describe(ValueId v, onnx_pb::ValueDescription& to);
    void write_node(const Node& node);
    void write_model_words(onnx_pb::ModelFile& model) const;

    const Graph graph_;
    std::vector<std::string> names_; // by value; empty: not named yet
    std::set<std::string> taken_;
    onnx_pb::GraphBody* to_ = nullptr;
};

std::optional<Error> GraphWriter::refused() const {
    std::string list;
    for (const Node& node : graph_.nodes) {
        const bool fused = (node.op == "Conv" || node.op == "ConvTranspose" || node.op == "Gemm" ||
                            node.op == "MatMul") &&
                           (node.inputs.size() > 3 || node.has("activation"));
        if (fused || !node.bodies.empty() ||
            std::ranges::find(not_in_onnx, node.op) != std::end(not_in_onnx))
            list += (list.empty() ? "" : ", ") + node.op + " ('" + node.name + "')";
    }
    if (list.empty())
        return {};
    return Error{Error::Unsupported, "", "these operators cannot be written as ONNX: " + list};
}

const std::string& GraphWriter::name(ValueId v) {
    static const std::string absent;
    if (v == none)
        return absent;
    std::string& name = names_[size_t(v)];
    if (!name.empty())
        return name;
    name = graph_.value(v).name.empty() ? "value" : graph_.value(v).name;
    while (!taken_.insert(name).second)
        name += "_" + std::to_string(v);
    if (graph_.value(v).constant) {
        onnx_pb::TensorData& data = *to_->add_initializer();
        infer::write(*graph_.value(v).constant, data);
        data.set_name(name);
    }
    return name;
}

void GraphWriter::describe(ValueId v, onnx_pb::ValueDescription& to) {
    to.set_name(name(v));
    auto& type = *to.mutable_type()->mutable_tensor_type();
    type.set_elem_type(number_of(graph_.value(v).type));
    for (const int64_t d : graph_.value(v).shape) {
        auto& dim = *type.mutable_shape()->add_dim();
        if (d >= 0)
            dim.set_value(d);
    }
    type.mutable_shape();
}

void GraphWriter::write_node(const Node& node) {
    onnx_pb::Operation& to = *to_->add_node();
    to.set_op_type(node.op);
    to.set_name(node.name);
    for (const ValueId v : node.inputs)
        to.add_input(name(v));
    while (to.input_size() > 0 && to.input(to.input_size() - 1).empty())
        to.mutable_input()->RemoveLast();
    for (const ValueId v : node.outputs)
        to.add_output(name(v));
    for (const auto& [key, value] : node.attrs) {
        onnx_pb::Attribute& attribute = *to.add_attribute();
        attribute.set_name(key);
        std::visit(AttributeWriter(attribute), value);
    }
}

void GraphWriter::write_model_words(onnx_pb::ModelFile& model) const {
    int64_t opset = usual_opset;
    for (const Node& node : graph_.nodes)
        for (const auto& [op, since] : later)
            if (node.op == op)
                opset = std::max(opset, since);
    model.set_ir_version(opset <= 18 ? 8 : opset <= 20 ? 9 : 10);
    model.set_producer_name("gst-inference");
    onnx_pb::OperatorSet& set = *model.add_opset_import();
    set.set_domain("");
    set.set_version(opset);
    for (const auto& [key, value] : graph_.metadata) {
        if (key == "producer")
            continue;
        onnx_pb::Metadata& entry = *model.add_metadata_props();
        entry.set_key(key);
        entry.set_value(value);
    }
}

Result<std::string> GraphWriter::write() {
    if (auto error = refused())
        return *error;
    onnx_pb::ModelFile model;
    write_model_words(model);
    to_ = model.mutable_graph();
    to_->set_name("graph");
    for (const ValueId v : graph_.inputs)
        describe(v, *to_->add_input());
    for (const ValueId v : graph_.outputs)
        describe(v, *to_->add_output());
    for (const Node& node : graph_.nodes)
        write_node(node);
    std::string bytes;
    constexpr size_t most = size_t(1) << 31; // a limit of the format
    if (model.ByteSizeLong() >= most || !model.SerializeToString(&bytes))
        return Error{Error::Unsupported, "", "is larger than the 2 GiB that an ONNX file may have"};
    return bytes;
}

} // namespace

Result<std::string> write_onnx(const Graph& graph) {
    return GraphWriter(without_tail(graph)).write();
}

} // namespace infer
