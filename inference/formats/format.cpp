// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/format.h"
#include "inference/model.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace infer {

Result<std::string> read_file(const std::string& path) {
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    if (status.type() == std::filesystem::file_type::not_found)
        return Error{Error::BadConfig, path, "no such file"};
    if (status.type() != std::filesystem::file_type::regular)
        return Error{Error::BadConfig, path, "is not a regular file"};
    const auto size = std::filesystem::file_size(path, failure);
    if (failure)
        return Error{Error::BadConfig, path, "cannot be read: " + failure.message()};
    if (size > uint64_t(max_file_bytes))
        return Error{Error::Unsupported, path, "is larger than 2 GiB"};
    std::ifstream file(path, std::ios::binary);
    std::string bytes(size, '\0');
    if (!file || !file.read(bytes.data(), std::streamsize(size)))
        return Error{Error::BadConfig, path,
                     std::string("cannot be read: ") + std::strerror(errno)};
    return bytes;
}

Error unsupported_operators(
    const std::string& where,
    const std::map<std::string, std::vector<std::string>>& nodes_by_operator) {
    std::string text = "uses operators that cannot be run:";
    for (const auto& [op, nodes] : nodes_by_operator) {
        text += " " + op + " (" + std::to_string(nodes.size()) +
                (nodes.size() == 1 ? " node: " : " nodes: ");
        for (size_t k = 0; k < std::min<size_t>(nodes.size(), 5); k++)
            text += (k ? ", " : "") + nodes[k];
        text += nodes.size() > 5 ? ", ...);" : ");";
    }
    text.pop_back();
    return Error{Error::Unsupported, where, text};
}

bool is_weights_of_a_model(const std::string& path) {
    std::error_code failure;
    const std::filesystem::path file(path);
    return file.extension() == ".bin" &&
           std::filesystem::exists(std::filesystem::path(file).replace_extension(".xml"), failure);
}

} // namespace infer
