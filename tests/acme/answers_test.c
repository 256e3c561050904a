#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/client.h"
#include "acme/directory.h"
#include "acme/problem.h"
#include "acme/retry_after.h"

/* RFC 9110 section 10.2.3; hostile values are clamped or say nothing. */
static void retry_after(void **state)
{
    static const int64_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *value;
        int64_t wait;
    } rows[] = {
        {"", 0},
        {"5", 5},
        {" 120 ", 120},
        {"0", 1},
        {"86400", 86400},
        {"86401", 86400},
        {"99999999999999999999999999", 86400},
        {"-5", 0},
        {"+5", 0},
        {"5.5", 0},
        {"soon", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 1},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 1},
        {"Mon, 07 Nov 1994 08:49:36 GMT", 86399},
        {"Sat, 06 Nov 2094 08:49:37 GMT", 86400},
        {"Sun, 06 Nov 1994 08:50:37 CET", 0},
        {"Sun, 06 Xyz 1994 08:50:37 GMT", 0},
        {"Sun, 32 Nov 1994 08:50:37 GMT", 0},
        {"Sun, 06 Nov 1994 24:50:37 GMT", 0},
        {"Sun, 06-Nov-94 08:50:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:3", 0},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        int64_t wait = retry_after_read(str_of(rows[i].value), now);
        if (wait != rows[i].wait)
            fail_msg("\"%s\": %lld", rows[i].value, (long long)wait);
    }
}

