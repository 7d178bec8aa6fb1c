// SPDX-License-Identifier: LGPL-2.1-or-later
// If, Loop, Scan and functions of ONNX files: unfolded where that is known on loading, else run.
#include "inference/formats/onnx.h"
#include "inference/model.h"
#include "inference/tail.h"
#include "tests/onnx_model.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace infer;

namespace {

using Body = onnx_pb::GraphBody;

onnx_pb::Operation* add_node(Body& graph, const std::string& op, const std::vector<std::string>& in,
                             const std::vector<std::string>& out) {
    auto* node = graph.add_node();
    node->set_op_type(op);
    for (const auto& name : in)
        node->add_input(name);
    for (const auto& name : out)
        node->add_output(name);
    return node;
}

Body body_of(const std::vector<std::string>& in, const std::vector<std::string>& out) {
    Body graph;
    for (const auto& name : in)
        graph.add_input()->set_name(name);
    for (const auto& name : out)
        graph.add_output()->set_name(name);
    return graph;
}

void set_graph(onnx_pb::Operation* node, const std::string& name, const Body& graph) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(5);
    *a->mutable_g() = graph;
}

// A graph that gives op(in...) as y.
Body one_node(const std::string& op, const std::vector<std::string>& in) {
    Body graph = body_of({}, {"y"});
    add_node(graph, op, in, {"y"});
    return graph;
}

Result<Graph> load(const OnnxModel& model, bool optimized = true) {
    auto graph = load_model(model.save("model.onnx"));
    if (graph.ok() && optimized)
        if (auto ok = optimize(graph.value()); !ok.ok())
            return ok.error();
    return graph;
}

std::string operators(const Graph& graph) {
    std::string words;
    for (const Node& node : graph.nodes)
        words += (words.empty() ? "" : " ") + node.op;
    return words;
}

Tensor floats(const Shape& shape, const std::vector<float>& values) {
    return make_tensor<float>(ElementType::F32, shape, values);
}

std::vector<float> run(const Graph& graph, const std::vector<Tensor>& inputs, size_t output = 0) {
    const auto out = run_reference(graph, inputs);
    EXPECT_TRUE(out.ok()) << out.error().text();
    if (!out.ok())
        return {};
    const auto values = out.value()[output].span<float>();
    return {values.begin(), values.end()};
}

// x [4] and a truth value of the picture: is its sum above 0?
OnnxModel if_model() {
    OnnxModel m;
    m.input("x", {4}).output("y").floats("zero", {}, {0}).floats("two", {}, {2});
    set_int(m.node("ReduceSum", {"x"}, {"sum"}), "keepdims", 0);
    m.node("Greater", {"sum", "zero"}, {"condition"});
    auto* node = m.node("If", {"condition"}, {"picked"});
    set_graph(node, "then_branch", one_node("Mul", {"x", "two"}));
    set_graph(node, "else_branch", one_node("Neg", {"x"}));
    m.node("Identity", {"picked"}, {"y"});
    return m;
}

// Counts s up from x by x until it is more than `limit` (captured); scans each s.
OnnxModel loop_model(bool known_count) {
    OnnxModel m;
    m.input("x", {2}).output("last").output("all").floats("limit", {}, {10}).ints("count", {5});
    Body body = body_of({"i", "cond", "s"}, {"goes_on", "next", "shown"});
    add_node(body, "Add", {"s", "x"}, {"next"});
    set_int(add_node(body, "ReduceMax", {"next"}, {"top"}), "keepdims", 0);
    if (known_count)
        add_node(body, "Identity", {"cond"}, {"goes_on"});
    else
        add_node(body, "Less", {"top", "limit"}, {"goes_on"});
    add_node(body, "Identity", {"next"}, {"shown"});
    auto* node = m.node("Loop", {known_count ? "count" : "", "", "x"}, {"last", "all"});
    set_graph(node, "body", body);
    return m;
}

} // namespace

