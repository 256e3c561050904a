/* `edge certs`: what it finds, and how that is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "cli/cert_list.h"
#include "cli/cert_print.h"
#include "config/parse.h"
#include "store/attempt_row.h"
#include "store/store_lab.h"

enum { NOW = 1795176000 /* 2026-11-20 12:00 UTC */, DAY = 24 * 3600 };

static const char configuration[] = "acme { directory https://ca.example/dir }\n"
                                    "www.example.org, example.org { respond 200 }\n"
                                    "new.example.org { proxy 127.0.0.1:1 }\n"
                                    "off.example.org { tls off\n respond 200 }\n"
                                    "nas.home.arpa { tls internal\n respond 200 }\n"
                                    "shop.example.org { tls tests/tls/data/ec.pem key\n respond 200 }\n"
                                    "gone.example.org { tls /nowhere/c.pem key\n respond 200 }\n"
                                    "key.example.org { tls tests/tls/data/ec.key\n respond 200 }\n"
                                    "* { respond 404 }\n";

static struct snapshot *parse(const char *text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("c", str_of(text), &errors);
    if (!s || errors.len > 0)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s;
}

static void put_cert(struct store *store, const char *names, const char *issuer, int64_t not_after)
{
    struct cert_row row = lab_cert(names);
    row.issuer = str_of(issuer);
    row.not_before = not_after - 90 * DAY;
    row.not_after = not_after;
    row.renew_at = not_after - 30 * DAY;
    if (issuer[0] == '\0')
        row.directory = STR("");
    assert_int_equal(cert_row_put(store, &row), 0);
}

static void put_failure(struct store *store, const char *names, unsigned failures, const char *error)
{
    struct attempt_row row = {.names = str_of(names),
                              .last_try = NOW - 60,
                              .next_try = NOW + 540,
                              .failures = failures,
                              .last_error = str_of(error)};
    assert_int_equal(attempt_row_save(store, &row), 0);
}

/* The list of the text; it must live as long as the snapshot. */
static void look(struct cert_list *l, const struct snapshot *s, const struct lab *lab)
{
    struct store *store = lab_open(lab, STORE_READ);
    *l = (struct cert_list){0};
    assert_int_equal(cert_list_make(l, s), 0);
    assert_int_equal(cert_list_look(l, s, store, NOW), 0);
    store_close(store);
}

static void fill(const struct lab *lab)
{
    struct store *store = lab_open(lab, STORE_WRITE);
    put_cert(store, "example.org,www.example.org", "Fake CA 1", NOW + 60 * DAY + 5);
    put_cert(store, "nas.home.arpa", "", NOW + 300 * DAY);
    put_cert(store, "off.example.org", "Fake CA 1", NOW + 60 * DAY);
    put_failure(store, "new.example.org", 2,
                "urn:ietf:params:acme:error:unauthorized: no answer\n  new.example.org: \x1b[2Jtimeout");
    store_close(store);
}

/* Sites in their order, whatever the order in the store. */
static void finds(void **state)
{
    const struct lab *lab = *state;
    struct cert_list l;
    struct snapshot *s = parse(configuration);
    fill(lab);
    look(&l, s, lab);
    assert_int_equal(l.n, 6);
    for (size_t i = 0; i < l.n; i++)
        assert_ptr_equal(l.lines[i].site, &s->sites[i + (i > 1)]);

    const struct cert_line *line = &l.lines[0];
    assert_true(line->there && line->source == CERT_ACME && str_eq(line->issuer, STR("Fake CA 1")));
    assert_string_equal(line->key, "P-256");
    assert_int_equal(line->not_after, NOW + 60 * DAY + 5);
    assert_int_equal(line->next, NOW + 30 * DAY + 5);
    assert_int_equal(line->failures, 0);

    line = &l.lines[1];
    assert_true(!line->there && line->source == CERT_ACME && !line->key);
    assert_int_equal(line->failures, 2);
    assert_int_equal(line->next, NOW + 540);
    assert_int_equal(line->last_try, NOW - 60);

    line = &l.lines[2];
    assert_true(line->there && line->source == CERT_INTERNAL);
    assert_int_equal(line->next, NOW + 270 * DAY);

    line = &l.lines[3];
    assert_true(line->there && line->source == CERT_FILE && line->next == 0 && !line->key);
    assert_true(line->not_after > line->not_before && line->error.n == 0);

    assert_true(!l.lines[4].there &&
                str_eq(l.lines[4].error, STR("/nowhere/c.pem: No such file or directory")));
    assert_true(!l.lines[5].there &&
                str_eq(l.lines[5].error, STR("tests/tls/data/ec.key: no certificate that can be read")));
    cert_list_done(&l);
    snapshot_free(s);
}

/* In one file the key may stand before the certificates. */
static void key_first(void **state)
{
    struct snapshot *s = parse("a.example.org { tls tests/tls/data/ec_all.pem\n respond 200 }\n");
    struct cert_list l = {0};
    assert_int_equal(cert_list_make(&l, s), 0);
    assert_true(l.n == 1 && l.lines[0].there && str_eq(l.lines[0].issuer, STR("Test intermediate")));
    cert_list_done(&l);
    snapshot_free(s);
}

