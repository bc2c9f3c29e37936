// What Swift's Glibc module leaves out: epoll, eventfd, signalfd, accept4, and macros that take
// types. Everything is `static inline`, so there is nothing to compile or to link.
//
// No `#define _GNU_SOURCE` in here: it clashes with Foundation's and Testing's view of `fd_set`.
#ifndef TICKERFEED_CLINUX_SHIMS_H
#define TICKERFEED_CLINUX_SHIMS_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern int pthread_setname_np(pthread_t thread, const char *name);
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

static inline int tf_errno(void) { return errno; }

// SIG_IGN is a cast, which Swift does not import. A write to a gone reader then says EPIPE.
static inline void tf_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

// A file that may not grow (RLIMIT_FSIZE) fails with EFBIG, and the process goes on.
static inline void tf_ignore_size_limits(void) { signal(SIGXFSZ, SIG_IGN); }

// epoll_event is packed on x86-64 and holds a union: read and written here only.
static inline int tf_epoll_add(int epoll, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = { .events = events, .data = { .u64 = tag } };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static inline int tf_epoll_remove(int epoll, int fd) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, (struct epoll_event *)0);
}
// Waits with the resolution of the clock; a kernel before 5.11 gets whole milliseconds, rounded up.
// Negative nanoseconds wait for ever.
static inline int tf_epoll_wait(int epoll, struct epoll_event *events, int room, int64_t nanoseconds) {
    struct timespec span = { nanoseconds / 1000000000, nanoseconds % 1000000000 };
    int ready = epoll_pwait2(epoll, events, room, nanoseconds < 0 ? (struct timespec *)0 : &span,
                             (const sigset_t *)0);
    if (ready >= 0 || errno != ENOSYS) return ready;
    int64_t milliseconds = nanoseconds < 0 ? -1 : nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return epoll_wait(epoll, events, room, milliseconds > 0x7fffffff ? 0x7fffffff : (int)milliseconds);
}
static inline uint32_t tf_event_mask(const struct epoll_event *event) { return event->events; }
static inline uint64_t tf_event_tag(const struct epoll_event *event) { return event->data.u64; }

static const uint32_t TF_EPOLLIN = EPOLLIN;
static const uint32_t TF_EPOLLOUT = EPOLLOUT;
static const uint32_t TF_EPOLLERR = EPOLLERR;
static const uint32_t TF_EPOLLHUP = EPOLLHUP;
static const uint32_t TF_EPOLLRDHUP = EPOLLRDHUP;
static const uint32_t TF_EPOLLET = EPOLLET;
static const int TF_EFD_FLAGS = EFD_NONBLOCK | EFD_CLOEXEC;
static const int TF_SFD_FLAGS = SFD_NONBLOCK | SFD_CLOEXEC;

// 1 where others than its owner may read, write or run a file. In Swift the call hides the structure.
static inline int tf_is_open_to_others(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & 077) != 0;
}

// The descriptor limit, by its number: Glibc imports RLIMIT_NOFILE as an enum of another type.
static inline int tf_get_descriptor_limit(struct rlimit *limit) {
    return getrlimit(RLIMIT_NOFILE, limit);
}
static inline int tf_set_descriptor_limit(const struct rlimit *limit) {
    return setrlimit(RLIMIT_NOFILE, limit);
}

// open is variadic, which Swift does not import.
static inline int tf_open_to_read(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }
// A file that is not there yet, to be written at its end.
static inline int tf_create(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

// fstat's structure differs by machine: asked here. Negative where it fails.
static inline int64_t tf_file_size(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? (int64_t)status.st_size : -1;
}
static inline int tf_is_folder(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}
// The name is an array, which Swift imports as a tuple.
static inline const char *tf_entry_name(const struct dirent *entry) { return entry->d_name; }
// For this open file alone, until it is closed; fails at once where somebody else has it.
static inline int tf_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

static inline int tf_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

// Binds the calling thread, and what it starts from now on, to one core. sched.h hides the wrapper.
static inline int tf_pin_to_core(int core) {
    unsigned long mask[16] = { 0 };
    if (core < 0 || core >= (int)(sizeof mask * 8)) return -1;
    mask[core / (8 * (int)sizeof *mask)] = 1ul << (core % (8 * (int)sizeof *mask));
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof mask, mask);
}

// How many cores this process may run on; 0 where the kernel does not say.
static inline int tf_usable_cores(void) {
    unsigned long mask[16] = { 0 };
    int cores = 0;
    if (syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) < 0) return 0;
    for (unsigned i = 0; i < sizeof mask / sizeof *mask; i++) cores += __builtin_popcountl(mask[i]);
    return cores;
}

// Fetches a cache line before it is needed. Any address will do.
static inline void tf_prefetch(const void *address) { __builtin_prefetch(address); }

static inline int tf_window_size(int fd, int *rows, int *columns) {
    struct winsize size = { 0 };
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

#endif
