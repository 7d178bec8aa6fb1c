// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// NumPy's .npz for tests: a zip of .npy files, stored or deflated.

#include "inference/formats/npy.h"

#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace infer {

// Where the files that the project does not carry lie; empty if they are not there.
inline std::string shared_folder() {
    const char* folder = std::getenv("GI_SHARED");
    return folder && std::filesystem::is_directory(folder) ? folder : "";
}

namespace npz {

inline uint32_t number(const std::string& zip, size_t at, int bytes) {
    uint32_t n = 0;
    for (int i = bytes - 1; i >= 0; i--)
        n = n << 8 | uint8_t(zip.at(at + size_t(i)));
    return n;
}

inline std::string inflated(const std::string& packed, size_t size) {
    std::string plain(size, '\0');
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = uInt(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(plain.data());
    stream.avail_out = uInt(plain.size());
    const bool good = inflateInit2(&stream, -MAX_WBITS) == Z_OK &&
                      inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
    inflateEnd(&stream);
    return good ? plain : "";
}

// The entry whose record in the central directory is at `at`.
inline std::string entry(const std::string& zip, size_t at) {
    const uint32_t method = number(zip, at + 10, 2), packed = number(zip, at + 20, 4);
    const uint32_t size = number(zip, at + 24, 4), local = number(zip, at + 42, 4);
    const size_t start = local + 30 + number(zip, local + 26, 2) + number(zip, local + 28, 2);
    const std::string bytes = zip.substr(start, packed);
    return method == 8 ? inflated(bytes, size) : bytes;
}

} // namespace npz

// The arrays of numbers by name; arrays of text are left out. An Error names the file.
inline Result<std::map<std::string, Tensor>> read_npz(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string zip{std::istreambuf_iterator<char>(file), {}};
    const size_t end = zip.rfind("PK\x05\x06");
    if (end == std::string::npos)
        return Error{Error::BadConfig, path, "is not an .npz file, or is not there"};
    std::map<std::string, Tensor> arrays;
    size_t at = npz::number(zip, end + 16, 4); // of the central directory
    for (uint32_t left = npz::number(zip, end + 10, 2); left > 0; left--) {
        const size_t name_length = npz::number(zip, at + 28, 2);
        std::string name = zip.substr(at + 46, name_length);
        const Result<Tensor> array = parse_npy(npz::entry(zip, at), path + ":" + name);
        if (name.ends_with(".npy"))
            name.resize(name.size() - 4);
        if (array.ok())
            arrays[name] = array.value();
        at += 46 + name_length + npz::number(zip, at + 30, 2) + npz::number(zip, at + 32, 2);
    }
    return arrays;
}

} // namespace infer
