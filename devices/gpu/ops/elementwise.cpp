// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Elementwise operators, one or a Chain of them with broadcasting: each kind of chain becomes a
// kernel whose text is made here. Sizes and parameters are its arguments, so that equal chains
// share it.
#include "inference/lowering/micro_ops.h"

#include "devices/gpu/operator.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::gpu {
namespace {

using lowering::MicroOp;

// The output's dimensions, innermost first, joined where all operands allow.
struct Walk {
    Shape dims;
    std::vector<std::vector<int64_t>> steps; // [operand][dimension]; 0: repeated
};

Walk walk_of(const std::vector<Place>& operands, const Shape& out) {
    std::vector<std::vector<int64_t>> steps;
    for (const Place& x : operands)
        steps.push_back(broadcast_strides(x.shape, out));
    Walk walk{.dims = {}, .steps = std::vector<std::vector<int64_t>>(operands.size())};
    for (size_t d = out.size(); d-- > 0;) {
        if (out[d] == 1)
            continue;
        bool joins = !walk.dims.empty();
        for (size_t o = 0; joins && o < operands.size(); o++)
            joins = steps[o][d] == walk.steps[o].back() * walk.dims.back();
        if (joins) {
            walk.dims.back() *= out[d];
            continue;
        }
        walk.dims.push_back(out[d]);
        for (size_t o = 0; o < operands.size(); o++)
            walk.steps[o].push_back(steps[o][d]);
    }
    if (walk.dims.empty()) {
        walk.dims = {1};
        for (auto& own : walk.steps)
            own = {0};
    }
    return walk;
}

// What becomes of the running value `a`; P and Q are the operation's parameters, `b` its operand.
const char* text_of(MicroOp::Kind kind) {
    switch (kind) {
    case MicroOp::Add:
        return "a + b";
    case MicroOp::Sub:
        return "a - b";
    case MicroOp::RevSub:
        return "b - a";
    case MicroOp::Mul:
        return "a * b";
    case MicroOp::Div:
        return "a / b";
    case MicroOp::RevDiv:
        return "b / a";
    case MicroOp::Min:
        return "fmin(a, b)";
    case MicroOp::Max:
        return "fmax(a, b)";
    case MicroOp::PRelu:
        return "a < 0.0f ? a * b : a";
    case MicroOp::Abs:
        return "fabs(a)";
    case MicroOp::Neg:
        return "-a";
    case MicroOp::Sqrt:
        return "sqrt(a)";
    case MicroOp::Exp:
        return "exp(a)";
    case MicroOp::Reciprocal:
        return "1.0f / a";
    case MicroOp::Square:
        return "a * a";
    case MicroOp::Copy:
        return "a";
    case MicroOp::Log:
        return "log(a)";
    case MicroOp::Erf:
        return "erf(a)";
    case MicroOp::Floor:
        return "floor(a)";
    case MicroOp::Ceil:
        return "ceil(a)";
    case MicroOp::Round:
        return "rint(a)"; // half to even
    case MicroOp::Softsign:
        return "a / (1.0f + fabs(a))";
    case MicroOp::Sin:
        return "sin(a)";
    case MicroOp::Cos:
        return "cos(a)";
    case MicroOp::Power:
        return "pow(a, (fv)(P))";
    case MicroOp::Fill:
        return "b";
    case MicroOp::Grid:
        return "rint((fmin(fmax(a, P), Q) - R) / S) * U + T";
    case MicroOp::ScaledGrid:
        return "rint((fmin(fmax(a, P), Q) - R) * S) * U + T";
    case MicroOp::Activate:
        return "activate(a, KIND, P, Q)";
    }
    return "a";
}

// Replaces the parameters' names by those of the arguments number `first` and so on; adds their
// values.
std::string with_parameters(const MicroOp& op, std::vector<float>& values) {
    const std::pair<std::string, float> parameters[] = {
        {"P", op.activation.alpha}, {"Q", op.activation.beta}, {"R", op.from}, {"S", op.step},
        {"T", op.out_from},         {"U", op.out_step}};
    std::string text = text_of(op.kind);
    if (const size_t at = text.find("KIND"); at != std::string::npos)
        text.replace(at, 4, std::to_string(int(op.activation.kind)));
    for (const auto& [name, value] : parameters)
        if (const size_t at = text.find(name); at != std::string::npos) {
            text.replace(at, 1, "p" + std::to_string(values.size()));
            values.push_back(value);
        }
    return text;
}

class Chain {
public:
    Chain(std::vector<MicroOp> ops, const Walk& walk) : ops_(std::move(ops)), walk_(walk) {}

