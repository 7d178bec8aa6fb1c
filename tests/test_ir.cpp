// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading OpenVINO IR: names, types, constants, and what happens to files that are wrong or
// damaged.
#include "tests/ir_model.h"
#include "tests/npz.h"

#include "inference/formats/ir_parts.h"
#include "inference/model.h"
#include "inference/processing.h"

#include <gmock/gmock.h>

#include <set>

using namespace infer;
using testing::HasSubstr;

namespace {

// Error text of loading the model, "" if it loads.
std::string problem(const std::string& path) {
    const auto graph = load_model(path);
    return graph.ok() ? "" : graph.error().text();
}

std::string problem(const IrModel& model) { return problem(model.save("model")); }

Tensor f32(Shape shape, std::vector<float> values) {
    return make_tensor<float>(ElementType::F32, std::move(shape), std::span<const float>(values));
}

// x (1x2) -> x + (10, 20) -> relu
IrModel small() {
    IrModel m;
    const int x = m.input("x", {1, 2}), c = m.constant(f32({1, 2}, {10, 20}));
    const int sum =
        m.layer("sum", "Add@opset1", "auto_broadcast=\"numpy\"", {{x}, {c}}, {{"f32", {1, 2}}});
    const int y = m.layer("y", "ReLU@opset1", "", {{sum}}, {{"f32", {1, 2}}});
    m.result({y});
    return m;
}

Graph loaded(const IrModel& model) {
    auto graph = load_model(model.save("loaded"));
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    return graph.ok() ? std::move(graph.value()) : Graph();
}

std::vector<float> run(const IrModel& model, const Tensor& x) {
    const Graph graph = loaded(model);
    auto outputs = run_reference(graph, {x});
    EXPECT_TRUE(outputs.ok());
    const Tensor y = outputs.ok() ? outputs.value()[0] : Tensor(ElementType::F32, {0});
    return {y.span<float>().begin(), y.span<float>().end()};
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const size_t at = text.find(what);
    EXPECT_NE(at, text.npos) << what;
    return text.replace(std::min(at, text.size()), at == text.npos ? 0 : what.size(), by);
}

} // namespace

TEST(Ir, runs_what_its_layers_say) {
    EXPECT_EQ(run(small(), f32({1, 2}, {-30, 5})), (std::vector<float>{0, 25}));
}

TEST(Ir, names_outputs_as_its_users_know_them) {
    struct Case {
        const char *what, *names, *result_names, *name;
    } cases[] = {
        {"the layer that makes it", "", "", "y"},
        {"its tensor", "scores", "", "scores"},
        {"the first of its tensor's names", "zeta,alpha", "", "alpha"},
        {"a name with a comma", "a\\,b", "", "a,b"},
        {"what its result says", "scores", "final", "final"},
    };
    for (const Case& c : cases) {
        IrModel m = small();
        m.body = replaced(m.body, "<output><port id=\"1\" precision=\"FP32\"",
                          "<output><port id=\"1\" precision=\"FP32\" names=\"" +
                              std::string(c.names) + "\"");
        if (*c.result_names)
            m.body =
                replaced(m.body, "type=\"Result\"",
                         "type=\"Result\" output_names=\"" + std::string(c.result_names) + "\"");
        const Graph graph = loaded(m);
        EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
        EXPECT_EQ(graph.value(graph.outputs[0]).name, c.name) << c.what;
    }
}

TEST(Ir, gives_each_of_two_outputs_of_one_layer_a_name) {
    IrModel m;
    const int x = m.input("x", {1, 4}),
              axis =
                  m.constant(make_tensor<int64_t>(ElementType::I64, {}, std::vector<int64_t>{1}));
    const int s = m.layer("parts", "Split@opset1", "num_splits=\"2\"", {{x}, {axis}},
                          {{"f32", {1, 2}}, {"f32", {1, 2}}});
    m.result({s, 0});
    m.result({s, 1});
    m.result({s, 1}, "again");
    const Graph graph = loaded(m);
    std::vector<std::string> names;
    for (ValueId v : graph.outputs)
        names.push_back(graph.value(v).name);
    EXPECT_EQ(names, (std::vector<std::string>{"parts.0", "parts.1", "again"}));
}