/* What a site had before its `tls` was changed is not what it has now. */
static void changed_sites(void **state)
{
    const struct lab *lab = *state;
    struct cert_list l;
    struct snapshot *s = parse(
        "a.example.org { respond 200 }\nb.example.org { tls internal\n respond 200 }\n");
    struct store *store = lab_open(lab, STORE_WRITE);
    put_cert(store, "a.example.org", "", NOW + 60 * DAY);
    put_cert(store, "b.example.org", "Fake CA 1", NOW + 60 * DAY);
    store_close(store);
    look(&l, s, lab);
    assert_true(l.n == 2 && !l.lines[0].there && !l.lines[1].there);
    cert_list_done(&l);
    snapshot_free(s);
}

static void broken_store(void **state)
{
    const struct lab *lab = *state;
    struct cert_list l = {0};
    struct snapshot *s = parse(configuration);
    fill(lab);
    struct store *store = lab_open(lab, STORE_WRITE);
    lab_sql(lab, "DROP TABLE attempt");
    assert_int_equal(cert_list_make(&l, s), 0);
    assert_int_equal(cert_list_look(&l, s, store, NOW), -1);
    store_close(store);
    cert_list_done(&l);
    snapshot_free(s);
}

static struct site site_of(struct str *name)
{
    return (struct site){.names = name, .n_names = 1};
}

struct shown_row {
    const char *name;
    struct cert_line line;
    const char *text; /* without the host */
};

static const struct shown_row shown_rows[] = {
    {"nothing yet", {.next = NOW - 5}, "-|-|-|-|now\n"},
    {"nothing yet, and no daemon was there", {.next = 0}, "-|-|-|-|-\n"},
    {"fresh",
     {.there = true,
      .issuer = STR("R11"),
      .key = "P-256",
      .not_after = NOW + 90 * DAY - 1,
      .next = NOW + 60 * DAY},
     "R11|P-256|2027-02-18|89|2027-01-19 12:00\n"},
    {"its last day",
     {.there = true, .issuer = STR("R11"), .key = "P-256", .not_after = NOW + DAY - 1, .next = NOW},
     "R11|P-256|2026-11-21|0|now\n"},
    {"over",
     {.there = true, .issuer = STR("R11"), .key = "P-256", .not_after = NOW, .next = NOW + 60},
     "R11|P-256|2026-11-20|expired|2026-11-20 12:01\n"},
    {"no name of an issuer", {.there = true, .not_after = NOW + DAY}, "-|-|2026-11-21|1|-\n"},
    {"an issuer that steers",
     {.there = true, .issuer = STR("\x1b[2J\xc2\x9b\xff\n"), .key = "P-256", .not_after = NOW + DAY},
     "\\x1b[2J\\xc2\\x9b\\xff|P-256|2026-11-21|1|-\n"},
    {"an issuer that is not ASCII",
     {.there = true, .issuer = STR("K\xc3\xb6ln"), .key = "P-256", .not_after = NOW + DAY},
     "K\xc3\xb6ln|P-256|2026-11-21|1|-\n"},
    {"internal",
     {.source = CERT_INTERNAL,
      .there = true,
      .issuer = STR("a"),
      .key = "P-256",
      .not_after = NOW + 2 * DAY,
      .next = NOW + DAY},
     "internal|P-256|2026-11-22|2|2026-11-21 12:00\n"},
    {"file", {.source = CERT_FILE, .there = true, .not_after = NOW + 2 * DAY}, "file|-|2026-11-22|2|-\n"},
    {"an error", {.error = STR("it broke")}, "-|-|-|-|-\n    it broke\n"},
    {"an error of several lines",
     {.failures = 1,
      .last_try = NOW - DAY,
      .next = NOW,
      .error = STR("one\n two\r\nthree\t\x7f\xc2\x85 \xe2\x82\xac\xff")},
     "-|-|-|-|now\n    failed 1 time, last 2026-11-19 12:00 UTC:\n    one\n     two\\x0d\n"
     "    three\\x09\\x7f\\xc2\\x85 \xe2\x82\xac\\xff\n"},
    {"errors",
     {.failures = 3, .last_try = NOW, .error = STR("x")},
     "-|-|-|-|-\n    failed 3 times, last 2026-11-20 12:00 UTC:\n    x\n"},
};

/* Cells are told apart by two blanks or more: `|` here. */
static const char *cells_of(struct str text, char *out, size_t room)
{
    size_t n = 0, blanks = 0, line = str_find(text, '\n');
    assert_true(text.n < room);
    for (size_t i = 0; i < text.n; i++) {
        bool pad = i < line && text.p[i] == ' ' && (i + 1 == text.n || text.p[i + 1] == ' ' || blanks > 0);
        blanks = pad ? blanks + 1 : 0;
        if (blanks <= 1)
            out[n++] = pad ? '|' : text.p[i];
    }
    out[n] = '\0';
    return out;
}

