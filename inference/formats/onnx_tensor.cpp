// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensors of ONNX files: typed fields, raw little-endian bytes, or bytes in a file beside the
// model.
#include "inference/formats/format.h"
#include "inference/formats/onnx.h"
#include "inference/formats/onnx_parts.h"
#include "inference/half.h"
#include "inference/ops/kernel.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

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

// External data: location is a path inside the model's folder, offset and length in bytes.
Result<std::string> read_external(const onnx_pb::TensorData& data, const std::string& folder,
                                  const std::string& where, size_t bytes) {
    std::string location, offset = "0";
    for (const auto& entry : data.external_data()) {
        if (entry.key() == "location")
            location = entry.value();
        if (entry.key() == "offset")
            offset = entry.value();
    }
    const std::filesystem::path relative(location);
    const bool leaves = std::find(relative.begin(), relative.end(), "..") != relative.end();
    if (location.empty() || relative.is_absolute() || leaves ||
        location.find('\0') != location.npos)
        return Error{Error::InvalidModel, where,
                     "its external data lies outside the model's folder"};
    const std::string path = (std::filesystem::path(folder) / relative).string();
    int64_t start = 0;
    const auto parsed = std::from_chars(offset.data(), offset.data() + offset.size(), start);
    std::error_code failure;
    const bool regular = std::filesystem::is_regular_file(path, failure);
    const auto size = regular ? std::filesystem::file_size(path, failure) : 0;
    if (!regular || failure)
        return Error{Error::BadConfig, path, "holds weights of the model and cannot be read"};
    if (parsed.ec != std::errc() || start < 0 || uint64_t(start) > size ||
        bytes > size - uint64_t(start))
        return Error{Error::InvalidModel, path, "is too short for " + where};
    std::ifstream file(path, std::ios::binary);
    std::string content(bytes, '\0');
    file.seekg(start);
    if (!file.read(content.data(), std::streamsize(bytes)))
        return Error{Error::BadConfig, path, "cannot be read"};
    return content;
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
    const auto type = type_of(data.data_type());
    if (!type)
        return Error{Error::Unsupported, where,
                     "has element type " + std::to_string(data.data_type()) +
                         " (ONNX's number), which cannot be computed with"};
    const Shape shape(data.dims().begin(), data.dims().end());
    const auto elements = checked_count(shape);
    if (!elements)
        return Error{Error::InvalidModel, where,
                     "has shape " + to_string(shape) + ", negative or too large"};
    const size_t bytes = size_t(*elements) * size_of(*type);
    std::string outside;
    if (data.data_location() == 1) {
        auto content = read_external(data, folder, where, bytes);
        if (!content.ok())
            return content.error();
        outside = std::move(content.value());
    }
    const std::string& raw = data.data_location() == 1 ? outside : data.raw_data();
    const size_t fields = size_t(data.float_data_size()) + size_t(data.int32_data_size()) +
                          size_t(data.int64_data_size()) + size_t(data.double_data_size()) +
                          size_t(data.uint64_data_size());
    if (raw.size() != bytes && !(raw.empty() && fields == size_t(*elements)))
        return Error{Error::InvalidModel, where, wrong_size(shape, *type)};
    Tensor t(*type, shape);
    if (!raw.empty())
        std::memcpy(t.view().data, raw.data(), bytes);
    else if (bytes && !copy_typed(data, t))
        return Error{Error::InvalidModel, where, wrong_size(shape, *type)};
    if (*type == ElementType::Bool)
        for (uint8_t& b : t.span<uint8_t>())
            b = b != 0;
    return widened(t);
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