TEST(Ir, a_name_used_twice_is_made_unique) {
    IrModel m = small();
    m.body = replaced(m.body, "name=\"sum\"", "name=\"y\"");
    EXPECT_EQ(problem(m), "");
}

TEST(Ir, widens_half_precision_with_and_without_a_conversion) {
    for (bool convert : {false, true}) {
        IrModel m(convert ? 11 : 10);
        const int x = m.input("x", {1, 2}, convert ? "f32" : "f16");
        int c = m.constant("f16", {1, 2}, std::string("\x00\x3e\x00\xc0", 4)); // 1.5, -2
        if (convert)
            c = m.layer("", "Convert@opset1", "destination_type=\"f32\"", {{c}}, {{"f32", {1, 2}}});
        m.result({m.layer("y", "Multiply@opset1", "", {{x}, {c}}, {{"f32", {1, 2}}})});
        EXPECT_EQ(run(m, f32({1, 2}, {2, 3})), (std::vector<float>{3, -6}));
    }
}

// i8 weights: Convert, Subtract, Multiply on constants are folded, bias and batch norm too.
TEST(Ir, folds_what_packs_weights) {
    IrModel m;
    const int x = m.input("x", {1, 1, 2, 2}), w = m.constant("i8", {1, 1, 1, 1}, "\x05");
    const int wide =
        m.layer("", "Convert@opset1", "destination_type=\"f32\"", {{w}}, {{"f32", {1, 1, 1, 1}}});
    const int zero = m.constant(f32({1, 1, 1, 1}, {1})),
              scale = m.constant(f32({1, 1, 1, 1}, {0.5f}));
    const int less = m.layer("", "Subtract@opset1", "", {{wide}, {zero}}, {{"f32", {1, 1, 1, 1}}});
    const int weights =
        m.layer("", "Multiply@opset1", "", {{less}, {scale}}, {{"f32", {1, 1, 1, 1}}});
    const int conv = m.layer("", "Convolution@opset1",
                             "strides=\"1,1\" pads_begin=\"0,0\" pads_end=\"0,0\" "
                             "dilations=\"1,1\" auto_pad=\"explicit\"",
                             {{x}, {weights}}, {{"f32", {1, 1, 2, 2}}});
    const int bias = m.constant(f32({1, 1, 1, 1}, {3}));
    m.result({m.layer("y", "Add@opset1", "", {{conv}, {bias}}, {{"f32", {1, 1, 2, 2}}})});
    EXPECT_EQ(run(m, f32({1, 1, 2, 2}, {0, 1, 2, 3})), (std::vector<float>{3, 5, 7, 9}));
    Graph graph = loaded(m);
    ASSERT_TRUE(optimize(graph).ok());
    ASSERT_EQ(graph.nodes.size(), 1u);
    EXPECT_EQ(graph.nodes[0].op, "Conv");
}

TEST(Ir, model_info_becomes_metadata) {
    for (const char* info :
         {"<model_info><labels value=\"cat dog\"/><model_type value=\"ssd\"/></model_info>",
          "<info name=\"model_info\"><info name=\"labels\" value=\"cat dog\"/>"
          "<info name=\"model_type\" value=\"ssd\"/></info>"}) {
        IrModel m = small();
        m.tail = "<rt_info>" + std::string(info) + "</rt_info>";
        const ModelConfig config = metadata_config(loaded(m).metadata);
        EXPECT_EQ(config.labels, (std::vector<std::string>{"cat", "dog"}));
        EXPECT_EQ(config.decoder, "ssd");
    }
}

TEST(Ir, content_of_both_files_makes_the_key) {
    const std::string first = content_hash(small().save("key")).value();
    EXPECT_EQ(content_hash(small().save("key")).value(), first);
    IrModel weights = small(), text = small();
    weights.weights[0]++;
    text.body += " ";
    EXPECT_NE(content_hash(weights.save("key")).value(), first);
    EXPECT_NE(content_hash(text.save("key")).value(), first);
}

