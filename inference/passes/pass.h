// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <span>
#include <string_view>

namespace infer {

// Rewrites a graph into an equal one that runs faster. Shapes are worked out before and after each
// pass; a pass keeps nodes in an order in which they can run, and outputs with their names.
struct PassDef {
    std::string_view name;
    void (*run)(Graph&);
    bool keeps_words = true; // false: makes operators or forms of them that are no file's
};

// Made from inference/passes/meson.build, in the order of its list.
std::span<const PassDef* const> all_passes();

} // namespace infer
