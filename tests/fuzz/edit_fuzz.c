/* Any configuration gets a site and loses it again, and loses each of its names: the rest stays one. */
#include <stdint.h>
#include <stdlib.h>

#include "config/edit.h"
#include "config/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct snapshot *parse(struct str text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("etc/c", text, &errors);
    buf_done(&errors);
    return s;
}

static void there_and_back(const struct snapshot *before, struct str text)
{
    static const char name[] = "added-by-the-fuzzer.test";
    struct buf with = {0}, without = {0};
    if (edit_find(before, str_of(name)) || text.n > 100000)
        return;
    if (!edit_add(text, STR("added-by-the-fuzzer.test {\n    proxy 1.2.3.4:5\n}\n"), &with))
        abort();
    struct snapshot *s = parse(buf_str(&with));
    const struct site *site = s ? edit_find(s, str_of(name)) : NULL;
    if (!site || s->n_sites != before->n_sites + 1)
        abort();
    if (!edit_remove(buf_str(&with), site, str_of(name), &without) || !str_eq(buf_str(&without), text))
        abort();
    snapshot_free(s);
    buf_done(&with);
    buf_done(&without);
}

static size_t count(const struct snapshot *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        n += s->sites[i].line != 0 ? s->sites[i].n_names : 0;
    return n;
}

static void remove_one(const struct snapshot *before, struct str text, const struct site *site,
                       struct str name)
{
    struct buf without = {0};
    if (!edit_remove(text, site, name, &without))
        abort();
    struct snapshot *s = parse(buf_str(&without));
    if (!s || edit_find(s, name) || count(s) != count(before) - 1)
        abort();
    snapshot_free(s);
    buf_done(&without);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_from(data, size);
    struct snapshot *s = parse(text);
    if (!s)
        return 0;
    there_and_back(s, text);
    for (size_t i = 0; i < s->n_sites && i < 8; i++)
        for (size_t j = 0; s->sites[i].line != 0 && j < s->sites[i].n_names && j < 8; j++)
            remove_one(s, text, &s->sites[i], s->sites[i].names[j]);
    snapshot_free(s);
    return 0;
}