TEST(Ir, names_every_unsupported_layer_at_once) {
    IrModel m;
    const int x = m.input("x", {1});
    const int a = m.layer("a", "Frobnicate@opset7", "", {{x}}, {{"f32", {1}}});
    const int b = m.layer("b", "Frobnicate@opset7", "", {{a}}, {{"f32", {1}}});
    const int c = m.layer("c", "ReLU@extension", "", {{b}}, {{"f32", {1}}});
    m.layer("nobody needs it", "Assign@opset3", "", {{c}}, {{"f32", {1}}});
    m.result({c});
    EXPECT_THAT(problem(m), HasSubstr("cannot be run: Frobnicate@opset7 (2 nodes: a, b); "
                                      "ReLU@extension (1 node: c)"));
}

TEST(Ir, says_what_is_wrong_with_a_file) {
    struct Case {
        const char *what, *find, *put; // in the .xml of small()
    } cases[] = {
        {"not well-formed XML", "</layers>", ""},
        {"version '7'; versions 10 and 11 can be read", "version=\"11\"", "version=\"7\""},
        {"<layer> has id='zero'", "<layer id=\"0\"", "<layer id=\"zero\""},
        {"two layers with id 0", "<layer id=\"1\"", "<layer id=\"0\""},
        {"has no type", "type=\"ReLU\"", "type=\"\""},
        {"a port with dimension 'many'", "<dim>2</dim>", "<dim>many</dim>"},
        {"an edge from layer 9 port 0 to layer 2", "from-layer=\"1\"", "from-layer=\"9\""},
        {"there is no such input", "to-port=\"1\"", "to-port=\"7\""},
        {"has two edges into its port 0", "to-port=\"1\"", "to-port=\"0\""},
        {"layer 'sum' (Add@opset1) gets nothing at its input port 1",
         "<edge from-layer=\"1\" from-port=\"0\" to-layer=\"2\" to-port=\"1\"/>", ""},
        {"waits for its own result: the graph has a cycle",
         "<edge from-layer=\"0\" from-port=\"0\"", "<edge from-layer=\"3\" from-port=\"1\""},
        {"has no outputs", "type=\"Result\"", "type=\"ReLU\""},
        {"layer 'layer1' (Const@opset1): lies at bytes 4 to 12 of the .bin, which has 8",
         "offset=\"0\"", "offset=\"4\""},
        {"has offset '-4'", "offset=\"0\"", "offset=\"-4\""},
        {"of f32 takes 8 bytes", "size=\"8\"", "size=\"7\""},
        {"no shape or too large", "shape=\"1,2\" offset", "shape=\"99999999,99999999\" offset"},
        {"no shape or too large", "shape=\"1,2\" offset", "shape=\"?,2\" offset"},
        {"holds numbers of type 'u4'", "element_type=\"f32\" shape=\"1,2\" offset",
         "element_type=\"u4\" shape=\"1,2\" offset"},
        {"takes numbers of type 'string'", "element_type=\"f32\"", "element_type=\"string\""},
        {"auto_broadcast is 'pdpd'", "numpy", "pdpd"},
        {"node 'sum' (Add)", "<dim>1</dim>", "<dim>-1</dim>"},
    };
    for (const Case& c : cases) {
        const IrModel m = small();
        m.save("wrong");
        const std::string found = problem(test_file("wrong.xml", replaced(m.xml(), c.find, c.put)));
        if (std::string(c.find) == "<dim>1</dim>") {
            EXPECT_EQ(found, "") << "declared shapes of layers do not matter";
            continue;
        }
        EXPECT_THAT(found, HasSubstr(c.what));
        EXPECT_THAT(found, HasSubstr("wrong.xml")) << "names the file";
    }
}

TEST(Ir, says_which_file_is_missing_or_meant) {
    const std::string alone = test_file("alone.xml", small().xml());
    EXPECT_THAT(problem(alone), HasSubstr("alone.bin: no such file; it holds the weights of"));
    small().save("both");
    EXPECT_THAT(problem(test_file("both.bin", "1234")), HasSubstr("give the .xml beside it"));
    EXPECT_THAT(problem(test_file("both.xml", "")), HasSubstr("both.xml: is empty"));
    EXPECT_THAT(problem(test_file("both.xml", "<net><a/></net>")),
                HasSubstr("is not an OpenVINO IR: it has no <net> with <layers>"));
}

