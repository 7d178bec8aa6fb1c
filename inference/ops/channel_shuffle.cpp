// SPDX-License-Identifier: LGPL-2.1-or-later
// ChannelShuffle, ours: channels seen as [groups, C / groups] are transposed, so that channel
// g * (C / groups) + k of x becomes channel k * groups + g of y. A pass makes it of
// Reshape, Transpose, Reshape.
//
//   in   x       any type [N, C, ...]
//   out  y       type and shape of x
//   attr groups  divides C
//
// Source: ShuffleNet (Zhang et al. 2017), section 3.1.
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const int64_t groups = node.attr("groups", int64_t{0});
    if (in[0].shape.size() < 2 || groups < 1 || in[0].shape[1] % groups != 0)
        return invalid(node,
                       std::to_string(groups) + " groups do not fit " + to_string(in[0].shape));
    return one(in[0].type, in[0].shape);
}

void run(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const int64_t groups = node.attr("groups", int64_t{1}), channels = s[1],
                  each = channels / groups;
    const size_t bytes = size_t(count({s.begin() + 2, s.end()})) * size_of(in[0].type);
    for (int64_t n = 0; n < s[0] && bytes; n++)
        for (int64_t c = 0; c < channels; c++) {
            const int64_t to = c % each * groups + c / each;
            std::memcpy(static_cast<char*>(out[0].data) + size_t(n * channels + to) * bytes,
                        static_cast<const char*>(in[0].data) + size_t(n * channels + c) * bytes,
                        bytes);
        }
}

constexpr OpDef table[] = {{"ChannelShuffle", infer, run}};

} // namespace

extern constinit const OpList ops_channel_shuffle = table;

} // namespace infer
