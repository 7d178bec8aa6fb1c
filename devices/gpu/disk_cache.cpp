// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/disk_cache.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace infer::gpu {
namespace {

namespace fs = std::filesystem;

// FNV-1a, 64 bits: names files; equality is told by the key inside.
uint64_t hash_of(std::string_view text) {
    uint64_t hash = 14695981039346656037u;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return hash;
}

fs::path folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (cache && *cache == '/')
        return fs::path(cache) / "gstinference" / "opencl";
    return home && *home ? fs::path(home) / ".cache" / "gstinference" / "opencl" : fs::path();
}

fs::path file_of(std::string_view key) {
    char name[32];
    std::snprintf(name, sizeof name, "%016llx.bin", static_cast<unsigned long long>(hash_of(key)));
    return folder() / name;
}

// Length of key and binary, the binary's hash, key, binary.
std::string header_of(std::string_view key, std::string_view binary) {
    return std::to_string(key.size()) + " " + std::to_string(binary.size()) + " " +
           std::to_string(hash_of(binary)) + "\n";
}

} // namespace

std::optional<std::string> read_cached(std::string_view key) {
    if (folder().empty())
        return std::nullopt;
    std::ifstream file(file_of(key), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    const size_t line = content.find('\n');
    if (!file || line == std::string::npos || content.compare(line + 1, key.size(), key) != 0)
        return std::nullopt;
    const std::string binary = content.substr(line + 1 + key.size());
    if (content.compare(0, line + 1, header_of(key, binary)) != 0)
        return std::nullopt;
    return binary;
}

void write_cached(std::string_view key, std::string_view binary) {
    if (folder().empty() || binary.empty())
        return;
    std::error_code failed;
    fs::create_directories(folder(), failed);
    const fs::path to = file_of(key);
    const fs::path part =
        to.string() + "." + std::to_string(getpid()) + ".part"; // of this process alone
    {
        std::ofstream file(part, std::ios::binary);
        file << header_of(key, binary) << key << binary;
        if (!file.flush())
            failed = std::make_error_code(std::errc::io_error);
    }
    if (!failed)
        fs::rename(part, to, failed);
    if (failed)
        fs::remove(part, failed);
}

} // namespace infer::gpu
