#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/str.h"

static void check_text(int err)
{
    const char *text = err_text(err);
    assert_non_null(text);
    size_t n = strlen(text);
    if (n < 5 || text[n - 1] == '.' || strcmp(text, "unknown error") == 0)
        fail_msg("error 0x%x: `%s`", (unsigned)err, text);
}

/* Two errors with one text could not be told apart in a log. */
static void check_rows(int first, int end)
{
    for (int i = first; i < end; i++) {
        check_text(i);
        for (int j = first; j < i; j++)
            if (strcmp(err_text(i), err_text(j)) == 0)
                fail_msg("0x%x and 0x%x: `%s`", (unsigned)i, (unsigned)j, err_text(i));
        assert_true(err_status(i) >= 400 && err_status(i) < 600);
        assert_int_equal(err_alert(i), -1);
    }
}

static void system_rows(void **state)
{
    check_rows(ERR_SYS, ERR_SYS_END);
}

static void http_rows(void **state)
{
    check_rows(ERR_HTTP, ERR_HTTP_END);
}

/* All of them are the backend's fault. */
static void backend_tls_rows(void **state)
{
    check_rows(ERR_TLS_BACKEND, ERR_TLS_BACKEND_END);
    for (int i = ERR_TLS_BACKEND; i < ERR_TLS_BACKEND_END; i++)
        assert_int_equal(err_status(i), 502);
}

static void statuses(void **state)
{
    static const int rows[][2] = {
        {ERR_SYS, 502},
        {ERR_NOMEM, 503},
        {ERR_CLOSED, 502},
        {ERR_RESET, 502},
        {ERR_REFUSED, 502},
        {ERR_UNREACHABLE, 502},
        {ERR_DENIED, 502},
        {ERR_TIMEOUT_CONNECT, 504},
        {ERR_TIMEOUT_HANDSHAKE, 408},
        {ERR_TIMEOUT_HEAD, 408},
        {ERR_TIMEOUT_IDLE, 408},
        {ERR_TIMEOUT_SEND, 408},
        {ERR_TIMEOUT_SEND_BACKEND, 504},
        {ERR_TIMEOUT_RESPONSE, 504},
        {ERR_TIMEOUT_TUNNEL, 504},
        {ERR_TIMEOUT_QUEUE, 503},
        {ERR_NO_ADDRESS, 502},
        {ERR_SHUTDOWN, 503},
        {ERR_HTTP, 400},
        {ERR_HTTP_SYNTAX, 400},
        {ERR_HTTP_VERSION, 505},
        {ERR_HTTP_TARGET, 400},
        {ERR_HTTP_TARGET_LONG, 414},
        {ERR_HTTP_FIELDS_LARGE, 431},
        {ERR_HTTP_FIELD, 400},
        {ERR_HTTP_HOST, 400},
        {ERR_HTTP_FRAMING, 400},
        {ERR_HTTP_CODING, 501},
        {ERR_HTTP_CHUNK, 400},
        {ERR_HTTP_METHOD, 501},
        {ERR_HTTP_CONNECTION, 400},
        {ERR_HTTP_UPGRADE, 400},
        {ERR_HTTP_BODY_LARGE, 413},
        {ERR_HTTP_MISDIRECTED, 421},
        {ERR_HTTP_BACKEND, 502},
        {ERR_HTTP_TLS_NEEDED, 400},
        {ERR_HTTP_UNAVAILABLE, 503},
        {ERR_TLS + 40, 502},
        {ERR_ACME, 502},
        {ERR_NONE, 502},
        {0x9999, 502},
        {-1, 502},
    };
    assert_int_equal(nitems(rows), (ERR_SYS_END - ERR_SYS) + (ERR_HTTP_END - ERR_HTTP) + 5);
    for (size_t i = 0; i < nitems(rows); i++)
        assert_int_equal(err_status(rows[i][0]), rows[i][1]);
}

static void alerts(void **state)
{
    for (int alert = 0; alert < 128; alert++) {
        assert_int_equal(err_alert(ERR_TLS + alert), alert);
        assert_int_equal(err_alert(ERR_TLS_PEER + alert), -1);
        check_text(ERR_TLS + alert);
        assert_string_equal(err_text(ERR_TLS + alert), err_text(ERR_TLS_PEER + alert));
    }
    assert_string_equal(err_text(ERR_TLS + 112), "unrecognized_name");
    assert_string_equal(err_text(ERR_TLS + 120), "no_application_protocol");
    assert_string_equal(err_text(ERR_TLS + 1), "TLS error");
}

static void others(void **state)
{
    assert_string_equal(err_text(ERR_NONE), "no error");
    assert_string_equal(err_text(0x9999), "unknown error");
    assert_string_equal(err_text(-1), "unknown error");
}

static void from_errno(void **state)
{
    static const int rows[][2] = {
        {ECONNREFUSED, ERR_REFUSED},
        {ENOENT, ERR_REFUSED},
        {ECONNRESET, ERR_RESET},
        {EPIPE, ERR_RESET},
        {ENETUNREACH, ERR_UNREACHABLE},
        {EHOSTUNREACH, ERR_UNREACHABLE},
        {ENETDOWN, ERR_UNREACHABLE},
        {EADDRNOTAVAIL, ERR_UNREACHABLE},
        {EACCES, ERR_DENIED},
        {EPERM, ERR_DENIED},
        {ETIMEDOUT, ERR_TIMEOUT_CONNECT},
        {ENOMEM, ERR_NOMEM},
        {ENOBUFS, ERR_NOMEM},
        {ENOKEY, ERR_TRUST_NONE},
        {EINVAL, ERR_SYS},
        {0, ERR_SYS},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        assert_int_equal(err_from_errno(rows[i][0]), rows[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_rows), cmocka_unit_test(http_rows), cmocka_unit_test(backend_tls_rows),
        cmocka_unit_test(statuses),    cmocka_unit_test(alerts),    cmocka_unit_test(others),
        cmocka_unit_test(from_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
