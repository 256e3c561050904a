/*
 * For tests of jails: each case runs in a fresh process of the test program, as a role does, which prepares, enters the jail and
 * tries one thing. That also keeps valgrind, which could not live in a jail, out of it.
 */
#ifndef EDGE_TESTS_SERVER_JAIL_LAB_H
#define EDGE_TESTS_SERVER_JAIL_LAB_H

/* Exit statuses of a case that are no errno. */
enum { NOT_HERE = 200, SETUP_FAILED = 201 };

/* How a case has to end: EPERM or EACCES, 0, or killed by a signal. */
enum kind { REFUSED, WORKS, KILLED };

/* 0, or errno when the result of a system call tells of a failure. */
int outcome(long result);
/* Runs this program again with these arguments (the last one NULL) and returns its wait status. */
int jail_lab_run(const char *const arguments[]);
/* Fails the test if that is no end of that kind; skips it if the kernel lacks what it needs. */
void jail_lab_judge(enum kind kind, int status);

#endif
