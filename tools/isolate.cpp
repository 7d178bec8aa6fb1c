// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/isolate.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace infer::tools {
namespace {

using Clock = std::chrono::steady_clock;

void write_all(int file, const std::string& text) {
    for (size_t at = 0; at < text.size();) {
        const ssize_t n = write(file, text.data() + at, text.size() - at);
        if (n < 0 && errno != EINTR)
            return;
        at += n > 0 ? size_t(n) : 0;
    }
}

// The child: an exception is a crash too, but one that has words.
[[noreturn]] void work_in_child(const std::function<std::string()>& work, int file) {
    std::string text;
    int status = 0;
    try {
        text = work();
    } catch (const std::exception& e) {
        text = e.what();
        status = 1;
    }
    write_all(file, text);
    _exit(status); // no destructors: the threads of this process may still run
}

// Reads until the other end is closed, at most until `end`; false if it is not by then.
bool read_until(int file, Clock::time_point end, std::string& text) {
    char buffer[4096];
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd waiting{file, POLLIN, 0};
        const int ready = left > 0 ? poll(&waiting, 1, int(left)) : 0;
        if (ready == 0)
            return false;
        if (ready < 0 && errno == EINTR)
            continue;
        const ssize_t n = read(file, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        text.append(buffer, size_t(n));
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

} // namespace

Isolated isolate(const std::function<std::string()>& work, double seconds) {
    int ends[2];
    if (pipe(ends) != 0)
        return {false, std::string("no pipe to its process: ") + std::strerror(errno)};
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(seconds));
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        work_in_child(work, ends[1]);
    }
    const int failure = errno;
    close(ends[1]);
    Isolated result;
    const bool in_time = child > 0 && read_until(ends[0], end, result.text);
    close(ends[0]);
    if (child < 0)
        return {false, std::string("no process for it: ") + std::strerror(failure)};
    if (!in_time)
        kill(child, SIGKILL);
    const int status = wait_for(child);
    if (!in_time)
        return {false, "took longer than " + std::to_string(int(seconds)) + " s"};
    if (WIFSIGNALED(status))
        return {false, std::string("crashed: ") + strsignal(WTERMSIG(status))};
    result.finished = WEXITSTATUS(status) == 0;
    return result;
}

} // namespace infer::tools
