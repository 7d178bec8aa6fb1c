// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/draft.h"

#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "devices/gpu/ops/pieces.h"
#include "inference/batching.h"
#include "inference/image_layout.h"
#include "inference/op.h"
#include "inference/tail.h"

#include <algorithm>

namespace infer::gpu {
namespace {

class Drafter {
public:
    Drafter(const Graph& graph, const DraftOptions& options)
        : graph_(graph), options_(options), values_(graph.values.size()) {}
    Result<Draft> run();

private:
    // A value, where it is so far: as kernels read it, and as the host does.
    struct Where {
        std::optional<Place> device, host;
    };

    Place new_place(ElementType type, const Shape& shape);
    const Place& on_device(ValueId v);
    const Place& on_host(ValueId v);
    Place converted(const Place& from, ElementType type);
    void transfer(PlannedStep::Kind kind, int root);
    Root& base(int root) { return draft_.roots[size_t(draft_.base_of(root))]; }

    void add_input(ValueId v);
    void add_output(ValueId v);
    void add_tail(const Node& node);
    Result<void> add_node(const Node& node);
    std::vector<ValueFacts> facts_of(const Node& node) const;
    bool is_of_host(const Node& node) const;
    bool add_views(const Node& node);
    void undo(size_t steps, size_t roots);
    bool add_kernels(const Node& node);
    Result<void> add_host(const Node& node);

