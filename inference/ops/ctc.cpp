// SPDX-License-Identifier: LGPL-2.1-or-later
// CTCGreedyDecoder: the text of each line, by the likeliest class at each time; repeats and blanks
// are left out (Graves et al. 2006, section 3.2, best path).
//
//   in   x      f32 [time, lines, classes]; the last class is the blank
//        mask   f32 [time, lines]: 0 ends a line
//   out  y      f32 [lines, time, 1, 1]: classes, then -1
//   attr merge_repeated  default 1
//
// CTCGreedyDecoderSeqLen: the same of lines that say how long they are.
//
//   in   x        f32 [lines, time, classes]
//        lengths  i64 [lines]
//        blank    i64, optional: the class that is the blank; the last if not given
//   out  y        i64 [lines, time]: classes, then -1
//        found    i64 [lines]: how many classes
//
// OpenVINO CTCGreedyDecoder-1, CTCGreedyDecoderSeqLen-6.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &mask = in[1].shape;
    if (x.size() != 3 || mask != Shape{x[0], x[1]} || x[2] < 1)
        return invalid(node, "takes [time, lines, classes] and [time, lines], not " + to_string(x) +
                                 " and " + to_string(mask));
    return one(ElementType::F32, {x[1], x[0], 1, 1});
}

void run(const Node& node, Views in, Views out) {
    const int64_t times = in[0].shape[0], lines = in[0].shape[1], classes = in[0].shape[2];
    const bool merges = node.attr("merge_repeated", int64_t{1}) != 0;
    std::fill(out[0].span<float>().begin(), out[0].span<float>().end(), -1.0f);
    for (int64_t n = 0; n < lines; n++) {
        float* y = out[0].span<float>().data() + n * times;
        int64_t before = -1;
        for (int64_t t = 0; t < times && in[1].span<float>()[size_t(t * lines + n)] != 0; t++) {
            const float* x = in[0].span<float>().data() + (t * lines + n) * classes;
            const int64_t top = std::max_element(x, x + classes) - x;
            if (top != classes - 1 && !(merges && top == before))
                *y++ = float(top);
            before = top;
        }
    }
}

FactsResult infer_lengths(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 3); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const bool has_blank = given(in, 2);
    if (in[0].type != ElementType::F32 || x.size() != 3 || x[2] < 1 ||
        in[1].type != ElementType::I64 || in[1].shape != Shape{x[0]} ||
        (has_blank && (in[2].type != ElementType::I64 || count(in[2].shape) != 1)))
        return invalid(node, "takes f32 [lines, time, classes], i64 [lines] and one i64, not " +
                                 to_string(x) + " and " + to_string(in[1].shape));
    return std::vector<ValueFacts>{fact(ElementType::I64, {x[0], x[1]}),
                                   fact(ElementType::I64, {x[0]})};
}

void run_lengths(const Node& node, Views in, Views out) {
    const int64_t lines = in[0].shape[0], times = in[0].shape[1], classes = in[0].shape[2];
    const bool merges = node.attr("merge_repeated", int64_t{1}) != 0;
    const int64_t blank = in.size() > 2 && in[2].data ? in[2].span<int64_t>()[0] : classes - 1;
    std::fill(out[0].span<int64_t>().begin(), out[0].span<int64_t>().end(), -1);
    for (int64_t n = 0; n < lines; n++) {
        int64_t* y = out[0].span<int64_t>().data() + n * times;
        int64_t before = -1, found = 0;
        const int64_t length = std::clamp<int64_t>(in[1].span<int64_t>()[size_t(n)], 0, times);
        for (int64_t t = 0; t < length; t++) {
            const float* x = in[0].span<float>().data() + (n * times + t) * classes;
            const int64_t top = std::max_element(x, x + classes) - x;
            if (top != blank && !(merges && top == before))
                y[found++] = top;
            before = top;
        }
        if (out.size() > 1 && out[1].data)
            out[1].span<int64_t>()[size_t(n)] = found;
    }
}

constexpr OpDef table[] = {{"CTCGreedyDecoder", infer, run},
                           {"CTCGreedyDecoderSeqLen", infer_lengths, run_lengths}};

} // namespace

extern constinit const OpList ops_ctc = table;

} // namespace infer
