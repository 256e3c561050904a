/*
 * What all processes of a generation know about the backends: connections in use, whether each answers, where each name leads.
 * It lies in memory that they share, without a lock: every number has one writer or is changed atomically. Times are clock_now(),
 * whose clock is the same in all processes.
 */
#ifndef EDGE_PROXY_LOAD_H
#define EDGE_PROXY_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ip.h"

enum {
    LOAD_ADDRESSES = 8, /* of one name at most */
    LOAD_FIRST_REST_MS = 1000,
    LOAD_LONGEST_REST_MS = 30000,
};

struct load_shape {
    size_t workers;
    size_t backends;
};

struct load_cell;
struct load_row;

/* One process's view of the memory. */
struct load {
    struct load_shape shape;
    struct load_row *rows;   /* by backend.id */
    struct load_cell *cells; /* a column per worker */
};

/* Bytes that the memory needs. */
size_t load_size(struct load_shape shape);
/* mem: of load_size(), aligned to 8, all-zero before its first use. */
struct load load_view(void *mem, struct load_shape shape);

/*
 * Takes one of the backend's `limit` places (0: there is no limit) for a connection that is about to be used. False: all are
 * taken, by whichever worker.
 */
bool load_take(const struct load *l, size_t worker, size_t backend, uint32_t limit);
/* Gives it back. */
void load_give(const struct load *l, size_t worker, size_t backend);
/* Over all workers. */
uint32_t load_in_use(const struct load *l, size_t backend);
/* A worker died: what it had in use is free again. Only while no such worker runs. */
void load_clear_worker(const struct load *l, size_t worker);

/* What is counted, by worker and backend; a worker that is started again goes on where the last one was. */
enum load_counter { LOAD_REQUESTS, LOAD_FAILURES, LOAD_COUNTERS };
void load_count(const struct load *l, size_t worker, size_t backend, enum load_counter what);
/* Over all workers. */
uint64_t load_counted(const struct load *l, size_t backend, enum load_counter what);

/*
 * A backend that could not be reached, or gave no answer, rests: a second, then twice as long each time. When the rest is over one
 * request may try, and the others go elsewhere until it has an answer.
 */
enum load_state { LOAD_UP, LOAD_TRIAL, LOAD_DOWN };
enum load_state load_state(const struct load *l, size_t backend, msec now);
/* For LOAD_TRIAL: true for the one that is to try. */
bool load_try(const struct load *l, size_t backend, msec now);
/*
 * An attempt that began at `began` has failed. Of several that were under way together the first one counts. True if it is news
 * that the backend fails.
 */
bool load_failed(const struct load *l, size_t backend, msec began, msec now);
/* It answered. True if that is news. */
bool load_answered(const struct load *l, size_t backend);
/* Until when it rests; 0 if it does not. */
msec load_rests_until(const struct load *l, size_t backend);
/* The result of an active check. Until the first one a backend counts as good. True if that is a change. */
bool load_checked(const struct load *l, size_t backend, bool good);

/* Where a name leads; one process writes. n = 0: nowhere. */
void load_set_addresses(const struct load *l, size_t backend, const struct ip *ips, size_t n);
/* Returns how many there are. */
size_t load_addresses(const struct load *l, size_t backend, struct ip out[LOAD_ADDRESSES]);
/* The name was looked up at least once. */
bool load_looked_up(const struct load *l, size_t backend);
/* Asks for a new look-up; the caller then wakes the one who looks up. False: that was asked already. */
bool load_want_lookup(const struct load *l, size_t backend);
/* Whether one was asked for since the last call. */
bool load_lookup_wanted(const struct load *l, size_t backend);

#endif
