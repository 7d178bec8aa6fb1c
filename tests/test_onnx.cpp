// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading ONNX files: what older opsets meant, how numbers are stored, and what happens to files
// that are wrong or damaged.
#include "tests/npz.h"
#include "tests/onnx_model.h"

#include "inference/formats/onnx.h"
#include "inference/formats/onnx_case.h"
#include "inference/model.h"

#include <gmock/gmock.h>

using namespace infer;
using testing::HasSubstr;

namespace {

// Error text of loading the model, "" if it loads.
std::string problem(const std::string& path, const LoadOptions& options = {}) {
    const auto graph = load_model(path, options);
    return graph.ok() ? "" : graph.error().text();
}

std::string problem(const OnnxModel& model, const LoadOptions& options = {}) {
    return problem(model.save("model.onnx"), options);
}

OnnxModel relu() {
    OnnxModel m;
    m.input("x", {1, 2}).output("y");
    m.node("Relu", {"x"}, {"y"});
    return m;
}

Tensor f32(Shape shape, std::vector<float> values) {
    return make_tensor<float>(ElementType::F32, std::move(shape), std::span<const float>(values));
}

// The model's first output for one input, as it is and optimized.
Tensor run_model(const OnnxModel& model, const Tensor& input) {
    auto graph = load_model(model.save("run.onnx"));
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    if (!graph.ok())
        return Tensor(ElementType::F32, {0});
    const auto plain = run_reference(graph.value(), {input});
    EXPECT_TRUE(optimize(graph.value()).ok());
    const auto fast = run_reference(graph.value(), {input});
    EXPECT_TRUE(plain.ok() && fast.ok());
    EXPECT_EQ(difference(fast.value()[0], plain.value()[0], 1e-5f, 1e-6f), "")
        << "after optimize()";
    return plain.value()[0];
}

struct OldNode {
    const char* what;
    int64_t opset;
    void (*build)(OnnxModel&); // from "x", f32 2x4 of 0..7, to "y"
    Shape shape;
    std::vector<float> result;
};

const OldNode old_nodes[] = {
    {"Slice with attributes",
     9,
     [](OnnxModel& m) {
         auto* n = m.node("Slice", {"x"}, {"y"});
         set_ints(n, "starts", {1});
         set_ints(n, "ends", {INT64_MAX});
         set_ints(n, "axes", {1});
     },
     {2, 3},
     {1, 2, 3, 5, 6, 7}},
    {"Unsqueeze and Squeeze with attributes",
     11,
     [](OnnxModel& m) {
         set_ints(m.node("Unsqueeze", {"x"}, {"u"}), "axes", {0, 3});
         set_ints(m.node("Squeeze", {"u"}, {"y"}), "axes", {0, 3});
     },
     {2, 4},
     {0, 1, 2, 3, 4, 5, 6, 7}},
    {"Clip with attributes",
     6 + 1,
     [](OnnxModel& m) {
         auto* n = m.node("Clip", {"x"}, {"y"});
         set_float(n, "min", 2);
         set_float(n, "max", 5);
     },
     {2, 4},
     {2, 2, 2, 3, 4, 5, 5, 5}},
    {"Pad with attributes",
     10,
     [](OnnxModel& m) {
         auto* n = m.node("Pad", {"x"}, {"y"});
         set_ints(n, "pads", {0, 1, 0, 0});
         set_float(n, "value", 9);
     },
     {2, 5},
     {9, 0, 1, 2, 3, 9, 4, 5, 6, 7}},
    {"Split with sizes as attribute",
     11,
     [](OnnxModel& m) {
         auto* n = m.node("Split", {"x"}, {"y", "rest"});
         set_ints(n, "split", {1, 3});
         set_int(n, "axis", 1);
     },
     {2, 1},
     {0, 4}},
    {"ReduceMax with axes as attribute",
     11,
     [](OnnxModel& m) { set_ints(m.node("ReduceMax", {"x"}, {"y"}), "axes", {1}); },
     {2, 1},
     {3, 7}},
    {"TopK with k as attribute",
     9,
     [](OnnxModel& m) {
         set_int(m.node("TopK", {"x"}, {"y", "i"}), "k", 1);
     },
     {2, 1},
     {3, 7}},
    {"Upsample with attributes is nearest by floor",
     8,
     [](OnnxModel& m) {
         auto* n = m.node("Upsample", {"x"}, {"y"});
         auto* a = n->add_attribute();
         a->set_name("scales");
         a->set_type(6);
         a->add_floats(1);
         a->add_floats(1.5);
     },
     {2, 6},
     {0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7}},
    {"Upsample with an input",
     9,
     [](OnnxModel& m) {
         m.floats("scales", {2}, {2, 1});
         m.node("Upsample", {"x", "scales"}, {"y"});
     },
     {4, 4},
     {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7}},
    {"Resize of opset 10 is asymmetric",
     10,
     [](OnnxModel& m) {
         m.floats("scales", {2}, {1, 0.5});
         m.node("Resize", {"x", "scales"}, {"y"});
     },
     {2, 2},
     {0, 2, 4, 6}},
    {"Softmax took all dimensions from axis on as one",
     11,
     [](OnnxModel& m) {
         m.ints("s", {1, 2, 4});
         m.node("Reshape", {"x", "s"}, {"r"});
         m.node("Hardmax", {"r"}, {"y"});
     },
     {1, 2, 4},
     {0, 0, 0, 0, 0, 0, 0, 1}},
    {"Dropout with ratio as attribute",
     7,
     [](OnnxModel& m) { set_float(m.node("Dropout", {"x"}, {"y"}), "ratio", 0.5); },
     {2, 4},
     {0, 1, 2, 3, 4, 5, 6, 7}},
    {"Constant as a list",
     13,
     [](OnnxModel& m) {
         auto* c = m.node("Constant", {}, {"c"});
         auto* a = c->add_attribute();
         a->set_name("value_floats");
         a->set_type(6);
         for (float v : {1.0f, 2.0f, 3.0f, 4.0f})
             a->add_floats(v);
         m.node("Add", {"x", "c"}, {"y"});
     },
     {2, 4},
     {1, 3, 5, 7, 5, 7, 9, 11}},
    {"nodes in any order, names left out",
     13,
     [](OnnxModel& m) {
         m.node("Neg", {"b"}, {"y"})->clear_name();
         m.node("Neg", {"a"}, {"b"})->clear_name();
         m.node("Neg", {"x"}, {"a"})->clear_name();
     },
     {2, 4},
     {0, -1, -2, -3, -4, -5, -6, -7}},
    {"a constant listed as input",
     8,
     [](OnnxModel& m) {
         m.floats("two", {1}, {2}).input("two", {1});
         m.node("Mul", {"x", "two"}, {"y"});
     },
     {2, 4},
     {0, 2, 4, 6, 8, 10, 12, 14}},
    {"a cast to half precision stays f32",
     13,
     [](OnnxModel& m) { set_int(m.node("Cast", {"x"}, {"y"}), "to", 10); },
     {2, 4},
     {0, 1, 2, 3, 4, 5, 6, 7}},
};

} // namespace

