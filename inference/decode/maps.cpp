// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/maps.h"

#include <algorithm>

namespace infer {
namespace {

bool covers(int64_t cells, int pixels, int stride) {
    return cells == pixels / stride || cells == (pixels + stride - 1) / stride;
}

// Proportions agree within one cell.
bool in_proportion(const MapForm& form, int input_width, int input_height) {
    const int64_t difference = form.height * input_width - form.width * input_height;
    return std::abs(difference) <= std::max(input_width, input_height);
}

} // namespace

std::optional<MapForm> map_form(const Slot& slot, int input_width, int input_height) {
    const auto d = slot.dims;
    if (d.size() < 2 || d.size() > 3 ||
        std::any_of(d.begin(), d.end(), [](int64_t n) { return n <= 0; }))
        return std::nullopt;
    if (d.size() == 2)
        return MapForm{1, d[0], d[1], false};
    const MapForm first{d[0], d[1], d[2], false}, last{d[2], d[0], d[1], true};
    const bool first_fits = in_proportion(first, input_width, input_height);
    const bool last_fits = in_proportion(last, input_width, input_height);
    if (first_fits != last_fits)
        return first_fits ? first : last;
    return first.channels <= last.channels ? first : last;
}

int map_stride(const MapForm& form, int input_width, int input_height) {
    for (int stride : {1, 2, 4, 8, 16, 32})
        if (covers(form.width, input_width, stride) && covers(form.height, input_height, stride))
            return stride;
    return 0;
}

} // namespace infer
