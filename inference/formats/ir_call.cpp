// SPDX-License-Identifier: LGPL-2.1-or-later
// What the rules of the IR reader see of a layer, and how they add to the graph.
#include "inference/formats/ir_parts.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <charconv>

namespace infer::ir {
namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return text;
}

std::vector<std::string> parts_of(const std::string& text) {
    std::vector<std::string> parts;
    std::string part;
    for (char c : text)
        if (c == ',' || c == ' ' || c == '\t' || c == '\n') {
            if (!part.empty())
                parts.push_back(std::exchange(part, {}));
        } else
            part += c;
    if (!part.empty())
        parts.push_back(part);
    return parts;
}

template <typename T> std::optional<T> parse(const std::string& text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end)
        return {};
    return value;
}

// Integers that were written as "1.0" count too.
std::optional<int64_t> whole(const std::string& text) {
    if (const auto value = parse<int64_t>(text))
        return std::clamp(*value, -max_dim, max_dim);
    const auto real = parse<double>(text);
    if (!real || *real != double(int64_t(std::clamp(*real, -1e9, 1e9))))
        return {};
    return int64_t(*real);
}

} // namespace

void Call::invalid(const std::string& what) {
    if (!problem_)
        problem_ = Error{Error::InvalidModel, "", what};
}

void Call::unsupported(const std::string& what) {
    if (!problem_)
        problem_ = Error{Error::Unsupported, "", what};
}

const std::string* Call::find(const std::string& key) const {
    const auto it = layer_.data.find(key);
    return it == layer_.data.end() ? nullptr : &it->second;
}

bool Call::has(const std::string& key) const { return find(key) != nullptr; }

std::string Call::text(const std::string& key, const std::string& fallback) {
    const std::string* text = find(key);
    return text && !text->empty() ? lower(*text) : fallback;
}

bool Call::flag(const std::string& key, bool fallback) {
    const std::string word = text(key, fallback ? "true" : "false");
    if (word != "true" && word != "1" && word != "false" && word != "0")
        invalid(key + " is '" + word + "', not true or false");
    return word == "true" || word == "1";
}

int64_t Call::integer(const std::string& key, int64_t fallback) {
    const std::string* text = find(key);
    if (!text || text->empty())
        return fallback;
    if (const auto value = whole(*text))
        return *value;
    invalid(key + " is '" + *text + "', not a whole number");
    return fallback;
}

float Call::number(const std::string& key, float fallback) {
    const std::string* text = find(key);
    if (!text || text->empty())
        return fallback;
    if (const auto value = parse<double>(*text))
        return float(*value);
    invalid(key + " is '" + *text + "', not a number");
    return fallback;
}

std::vector<int64_t> Call::ints(const std::string& key, std::vector<int64_t> fallback) {
    const std::string* text = find(key);
    if (!text)
        return fallback;
    std::vector<int64_t> values;
    for (const std::string& part : parts_of(*text))
        if (const auto value = whole(part))
            values.push_back(*value);
        else
            invalid(key + " is '" + *text + "', not a list of whole numbers");
    return values;
}

std::vector<float> Call::floats(const std::string& key) {
    std::vector<float> values;
    const std::string* text = find(key);
    for (const std::string& part : text ? parts_of(*text) : std::vector<std::string>())
        if (const auto value = parse<double>(part))
            values.push_back(float(*value));
        else
            invalid(key + " is '" + *text + "', not a list of numbers");
    return values;
}

void Call::expect(size_t least, size_t most) {
    if (inputs() < least || inputs() > most)
        invalid("has " + std::to_string(inputs()) + " inputs, takes " + std::to_string(least) +
                (most == least ? "" : " to " + std::to_string(most)));
}

Shape Call::shape(ValueId v) const { return v == none ? Shape() : graph_.value(v).shape; }

const Tensor* Call::constant(ValueId v) const {
    return v != none && graph_.value(v).constant ? &*graph_.value(v).constant : nullptr;
}

