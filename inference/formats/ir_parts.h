// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of the OpenVINO IR reader share: the .xml file as plain structs (ir_xml.cpp), its
// weights (ir_weights.cpp), and the rules that say one operator in the graph's words (ir_*.cpp).
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer::ir {

// As declared: the type is one the file names and may not be computed in; -1 is a free dimension.
struct Port {
    int64_t id = 0;
    std::optional<ElementType> type;
    Shape shape;
    std::vector<std::string> names; // of the tensor, as the model's author gave them; often none
};

struct File;

// A graph inside a layer, and which of its own layers are which ports of the layer around it.
struct Body {
    std::shared_ptr<const File> file;
    std::map<int64_t, int64_t> inputs, outputs; // port -> id of a Parameter, of a Result
};

struct Layer {
    int64_t id = 0;
    std::string type, name;                // "Convolution", and what the file calls this one
    int64_t opset = 1;                     // of its type, 1 to 15; 0: not one of OpenVINO's opsets
    std::string version;                   // as written, "opset1"
    std::vector<std::string> output_names; // of a Result: what users know the output by
    std::map<std::string, std::string> data; // its attributes
    std::vector<Port> inputs, outputs;
    std::vector<Body> bodies; // If: then, else
};

struct Edge {
    int64_t from_layer = 0, from_port = 0, to_layer = 0, to_port = 0;
};

struct File {
    int64_t version = 0; // of the format, 10 or 11
    std::vector<Layer> layers;
    std::vector<Edge> edges;
    std::map<std::string, std::string> metadata; // "model_info KEY", "mean_values"...
};

constexpr int max_depth = 32; // of graphs in graphs

// Reads the .xml. Errors name the file and the layer.
Result<File> read_xml(const std::string& path);

// Names of element types in attributes ("f16", "boolean") and in ports ("FP16", "BOOL").
std::optional<ElementType> type_of(std::string_view name);

// Half and double precision become f32.
ElementType computed(ElementType type);

// "1, 3, ?, 8..16": a shape as attributes have it; nothing if it is none. "...": {unranked}.
std::optional<Shape> shape_of(std::string_view text);

// The content of a Const layer, in the type it is computed in. `where` names the layer.
Result<Tensor> read_constant(const Layer& layer, std::string_view weights,
                             const std::string& where);

// The tensor's numbers in `type`, which must be computable.
Tensor converted(const Tensor& t, ElementType type);

// The layers that results need, makers first, by index into file.layers. Refuses cycles, edges
// that lead nowhere, and inputs that no edge feeds.
struct Order {
    std::vector<size_t> layers;
    // by layer: for each of its inputs the layer and the output (index) that feeds it
    std::vector<std::vector<std::pair<size_t, size_t>>> feeds;
};
Result<Order> order_of(const File& file, const std::string& where);

class Call;

// How one operator of the IR is said in the graph's words.
struct Rule {
    std::string_view type;      // as in the file: "Convolution"
    int64_t first, last;        // opsets in which the type has this meaning
    std::string_view operators; // what it becomes, as docs/operators.md lists it: "Conv"
    void (*translate)(Call&);
};

const Rule* find_rule(const Layer& layer); // nullptr: this layer cannot be translated
std::span<const std::span<const Rule>> all_rules();

// One layer while it is translated. Wrong attributes and inputs are kept as the first problem;
// the accessors then give what does no harm, so that rules need not check each of them.
class Call {
public:
    Call(Graph& graph, const Layer& layer, std::vector<ValueId> inputs,
         std::vector<ValueId> outputs)
        : graph_(graph), layer_(layer), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

    const Layer& layer() const { return layer_; }
    const std::optional<Error>& problem() const { return problem_; }
    void invalid(const std::string& what);
    void unsupported(const std::string& what);

    // Attributes. An attribute that is there must be of its kind and, for ints, within max_dim.
    bool has(const std::string& key) const;
    std::string text(const std::string& key, const std::string& fallback); // in lower case
    bool flag(const std::string& key, bool fallback);
    int64_t integer(const std::string& key, int64_t fallback);
    float number(const std::string& key, float fallback);
    std::vector<int64_t> ints(const std::string& key, std::vector<int64_t> fallback = {});
    std::vector<float> floats(const std::string& key);

    // Inputs and outputs of the layer. An input it does not have is none.
    size_t inputs() const { return inputs_.size(); }
    ValueId in(size_t k) const { return k < inputs_.size() ? inputs_[k] : none; }
    // none also for an output past the first that nobody reads.
    ValueId out(size_t k) const { return k < outputs_.size() ? outputs_[k] : none; }
    size_t outputs() const { return outputs_.size(); }
    void expect(size_t least, size_t most);

    // What is known of a value already: its declared type and dimensions, its constant content.
    ElementType type(ValueId v) const {
        return v == none ? ElementType::F32 : graph_.value(v).type;
    }
    Shape shape(ValueId v) const; // a copy: nodes that are added move values
    size_t rank(ValueId v) const { return shape(v).size(); }
    const Tensor* constant(ValueId v) const;
    // The numbers of an integer constant at input k; a problem names it `what` if it is none.
    std::vector<int64_t> constant_ints(size_t k, const char* what);
    float constant_float(size_t k, const char* what);

    // Makes constants.
    ValueId add(Tensor tensor);
    ValueId add_ints(const std::vector<int64_t>& values);
    ValueId add_number(float value, const Shape& shape = {});
    // The value as i64: shapes, axes and indices must be.
    ValueId as_i64(ValueId v);
    ValueId as_type(ValueId v, ElementType type);

    // Adds a node whose only result is new; of `type` and `rank` dimensions.
    ValueId node(const std::string& op, std::vector<ValueId> inputs,
                 std::map<std::string, Attr> attrs = {}, ElementType type = ElementType::F32,
                 size_t rank = 0);
    // The same with a new result for each type.
    std::vector<ValueId> nodes(const std::string& op, std::vector<ValueId> inputs,
                               std::map<std::string, Attr> attrs,
                               const std::vector<ElementType>& types, size_t rank);
    // Adds a node that makes the layer's outputs; those at the end that nobody reads are left out.
    void emit(const std::string& op, std::vector<ValueId> inputs,
              std::map<std::string, Attr> attrs = {});
    // The same with all of them, read or not.
    void emit_all(const std::string& op, std::vector<ValueId> inputs,
                  std::map<std::string, Attr> attrs);
    // The layer's output k is `v`, which another node makes.
    void become(size_t k, ValueId v);
    // The layer's first output is this constant.
    void emit_constant(Tensor tensor);

private:
    std::string made_name(const std::string& what) const;
    const std::string* find(const std::string& key) const;

    Graph& graph_;
    const Layer& layer_;
    std::vector<ValueId> inputs_, outputs_;
    std::optional<Error> problem_;
};

} // namespace infer::ir
