// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading ONNX files: what older opsets meant.
#include "tests/onnx_rig.h"

using namespace infer;

namespace {

const OldNode old_nodes[] = {
    {"Add along an axis that is named",
     6,
     [](OnnxModel& m) {
         m.floats("c", {2}, {10, 20});
         auto* n = m.node("Add", {"x", "c"}, {"y"});
         set_int(n, "broadcast", 1);
         set_int(n, "axis", 0);
     },
     {2, 4},
     {10, 11, 12, 13, 24, 25, 26, 27}},
    {"Mul along the last axes",
     6,
     [](OnnxModel& m) {
         m.floats("c", {4}, {1, 2, 3, 4});
         set_int(m.node("Mul", {"x", "c"}, {"y"}), "broadcast", 1);
     },
     {2, 4},
     {0, 2, 6, 12, 4, 10, 18, 28}},
    {"PRelu with a slope a channel",
     6,
     [](OnnxModel& m) {
         m.floats("slope", {2}, {0.5, 2}).floats("five", {1}, {-5});
         set_ints(m.node("Reshape", {"x"}, {"r"}), "shape", {1, 2, 4});
         set_int(m.node("Add", {"r", "five"}, {"n"}), "broadcast", 1);
         m.node("PRelu", {"n", "slope"}, {"y"});
         m.file.mutable_opset_import(0)->set_version(4);
     },
     {1, 2, 4},
     {-2.5, -2, -1.5, -1, -2, 0, 1, 2}},
    {"Reshape, Concat and Cast of the first opsets",
     3,
     [](OnnxModel& m) {
         set_ints(m.node("Reshape", {"x"}, {"r"}), "shape", {0, 2, 2});
         set_text(m.node("Cast", {"r"}, {"i"}), "to", "INT32");
         set_text(m.node("Cast", {"i"}, {"f"}), "to", "FLOAT");
         m.node("Concat", {"f", "r"}, {"y"});
     },
     {2, 4, 2},
     {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7}},
    {"Pad and Upsample of opset 1",
     1,
     [](OnnxModel& m) {
         set_ints(m.node("Pad", {"x"}, {"p"}), "paddings", {0, 0, 0, 1});
         set_ints(m.node("Reshape", {"p"}, {"r"}), "shape", {1, 1, 2, 5});
         auto* n = m.node("Upsample", {"r"}, {"y"});
         set_float(n, "height_scale", 1);
         set_float(n, "width_scale", 2);
     },
     {1, 1, 2, 10},
     {0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 4, 4, 5, 5, 6, 6, 7, 7, 0, 0}},
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
    for (const OldNode& row : old_nodes)
        check(row);
}
