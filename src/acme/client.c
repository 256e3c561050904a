#include "acme/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "acme/retry_after.h"
#include "base/clock.h"
#include "base/wipe.h"

enum {
    CONNECT_MS = 20000, /* all addresses of the host together, TLS included */
    STALL_SECONDS = 30, /* without a byte */
    TOTAL_MS = 120000,
    ERROR_ROOM = CURL_ERROR_SIZE,
};

struct client {
    CURL *curl;
    struct curl_slist *fields; /* of a POST */
    char error[ERROR_ROOM];
};

/* One transfer under way. */
struct transfer {
    struct client_reply *reply;
    size_t head;           /* bytes so far */
    const char *too_large; /* why we ended it */
    bool out_of_memory;
    char retry_after[CLIENT_FIELD], date[CLIENT_FIELD];
};

/* --- what comes in --------------------------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    n *= size;
    if (n > CLIENT_BODY - t->reply->body.len) {
        t->too_large = "the answer is larger than 1 MiB";
        return 0;
    }
    if (!buf_add(&t->reply->body, p, n)) {
        t->out_of_memory = true;
        return 0;
    }
    return n;
}

/* A value that does not fit says nothing. */
static void keep(char *field, size_t room, struct str value)
{
    size_t n = value.n < room && str_find(value, '\0') == value.n ? value.n : 0;
    if (n > 0)
        memcpy(field, value.p, n);
    field[n] = '\0';
}

/* `<https://…>;rel="next"`, with or without quotes and blanks (RFC 8288 section 3). */
static void keep_next(struct client_reply *reply, struct str value)
{
    struct str element;
    while (str_next_element(&value, &element)) {
        size_t end = str_find(element, '>');
        struct str rest = str_skip(element, end + 1);
        size_t equal = str_find(rest, '=');
        if (!str_starts(element, STR("<")) || !str_ends(str_trim(str_take(rest, equal)), STR("rel")))
            continue;
        struct str relation = str_trim(str_skip(rest, equal + 1));
        if (str_ieq(relation, STR("\"next\"")) || str_ieq(relation, STR("next")))
            keep(reply->next, sizeof reply->next, str_take(str_skip(element, 1), end - 1));
    }
}

static void take_field(struct transfer *t, struct str name, struct str value)
{
    struct client_reply *r = t->reply;
    if (str_ieq(name, STR("Replay-Nonce")))
        keep(r->nonce, sizeof r->nonce, value);
    else if (str_ieq(name, STR("Location")))
        keep(r->location, sizeof r->location, value);
    else if (str_ieq(name, STR("Content-Type")))
        keep(r->content_type, sizeof r->content_type, value);
    else if (str_ieq(name, STR("Retry-After")))
        keep(t->retry_after, sizeof t->retry_after, value);
    else if (str_ieq(name, STR("Date")))
        keep(t->date, sizeof t->date, value);
    else if (str_ieq(name, STR("Link")))
        keep_next(r, value);
}

/* Interim responses and a proxy's answer come before: what counts is the last head. */
static void forget_fields(struct transfer *t)
{
    struct client_reply *r = t->reply;
    r->nonce[0] = r->location[0] = r->next[0] = r->content_type[0] = '\0';
    t->retry_after[0] = t->date[0] = '\0';
}

static size_t take_line(char *p, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    n *= size;
    t->head += n;
    if (t->head > CLIENT_HEAD) {
        t->too_large = "the answer's head is larger than 64 KiB";
        return 0;
    }
    struct str line = str_from(p, n);
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (str_istarts(line, STR("HTTP/")))
        forget_fields(t);
    size_t colon = str_find(line, ':');
    take_field(t, str_take(line, colon), str_trim(str_skip(line, colon + 1)));
    return n;
}

/* --- the handle ------------------------------------------------------------------------------------ */

/* What holds for every request. Options that this libcurl knows cannot fail; those that copy text can. */
static bool set_up(struct client *c, const char *ca_file, const char *user_agent)
{
    CURL *h = c->curl;
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
    return curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_USERAGENT, user_agent) == CURLE_OK &&
           (!ca_file || curl_easy_setopt(h, CURLOPT_CAINFO, ca_file) == CURLE_OK);
}

static bool add_field(struct client *c, const char *field)
{
    struct curl_slist *longer = curl_slist_append(c->fields, field);
    if (longer)
        c->fields = longer;
    return longer != NULL;
}

struct client *client_new(const char *ca_file, const char *user_agent)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        wipe_free(c, sizeof *c);
        return NULL;
    }
    c->curl = curl_easy_init();
    if (!c->curl || !set_up(c, ca_file, user_agent) || !add_field(c, "Content-Type: application/jose+json") ||
        !add_field(c, "Expect:")) {
        client_free(c);
        return NULL;
    }
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    curl_slist_free_all(c->fields);
    curl_easy_cleanup(c->curl);
    curl_global_cleanup();
    wipe_free(c, sizeof *c);
}

void client_reply_done(struct client_reply *reply)
{
    buf_done(&reply->body);
    *reply = (struct client_reply){0};
}

bool client_is_url(struct str url)
{
    static const struct str https = STR("https://");
    if (!str_istarts(url, https) || url.n == https.n || url.n >= CLIENT_URL || url.p[https.n] == '/')
        return false;
    for (size_t i = 0; i < url.n; i++) {
        if (url.p[i] <= ' ' || url.p[i] > '~')
            return false;
    }
    return true;
}

/* --- a request ------------------------------------------------------------------------------------- */

static int explain(const struct client *c, const struct transfer *t, CURLcode code, struct buf *why)
{
    if (t->out_of_memory)
        (void)buf_add_str(why, STR("out of memory"));
    else if (t->too_large)
        (void)buf_add_str(why, str_of(t->too_large));
    else
        (void)buf_add_str(why, str_of(c->error[0] ? c->error : curl_easy_strerror(code)));
    return -1;
}

/* The method is set; this does the rest. */
static int perform(struct client *c, struct str url, struct client_reply *reply, struct buf *why)
{
    char text[CLIENT_URL];
    struct transfer t = {.reply = reply};
    long status = 0;
    int64_t now = clock_wall();
    client_reply_done(reply);
    if (!client_is_url(url)) {
        (void)buf_printf(why, "not an https URL: \"%.*s\"", (int)(url.n < 200 ? url.n : 200),
                         url.p ? url.p : "");
        return -1;
    }
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    c->error[0] = '\0';
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &t);
    CURLcode code = curl_easy_setopt(c->curl, CURLOPT_URL, text);
    if (code == CURLE_OK)
        code = curl_easy_perform(c->curl);
    if (code != CURLE_OK)
        return explain(c, &t, code, why);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    if (t.date[0])
        (void)retry_after_date(str_of(t.date), &now);
    reply->retry_after = retry_after_read(str_of(t.retry_after), now);
    return 0;
}

int client_get(struct client *c, struct str url, struct client_reply *reply, struct buf *why)
{
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    return perform(c, url, reply, why);
}

int client_head(struct client *c, struct str url, struct client_reply *reply, struct buf *why)
{
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
    return perform(c, url, reply, why);
}

void client_once(struct client *c, bool once)
{
    curl_easy_setopt(c->curl, CURLOPT_FRESH_CONNECT, once ? 1L : 0L);
}

int client_post(struct client *c, struct str url, struct str body, struct client_reply *reply,
                struct buf *why)
{
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->fields);
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
    return perform(c, url, reply, why);
}
