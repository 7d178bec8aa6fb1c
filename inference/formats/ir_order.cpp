// SPDX-License-Identifier: LGPL-2.1-or-later
// Layers of an OpenVINO IR in an order in which they can run, and only those that results need.
#include "inference/formats/ir_parts.h"

#include <algorithm>
#include <unordered_map>

namespace infer::ir {
namespace {

using Feeds = std::vector<std::vector<std::pair<size_t, size_t>>>;
constexpr size_t nobody = SIZE_MAX;

std::string shown(const Layer& layer) {
    return "layer '" + layer.name + "' (" + layer.type + "@" + layer.version + ")";
}

std::optional<size_t> port_index(const std::vector<Port>& ports, int64_t id) {
    for (size_t k = 0; k < ports.size(); k++)
        if (ports[k].id == id)
            return k;
    return {};
}

Result<Feeds> connect(const File& file, const std::string& where) {
    const auto wrong = [&](const std::string& what) {
        return Error{Error::InvalidModel, where, what};
    };
    std::unordered_map<int64_t, size_t> by_id;
    for (size_t k = 0; k < file.layers.size(); k++)
        if (!by_id.emplace(file.layers[k].id, k).second)
            return wrong("has two layers with id " + std::to_string(file.layers[k].id));
    Feeds feeds(file.layers.size());
    for (size_t k = 0; k < file.layers.size(); k++)
        feeds[k].assign(file.layers[k].inputs.size(), {nobody, 0});
    for (const Edge& edge : file.edges) {
        const auto from = by_id.find(edge.from_layer), to = by_id.find(edge.to_layer);
        const auto out = from == by_id.end()
                             ? std::nullopt
                             : port_index(file.layers[from->second].outputs, edge.from_port);
        const auto in = to == by_id.end()
                            ? std::nullopt
                            : port_index(file.layers[to->second].inputs, edge.to_port);
        if (!out || !in)
            return wrong("has an edge from layer " + std::to_string(edge.from_layer) + " port " +
                         std::to_string(edge.from_port) + " to layer " +
                         std::to_string(edge.to_layer) + " port " + std::to_string(edge.to_port) +
                         "; there is no such " + (out ? "input" : "output"));
        auto& feed = feeds[to->second][*in];
        if (feed.first != nobody)
            return wrong(shown(file.layers[to->second]) + " has two edges into its port " +
                         std::to_string(edge.to_port));
        feed = {from->second, *out};
    }
    return feeds;
}

// By layer: whether a Result needs it.
std::vector<bool> needed(const File& file, const Feeds& feeds) {
    std::vector<bool> is_needed(file.layers.size(), false);
    std::vector<size_t> open;
    const auto need = [&](size_t k) {
        if (k != nobody && !is_needed[k]) {
            is_needed[k] = true;
            open.push_back(k);
        }
    };
    for (size_t k = 0; k < file.layers.size(); k++)
        if (file.layers[k].type == "Result" || file.layers[k].type == "Parameter")
            need(k);
    while (!open.empty()) {
        const size_t k = open.back();
        open.pop_back();
        for (const auto& [from, port] : feeds[k])
            need(from);
    }
    return is_needed;
}

} // namespace

// Kahn's algorithm; layers that are ready run in the order of the file.
Result<Order> order_of(const File& file, const std::string& where) {
    auto found = connect(file, where);
    if (!found.ok())
        return found.error();
    Order order{{}, std::move(found.value())};
    const std::vector<bool> is_needed = needed(file, order.feeds);
    std::vector<std::vector<size_t>> users(file.layers.size());
    std::vector<size_t> waits(file.layers.size(), 0);
    std::set<size_t> ready;
    for (size_t k = 0; k < file.layers.size(); k++) {
        if (!is_needed[k])
            continue;
        for (size_t p = 0; p < order.feeds[k].size(); p++) {
            const size_t from = order.feeds[k][p].first;
            if (from == nobody)
                return Error{Error::InvalidModel, where,
                             shown(file.layers[k]) + " gets nothing at its input port " +
                                 std::to_string(file.layers[k].inputs[p].id) +
                                 ": an edge is missing"};
            users[from].push_back(k);
            waits[k]++;
        }
        if (waits[k] == 0)
            ready.insert(k);
    }
    while (!ready.empty()) {
        order.layers.push_back(ready.extract(ready.begin()).value());
        for (size_t user : users[order.layers.back()])
            if (--waits[user] == 0)
                ready.insert(user);
    }
    for (size_t k = 0; k < file.layers.size(); k++)
        if (waits[k] > 0)
            return Error{Error::InvalidModel, where,
                         shown(file.layers[k]) +
                             " waits for its own result: the graph has a cycle"};
    return order;
}

} // namespace infer::ir
