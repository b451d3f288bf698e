// SPDX-License-Identifier: MIT OR Apache-2.0
// The handle in a unique_ptr, errors as exceptions, and a live event.
#include <cnproc.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

struct closer {
    void operator()(cnproc *cp) const noexcept { cnproc_close(cp); }
};
using listener = std::unique_ptr<cnproc, closer>;

static int checked(int ret)
{
    if (ret < 0)
        throw std::runtime_error(cnproc_strerror(ret));
    return ret;
}

static listener open_listener(const cnproc_options &options)
{
    cnproc *cp = nullptr;
    checked(cnproc_open(&cp, &options, sizeof options));
    return listener(cp);
}

static std::uint32_t exit_code_of(cnproc *cp, pid_t child)
{
    for (;;) {
        cnproc_event event;
        if (checked(cnproc_recv(cp, &event, 1, 10000)) == 0)
            throw std::runtime_error("no event in ten seconds");
        if (event.what == CNPROC_EVENT_EXIT && event.event_data.exit.process_pid == child)
            return event.event_data.exit.exit_code;
    }
}

int main() try {
    cnproc_options options{};
    options.events = CNPROC_EVENT_EXIT;
    const listener here = open_listener(options);

    const pid_t child = fork();
    if (child == 0)
        _exit(3);
    const auto code = static_cast<int>(exit_code_of(here.get(), child));
    waitpid(child, nullptr, 0);
    return WIFEXITED(code) && WEXITSTATUS(code) == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception &reason) {
    std::fprintf(stderr, "%s\n", reason.what());
    return EXIT_FAILURE;
}
