/*
 * The header field Retry-After (RFC 9110 section 10.2.3): seconds or a date, from a sender that is not
 * trusted.
 */
#ifndef EDGE_ACME_RETRY_AFTER_H
#define EDGE_ACME_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { RETRY_AFTER_MIN = 1, RETRY_AFTER_MAX = 86400 };

/*
 * Seconds to wait, clamped to RETRY_AFTER_MIN … RETRY_AFTER_MAX; 0 when the value says nothing. A date
 * counts from `now`, seconds since 1970: best the sender's own Date, because our clock may be wrong.
 */
int64_t retry_after_read(struct str value, int64_t now);
/*
 * An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`; the two old forms (RFC 9110 section 5.6.7) are not sent
 * by anybody.
 */
bool retry_after_date(struct str value, int64_t *seconds);

#endif
