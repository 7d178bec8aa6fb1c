// SPDX-License-Identifier: LGPL-2.1-or-later
// ReverseSequence: of each sequence of a batch, the first so many steps backwards.
//
//   in   x        any type, 2-D or more
//        lengths  i64 [size of batch_axis]: steps to reverse; those out of range take all or none
//   out  y        type and shape of x
//   attr batch_axis (default 1), time_axis (default 0): 0 and 1, or 1 and 0
//
// ONNX ReverseSequence-10.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const int64_t batch = node.attr("batch_axis", int64_t{1}),
                  time = node.attr("time_axis", int64_t{0});
    const Shape& x = in[0].shape;
    if (x.size() < 2 || batch < 0 || batch > 1 || time != 1 - batch)
        return invalid(node, "batch_axis and time_axis must be 0 and 1 of " + to_string(x));
    if (in[1].type != ElementType::I64 || in[1].shape != Shape{x[size_t(batch)]})
        return invalid(node, "its lengths are " + to_string(in[1].shape) +
                                 ", not i64, one for each sequence");
    return one(in[0].type, x);
}

void run(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const bool batch_first = node.attr("batch_axis", int64_t{1}) == 0;
    const int64_t steps = s[batch_first ? 1 : 0], step = count({s.begin() + 2, s.end()});
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data();
        T* y = out[0].span<T>().data();
        for (int64_t i = 0; i < s[0] * s[1]; i++) {
            const int64_t time = batch_first ? i % s[1] : i / s[1];
            const int64_t sequence = batch_first ? i / s[1] : i % s[1];
            const int64_t length =
                std::clamp<int64_t>(in[1].span<int64_t>()[size_t(sequence)], 0, steps);
            const int64_t from = time < length ? length - 1 - time : time;
            const int64_t at = batch_first ? sequence * s[1] + from : from * s[1] + sequence;
            std::copy_n(x + at * step, step, y + i * step);
        }
    });
}

constexpr OpDef table[] = {{"ReverseSequence", infer, run}};

} // namespace

extern constinit const OpList ops_reverse_sequence = table;

} // namespace infer
