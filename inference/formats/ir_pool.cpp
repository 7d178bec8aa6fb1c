// SPDX-License-Identifier: LGPL-2.1-or-later
// Poolings. Meanings: OpenVINO's operation sets, "Pooling".
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

std::map<std::string, Attr> window(Call& call) {
    std::map<std::string, Attr> attrs = {{"kernel_shape", call.ints("kernel")}};
    for (const char* key : {"strides", "dilations"})
        if (call.has(key))
            attrs[key] = call.ints(key);
    const std::string pad = call.text("auto_pad", "explicit");
    if (pad == "same_upper" || pad == "same_lower")
        attrs["auto_pad"] = std::string(pad == "same_upper" ? "SAME_UPPER" : "SAME_LOWER");
    else if (pad == "explicit" && call.has("pads_begin")) {
        std::vector<int64_t> pads = call.ints("pads_begin"), end = call.ints("pads_end");
        pads.insert(pads.end(), end.begin(), end.end());
        attrs["pads"] = pads;
    } else if (pad != "explicit" && pad != "valid")
        call.invalid("auto_pad is '" + pad +
                     "'; known are explicit, valid, same_upper, same_lower");
    const std::string rounding = call.text("rounding_type", "floor");
    if (rounding != "floor" && rounding != "ceil" && rounding != "ceil_torch")
        call.invalid("rounding_type is '" + rounding + "'; known are floor, ceil, ceil_torch");
    attrs["ceil_mode"] = int64_t(rounding != "floor");
    return attrs;
}

void average(Call& call) {
    call.expect(1, 1);
    auto attrs = window(call);
    attrs["count_include_pad"] = int64_t(!call.flag("exclude-pad", false));
    call.emit("AveragePool", {call.in(0)}, attrs);
}

// The second output, positions of the maxima, counts from `axis` on: ONNX from the first.
void maximum(Call& call) {
    call.expect(1, 1);
    const auto attrs = window(call);
    if (call.out(1) == none)
        return call.emit("MaxPool", {call.in(0)}, attrs);
    if (call.integer("axis", 0) != 0)
        call.unsupported("positions of maxima are read and axis is not 0");
    if (call.text("index_element_type", "i64") != "i64")
        call.unsupported("positions of maxima are read and are not i64");
    call.emit("MaxPool", {call.in(0)}, attrs);
}

constexpr Rule table[] = {
    {"AvgPool", 1, 15, "AveragePool", average},
    {"MaxPool", 1, 15, "MaxPool", maximum},
};

} // namespace

extern constinit const std::span<const Rule> rules_pool = table;

} // namespace infer::ir
