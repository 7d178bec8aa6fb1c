// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference: models on the command line. One file a subcommand; see tools/meson.build.

#include "tools/command.h"

#include <algorithm>
#include <iostream>

namespace infer::tools {
namespace {

std::string help_of_all() {
    std::string text = "usage: gst-inference COMMAND ...\n\n";
    for (const CommandDef* command : all_commands()) {
        std::string left = "  " + std::string(command->usage.name);
        left.resize(14, ' ');
        text += left + std::string(command->usage.summary) + "\n";
    }
    return text + "\n'gst-inference COMMAND --help' says more. Exit status: 0 done, 1 it ran and "
                  "something failed,\n2 wrong use.\n";
}

int complain(const std::string& text, const std::string& hint) {
    std::cerr << "gst-inference: " << text << "\n" << hint;
    return WrongUse;
}

int run(const CommandDef& command, std::span<const std::string> words) {
    if (std::ranges::find(words, "--help") != words.end()) {
        std::cout << help_of(command.usage);
        return Done;
    }
    const auto arguments = Arguments::parse(command.usage, words);
    const std::string name(command.usage.name);
    if (!arguments.ok())
        return complain(arguments.error().text(), "Try 'gst-inference " + name + " --help'.\n");
    const auto code = command.run(arguments.value());
    if (!code.ok())
        return complain(code.error().text(), "");
    return code.value();
}

int main_of(std::span<const std::string> words) {
    if (words.empty())
        return complain("no command is given", help_of_all());
    if (words[0] == "--help" || words[0] == "help") {
        std::cout << help_of_all();
        return Done;
    }
    for (const CommandDef* command : all_commands())
        if (command->usage.name == words[0])
            return run(*command, words.subspan(1));
    return complain("there is no command '" + words[0] + "'", help_of_all());
}

} // namespace
} // namespace infer::tools

int main(int count, char** words) {
    return infer::tools::main_of(std::vector<std::string>(words + 1, words + count));
}
