/* A directory for the store of one test, and processes beside it. */
#ifndef EDGE_TESTS_STORE_LAB_H
#define EDGE_TESTS_STORE_LAB_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"
#include "store/cert_row.h"
#include "store/order_row.h"
#include "store/store.h"

enum { LAB_PATH = 128, LAB_WAIT = 20000 }; /* ms; a machine under valgrind is slow */

struct lab {
    char dir[LAB_PATH];
    char path[LAB_PATH + 16]; /* of edge.db */
};

/* For cmocka's set-up and tear-down: *state is a struct lab. */
int lab_new(void **state);
int lab_free(void **state);

/* Ends the test when the store does not open. */
struct store *lab_open(const struct lab *lab, enum store_mode mode);
/* As lab_open() for a process that is not the test: NULL, and the reason on standard error. */
struct store *lab_try(const char *dir, enum store_mode mode, int busy_ms);
/*
 * Opening fails and the sentence holds both texts; otherwise false, and standard error tells. Works in any
 * process.
 */
bool lab_refuses(const struct lab *lab, enum store_mode mode, const char *what, const char *remedy);

/* Runs in a process of its own; what the function returns is the exit status. */
pid_t lab_start(int (*run)(const struct lab *lab), const struct lab *lab);
/* The status that it exited with; 128 + n when signal n ended it. */
int lab_end(pid_t pid);
int lab_run(int (*run)(const struct lab *lab), const struct lab *lab);

/* Writes bytes over the file at an offset. */
void lab_overwrite(const struct lab *lab, long at, const void *bytes, size_t n);
/* SQL by a connection that is not edge's. */
void lab_sql(const struct lab *lab, const char *sql);

struct cert_row lab_cert(const char *names);
struct order_row lab_order(const char *names);

#endif