    const Graph& graph_;
    const DraftOptions& options_;
    std::vector<Where> values_;
    Draft draft_;
    const Node* node_ = nullptr; // the one that is being added
};

Place Drafter::new_place(ElementType type, const Shape& shape) {
    draft_.roots.push_back({.bytes = size_t(count(shape)) * size_of(type)});
    return {.type = type, .shape = shape, .root = int(draft_.roots.size()) - 1};
}

void Drafter::transfer(PlannedStep::Kind kind, int root) {
    PlannedStep step{.kind = kind,
                     .name = node_ ? node_->name : "",
                     .op = kind == PlannedStep::Upload ? "Upload" : "Download"};
    step.root = root;
    draft_.steps.push_back(std::move(step));
    Root& memory = draft_.roots[size_t(root)];
    memory.on_device = memory.on_host = true;
}

// A copy in the other of F32 and F16.
Place Drafter::converted(const Place& from, ElementType type) {
    const Place to = new_place(type, from.shape);
    base(to.root).on_device = true;
    const bool widens = type == ElementType::F32;
    Launch launch{.kernel = widens ? "from_half" : "to_half",
                  .source = program_source(kernel_source("convert")),
                  .options = "-DN=1",
                  .size = {count(from.shape), 1, 1},
                  .together = 64,
                  .arguments = {from, to, count(from.shape)},
                  .writes = to.root};
    draft_.steps.push_back({.kind = PlannedStep::Kernel,
                            .name = node_ ? node_->name : "",
                            .op = "Convert",
                            .launch = std::move(launch)});
    return to;
}

const Place& Drafter::on_device(ValueId v) {
    Where& where = values_[size_t(v)];
    if (where.device)
        return *where.device;
    const Value& value = graph_.value(v);
    if (value.constant)
        return *(where.device =
                     Place{.type = value.type, .shape = value.shape, .constant = &*value.constant});
    const Place host = *where.host;
    if (!draft_.roots[size_t(host.root)].on_device)
        transfer(PlannedStep::Upload, host.root);
    const bool narrows = options_.half && host.type == ElementType::F32;
    return *(where.device = narrows ? converted(host, ElementType::F16) : host);
}

const Place& Drafter::on_host(ValueId v) {
    Where& where = values_[size_t(v)];
    if (where.host)
        return *where.host;
    const Value& value = graph_.value(v);
    if (value.constant)
        return *(where.host =
                     Place{.type = value.type, .shape = value.shape, .constant = &*value.constant});
    where.host = where.device->type == ElementType::F16 ? converted(*where.device, ElementType::F32)
                                                        : *where.device;
    if (!draft_.roots[size_t(where.host->root)].on_host)
        transfer(PlannedStep::Download, where.host->root);
    return *where.host;
}

void Drafter::add_input(ValueId v) {
    const Value& value = graph_.value(v);
    const Place place = new_place(value.type, value.shape);
    base(place.root).on_device = true;
    const bool narrows = options_.half && value.type == ElementType::F32;
    values_[size_t(v)].device = narrows ? converted(place, ElementType::F16) : place;
    InputFormat format{.type = value.type, .name = value.name, .shape = value.shape};
    format.channels_last = is_channels_last(graph_, v);
    format.layout = value.shape.size() != 4 ? InputFormat::Plain
                    : format.channels_last  ? InputFormat::NHWC
                                            : InputFormat::NCHW;
    draft_.inputs.push_back({.root = place.root, .format = std::move(format)});
}

void Drafter::add_output(ValueId v) {
    const Value& value = graph_.value(v);
    PlannedOutput output;
    output.format = {.name = value.name,
                     .type = value.type,
                     .shape = value.shape,
                     .image_column = image_column(graph_, v)};
    const Node* tail = tail_of(graph_);
    const auto of_tail =
        tail ? std::ranges::find(tail->outputs, v) : std::vector<ValueId>::const_iterator();
    if (tail && of_tail != tail->outputs.end()) {
        draft_.tail->outputs[size_t(of_tail - tail->outputs.begin())] = int(draft_.outputs.size());
    } else {
        const Where& where = values_[size_t(v)];
        output.on_host = where.host || value.constant;
        output.from = output.on_host ? on_host(v) : *where.device;
        if (output.from.type == ElementType::F16)
            output.from = converted(output.from, ElementType::F32);
    }
    draft_.outputs.push_back(std::move(output));
}

void Drafter::add_tail(const Node& node) {
    draft_.tail = PlannedTail{
        .body = node.bodies[0], .in = {}, .outputs = std::vector<int>(node.outputs.size())};
    for (const ValueId v : node.inputs)
        draft_.tail->in.push_back(on_host(v));
}

std::vector<ValueFacts> Drafter::facts_of(const Node& node) const {
    std::vector<ValueFacts> facts;
    for (const ValueId v : node.inputs) {
        if (v == none) {
            facts.push_back({.shape = {}, .present = false});
            continue;
        }
        const Value& value = graph_.value(v);
        facts.push_back(
            {value.type, value.shape, value.constant ? &*value.constant : nullptr, true});
    }
    return facts;
}

// What it works on is on the host alone and nothing to calculate with: shapes, indices, flags.
bool Drafter::is_of_host(const Node& node) const {
    return std::ranges::all_of(node.inputs, [&](ValueId v) {
        return v == none || graph_.value(v).constant ||
               (!values_[size_t(v)].device && graph_.value(v).type != ElementType::F32);
    });
}

// Outputs that are the input's memory, or parts of it.
bool Drafter::add_views(const Node& node) {
    std::vector<Shape> shapes;
    for (const ValueId v : node.outputs)
        shapes.push_back(v == none ? Shape{0} : graph_.value(v).shape);
    if (node.inputs.empty() || node.inputs[0] == none || graph_.value(node.inputs[0]).constant)
        return false;
    const auto pieces = pieces_of(node, facts_of(node), shapes);
    if (pieces.size() != node.outputs.size() || !std::ranges::all_of(pieces, &Piece::is_view))
        return false;
    const Where from = values_[size_t(node.inputs[0])];
    for (size_t k = 0; k < pieces.size(); k++)
        if (node.outputs[k] != none)
            for (auto side : {&Where::device, &Where::host})
                if (from.*side) {
                    Place view = *(from.*side);
                    view.shape = shapes[k];
                    view.offset += pieces[k].first;
                    values_[size_t(node.outputs[k])].*side = view;
                }
    return true;
}

// Takes back the last steps, which are transfers and conversions, and the last roots.
void Drafter::undo(size_t steps, size_t roots) {
    for (size_t k = steps; k < draft_.steps.size(); k++)
        if (draft_.steps[k].kind == PlannedStep::Upload)
            draft_.roots[size_t(draft_.steps[k].root)].on_device = false;
    draft_.steps.resize(steps);
    draft_.roots.resize(roots);
}

bool Drafter::add_kernels(const Node& node) {
    if (is_of_host(node))
        return false;
    const size_t steps_before = draft_.steps.size(), roots_before = draft_.roots.size();
    std::vector<Where> inputs_before;
    for (const ValueId v : node.inputs)
        inputs_before.push_back(v == none ? Where() : values_[size_t(v)]);
    std::vector<Place> in, out;
    for (const ValueId v : node.inputs)
        in.push_back(v == none ? Place{.present = false} : on_device(v));
    for (const ValueId v : node.outputs) {
        if (v == none) {
            out.push_back({.present = false});
            continue;
        }
        const Value& value = graph_.value(v);
        const bool narrows = options_.half && value.type == ElementType::F32;
        out.push_back(new_place(narrows ? ElementType::F16 : value.type, value.shape));
        base(out.back().root).on_device = true;
    }
    Writer writer(draft_, options_.hardware, options_.half, node, in, out);
    const bool is_written = std::ranges::any_of(
        all_operators(), [&](const OperatorDef* def) { return def->write(writer); });
    if (!is_written) {
        undo(steps_before, roots_before);
        for (size_t k = 0; k < node.inputs.size(); k++)
            if (node.inputs[k] != none)
                values_[size_t(node.inputs[k])] = inputs_before[k];
        return false;
    }
    for (size_t k = 0; k < out.size(); k++)
        if (node.outputs[k] != none)
            values_[size_t(node.outputs[k])].device = out[k];
    return true;
}

Result<void> Drafter::add_host(const Node& node) {
    if (!find_op(node.op))
        return Error{Error::Unsupported, node.name,
                     "neither the GPU nor the CPU has a kernel for operator " + node.op};
    PlannedStep step{.kind = PlannedStep::Host, .name = node.name, .op = node.op, .node = node};
    for (const ValueId v : node.inputs)
        step.in.push_back(v == none ? Place{.present = false} : on_host(v));
    for (const ValueId v : node.outputs) {
        if (v == none) {
            step.out.push_back({.present = false});
            continue;
        }
        step.out.push_back(new_place(graph_.value(v).type, graph_.value(v).shape));
        base(step.out.back().root).on_host = true;
        values_[size_t(v)].host = step.out.back();
    }
    draft_.steps.push_back(std::move(step));
    return {};
}

Result<void> Drafter::add_node(const Node& node) {
    node_ = &node;
    if (node.op == tail_op)
        add_tail(node);
    else if (!add_views(node) && !add_kernels(node))
        return add_host(node);
    return {};
}

Result<Draft> Drafter::run() {
    for (const ValueId v : graph_.inputs)
        add_input(v);
    for (const Node& node : graph_.nodes)
        if (auto done = add_node(node); !done.ok())
            return done.error();
    node_ = nullptr;
    for (const ValueId v : graph_.outputs)
        add_output(v);
    return std::move(draft_);
}

} // namespace

int Draft::base_of(int root) const {
    while (roots[size_t(root)].base >= 0)
        root = roots[size_t(root)].base;
    return root;
}

size_t Draft::offset_of(int root) const {
    size_t offset = 0;
    for (; roots[size_t(root)].base >= 0; root = roots[size_t(root)].base)
        offset += roots[size_t(root)].offset;
    return offset;
}

Result<Draft> draft_program(const Graph& graph, const DraftOptions& options) {
    return Drafter(graph, options).run();
}

void place_concats(Draft& draft) {
    std::erase_if(draft.steps, [&](const PlannedStep& step) {
        if (!step.part)
            return false;
        const int from = std::get<Place>(step.launch.arguments[0]).root;
        Root& part = draft.roots[size_t(from)];
        if (part.base >= 0 || part.constant || draft.base_of(step.part->root) == from)
            return false;
        part.base = step.part->root;
        part.offset = size_t(step.part->offset) * size_of(step.part->type);
        return true;
    });
}

} // namespace infer::gpu
