// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"
#include "inference/device.h"

#include <span>
#include <vector>

namespace infer {

// The rows of one request's tensors as tensors [1, ...] of their own, made once so that no frame
// allocates for it. A tensor of another first dimension than the batch stays whole in each row; of
// a list whose lines name their row, each row gets its own lines as a list of one image.
class RowViews {
public:
    RowViews() = default;
    RowViews(const Request& request, std::span<const OutputFormat> outputs, int rows);

    std::span<const TensorView> inputs(int row) const { return inputs_[size_t(row)]; }
    // Outputs whose shape is known only after the run are looked at anew. Device thread. Valid
    // until the next call.
    std::span<const NamedTensor> outputs(const Request& request, int row);

private:
    // Lines of one image, as much room as the list has.
    struct List {
        size_t output;
        int column;
        int64_t lines; // of one image; -1: as many as there are
        Tensor memory;
    };
    TensorView lines_of(List& list, int row) const;

    int rows_ = 1;
    std::vector<List> lists_;
    std::vector<TensorView> whole_;                 // outputs when outputs_ was made
    std::vector<std::vector<TensorView>> inputs_;   // [row][input]
    std::vector<std::vector<NamedTensor>> outputs_; // [row][output]
};

// Row `row` of `whole` = [rows, ...], as [1, ...].
TensorView row_of(const TensorView& whole, int row, int rows);

// The first input or output whose first dimension is not the batch, so that its rows cannot be
// told apart; empty if there is none.
std::string unbatched_tensor(const Executor& executor);

} // namespace infer
