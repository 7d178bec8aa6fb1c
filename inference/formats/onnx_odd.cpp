// SPDX-License-Identifier: LGPL-2.1-or-later
// What an ONNX file holds that cannot be computed with: all of it is named at once.
#include "inference/formats/onnx_graph.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::onnx {

Result<void> GraphReader::note(const Error& e, ValueId id) {
    if (e.kind != Error::Unsupported)
        return e;
    odd_.emplace_back(e.where.starts_with(source_.where + ": ")
                          ? e.where.substr(source_.where.size() + 2) + " " + e.what
                          : e.what,
                      id);
    return {};
}

// "read by node 'N' (Op)", or who makes it.
std::string GraphReader::users_of(ValueId id) const {
    for (const char* how : {"read", "made"})
        for (const Node& node : graph_.nodes) {
            const auto& list = how[0] == 'r' ? node.inputs : node.outputs;
            if (std::find(list.begin(), list.end(), id) != list.end())
                return std::string(how) + " by " + place(node);
        }
    return "read by nobody";
}

void GraphReader::name_odd() {
    for (const auto& [what, id] : odd_)
        source_.odd +=
            (source_.odd.empty() ? "" : "; ") + what + " (" + users_of(id) + ")";
}

Result<void> GraphReader::check_supported() const {
    if (source_.odd.empty())
        return {};
    std::string text = source_.odd;
    if (auto known = check_operators(graph_, source_.where); !known.ok())
        text += "; " + known.error().what;
    return Error{Error::Unsupported, source_.where, text};
}

} // namespace infer::onnx
