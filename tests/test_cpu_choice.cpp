// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which kernel the CPU device chooses for each step of a model: none that costs something is a plain one.
#include "devices/cpu/draft.h"
#include "devices/cpu/lower_recurrent.h"
#include "inference/lowering/fuse.h"
#include "inference/lowering/micro_ops.h"
#include "tests/cpu_graphs.h"
#include "tests/model_cases.h"
#include "tests/npz.h"

#include <filesystem>

using namespace infer;

namespace {

constexpr double allowed = 0.02; // of a model's cost, for a step that runs the plain kernel

cpu::Draft draft_of(const Graph& graph) {
    Graph lowered = graph;
    lowering::lower(lowered, cpu::lower_recurrent);
    lowering::fuse(lowered);
    auto draft = cpu::draft_program(lowered, {});
    EXPECT_TRUE(draft.ok()) << (draft.ok() ? "" : draft.error().text());
    return draft.ok() ? std::move(draft.value()) : cpu::Draft();
}

const Shape& shape_of(const cpu::Draft& draft, int buffer) { return draft.buffers[size_t(buffer)].shape; }

// Nanoseconds of one thread, very roughly: what is multiplied, and what is read and written; a plain
// kernel takes ten times as long for an element.
double cost_of(const cpu::Draft& draft, const cpu::PlannedStep& step) {
    double elements = 0, products = 0;
    for (const auto* side : {&step.in, &step.out})
        for (const int b : *side)
            if (b >= 0 && !draft.buffers[size_t(b)].constant)
                elements += double(count(shape_of(draft, b)));
    const auto output = double(count(shape_of(draft, step.out[0])));
    const std::string& op = step.node.op;
    if (op == "Conv" || op == "ConvTranspose")
        products = output * double(count(shape_of(draft, step.in[1]))) / double(shape_of(draft, step.in[1])[0]);
    else if (op == "MatMul" || op == "Gemm")
        products = output * double(shape_of(draft, step.in[0]).back());
    const bool plain = step.def->name == "reference";
    return plain ? 2 * elements + products : elements / 5 + products / 40;
}

// Operators that must never run the plain kernel, however small.
bool must_be_fast(const cpu::Draft& draft, const cpu::PlannedStep& step) {
    const std::string& op = step.node.op;
    std::vector<ValueFacts> in;
    for (const int b : step.in)
        in.push_back(draft.operand(b).facts());
    const bool f32 = draft.buffers[size_t(step.out[0])].type == ElementType::F32;
    const bool heavy = op.starts_with("Conv") || op.ends_with("Pool") || op == "Resize" || op == "MatMul" || op == "Gemm" ||
                       op.starts_with("Reduce") || op.ends_with("Softmax") || op == "BatchNormalization" || op == "FakeQuantize" ||
                       op.ends_with("Normalization") || op == "RoiAlign" || op == "DeformConv" || op == "GridSample" ||
                       op == "RNN" || op == "GRU" || op == "LSTM";
    return f32 && (heavy || !lowering::micro_ops(step.node, in).empty());
}

// What is wrong with the choice, one line a step.
std::string slow_steps(const Graph& graph) {
    const cpu::Draft draft = draft_of(graph);
    double all = 0;
    for (const auto& step : draft.steps)
        all += cost_of(draft, step);
    std::string text;
    for (const auto& step : draft.steps) {
        if (step.def->name != "reference")
            continue;
        const double share = cost_of(draft, step) / all;
        if (share > allowed || must_be_fast(draft, step))
            text += step.node.op + " " + step.node.name + " " + to_string(shape_of(draft, step.out[0])) + ": " +
                    std::to_string(int(100 * share)) + " %\n";
    }
    return text;
}

// All models that are there, in the shapes their known results have.
TEST(CpuChoice, no_step_of_the_shared_models_that_matters_runs_a_plain_kernel) {
    const std::string folder = shared_folder() + "/models";
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "no models under $GI_SHARED/models";
    int seen = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().extension() != ".onnx" && entry.path().extension() != ".xml")
            continue;
        LoadOptions options;
        auto known = read_npz(entry.path().parent_path().string() + "/reference.npz");
        if (known.ok() && known.value().contains("in0") && !known.value().contains("in1"))
            options.shapes[""] = known.value()["in0"].shape();
        auto graph = load_model(entry.path().string(), options);
        if (!graph.ok() || !optimize(graph.value()).ok())
            continue; // test_models says so
        seen++;
        EXPECT_EQ(slow_steps(graph.value()), "") << entry.path();
    }
    EXPECT_GE(seen, 20);
}

using Attrs = std::map<std::string, Attr>;

// x - mean, / sqrt(var + epsilon), * scale + bias, as exporters write it.
ValueId exported_norm(Builder& b, ValueId x, int64_t n) {
    const ValueId away = b.op("Sub", {x, b.op("ReduceMean", {x, b.numbers({-1})})});
    const ValueId variance = b.op("ReduceMean", {b.op("Pow", {away, b.floats({2})}), b.numbers({-1})});
    const ValueId y = b.op("Div", {away, b.op("Sqrt", {b.op("Add", {variance, b.floats({1e-5f})})})});
    return b.op("Add", {b.op("Mul", {y, b.constant({n})}), b.constant({n})});
}