TEST(Onnx, older_opsets_keep_their_meaning) {
    for (const OldNode& old : old_nodes) {
        SCOPED_TRACE(old.what);
        OnnxModel m(old.opset);
        m.input("x", {2, 4}).output("y");
        old.build(m);
        EXPECT_EQ(difference(run_model(m, f32({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7})),
                             f32(old.shape, old.result), 1e-6f, 0),
                  "");
    }
}

TEST(Onnx, reads_numbers_in_every_storage) {
    const std::string halves("\x00\x3c\x00\xc0\x01\x00", 6); // 1, -2, 2^-24
    const float raw[] = {1, -2, 0x1p-24f};
    struct Storage {
        const char* what;
        int type;
        void (*fill)(onnx_pb::TensorData*, const std::string&, const float*);
    } storages[] = {
        {"f32 raw", 1, [](auto* t, auto&, auto* f) { t->set_raw_data(f, 12); }},
        {"f32 field", 1, [](auto* t, auto&, auto* f) { t->mutable_float_data()->Add(f, f + 3); }},
        {"f64 field", 11, [](auto* t, auto&, auto* f) { t->mutable_double_data()->Add(f, f + 3); }},
        {"f16 raw", 10, [](auto* t, auto& h, auto*) { t->set_raw_data(h); }},
        {"f16 field", 10,
         [](auto* t, auto&, auto*) {
             for (int v : {0x3c00, 0xc000, 1})
                 t->add_int32_data(v);
         }},
        {"bf16 field", 16,
         [](auto* t, auto&, auto*) {
             for (int v : {0x3f80, 0xc000, 0x3380})
                 t->add_int32_data(v);
         }},
    };
    for (const Storage& s : storages) {
        SCOPED_TRACE(s.what);
        OnnxModel m;
        m.input("x", {3}).output("y");
        s.fill(m.tensor("c", {3}, s.type), halves, raw);
        m.node("Add", {"x", "c"}, {"y"});
        EXPECT_EQ(difference(run_model(m, f32({3}, {0, 0, 0})), f32({3}, {1, -2, 0x1p-24f}), 0, 0),
                  "");
    }
}

