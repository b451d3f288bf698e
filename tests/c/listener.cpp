// SPDX-License-Identifier: MIT OR Apache-2.0
// The handle in a unique_ptr, errors as exceptions, and a live event.
#include <cnproc.h>

#include <cstdint>
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

// Exit statuses: skipped, and spoilt by other programs. As in test.h, which is C.
static constexpr int skip = 77, disturbed = 75;
static constexpr int hang_limit_ms = 600 * 1000;

static listener open_listener(const cnproc_options &options)
{
    cnproc *cp = nullptr;
    const int ret = cnproc_open(&cp, &options, sizeof options);
    switch (ret) {
    case -CNPROC_ENOCONNECTOR:
    case -CNPROC_ENOPROCEVENTS:
    case -CNPROC_ENETNS:
    case -CNPROC_EUSERNS:
    case -CNPROC_EPIDNS:
    case -CNPROC_EPERM:
    case -CNPROC_ESANDBOX:
        std::fprintf(stderr, "no listener: %s\n", cnproc_strerror(ret));
        std::exit(skip);
    default:
        checked(ret);
    }
    return listener(cp);
}

static std::uint32_t exit_code_of(cnproc *cp, pid_t child)
{
    for (;;) {
        cnproc_event event;
        if (checked(cnproc_recv(cp, &event, 1, hang_limit_ms)) == 0)
            throw std::runtime_error("no event");
        if (event.what == CNPROC_EVENT_LOST)
            std::exit(disturbed);
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