ValueId exported_gelu(Builder& b, ValueId x) {
    const ValueId erf = b.op("Erf", {b.op("Div", {x, b.floats({1.41421356f})})});
    return b.op("Mul", {b.op("Mul", {x, b.op("Add", {erf, b.floats({1})})}), b.floats({0.5f})});
}

// The encoder block of a vision transformer.
Graph transformer() {
    const int64_t tokens = 50, width = 96, heads = 3;
    Builder b;
    const ValueId patches = b.op("Conv", {b.input({1, 3, 112, 112}), b.constant({width, 3, 16, 16}), b.constant({width})}, {{"strides", Ints{16, 16}}});
    const ValueId flat = b.op("Transpose", {b.op("Reshape", {patches, b.numbers({1, width, 49})})}, {{"perm", Ints{0, 2, 1}}});
    ValueId x = b.op("Add", {b.op("Concat", {b.constant({1, 1, width}), flat}, {{"axis", int64_t(1)}}), b.constant({1, tokens, width})});
    for (int layer = 0; layer < 2; layer++) {
        const ValueId norm = exported_norm(b, x, width);
        const ValueId qkv = b.op("Add", {b.op("MatMul", {norm, b.constant({width, 3 * width})}), b.constant({3 * width})});
        const ValueId apart = b.op("Transpose", {b.op("Reshape", {qkv, b.numbers({1, tokens, 3, heads, width / heads})})}, {{"perm", Ints{2, 0, 3, 1, 4}}});
        std::vector<ValueId> part;
        for (const int64_t k : {0, 1, 2})
            part.push_back(b.op("Gather", {apart, b.add_constant(make_tensor<int64_t>(ElementType::I64, {}, std::vector<int64_t>{k}))}, {{"axis", int64_t(0)}}));
        const ValueId keys = b.op("Transpose", {part[1]}, {{"perm", Ints{0, 1, 3, 2}}});
        const ValueId weights = b.op("Softmax", {b.op("Mul", {b.op("MatMul", {part[0], keys}), b.floats({0.17f})})}, {{"axis", int64_t(-1)}});
        const ValueId mixed = b.op("Reshape", {b.op("Transpose", {b.op("MatMul", {weights, part[2]})}, {{"perm", Ints{0, 2, 1, 3}}}), b.numbers({1, tokens, width})});
        x = b.op("Add", {x, b.op("MatMul", {mixed, b.constant({width, width})})});
        const ValueId wide = b.op("MatMul", {exported_norm(b, x, width), b.constant({width, 4 * width})});
        x = b.op("Add", {x, b.op("MatMul", {exported_gelu(b, wide), b.constant({4 * width, width})})});
    }
    const ValueId first = b.op("Gather", {x, b.numbers({0})}, {{"axis", int64_t(1)}});
    return b.finish({b.op("Gemm", {b.op("Reshape", {first, b.numbers({1, width})}), b.constant({10, width}), b.constant({10})}, {{"transB", int64_t(1)}})});
}

// Depthwise 7x7, normalization of channels, two pointwise layers; then a decoder of a segmentation network.
Graph pyramid() {
    Builder b;
    const ValueId x = image(b, {1, 24, 32, 40});
    const ValueId wide = b.op("Conv", {x, b.constant({24, 1, 7, 7}), none}, {{"pads", Ints{3, 3, 3, 3}}, {"group", int64_t(24)}});
    const ValueId mean = b.op("ReduceMean", {wide, b.numbers({1})}), away = b.op("Sub", {wide, mean});
    const ValueId variance = b.op("Add", {b.op("ReduceMean", {b.op("Mul", {away, away}), b.numbers({1})}), b.floats({1e-6f})});
    const ValueId norm = b.op("Add", {b.op("Mul", {b.constant({24, 1, 1}), b.op("Div", {away, b.op("Sqrt", {variance})})}), b.constant({24, 1, 1})});
    const ValueId up = b.op("Resize", {norm, none, b.floats({1, 1, 2, 2})}, {{"mode", "cubic"}, {"coordinate_transformation_mode", "half_pixel"}});
    const ValueId padded = b.op("Pad", {up, b.numbers({0, 0, 1, 1, 0, 0, 1, 1})}, {{"mode", "reflect"}});
    const ValueId groups = b.op("GroupNormalization", {b.op("Conv", {padded, b.constant({32, 24, 3, 3}), none}), b.constant({32}), b.constant({32})}, {{"num_groups", int64_t(4)}});
    const ValueId gate = b.op("Sigmoid", {b.op("Conv", {b.op("ReduceMean", {groups, b.numbers({2, 3})}), b.constant({32, 32, 1, 1}), none})});
    const ValueId y = b.op("BatchNormalization", {b.op("Mul", {groups, gate}), b.constant({32}), b.constant({32}), b.constant({32}), b.constant({32}, 0.5f, 1)});
    return b.finish({b.op("ArgMax", {b.op("LogSoftmax", {y}, {{"axis", int64_t(1)}})}, {{"axis", int64_t(1)}}), b.op("ReduceMax", {y, b.numbers({1})})});
}

