// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes small OpenVINO IR files for tests.
#pragma once

#include "inference/tensor.h"
#include "tests/test_folder.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace infer {

class IrModel {
public:
    explicit IrModel(int version = 11) : version(version) {}

    struct Output {
        std::string type = "f32"; // as in attributes
        Shape shape;
        std::string names = {};
    };
    struct From {
        int layer = 0;
        size_t port = 0;
    };

    // All of these give the layer's number.
    int input(const std::string& name, const Shape& shape, const std::string& type = "f32") {
        return layer(name, "Parameter@opset1",
                     "element_type=\"" + type + "\" shape=\"" + listed(shape) + "\"", {},
                     {{type, shape}});
    }

    // Numbers as the file has them.
    int constant(const std::string& type, const Shape& shape, const std::string& bytes) {
        const size_t at = weights.size();
        weights += bytes;
        return layer("", "Const@opset1",
                     "element_type=\"" + type + "\" shape=\"" + listed(shape) + "\" offset=\"" +
                         std::to_string(at) + "\" size=\"" + std::to_string(bytes.size()) + "\"",
                     {}, {{type, shape}});
    }

    int constant(const Tensor& t) {
        const char* bytes = static_cast<const char*>(t.view().data);
        return constant(t.type() == ElementType::Bool ? "boolean" : std::string(name_of(t.type())),
                        t.shape(), std::string(bytes, t.view().size_bytes()));
    }

    // type: "Convolution@opset1"; data: its attributes.
    int layer(const std::string& name, const std::string& type, const std::string& data,
              const std::vector<From>& from, const std::vector<Output>& outputs) {
        const int id = layers_++;
        const size_t at = type.find('@');
        std::string& x = body;
        x += "<layer id=\"" + std::to_string(id) + "\" name=\"" +
             (name.empty() ? "layer" + std::to_string(id) : name) + "\" type=\"" +
             type.substr(0, at) + "\" version=\"" + type.substr(at + 1) + "\">";
        x += data.empty() ? "" : "<data " + data + "/>";
        size_t port = 0;
        x += from.empty() ? "" : "<input>";
        for (const From& f : from) {
            x += this->port(port, outputs_[{f.layer, f.port}], false);
            edges += "<edge from-layer=\"" + std::to_string(f.layer) + "\" from-port=\"" +
                     std::to_string(first_[f.layer] + f.port) + "\" to-layer=\"" +
                     std::to_string(id) + "\" to-port=\"" + std::to_string(port++) + "\"/>";
        }
        x += from.empty() ? "" : "</input>";
        first_[id] = port;
        x += outputs.empty() ? "" : "<output>";
        for (size_t k = 0; k < outputs.size(); k++) {
            outputs_[{id, k}] = outputs[k];
            x += this->port(port + k, outputs[k], true);
        }
        x += outputs.empty() ? "" : "</output>";
        x += "</layer>\n";
        return id;
    }

    int result(From from, const std::string& name = "") {
        return layer(name, "Result@opset1", "", {from}, {});
    }

    std::string xml() const {
        return "<?xml version=\"1.0\"?>\n<net name=\"test\" version=\"" + std::to_string(version) +
               "\"><layers>\n" + body + "</layers><edges>" + edges + "</edges>" + tail + "</net>\n";
    }

    // Written to NAME.xml and NAME.bin of the test's own; the path of the .xml.
    std::string save(const std::string& name) const {
        test_file(name + ".bin", weights);
        return test_file(name + ".xml", xml());
    }

    int version;
    std::string body, edges, weights;
    std::string tail; // what follows the edges: <rt_info>...

private:
    static std::string listed(const Shape& shape) {
        std::string text;
        for (int64_t d : shape)
            text += (text.empty() ? "" : ",") + (d < 0 ? "?" : std::to_string(d));
        return text;
    }

    static std::string port(size_t id, const Output& output, bool named) {
        static const std::map<std::string, std::string> types = {
            {"f32", "FP32"}, {"f16", "FP16"}, {"boolean", "BOOL"}, {"i64", "I64"},
            {"i32", "I32"},  {"u8", "U8"},    {"i8", "I8"},        {"bool", "BOOL"}};
        std::string x = "<port id=\"" + std::to_string(id) + "\" precision=\"" +
                        (types.contains(output.type) ? types.at(output.type) : "FP32") + "\"";
        x += named && !output.names.empty() ? " names=\"" + output.names + "\">" : ">";
        for (int64_t d : output.shape)
            x += "<dim>" + std::to_string(d) + "</dim>";
        return x + "</port>";
    }

    int layers_ = 0;
    std::map<int, size_t> first_; // by layer: number of its first output port
    std::map<std::pair<int, size_t>, Output> outputs_;
};

} // namespace infer
