// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as an ONNX file.
#include "tests/fuzz/target.h"
#include "tests/fuzz/try_model.h"
#include "tests/onnx_model.h"

using namespace infer;

std::vector<std::string> fuzz_seeds() { return {small_network().bytes()}; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    try_model(test_file("fuzz.onnx", bytes));
    return 0;
}
