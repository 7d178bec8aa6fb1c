// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensors of ONNX files: typed fields, raw little-endian bytes, or bytes in a file beside the
// model.
#include "inference/formats/format.h"
#include "inference/formats/onnx.h"
#include "inference/formats/onnx_parts.h"
#include "inference/half.h"
#include "inference/ops/kernel.h"

#include <bit>
#include <cstring>
#include <filesystem>

namespace infer::onnx {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

template <typename T, typename Field> bool copy_as(const Field& field, Tensor& t) {
    const auto y = t.span<T>();
    if (size_t(field.size()) != y.size())
        return false;
    for (size_t i = 0; i < y.size(); i++)
        y[i] = static_cast<T>(field.Get(int(i)));
    return true;
}

// Which typed field holds which type: onnx.proto, TensorProto.
bool copy_typed(const onnx_pb::TensorData& data, Tensor& t) {
    switch (t.type()) {
    case ElementType::F32:
        return copy_as<float>(data.float_data(), t);
    case ElementType::F64:
        return copy_as<double>(data.double_data(), t);
    case ElementType::I64:
        return copy_as<int64_t>(data.int64_data(), t);
    case ElementType::U64:
        return copy_as<uint64_t>(data.uint64_data(), t);
    case ElementType::U32:
        return copy_as<uint32_t>(data.uint64_data(), t);
    case ElementType::I32:
        return copy_as<int32_t>(data.int32_data(), t);
    case ElementType::I16:
        return copy_as<int16_t>(data.int32_data(), t);
    case ElementType::I8:
        return copy_as<int8_t>(data.int32_data(), t);
    case ElementType::U8:
    case ElementType::Bool:
        return copy_as<uint8_t>(data.int32_data(), t);
    case ElementType::U16:
    case ElementType::F16:
    case ElementType::BF16:
        return copy_as<uint16_t>(data.int32_data(), t);
    }
    return false;
}

size_t fields_of(const onnx_pb::TensorData& data) {
    return size_t(data.float_data_size()) + size_t(data.int32_data_size()) +
           size_t(data.int64_data_size()) + size_t(data.double_data_size()) +
           size_t(data.uint64_data_size());
}

// Two numbers a byte, the first in its lower half (TensorProto, INT4 and UINT4).
void unpack(const onnx_pb::TensorData& data, const std::string& raw, Tensor& t) {
    const auto y = t.span<uint8_t>();
    for (size_t k = 0; k < y.size(); k++) {
        const int byte = raw.empty() ? data.int32_data(int(k / 2)) : uint8_t(raw[k / 2]);
        const int half = (byte >> (k % 2 * 4)) & 15;
        y[k] = uint8_t(t.type() == ElementType::I8 && half > 7 ? half - 16 : half);
    }
}

// ONNX's types that are none of ours (TensorProto.DataType).
std::string type_word(int32_t data_type) {
    constexpr std::string_view words[] = {"",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "string",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "complex64",
                                          "complex128",
                                          "",
                                          "float8",
                                          "float8",
                                          "float8",
                                          "float8",
                                          "4-bit integers",
                                          "4-bit integers",
                                          "4-bit floats"};
    const bool known =
        data_type >= 0 && size_t(data_type) < std::size(words) && !words[size_t(data_type)].empty();
    return known ? std::string(words[size_t(data_type)])
                 : "element type " + std::to_string(data_type) + " (ONNX's number)";
}

std::string wrong_size(const Shape& shape, ElementType type) {
    return "its data is not " + to_string(shape) + " of " + std::string(name_of(type));
}

} // namespace

std::optional<ElementType> type_of(int32_t data_type) {
    switch (data_type) {
    case 1:
        return ElementType::F32;
    case 2:
        return ElementType::U8;
    case 3:
        return ElementType::I8;
    case 4:
        return ElementType::U16;
    case 5:
        return ElementType::I16;
    case 6:
        return ElementType::I32;
    case 7:
        return ElementType::I64;
    case 9:
        return ElementType::Bool;
    case 10:
        return ElementType::F16;
    case 11:
        return ElementType::F64;
    case 12:
        return ElementType::U32;
    case 13:
        return ElementType::U64;
    case 16:
        return ElementType::BF16;
    default:
        return {};
    }
}

ElementType computed(ElementType type) { return computable(type) ? type : ElementType::F32; }

