// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/rows.h"

#include <algorithm>
#include <type_traits>

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
    for (size_t k = 0; k < outputs.size() && rows > 1; k++) {
        const Shape& shape = outputs[k].shape;
        const int column = outputs[k].image_column;
        if (column < 0 || shape.size() < 2 || column >= shape.back())
            continue;
        const int64_t lines = shape[shape.size() - 2];
        lists_.push_back({k, column, lines < 0 ? -1 : lines / rows, {}});
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
    for (List& list : lists_)
        outputs_[size_t(row)][list.output].view = lines_of(list, row);
    return outputs_[size_t(row)];
}

// The lines of image `row`, which they call 0. A list of fixed length ends with a -1.
TensorView RowViews::lines_of(List& list, int row) const {
    const TensorView& whole = whole_[list.output];
    if (list.memory.view().size_bytes() < whole.size_bytes() || !list.memory.view().data)
        list.memory = Tensor(whole.type, whole.shape);
    TensorView lines = list.memory.view();
    lines.shape = whole.shape;
    int64_t& length = lines.shape[lines.shape.size() - 2];
    const auto copy = [&]<typename T>(std::type_identity<T>) {
        const auto columns = size_t(whole.shape.back());
        const std::span<const T> from = whole.span<T>();
        T* to = static_cast<T*>(lines.data);
        const int64_t room = list.lines < 0 ? length : list.lines;
        length = 0;
        for (size_t i = 0; i < from.size() && length < room; i += columns) {
            if (from[i + size_t(list.column)] < 0)
                break;
            if (from[i + size_t(list.column)] != T(row))
                continue;
            std::copy_n(&from[i], columns, to + size_t(length) * columns);
            to[size_t(length++) * columns + size_t(list.column)] = 0;
        }
        if (list.lines < 0)
            return;
        std::fill(to + size_t(length) * columns, to + size_t(room) * columns, T(0));
        if (length < room)
            to[size_t(length) * columns + size_t(list.column)] = T(-1);
        length = room;
    };
    if (whole.type == ElementType::I64)
        copy(std::type_identity<int64_t>());
    else if (whole.type == ElementType::I32)
        copy(std::type_identity<int32_t>());
    else
        copy(std::type_identity<float>());
    return lines;
}

std::string unbatched_tensor(const Executor& executor) {
    const int rows = executor.batch();
    if (rows == 1)
        return {};
    for (const InputFormat& input : executor.inputs())
        if (!is_batched(input.shape, rows))
            return "input " + input.name + " (" + to_string(input.shape) + ")";
    for (const OutputFormat& output : executor.outputs())
        if (!is_batched(output.shape, rows) && output.image_column < 0)
            return "output " + output.name + " (" + to_string(output.shape) + ")";
    return {};
}

} // namespace infer