TEST(ControlFlow, takes_the_branch_that_shapes_decide) {
    // as an exporter writes a squeeze of what may have one row or more
    for (const int64_t rows : {1, 3}) {
        OnnxModel m;
        m.input("x", {rows, 2}).output("y").ints("zero", {0}).ints("one", {1});
        m.node("Shape", {"x"}, {"shape"});
        m.node("Gather", {"shape", "zero"}, {"rows"});
        m.node("Equal", {"rows", "one"}, {"is_one"});
        auto* node = m.node("If", {"is_one"}, {"y"});
        set_graph(node, "then_branch", one_node("Squeeze", {"x", "zero"}));
        set_graph(node, "else_branch", one_node("Relu", {"x"}));
        const auto graph = load(m);
        ASSERT_TRUE(graph.ok()) << graph.error().text();
        EXPECT_EQ(tail_of(graph.value()), nullptr);
        EXPECT_EQ(operators(graph.value()), rows == 1 ? "Reshape" : "Relu");
        EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape,
                  rows == 1 ? Shape{2} : (Shape{3, 2}));
    }
}

TEST(ControlFlow, takes_the_branch_that_data_decide) {
    const auto graph = load(if_model());
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(operators(graph.value()), "ReduceSum Greater Tail");
    EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape, (Shape{4}))
        << "both branches agree";
    EXPECT_EQ(run(graph.value(), {floats({4}, {1, 2, 3, 4})}), (std::vector<float>{2, 4, 6, 8}));
    EXPECT_EQ(run(graph.value(), {floats({4}, {-1, 2, -3, 1})}), (std::vector<float>{1, -2, 3, -1}));
}

TEST(ControlFlow, unrolls_a_loop_of_known_length) {
    const auto graph = load(loop_model(true));
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(tail_of(graph.value()), nullptr) << operators(graph.value());
    EXPECT_EQ(graph.value().value(graph.value().outputs[1]).shape, (Shape{5, 2}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {1, -1})}), (std::vector<float>{6, -6}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {1, -1})}, 1),
              (std::vector<float>{2, -2, 3, -3, 4, -4, 5, -5, 6, -6}));
}

TEST(ControlFlow, runs_a_loop_as_long_as_the_data_say) {
    const auto graph = load(loop_model(false));
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape, (Shape{2}));
    EXPECT_EQ(graph.value().value(graph.value().outputs[1]).shape, (Shape{-1, 2}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {3, 1})}), (std::vector<float>{12, 4}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {6, 0})}, 1), (std::vector<float>{12, 0}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {4, 0})}, 1), (std::vector<float>{8, 0, 12, 0}));
}

TEST(ControlFlow, stops_a_loop_without_end) {
    const auto graph = load(loop_model(false));
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    const auto out = run_reference(graph.value(), {floats({2}, {0, -1})});
    ASSERT_FALSE(out.ok());
}

TEST(ControlFlow, does_not_unroll_more_than_is_good) {
    OnnxModel m = loop_model(true);
    for (auto& t : *m.graph().mutable_initializer())
        if (t.name() == "count")
            t.set_int64_data(0, int64_t{1} << 40);
    const auto graph = load(m);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_NE(tail_of(graph.value()), nullptr);
    EXPECT_FALSE(run_reference(graph.value(), {floats({2}, {0, -1})}).ok());
}

TEST(ControlFlow, reads_what_a_graph_takes_from_around_it_through_others) {
    OnnxModel m;
    m.input("x", {2}).output("y").floats("zero", {}, {0}).floats("big", {}, {100});
    set_int(m.node("ReduceMax", {"x"}, {"top"}), "keepdims", 0);
    m.node("Greater", {"top", "zero"}, {"positive"});
    Body inner = one_node("Add", {"x", "big"}), outer = body_of({}, {"z"});
    m.node("Greater", {"top", "big"}, {"huge"});
    auto* nested = add_node(outer, "If", {"huge"}, {"z"});
    set_graph(nested, "then_branch", inner);
    set_graph(nested, "else_branch", one_node("Neg", {"x"}));
    auto* node = m.node("If", {"positive"}, {"y"});
    set_graph(node, "then_branch", outer);
    set_graph(node, "else_branch", body_of({}, {"x"})); // hands on what is not its own
    const auto graph = load(m);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(run(graph.value(), {floats({2}, {200, 1})}), (std::vector<float>{300, 101}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {2, 1})}), (std::vector<float>{-2, -1}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {-2, -1})}), (std::vector<float>{-2, -1}));
}

