#include "acme/acme.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "acme/account.h"
#include "acme/acme_int.h"
#include "acme/order.h"
#include "base/wipe.h"

enum {
    WAITING_MS = 300000, /* for a CA that says "processing", all in all */
    FIRST_WAIT_MS = 500,
    LONGEST_WAIT_MS = 8000,
    LINE = 512,
};

enum acme_end acme_fail(struct acme *a, enum acme_end end, const char *format, ...)
{
    char line[LINE];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    buf_take(a->why, a->why->len);
    (void)problem_plain(a->why, str_of(line), sizeof line);
    return end;
}

enum acme_end acme_nomem(struct acme *a)
{
    return acme_fail(a, ACME_BROKEN, "out of memory");
}

void acme_progress(struct acme *a, const char *format, ...)
{
    char line[LINE];
    if (!a->config.hooks->progress)
        return;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    a->config.hooks->progress(a->config.context, line);
}

bool acme_keep(struct acme *a, struct str *field, struct str value)
{
    if (str_eq(*field, value))
        return true;
    *field = arena_dup(a->config.mem, value);
    return field->p != NULL;
}

enum acme_end acme_wait(struct acme *a, int64_t asked, unsigned turn, const char *what)
{
    msec wait = asked > 0 ? asked * 1000 : turn < 4 ? (msec)FIRST_WAIT_MS << turn : LONGEST_WAIT_MS;
    if (wait > a->deadline - clock_now()) {
        a->retry_after = asked;
        return acme_fail(a, ACME_LATER, "the CA has not finished with %s", what);
    }
    struct timespec rest = {wait / 1000, wait % 1000 * 1000000};
    while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
        continue;
    return ACME_DONE;
}

/* What belongs to one call. */
static void begin(struct acme *a, struct buf *why)
{
    a->why = why;
    a->deadline = clock_now() + WAITING_MS;
    a->status = 0;
    a->problem = (struct problem){0};
    a->retry_after = 0;
}

enum acme_end acme_open(struct acme **out, const struct acme_config *config, struct acme_account *account,
                        struct buf *why)
{
    struct acme *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) {
        (void)buf_add_str(why, STR("out of memory"));
        return ACME_BROKEN;
    }
    a->config = *config;
    a->account = *account;
    begin(a, why);
    a->client = client_new(config->ca_file, config->user_agent);
    if (!a->client)
        return acme_nomem(a);
    enum acme_end end = account_open(a);
    *account = a->account;
    return end;
}

enum acme_end acme_obtain(struct acme *a, struct acme_order *order, struct buf *why)
{
    begin(a, why);
    return order_obtain(a, order);
}

int64_t acme_retry_after(const struct acme *a)
{
    return a ? a->retry_after : 0;
}

void acme_close(struct acme *a)
{
    if (!a)
        return;
    client_free(a->client);
    key_done(&a->key);
    wipe_free(a, sizeof *a);
}