    std::string source() {
        std::string body = "    fv a = " + read(0) + ";\n";
        for (const MicroOp& op : ops_) {
            const std::string text = with_parameters(op, parameters);
            if (op.operand >= 0)
                body +=
                    "    { const fv b = " + read(size_t(op.operand)) + "; a = " + text + "; }\n";
            else
                body += "    a = " + text + ";\n";
        }
        return head() + indices() + body +
               "    write_some(a, y + y_at + get_global_id(1) * n + i, n - i);\n}\n";
    }
    std::vector<float> parameters; // by source()

private:
    size_t rank() const { return walk_.dims.size(); }

    std::string head() const {
        std::string text = "kernel void chain(global real* y, int y_at, int n";
        for (size_t d = 1; d < rank(); d++)
            text += ", int d" + std::to_string(d);
        for (size_t o = 0; o < walk_.steps.size(); o++) {
            const std::string x = "x" + std::to_string(o);
            text += ", global const real* " + x + ", int " + x + "_at";
            for (size_t d = 0; d < rank(); d++)
                text += ", int " + x + "_" + std::to_string(d);
        }
        for (size_t p = 0; p < parameters.size(); p++)
            text += ", float p" + std::to_string(p);
        return text + ") {\n";
    }

    std::string indices() const {
        std::string text = "    const int i = tile_start(get_global_id(0) * N, n);\n    if "
                           "(get_global_id(0) * N >= n)\n        return;\n";
        if (rank() > 1)
            text += "    int row = get_global_id(1);\n";
        for (size_t d = 1; d < rank(); d++) {
            const std::string k = std::to_string(d);
            text += "    const int i" + k + " = row % d" + k + ";\n    row /= d" + k + ";\n";
        }
        return text;
    }

    // Numbers beside each other, one again and again, or apart.
    std::string read(size_t operand) const {
        const std::string x = "x" + std::to_string(operand);
        std::string at = x + " + " + x + "_at";
        for (size_t d = 1; d < rank(); d++)
            at += " + i" + std::to_string(d) + " * " + x + "_" + std::to_string(d);
        const int64_t step = walk_.steps[operand][0];
        if (step == 0)
            return "(fv)(READ(" + at + ", 0))";
        if (step == 1)
            return "READ_ALL(" + at + " + i)";
        return "read_tile(" + at + " + i * " + x + "_0, n - i, " + x + "_0)";
    }

    std::vector<MicroOp> ops_;
    const Walk& walk_;
};

bool write(Writer& writer) {
    const auto ops = lowering::micro_ops(writer.node, writer.facts());
    if (ops.empty() || writer.out.size() != 1 || !writer.is_float())
        return false;
    std::vector<Place> operands(writer.in.begin(),
                                writer.in.begin() + int64_t(lowering::operands_of(writer.node)));
    const Place& out = writer.out[0];
    const Walk walk = walk_of(operands, out.shape);
    Chain chain(ops, walk);
    const std::string source = chain.source();
    std::vector<Argument> arguments{out};
    arguments.insert(arguments.end(), walk.dims.begin(), walk.dims.end());
    for (size_t o = 0; o < operands.size(); o++) {
        arguments.push_back(operands[o]);
        arguments.insert(arguments.end(), walk.steps[o].begin(), walk.steps[o].end());
    }
    arguments.insert(arguments.end(), chain.parameters.begin(), chain.parameters.end());
    const int width = writer.hardware.vector_width;
    const int64_t n = walk.dims[0];
    writer.launch({.name = "chain", .source = source, .width = width},
                  {(n + width - 1) / width, count(out.shape) / std::max<int64_t>(n, 1), 1},
                  std::move(arguments), out);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_elementwise;
const OperatorDef gpu_operator_elementwise = {.name = "elementwise", .write = write};

} // namespace infer::gpu
