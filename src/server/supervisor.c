#include "server/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "config/parse.h"
#include "net/loop.h"
#include "server/account.h"
#include "server/generation.h"
#include "server/image.h"
#include "server/load_memory.h"
#include "server/notify.h"
#include "server/ports.h"
#include "server/read_file.h"
#include "server/sessions_memory.h"
#include "server/snapshot_build.h"
#include "server/upstreams.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2 };
enum { MAX_AUTO_WORKERS = 64, DRAIN_MS = 10000 };
enum { PORT_RETRY_MS = 5000, ADDRESS_WAIT_S = 60 };

enum supervisor_state { SUPERVISOR_STARTING, SUPERVISOR_SERVING, SUPERVISOR_DRAINING, SUPERVISOR_ENDED };

struct supervisor {
    const char *config_file;
    enum supervisor_state state;
    msec began;
    struct snapshot *snapshot;
    struct spawn_fds fds;
    int *listens; /* as ports_open() fills it */
    struct activation inherited;
    struct notify notify;
    struct loop *loop;
    struct watch signals;
    struct timer watchdog;
    struct timer port_retry; /* while a port of the configuration could not be bound */
    struct load load;        /* of the backends */
    struct generation *generation;
    pid_t renewing; /* `edge renew`; 0: it does not run */
};

/* Configuration */

/* Returns an exit status, 0 when *text holds what s->snapshot was made of. */
static int read_configuration(struct supervisor *s, struct buf *text)
{
    struct buf errors = {0};
    if (read_file(s->config_file, READ_FILE_CONFIG, text) < 0) {
        log_error("%s: %s", s->config_file, strerror(errno));
        return EXIT_CONFIG;
    }
    s->snapshot = config_parse(s->config_file, buf_str(text), &errors);
    /* For people, as `edge check` shows it: several lines with a caret. */
    if (errors.len > 0)
        (void)fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s->snapshot ? EXIT_DONE : EXIT_CONFIG;
}

static void log_lines(struct str text)
{
    while (text.n > 0) {
        size_t n = str_find(text, '\n');
        log_error("%.*s", STR_ARG(str_take(text, n)));
        text = str_skip(text, n + 1);
    }
}

/* A certificate that cannot serve is a bad configuration, like a typing error. */
static int verify_files(const struct supervisor *s)
{
    struct buf errors = {0};
    int status = snapshot_verify(s->snapshot, s->config_file, &errors) < 0 ? EXIT_CONFIG : EXIT_DONE;
    log_lines(buf_str(&errors));
    buf_done(&errors);
    return status;
}

static unsigned worker_count(const struct snapshot *s)
{
    cpu_set_t set;
    if (s->workers > 0)
        return s->workers;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > MAX_AUTO_WORKERS ? MAX_AUTO_WORKERS : (unsigned)n;
}

/* What is known of the backends, and the way to wake who looks them up. */
static bool open_load(struct supervisor *s)
{
    struct load_shape shape = {.workers = worker_count(s->snapshot), .backends = s->snapshot->n_backends};
    if (shape.backends == 0)
        return true;
    s->fds.load = load_memory_new(shape, &s->load);
    s->fds.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return s->fds.load >= 0 && s->fds.wake >= 0;
}

static int build_image(struct supervisor *s, struct str text)
{
    s->fds.image = snapshot_build(s->snapshot, s->config_file, text);
    s->fds.sessions = sessions_memory_new();
    if (s->fds.image >= 0 && s->fds.sessions >= 0 && open_load(s))
        return EXIT_DONE;
    log_error("cannot make memory for the workers: %s", strerror(errno));
    return EXIT_FAILED;
}

static int configure(struct supervisor *s)
{
    struct buf text = {0};
    int status = read_configuration(s, &text);
    if (status == EXIT_DONE)
        status = verify_files(s);
    if (status == EXIT_DONE)
        status = build_image(s, buf_str(&text));
    buf_done(&text);
    return status;
}

/* Opening */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("cannot raise the limit of open descriptors: %s", strerror(errno));
}

/* At boot systemd starts us when the network is there, but an address by DHCP may be late. By hand it is a mistake. */
static bool await_address(const struct supervisor *s)
{
    bool bound = false;
    if (s->notify.to_len == 0 || !ports_without_address(s->snapshot, s->listens))
        return false;
    log_info("waiting for an address, for %d s at most", ADDRESS_WAIT_S);
    for (int waited = 0; !bound && waited < ADDRESS_WAIT_S; waited++) {
        (void)sleep(1);
        while (ports_retry(s->snapshot, s->listens) < s->snapshot->n_listens)
            bound = true;
    }
    return bound;
}

