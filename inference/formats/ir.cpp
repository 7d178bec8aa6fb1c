// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenVINO IR (NAME.xml and NAME.bin beside it), versions 10 and 11.
#include "inference/formats/format.h"
#include "inference/formats/ir_builder.h"

#include <algorithm>
#include <filesystem>

namespace infer {
namespace {

using namespace ir;

// The weights lie beside the .xml, under its name.
std::string weights_path(const std::string& path) {
    return std::filesystem::path(path).replace_extension(".bin").string();
}

using Missing = std::map<std::string, std::vector<std::string>>; // layers by type

void note_missing(const Layer& layer, Missing& missing) {
    if (!find_rule(layer))
        missing[layer.type + "@" + layer.version].push_back(layer.name);
    for (const Body& body : layer.bodies)
        for (const Layer& inner : body.file->layers)
            note_missing(inner, missing);
}

// All at once, so that somebody who converts models sees the whole of it.
Result<void> check_layers(const File& file, const Order& order, const std::string& path) {
    Missing missing;
    for (size_t k : order.layers)
        note_missing(file.layers[k], missing);
    return missing.empty() ? Result<void>() : unsupported_operators(path, missing);
}

bool has_constants(const Layer& layer) {
    return layer.type == "Const" ||
           std::any_of(layer.bodies.begin(), layer.bodies.end(), [](const Body& body) {
               return std::any_of(body.file->layers.begin(), body.file->layers.end(),
                                  has_constants);
           });
}

bool needs_weights(const File& file, const Order& order) {
    return std::any_of(order.layers.begin(), order.layers.end(),
                       [&](size_t k) { return has_constants(file.layers[k]); });
}

Result<std::string> read_weights(const std::string& path) {
    std::error_code failure;
    const std::string beside = weights_path(path);
    if (!std::filesystem::exists(beside, failure))
        return Error{Error::BadConfig, beside,
                     "no such file; it holds the weights of " + path +
                         " and must lie beside it under this name"};
    return read_file(beside);
}

Result<Graph> load_ir(const std::string& path) {
    const auto file = ir::read_xml(path);
    if (!file.ok())
        return file.error();
    const auto order = ir::order_of(file.value(), path);
    if (!order.ok())
        return order.error();
    if (auto ok = check_layers(file.value(), order.value(), path); !ok.ok())
        return ok.error();
    std::string bytes_of_file;
    if (needs_weights(file.value(), order.value())) {
        auto bytes = read_weights(path);
        if (!bytes.ok())
            return bytes.error();
        bytes_of_file = std::move(bytes.value());
    }
    Weights weights{bytes_of_file, {}, 0};
    return Builder(file.value(), order.value(), weights, path).build();
}

// <?xml, <net or a byte order mark before them.
bool matches(std::string_view head) {
    if (head.starts_with("\xef\xbb\xbf"))
        head.remove_prefix(3);
    return head.starts_with("<?xml") || head.starts_with("<net");
}

std::vector<std::string> files(const std::string& path) {
    std::error_code failure;
    std::vector<std::string> both = {path};
    if (path.ends_with(".xml") && std::filesystem::exists(weights_path(path), failure))
        both.push_back(weights_path(path));
    return both;
}

} // namespace

extern const FormatDef format_ir;
const FormatDef format_ir = {"OpenVINO IR", ".xml", matches, load_ir, files};

} // namespace infer
