// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"
#include "inference/tensor.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::tools {

// One option of a subcommand, `--name` or `--name VALUE`.
struct OptionDef {
    std::string_view name;  // without the dashes
    std::string_view value; // what the help calls its value; empty: it takes none
    std::string_view help;
    bool repeatable = false;
};

// How a subcommand is called.
struct Usage {
    std::string_view name;      // "benchmark"
    std::string_view arguments; // "MODEL", as the help shows them; empty: it takes none
    std::string_view summary;
    std::span<const OptionDef> options;
};

std::string help_of(const Usage& usage);

// A subcommand's words, sorted out. Getters of values check them: the Error names the option, what
// was found and what may stand there.
class Arguments {
public:
    static Result<Arguments> parse(const Usage& usage, std::span<const std::string> words);

    const std::vector<std::string>& positional() const { return positional_; }
    // The one positional argument; `what` says in the error what is missing.
    Result<std::string> only_positional(std::string_view what) const;

    bool has(std::string_view option) const { return values_.contains(std::string(option)); }
    std::string text(std::string_view option, std::string_view fallback = "") const;
    std::vector<std::string> all(std::string_view option) const;
    Result<int> integer(std::string_view option, int fallback, int lowest) const;
    Result<double> number(std::string_view option, double fallback, double lowest) const;
    // Every NAME=1,3,H,W (or 1x3xHxW; without NAME= it is for the only input: name "").
    Result<std::map<std::string, Shape>> shapes(std::string_view option) const;
    // Every KEY=VALUE.
    Result<std::map<std::string, std::string>> pairs(std::string_view option) const;

private:
    std::map<std::string, std::vector<std::string>> values_;
    std::vector<std::string> positional_;
};

// One of `names` (what users write) as the value it stands for.
template <typename T>
Result<T> one_of(std::string_view option, std::string_view found,
                 std::span<const std::pair<std::string_view, T>> names) {
    std::string list;
    for (const auto& [name, value] : names) {
        if (name == found)
            return value;
        list += (list.empty() ? "" : ", ") + std::string(name);
    }
    return Error{Error::BadConfig, "--" + std::string(option),
                 "'" + std::string(found) + "' is none of " + list};
}

} // namespace infer::tools