static int open_ports(struct supervisor *s)
{
    s->listens = calloc(s->snapshot->n_listens + 1, sizeof *s->listens);
    if (!s->listens)
        die("out of memory");
    size_t bound = ports_open(s->snapshot, &s->inherited, s->listens);
    activation_close(&s->inherited);
    s->fds.listens = s->listens;
    s->fds.n_listens = s->snapshot->n_listens;
    if (bound > 0 || await_address(s))
        return EXIT_DONE;
    log_error("nothing could be bound: there is nothing to serve");
    return EXIT_FAILED;
}

/* What needs the rights we were started with, and then giving them up. */
static int open_everything(struct supervisor *s)
{
    struct account account;
    if (account_find(s->snapshot, s->config_file, &account) < 0)
        return EXIT_CONFIG;
    int status = open_ports(s);
    if (status != EXIT_DONE)
        return status;
    raise_descriptor_limit();
    (void)account_directories(s->snapshot, &account);
    return account_drop(&account) < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Generations */

/* What `systemctl status` shows. */
static void notify_serving(const struct supervisor *s)
{
    struct buf lines = {0}, ports = {0};
    ports_describe(s->snapshot, s->listens, &ports);
    (void)buf_printf(&lines, "READY=1\nSTATUS=serving %.*s", STR_ARG(buf_str(&ports)));
    if (buf_add(&lines, "", 1))
        notify_send(&s->notify, (const char *)buf_data(&lines));
    buf_done(&lines);
    buf_done(&ports);
}

static void on_ready(void *user)
{
    struct supervisor *s = user;
    struct buf text = {0};
    s->state = SUPERVISOR_SERVING;
    ports_describe(s->snapshot, s->listens, &text);
    log_info("ready: %.*s; %zu sites, %u workers, %d ms", STR_ARG(buf_str(&text)), s->snapshot->n_sites,
             worker_count(s->snapshot), (int)(clock_now() - s->began));
    notify_serving(s);
    buf_done(&text);
}

static void on_port_retry(struct timer *t)
{
    struct supervisor *s = LIST_OWNER(t, struct supervisor, port_retry);
    size_t i;
    while ((i = ports_retry(s->snapshot, s->listens)) < s->snapshot->n_listens) {
        char at[ENDPOINT_TEXT];
        log_info("listening on %s now", endpoint_format(s->snapshot->listens[i].at, at));
        generation_listen(s->generation, s->listens[i]);
        if (s->state == SUPERVISOR_SERVING)
            notify_serving(s);
    }
    loop_timer(s->loop, t, ports_lacking(s->snapshot, s->listens) ? PORT_RETRY_MS : 0);
}

static void on_ended(void *user)
{
    struct supervisor *s = user;
    s->state = SUPERVISOR_ENDED;
    generation_free(s->generation);
    s->generation = NULL;
    loop_stop(s->loop);
}

static void on_renew(void *user)
{
    struct supervisor *s = user;
    if (s->renewing > 0)
        return;
    pid_t pid = spawn_renew(s->config_file, s->fds.null);
    if (pid > 0) {
        s->renewing = pid;
        return;
    }
    log_error("cannot start edge renew: %s", strerror(errno));
    generation_renewed(s->generation);
}

static const struct generation_user generation_calls = {
    .ready = on_ready, .renew = on_renew, .ended = on_ended};

/* Signals */

static void close_ports(struct supervisor *s)
{
    for (size_t i = 0; i < s->fds.n_listens; i++) {
        if (s->listens[i] >= 0)
            close(s->listens[i]);
        s->listens[i] = -EBADF;
    }
}

static void end(struct supervisor *s, const char *signal_name)
{
    if (s->state == SUPERVISOR_DRAINING) {
        log_info("%s again: ending at once", signal_name);
        generation_kill(s->generation);
        return;
    }
    msec limit = s->snapshot->timeouts.drain > 0 ? s->snapshot->timeouts.drain : DRAIN_MS;
    log_info("%s: draining, for %d s at most", signal_name, (int)((limit + 999) / 1000));
    s->state = SUPERVISOR_DRAINING;
    notify_send(&s->notify, "STOPPING=1\nSTATUS=draining");
    /* What it has begun is in the database, and goes on at the next start. */
    if (s->renewing > 0)
        (void)kill(s->renewing, SIGTERM);
    loop_timer_clear(s->loop, &s->port_retry);
    close_ports(s);
    generation_drain(s->generation, (uint32_t)limit);
}

/* What failed it has told itself, unless it could not. */
static void renew_ended(struct supervisor *s, int status)
{
    if (WIFSIGNALED(status) && s->state == SUPERVISOR_SERVING)
        log_warn("edge renew (pid %d) was killed by signal %d; it is started again while something is due",
                 (int)s->renewing, WTERMSIG(status));
    s->renewing = 0;
    if (s->generation)
        generation_renewed(s->generation);
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == s->renewing)
            renew_ended(s, status);
        else if (!s->generation || !generation_reaped(s->generation, pid, status))
            log_debug("child %d ended that is not ours", (int)pid);
}