TEST(ControlFlow, scans_sequences_in_both_directions) {
    OnnxModel m;
    m.input("start", {2}).input("x", {2, 3}).output("sum").output("sums");
    Body body = body_of({"s", "row"}, {"next", "shown"});
    add_node(body, "Add", {"s", "row"}, {"next"});
    add_node(body, "Identity", {"next"}, {"shown"});
    auto* node = m.node("Scan", {"start", "x"}, {"sum", "sums"});
    set_graph(node, "body", body);
    set_int(node, "num_scan_inputs", 1);
    set_ints(node, "scan_input_axes", {1});
    set_ints(node, "scan_input_directions", {1});
    set_ints(node, "scan_output_axes", {1});
    const auto graph = load(m);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    const std::vector<Tensor> in{floats({2}, {0, 10}), floats({2, 3}, {1, 2, 3, 4, 5, 6})};
    EXPECT_EQ(graph.value().value(graph.value().outputs[1]).shape, (Shape{2, 3}));
    EXPECT_EQ(run(graph.value(), in), (std::vector<float>{6, 25}));
    EXPECT_EQ(run(graph.value(), in, 1), (std::vector<float>{3, 5, 6, 16, 21, 25}));
}

TEST(ControlFlow, names_operators_inside_graphs_that_cannot_be_run) {
    OnnxModel m = if_model();
    auto* node = m.graph().mutable_node(2);
    auto* graph = node->mutable_attribute(0)->mutable_g();
    graph->mutable_node(0)->set_op_type("Frobnicate");
    const auto loaded = load(m);
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.error().text().find("Frobnicate"), std::string::npos) << loaded.error().text();
}

TEST(ControlFlow, refuses_graphs_that_do_not_fit) {
    struct Row {
        const char* what;
        void (*damage)(OnnxModel& m);
        const char* word; // of the error
    };
    const std::vector<Row> rows = {
        {"no branch", [](OnnxModel& m) { m.graph().mutable_node(2)->mutable_attribute()->RemoveLast(); },
         "else_branch"},
        {"a branch without outputs",
         [](OnnxModel& m) {
             m.graph().mutable_node(2)->mutable_attribute(0)->mutable_g()->clear_output();
         },
         "outputs"},
        {"an output that nothing makes",
         [](OnnxModel& m) {
             m.graph().mutable_node(2)->mutable_attribute(0)->mutable_g()->mutable_output(0)->set_name(
                 "nowhere");
         },
         "nowhere"},
        {"a branch that waits for its own node",
         [](OnnxModel& m) {
             m.graph().mutable_node(2)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(
                 0, "picked");
         },
         "cycle"},
        {"a branch that waits for what follows",
         [](OnnxModel& m) {
             m.graph().mutable_node(2)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(
                 0, "y");
         },
         "cycle"},
    };
    for (const Row& row : rows) {
        OnnxModel m = if_model();
        row.damage(m);
        const auto graph = load(m);
        ASSERT_FALSE(graph.ok()) << row.what;
        EXPECT_NE(graph.error().text().find(row.word), std::string::npos)
            << row.what << ": " << graph.error().text();
    }
}

TEST(ControlFlow, refuses_graphs_in_graphs_without_end) {
    Body deepest = one_node("Relu", {"x"});
    for (int k = 0; k < 30; k++) { // protobuf itself stops at 100 messages in each other
        Body around = body_of({}, {"y"});
        auto* node = add_node(around, "If", {"condition"}, {"y"});
        set_graph(node, "then_branch", deepest);
        set_graph(node, "else_branch", one_node("Relu", {"x"}));
        deepest = around;
    }
    OnnxModel m = if_model();
    *m.graph().mutable_node(2)->mutable_attribute(0)->mutable_g() = deepest;
    const auto graph = load(m);
    if (graph.ok()) {
        EXPECT_TRUE(run_reference(graph.value(), {floats({4}, {1, 1, 1, 1})}).ok());
    }
}

