#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pem.h"

/* What is written is read again, with lines of 64 characters (RFC 7468 section 2). */
static void round_trip(void **state)
{
    uint8_t bytes[200], back[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t n = 1; n <= sizeof bytes; n++) {
        struct buf out = {0};
        struct pem_block block;
        size_t got = 0;
        assert_true(pem_write(&out, "CERTIFICATE", str_from(bytes, n)));
        struct str text = buf_str(&out);
        for (struct str rest = text; rest.n > 0; rest = str_skip(rest, str_find(rest, '\n') + 1))
            assert_true(str_find(rest, '\n') <= 64);
        assert_int_equal(pem_next(&text, &block), PEM_BLOCK);
        assert_true(str_eq(block.label, STR("CERTIFICATE")) && !block.headers);
        assert_true(pem_size(&block) <= sizeof back && pem_decode(&block, back, &got));
        assert_true(str_eq(str_from(back, got), str_from(bytes, n)));
        assert_int_equal(pem_next(&text, &block), PEM_END);
        buf_done(&out);
    }
}

static void verdicts(void **state)
{
    static const struct {
        const char *text;
        enum pem_verdict verdict;
    } rows[] = {
        {"", PEM_END},
        {"no block here", PEM_END},
        {"-----BEGIN A-----\nYQ==\n-----END A-----\n", PEM_BLOCK},
        {"noise\r\n-----BEGIN A-----\r\nYQ==\r\n-----END A-----", PEM_BLOCK},
        {"-----BEGIN A-----\nYQ==\n-----END B-----\n", PEM_BROKEN},
        {"-----BEGIN A-----\nYQ==\n", PEM_BROKEN},
        {"-----BEGIN A", PEM_BROKEN},
        {"-----BEGIN A\n-----\nYQ==\n-----END A-----", PEM_BROKEN},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct str text = str_of(rows[i].text);
        struct pem_block block;
        if (pem_next(&text, &block) != rows[i].verdict)
            fail_msg("row %zu", i);
    }
}

static void not_base64(void **state)
{
    struct str text = STR("-----BEGIN A-----\nY*==\n-----END A-----\n-----BEGIN A-----\n\n-----END A-----\n");
    struct pem_block block;
    uint8_t out[64];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pem_next(&text, &block), PEM_BLOCK);
        assert_false(pem_decode(&block, out, &n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(not_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
