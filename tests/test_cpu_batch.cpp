// SPDX-License-Identifier: LGPL-2.1-or-later
// Models at batch N: each row gives what it gives alone, or the model says why it cannot be batched.
#include "inference/batching.h"
#include "inference/formats/format.h"
#include "inference/ops/kernel.h"
#include "inference/session/rows.h"
#include "tests/case_name.h"
#include "tests/cpu_rig.h"
#include "tests/model_cases.h"
#include "tests/npz.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace infer;

namespace {

constexpr int most_rows = 8;

struct File {
    std::string name, path;
};
void PrintTo(const File& file, std::ostream* out) { *out << file.name; }

// Every model of shared/models that this build can read the format of.
std::vector<File> all_models() {
    std::vector<File> files;
    std::error_code none;
    for (const auto& folder :
         std::filesystem::directory_iterator(shared_folder() + "/models", none)) {
        const std::string name = folder.path().filename();
        for (const FormatDef* format : all_formats())
            for (const std::string& path :
                 {(folder.path() / (name + std::string(format->extension))).string()})
                if (std::filesystem::exists(path))
                    files.push_back({name, path});
    }
    std::ranges::sort(files, {}, &File::name);
    return files;
}

// The known input, darker in each row.
Tensor of_row(const Tensor& input, int row) {
    Tensor t = input.clone();
    if (t.type() == ElementType::F32)
        for (float& x : t.span<float>())
            x *= 1 - float(row) / 16;
    return t;
}

Tensor stacked(const Tensor& input, int rows) {
    Shape shape = input.shape();
    shape[0] *= rows;
    Tensor all(input.type(), shape);
    for (int r = 0; r < rows; r++)
        std::memcpy(static_cast<std::byte*>(all.view().data) + size_t(r) * input.view().size_bytes(),
                    of_row(input, r).view().data, input.view().size_bytes());
    return all;
}

Tensor copy_of(const TensorView& view) {
    Tensor copy(view.type, view.shape);
    std::memcpy(copy.view().data, view.data, view.size_bytes());
    return copy;
}

// Outputs of `rows` rows, by row.
std::vector<std::vector<Tensor>> run_rows(Executor& executor, const std::vector<Tensor>& inputs,
                                          int rows) {
    auto requests = executor.make_requests(1);
    Request& request = requests.value()[0];
    for (size_t k = 0; k < inputs.size(); k++)
        fill_input(executor.inputs()[k], request.inputs[k], inputs[k]);
    request.rows = (uint64_t(1) << rows) - 1;
    Finished finished;
    request.done = finished.callback();
    executor.submit(request);
    finished.wait(1);
    RowViews views(request, executor.outputs(), rows);
    std::vector<std::vector<Tensor>> outputs(static_cast<size_t>(rows));
    for (int row = 0; row < rows; row++)
        for (const NamedTensor& output : views.outputs(request, row))
            outputs[size_t(row)].push_back(copy_of(output.view));
    return outputs;
}

class CpuBatch : public testing::TestWithParam<File> {
protected:
    void SetUp() override {
        auto arrays = read_npz(std::filesystem::path(GetParam().path).parent_path() /
                               "reference.npz");
        ASSERT_TRUE(arrays.ok());
        for (int k = 0; arrays.value().contains("in" + std::to_string(k)); k++)
            known.push_back(arrays.value()["in" + std::to_string(k)]);
        if (known.size() == 1) // some files leave their shape open, or declare another
            shapes[""] = known[0].shape();
    }
    Result<Graph> load(int batch) {
        auto graph = load_model(GetParam().path, {.shapes = shapes, .batch = batch});
        if (graph.ok())
            if (auto done = optimize(graph.value()); !done.ok())
                return done.error();
        return graph;
    }
    std::unique_ptr<Executor> compile(const Graph& graph, int batch) {
        auto made = find_device("CPU")->compile(
            graph, {.hint = Hint::Latency, .precision = Precision::F32, .batch = batch});
        EXPECT_TRUE(made.ok()) << made.error().text();
        return made.ok() ? std::move(made.value()) : nullptr;
    }