static void on_signal(struct supervisor *s, int number)
{
    switch (number) {
    case SIGCHLD: reap(s); break;
    case SIGTERM: end(s, "SIGTERM"); break;
    case SIGINT: end(s, "SIGINT"); break;
    case SIGHUP: log_warn("SIGHUP: reload is not supported yet; restart edge"); break;
    default: break;
    }
}

static void signals_ready(struct watch *w, short events)
{
    struct supervisor *s = LIST_OWNER(w, struct supervisor, signals);
    struct signalfd_siginfo info;
    (void)events;
    while (s->state != SUPERVISOR_ENDED && read(w->fd, &info, sizeof info) == (ssize_t)sizeof info)
        on_signal(s, (int)info.ssi_signo);
}

/* From now on signals wait until the loop reads them. */
static int open_signals(struct supervisor *s)
{
    static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < nitems(caught); i++)
        sigaddset(&set, caught[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0 || loop_watch(s->loop, &s->signals, fd, signals_ready) < 0)
        return -1;
    loop_want(s->loop, &s->signals, POLLIN);
    return 0;
}

static void on_watchdog(struct timer *t)
{
    struct supervisor *s = LIST_OWNER(t, struct supervisor, watchdog);
    notify_send(&s->notify, "WATCHDOG=1");
    loop_timer(s->loop, t, s->notify.watchdog_ms);
}

/* Serving */

static int serve(struct supervisor *s)
{
    s->loop = loop_new();
    if (!s->loop || open_signals(s) < 0) {
        log_error("cannot start: %s", strerror(errno));
        return EXIT_FAILED;
    }
    s->watchdog.fire = on_watchdog;
    loop_timer(s->loop, &s->watchdog, s->notify.watchdog_ms);
    struct generation_setup setup = {
        .loop = s->loop,
        .fds = s->fds,
        .workers = worker_count(s->snapshot),
        .resolver = upstreams_need_resolver(s->snapshot),
        .load = s->load,
        .calls = &generation_calls,
        .user = s,
    };
    s->generation = generation_new(&setup);
    if (!s->generation)
        die("out of memory");
    s->port_retry.fire = on_port_retry;
    loop_timer(s->loop, &s->port_retry, ports_lacking(s->snapshot, s->listens) ? PORT_RETRY_MS : 0);
    loop_run(s->loop);
    log_info("ended");
    return EXIT_DONE;
}

/* Descriptors 0 to 2 are always open, so that no socket ever becomes one of them. */
static int open_null(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
    return fd;
}

int supervisor_main(const char *config_file)
{
    struct supervisor s = {.config_file = config_file,
                           .fds = {.image = -1, .sessions = -1, .load = -1, .wake = -1}};
    s.began = clock_now();
    log_init(NULL, getenv("EDGE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    activation_take(&s.inherited, ACTIVATION_FIRST_FD); /* before anything else is opened */
    notify_init(&s.notify);
    s.fds.null = open_null();
    if (s.fds.null < 0 || rand_init() < 0) {
        log_error("cannot start: no /dev/null or no random source");
        return EXIT_FAILED;
    }
    int status = configure(&s);
    if (status == EXIT_DONE)
        status = open_everything(&s);
    if (status == EXIT_DONE)
        status = serve(&s);
    if (s.loop) {
        loop_unwatch(s.loop, &s.signals);
        loop_timer_clear(s.loop, &s.watchdog);
        loop_timer_clear(s.loop, &s.port_retry);
        loop_free(s.loop);
    }
    free(s.listens);
    snapshot_free(s.snapshot);
    return status;
}
