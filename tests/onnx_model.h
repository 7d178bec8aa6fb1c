// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes small ONNX files for tests.
#pragma once

#include "inference/formats/onnx.pb.h"
#include "inference/tensor.h"
#include "tests/test_folder.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace infer {

class OnnxModel {
public:
    explicit OnnxModel(int64_t opset = 13) {
        file.set_ir_version(8);
        auto* set = file.add_opset_import();
        set->set_version(opset);
    }

    onnx_pb::GraphBody& graph() { return *file.mutable_graph(); }

    // -1: a free dimension.
    OnnxModel& input(const std::string& name, const Shape& shape, int type = 1) {
        auto* value = graph().add_input();
        value->set_name(name);
        auto* tensor = value->mutable_type()->mutable_tensor_type();
        tensor->set_elem_type(type);
        for (int64_t d : shape)
            if (auto* dim = tensor->mutable_shape()->add_dim(); d < 0)
                dim->set_symbol("n");
            else
                dim->set_value(d);
        return *this;
    }

    OnnxModel& output(const std::string& name) {
        graph().add_output()->set_name(name);
        return *this;
    }

    OnnxModel& floats(const std::string& name, const Shape& shape,
                      const std::vector<float>& values) {
        auto* t = tensor(name, shape, 1);
        t->mutable_float_data()->Add(values.begin(), values.end());
        return *this;
    }

    OnnxModel& ints(const std::string& name, const std::vector<int64_t>& values) {
        auto* t = tensor(name, {int64_t(values.size())}, 7);
        t->mutable_int64_data()->Add(values.begin(), values.end());
        return *this;
    }

    onnx_pb::TensorData* tensor(const std::string& name, const Shape& shape, int type) {
        auto* t = graph().add_initializer();
        t->set_name(name);
        t->set_data_type(type);
        t->mutable_dims()->Add(shape.begin(), shape.end());
        return t;
    }

    onnx_pb::Operation* node(const std::string& op, const std::vector<std::string>& in,
                             const std::vector<std::string>& out) {
        auto* n = graph().add_node();
        n->set_op_type(op);
        n->set_name("the_" + op);
        for (const auto& name : in)
            n->add_input(name);
        for (const auto& name : out)
            n->add_output(name);
        return n;
    }

    std::string bytes() const { return file.SerializeAsString(); }

    // Written to a file of the test's own; its path.
    std::string save(const std::string& name) const { return save_bytes(name, bytes()); }

    static std::string save_bytes(const std::string& name, const std::string& bytes) {
        return test_file(name, bytes);
    }

    onnx_pb::ModelFile file;
};

inline void set_ints(onnx_pb::Operation* node, const std::string& name,
                     const std::vector<int64_t>& values) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(7);
    a->mutable_ints()->Add(values.begin(), values.end());
}

inline void set_int(onnx_pb::Operation* node, const std::string& name, int64_t value) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(2);
    a->set_i(value);
}

inline void set_float(onnx_pb::Operation* node, const std::string& name, float value) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(1);
    a->set_f(value);
}

inline void set_text(onnx_pb::Operation* node, const std::string& name, const std::string& value) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(3);
    a->set_s(value);
}

// conv + batch norm + relu, pooling, resize, concat, reshape by shape arithmetic, softmax: a bit of
// everything that is read, worked out, folded and fused.
inline OnnxModel small_network() {
    OnnxModel m(12);
    m.input("image", {-1, 2, 8, 8}).output("scores").output("features");
    std::vector<float> weights(4 * 2 * 3 * 3);
    for (size_t i = 0; i < weights.size(); i++)
        weights[i] = float(int(i * 7 % 11) - 5) / 10;
    m.floats("w", {4, 2, 3, 3}, weights)
        .floats("ones", {4}, {1, 2, 1, 2})
        .floats("zeros", {4}, {0, 1, 0, -1});
    m.floats("scales", {4}, {1, 1, 2, 2})
        .floats("six", {}, {6})
        .floats("low", {}, {0})
        .ints("axis", {0})
        .ints("one", {-1});
    set_text(m.node("Conv", {"image", "w"}, {"c"}), "auto_pad", "SAME_UPPER");
    m.node("BatchNormalization", {"c", "ones", "zeros", "zeros", "ones"}, {"b"});
    m.node("Clip", {"b", "low", "six"}, {"r"});
    auto* pool = m.node("MaxPool", {"r"}, {"p"});
    set_ints(pool, "kernel_shape", {2, 2});
    set_ints(pool, "strides", {2, 2});
    m.node("Resize", {"p", "", "scales"}, {"u"});
    set_int(m.node("Concat", {"r", "u"}, {"features"}), "axis", 1);
    m.node("Shape", {"features"}, {"s"});
    m.node("Gather", {"s", "axis"}, {"n"});
    set_int(m.node("Concat", {"n", "one"}, {"flat"}), "axis", 0);
    m.node("Reshape", {"features", "flat"}, {"rows"});
    m.node("Softmax", {"rows"}, {"scores"});
    return m;
}

} // namespace infer
