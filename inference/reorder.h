// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace infer {

// Puts one source's items (frames and the markers between them) back into the order they came in;
// the results of frames come in any order.
//
// Every place must be put exactly once, for failed frames too, or all later ones wait for ever.
// Not thread-safe: the source holds its lock.
template <typename T> class Reorder {
public:
    // A place in line. `generation` tells places of before a flush from later ones.
    struct Place {
        uint64_t generation = 0;
        uint64_t number = 0; // from 0 within a generation, no gaps
    };

    Place take_place() { return {generation_, taken_++}; }

    // The item back if its place was flushed meanwhile: nobody waits for it any more.
    std::optional<T> put(Place place, T item) {
        if (place.generation != generation_)
            return item;
        assert(place.number >= left_ && place.number < taken_);
        const size_t index = size_t(place.number - left_);
        if (index >= line_.size())
            line_.resize(index + 1);
        assert(!line_[index]);
        line_[index] = std::move(item);
        return std::nullopt;
    }

    bool ready() const { return !line_.empty() && line_.front(); } // take() would give an item

    // The next item in order, if it is here.
    std::optional<T> take() {
        if (!ready())
            return std::nullopt;
        std::optional<T> item = std::move(line_.front());
        line_.pop_front();
        left_++;
        return item;
    }

    // Gives up all places taken so far. What is here comes back, to be destroyed off the lock.
    std::deque<std::optional<T>> flush() {
        generation_++;
        taken_ = left_ = 0;
        return std::exchange(line_, {});
    }

    uint64_t generation() const { return generation_; }
    uint64_t held() const { return taken_ - left_; } // places taken that have not left

private:
    uint64_t generation_ = 0;
    uint64_t taken_ = 0, left_ = 0;
    std::deque<std::optional<T>> line_; // [k]: place left_ + k
};

} // namespace infer