TEST(Onnx, reads_weights_from_a_file_beside_the_model) {
    const float values[] = {0, 3, 4};
    OnnxModel::save_bytes("weights.bin",
                          std::string(reinterpret_cast<const char*>(values), sizeof values));
    OnnxModel m;
    m.input("x", {2}).output("y");
    auto* t = m.tensor("c", {2}, 1);
    t->set_data_location(1);
    const auto add = [&](const char* key, const char* value) {
        auto* entry = t->add_external_data();
        entry->set_key(key);
        entry->set_value(value);
        return entry;
    };
    auto* location = add("location", "weights.bin");
    add("offset", "4");
    m.node("Add", {"x", "c"}, {"y"});
    EXPECT_EQ(difference(run_model(m, f32({2}, {1, 1})), f32({2}, {4, 5}), 0, 0), "");
    for (const char* outside : {"../weights.bin", "/etc/passwd", ""}) {
        location->set_value(outside);
        EXPECT_THAT(problem(m), HasSubstr("outside the model's folder"));
    }
    location->set_value("absent.bin");
    EXPECT_THAT(problem(m), HasSubstr("absent.bin: holds weights of the model and cannot be read"));
}

TEST(Onnx, says_what_is_wrong_with_a_file) {
    EXPECT_THAT(problem("/nowhere/model.onnx"), HasSubstr("/nowhere/model.onnx: no such file"));
    EXPECT_THAT(problem(testing::TempDir()), HasSubstr("is not a regular file"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("empty.onnx", "")), HasSubstr("is empty"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("text.onnx", "hello, world")),
                HasSubstr("not an ONNX model"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("text.bin", "hello, world")),
                HasSubstr("not a model of a known format (ONNX"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("cut.onnx", relu().bytes().substr(0, 30))),
                HasSubstr("damaged or cut short"));
    EXPECT_THAT(problem(OnnxModel()), HasSubstr("has no nodes"));
    OnnxModel late(99);
    late.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
    EXPECT_THAT(problem(late), HasSubstr("opset 99; opsets 1 to 21 can be read"));
}

TEST(Onnx, names_every_unsupported_operator_at_once) {
    OnnxModel m;
    m.input("x", {1}).output("y");
    m.node("Frobnicate", {"x"}, {"a"});
    m.node("Frobnicate", {"a"}, {"b"})->set_name("second");
    m.node("Attention", {"b"}, {"y"})->set_domain("com.example");
    EXPECT_THAT(problem(m), HasSubstr("Frobnicate (2 nodes: the_Frobnicate, second); "
                                      "com.example.Attention (1 node: the_Attention)"));
}

