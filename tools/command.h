// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"
#include "tools/arguments.h"

#include <span>

namespace infer::tools {

// What the command gives back to the shell.
enum ExitCode { Done = 0, Failed = 1, WrongUse = 2 };

// One subcommand: `usage` is its --help and its parser, `run` its work. An Error from `run` is
// printed and is WrongUse: the file, the value or the device asked for cannot be had.
struct CommandDef {
    Usage usage;
    Result<ExitCode> (*run)(const Arguments&);
};

std::span<const CommandDef* const> all_commands();

} // namespace infer::tools