static void problems(void **state)
{
    static const struct {
        const char *body, *type, *text; /* text NULL: no problem document */
    } rows[] = {
        {"{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":\"JWS has an invalid anti-replay nonce\",\"status\":400}",
         "badNonce", "urn:ietf:params:acme:error:badNonce: JWS has an invalid anti-replay nonce"},
        {"{\"type\":\"urn:ietf:params:acme:error:malformed\"}", "malformed",
         "urn:ietf:params:acme:error:malformed"},
        {"{\"detail\":\"no type\"}", "", "no type"},
        {"{\"type\":\"about:blank\",\"title\":\"Bad Gateway\"}", "", "about:blank: Bad Gateway"},
        {"{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"two\",\"subproblems\":["
         "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"no\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.b\"}},"
         "{\"type\":\"urn:ietf:params:acme:error:dns\",\"identifier\":{\"value\":\"c.d\"}},7]}",
         "compound",
         "urn:ietf:params:acme:error:compound: two; a.b: urn:ietf:params:acme:error:caa: no; c.d: urn:ietf:params:acme:error:dns; "},
        {"{\"type\":\"urn:ietf:params:acme:error:userActionRequired\",\"detail\":\"agree\",\"instance\":\"https://ca/t\"}",
         "userActionRequired", "urn:ietf:params:acme:error:userActionRequired: agree (https://ca/t)"},
        /* What steers terminals, and what is no text, is not passed on. */
        {"{\"type\":\"x\",\"detail\":\"a\\u001b[31mb\\r\\nc\\u009bd\xff\xc3\xa4\xed\xa0\x80\"}", "",
         "x: a [31mb  c d?\xc3\xa4???"},
        /* A type that is longer than any known one is none. */
        {"{\"type\":\"urn:ietf:params:acme:error:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "", "urn:ietf:params:acme:error:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"{}", "", NULL},
        {"[]", "", NULL},
        {"\"type\"", "", NULL},
        {"{\"type\":1,\"detail\":[]}", "", NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct problem problem;
        struct buf why = {0};
        struct json *j = json_open(str_of(rows[i].body));
        assert_non_null(j);
        bool found = problem_read(j, "$", &problem, &why);
        if (found != (rows[i].text != NULL) || !problem_is(&problem, rows[i].type) ||
            !str_eq(buf_str(&why), str_of(rows[i].text ? rows[i].text : "")))
            fail_msg("row %zu: %s: \"%.*s\"", i, problem.type, STR_ARG(buf_str(&why)));
        json_close(j);
        buf_done(&why);
    }
}

static void many_subproblems(void **state)
{
    struct buf body = {0}, why = {0};
    struct problem problem;
    assert_true(buf_add_str(&body, STR("{\"type\":\"t\",\"subproblems\":[{}")));
    for (int i = 0; i < 5000; i++)
        assert_true(buf_add_str(&body, STR(",{\"detail\":\"0123456789012345678901234567890123456789\"}")));
    assert_true(buf_add_str(&body, STR("]}")));
    struct json *j = json_open(buf_str(&body));
    assert_non_null(j);
    assert_true(problem_read(j, "$", &problem, &why) && why.len < 20000);
    json_close(j);
    buf_done(&body);
    buf_done(&why);
}

static void directories(void **state)
{
#define THREE "\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\""
    static const struct {
        const char *body;
        bool good;
        const char *terms;
        bool external;
    } rows[] = {
        {"{" THREE "}", true, "", false},
        {"{" THREE ",\"meta\":{\"termsOfService\":\"https://ca/t\",\"externalAccountRequired\":true}}", true,
         "https://ca/t", true},
        {"{" THREE ",\"meta\":null,\"renewalInfo\":null}", true, "", false},
        {"{" THREE ",\"meta\":{\"externalAccountRequired\":null,\"termsOfService\":null}}", true, "", false},
        {"{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\"}", false, "", false},
        {"{\"newNonce\":\"http://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\"}",
         false, "", false},
        {"{\"newNonce\":7,\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\"}", false, "", false},
        {"[" THREE "]", false, "", false},
        {"<html>", false, "", false},
    };
#undef THREE
    for (size_t i = 0; i < nitems(rows); i++) {
        struct arena mem = {0};
        struct directory d = {0};
        if (directory_read(&d, str_of(rows[i].body), &mem) != rows[i].good)
            fail_msg("row %zu", i);
        if (rows[i].good)
            assert_true(str_eq(d.terms, str_of(rows[i].terms)) && d.external_account == rows[i].external);
        arena_done(&mem);
    }
}

static void urls(void **state)
{
    static const struct {
        struct str url;
        bool good;
    } rows[] = {
        {STR("https://ca.example/dir"), true},
        {STR("HTTPS://ca/?a=b#c"), true},
        {STR("https://"), false},
        {STR("https:///x"), false},
        {STR("http://ca/"), false},
        {STR("file:///etc/passwd"), false},
        {STR(""), false},
        {STR("https://c a/"), false},
        {STR("https://ca/\r\nX: y"), false},
        {STR("https://ca/\0x"), false},
        {STR("https://\xc3\xa4/"), false},
        {STR("ca/dir"), false},
    };
    char longest[CLIENT_URL + 1];
    for (size_t i = 0; i < nitems(rows); i++) {
        if (client_is_url(rows[i].url) != rows[i].good)
            fail_msg("%.*s", STR_ARG(rows[i].url));
    }
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://", 8);
    assert_true(client_is_url(str_from(longest, CLIENT_URL - 1)));
    assert_false(client_is_url(str_from(longest, CLIENT_URL)));
}

/* Nothing is sent in the clear, and nothing that is not there hangs. */
static void unreachable(void **state)
{
    static const char *const rows[] = {"http://127.0.0.1:1/", "https://127.0.0.1:1/",
                                       "https://localhost:1/dir", "ftp://localhost/"};
    struct client *c = client_new(NULL, "edge-test/1");
    assert_non_null(c);
    for (size_t i = 0; i < nitems(rows); i++) {
        struct client_reply reply = {0};
        struct buf why = {0};
        assert_int_equal(client_get(c, str_of(rows[i]), &reply, &why), -1);
        assert_true(why.len > 0 && reply.status == 0);
        client_reply_done(&reply);
        buf_done(&why);
    }
    client_free(c);
    client_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after), cmocka_unit_test(problems), cmocka_unit_test(many_subproblems),
        cmocka_unit_test(directories), cmocka_unit_test(urls),     cmocka_unit_test(unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