    std::vector<Tensor> known;
    std::map<std::string, Shape> shapes;
};

TEST_P(CpuBatch, each_row_gives_what_it_gives_alone_or_the_model_says_why_not) {
    const auto single = load(1);
    ASSERT_TRUE(single.ok()) << single.error().text();
    if (const auto pair = load(2); !pair.ok()) {
        EXPECT_NE(pair.error().text().find("cannot be batched (2 rows): "), std::string::npos)
            << pair.error().text();
        RecordProperty("one_by_one", pair.error().text());
        std::printf("one by one: %s\n", pair.error().text().c_str());
        return;
    }
    auto alone = compile(single.value(), 1);
    ASSERT_TRUE(alone);
    std::vector<std::vector<Tensor>> wanted;
    for (int row = 0; row < most_rows; row++) {
        std::vector<Tensor> inputs;
        for (const Tensor& input : known)
            inputs.push_back(of_row(input, row));
        wanted.push_back(run_rows(*alone, inputs, 1)[0]);
    }
    for (const int rows : {2, 3, most_rows}) {
        const auto graph = load(rows);
        ASSERT_TRUE(graph.ok()) << graph.error().text();
        auto together = compile(graph.value(), rows);
        ASSERT_TRUE(together);
        std::vector<Tensor> inputs;
        for (const Tensor& input : known)
            inputs.push_back(stacked(input, rows));
        const auto outputs = run_rows(*together, inputs, rows);
        for (int row = 0; row < rows; row++)
            for (size_t k = 0; k < outputs[size_t(row)].size(); k++)
                EXPECT_EQ(difference(outputs[size_t(row)][k], wanted[size_t(row)][k], 1e-4f), "")
                    << rows << " rows, row " << row << ", output " << k;
    }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CpuBatch);
INSTANTIATE_TEST_SUITE_P(Every, CpuBatch, testing::ValuesIn(all_models()), case_name);

// ---- What stands in the way, and what does not, in small graphs

struct Built {
    Graph graph;
    Built() { graph.inputs = {graph.add_value({"x", ElementType::F32, {1, 4, 6}, std::nullopt})}; }
    ValueId ints(std::vector<int64_t> numbers) {
        const Shape shape = {int64_t(numbers.size())};
        return graph.add_value({"c" + std::to_string(graph.values.size()), ElementType::I64, shape,
                                make_tensor<int64_t>(ElementType::I64, shape, numbers)});
    }
    ValueId floats(const Shape& shape) {
        return graph.add_value({"f" + std::to_string(graph.values.size()), ElementType::F32, shape,
                                random_tensor(shape, unsigned(graph.values.size()))});
    }
    ValueId then(const char* op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs = {}) {
        const ValueId out = graph.add_value(
            {"v" + std::to_string(graph.values.size()), ElementType::F32, {}, std::nullopt});
        graph.nodes.push_back({op, std::string("the ") + op, std::move(attrs), std::move(inputs), {out}});
        graph.outputs = {out};
        return out;
    }
};

using Make = void (*)(Built&);
const std::map<std::string, Attr> rows_second = {{"perm", std::vector<int64_t>{1, 0, 2}}};

TEST(SetBatch, rewrites_what_spells_out_one_row_and_gives_each_row_its_own) {
    const struct {
        const char* name;
        Make make;
    } cases[] = {
        {"all of the shape said", [](Built& b) { b.then("Reshape", {0, b.ints({1, 24})}); }},
        {"rows among others", [](Built& b) {
             b.then("Reshape", {b.then("Reshape", {0, b.ints({4, 6})}), b.ints({1, 4, 6})});
         }},
        {"sequence first, heads beside rows", [](Built& b) { // attention as PyTorch writes it
             const ValueId t = b.then("Transpose", {0}, rows_second);
             const ValueId q = b.then("Transpose", {b.then("Reshape", {t, b.ints({4, 2, 3})})}, rows_second);
             const ValueId k = b.then("Transpose", {q}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
             const ValueId a = b.then("Softmax", {b.then("MatMul", {q, k})}, {{"axis", int64_t(2)}});
             const ValueId o = b.then("Transpose", {b.then("MatMul", {a, q})}, rows_second);
             b.then("Transpose", {b.then("Reshape", {o, b.ints({4, 1, 6})})}, rows_second);
         }},
        {"a bias for each head", [](Built& b) {
             const ValueId heads = b.then("Reshape", {0, b.ints({4, 1, 6})});
             b.then("Reshape", {b.then("Add", {heads, b.floats({4, 1, 6})}), b.ints({1, 4, 6})});
         }},
        {"a token before the sequence", [](Built& b) {
             b.then("Concat", {b.floats({1, 1, 6}), 0}, {{"axis", int64_t(1)}});
         }},
        {"the only row picked", [](Built& b) {
             const ValueId row = b.then("Gather", {0, b.ints({0})}, {{"axis", int64_t(0)}});
             const ValueId flat = b.then("Squeeze", {row, b.ints({0})});
             b.then("Unsqueeze", {b.then("Relu", {flat}), b.ints({0})});
         }},
        {"all rows cut out", [](Built& b) {
             b.then("Slice", {0, b.ints({0, 1}), b.ints({1, 3}), b.ints({0, 1})});
         }},
        {"expanded", [](Built& b) {
             b.then("Expand", {b.then("Unsqueeze", {0, b.ints({2})}), b.ints({1, 4, 5, 6})});
         }},
        {"the mean of everything", [](Built& b) { b.then("ReduceMean", {0}); }},
        {"shape worked out from the input", [](Built& b) {
             const ValueId s = b.then("Shape", {0});
             const ValueId n = b.then("Gather", {s, b.ints({0})}, {{"axis", int64_t(0)}});
             b.then("Reshape", {0, b.then("Concat", {n, b.ints({-1})}, {{"axis", int64_t(0)}})});
         }},
    };
    for (const auto& c : cases) {
        Built built;
        c.make(built);
        Graph single = built.graph;
        ASSERT_TRUE(infer_shapes(single).ok()) << c.name;
        Graph batched = single;
        const auto done = set_batch(batched, 3);
        ASSERT_TRUE(done.ok()) << c.name << ": " << done.error().text();
        Tensor all = random_tensor({3, 4, 6}, 7);
        const auto together = run_reference(batched, {all});
        ASSERT_TRUE(together.ok()) << c.name;
        for (int row = 0; row < 3; row++) {
            const Tensor one = copy_of(row_of(all.view(), row, 3));
            const auto alone = run_reference(single, {one});
            EXPECT_EQ(difference(copy_of(row_of(together.value()[0].view(), row, 3)),
                                 alone.value()[0], 1e-5f), "")
                << c.name << ", row " << row;
        }
    }
}

TEST(SetBatch, says_what_stands_in_the_way) {
    const struct {
        Make make;
        const char* says;
    } cases[] = {
        {[](Built& b) { b.then("Transpose", {0}, rows_second); }, "'v1' is 4x1x6 for one row and 4x3x6 then"},
        {[](Built& b) { b.then("Softmax", {0}, {{"axis", int64_t(0)}}); }, "Softmax works across rows"},
        {[](Built& b) {
             const ValueId t = b.then("Reshape", {0, b.ints({4, 6})}); // rows beside channels
             b.then("Softmax", {t}, {{"axis", int64_t(0)}});
         }, "Softmax works across rows"},
        {[](Built& b) { b.then("Concat", {0, 0}, {{"axis", int64_t(0)}}); }, "Concat works across rows"},
        {[](Built& b) { b.then("Tile", {0, b.ints({2, 1, 1})}); }, "Tile works across rows"},
        {[](Built& b) { b.then("CumSum", {0, b.ints({1})}); }, "CumSum is not known to keep rows apart"},
        {[](Built& b) {
             b.then("Relu", {0});
             b.graph.outputs = {b.then("Relu", {b.floats({1, 3})})};
         }, "is the same whatever the input"},
    };
    for (const auto& c : cases) {
        Built built;
        c.make(built);
        const auto shapes = infer_shapes(built.graph);
        ASSERT_TRUE(shapes.ok()) << c.says << shapes.error().text();
        const auto done = set_batch(built.graph, 3);
        ASSERT_FALSE(done.ok()) << c.says;
        EXPECT_NE(done.error().text().find(c.says), std::string::npos) << done.error().text();
        EXPECT_NE(done.error().text().find("cannot be batched (3 rows)"), std::string::npos);
    }
}

} // namespace