Result<Tensor> read_tensor(const onnx_pb::TensorData& data, const std::string& folder,
                           const std::string& where) {
    const bool four_bits = data.data_type() == 21 || data.data_type() == 22; // UINT4, INT4
    const auto type =
        four_bits ? std::optional(data.data_type() == 22 ? ElementType::I8 : ElementType::U8)
                  : type_of(data.data_type());
    if (!type)
        return Error{Error::Unsupported, where,
                     "is of " + type_word(data.data_type()) + ", which cannot be computed with"};
    const Shape shape(data.dims().begin(), data.dims().end());
    const auto elements = checked_count(shape);
    if (!elements)
        return Error{Error::InvalidModel, where,
                     "has shape " + to_string(shape) + ", negative or too large"};
    const size_t bytes = four_bits ? size_t(*elements + 1) / 2 : size_t(*elements) * size_of(*type);
    std::string outside;
    if (data.data_location() == 1) {
        auto content = read_external(data, folder, where, bytes);
        if (!content.ok())
            return content.error();
        outside = std::move(content.value());
    }
    const std::string& raw = data.data_location() == 1 ? outside : data.raw_data();
    const size_t fields = four_bits ? 2 * size_t(data.int32_data_size()) : fields_of(data);
    const size_t wanted = four_bits ? 2 * bytes : size_t(*elements);
    if (raw.size() != bytes && !(raw.empty() && fields == wanted))
        return Error{Error::InvalidModel, where, wrong_size(shape, *type)};
    Tensor t(*type, shape);
    if (four_bits)
        unpack(data, raw, t);
    else if (!raw.empty())
        std::memcpy(t.view().data, raw.data(), bytes);
    else if (bytes && !copy_typed(data, t))
        return Error{Error::InvalidModel, where, wrong_size(shape, *type)};
    if (*type == ElementType::Bool)
        for (uint8_t& b : t.span<uint8_t>())
            b = b != 0;
    return widened(t);
}

constexpr int64_t max_filled = int64_t{1} << 26; // elements: a small file must not take all memory

// Where element k of a sparse tensor belongs, or -1.
int64_t sparse_place(const Tensor& indices, size_t k, const Shape& shape) {
    const auto at = indices.span<int64_t>();
    if (indices.shape().size() < 2)
        return at[k] < count(shape) ? at[k] : -1;
    int64_t place = 0;
    for (size_t d = 0; d < shape.size(); d++) {
        const int64_t i = at[k * shape.size() + d];
        if (i < 0 || i >= shape[d])
            return -1;
        place = place * shape[d] + i;
    }
    return place;
}

Result<Tensor> read_sparse(const onnx_pb::SparseTensor& data, const std::string& folder,
                           const std::string& where) {
    const auto values = read_tensor(data.values(), folder, where),
               indices = read_tensor(data.indices(), folder, where);
    if (!values.ok() || !indices.ok())
        return values.ok() ? indices.error() : values.error();
    const Shape shape(data.dims().begin(), data.dims().end());
    const auto elements = checked_count(shape);
    if (elements && *elements > max_filled)
        return Error{Error::Unsupported, where, "is sparse and too large to be filled in"};
    const int64_t n = count(values.value().shape()), rank = int64_t(shape.size());
    const Shape& i = indices.value().shape();
    if (!elements || indices.value().type() != ElementType::I64 ||
        (i != Shape{n} && i != Shape{n, rank}))
        return Error{Error::InvalidModel, where,
                     "is sparse, and its indices do not fit " + to_string(shape)};
    Tensor dense(values.value().type(), shape);
    const size_t size = size_of(dense.type());
    for (int64_t k = 0; k < n; k++) {
        const int64_t place = sparse_place(indices.value(), size_t(k), shape);
        if (place < 0)
            return Error{Error::InvalidModel, where, "is sparse, and an index is out of range"};
        std::memcpy(static_cast<std::byte*>(dense.view().data) + size_t(place) * size,
                    static_cast<const std::byte*>(values.value().view().data) + size_t(k) * size,
                    size);
    }
    return dense;
}

} // namespace infer::onnx

namespace infer {

Result<StoredTensor> load_onnx_tensor(const std::string& path) {
    auto bytes = read_file(path);
    if (!bytes.ok())
        return bytes.error();
    onnx_pb::TensorData data;
    if (!data.ParseFromString(bytes.value()))
        return Error{Error::InvalidModel, path, "is not an ONNX tensor"};
    auto values = onnx::read_tensor(data, std::filesystem::path(path).parent_path().string(), path);
    if (!values.ok())
        return values.error();
    return StoredTensor{values.value(), *onnx::type_of(data.data_type())};
}

} // namespace infer
