// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/draft.h"

#include "devices/gpu/kernels.h"
#include "inference/memory_plan.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace infer::gpu {
namespace {

constexpr size_t slack_bytes = slack * sizeof(float); // at both ends of a buffer

class Finisher {
public:
    Finisher(Draft draft, std::shared_ptr<Context> context) : draft_(std::move(draft)) {
        program_->context = std::move(context);
    }
    Result<std::unique_ptr<Program>> run();

private:
    std::vector<int> touched_by(const PlannedStep& step) const;
    void find_lives();
    void plan();
    void plan_constants();
    Result<void> upload_constants();
    Result<void> make_step(const PlannedStep& planned);
    Result<void> make_kernel(const PlannedStep& planned, Step& step);
    DevicePointer pointer_to(const Place& place) const;
    size_t arena_offset(const Place& place) const;
    HostPlace host_place(const Place& place);
    int mirror_of(int root);
    void make_tail(const PlannedTail& planned);
    void make_ends();

    Draft draft_;
    std::vector<MemoryBlock> lives_; // of each root; first > last: never used
    std::vector<size_t>
        offsets_; // of each root that is nobody's part, in the arena or among the constants
    std::vector<int> mirrors_; // by root; -1: none yet
    std::unique_ptr<Program> program_ = std::make_unique<Program>();
};

// Roots on the device that the step reads or writes.
std::vector<int> Finisher::touched_by(const PlannedStep& step) const {
    std::vector<int> roots;
    if (step.kind == PlannedStep::Upload || step.kind == PlannedStep::Download)
        roots.push_back(step.root);
    if (step.kind == PlannedStep::Kernel)
        for (const Argument& argument : step.launch.arguments)
            if (const auto* place = std::get_if<Place>(&argument))
                roots.push_back(place->root);
    return roots;
}

void Finisher::find_lives() {
    const int steps = int(draft_.steps.size());
    lives_.assign(draft_.roots.size(), {0, steps, -1});
    const auto use = [&](int root, int step) {
        MemoryBlock& life = lives_[size_t(draft_.base_of(root))];
        life.first = std::min(life.first, step);
        life.last = std::max(life.last, step);
    };
    for (const PlannedInput& input : draft_.inputs)
        use(input.root, 0);
    for (int k = 0; k < steps; k++)
        for (const int root : touched_by(draft_.steps[size_t(k)]))
            use(root, k);
    for (const PlannedOutput& output : draft_.outputs)
        if (output.from.root >= 0 && !output.on_host)
            use(output.from.root, steps);
    for (size_t k = 0; k < draft_.roots.size(); k++)
        lives_[k].bytes = draft_.roots[k].bytes;
}

void Finisher::plan() {
    std::vector<int> roots;
    std::vector<MemoryBlock> blocks;
    for (size_t k = 0; k < draft_.roots.size(); k++)
        if (!draft_.roots[k].constant && draft_.roots[k].base < 0 &&
            lives_[k].first <= lives_[k].last) {
            roots.push_back(int(k));
            blocks.push_back(lives_[k]);
        }
    const MemoryPlan plan = plan_memory(blocks, program_->context->hardware().alignment);
    offsets_.assign(draft_.roots.size(), 0);
    for (size_t k = 0; k < roots.size(); k++)
        offsets_[size_t(roots[k])] = slack_bytes + plan.offsets[k];
    program_->arena_bytes = plan.total + 2 * slack_bytes;
}

void Finisher::plan_constants() {
    const size_t alignment = program_->context->hardware().alignment;
    size_t end = slack_bytes;
    for (size_t k = 0; k < draft_.roots.size(); k++)
        if (draft_.roots[k].constant && lives_[k].first <= lives_[k].last) {
            offsets_[k] = end;
            end += (draft_.roots[k].bytes + alignment - 1) / alignment * alignment;
        }
    program_->constant_bytes = end + slack_bytes;
}

Result<void> Finisher::upload_constants() {
    cl_int status = CL_SUCCESS;
    cl_context context = program_->context->handle();
    program_->constants = MemoryHandle(
        cl().clCreateBuffer(context, CL_MEM_READ_ONLY,
                            std::max<size_t>(program_->constant_bytes, 64), nullptr, &status));
    if (status != CL_SUCCESS)
        return device_error("memory for the model's weights (" +
                                std::to_string(program_->constant_bytes >> 20) + " MiB)",
                            status);
    const QueueHandle queue(
        cl().clCreateCommandQueue(context, program_->context->hardware().id, 0, &status));
    if (status != CL_SUCCESS)
        return device_error("a command queue", status);
    for (size_t k = 0; k < draft_.roots.size() && status == CL_SUCCESS; k++)
        if (const auto& constant = draft_.roots[k].constant;
            constant && lives_[k].first <= lives_[k].last && constant->view().size_bytes() > 0)
            status = cl().clEnqueueWriteBuffer(queue.get(), program_->constants.get(), CL_TRUE,
                                               offsets_[k], constant->view().size_bytes(),
                                               constant->view().data, 0, nullptr, nullptr);
    return status == CL_SUCCESS ? Result<void>()
                                : device_error("bringing the weights to the device", status);
}

DevicePointer Finisher::pointer_to(const Place& place) const {
    const bool is_constant = draft_.roots[size_t(place.root)].constant.has_value();
    const size_t bytes =
        is_constant ? offsets_[size_t(place.root)] + size_t(place.offset) * size_of(place.type)
                    : arena_offset(place);
    return {is_constant, int32_t(bytes / size_of(place.type))};
}

size_t Finisher::arena_offset(const Place& place) const {
    return offsets_[size_t(draft_.base_of(place.root))] + draft_.offset_of(place.root) +
           size_t(place.offset) * size_of(place.type);
}

int Finisher::mirror_of(int root) {
    int& mirror = mirrors_[size_t(root)];
    if (mirror < 0) {
        mirror = int(program_->mirrors.size());
        program_->mirrors.push_back(draft_.roots[size_t(root)].bytes);
    }
    return mirror;
}

HostPlace Finisher::host_place(const Place& place) {
    HostPlace host{.type = place.type, .shape = place.shape, .present = place.present};
    if (place.constant) {
        program_->host_constants.push_back(*place.constant);
        host.constant = place.constant->view().data;
    } else if (place.present) {
        host.mirror = mirror_of(place.root);
        host.offset = size_t(place.offset) * size_of(place.type);
    }
    return host;
}

Result<void> Finisher::make_kernel(const PlannedStep& planned, Step& step) {
    const Launch& launch = planned.launch;
    const auto program = program_->context->program(launch.source, launch.options);
    if (!program.ok())
        return program.error();
    step.program = program.value();
    step.kernel = launch.kernel;
    const auto together = size_t(launch.together);
    step.group = {together, 1, 1};
    step.size = {(size_t(launch.size[0]) + together - 1) / together * together,
                 size_t(launch.size[1]), size_t(launch.size[2])};
    for (const Argument& argument : launch.arguments)
        if (const auto* place = std::get_if<Place>(&argument))
            step.arguments.push_back(pointer_to(*place));
        else if (const auto* number = std::get_if<int64_t>(&argument))
            step.arguments.push_back(
                int32_t(std::clamp<int64_t>(*number, std::numeric_limits<int32_t>::min(),
                                            std::numeric_limits<int32_t>::max())));
        else
            step.arguments.push_back(std::get<float>(argument));
    return {};
}

Result<void> Finisher::make_step(const PlannedStep& planned) {
    Step step{
        .kind = Step::Kind(planned.kind), .name = planned.name, .op = planned.op, .kernel = ""};
    if (planned.kind == PlannedStep::Kernel) {
        if (auto made = make_kernel(planned, step); !made.ok())
            return made;
    } else if (planned.kind == PlannedStep::Host) {
        step.kernel = "reference on the CPU";
        step.node = planned.node;
        step.definition = find_op(planned.node.op);
        for (const Place& place : planned.in)
            step.in.push_back(host_place(place));
        for (const Place& place : planned.out)
            step.out.push_back(host_place(place));
    } else {
        step.kernel = "transfer";
        step.mirror = mirror_of(planned.root);
        step.offset = arena_offset({.root = planned.root});
        step.bytes = draft_.roots[size_t(planned.root)].bytes;
    }
    program_->steps.push_back(std::move(step));
    return {};
}

void Finisher::make_tail(const PlannedTail& planned) {
    TailStep tail{std::make_shared<const Interpreter>(planned.body), {}, planned.outputs};
    for (const Place& place : planned.in)
        tail.in.push_back(host_place(place));
    program_->tail = std::move(tail);
}

void Finisher::make_ends() {
    for (PlannedInput& input : draft_.inputs) {
        program_->input_slots.push_back(
            {arena_offset({.root = input.root}), draft_.roots[size_t(input.root)].bytes});
        program_->inputs.push_back(std::move(input.format));
    }
    for (size_t k = 0; k < draft_.outputs.size(); k++) {
        PlannedOutput& output = draft_.outputs[k];
        OutputSlot slot{.on_host = output.on_host,
                        .is_of_tail = !output.on_host && output.from.root < 0};
        if (output.on_host)
            slot.from = host_place(output.from);
        else if (!slot.is_of_tail)
            slot.offset = arena_offset(output.from);
        slot.bytes =
            slot.is_of_tail ? 0 : size_t(count(output.format.shape)) * size_of(output.format.type);
        program_->output_slots.push_back(std::move(slot));
        program_->outputs.push_back(std::move(output.format));
    }
}

Result<std::unique_ptr<Program>> Finisher::run() {
    find_lives();
    plan();
    plan_constants();
    mirrors_.assign(draft_.roots.size(), -1);
    const uint64_t largest = program_->context->hardware().largest_buffer_bytes;
    for (const auto& [what, bytes] :
         {std::pair{"activations", program_->arena_bytes}, {"weights", program_->constant_bytes}})
        if (bytes > largest)
            return Error{Error::Device, "GPU",
                         "the model's " + std::string(what) + " take " +
                             std::to_string(bytes >> 20) + " MiB, and the device gives " +
                             std::to_string(largest >> 20) +
                             " MiB at once: use a smaller batch-size"};
    if (auto done = upload_constants(); !done.ok())
        return done.error();
    for (const PlannedStep& planned : draft_.steps)
        if (auto done = make_step(planned); !done.ok())
            return done.error();
    if (draft_.tail)
        make_tail(*draft_.tail);
    make_ends();
    return std::move(program_);
}

} // namespace

Result<std::unique_ptr<Program>> finish_program(Draft draft, std::shared_ptr<Context> context) {
    return Finisher(std::move(draft), std::move(context)).run();
}

} // namespace infer::gpu
