// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace infer::gpu {

// Where a value of dense row-major memory lies on the device.
struct Place {
    ElementType type = ElementType::F32; // as in memory: F16 where f32 values are kept in 16 bits
    Shape shape = {};
    int root = -1; // of the draft; -1: not there, or a constant that no kernel has asked for yet
    int64_t offset = 0; // elements into the root
    const Tensor* constant = nullptr;
    bool present = true;
};

// What one work-item function gets: a place is a pointer and the number of elements from there on.
using Argument = std::variant<Place, int64_t, float>;

// A kernel over a grid of work-items.
struct Launch {
    std::string kernel;          // the function
    std::string source, options; // it is in, and of the compiler
    std::array<int64_t, 3> size{1, 1, 1};
    int together =
        1; // work-items of a group, along the first dimension, whose size is rounded up to it
    std::vector<Argument> arguments;
    int writes = -1; // a root; the other places among the arguments are read
};

} // namespace infer::gpu
