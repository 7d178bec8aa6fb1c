// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading ONNX files: how numbers are stored, and what is said of files that are wrong.
#include "tests/onnx_rig.h"

using namespace infer;
using testing::HasSubstr;

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

TEST(Onnx, reads_numbers_of_four_bits_and_sparse_ones) {
    OnnxModel m(21);
    m.input("x", {3}).output("y").floats("one", {}, {1});
    m.tensor("q", {3}, 22)->set_raw_data("\xf1\x07"); // 1, -1, 7: the lower half first
    m.node("DequantizeLinear", {"q", "one"}, {"d"});
    auto* sparse = m.graph().add_sparse_initializer();
    sparse->mutable_values()->set_name("s");
    sparse->mutable_values()->set_data_type(1);
    sparse->mutable_values()->add_dims(1);
    sparse->mutable_values()->add_float_data(10);
    sparse->mutable_indices()->set_data_type(7);
    sparse->mutable_indices()->add_dims(1);
    sparse->mutable_indices()->add_int64_data(2);
    sparse->add_dims(3);
    m.node("Add", {"d", "s"}, {"c"});
    m.node("Add", {"x", "c"}, {"y"});
    EXPECT_EQ(difference(run_model(m, f32({3}, {0, 0, 0})), f32({3}, {1, -1, 17}), 0, 0), "");
    sparse->mutable_indices()->set_int64_data(0, 3);
    EXPECT_THAT(problem(m), HasSubstr("tensor 's': is sparse, and an index is out of range"));
}

namespace {

// x + c, whose data lies elsewhere: the entries of its external data, and what is said of them.
struct Outside {
    std::map<std::string, std::string> entries;
    const char* problem; // "": it can be read
};

OnnxModel with_outside(const Outside& outside) {
    OnnxModel m;
    m.input("x", {2}).output("y");
    auto* t = m.tensor("c", {2}, 1);
    t->set_data_location(1);
    for (const auto& [key, value] : outside.entries) {
        auto* entry = t->add_external_data();
        entry->set_key(key);
        entry->set_value(value);
    }
    m.node("Add", {"x", "c"}, {"y"});
    return m;
}

void save_weights() {
    const float values[] = {0, 3, 4};
    OnnxModel::save_bytes("weights.bin",
                          std::string(reinterpret_cast<const char*>(values), sizeof values));
}

} // namespace

TEST(Onnx, reads_weights_from_a_file_beside_the_model) {
    save_weights();
    const Outside rows[] = {
        {{{"location", "weights.bin"}, {"offset", "4"}}, ""},
        {{{"location", "weights.bin"}, {"offset", "4"}, {"length", "8"}, {"checksum", "0"}}, ""},
        {{{"location", "../weights.bin"}}, "outside the model's folder: '../weights.bin'"},
        {{{"location", "a/../../weights.bin"}}, "outside the model's folder"},
        {{{"location", "/etc/passwd"}}, "outside the model's folder"},
        {{}, "outside the model's folder"},
        {{{"location", "absent.bin"}}, "absent.bin: holds weights of the model and cannot be read"},
        {{{"location", "."}}, "cannot be read"},
        {{{"location", "weights.bin"}, {"offset", "5"}}, "weights.bin: is too short for"},
        {{{"location", "weights.bin"}, {"offset", "18446744073709551615"}}, "is too short for"},
        {{{"location", "weights.bin"}, {"offset", "-4"}}, "is '-4', which is no number of bytes"},
        {{{"location", "weights.bin"}, {"offset", "4k"}}, "is '4k', which is no number of bytes"},
        {{{"location", "weights.bin"}, {"length", "12"}}, "has 12 bytes, and its shape needs 8"},
    };
    for (const Outside& row : rows) {
        const OnnxModel m = with_outside(row);
        if (*row.problem)
            EXPECT_THAT(problem(m), HasSubstr(row.problem));
        else
            EXPECT_EQ(difference(run_model(m, f32({2}, {1, 1})), f32({2}, {4, 5}), 0, 0), "");
    }
}

TEST(Onnx, weights_beside_the_model_count_for_its_key) {
    save_weights();
    const std::string path = with_outside({{{"location", "weights.bin"}}, ""}).save("outside.onnx");
    const std::string before = content_hash(path).value();
    OnnxModel::save_bytes("weights.bin", "other bytes.");
    EXPECT_NE(content_hash(path).value(), before);
}

TEST(Onnx, says_what_is_wrong_with_a_file) {
    EXPECT_THAT(problem("/nowhere/model.onnx"), HasSubstr("/nowhere/model.onnx: no such file"));
    EXPECT_THAT(problem(testing::TempDir()), HasSubstr("is not a regular file"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("empty.onnx", "")), HasSubstr("is empty"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("text.onnx", "hello, world")),
                HasSubstr("not an ONNX model"));
    EXPECT_THAT(problem(OnnxModel::save_bytes("text.bin", "hello, world")),
                HasSubstr("not a model of a known format ("));
    EXPECT_THAT(problem(OnnxModel::save_bytes("cut.onnx", relu().bytes().substr(0, 30))),
                HasSubstr("damaged or cut short"));
    EXPECT_THAT(problem(OnnxModel()), HasSubstr("has no nodes"));
    OnnxModel late(99);
    late.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
    EXPECT_THAT(problem(late), HasSubstr("opset 99; opsets 1 to 28 can be read"));
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

// Operators, inputs and weights alike.
TEST(Onnx, names_everything_unsupported_at_once) {
    OnnxModel m;
    m.input("words", {1}, 8).input("x", {1}).output("y");
    m.tensor("tiny", {1}, 17);
    m.node("Frobnicate", {"words", "x"}, {"a"});
    m.node("LinearRegressor", {"a"}, {"b"})->set_domain("ai.onnx.ml");
    m.node("Add", {"b", "tiny"}, {"y"});
    const std::string found = problem(m);
    for (const char* part :
         {"input 'words' is not a tensor of numbers (read by node 'the_Frobnicate' (Frobnicate))",
          "tensor 'tiny' is of float8, which cannot be computed with (read by node 'the_Add' "
          "(Add))",
          "Frobnicate (1 node: the_Frobnicate)",
          "ai.onnx.ml.LinearRegressor (1 node: the_LinearRegressor)"})
        EXPECT_THAT(found, HasSubstr(part));
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
        {"no node makes output 'mean'", // only in training
         [](OnnxModel& m) {
             m.node("BatchNormalization", {"y", "y", "y", "y", "y"}, {"z", "mean", "variance"});
             m.output("mean");
         }},
        {"reads 'mean', which nothing makes",
         [](OnnxModel& m) {
             m.node("BatchNormalization", {"y", "y", "y", "y", "y"}, {"z", "mean", "variance"});
             m.node("Neg", {"mean"}, {"w"});
         }},
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
        {"'c' is of string, which cannot be computed with (read by nobody)",
         [](OnnxModel& m) { m.tensor("c", {1}, 8); }},
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
