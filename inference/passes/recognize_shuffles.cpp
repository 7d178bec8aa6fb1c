// SPDX-License-Identifier: LGPL-2.1-or-later
// Reshape [N, C, ...] to [N, g, C / g, ...], Transpose of these two, Reshape back: ChannelShuffle.
// On channels-last memory that is one pass over the channels; three nodes would be three reorders.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// perm swaps dimensions 1 and 2 and nothing else.
bool swaps_groups(const std::vector<int64_t>& perm) {
    for (size_t d = 0; d < perm.size(); d++)
        if (perm[d] != (d == 1 ? 2 : d == 2 ? 1 : int64_t(d)))
            return false;
    return perm.size() >= 3;
}

bool recognize(Graph& graph, const Uses& uses, size_t n) {
    Node& back = graph.nodes[n];
    const Node* turn =
        back.op == "Reshape" ? uses.private_maker(graph, back.inputs[0], "Transpose") : nullptr;
    const Node* cut = turn && swaps_groups(turn->attr("perm", std::vector<int64_t>()))
                          ? uses.private_maker(graph, turn->inputs[0], "Reshape")
                          : nullptr;
    if (!cut)
        return false;
    const Shape &x = graph.value(cut->inputs[0]).shape,
                &groups = graph.value(cut->outputs[0]).shape;
    Shape whole = groups;
    if (whole.size() < 3)
        return false;
    whole[1] *= whole[2];
    whole.erase(whole.begin() + 2);
    if (x != whole || graph.value(back.outputs[0]).shape != x)
        return false;
    back.op = "ChannelShuffle";
    back.attrs = {{"groups", groups[1]}};
    back.inputs = {cut->inputs[0]};
    return true;
}

void run(Graph& graph) { rewrite_each(graph, recognize); }

} // namespace

extern const PassDef pass_recognize_shuffles;
const PassDef pass_recognize_shuffles = {"recognize_shuffles", run, false};

} // namespace infer
