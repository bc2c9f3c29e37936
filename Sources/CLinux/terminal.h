// A terminal that is taken over and given back, by a crash too: what a handler of signals may do is
// written in C, for Swift promises of none of its code that it neither allocates nor locks.
//
// The state is one a file of Swift that calls these: all of them are called from TerminalMode.swift.
#ifndef TICKERFEED_CLINUX_TERMINAL_H
#define TICKERFEED_CLINUX_TERMINAL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { TF_CRASHES = 8, TF_LEAVE_MAX = 128, TF_PATIENCE_MS = 1000, TF_STACK = 65536 };

// Traps of Swift are SIGILL or SIGTRAP. SIGQUIT is ^\, and ends as a crash does.
static const int tf_crashes[TF_CRASHES] = {
    SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS, SIGQUIT,
};

struct tf_terminal {
    int is_entered;
    int input, output;
    int input_flags, output_flags;
    struct termios before;
    struct sigaction actions[TF_CRASHES];
    unsigned char leave[TF_LEAVE_MAX];
    size_t leave_count;
    void *stack;
};
// In a function: for a variable of a header Swift makes no room.
static inline struct tf_terminal *tf_terminal_state(void) {
    static struct tf_terminal state;
    return &state;
}

// Waits a second at most: a terminal that takes nothing keeps nobody from ending.
static inline void tf_terminal_write(int fd, const unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd waiting = { .fd = fd, .events = POLLOUT };
            if (poll(&waiting, 1, TF_PATIENCE_MS) <= 0) return;
        } else if (written >= 0 || errno != EINTR) {
            return;
        }
    }
}

// From the background too, where the kernel would stop us for it (SIGTTOU).
static inline void tf_terminal_set(int fd, const struct termios *mode) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    tcsetattr(fd, TCSANOW, mode);
    pthread_sigmask(SIG_SETMASK, &before, (sigset_t *)0);
}

// Once, whoever comes first; only what a handler of signals may call. 1 where there was something to do.
static inline int tf_terminal_leave(void) {
    struct tf_terminal *t = tf_terminal_state();
    int saved = errno;
    if (!__atomic_exchange_n(&t->is_entered, 0, __ATOMIC_SEQ_CST)) return 0;
    tf_terminal_write(t->output, t->leave, t->leave_count);
    fcntl(t->output, F_SETFL, t->output_flags);
    fcntl(t->input, F_SETFL, t->input_flags);
    tf_terminal_set(t->input, &t->before);
    for (int i = 0; i < TF_CRASHES; i++) sigaction(tf_crashes[i], &t->actions[i], (struct sigaction *)0);
    errno = saved;
    return 1;
}

// The terminal is whole again, and what was there before, the default most often, does the rest: a fault
// happens again on return, any other signal is sent again.
static inline void tf_terminal_crash(int number, siginfo_t *info, void *context) {
    (void)context;
    if (!tf_terminal_leave()) signal(number, SIG_DFL);
    int is_fault = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
    if (!is_fault || info->si_code <= 0) raise(number);
}

// An overflown stack has no room for a handler. Where there is another stack already it is used.
static inline void tf_terminal_guard(struct tf_terminal *t) {
    stack_t now, own = { 0 };
    if (sigaltstack((stack_t *)0, &now) == 0 && (now.ss_flags & SS_DISABLE)) {
        if (!t->stack) t->stack = malloc(TF_STACK);
        own.ss_sp = t->stack;
        own.ss_size = TF_STACK;
        if (own.ss_sp) sigaltstack(&own, (stack_t *)0);
    }
    struct sigaction action = { .sa_sigaction = tf_terminal_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    for (int i = 0; i < TF_CRASHES; i++) {
        sigaction(tf_crashes[i], &action, &t->actions[i]);
        // What somebody wants ignored stays ignored.
        if (t->actions[i].sa_handler == SIG_IGN) sigaction(tf_crashes[i], &t->actions[i], (struct sigaction *)0);
    }
}

// Somebody else has the terminal now; 0 too where it is not ours to ask.
static inline int tf_terminal_is_background(int fd) {
    pid_t group = tcgetpgrp(fd);
    return group > 0 && group != getpgrp();
}

// 0, or -1 with errno; EBUSY where it is entered already, or another has the terminal.
static inline int tf_terminal_enter(int input, int output, const unsigned char *enter, size_t enter_count,
                                    const unsigned char *leave, size_t leave_count) {
    struct tf_terminal *t = tf_terminal_state();
    if (__atomic_load_n(&t->is_entered, __ATOMIC_SEQ_CST) || tf_terminal_is_background(input)) {
        errno = EBUSY;
        return -1;
    }
    if (leave_count > TF_LEAVE_MAX || tcgetattr(input, &t->before) < 0) return -1;
    t->input = input;
    t->output = output;
    t->input_flags = fcntl(input, F_GETFL);
    t->output_flags = fcntl(output, F_GETFL);
    if (t->input_flags < 0 || t->output_flags < 0) return -1;
    memcpy(t->leave, leave, leave_count);
    t->leave_count = leave_count;
    tf_terminal_guard(t);
    __atomic_store_n(&t->is_entered, 1, __ATOMIC_SEQ_CST);

    // Keys come at once and unechoed, ^S, ^V and Enter among them. ISIG stays: ^C and ^Z are signals.
    struct termios raw = t->before;
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | ISTRIP);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tf_terminal_set(input, &raw);
    fcntl(input, F_SETFL, t->input_flags | O_NONBLOCK);
    fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK);
    tf_terminal_write(output, enter, enter_count);
    return 0;
}

// As ^Z does by itself, blocked or caught though it is: returns when somebody says to go on.
static inline void tf_terminal_stop(void) {
    struct sigaction stop = { .sa_handler = SIG_DFL }, before;
    sigset_t set, mask;
    sigaction(SIGTSTP, &stop, &before);
    if (before.sa_handler != SIG_IGN) {
        sigemptyset(&set);
        sigaddset(&set, SIGTSTP);
        pthread_sigmask(SIG_UNBLOCK, &set, &mask);
        raise(SIGTSTP);
        pthread_sigmask(SIG_SETMASK, &mask, (sigset_t *)0);
    }
    sigaction(SIGTSTP, &before, (struct sigaction *)0);
}

#endif
