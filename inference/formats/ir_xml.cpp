// SPDX-License-Identifier: LGPL-2.1-or-later
// The .xml file of an OpenVINO IR, versions 10 and 11, as plain structs. Only this file knows
// pugixml.
#include "inference/formats/format.h"
#include "inference/formats/ir_parts.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <pugixml.hpp>

namespace infer::ir {
namespace {

constexpr size_t max_xml_bytes = size_t{1} << 28; // the largest known are a few MiB

std::optional<int64_t> integer(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return {};
    return value;
}

std::string_view trimmed(std::string_view text) {
    const char* spaces = " \t\r\n";
    const size_t from = text.find_first_not_of(spaces), to = text.find_last_not_of(spaces);
    return from == text.npos ? "" : text.substr(from, to - from + 1);
}

// One dimension: "8", "-1", "?", "1..16".
std::optional<int64_t> dimension(std::string_view text) {
    text = trimmed(text);
    if (text == "?" || text == "-1" || text.find("..") != text.npos)
        return -1;
    const auto value = integer(text);
    return value && *value >= 0 ? value : std::nullopt;
}

// "a,b" with "\," for a comma in a name.
std::vector<std::string> names_of(std::string_view text) {
    std::vector<std::string> names;
    std::string name;
    for (size_t i = 0; i < text.size(); i++)
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',')
            name += text[++i];
        else if (text[i] == ',')
            names.push_back(std::exchange(name, {}));
        else
            name += text[i];
    names.push_back(name);
    std::erase(names, "");
    std::sort(names.begin(), names.end()); // OpenVINO keeps a set and shows its first
    return names;
}

class XmlReader {
public:
    explicit XmlReader(const std::string& path) : path_(path) {}
    Result<File> read(pugi::xml_node net);

private:
    Result<void> read_graph(pugi::xml_node graph, File& file) const;
    Result<Body> read_body(pugi::xml_node layer, const std::string& word) const;
    Error wrong(std::string what) const { return {Error::InvalidModel, path_, std::move(what)}; }
    Result<Layer> read_layer(pugi::xml_node node) const;
    Result<std::vector<Port>> read_ports(pugi::xml_node list, const Layer& layer) const;
    Result<Edge> read_edge(pugi::xml_node node) const;
    Result<int64_t> read_id(pugi::xml_node node, const char* key) const;
    void read_metadata(pugi::xml_node net, File& file) const;

