#include "store/query.h"

#include "store/store_int.h"

#define CERT_COLUMNS \
    "names, directory, chain_pem, key_pem, issuer, serial, not_before, not_after, obtained, renew_at"
#define ORDER_COLUMNS "names, directory, key_pem, url, finalize_url, certificate_url, state, created"
/* By id, not by a date: a clock that was set back does not bring an old certificate into use. */
#define NEWEST_CERTS "(SELECT max(id) FROM cert GROUP BY names)"

static const struct {
    const char *doing; /* for store_error() */
    const char *sql;
} queries[] = {
    [QUERY_BEGIN] = {"begin changes", "BEGIN IMMEDIATE"},
    [QUERY_COMMIT] = {"write changes", "COMMIT"},
    [QUERY_ROLLBACK] = {"take changes back", "ROLLBACK"},
    [QUERY_DATA_VERSION] = {"look for changes", "PRAGMA data_version"},

    [QUERY_CERT_PUT] = {"store a certificate",
                        "INSERT INTO cert (" CERT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [QUERY_CERT_FIND] = {"look for a certificate",
                         "SELECT id, " CERT_COLUMNS " FROM cert WHERE names = ? ORDER BY id DESC LIMIT 1"},
    [QUERY_CERT_EACH] = {"list the certificates",
                         "SELECT id, " CERT_COLUMNS " FROM cert WHERE id IN " NEWEST_CERTS " ORDER BY names"},
    [QUERY_CERT_SET_RENEWAL] = {"plan a renewal", "UPDATE cert SET renew_at = ? WHERE id = ?"},
    [QUERY_CERT_PRUNE] = {"remove expired certificates",
                          "DELETE FROM cert WHERE not_after < ? AND id NOT IN " NEWEST_CERTS},

    [QUERY_ORDER_INSERT] = {"store an order",
                            "INSERT INTO acme_order (" ORDER_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
    [QUERY_ORDER_UPDATE] = {"store an order's state", "UPDATE acme_order SET (" ORDER_COLUMNS
                                                      ") = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"},
    [QUERY_ORDER_FIND] = {"look for an order",
                          "SELECT id, " ORDER_COLUMNS " FROM acme_order WHERE names = ? AND directory = ?"},
    [QUERY_ORDER_DROP] = {"remove an order", "DELETE FROM acme_order WHERE id = ?"},

    [QUERY_CHALLENGE_PUT] =
        {"store a challenge",
         "INSERT INTO challenge (token, order_id, key_authorization, created)"
         " VALUES (?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET order_id = excluded.order_id,"
         " key_authorization = excluded.key_authorization, created = excluded.created"},
    [QUERY_CHALLENGE_FIND] = {"look for a challenge",
                              "SELECT key_authorization FROM challenge WHERE token = ?"},
    [QUERY_CHALLENGE_DROP] = {"remove challenges", "DELETE FROM challenge WHERE order_id = ?"},

    [QUERY_ACCOUNT_SAVE] = {"store the account",
                            "INSERT INTO account (directory, key_pem, url, contact) VALUES (?, ?, ?, ?)"
                            " ON CONFLICT (directory) DO UPDATE SET key_pem = excluded.key_pem,"
                            " url = excluded.url, contact = excluded.contact"},
    [QUERY_ACCOUNT_FIND] = {"look for the account",
                            "SELECT directory, key_pem, url, contact FROM account WHERE directory = ?"},

    [QUERY_ATTEMPT_SAVE] =
        {"store what was tried",
         "INSERT INTO attempt (names, last_try, next_try, failures, last_error)"
         " VALUES (?, ?, ?, ?, ?) ON CONFLICT (names) DO UPDATE SET last_try = excluded.last_try,"
         " next_try = excluded.next_try, failures = excluded.failures,"
         " last_error = excluded.last_error"},
    [QUERY_ATTEMPT_FIND] = {"look for what was tried",
                            "SELECT names, last_try, next_try, failures, last_error"
                            " FROM attempt WHERE names = ?"},
};
_Static_assert(nitems(queries) == QUERY_N, "every query has its text");

void query_fail(struct query *q, const char *reason)
{
    if (!q->failed)
        store_failed(q->store, queries[q->id].doing, reason);
    q->failed = true;
}

static void check(struct query *q, int rc)
{
    if (rc != SQLITE_OK)
        query_fail(q, sqlite3_errmsg(q->store->db));
}

void query_start(struct query *q, struct store *s, enum query_id id, struct arena *mem)
{
    *q = (struct query){.store = s, .mem = mem, .id = id, .column = -1};
    if (!s->prepared[id])
        check(q, sqlite3_prepare_v3(s->db, queries[id].sql, -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[id],
                                    NULL));
    q->statement = s->prepared[id];
}

void query_put_text(struct query *q, struct str text)
{
    if (q->failed)
        return;
    /* A null pointer would bind NULL, which is not the empty text. */
    check(q, sqlite3_bind_text64(q->statement, ++q->parameter, text.n > 0 ? text.p : "", text.n,
                                 SQLITE_STATIC, SQLITE_UTF8));
}

void query_put_int(struct query *q, int64_t number)
{
    if (!q->failed)
        check(q, sqlite3_bind_int64(q->statement, ++q->parameter, number));
}

bool query_next(struct query *q)
{
    if (q->failed)
        return false;
    int rc = sqlite3_step(q->statement);
    q->column = -1;
    if (rc == SQLITE_ROW)
        return q->found = true;
    check(q, rc == SQLITE_DONE ? SQLITE_OK : rc);
    return false;
}

struct str query_take_text(struct query *q)
{
    if (q->failed)
        return (struct str){NULL, 0};
    int column = ++q->column;
    const unsigned char *text = sqlite3_column_text(q->statement, column);
    struct str copy = {NULL, 0};
    if (text)
        copy = arena_dup(q->mem, str_from(text, (size_t)sqlite3_column_bytes(q->statement, column)));
    if (!copy.p)
        query_fail(q, "out of memory");
    return copy;
}

int64_t query_take_int(struct query *q)
{
    return q->failed ? 0 : sqlite3_column_int64(q->statement, ++q->column);
}

int query_end(struct query *q)
{
    if (q->statement) {
        /* Its result repeats the failure that query_next() has told already. */
        (void)sqlite3_reset(q->statement);
        (void)sqlite3_clear_bindings(q->statement);
    }
    if (q->failed)
        return -1;
    return q->found ? 1 : 0;
}

int query_run(struct query *q)
{
    (void)query_next(q);
    return query_end(q) < 0 ? -1 : 0;
}

int query_run_on_one(struct query *q, const char *missing)
{
    (void)query_next(q);
    if (!q->failed && sqlite3_changes64(q->store->db) == 0)
        query_fail(q, missing);
    return query_end(q) < 0 ? -1 : 0;
}
