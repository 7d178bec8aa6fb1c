// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators of OpenVINO IR against what OpenVINO (2026.4, CPU, f32) makes of them, in
// tests/ir/*.txt:
//
//   Elu@opset1: alpha                             type and operator set, and what the row shows
//     data alpha="0.5"                            the attributes, as in the file
//     in f32 1x3 = -2 0 3                         one line an input, in order
//     const i64 2 = 0 1                           the same of an input that is a constant
//     out f32 1x3 = -0.43233237 0 3               one line an output
#include "tests/ir_model.h"
#include "tests/op_rows.h"

#include "inference/formats/onnx_case.h"
#include "inference/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace infer;

namespace {

struct IrRow {
    std::string type, what, where, data;
    std::vector<std::pair<Tensor, bool>> inputs; // and whether it is a constant
    std::vector<Tensor> outputs;
};

bool parse_line(IrRow& row, const std::string& line) {
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space), rest = line.substr(space + 1);
    if (word == "data") {
        row.data = rest;
        return true;
    }
    const auto tensor = parse_tensor(rest);
    if (!tensor || (word != "in" && word != "const" && word != "out"))
        return false;
    if (word == "out")
        row.outputs.push_back(*tensor);
    else
        row.inputs.emplace_back(*tensor, word == "const");
    return true;
}

void read_rows(const std::filesystem::path& path, std::vector<IrRow>& rows) {
    std::ifstream file(path);
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        number++;
        const size_t text = line.find_first_not_of(' '), colon = line.find(": ");
        if (text == line.npos || line[text] == '#')
            continue;
        const std::string where = path.filename().string() + ":" + std::to_string(number);
        if (text == 0 && colon != line.npos)
            rows.push_back({line.substr(0, colon), line.substr(colon + 2), where, "", {}, {}});
        else
            EXPECT_TRUE(!rows.empty() && parse_line(rows.back(), line.substr(text))) << where;
    }
}

std::vector<IrRow> ir_rows() {
    const char* root = std::getenv("GI_SOURCE_ROOT");
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(root ? root : ".") + "/tests/ir"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<IrRow> rows;
    for (const auto& path : files)
        read_rows(path, rows);
    return rows;
}

std::string name_in_ir(const Tensor& t) {
    return t.type() == ElementType::Bool ? "boolean" : std::string(name_of(t.type()));
}

// A model of this one layer.
std::string saved(const IrRow& row) {
    IrModel m;
    std::vector<IrModel::From> from;
    for (size_t k = 0; k < row.inputs.size(); k++) {
        const auto& [t, is_constant] = row.inputs[k];
        from.push_back({is_constant ? m.constant(t)
                                    : m.input("x" + std::to_string(k), t.shape(), name_in_ir(t))});
    }
    std::vector<IrModel::Output> outputs;
    for (const Tensor& t : row.outputs)
        outputs.push_back({name_in_ir(t), t.shape()});
    const int y = m.layer("y", row.type, row.data, from, outputs);
    for (size_t k = 0; k < outputs.size(); k++)
        m.result({y, k});
    return m.save("row");
}

void check(const IrRow& row) {
    auto graph = load_model(saved(row));
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    const auto optimized = optimize(graph.value());
    ASSERT_TRUE(optimized.ok()) << optimized.error().text();
    std::vector<Tensor> inputs;
    for (const auto& [t, is_constant] : row.inputs)
        if (!is_constant)
            inputs.push_back(t);
    const auto outputs = run_reference(graph.value(), inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().text();
    ASSERT_EQ(outputs.value().size(), row.outputs.size());
    for (size_t k = 0; k < row.outputs.size(); k++)
        EXPECT_EQ(difference(outputs.value()[k], row.outputs[k], 1e-4f, 1e-5f), "")
            << "output " << k;
}

} // namespace

TEST(IrOps, give_what_openvino_gives) {
    const auto rows = ir_rows();
    EXPECT_GT(rows.size(), 200u);
    for (const IrRow& row : rows) {
        SCOPED_TRACE(row.where + " " + row.type + ": " + row.what);
        check(row);
    }
}