// Depth alone must not end the process.
TEST(Ir, deep_nesting_is_refused) {
    std::string deep = "<?xml version=\"1.0\"?><net version=\"11\"><layers>";
    for (int k = 0; k < 200000; k++)
        deep += "<a>";
    EXPECT_THAT(problem(test_file("deep.xml", deep)), HasSubstr("not well-formed XML"));
    for (int k = 0; k < 200000; k++)
        deep += "</a>";
    EXPECT_THAT(problem(test_file("deep.xml", deep + "</layers></net>")),
                HasSubstr("has no outputs"));
}

namespace {

// y = c ? x + x : -x, as the file has graphs in graphs.
std::string branches() {
    const auto port = [](int id) {
        return "<port id=\"" + std::to_string(id) + "\" precision=\"FP32\"><dim>2</dim></port>";
    };
    const auto parameter = [&](int id, const std::string& name, const std::string& type,
                               const std::string& shape) {
        return "<layer id=\"" + std::to_string(id) + "\" name=\"" + name +
               "\" type=\"Parameter\" version=\"opset1\"><data shape=\"" + shape +
               "\" element_type=\"" + type + "\"/><output>" + port(0) + "</output></layer>";
    };
    const auto body = [&](const std::string& type, bool twice) {
        const std::string edge = "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"1\" to-port=";
        return "<layers>" + parameter(0, "p", "f32", "2") + "<layer id=\"1\" name=\"q\" type=\"" +
               type + "\" version=\"opset1\"><input>" + port(0) + (twice ? port(1) : "") +
               "</input><output>" + port(2) +
               "</output></layer><layer id=\"2\" name=\"r\" type=\"Result\" "
               "version=\"opset1\"><input>" +
               port(0) + "</input></layer></layers><edges>" + edge + "\"0\"/>" +
               (twice ? edge + "\"1\"/>" : "") +
               "<edge from-layer=\"1\" from-port=\"2\" to-layer=\"2\" to-port=\"0\"/></edges>";
    };
    const std::string map = "<input external_port_id=\"1\" internal_layer_id=\"0\"/>"
                            "<output external_port_id=\"2\" internal_layer_id=\"2\"/>";
    return "<?xml version=\"1.0\"?><net name=\"test\" version=\"11\"><layers>" +
           parameter(0, "c", "boolean", "") + parameter(1, "x", "f32", "2") +
           "<layer id=\"2\" name=\"choice\" type=\"If\" version=\"opset8\"><then_port_map>" + map +
           "</then_port_map><else_port_map>" + map + "</else_port_map><input>" + port(0) + port(1) +
           "</input><output>" + port(2) + "</output><then_body>" + body("Add", true) +
           "</then_body><else_body>" + body("Negative", false) +
           "</else_body></layer><layer id=\"3\" name=\"out\" type=\"Result\" "
           "version=\"opset1\"><input>" +
           port(0) +
           "</input></layer></layers><edges>"
           "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"2\" to-port=\"0\"/>"
           "<edge from-layer=\"1\" from-port=\"0\" to-layer=\"2\" to-port=\"1\"/>"
           "<edge from-layer=\"2\" from-port=\"2\" to-layer=\"3\" to-port=\"0\"/></edges></net>";
}

} // namespace

TEST(Ir, runs_the_graph_that_a_condition_chooses) {
    auto graph = load_model(test_file("branches.xml", branches()));
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    ASSERT_TRUE(optimize(graph.value()).ok());
    for (const bool condition : {true, false}) {
        Tensor c(ElementType::Bool, {});
        c.span<uint8_t>()[0] = condition;
        auto outputs = run_reference(graph.value(), {c, f32({2}, {1, 2})});
        ASSERT_TRUE(outputs.ok()) << outputs.error().text();
        const auto y = outputs.value()[0].span<float>();
        EXPECT_EQ(std::vector<float>(y.begin(), y.end()),
                  condition ? (std::vector<float>{2, 4}) : (std::vector<float>{-1, -2}));
    }
}

