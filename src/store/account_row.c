#include "store/account_row.h"

#include "store/query.h"

int account_row_save(struct store *s, const struct account_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_ACCOUNT_SAVE, NULL);
    query_put_text(&q, row->directory);
    query_put_text(&q, row->key_pem);
    query_put_text(&q, row->url);
    query_put_text(&q, row->contact);
    return query_run(&q);
}

int account_row_find(struct store *s, struct str directory, struct arena *mem, struct account_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_ACCOUNT_FIND, mem);
    query_put_text(&q, directory);
    if (query_next(&q)) {
        row->directory = query_take_text(&q);
        row->key_pem = query_take_text(&q);
        row->url = query_take_text(&q);
        row->contact = query_take_text(&q);
    }
    return query_end(&q);
}
