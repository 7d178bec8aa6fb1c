// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

// One model file format. `load` gives the graph as the file has it: constants, values with their
// declared types and shapes (-1: free), nodes in an order in which they can run, operators in their
// newest meaning; it works out no shapes.
struct FormatDef {
    std::string_view name;                  // for messages: "ONNX"
    std::string_view extension;             // ".onnx"
    bool (*matches)(std::string_view head); // the file's first bytes look like it
    Result<Graph> (*load)(const std::string& path);
    std::vector<std::string> (*files)(const std::string& path); // all files whose content counts
};

// The only dimension of an input whose file does not even say how many it has.
constexpr int64_t unranked = -2;

// Made from inference/formats/meson.build.
std::span<const FormatDef* const> all_formats();

// Puts the nodes into an order in which they can run, that of the file where it is one. `made` by
// value: an input, a constant or some node's output. Refuses cycles and values nothing makes.
Result<void> sort_nodes(Graph& graph, const std::vector<bool>& made, const std::string& where);

// The error that lists all operators that cannot be run, each with the nodes that use it.
Error unsupported_operators(
    const std::string& where,
    const std::map<std::string, std::vector<std::string>>& nodes_by_operator);

constexpr int64_t max_file_bytes = (int64_t{1} << 31) - 1; // protobuf's own limit

// The whole file, or an Error whose `where` is the path.
Result<std::string> read_file(const std::string& path);

} // namespace infer
