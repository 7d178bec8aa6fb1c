// SPDX-License-Identifier: LGPL-2.1-or-later
// DepthToSpace moves channels into blocks of pixels; SpaceToDepth is its inverse.
//
//   in   x          any type [N, C, H, W]
//   out  y          DepthToSpace: [N, C / b^2, H b, W b];  SpaceToDepth: [N, C b^2, H / b, W / b]
//   attr blocksize  b
//        mode       DepthToSpace: "DCR" (default: channel = (row, column, c)) or "CRD" (c, row,
//        column)
//
// ONNX DepthToSpace-13, SpaceToDepth-13.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const int64_t b = node.attr("blocksize", int64_t{0});
    const std::string mode = node.attr("mode", "DCR");
    if (x.size() != 4 || b < 1 || b > 65536 || (mode != "DCR" && mode != "CRD"))
        return invalid(node, "takes [N, C, H, W], a blocksize and mode DCR or CRD, not " +
                                 to_string(x) + ", " + std::to_string(b) + " and " + mode);
    const bool spreads = node.op == "DepthToSpace";
    if (spreads ? x[1] % (b * b) != 0 : x[2] % b != 0 || x[3] % b != 0)
        return invalid(node, to_string(x) + " cannot be cut into blocks of " + std::to_string(b));
    return one(in[0].type, spreads ? Shape{x[0], x[1] / (b * b), x[2] * b, x[3] * b}
                                   : Shape{x[0], x[1] * b * b, x[2] / b, x[3] / b});
}

// The wide tensor is [N, C, H, b, W, b] when its pixels are seen as blocks; the deep one has the
// same elements as [N, b, b, C, H, W] (DCR) or [N, C, b, b, H, W] (CRD).
void run(const Node& node, Views in, Views out) {
    const bool spreads = node.op == "DepthToSpace";
    const Shape &wide = spreads ? out[0].shape : in[0].shape,
                &deep = spreads ? in[0].shape : out[0].shape;
    const int64_t b = node.attr("blocksize", int64_t{1}), c = wide[1], h = deep[2], w = deep[3];
    const bool crd = node.attr("mode", "DCR") == "CRD";
    const Shape blocks = {wide[0], c, h, b, w, b};
    const int64_t plane = h * w, row = crd ? b * plane : b * c * plane,
                  column = crd ? plane : c * plane;
    const std::vector<int64_t> in_deep = {
        b * b * c * plane, crd ? b * b * plane : plane, w, row, 1, column};
    const std::vector<int64_t> strides[] = {in_deep, strides_of(blocks)};
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data();
        T* y = out[0].span<T>().data();
        for_each_row(blocks, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                if (spreads)
                    y[at[1] + i] = x[at[0] + i * column];
                else
                    y[at[0] + i * column] = x[at[1] + i];
        });
    });
}

constexpr OpDef table[] = {{"DepthToSpace", infer, run}, {"SpaceToDepth", infer, run}};

} // namespace

extern constinit const OpList ops_depth_to_space = table;

} // namespace infer
