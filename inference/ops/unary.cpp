// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of one f32 number, applied to each element: Relu, Sigmoid, Exp...
//
//   in   x  f32, any shape
//   out  y  f32, shape of x; may be x's own memory
//   attr alpha, beta (Selu: gamma), where the function has them
//
// ONNX operators of the same names; the formulas are in activation.cpp.
#include "inference/ops/activation.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

void run(const Node& node, Views in, Views out) {
    const Activation& f = *find_activation(node.op);
    const auto x = in[0].span<float>();
    f.apply(x.data(), out[0].span<float>().data(), x.size(), alpha_of(f, node), beta_of(f, node));
}

constexpr OpDef def(std::string_view name) { return {name, same_f32, run, true}; }

// Clip is here as a function only: as an operator its bounds are inputs (clip.cpp).
constexpr OpDef table[] = {
    def("Relu"),        def("LeakyRelu"), def("Sigmoid"),  def("Tanh"),
    def("Elu"),         def("Selu"),      def("Celu"),     def("ThresholdedRelu"),
    def("HardSigmoid"), def("HardSwish"), def("Swish"),    def("Mish"),
    def("Gelu"),        def("Softplus"),  def("Softsign"), def("Shrink"),
    def("Exp"),         def("Log"),       def("Sqrt"),     def("Reciprocal"),
    def("Floor"),       def("Ceil"),      def("Round"),    def("Erf"),
    def("Sin"),         def("Cos"),       def("Tan"),      def("Asin"),
    def("Acos"),        def("Atan"),      def("Sinh"),     def("Cosh"),
    def("Asinh"),       def("Acosh"),     def("Atanh"),
};

} // namespace

extern constinit const OpList ops_unary = table;

} // namespace infer