namespace {

// y = scale * f(x) with attribute `alpha` handed to LeakyRelu; f of a domain of its own.
onnx_pb::Function* add_function(OnnxModel& m, const std::string& name,
                                const std::vector<std::string>& in,
                                const std::vector<std::string>& out) {
    auto* function = m.file.add_functions();
    function->set_domain("custom");
    function->set_name(name);
    for (const auto& word : in)
        function->add_input(word);
    for (const auto& word : out)
        function->add_output(word);
    auto* set = function->add_opset_import();
    set->set_version(13);
    return function;
}

onnx_pb::Operation* call(onnx_pb::Operation* node) {
    node->set_domain("custom");
    return node;
}

onnx_pb::Operation* inside(onnx_pb::Function* function, const std::string& op,
                           const std::vector<std::string>& in,
                           const std::vector<std::string>& out) {
    auto* node = function->add_node();
    node->set_op_type(op);
    for (const auto& name : in)
        node->add_input(name);
    for (const auto& name : out)
        node->add_output(name);
    return node;
}

void set_reference(onnx_pb::Operation* node, const std::string& name, const std::string& of) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(1);
    a->set_ref_attr_name(of);
}

} // namespace

TEST(Functions, are_put_in_the_place_of_their_calls) {
    OnnxModel m;
    m.input("x", {2}).output("y").output("same");
    auto* leaky = add_function(m, "Leaky", {"a", "shift"}, {"b", "a"});
    leaky->add_attribute("slope");
    set_reference(inside(leaky, "LeakyRelu", {"a"}, {"t"}), "alpha", "slope");
    inside(leaky, "Add", {"t", "t"}, {"b"});
    auto* twice = add_function(m, "Twice", {"x"}, {"y"});
    auto* fallback = twice->add_attribute_proto();
    fallback->set_name("slope");
    fallback->set_type(1);
    fallback->set_f(0.5f);
    for (const auto& [in, out] : {std::pair("x", "t"), std::pair("t", "y")})
        set_reference(call(inside(twice, "Leaky", {in}, {out})), "slope", "slope");
    call(m.node("Twice", {"x"}, {"y"}));
    set_float(call(m.node("Leaky", {"x"}, {"unused", "same"})), "slope", 0.25f);
    const auto graph = load(m);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(run(graph.value(), {floats({2}, {1, -1})}), (std::vector<float>{4, -1}));
    EXPECT_EQ(run(graph.value(), {floats({2}, {1, -1})}, 1), (std::vector<float>{1, -1}));
}

TEST(Functions, have_operators_of_their_own_opset) {
    OnnxModel m(13); // axes of Squeeze are an input here, and an attribute in opset 11
    m.input("x", {1, 2}).output("y");
    auto* function = add_function(m, "Old", {"x"}, {"y"});
    function->mutable_opset_import(0)->set_version(11);
    set_ints(inside(function, "Squeeze", {"x"}, {"y"}), "axes", {0});
    call(m.node("Old", {"x"}, {"y"}));
    const auto graph = load(m);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape, (Shape{2}));
}

TEST(Functions, that_call_themselves_are_refused) {
    for (const bool by_another : {false, true}) {
        OnnxModel m;
        m.input("x", {2}).output("y");
        auto* a = add_function(m, "A", {"x"}, {"y"});
        auto* b = add_function(m, "B", {"x"}, {"y"});
        call(inside(a, by_another ? "B" : "A", {"x"}, {"y"}));
        call(inside(b, "A", {"x"}, {"y"}));
        call(m.node("A", {"x"}, {"y"}));
        const auto graph = load(m);
        ASSERT_FALSE(graph.ok());
        EXPECT_NE(graph.error().text().find("calls itself"), std::string::npos)
            << graph.error().text();
    }
}

// Each calls the next ten times: 10^30 nodes in a few hundred bytes.
TEST(Functions, that_would_grow_without_end_are_refused) {
    OnnxModel m;
    m.input("x", {2}).output("y");
    for (int k = 0; k < 30; k++) {
        auto* function = add_function(m, "F" + std::to_string(k), {"x"}, {"v9"});
        for (int i = 0; i < 10; i++)
            call(inside(function, "F" + std::to_string(k + 1),
                        {i ? "v" + std::to_string(i - 1) : "x"}, {"v" + std::to_string(i)}));
    }
    call(m.node("F0", {"x"}, {"y"}));
    const auto graph = load(m);
    ASSERT_FALSE(graph.ok());
}
