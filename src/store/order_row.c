#include "store/order_row.h"

#include "store/store_int.h"

static void put_row(struct query *q, const struct order_row *row)
{
    query_put_text(q, row->names);
    query_put_text(q, row->directory);
    query_put_text(q, row->key_pem);
    query_put_text(q, row->url);
    query_put_text(q, row->finalize_url);
    query_put_text(q, row->certificate_url);
    query_put_text(q, row->state);
    query_put_int(q, row->created);
}

int order_row_save(struct store *s, struct order_row *row)
{
    struct query q;
    if (row->id != 0) {
        query_start(&q, s, QUERY_ORDER_UPDATE, NULL);
        put_row(&q, row);
        query_put_int(&q, row->id);
        return query_run_on_one(&q, "the order is not there any more");
    }
    query_start(&q, s, QUERY_ORDER_INSERT, NULL);
    put_row(&q, row);
    if (query_run(&q) < 0)
        return -1;
    row->id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int order_row_find(struct store *s, struct str names, struct str directory, struct arena *mem,
                   struct order_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_ORDER_FIND, mem);
    query_put_text(&q, names);
    query_put_text(&q, directory);
    if (query_next(&q)) {
        row->id = query_take_int(&q);
        row->names = query_take_text(&q);
        row->directory = query_take_text(&q);
        row->key_pem = query_take_text(&q);
        row->url = query_take_text(&q);
        row->finalize_url = query_take_text(&q);
        row->certificate_url = query_take_text(&q);
        row->state = query_take_text(&q);
        row->created = query_take_int(&q);
    }
    return query_end(&q);
}

int order_row_drop(struct store *s, int64_t id)
{
    struct query q;
    query_start(&q, s, QUERY_ORDER_DROP, NULL);
    query_put_int(&q, id);
    return query_run(&q);
}

int challenge_row_put(struct store *s, int64_t order, struct str token, struct str key_authorization,
                      int64_t now)
{
    struct query q;
    query_start(&q, s, QUERY_CHALLENGE_PUT, NULL);
    query_put_text(&q, token);
    query_put_int(&q, order);
    query_put_text(&q, key_authorization);
    query_put_int(&q, now);
    return query_run(&q);
}

int challenge_row_find(struct store *s, struct str token, struct arena *mem, struct str *key_authorization)
{
    struct query q;
    query_start(&q, s, QUERY_CHALLENGE_FIND, mem);
    query_put_text(&q, token);
    if (query_next(&q))
        *key_authorization = query_take_text(&q);
    return query_end(&q);
}

int challenge_row_drop(struct store *s, int64_t order)
{
    struct query q;
    query_start(&q, s, QUERY_CHALLENGE_DROP, NULL);
    query_put_int(&q, order);
    return query_run(&q);
}
