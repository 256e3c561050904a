/* The values that a configuration is made of, without any knowledge of directives. Nothing here allocates. */
#ifndef EDGE_CONFIG_VALUE_H
#define EDGE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

enum { DURATION_TEXT = 24, SIZE_TEXT = 24 };

/* `500ms`, `10s`, `5m`, `1h`. The unit is needed. */
bool duration_parse(struct str text, msec *out);
/* The shortest text that duration_parse() turns into the same value again. Returns out. */
char *duration_format(msec value, char out[DURATION_TEXT]);

/* Bytes: `64k`, `10M`, `50G` (powers of 1024, either case), or a bare number. */
bool size_parse(struct str text, uint64_t *out);
char *size_format(uint64_t value, char out[SIZE_TEXT]);

/*
 * What keeps `name` from being the host name of a site, "what; what to do"; NULL: nothing does. `*` and
 * `*.example.org` are host names here, an address is none.
 */
const char *host_problem(struct str name);

/* Bytes of the UTF-8 character at the start of s (RFC 3629); 0 if there is none. */
size_t utf8_length(struct str s);
/* The byte is not the first one of a character. */
bool utf8_continues(char c);

#endif
