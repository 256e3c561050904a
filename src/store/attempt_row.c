#include "store/attempt_row.h"

#include "store/query.h"

int attempt_row_save(struct store *s, const struct attempt_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_ATTEMPT_SAVE, NULL);
    query_put_text(&q, row->names);
    query_put_int(&q, row->last_try);
    query_put_int(&q, row->next_try);
    query_put_int(&q, row->failures);
    query_put_text(&q, row->last_error);
    return query_run(&q);
}

int attempt_row_find(struct store *s, struct str names, struct arena *mem, struct attempt_row *row)
{
    struct query q;
    query_start(&q, s, QUERY_ATTEMPT_FIND, mem);
    query_put_text(&q, names);
    if (query_next(&q)) {
        row->names = query_take_text(&q);
        row->last_try = query_take_int(&q);
        row->next_try = query_take_int(&q);
        row->failures = (unsigned)query_take_int(&q);
        row->last_error = query_take_text(&q);
    }
    return query_end(&q);
}
