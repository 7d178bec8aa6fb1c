// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/opencl.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace infer::gpu {

// One OpenCL device of this machine, as its driver describes it.
struct Hardware {
    std::string
        handle; // "GPU", "GPU.1"; of a processor beside GPUs: "GPU:" and its platform's name
    cl_platform_id platform = nullptr;
    cl_device_id id = nullptr;
    std::string name, vendor, platform_name, driver, version;
    uint64_t memory_bytes = 0, largest_buffer_bytes = 0;
    int units = 1;             // compute units
    int vector_width = 1;      // floats a work-item should take at once
    size_t alignment = 128;    // bytes, of buffers within a buffer
    bool is_processor = false; // a driver that runs kernels on the CPU
    bool has_fp16 = false, has_sub_groups = false, shares_memory = false;
};

// GPUs and accelerators in their drivers' order, then processors; or why there is none. Processors
// have a number only where there is nothing else. The same answer ever after.
const Result<std::vector<Hardware>>& all_hardware();

// What users write: GPU (the first), GPU.1, or a part of name, vendor or platform in any case, as
// GPU:pocl.
Result<const Hardware*> find_hardware(std::string_view device);

} // namespace infer::gpu
