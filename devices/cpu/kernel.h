// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a fast kernel of the CPU device is: how it says which nodes and memory layouts it takes, and
// how it runs. Kernels are immutable once made and shared by all lanes.
#pragma once

#include "inference/graph.h"
#include "inference/op.h"
#include "inference/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace infer::cpu {

// Order of a value's memory. The logical shape of images stays N, C, H, W in both.
enum class Layout {
    Plain,        // dense row-major, as the shape says
    ChannelsLast, // rank 3 and more: pixel after pixel, the channels (dimension 1) of one side by side
};

// Where and how one value of a step lies in memory.
struct Operand {
    ElementType type = ElementType::F32;
    Shape shape; // logical
    Layout layout = Layout::Plain;
    int64_t pixel_stride = 0; // ChannelsLast: elements from a pixel to the next; C if dense
    const Tensor* constant = nullptr; // in `layout`; set when the value is known already
    bool present = true;              // false: an optional input that is not there

    ValueFacts facts() const { return {type, shape, constant, present}; }
    // A channel slice of a wider image.
    bool is_strided() const { return layout == Layout::ChannelsLast && pixel_stride != shape[1]; }
};

// Elements from one index to the next, by logical dimension.
std::vector<int64_t> strides_of(const Operand& x);

// A node with what is known of its values; layouts are those the inputs have so far.
struct NodeView {
    const Node& node;
    std::span<const Operand> in, out;
    int threads = 1;             // that will share one request
    bool native_bf16 = false;    // heavy kernels are to multiply in bf16
    bool prefers_onednn = false; // wherever there is a kernel of oneDNN, take it
};

// A range of rows, [begin, end).
struct Range {
    int64_t begin = 0, end = 0;
    int64_t size() const { return end - begin; }
};

// Which rows of its first input, an image, a row of the output is made from: `reach` of them from
// row * stride - pad on; those outside the image are padding.
struct RowUse {
    int64_t stride = 1, pad = 0, reach = 1;
    bool is_exact = true; // the kernel touches no other rows
    Range of(Range rows, int64_t height) const; // of an image of that height
};

// The memory layouts an implementation asks for.
struct Wish {
    std::vector<Layout> in, out;
    bool strided_in = false, strided_out = false; // takes channel slices of wider images
    // out[0] may be the memory of this input (same bytes, read before written) and of no other.
    int in_place = -1;
    // Where heavy kernels multiply in bf16, f32 values may be kept in bf16 between steps that can
    // do with it: by input (those behind the end cannot), and all outputs.
    std::vector<bool> takes_bf16 = {};
    bool gives_bf16 = false;
    std::optional<RowUse> rows = std::nullopt; // the kernel has run_rows()
};

// Memory of one call. Pointers are valid during the call only.
struct Call {
    void* const* in = nullptr; // nullptr entries: absent inputs
    void* const* out = nullptr;
    std::byte* scratch = nullptr; // scratch_bytes() of this thread's own
    void* state = nullptr;        // what make_state() gave this lane
};

class Kernel {
public:
    explicit Kernel(int slices = 1) : slices_(slices) {}
    virtual ~Kernel() = default;

    virtual std::string_view name() const = 0; // for time by layer
    virtual size_t scratch_bytes() const { return 0; }
    // Objects that one lane needs to itself, e.g. oneDNN's memory handles; nullptr: none.
    virtual std::shared_ptr<void> make_state() const { return nullptr; }

    // Independent parts of the work; they may run at once on several threads.
    int slices() const { return slices_; }
    virtual void run(const Call& call, int slice) const = 0;

    // Makes some rows of one image of the output; what it reads of the first input is in RowUse.
    virtual void run_rows(const Call& call, int64_t image, Range rows) const;

protected:
    int slices_;
};

struct KernelDef {
    std::string_view name;
    // nullopt: not for this node.
    std::optional<Wish> (*accept)(const NodeView&);
    // `view` has the final layouts, strides and constants, as accept() asked.
    Result<std::unique_ptr<Kernel>> (*make)(const NodeView& view);
};

// Made from devices/cpu/meson.build, best first.
std::span<const KernelDef* const> all_kernels();
const KernelDef* find_kernel(std::string_view name); // must be there

// Splits `rows` into at most `slices` even parts, and gives part k.
Range slice_of(int64_t rows, int slices, int k);

// How many slices to cut work into: a few more than threads, none smaller than what a hand-over
// costs. `cost` in nanoseconds of one thread, roughly.
int slices_for(double cost, int64_t rows, int threads);

// A Wish with every input and output in one layout.
Wish all_in(Layout layout, const NodeView& view);

} // namespace infer::cpu
