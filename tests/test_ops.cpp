// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operator's rule and reference kernel against the rows of tests/ops. A new operator fails
// every_operator_has_a_row until it has some.
#include "tests/op_rows.h"

#include "inference/evaluate.h"
#include "inference/formats/onnx_case.h"
#include "inference/op.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

using namespace infer;

namespace {

// Everything is known: rules may need the content of any input.
Result<std::vector<Tensor>> run(const OpRow& row) {
    OpRow with_outputs = row;
    if (row.outputs.empty())
        with_outputs.outputs.resize(1);
    Graph graph = graph_of(with_outputs, std::vector<bool>(row.inputs.size(), true));
    const Node node = graph.nodes[0];
    const Known known = [&](ValueId v) { return &*graph.value(v).constant; };
    if (auto ok = infer_node(graph, node, known); !ok.ok())
        return ok.error();
    std::vector<const Tensor*> inputs;
    for (const auto& t : row.inputs)
        inputs.push_back(t ? &*t : nullptr);
    return evaluate(graph, node, inputs);
}

} // namespace

TEST(Ops, rows_can_be_read) { EXPECT_GT(op_rows().size(), 150u); }

TEST(Ops, give_the_results_of_their_rows) {
    for (const OpRow& row : op_rows()) {
        SCOPED_TRACE(row.where + " " + row.op + ": " + row.what);
        if (!find_op(row.op)) {
            ADD_FAILURE() << "no such operator";
            continue;
        }
        const auto results = run(row);
        if (row.refuse) {
            EXPECT_FALSE(results.ok());
            continue;
        }
        EXPECT_TRUE(results.ok()) << results.error().text();
        for (size_t k = 0; results.ok() && k < row.outputs.size(); k++)
            EXPECT_EQ(difference(results.value()[k], row.outputs[k], 1e-5f, 1e-6f), "")
                << "output " << k;
    }
}

TEST(Ops, every_operator_has_a_row) {
    for (const OpDef* op : all_ops()) {
        const bool tested = std::any_of(op_rows().begin(), op_rows().end(),
                                        [&](const OpRow& row) { return row.op == op->name; });
        EXPECT_TRUE(tested) << op->name;
    }
}

TEST(Ops, every_rule_refuses_no_inputs_and_too_many) {
    for (const OpDef* op : all_ops()) {
        const Node node{std::string(op->name), "test", {}, {}, {0}};
        EXPECT_FALSE(op->infer(node, {}).ok()) << op->name;
        if (op->name == "Concat" || op->name == "Max" || op->name == "Min" || op->name == "Sum" ||
            op->name == "Mean" || op->name == "Einsum")
            continue; // any number
        const std::vector<ValueFacts> many(9, ValueFacts{ElementType::F32, {1, 1}, nullptr, true});
        EXPECT_FALSE(op->infer(node, many).ok()) << op->name;
    }
}

// docs/operators.md: the first column of the first table names exactly what there is.
TEST(Ops, are_all_documented) {
    const char* root = std::getenv("GI_SOURCE_ROOT");
    std::ifstream file(std::string(root ? root : ".") + "/docs/operators.md");
    std::set<std::string> documented;
    for (std::string line; std::getline(file, line) && line != "## OpenVINO IR";) {
        const std::string cell = line.starts_with("| `") ? line.substr(0, line.find('|', 1)) : "";
        for (size_t at = cell.find('`'); at != cell.npos; at = cell.find('`', at + 1)) {
            const size_t end = cell.find('`', at + 1);
            documented.insert(cell.substr(at + 1, end - at - 1));
            at = end;
        }
    }
    std::set<std::string> known;
    for (const OpDef* op : all_ops())
        known.insert(std::string(op->name));
    EXPECT_EQ(documented, known);
}