    const std::string& path_;
    mutable int depth_ = 0;
};

Result<int64_t> XmlReader::read_id(pugi::xml_node node, const char* key) const {
    const char* text = node.attribute(key).value();
    if (const auto value = integer(text); value && *value >= 0)
        return *value;
    return wrong("<" + std::string(node.name()) + "> has " + key + "='" + text +
                 "', which is no number from 0 on");
}

Result<std::vector<Port>> XmlReader::read_ports(pugi::xml_node list, const Layer& layer) const {
    std::vector<Port> ports;
    for (pugi::xml_node node : list.children("port")) {
        auto id = read_id(node, "id");
        if (!id.ok())
            return id.error();
        Port port{id.value(), {}, {}, names_of(node.attribute("names").value())};
        port.type = type_of(node.attribute("precision").value());
        for (pugi::xml_node dim : node.children("dim")) {
            const auto size = dimension(dim.child_value());
            if (!size)
                return wrong("layer '" + layer.name + "' has a port with dimension '" +
                             dim.child_value() + "'");
            port.shape.push_back(*size);
        }
        ports.push_back(std::move(port));
    }
    return ports;
}

Result<Layer> XmlReader::read_layer(pugi::xml_node node) const {
    Layer layer;
    auto id = read_id(node, "id");
    if (!id.ok())
        return id.error();
    layer.id = id.value();
    layer.type = node.attribute("type").value();
    layer.name = node.attribute("name").value();
    layer.version = node.attribute("version").as_string("opset1");
    layer.output_names = names_of(node.attribute("output_names").value());
    if (layer.version.starts_with("opset"))
        layer.opset = integer(std::string_view(layer.version).substr(5)).value_or(0);
    else
        layer.opset = 0;
    if (layer.type.empty())
        return wrong("layer " + std::to_string(layer.id) + " has no type");
    if (layer.name.empty())
        layer.name = layer.type + "_" + std::to_string(layer.id);
    for (pugi::xml_attribute a : node.child("data").attributes())
        layer.data[a.name()] = a.value();
    auto inputs = read_ports(node.child("input"), layer);
    if (!inputs.ok())
        return inputs.error();
    auto outputs = read_ports(node.child("output"), layer);
    if (!outputs.ok())
        return outputs.error();
    layer.inputs = std::move(inputs.value());
    layer.outputs = std::move(outputs.value());
    for (const char* word : {"then", "else"})
        if (layer.type == "If") {
            auto body = read_body(node, word);
            if (!body.ok())
                return body.error();
            layer.bodies.push_back(std::move(body.value()));
        }
    return layer;
}

// <then_body> and <then_port_map>, which has <input external_port_id internal_layer_id> and
// <output> with the same.
Result<Body> XmlReader::read_body(pugi::xml_node layer, const std::string& word) const {
    if (depth_ >= max_depth)
        return Error{Error::Unsupported, path_,
                     "has graphs in graphs, more than " + std::to_string(max_depth) + " deep"};
    const pugi::xml_node graph = layer.child((word + "_body").c_str());
    if (!graph.child("layers"))
        return wrong("layer '" + std::string(layer.attribute("name").value()) + "' has no <" +
                     word + "_body> with <layers>");
    Body body;
    for (pugi::xml_node entry : layer.child((word + "_port_map").c_str()).children()) {
        auto port = read_id(entry, "external_port_id"), id = read_id(entry, "internal_layer_id");
        if (!port.ok() || !id.ok())
            return port.ok() ? id.error() : port.error();
        const bool is_input = std::string_view(entry.name()) == "input";
        (is_input ? body.inputs : body.outputs)[port.value()] = id.value();
    }
    File file;
    depth_++;
    auto read = read_graph(graph, file);
    depth_--;
    if (!read.ok())
        return read.error();
    body.file = std::make_shared<const File>(std::move(file));
    return body;
}

Result<Edge> XmlReader::read_edge(pugi::xml_node node) const {
    int64_t ids[4];
    const char* keys[] = {"from-layer", "from-port", "to-layer", "to-port"};
    for (size_t k = 0; k < 4; k++) {
        auto id = read_id(node, keys[k]);
        if (!id.ok())
            return id.error();
        ids[k] = id.value();
    }
    return Edge{ids[0], ids[1], ids[2], ids[3]};
}

// <rt_info><model_info><labels value="a b"/>...: what Model API writes into a model, under the keys
// that formats/model_metadata.cpp knows.
void XmlReader::read_metadata(pugi::xml_node net, File& file) const {
    file.metadata["producer"] = "OpenVINO";
    for (pugi::xml_node entry : net.child("rt_info").child("model_info"))
        if (pugi::xml_attribute value = entry.attribute("value"))
            file.metadata[std::string("model_info ") + entry.name()] = value.value();
    // newer files: <rt_info><info name="model_info"><info name="labels" value="a b"/>...
    for (pugi::xml_node group : net.child("rt_info").children("info"))
        if (std::strcmp(group.attribute("name").value(), "model_info") == 0)
            for (pugi::xml_node entry : group.children())
                file.metadata[std::string("model_info ") +
                              entry.attribute("name").as_string(entry.name())] =
                    entry.attribute("value").value();
}

Result<void> XmlReader::read_graph(pugi::xml_node graph, File& file) const {
    for (pugi::xml_node node : graph.child("layers").children("layer")) {
        auto layer = read_layer(node);
        if (!layer.ok())
            return layer.error();
        file.layers.push_back(std::move(layer.value()));
    }
    for (pugi::xml_node node : graph.child("edges").children("edge")) {
        auto edge = read_edge(node);
        if (!edge.ok())
            return edge.error();
        file.edges.push_back(edge.value());
    }
    return {};
}

Result<File> XmlReader::read(pugi::xml_node net) {
    File file;
    if (!net || !net.child("layers"))
        return wrong("is not an OpenVINO IR: it has no <net> with <layers>");
    const char* version = net.attribute("version").value();
    file.version = integer(version).value_or(0);
    if (file.version != 10 && file.version != 11)
        return Error{Error::Unsupported, path_,
                     "is an OpenVINO IR of version '" + std::string(version) +
                         "'; versions 10 and 11 can be read. Convert the model again with "
                         "OpenVINO 2021 or newer"};
    if (auto ok = read_graph(net, file); !ok.ok())
        return ok.error();
    read_metadata(net, file);
    return file;
}

} // namespace

std::optional<ElementType> type_of(std::string_view name) {
    static const std::map<std::string_view, ElementType> names = {
        {"f32", ElementType::F32},      {"FP32", ElementType::F32},  {"f16", ElementType::F16},
        {"FP16", ElementType::F16},     {"bf16", ElementType::BF16}, {"BF16", ElementType::BF16},
        {"f64", ElementType::F64},      {"FP64", ElementType::F64},  {"i8", ElementType::I8},
        {"I8", ElementType::I8},        {"u8", ElementType::U8},     {"U8", ElementType::U8},
        {"i16", ElementType::I16},      {"I16", ElementType::I16},   {"u16", ElementType::U16},
        {"U16", ElementType::U16},      {"i32", ElementType::I32},   {"I32", ElementType::I32},
        {"u32", ElementType::U32},      {"U32", ElementType::U32},   {"i64", ElementType::I64},
        {"I64", ElementType::I64},      {"u64", ElementType::U64},   {"U64", ElementType::U64},
        {"boolean", ElementType::Bool}, {"BOOL", ElementType::Bool},
    };
    const auto it = names.find(name);
    return it == names.end() ? std::nullopt : std::optional(it->second);
}

std::optional<Shape> shape_of(std::string_view text) {
    Shape shape;
    text = trimmed(text);
    if (text == "...")
        return Shape{unranked};
    if (text.starts_with('[') && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        const auto size = dimension(text.substr(0, comma));
        if (!size)
            return {};
        shape.push_back(*size);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return shape;
}

Result<File> read_xml(const std::string& path) {
    auto bytes = read_file(path);
    if (!bytes.ok())
        return bytes.error();
    if (bytes.value().empty())
        return Error{Error::InvalidModel, path, "is empty"};
    if (bytes.value().size() > max_xml_bytes)
        return Error{Error::Unsupported, path,
                     "is larger than 256 MiB, too large for an IR's .xml"};
    pugi::xml_document document;
    const auto parsed = document.load_buffer_inplace(bytes.value().data(), bytes.value().size(),
                                                     pugi::parse_default);
    if (!parsed)
        return Error{Error::InvalidModel, path,
                     std::string("is not well-formed XML, or is damaged or cut short: ") +
                         parsed.description() + " at byte " + std::to_string(parsed.offset)};
    return XmlReader(path).read(document.child("net"));
}

} // namespace infer::ir
