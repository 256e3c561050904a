/*
 * What h1_read, h1_parse, h1_fields and h1_write share and nobody else needs: the alphabets of RFC 9110 and
 * the field rules.
 */
#ifndef EDGE_HTTP_H1_INT_H
#define EDGE_HTTP_H1_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/head.h"

enum {
    H1_MAX_METHOD = 64,                                 /* the longest registered one has 17 letters */
    H1_MAX_TRAILERS = 16 * 1024,                        /* bytes of the trailer section */
    H1_MAX_EXTENSIONS = 256,                            /* bytes of extensions of one chunk */
    H1_MAX_SIZE_DIGITS = 16,                            /* of a chunk size, leading zeros included */
    H1_MAX_BLANK_LINES = 4,                             /* empty lines skipped before a request */
    H1_MAX_LINE = H1_MAX_METHOD + HEAD_MAX_TARGET + 12, /* request line: two blanks, HTTP/1.1, CR, LF */
};

/* tchar of RFC 9110 section 5.6.2. */
bool h1_is_tchar(uint8_t c);
/* field-vchar, SP and HTAB of RFC 9110 section 5.5; obs-text too, but no control and no DEL. */
bool h1_is_value_char(uint8_t c);
bool h1_is_token(struct str s);
bool h1_is_value(struct str s);

/* Takes the first line off rest, without its CRLF. False: no line is left whole, or it ends in a bare LF. */
bool h1_fields_line(struct str *rest, struct str *line);
/*
 * Reads field lines into h up to the empty line, which has to be the last; ended tells whether it came at
 * all. Returns 0, ERR_HTTP_FIELD, ERR_HTTP_FIELDS_LARGE or ERR_NOMEM.
 */
int h1_fields_parse(struct str lines, struct head *h, struct arena *mem, bool *ended);
/*
 * Sets framing and length from Content-Length and Transfer-Encoding; FRAME_NONE if there is neither. Returns
 * 0 or an error.
 */
int h1_fields_framing(struct head *h);
/*
 * Sets keep_alive and upgrade from Connection. With guarded, Connection may not name what has to reach the
 * other side.
 */
int h1_fields_connection(struct head *h, bool guarded);
/* A field that says nothing, or something dangerous, after the body (RFC 9110 section 6.5.1). */
bool h1_fields_not_in_trailers(struct str name);

#endif
