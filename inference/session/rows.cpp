// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/rows.h"

namespace infer {
namespace {

bool is_batched(const Shape& shape, int rows) { return !shape.empty() && shape[0] == rows; }

bool same(const TensorView& a, const TensorView& b) {
    return a.data == b.data && a.shape == b.shape;
}

} // namespace

TensorView row_of(const TensorView& whole, int row, int rows) {
    if (rows == 1 || !is_batched(whole.shape, rows))
        return whole;
    TensorView view = whole;
    view.shape[0] = 1;
    view.data = static_cast<std::byte*>(whole.data) + size_t(row) * view.size_bytes();
    return view;
}

RowViews::RowViews(const Request& request, std::span<const OutputFormat> outputs, int rows)
    : rows_(rows), whole_(request.outputs), inputs_(size_t(rows)), outputs_(size_t(rows)) {
    for (int row = 0; row < rows; row++) {
        for (const TensorView& input : request.inputs)
            inputs_[size_t(row)].push_back(row_of(input, row, rows));
        for (size_t k = 0; k < whole_.size(); k++)
            outputs_[size_t(row)].push_back({outputs[k].name, row_of(whole_[k], row, rows)});
    }
}

std::span<const NamedTensor> RowViews::outputs(const Request& request, int row) {
    for (size_t k = 0; k < whole_.size(); k++) {
        if (same(whole_[k], request.outputs[k]))
            continue;
        whole_[k] = request.outputs[k];
        for (int r = 0; r < rows_; r++)
            outputs_[size_t(r)][k].view = row_of(whole_[k], r, rows_);
    }
    return outputs_[size_t(row)];
}

std::string unbatched_tensor(const Executor& executor) {
    const int rows = executor.batch();
    if (rows == 1)
        return {};
    for (const InputFormat& input : executor.inputs())
        if (!is_batched(input.shape, rows))
            return "input " + input.name + " (" + to_string(input.shape) + ")";
    for (const OutputFormat& output : executor.outputs())
        if (!is_batched(output.shape, rows))
            return "output " + output.name + " (" + to_string(output.shape) + ")";
    return {};
}

} // namespace infer
