#include "acme/problem.h"

#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX = 2048, SUBPROBLEMS_MAX = 100, WHY_MAX = 16384, PATH = 128 };

static const struct str urn = STR("urn:ietf:params:acme:error:");

/* --- text from outside ----------------------------------------------------------------------------- */

/* The length of the UTF-8 character at the front, 0 when it is none (RFC 3629 section 4). */
static size_t character(struct str s)
{
    uint8_t first = (uint8_t)s.p[0];
    size_t n = first < 0x80   ? 1
               : first < 0xc2 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf5 ? 4
                              : 0;
    if (n == 0 || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)s.p[i] & 0xc0) != 0x80)
            return 0;
    }
    uint8_t second = n > 1 ? (uint8_t)s.p[1] : 0;
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : n;
}

/* C0, DEL and C1 steer terminals. */
static bool is_control(struct str c)
{
    uint8_t first = (uint8_t)c.p[0];
    return first < 0x20 || first == 0x7f || (first == 0xc2 && (uint8_t)c.p[1] < 0xa0);
}

bool problem_plain(struct buf *out, struct str text, size_t max)
{
    bool good = true;
    for (size_t used = 0; good && text.n > 0; used++) {
        size_t n = character(text);
        if (used >= max)
            return buf_add_str(out, STR("…"));
        if (n == 0)
            good = buf_add_str(out, STR("?"));
        else if (is_control(str_take(text, n)))
            good = buf_add_str(out, STR(" "));
        else
            good = buf_add(out, text.p, n);
        text = str_skip(text, n > 0 ? n : 1);
    }
    return good;
}

/* --- the document ---------------------------------------------------------------------------------- */

static bool put_part(struct buf *why, struct str before, struct str text, struct str behind)
{
    return text.n == 0 ||
           (buf_add_str(why, before) && problem_plain(why, text, DETAIL_MAX) && buf_add_str(why, behind));
}

/* `NAME: TYPE: DETAIL (INSTANCE)` of whatever is there. */
static void put_one(struct json *j, const char *at, struct arena *mem, struct buf *why)
{
    struct str name = json_text(j, mem, "%s.identifier.value", at);
    struct str type = json_text(j, mem, "%s.type", at);
    struct str detail = json_text(j, mem, "%s.detail", at);
    /* userActionRequired tells there which page to visit (RFC 8555 section 7.3.3). */
    struct str instance = json_text(j, mem, "%s.instance", at);
    if (detail.n == 0)
        detail = json_text(j, mem, "%s.title", at);
    struct str nothing = STR("");
    (void)(put_part(why, nothing, name, STR(": ")) &&
           put_part(why, nothing, type, detail.n > 0 ? STR(": ") : nothing) &&
           put_part(why, nothing, detail, nothing) && put_part(why, STR(" ("), instance, STR(")")));
}

static void put_all(struct json *j, const char *at, struct arena *mem, struct buf *why)
{
    char path[PATH];
    put_one(j, at, mem, why);
    size_t n = json_count(j, "%s.subproblems", at);
    for (size_t i = 0; i < n && i < SUBPROBLEMS_MAX && why->len < WHY_MAX; i++) {
        snprintf(path, sizeof path, "%s.subproblems[%zu]", at, i);
        (void)buf_add_str(why, STR("; "));
        put_one(j, path, mem, why);
    }
}

bool problem_read(struct json *j, const char *at, struct problem *problem, struct buf *why)
{
    struct arena mem = {0};
    *problem = (struct problem){0};
    struct str type = json_text(j, &mem, "%s.type", at);
    bool found = type.n > 0 || json_type(j, "%s.detail", at) == JSON_TEXT;
    struct str known = str_starts(type, urn) ? str_skip(type, urn.n) : STR("");
    if (known.n > 0 && known.n < sizeof problem->type)
        memcpy(problem->type, known.p, known.n);
    if (found && why)
        put_all(j, at, &mem, why);
    arena_done(&mem);
    return found;
}

bool problem_is(const struct problem *problem, const char *type)
{
    return strcmp(problem->type, type) == 0;
}