std::vector<int64_t> Call::constant_ints(size_t k, const char* what) {
    const Tensor* t = constant(in(k));
    if (!t || t->type() == ElementType::F32 || t->shape().size() > 1) {
        unsupported("its " + std::string(what) + " (input " + std::to_string(k) +
                    ") must be a constant list of whole numbers");
        return {};
    }
    const Tensor wide = converted(*t, ElementType::I64);
    std::vector<int64_t> values(wide.span<int64_t>().begin(), wide.span<int64_t>().end());
    for (int64_t& v : values)
        v = std::clamp(v, -max_dim, max_dim);
    return values;
}

float Call::constant_float(size_t k, const char* what) {
    const Tensor* t = constant(in(k));
    if (t && count(t->shape()) == 1)
        return converted(*t, ElementType::F32).span<float>()[0];
    unsupported("its " + std::string(what) + " (input " + std::to_string(k) +
                ") must be one constant number");
    return 0;
}

std::string Call::made_name(const std::string& what) const {
    return layer_.name + "/" + what + std::to_string(graph_.values.size());
}

ValueId Call::add(Tensor tensor) {
    const ElementType type = tensor.type();
    Shape shape = tensor.shape();
    return graph_.add_value({made_name("constant"), type, std::move(shape), std::move(tensor)});
}

ValueId Call::add_ints(const std::vector<int64_t>& values) {
    return add(make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values));
}

ValueId Call::add_number(float value, const Shape& shape) {
    return add(make_tensor<float>(ElementType::F32, shape, std::span<const float>(&value, 1)));
}

ValueId Call::as_type(ValueId v, ElementType wanted) {
    if (v == none)
        return none;
    constexpr int64_t small = 65536; // larger ones are left to constant folding, which has limits
    if (const Tensor* t = constant(v); t && (t->type() == wanted || count(t->shape()) <= small))
        return t->type() == wanted ? v : add(converted(*t, wanted));
    if (type(v) == wanted)
        return v;
    return node("Cast", {v}, {{"to", std::string(name_of(wanted))}}, wanted, rank(v));
}

ValueId Call::as_i64(ValueId v) { return as_type(v, ElementType::I64); }

std::vector<ValueId> Call::nodes(const std::string& op, std::vector<ValueId> inputs,
                                 std::map<std::string, Attr> attrs,
                                 const std::vector<ElementType>& types, size_t rank) {
    std::vector<ValueId> made;
    for (ElementType type : types)
        made.push_back(graph_.add_value({made_name(op), type, Shape(rank, -1), {}}));
    graph_.nodes.push_back({op, layer_.name + "/" + op, std::move(attrs), std::move(inputs), made});
    return made;
}

ValueId Call::node(const std::string& op, std::vector<ValueId> inputs,
                   std::map<std::string, Attr> attrs, ElementType type, size_t rank) {
    return nodes(op, std::move(inputs), std::move(attrs), {type}, rank)[0];
}

void Call::emit_all(const std::string& op, std::vector<ValueId> inputs,
                    std::map<std::string, Attr> attrs) {
    graph_.nodes.push_back({op, layer_.name, std::move(attrs), std::move(inputs), outputs_});
}

void Call::become(size_t k, ValueId v) {
    if (out(k) != none)
        graph_.nodes.push_back({"Identity", layer_.name, {}, {v}, {out(k)}});
}

void Call::emit(const std::string& op, std::vector<ValueId> inputs,
                std::map<std::string, Attr> attrs) {
    while (!inputs.empty() && inputs.back() == none)
        inputs.pop_back();
    std::vector<ValueId> made = outputs_;
    while (!made.empty() && made.back() == none)
        made.pop_back();
    graph_.nodes.push_back({op, layer_.name, std::move(attrs), std::move(inputs), std::move(made)});
}

void Call::emit_constant(Tensor tensor) {
    if (outputs_.empty() || outputs_[0] == none)
        return;
    Value& value = graph_.value(outputs_[0]);
    value.type = tensor.type();
    value.shape = tensor.shape();
    value.constant = std::move(tensor);
}

} // namespace infer::ir
