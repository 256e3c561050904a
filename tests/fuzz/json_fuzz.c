/*
 * JSON from a CA: any bytes as a document, asked for what ACME asks; a problem document among it becomes
 * one clean line.
 */
#include <assert.h>
#include <stdlib.h>

#include "acme/problem.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct json *j)
{
    struct arena mem = {0};
    int64_t number = 0;
    (void)json_type(j, "$");
    (void)json_int(j, &number, "$.status");
    (void)json_is_true(j, "$.meta.externalAccountRequired");
    struct str text = json_text(j, &mem, "$.detail");
    assert(str_find(text, '\0') == text.n);
    for (size_t i = 0; i < json_count(j, "$.authorizations") && i < 4; i++)
        (void)json_text(j, &mem, "$.authorizations[%zu]", i);
    arena_done(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem;
    struct buf why = {0};
    struct json *j = json_open(str_from(data, size));
    if (!j)
        return 0;
    look(j);
    (void)problem_read(j, "$", &problem, &why);
    struct str line = buf_str(&why);
    for (size_t i = 0; i < line.n; i++)
        assert((uint8_t)line.p[i] >= 0x20 && line.p[i] != 0x7f);
    buf_done(&why);
    json_close(j);
    return 0;
}
