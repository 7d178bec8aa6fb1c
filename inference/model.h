// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <map>
#include <string>

namespace infer {

struct LoadOptions {
    std::map<std::string, Shape>
        shapes;    // input name -> shape that replaces the file's ("" = the only image input)
    int batch = 1; // rows a request; > 1 rewrites the batch dimension
    std::map<std::string, Tensor> constants =
        {}; // inputs that always have this content: no inputs then
    // What the open width and height of picture inputs become; 0: an error says that they are open.
    int open_width = 0, open_height = 0;
};

// Reads a model file (its format is told by content and extension), applies `options`, works out
// every type and shape, and names all unsupported operators at once if there are any.
// The graph is as in the file; optimize() comes next.
Result<Graph> load_model(const std::string& path, const LoadOptions& options = {});

// Refuses a model that uses operators which this build has not: all of them, with their nodes.
Result<void> check_operators(const Graph& graph, const std::string& path);

// Types and shapes of every value, in node order; folds nothing. What depends on the data in size
// is moved into a Tail (inference/tail.h).
Result<void> infer_shapes(Graph& graph);

// Runs the passes (inference/passes, in the order of their list): constant folding, BatchNorm into
// convolution, activation and residual fusion, dead nodes...
Result<void> optimize(Graph& graph);

// The same, but for the passes that fuse: what is left is made of the operators of files.
Result<void> simplify(Graph& graph);

// Runs the graph with the reference kernels alone: slow and plain. Inputs in graph order.
Result<std::vector<Tensor>> run_reference(const Graph& graph, const std::vector<Tensor>& inputs);

// Whether this is the .bin of an OpenVINO IR, whose .xml lies beside it.
bool is_weights_of_a_model(const std::string& path);

// SHA-256-like content key (hex) of the model's file(s), for sharing and for caches.
Result<std::string> content_hash(const std::string& path);

} // namespace infer
