// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace infer::gpu {

// Programs as drivers compiled them, a file each under $XDG_CACHE_HOME/gstinference/opencl (or
// ~/.cache/...). A file holds its whole key too, so that only the same one finds it. Without a
// folder to write nothing is kept, which is no error.
std::optional<std::string> read_cached(std::string_view key);
void write_cached(std::string_view key, std::string_view binary); // whole or not at all; empty: not

} // namespace infer::gpu
