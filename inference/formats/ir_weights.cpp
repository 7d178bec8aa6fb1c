// SPDX-License-Identifier: LGPL-2.1-or-later
// Constants of an OpenVINO IR: little-endian numbers at an offset of the .bin file.
#include "inference/formats/ir_parts.h"
#include "inference/half.h"
#include "inference/ops/kernel.h"

#include <bit>
#include <charconv>
#include <cstring>

namespace infer::ir {
namespace {

static_assert(std::endian::native == std::endian::little, "the .bin is little-endian");

std::optional<int64_t> number(const Layer& layer, const std::string& key) {
    const auto it = layer.data.find(key);
    int64_t value = 0;
    if (it == layer.data.end())
        return {};
    const char* end = it->second.data() + it->second.size();
    const auto [stop, error] = std::from_chars(it->second.data(), end, value);
    return error == std::errc() && stop == end && value >= 0 ? std::optional(value) : std::nullopt;
}

std::string attribute(const Layer& layer, const std::string& key) {
    const auto it = layer.data.find(key);
    return it == layer.data.end() ? "" : it->second;
}

} // namespace

ElementType computed(ElementType type) { return computable(type) ? type : ElementType::F32; }

Result<Tensor> read_constant(const Layer& layer, std::string_view weights,
                             const std::string& where) {
    const auto type = type_of(attribute(layer, "element_type"));
    if (!type)
        return Error{Error::Unsupported, where,
                     "holds numbers of type '" + attribute(layer, "element_type") +
                         "', which cannot be computed with"};
    const auto shape = shape_of(attribute(layer, "shape"));
    const auto elements = shape ? checked_count(*shape) : std::nullopt;
    if (!elements)
        return Error{Error::InvalidModel, where,
                     "has shape '" + attribute(layer, "shape") + "', no shape or too large"};
    const auto offset = number(layer, "offset"), size = number(layer, "size");
    const size_t bytes = size_t(*elements) * size_of(*type);
    if (!offset || !size || size_t(*size) != bytes)
        return Error{Error::InvalidModel, where,
                     "has offset '" + attribute(layer, "offset") + "' and size '" +
                         attribute(layer, "size") + "'; " + to_string(*shape) + " of " +
                         std::string(name_of(*type)) + " takes " + std::to_string(bytes) +
                         " bytes"};
    if (size_t(*offset) > weights.size() || bytes > weights.size() - size_t(*offset))
        return Error{Error::InvalidModel, where,
                     "lies at bytes " + std::to_string(*offset) + " to " +
                         std::to_string(size_t(*offset) + bytes) + " of the .bin, which has " +
                         std::to_string(weights.size()) +
                         ": it is cut short or belongs to another .xml"};
    const auto* from = reinterpret_cast<const std::byte*>(weights.data()) + *offset;
    Tensor t(*type, *shape);
    if (bytes)
        std::memcpy(t.view().data, from, bytes);
    if (*type == ElementType::Bool)
        for (uint8_t& b : t.span<uint8_t>())
            b = b != 0;
    return widened(t);
}

Tensor converted(const Tensor& t, ElementType type) {
    if (t.type() == type)
        return t;
    Tensor out(type, t.shape());
    const Node cast{"Cast", "constant", {{"to", std::string(name_of(type))}}, {}, {}};
    const std::vector<TensorView> in = {t.view()}, to = {out.view()};
    find_op("Cast")->run(cast, in, to);
    return out;
}

} // namespace infer::ir
