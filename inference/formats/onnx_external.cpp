// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights in files beside the model (TensorProto.external_data): location is a path inside the
// model's folder, offset and length are in bytes.
#include "inference/formats/format.h"
#include "inference/formats/onnx_parts.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>

namespace infer::onnx {
namespace {

std::string entry(const onnx_pb::TensorData& data, std::string_view key) {
    for (const auto& e : data.external_data())
        if (e.key() == key)
            return e.value();
    return "";
}

// A whole number of bytes; `fallback` if it is not there.
Result<uint64_t> bytes_at(const onnx_pb::TensorData& data, const std::string& key,
                          uint64_t fallback, const std::string& where) {
    const std::string text = entry(data, key);
    if (text.empty())
        return fallback;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return Error{Error::InvalidModel, where,
                     "the " + key + " of its external data is '" + text +
                         "', which is no number of bytes"};
    return value;
}

bool stays_inside(const std::filesystem::path& location) {
    return !location.empty() && !location.is_absolute() &&
           std::find(location.begin(), location.end(), "..") == location.end() &&
           location.native().find('\0') == std::string::npos;
}

} // namespace

std::vector<std::string> files_of(const std::string& path) {
    std::vector<std::string> all = {path};
    onnx_pb::ModelFile model;
    const auto bytes = read_file(path);
    if (!bytes.ok() || !model.ParseFromString(bytes.value()))
        return all;
    std::set<std::string> beside;
    for (const auto& data : model.graph().initializer()) {
        const std::string location = data.data_location() == 1 ? entry(data, "location") : "";
        if (stays_inside(location))
            beside.insert((std::filesystem::path(path).parent_path() / location).string());
    }
    all.insert(all.end(), beside.begin(), beside.end());
    return all;
}

Result<std::string> read_external(const onnx_pb::TensorData& data, const std::string& folder,
                                  const std::string& where, size_t bytes) {
    const std::filesystem::path location = entry(data, "location");
    if (!stays_inside(location))
        return Error{Error::InvalidModel, where,
                     "its external data lies outside the model's folder: '" + location.string() +
                         "'"};
    const auto start = bytes_at(data, "offset", 0, where),
               length = bytes_at(data, "length", bytes, where);
    if (!start.ok() || !length.ok())
        return start.ok() ? length.error() : start.error();
    if (length.value() != bytes)
        return Error{Error::InvalidModel, where,
                     "its external data has " + std::to_string(length.value()) +
                         " bytes, and its shape needs " + std::to_string(bytes)};
    const std::string path = (std::filesystem::path(folder) / location).string();
    std::error_code failure;
    const bool regular = std::filesystem::is_regular_file(path, failure);
    const auto size = regular ? std::filesystem::file_size(path, failure) : 0;
    if (!regular || failure)
        return Error{Error::BadConfig, path,
                     "holds weights of the model and cannot be read; put it beside the model"};
    if (start.value() > size || bytes > size - start.value())
        return Error{Error::InvalidModel, path,
                     "is too short for " + where + ": it has " + std::to_string(size) +
                         " bytes, and " + std::to_string(bytes) + " from " +
                         std::to_string(start.value()) + " on are wanted"};
    std::ifstream file(path, std::ios::binary);
    std::string content(bytes, '\0');
    file.seekg(std::streamoff(start.value()));
    if (!file.read(content.data(), std::streamsize(bytes)))
        return Error{Error::BadConfig, path, "cannot be read"};
    return content;
}

} // namespace infer::onnx
