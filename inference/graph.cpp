// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/graph.h"

namespace infer {
namespace {

template <typename T> T get(const Node& node, const std::string& key, T fallback) {
    const auto it = node.attrs.find(key);
    if (it == node.attrs.end())
        return fallback;
    const T* value = std::get_if<T>(&it->second);
    return value ? *value : fallback;
}

} // namespace

int64_t Node::attr(const std::string& key, int64_t fallback) const {
    return get(*this, key, fallback);
}

float Node::attr(const std::string& key, float fallback) const { return get(*this, key, fallback); }

std::string Node::attr(const std::string& key, const char* fallback) const {
    return get(*this, key, std::string(fallback));
}

std::vector<int64_t> Node::attr(const std::string& key, std::vector<int64_t> fallback) const {
    return get(*this, key, std::move(fallback));
}

ValueId Graph::add_value(Value value) {
    values.push_back(std::move(value));
    return ValueId(values.size() - 1);
}

} // namespace infer
