#include "store/cert_row.h"

#include "store/store_int.h"

struct listed {
    struct listed *next;
    struct cert_row row;
};

static void take_row(struct query *q, struct cert_row *row)
{
    row->id = query_take_int(q);
    row->names = query_take_text(q);
    row->directory = query_take_text(q);
    row->chain_pem = query_take_text(q);
    row->key_pem = query_take_text(q);
    row->issuer = query_take_text(q);
    row->serial = query_take_text(q);
    row->not_before = query_take_int(q);
    row->not_after = query_take_int(q);
    row->obtained = query_take_int(q);
    row->renew_at = query_take_int(q);
}

int cert_row_put(struct store *s, struct cert_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_CERT_PUT, NULL);
    query_put_text(&q, row->names);
    query_put_text(&q, row->directory);
    query_put_text(&q, row->chain_pem);
    query_put_text(&q, row->key_pem);
    query_put_text(&q, row->issuer);
    query_put_text(&q, row->serial);
    query_put_int(&q, row->not_before);
    query_put_int(&q, row->not_after);
    query_put_int(&q, row->obtained);
    query_put_int(&q, row->renew_at);
    if (query_run(&q) < 0)
        return -1;
    row->id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int cert_row_find(struct store *s, struct str names, struct arena *mem, struct cert_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_CERT_FIND, mem);
    query_put_text(&q, names);
    if (query_next(&q))
        take_row(&q, row);
    return query_end(&q);
}

/* All of them first: a callback may then change rows, and a slow one does not hold the log's space. */
int cert_row_each(struct store *s, struct arena *mem, bool (*each)(const struct cert_row *row, void *context),
                  void *context)
{
    struct query q;
    struct listed *first = NULL, **end = &first;
    query_start(&q, s, QUERY_CERT_EACH, mem);
    while (query_next(&q)) {
        struct listed *l = arena_zalloc(mem, 1, sizeof *l);
        if (!l) {
            query_fail(&q, "out of memory");
            break;
        }
        take_row(&q, &l->row);
        *end = l;
        end = &l->next;
    }
    if (query_end(&q) < 0)
        return -1;
    for (const struct listed *l = first; l && each(&l->row, context); l = l->next)
        ;
    return 0;
}

int cert_row_set_renewal(struct store *s, int64_t id, int64_t renew_at)
{
    struct query q;
    query_start(&q, s, QUERY_CERT_SET_RENEWAL, NULL);
    query_put_int(&q, renew_at);
    query_put_int(&q, id);
    return query_run_on_one(&q, "the certificate is not there any more");
}

int cert_row_prune(struct store *s, int64_t now)
{
    struct query q;
    query_start(&q, s, QUERY_CERT_PRUNE, NULL);
    query_put_int(&q, now);
    return query_run(&q);
}
