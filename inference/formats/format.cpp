// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/format.h"

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

} // namespace infer