TEST(Onnx, says_what_is_wrong_with_a_graph) {
    struct Case {
        const char* what;
        void (*spoil)(OnnxModel&); // of x -> Relu -> y
    } cases[] = {
        {"the graph has a cycle",
         [](OnnxModel& m) {
             m.graph().mutable_node(0)->set_input(0, "z");
             m.node("Neg", {"y"}, {"z"});
         }},
        {"reads 'nothing', which nothing makes",
         [](OnnxModel& m) { m.graph().mutable_node(0)->set_input(0, "nothing"); }},
        {"make a value named 'y'", [](OnnxModel& m) { m.node("Neg", {"x"}, {"y"}); }},
        {"no node makes output 'z'", [](OnnxModel& m) { m.output("z"); }},
        {"lists output 'y' twice", [](OnnxModel& m) { m.output("y"); }},
        {"has no outputs", [](OnnxModel& m) { m.graph().clear_output(); }},
        {"two inputs named 'x'",
         [](OnnxModel& m) {
             m.input("x", {1, 2});
         }},
        {"'c': has shape", [](OnnxModel& m) { m.tensor("c", {-3}, 1); }},
        {"'c': has shape",
         [](OnnxModel& m) {
             m.tensor("c", {1 << 20, 1 << 20, 1 << 20, 1 << 20}, 1);
         }},
        {"'c': its data is not 2 of f32",
         [](OnnxModel& m) { m.tensor("c", {2}, 1)->set_raw_data("abc"); }},
        {"'c': its data is not 2 of f32",
         [](OnnxModel& m) { m.tensor("c", {2}, 1)->add_float_data(1); }},
        {"'c': has element type 8", [](OnnxModel& m) { m.tensor("c", {1}, 8); }},
        {"node 'the_Relu' (Relu): has 2 inputs, takes 1",
         [](OnnxModel& m) { m.graph().mutable_node(0)->add_input("x"); }},
        {"node 'the_Relu' (Relu): takes f32, not i64",
         [](OnnxModel& m) {
             m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(7);
         }},
    };
    for (const Case& c : cases) {
        OnnxModel m = relu();
        c.spoil(m);
        const std::string found = problem(m);
        EXPECT_THAT(found, HasSubstr(c.what));
        EXPECT_THAT(found, HasSubstr("model.onnx")) << "names the file";
    }
}

TEST(Onnx, free_dimensions_are_the_users_to_say) {
    OnnxModel m;
    m.input("x", {-1, 3, -1, -1}).output("y");
    m.node("Relu", {"x"}, {"y"});
    EXPECT_THAT(problem(m), HasSubstr("input 'x' is 1x3x?x?, which the model leaves open; say what "
                                      "it is, for example --shape x=1x3x480x640"));
    EXPECT_EQ(problem(m, {{{"x", {1, 3, 20, 30}}}, 1}), "");
    EXPECT_EQ(problem(m, {{{"", {1, 3, 20, 30}}}, 1}), "");
    EXPECT_THAT(problem(m, {{{"z", {1, 3, 20, 30}}}, 1}),
                HasSubstr("has no input 'z'; its inputs are x"));
    EXPECT_THAT(problem(m, {{{"x", {1, 3}}}, 1}), HasSubstr("another number of dimensions"));
    EXPECT_THAT(problem(m, {{{"x", {1, 3, 0, 30}}}, 1}), HasSubstr("positive dimensions"));
}

TEST(Onnx, a_declared_shape_can_be_replaced) {
    OnnxModel m;
    m.input("x", {10, 3, 32, 32}).output("y");
    m.node("Relu", {"x"}, {"y"});
    const auto graph = load_model(m.save("declared.onnx"), {{{"x", {1, 3, 48, 64}}}, 1});
    ASSERT_TRUE(graph.ok());
    EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape, (Shape{1, 3, 48, 64}));
}