// A detector's head whose boxes are sums over bins, with its grid and strides, and what is best of it.
Graph head() {
    Builder b;
    const ValueId y = b.op("Reshape", {image(b, {1, 144, 20, 24}), b.numbers({1, 144, 480})});
    const auto parts = b.many("Split", {y, b.numbers({64, 80})}, 2, {{"axis", int64_t(1)}});
    const ValueId bins = b.op("Transpose", {b.op("Reshape", {parts[0], b.numbers({1, 4, 16, 480})})}, {{"perm", Ints{0, 2, 1, 3}}});
    const ValueId sums = b.op("Conv", {b.op("Softmax", {bins}, {{"axis", int64_t(1)}}), b.constant({1, 16, 1, 1}), none});
    const ValueId sides = b.op("Reshape", {sums, b.numbers({1, 4, 480})});
    const ValueId low = b.op("Slice", {sides, b.numbers({0}), b.numbers({2}), b.numbers({1})});
    const ValueId high = b.op("Slice", {sides, b.numbers({2}), b.numbers({4}), b.numbers({1})});
    const ValueId grid = b.constant({1, 2, 480});
    const ValueId boxes = b.op("Concat", {b.op("Sub", {grid, low}), b.op("Add", {grid, high})}, {{"axis", int64_t(1)}});
    const ValueId scaled = b.op("Mul", {boxes, b.constant({1, 480})});
    return b.finish({b.op("Concat", {scaled, b.op("Sigmoid", {parts[1]})}, {{"axis", int64_t(1)}})});
}

// A reader of text lines: columns of an image, two directions of an LSTM, classes of each column.
Graph reader() {
    const int64_t width = 40, hidden = 32, rows = 4 * hidden;
    Builder b;
    const ValueId columns = b.op("MaxPool", {image(b, {1, 24, 4, width})}, {{"kernel_shape", Ints{4, 1}}});
    const ValueId steps = b.op("Transpose", {b.op("Reshape", {columns, b.numbers({1, 24, width})})}, {{"perm", Ints{2, 0, 1}}});
    const auto both = b.many("LSTM", {steps, b.constant({2, rows, 24}, -0.2f, 0.2f), b.constant({2, rows, hidden}, -0.2f, 0.2f), b.constant({2, 2 * rows})}, 3,
                             {{"hidden_size", hidden}, {"direction", "bidirectional"}});
    const ValueId flat = b.op("Reshape", {b.op("Transpose", {both[0]}, {{"perm", Ints{0, 2, 1, 3}}}), b.numbers({width, 1, 2 * hidden})});
    return b.finish({b.op("LogSoftmax", {b.op("MatMul", {flat, b.constant({2 * hidden, 37}), b.constant({37})})}, {{"axis", int64_t(2)}})});
}

// The second stage of a detector: regions of an image, each with classes and a box; filters of its own.
Graph regions() {
    Builder b;
    const ValueId x = image(b, {1, 32, 20, 24});
    const ValueId of = b.add_constant(make_tensor<int64_t>(ElementType::I64, {30}, Ints(30, 0)));
    const ValueId rois = b.op("Mul", {b.op("Abs", {b.input({30, 4})}), b.floats({20})});
    const ValueId parts = b.op("RoiAlign", {x, rois, of}, {{"output_height", int64_t(7)}, {"output_width", int64_t(7)}, {"sampling_ratio", int64_t(2)}});
    const ValueId flat = b.op("Reshape", {parts, b.numbers({30, 32 * 49})});
    const ValueId hidden = b.op("Relu", {b.op("Gemm", {flat, b.constant({32 * 49, 64}), b.constant({64})})});
    const ValueId offsets = b.op("Conv", {x, b.constant({18, 32, 3, 3}, -0.05f, 0.05f), none}, {{"pads", Ints{1, 1, 1, 1}}});
    const ValueId moved = b.op("DeformConv", {x, b.constant({16, 32, 3, 3}), offsets}, {{"pads", Ints{1, 1, 1, 1}}});
    const ValueId filter = b.op("Reshape", {b.op("MatMul", {b.input({1, 8}), b.constant({8, 16 * 9})}), b.numbers({16, 1, 3, 3})});
    const ValueId found = b.op("Conv", {moved, filter, none}, {{"group", int64_t(16)}});
    return b.finish({b.op("Softmax", {b.op("MatMul", {hidden, b.constant({64, 5})})}), b.op("MatMul", {hidden, b.constant({64, 20})}), found});
}

TEST(CpuChoice, nor_one_of_networks_made_of_what_is_common) {
    struct Case {
        const char* what;
        Graph (*build)();
    };
    for (const Case& c : {Case{"transformer", transformer}, Case{"pyramid", pyramid}, Case{"head", head},
                          Case{"reader", reader}, Case{"regions", regions}}) {
        SCOPED_TRACE(c.what);
        Graph graph = c.build();
        ASSERT_TRUE(optimize(graph).ok());
        EXPECT_EQ(slow_steps(graph), "");
        check(graph, "", 5e-5f);
    }
}

} // namespace
