// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions and matrix products. Meanings: OpenVINO's operation sets, "Convolution", "Matrix".
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

std::vector<int64_t> joined(std::vector<int64_t> a, const std::vector<int64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// strides, dilations and padding as ONNX has them.
std::map<std::string, Attr> window(Call& call) {
    std::map<std::string, Attr> attrs;
    for (const char* key : {"strides", "dilations"})
        if (call.has(key))
            attrs[key] = call.ints(key);
    const std::string pad = call.text("auto_pad", "explicit");
    if (pad == "same_upper" || pad == "same_lower")
        attrs["auto_pad"] = std::string(pad == "same_upper" ? "SAME_UPPER" : "SAME_LOWER");
    else if (pad == "explicit")
        attrs["pads"] = joined(call.ints("pads_begin"), call.ints("pads_end"));
    else if (pad != "valid")
        call.invalid("auto_pad is '" + pad +
                     "'; known are explicit, valid, same_upper, same_lower");
    if (pad == "explicit" && !call.has("pads_begin") && !call.has("pads_end"))
        attrs.erase("pads");
    return attrs;
}

// Weights [groups, a, b, kernel...] as ONNX has them: [groups * a, b, kernel...].
ValueId merged_weights(Call& call, int64_t& groups) {
    const ValueId w = call.in(1);
    const Shape shape = call.shape(w);
    if (shape.size() < 4 || shape[0] < 1 ||
        std::any_of(shape.begin(), shape.end(), [](int64_t d) { return d < 0; })) {
        call.invalid("its weights are " + to_string(shape) +
                     ", not [groups, outputs, inputs, kernel]");
        return none;
    }
    groups = shape[0];
    Shape merged(shape.begin() + 1, shape.end());
    merged[0] = -1;
    if (const Tensor* t = call.constant(w)) {
        merged[0] = shape[0] * shape[1];
        return call.add(t->reshaped(merged));
    }
    return call.node("Reshape", {w, call.add_ints(merged)}, {}, ElementType::F32, merged.size());
}

void convolution(Call& call) {
    call.expect(2, 2);
    auto attrs = window(call);
    ValueId w = call.in(1);
    if (call.layer().type == "GroupConvolution") {
        int64_t groups = 1;
        w = merged_weights(call, groups);
        attrs["group"] = groups;
    }
    call.emit("Conv", {call.in(0), w}, attrs);
}

// With explicit padding and a wanted shape: what the padding leaves over is added at the end.
void add_extra(Call& call, std::map<std::string, Attr>& attrs, const Shape& w,
               const std::vector<int64_t>& wanted) {
    const Shape x = call.shape(call.in(0));
    const size_t n = wanted.size();
    const std::vector<int64_t> ones(n, 1), nothing(2 * n, 0);
    const auto strides = call.ints("strides", ones), dilations = call.ints("dilations", ones);
    auto pads = attrs.contains("pads") ? std::get<std::vector<int64_t>>(attrs["pads"]) : nothing;
    if (x.size() != n + 2 || w.size() < n || strides.size() != n || dilations.size() != n ||
        pads.size() != 2 * n ||
        std::any_of(x.begin() + 2, x.end(), [](int64_t d) { return d < 1; }))
        return call.unsupported("its output shape can be given only for an input of known shape");
    std::vector<int64_t> extra(n, 0);
    for (size_t d = 0; d < n; d++) {
        const int64_t span = (w[w.size() - n + d] - 1) * dilations[d] + 1;
        const int64_t left =
            wanted[d] - (strides[d] * (x[d + 2] - 1) + span - pads[d] - pads[n + d]);
        extra[d] = std::max<int64_t>(left, 0);
        pads[n + d] -= std::min<int64_t>(left, 0);
    }
    attrs["pads"] = pads;
    attrs["output_padding"] = extra;
}

void deconvolution(Call& call) {
    call.expect(2, 3);
    auto attrs = window(call);
    if (call.has("output_padding"))
        attrs["output_padding"] = call.ints("output_padding");
    ValueId w = call.in(1);
    const Shape weights = call.shape(w);
    if (call.layer().type == "GroupConvolutionBackpropData") {
        int64_t groups = 1;
        w = merged_weights(call, groups);
        attrs["group"] = groups;
    }
    if (call.in(2) != none) {
        const auto wanted = call.constant_ints(2, "output shape");
        if (attrs.contains("auto_pad")) { // the odd pixel is cut off at the other end than ONNX's
            const bool upper = std::get<std::string>(attrs["auto_pad"]) == "SAME_UPPER";
            attrs["auto_pad"] = std::string(upper ? "SAME_LOWER" : "SAME_UPPER");
            attrs["output_shape"] = wanted;
        } else
            add_extra(call, attrs, weights, wanted);
    } else
        attrs.erase("auto_pad"); // without a wanted shape there is nothing to be the same as
    call.emit("ConvTranspose", {call.in(0), w}, attrs);
}

// The last two dimensions change places where the flag says so; vectors have only one.
ValueId operand(Call& call, size_t k, const char* flag) {
    const ValueId v = call.in(k);
    const size_t rank = call.rank(v);
    if (!call.flag(flag, false) || rank < 2)
        return v;
    std::vector<int64_t> perm;
    for (size_t d = 0; d < rank; d++)
        perm.push_back(int64_t(d));
    std::swap(perm[rank - 1], perm[rank - 2]);
    return call.node("Transpose", {v}, {{"perm", perm}}, call.type(v), rank);
}

void matmul(Call& call) {
    call.expect(2, 2);
    const ValueId a = operand(call, 0, "transpose_a"), b = operand(call, 1, "transpose_b");
    call.emit("MatMul", {a, b});
}

void einsum(Call& call) {
    std::vector<ValueId> inputs;
    for (size_t k = 0; k < call.inputs(); k++)
        inputs.push_back(call.in(k));
    const auto it = call.layer().data.find("equation");
    call.emit("Einsum", inputs,
              {{"equation", it == call.layer().data.end() ? std::string() : it->second}});
}

constexpr Rule table[] = {
    {"Convolution", 1, 15, "Conv", convolution},
    {"ConvolutionBackpropData", 1, 15, "ConvTranspose", deconvolution},
    {"Einsum", 7, 15, "Einsum", einsum},
    {"GroupConvolution", 1, 15, "Conv", convolution},
    {"GroupConvolutionBackpropData", 1, 15, "ConvTranspose", deconvolution},
    {"MatMul", 1, 15, "MatMul; Transpose", matmul},
};

} // namespace

extern constinit const std::span<const Rule> rules_conv = table;

} // namespace infer::ir