static void shows(void **state)
{
    struct str name = STR("a.example.org");
    struct site site = site_of(&name);
    for (size_t i = 0; i < nitems(shown_rows); i++) {
        struct buf out = {0};
        char cells[512];
        struct cert_line line = shown_rows[i].line;
        struct cert_list l = {.lines = &line, .n = 1};
        line.site = &site;
        assert_true(cert_print_table(&l, NOW, &out));
        struct str text = buf_str(&out), title = str_take(text, str_find(text, '\n') + 1);
        assert_string_equal(cells_of(title, cells, sizeof cells),
                            "HOST|ISSUER|KEY|NOT AFTER|DAYS LEFT|NEXT RENEWAL\n");
        struct str row = str_skip(text, title.n);
        assert_true(str_starts(row, STR("a.example.org  ")));
        if (strcmp(cells_of(str_skip(row, 15), cells, sizeof cells), shown_rows[i].text) != 0)
            fail_msg("%s:\n%.*s%s", shown_rows[i].name, STR_ARG(text), cells);
        buf_done(&out);
    }
}

/* One line with many names leaves the others where they are. */
static void many_names(void **state)
{
    struct str names[] = {STR("one.example.org"), STR("two.example.org"), STR("three.example.org")};
    struct site sites[] = {site_of(names), {.names = names, .n_names = 3}};
    struct cert_line lines[] = {{.site = &sites[0]}, {.site = &sites[1]}};
    struct cert_list l = {.lines = lines, .n = 2};
    struct buf out = {0};
    assert_true(cert_print_table(&l, NOW, &out));
    assert_true(str_eq(
        buf_str(&out),
        STR("HOST                                      ISSUER  KEY  NOT AFTER  DAYS LEFT  NEXT RENEWAL\n"
            "one.example.org                           -       -    -          -          -\n"
            "one.example.org, two.example.org, three.example.org  -       -    -          -          -\n")));
    buf_done(&out);
}

static void json(void **state)
{
    struct str names[] = {STR("a.example.org"), STR("b.example.org")};
    struct site site = {.names = names, .n_names = 2};
    struct cert_line lines[] = {
        {.site = &site,
         .there = true,
         .issuer = STR("R\"1\""),
         .serial = STR("00ab"),
         .key = "P-256",
         .not_before = NOW - DAY,
         .not_after = NOW + 2 * DAY,
         .next = NOW - 5},
        {.site = &site, .source = CERT_FILE, .failures = 2, .last_try = NOW, .error = STR("a\nb\xff\x1b")},
        {.site = &site, .source = CERT_INTERNAL, .there = true, .not_after = NOW - 1},
    };
    struct cert_list l = {.lines = lines, .n = 3};
    struct buf out = {0};
    assert_true(cert_print_json(&l, NOW, &out));
    const char *expected =
        "[\n"
        "{\"hosts\":[\"a.example.org\",\"b.example.org\"],\"source\":\"acme\",\"issuer\":\"R\\\"1\\\"\",\"serial\":\"00ab\","
        "\"key\":\"P-256\",\"not_before\":\"2026-11-19T12:00:00Z\",\"not_after\":\"2026-11-22T12:00:00Z\",\"days_left\":2,"
        "\"next_renewal\":\"2026-11-20T12:00:00Z\",\"failures\":0,\"last_try\":null,\"last_error\":null},\n"
        "{\"hosts\":[\"a.example.org\",\"b.example.org\"],\"source\":\"file\",\"issuer\":null,\"serial\":null,\"key\":null,"
        "\"not_before\":null,\"not_after\":null,\"days_left\":null,\"next_renewal\":null,\"failures\":2,"
        "\"last_try\":\"2026-11-20T12:00:00Z\",\"last_error\":\"a\\u000ab\xef\xbf\xbd\\u001b\"},\n"
        "{\"hosts\":[\"a.example.org\",\"b.example.org\"],\"source\":\"internal\",\"issuer\":null,\"serial\":null,\"key\":null,"
        "\"not_before\":\"1970-01-01T00:00:00Z\",\"not_after\":\"2026-11-20T11:59:59Z\",\"days_left\":-1,"
        "\"next_renewal\":null,\"failures\":0,\"last_try\":null,\"last_error\":null}\n"
        "]\n";
    if (!str_eq(buf_str(&out), str_of(expected)))
        fail_msg("%.*s", STR_ARG(buf_str(&out)));
    struct json *j = json_open(buf_str(&out));
    assert_non_null(j);
    assert_int_equal(json_count(j, "$"), 3);
    json_close(j);
    buf_take(&out, out.len);
    l.n = 0;
    assert_true(cert_print_json(&l, NOW, &out));
    assert_true(str_eq(buf_str(&out), STR("[]\n")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds, lab_new, lab_free),
        cmocka_unit_test(key_first),
        cmocka_unit_test_setup_teardown(changed_sites, lab_new, lab_free),
        cmocka_unit_test_setup_teardown(broken_store, lab_new, lab_free),
        cmocka_unit_test(shows),
        cmocka_unit_test(many_names),
        cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
