/* The system-call filter of a jail. Private to server/jail_linux.c and the tests. */
#ifndef EDGE_SERVER_JAIL_SECCOMP_H
#define EDGE_SERVER_JAIL_SECCOMP_H

#include "server/jail.h"

/* Built with the address sanitizer, whose runtime must be able to print its report: it reads files, and writes one. */
#if defined(__SANITIZE_ADDRESS__)
#define JAIL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JAIL_ASAN 1
#endif
#endif
#ifndef JAIL_ASAN
#define JAIL_ASAN 0
#endif

/* Needs no_new_privs. Returns 0, or -1 with errno: EINVAL or ENOSYS where the kernel has no such filters. */
int jail_seccomp(enum jail_kind kind);

#endif