TEST(Ir, says_what_is_wrong_with_graphs_in_graphs) {
    struct Case {
        const char *what, *find, *put; // in branches()
    } cases[] = {
        {"cannot be run: Frobnicate@opset1 (1 node: q)", "Negative", "Frobnicate"},
        {"comes from no port", "<input external_port_id=\"1\"", "<input external_port_id=\"7\""},
        {"gives nothing to output port 2", "internal_layer_id=\"2\"", "internal_layer_id=\"9\""},
        {"layer 'choice' (If@opset8): layer 'q' (Add@opset1) has two edges into its port 0",
         "to-layer=\"1\" to-port=\"1\"/>", "to-layer=\"1\" to-port=\"0\"/>"},
        {"<input> has external_port_id='x'", "external_port_id=\"1\"", "external_port_id=\"x\""},
    };
    for (const Case& c : cases) {
        const std::string found =
            problem(test_file("wrong.xml", replaced(branches(), c.find, c.put)));
        EXPECT_THAT(found, HasSubstr(c.what));
        EXPECT_THAT(found, HasSubstr("wrong.xml"));
    }
    const std::string other = replaced(branches(), "<else_body>", "<other>");
    EXPECT_THAT(problem(test_file("wrong.xml", replaced(other, "</else_body>", "</other>"))),
                HasSubstr("layer 'choice' has no <else_body> with <layers>"));
    std::string deep;
    for (int k = 0; k < 100; k++)
        deep += "<layer id=\"0\" type=\"If\" version=\"opset8\"><then_body><layers>";
    std::string shut;
    for (int k = 0; k < 100; k++)
        shut += "</layers></then_body></layer>";
    EXPECT_THAT(problem(test_file("wrong.xml", "<net version=\"11\"><layers>" + deep + shut +
                                                   "</layers></net>")),
                HasSubstr("graphs in graphs, more than 32 deep"));
}

// A .bin of a few bytes cannot fill the memory, however many constants read it.
TEST(Ir, constants_that_share_their_bytes_share_memory_or_are_refused) {
    IrModel m = small();
    m.weights.resize(1 << 22);
    std::vector<IrModel::From> from;
    for (int k = 0; k < 64; k++)
        from.push_back(
            {m.layer("", "Const@opset1",
                     "element_type=\"f32\" shape=\"" + std::to_string((1 << 20) - k) +
                         "\" offset=\"0\" size=\"" + std::to_string(4 * ((1 << 20) - k)) + "\"",
                     {}, {{"f32", {(1 << 20) - k}}})});
    m.result({m.layer("all", "Concat@opset1", "axis=\"0\"", from, {{"f32", {1}}})});
    EXPECT_THAT(problem(m),
                HasSubstr("shares its bytes of the .bin with too many other constants"));
}

