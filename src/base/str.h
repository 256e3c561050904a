/*
 * A borrowed run of bytes: text that somebody else owns. It is not terminated by NUL and may hold any byte.
 * Nothing here allocates. "Case" always means ASCII case; no function depends on the locale.
 */
#ifndef EDGE_BASE_STR_H
#define EDGE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For "%.*s". */
#define STR_ARG(s)    (int)(s).n, ((s).p ? (s).p : "")
#define nitems(array) (sizeof(array) / sizeof((array)[0]))

struct str str_of(const char *terminated);
struct str str_from(const void *p, size_t n);

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b);
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Index of the first byte c, or s.n if there is none. */
size_t str_find(struct str s, char c);
/* From index at on; empty when at lies behind the end. */
struct str str_skip(struct str s, size_t at);
struct str str_take(struct str s, size_t n);
/* Without blanks (space and tab: OWS of RFC 9110 section 5.6.3) at both ends. */
struct str str_trim(struct str s);
/*
 * The next element of a comma-separated list (RFC 9110 section 5.6.1), trimmed; empty elements are skipped.
 * Returns false at the end. Commas inside quoted strings do not separate.
 */
bool str_next_element(struct str *rest, struct str *element);

/* The whole of s as a decimal number of at most max; false for anything else: sign, blank, nothing, too large. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

char ascii_lower(char c);
bool ascii_alnum(char c);
/* -1 if c is not a hexadecimal digit. */
int ascii_hex(char c);

#endif