// The same rows alone and in a batch.
TEST(Onnx, a_batch_gives_each_row_its_own_result) {
    const std::string path = small_network().save("batch.onnx");
    auto one = load_model(path), four = load_model(path, {{}, 4});
    ASSERT_TRUE(one.ok() && four.ok()) << four.error().text();
    ASSERT_TRUE(optimize(one.value()).ok() && optimize(four.value()).ok());
    Tensor rows(ElementType::F32, {4, 2, 8, 8});
    for (size_t i = 0; i < rows.span<float>().size(); i++)
        rows.span<float>()[i] = float(i * 13 % 29) / 29;
    const auto together = run_reference(four.value(), {rows});
    ASSERT_TRUE(together.ok());
    for (size_t r = 0; r < 4; r++) {
        const auto alone = run_reference(
            one.value(), {make_tensor<float>(ElementType::F32, {1, 2, 8, 8},
                                             rows.span<const float>().subspan(r * 128, 128))});
        ASSERT_TRUE(alone.ok());
        for (size_t k = 0; k < 2; k++) {
            const auto a = alone.value()[k].span<float>();
            Shape shape = alone.value()[k].shape();
            const Tensor part = make_tensor<float>(
                ElementType::F32, shape,
                together.value()[k].span<const float>().subspan(r * a.size(), a.size()));
            EXPECT_EQ(difference(part, alone.value()[k], 1e-5f, 1e-6f), "") << "row " << r;
        }
    }
}

TEST(Onnx, a_model_that_mixes_its_rows_cannot_be_batched) {
    OnnxModel m;
    m.input("x", {1, 4}).output("y").ints("s", {4});
    m.node("Reshape", {"x", "s"}, {"y"});
    EXPECT_THAT(problem(m, {{}, 2}), HasSubstr("node 'the_Reshape' (Reshape): cannot be batched"));
    OnnxModel sum;
    sum.input("x", {1, 4}).output("y").ints("axes", {0});
    sum.node("Relu", {"x"}, {"r"});
    set_int(sum.node("ReduceSum", {"r", "axes"}, {"s"}), "keepdims", 0);
    sum.node("Add", {"x", "s"}, {"y"});
    EXPECT_THAT(problem(sum, {{}, 2}),
                HasSubstr("node 'the_ReduceSum' (ReduceSum): cannot be batched"));
}

TEST(Onnx, content_makes_the_key) {
    const std::string a = small_network().save("a.onnx"), b = small_network().save("b.onnx"),
                      c = relu().save("c.onnx");
    EXPECT_EQ(content_hash(a).value(), content_hash(b).value());
    EXPECT_NE(content_hash(a).value(), content_hash(c).value());
    const std::string abc = OnnxModel::save_bytes("abc.txt", "abc"); // FIPS 180-4's example
    EXPECT_EQ(content_hash(abc).value(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

namespace {

// Damages the file in `count` deterministic ways; it must load or be refused, never crash or eat
// memory.
void damage(const std::string& good, const LoadOptions& options, int count) {
    uint32_t state = 12345;
    const auto next = [&](size_t below) {
        state = state * 1664525 + 1013904223;
        return size_t(state >> 8) % below;
    };
    for (int n = 0; n < count; n++) {
        std::string bad = good;
        if (n % 4 == 3)
            bad.resize(next(bad.size()));
        else
            for (size_t k = 0; k <= next(3) && !bad.empty(); k++)
                bad[next(bad.size())] = n % 4 == 0   ? char(next(256))
                                        : n % 4 == 1 ? char(0xff)
                                                     : char(bad[next(bad.size())] ^ (1 << next(8)));
        auto graph = load_model(OnnxModel::save_bytes("damaged.onnx", bad), options);
        if (!graph.ok())
            EXPECT_THAT(graph.error().text(), HasSubstr("damaged.onnx"));
        else
            (void)optimize(graph.value());
    }
}

} // namespace

TEST(Onnx, damaged_files_are_refused_or_loaded_but_never_crash) {
    damage(small_network().bytes(), {}, 4000);
}

TEST(Onnx, damaged_real_files_are_refused_or_loaded_but_never_crash) {
    if (shared_folder().empty())
        GTEST_SKIP() << "no shared/models";
    const auto bytes = [](const std::string& name) {
        std::ifstream file(shared_folder() + "/models/" + name + "/" + name + ".onnx",
                           std::ios::binary);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    damage(bytes("mnist-12"), {}, 600);
    // weights are most of the file: its structure is at the end
    damage(bytes("ultraface-rfb-320"), {}, 100);
}
