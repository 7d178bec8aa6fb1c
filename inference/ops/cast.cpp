// SPDX-License-Identifier: LGPL-2.1-or-later
// Cast and CastLike: the same numbers in another type.
//
//   in   x      any type
//        like   CastLike: its type is the wanted one
//   out  y      shape of x
//   attr to     Cast: name of the type as in tensor.h, e.g. "i64" (frontends translate theirs)
//
// ONNX Cast-13, CastLike-15. f32 to integer cuts off; what does not fit gives the nearest value
// (ONNX leaves it open), NaN gives 0.
#include "inference/ops/kernel.h"

#include <limits>

namespace infer {
namespace {

std::optional<ElementType> type_named(std::string_view name) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == name)
            return ElementType(k);
    return {};
}

FactsResult infer_cast(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const auto type = type_named(node.attr("to", ""));
    if (!type || !computable(*type))
        return unsupported(node, "casts to a type that cannot be computed with");
    return one(*type, in[0].shape);
}

FactsResult infer_like(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    return one(in[1].type, in[0].shape);
}

template <typename To, typename From> To convert(From v) {
    if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
        if (v != v)
            return 0;
        if (double(v) >= double(std::numeric_limits<To>::max()))
            return std::numeric_limits<To>::max();
        if (double(v) <= double(std::numeric_limits<To>::min()))
            return std::numeric_limits<To>::min();
    }
    return static_cast<To>(v);
}

void run(const Node&, Views in, Views out) {
    visit(in[0].type, [&]<typename From>(std::type_identity<From>) {
        const auto x = in[0].span<From>();
        if (out[0].type == ElementType::Bool) {
            for (size_t i = 0; i < x.size(); i++)
                out[0].span<uint8_t>()[i] = x[i] != From(0);
            return;
        }
        visit(out[0].type, [&]<typename To>(std::type_identity<To>) {
            const auto y = out[0].span<To>();
            for (size_t i = 0; i < x.size(); i++)
                y[i] = convert<To>(x[i]);
        });
    });
}

constexpr OpDef table[] = {{"Cast", infer_cast, run}, {"CastLike", infer_like, run}};

} // namespace

extern constinit const OpList ops_cast = table;

} // namespace infer