namespace {

// Damages the file in `count` deterministic ways; it must load or be refused, never crash.
void damage(const std::string& xml, const std::string& bin, int count) {
    uint32_t state = 12345;
    const auto next = [&](size_t below) {
        state = state * 1664525 + 1013904223;
        return size_t(state >> 8) % below;
    };
    for (int n = 0; n < count; n++) {
        std::string bad = xml, weights = bin;
        if (n % 8 == 7)
            weights.resize(next(weights.size()));
        else if (n % 8 == 6)
            bad.resize(next(bad.size()));
        else
            for (size_t k = 0; k <= next(3); k++)
                bad[next(bad.size())] = n % 2 ? "0123456789-,"[next(12)] : char(32 + next(95));
        test_file("damaged.bin", weights);
        auto graph = load_model(test_file("damaged.xml", bad));
        if (!graph.ok())
            EXPECT_THAT(graph.error().text(), HasSubstr("damaged."));
        else
            (void)optimize(graph.value());
    }
}

std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

// docs/operators.md, "OpenVINO IR": the first two columns say exactly what the rules say.
TEST(Ir, operators_are_all_documented) {
    const char* root = std::getenv("GI_SOURCE_ROOT");
    std::ifstream file(std::string(root ? root : ".") + "/docs/operators.md");
    std::set<std::string> documented, known;
    bool here = false;
    for (std::string line; std::getline(file, line);) {
        here = line.starts_with("## ") ? line == "## OpenVINO IR" : here;
        if (here && line.starts_with("| `"))
            documented.insert(line);
    }
    for (const std::span<const ir::Rule> table : ir::all_rules())
        for (const ir::Rule& rule : table)
            known.insert("| `" + std::string(rule.type) + "` | " + std::to_string(rule.first) +
                         " | " + std::string(rule.operators) + " |");
    EXPECT_EQ(documented, known);
}

TEST(Ir, damaged_files_are_refused_or_loaded_but_never_crash) {
    damage(small().xml(), small().weights, 1500);
    damage(branches(), "0", 500);
}

TEST(Ir, damaged_real_files_are_refused_or_loaded_but_never_crash) {
    if (shared_folder().empty())
        GTEST_SKIP() << "no shared/models";
    const std::string path = shared_folder() + "/models/landmarks-regression-retail-0009-fp16-int8/"
                                               "landmarks-regression-retail-0009-fp16-int8";
    damage(bytes_of(path + ".xml"), bytes_of(path + ".bin"), 120);
}

// Results of OpenVINO 2026.4, CPU.
TEST(Ir, gives_as_many_boxes_as_there_are) {
    const struct {
        const char* type;
        const char* data;
        bool least; // a score threshold of 0.5
        std::vector<int64_t> rows;
    } cases[] = {
        {"NonMaxSuppression@opset1", "", false, {0, 0, 3, 0, 1, 1, 0, 0, 0, 0, 1, 4, 0, 0, 5}},
        {"NonMaxSuppression@opset9", "", false, {0, 0, 3, 0, 1, 1, 0, 0, 0, 0, 1, 4, 0, 0, 5}},
        {"NonMaxSuppression@opset9", "", true, {0, 0, 3, 0, 1, 1, 0, 0, 0}},
        {"NonMaxSuppression@opset5",
         "sort_result_descending=\"false\"",
         false,
         {0, 0, 3, 0, 0, 0, 0, 0, 5, 0, 1, 1, 0, 1, 4}},
    };
    const Tensor boxes = f32({1, 6, 4}, {0, 0,  1, 1,  0, 0.1f,  1, 1.1f,  0, -0.1f, 1, 0.9f,
                                         0, 10, 1, 11, 0, 10.1f, 1, 11.1f, 0, 100,   1, 101});
    for (const auto& c : cases) {
        SCOPED_TRACE(c.type);
        IrModel m;
        std::vector<IrModel::From> from{
            {m.constant(boxes)},
            {m.input("scores", {1, 2, 6})},
            {m.constant(make_tensor<int64_t>(ElementType::I64, {}, std::vector<int64_t>{3}))},
            {m.constant(f32({}, {0.5f}))}};
        if (c.least)
            from.push_back({m.constant(f32({}, {0.5f}))});
        m.result({m.layer("y", c.type, c.data, from, {{"i64", {-1, 3}}})});
        const Graph graph = loaded(m);
        EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{-1, 3}));
        const auto out = run_reference(graph, {f32({1, 2, 6}, {0.9f, 0.75f, 0.6f, 0.95f, 0.5f, 0.3f,
                                                               0.1f, 0.95f, 0.2f, 0.3f, 0.5f, 0})});
        ASSERT_TRUE(out.ok()) << out.error().text();
        EXPECT_TRUE(std::ranges::equal(out.value()[0].span<int64_t>(), c.rows));
    }
}

TEST(Ir, lists_what_is_not_zero) {
    IrModel m;
    m.result({m.layer("y", "NonZero@opset3", "output_type=\"i32\"", {{m.input("x", {2, 2})}},
                      {{"i32", {2, -1}}})});
    const auto out = run_reference(loaded(m), {f32({2, 2}, {0, 1, 0, 2})});
    ASSERT_TRUE(out.ok()) << out.error().text();
    EXPECT_EQ(out.value()[0].shape(), (Shape{2, 2}));
    EXPECT_TRUE(
        std::ranges::equal(out.value()[0].span<int32_t>(), std::vector<int32_t>{0, 1, 1, 1}));
}
