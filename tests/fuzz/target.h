// SPDX-License-Identifier: LGPL-2.1-or-later
// What a fuzz target is: code that takes any bytes and must neither crash, nor hang, nor eat memory.
// libFuzzer drives it (tests/fuzz/run), and so does replay.cpp with mutations of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Good inputs to start from.
std::vector<std::string> fuzz_seeds();
