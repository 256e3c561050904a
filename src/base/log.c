#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static struct {
    const char *role;
    enum log_level up_to;
    bool prefix; /* journald's "<N>" */
} log_sink = {.role = NULL, .up_to = LOG_LEVEL_INFO, .prefix = false};

void log_init(const char *role, enum log_level up_to)
{
    log_sink.role = role;
    log_sink.up_to = up_to;
    log_sink.prefix = getenv("JOURNAL_STREAM") != NULL;
}

/* A control character in logged text could forge a line: it is shown as a question mark. */
static void make_printable(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            s[i] = '?';
}

static size_t add_prefix(char *line, size_t size, enum log_level level)
{
    int n = 0;
    if (log_sink.prefix)
        n = snprintf(line, size, "<%d>", (int)level);
    if (log_sink.role)
        n += snprintf(line + n, size - (size_t)n, "%s: ", log_sink.role);
    return (size_t)n;
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
                                                           va_list ap)
{
    if (level > log_sink.up_to)
        return;
    int saved = errno;
    char line[LINE_MAX_BYTES];
    size_t n = add_prefix(line, sizeof line / 2, level);
    int more = vsnprintf(line + n, sizeof line - n - 1, format, ap);
    size_t end = n + (more > 0 ? (size_t)more : 0);
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    make_printable(line + n, end - n);
    line[end++] = '\n';
    /* One write per line, so that the lines of several processes do not mix; nobody can be told if it fails. */
    if (write(STDERR_FILENO, line, end) < 0)
        errno = saved;
    errno = saved;
}

#define LOG_BODY(level)          \
    va_list ap;                  \
    va_start(ap, format);        \
    log_line(level, format, ap); \
    va_end(ap)

void log_error(const char *format, ...)
{
    LOG_BODY(LOG_LEVEL_ERROR);
}

void log_warn(const char *format, ...)
{
    LOG_BODY(LOG_LEVEL_WARN);
}

void log_info(const char *format, ...)
{
    LOG_BODY(LOG_LEVEL_INFO);
}

void log_debug(const char *format, ...)
{
    LOG_BODY(LOG_LEVEL_DEBUG);
}

void die(const char *format, ...)
{
    LOG_BODY(LOG_LEVEL_ERROR);
    exit(1);
}
