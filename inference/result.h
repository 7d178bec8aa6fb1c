// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace infer {

// What went wrong, in words for the person running the pipeline. `where` names a thing that person
// can change (a file, a property, a node of the model); `what` says what was found and what would
// be right.
struct Error {
    enum Kind { InvalidModel, Unsupported, BadConfig, Device, Cancelled };
    Kind kind = BadConfig;
    std::string where;
    std::string what;

    std::string text() const { return where.empty() ? what : where + ": " + what; }
};

// A value or an Error. Asking for the wrong one is a bug of the caller and asserts.
template <typename T> class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    T& value() {
        assert(ok());
        return *std::get_if<0>(&state_);
    }
    const T& value() const {
        assert(ok());
        return *std::get_if<0>(&state_);
    }
    const Error& error() const {
        assert(!ok());
        return *std::get_if<1>(&state_);
    }

private:
    std::variant<T, Error> state_;
};

// Success, or an Error.
template <> class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_; }
    const Error& error() const {
        assert(error_);
        return *error_;
    }

private:
    std::optional<Error> error_;
};

} // namespace infer
