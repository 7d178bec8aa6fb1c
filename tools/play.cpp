// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference play: a pipeline whose exit code says whether it came through and its metadata were
// what they should be.

#include "gst/media.h"
#include "tools/command.h"

#include <iostream>

namespace infer::tools {
namespace {

Result<ExitCode> run(const Arguments& arguments) {
    std::string launch;
    for (const std::string& word : arguments.positional())
        launch += (launch.empty() ? "" : " ") + word;
    if (launch.empty())
        return Error{Error::BadConfig, "play",
                     "no pipeline is given; it is written as for gst-launch-1.0"};
    const PlayListener listener = {
        [](const std::string& text) { std::cout << text << std::endl; },
        [](const std::string& text) { std::cerr << "warning: " << text << std::endl; },
        [](const std::string& text) { std::cerr << "error: " << text << std::endl; }};
    const auto good = play(launch, listener);
    if (!good.ok())
        return good.error();
    return good.value() ? Done : Failed;
}

} // namespace

extern const CommandDef command_play;
const CommandDef command_play = {
    {"play",
     "PIPELINE",
     "runs a launch string; the exit code says whether it came through and inferenceassert passed",
     {}},
    run};

} // namespace infer::tools
