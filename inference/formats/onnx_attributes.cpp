// SPDX-License-Identifier: LGPL-2.1-or-later
// Attributes of ONNX nodes, and Constant, whose content is one.
#include "inference/formats/onnx_parts.h"
#include "inference/ops/kernel.h"

namespace infer::onnx {
namespace {

enum Kind { Float = 1, Int, String, TensorKind, Graph, Floats, Ints, Strings, Sparse = 11 };

// AttributeProto.type; older files leave it out.
int kind_of(const onnx_pb::Attribute& a) {
    return a.type() != 0           ? a.type()
           : a.has_f()             ? Float
           : a.has_i()             ? Int
           : a.has_s()             ? String
           : a.has_t()             ? TensorKind
           : a.has_sparse_tensor() ? Sparse
           : a.floats_size()       ? Floats
           : a.strings_size()      ? Strings
                                   : Ints;
}

Result<Attr> as_attr(const Result<Tensor>& tensor) {
    return tensor.ok() ? Result<Attr>(Attr(tensor.value())) : tensor.error();
}

} // namespace

Result<Attr> read_attribute(const onnx_pb::Attribute& a, const std::string& folder,
                            const std::string& where) {
    const auto clamp = [](int64_t v) { return std::clamp<int64_t>(v, -max_dim, max_dim); };
    switch (kind_of(a)) {
    case Float:
        return Attr(a.f());
    case Int:
        return Attr(a.name() == "value_int" ? a.i() : clamp(a.i())); // Constant's is a number
    case String:
        return Attr(a.s());
    case Floats:
        return Attr(std::vector<float>(a.floats().begin(), a.floats().end()));
    case Strings:
        return Attr(std::vector<std::string>(a.strings().begin(), a.strings().end()));
    case Ints: {
        std::vector<int64_t> values(a.ints().begin(), a.ints().end());
        if (a.name() != "value_ints")
            std::transform(values.begin(), values.end(), values.begin(), clamp);
        return Attr(std::move(values));
    }
    case TensorKind:
        return as_attr(read_tensor(a.t(), folder, where));
    case Sparse:
        return as_attr(read_sparse(a.sparse_tensor(), folder, where));
    default:
        return Error{Error::Unsupported, where,
                     "attribute '" + a.name() + "' is of a kind (graph, type) that cannot be read"};
    }
}

Result<Tensor> constant_of(const Node& node, const std::string& where) {
    if (node.attrs.empty())
        return Error{Error::InvalidModel, where, "has no value"};
    const Attr& attr = node.attrs.begin()->second;
    if (const auto* t = std::get_if<Tensor>(&attr))
        return *t;
    if (const auto* i = std::get_if<int64_t>(&attr))
        return make_tensor<int64_t>(ElementType::I64, {}, std::span(i, 1));
    if (const auto* f = std::get_if<float>(&attr))
        return make_tensor<float>(ElementType::F32, {}, std::span(f, 1));
    if (const auto* is = std::get_if<std::vector<int64_t>>(&attr))
        return make_tensor<int64_t>(ElementType::I64, {int64_t(is->size())}, *is);
    if (const auto* fs = std::get_if<std::vector<float>>(&attr))
        return make_tensor<float>(ElementType::F32, {int64_t(fs->size())}, *fs);
    return Error{Error::Unsupported, where, "is not a tensor of numbers"};
}

} // namespace infer::onnx
