// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/op_rows.h"

#include "inference/ops/kernel.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace infer {
namespace {

std::optional<ElementType> type_named(const std::string& name) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == name)
            return ElementType(k);
    return {};
}

Shape shape_named(const std::string& text) {
    Shape shape;
    std::stringstream in(text == "scalar" ? "" : text);
    for (std::string d; std::getline(in, d, 'x');)
        shape.push_back(std::stoll(d));
    return shape;
}

Attr parse_attr(const std::string& text) {
    if (text.starts_with('"'))
        return text.substr(1, text.size() - 2);
    std::vector<std::string> words;
    std::stringstream in(text);
    for (std::string word; in >> word;)
        words.push_back(word);
    const bool is_float = text.find_first_of(".e") != text.npos;
    const bool is_list = words.size() != 1 || words[0] == "[]" || text.ends_with(' ');
    std::vector<int64_t> ints;
    std::vector<float> floats;
    for (const std::string& word : words)
        is_float ? floats.push_back(std::stof(word)) : ints.push_back(std::stoll(word));
    if (is_float)
        return is_list ? Attr(floats) : Attr(floats[0]);
    return is_list ? Attr(ints) : Attr(ints[0]);
}

// One line of a row; false if it is malformed. `attr NAME = V`, `ints NAME = V...` (a list, also of
// one).
bool parse_line(OpRow& row, const std::string& line) {
    const std::string word = line.substr(0, line.find(' ')),
                      rest = line.substr(std::min(line.size(), word.size() + 1));
    if (word == "refuse") {
        row.refuse = true;
        return true;
    }
    if (word == "attr" || word == "ints") {
        const size_t equals = rest.find(" = ");
        if (equals == rest.npos)
            return false;
        const std::string value = rest.substr(equals + 3) + (word == "ints" ? " " : "");
        row.attrs[rest.substr(0, equals)] = parse_attr(value);
        return true;
    }
    if (line == "in none") {
        row.inputs.push_back({});
        return true;
    }
    const auto tensor = parse_tensor(rest);
    if (!tensor || (word != "in" && word != "out"))
        return false;
    if (word == "in")
        row.inputs.push_back(tensor);
    else
        row.outputs.push_back(*tensor);
    return true;
}

bool parse_file(const std::filesystem::path& path, std::vector<OpRow>& rows) {
    std::ifstream file(path);
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        number++;
        const size_t text = line.find_first_not_of(' ');
        if (text == line.npos || line[text] == '#')
            continue;
        const std::string where = path.filename().string() + ":" + std::to_string(number);
        bool good = true;
        if (text == 0) {
            const size_t colon = line.find(": ");
            good = colon != line.npos;
            rows.push_back({line.substr(0, colon),
                            good ? line.substr(colon + 2) : "",
                            where,
                            {},
                            {},
                            {},
                            false});
        } else
            good = !rows.empty() && parse_line(rows.back(), line.substr(text));
        if (!good) {
            std::cerr << where << ": malformed: " << line << "\n";
            return false;
        }
    }
    return true;
}

} // namespace

std::optional<Tensor> parse_tensor(const std::string& text) {
    std::stringstream in(text);
    std::string type, shape, equals, number;
    in >> type >> shape >> equals;
    const auto element = type_named(type);
    if (!element || !computable(*element) || equals != "=")
        return {};
    Tensor t(*element, shape_named(shape));
    bool good = true;
    visit(*element, [&]<typename T>(std::type_identity<T>) {
        for (T& v : t.span<T>()) {
            good &= bool(in >> number);
            if constexpr (std::is_integral_v<T>)
                v = T(std::strtoll(number.c_str(), nullptr, 0));
            else
                v = std::strtof(number.c_str(), nullptr);
        }
    });
    return good && !(in >> number) ? std::optional(t) : std::nullopt;
}

const std::vector<OpRow>& op_rows() {
    static const std::vector<OpRow> rows = [] {
        std::vector<OpRow> all;
        const char* root = std::getenv("GI_SOURCE_ROOT");
        std::vector<std::filesystem::path> files;
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(root ? root : ".") + "/tests/ops"))
            files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const auto& path : files)
            if (path.extension() == ".txt" && !parse_file(path, all))
                return std::vector<OpRow>();
        return all;
    }();
    return rows;
}

Graph graph_of(const OpRow& row, const std::vector<bool>& constants) {
    Graph graph;
    Node node{row.op, "test", row.attrs, {}, {}};
    for (size_t k = 0; k < row.inputs.size(); k++) {
        if (!row.inputs[k]) {
            node.inputs.push_back(none);
            continue;
        }
        const Tensor& t = *row.inputs[k];
        const ValueId id = graph.add_value({"x" + std::to_string(k), t.type(), t.shape(), {}});
        if (k < constants.size() && constants[k])
            graph.value(id).constant = t;
        else
            graph.inputs.push_back(id);
        node.inputs.push_back(id);
    }
    for (size_t k = 0; k < row.outputs.size(); k++)
        node.outputs.push_back(
            graph.add_value({"y" + std::to_string(k), ElementType::F32, {}, {}}));
    graph.outputs = node.outputs;
    graph.nodes.push_back(node);
    return graph;
}

} // namespace infer
