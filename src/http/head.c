#include "http/head.h"

#include <string.h>

const struct field *head_next(const struct head *h, struct str name, const struct field *after)
{
    size_t i = after ? (size_t)(after - h->fields) + 1 : 0;
    for (; i < h->n_fields; i++)
        if (str_ieq(h->fields[i].name, name))
            return &h->fields[i];
    return NULL;
}

const struct field *head_find(const struct head *h, struct str name)
{
    return head_next(h, name, NULL);
}

bool head_single(const struct head *h, struct str name, struct str *value)
{
    const struct field *f = head_find(h, name);
    if (!f || head_next(h, name, f))
        return false;
    *value = f->value;
    return true;
}

bool head_lists(const struct head *h, struct str name, struct str element)
{
    for (const struct field *f = NULL; (f = head_next(h, name, f));) {
        struct str rest = f->value, e;
        while (str_next_element(&rest, &e))
            if (str_ieq(e, element))
                return true;
    }
    return false;
}

int head_add(struct head *h, struct arena *mem, struct str name, struct str value)
{
    if (h->n_fields == h->cap_fields) {
        size_t cap = h->cap_fields > 0 ? h->cap_fields * 2 : 16;
        struct field *fields = arena_zalloc(mem, cap, sizeof *fields);
        if (!fields)
            return -1;
        if (h->n_fields > 0)
            memcpy(fields, h->fields, h->n_fields * sizeof *fields);
        h->fields = fields;
        h->cap_fields = cap;
    }
    h->fields[h->n_fields++] = (struct field){name, value};
    return 0;
}

size_t head_remove_if(struct head *h, bool (*drop)(const struct field *f, void *context), void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->n_fields; i++)
        if (!drop(&h->fields[i], context))
            h->fields[kept++] = h->fields[i];
    size_t removed = h->n_fields - kept;
    h->n_fields = kept;
    return removed;
}

static bool has_name(const struct field *f, void *context)
{
    return str_ieq(f->name, *(const struct str *)context);
}

size_t head_remove(struct head *h, struct str name)
{
    return head_remove_if(h, has_name, &name);
}

static bool copy_str(struct str *s, struct arena *mem)
{
    if (s->n == 0)
        return true;
    *s = arena_dup(mem, *s);
    return s->p != NULL;
}

int head_copy(struct head *to, const struct head *from, struct arena *mem)
{
    struct head h = *from;
    h.fields = NULL;
    h.n_fields = h.cap_fields = 0;
    if (!copy_str(&h.method, mem) || !copy_str(&h.target, mem) || !copy_str(&h.authority, mem) ||
        !copy_str(&h.path, mem) || !copy_str(&h.reason, mem))
        return -1;
    for (size_t i = 0; i < from->n_fields; i++) {
        struct field f = from->fields[i];
        if (!copy_str(&f.name, mem) || !copy_str(&f.value, mem) || head_add(&h, mem, f.name, f.value) < 0)
            return -1;
    }
    *to = h;
    return 0;
}

bool head_name_reads_as(struct str name, struct str known)
{
    if (name.n != known.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_alnum(name.p[i]) ? ascii_lower(name.p[i]) : '-';
        if (c != known.p[i])
            return false;
    }
    return true;
}

bool method_is(const struct head *h, struct str method)
{
    return str_eq(h->method, method);
}
