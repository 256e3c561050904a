#include "base/err.h"

#include <errno.h>
#include <stddef.h>

#include "base/str.h"

struct err_row {
    int status;
    const char *text;
};

static const struct err_row sys_rows[] = {
    [ERR_SYS - ERR_SYS] = {502, "system error"},
    [ERR_NOMEM - ERR_SYS] = {503, "out of memory"},
    [ERR_CLOSED - ERR_SYS] = {502, "closed by the peer too early"},
    [ERR_RESET - ERR_SYS] = {502, "reset by the peer"},
    [ERR_REFUSED - ERR_SYS] = {502, "connection refused"},
    [ERR_UNREACHABLE - ERR_SYS] = {502, "not reachable"},
    [ERR_DENIED - ERR_SYS] = {502, "permission denied"},
    [ERR_TIMEOUT_CONNECT - ERR_SYS] = {504, "no connection within the time limit `connect`"},
    [ERR_TIMEOUT_HANDSHAKE - ERR_SYS] = {408, "no TLS handshake within the time limit `handshake`"},
    [ERR_TIMEOUT_HEAD - ERR_SYS] = {408, "no complete request head within the time limit `head`"},
    [ERR_TIMEOUT_IDLE - ERR_SYS] = {408, "idle for longer than the time limit `idle`"},
    [ERR_TIMEOUT_SEND - ERR_SYS] = {408, "no byte of a body for longer than the time limit `send`"},
    [ERR_TIMEOUT_SEND_BACKEND - ERR_SYS] = {504, "the backend took no byte within the time limit `send`"},
    [ERR_TIMEOUT_RESPONSE - ERR_SYS] = {504, "no byte of an answer within the time limit `response`"},
    [ERR_TIMEOUT_TUNNEL - ERR_SYS] = {504, "both directions silent for longer than the time limit `tunnel`"},
    [ERR_TIMEOUT_QUEUE - ERR_SYS] = {503, "no free connection to a backend within the time limit `queue`"},
    [ERR_NO_ADDRESS - ERR_SYS] = {502, "the backend's name leads to no address"},
    [ERR_SHUTDOWN - ERR_SYS] = {503, "edge is shutting down"},
};
_Static_assert(nitems(sys_rows) == ERR_SYS_END - ERR_SYS, "a row for every system error");

static const struct err_row http_rows[] = {
    [ERR_HTTP - ERR_HTTP] = {400, "bad request"},
    [ERR_HTTP_SYNTAX - ERR_HTTP] = {400, "not a valid HTTP/1.1 message"},
    [ERR_HTTP_VERSION - ERR_HTTP] = {505, "HTTP version not supported"},
    [ERR_HTTP_TARGET - ERR_HTTP] = {400, "malformed or ambiguous request target"},
    [ERR_HTTP_TARGET_LONG - ERR_HTTP] = {414, "request target too long"},
    [ERR_HTTP_FIELDS_LARGE - ERR_HTTP] = {431, "header fields too large"},
    [ERR_HTTP_FIELD - ERR_HTTP] = {400, "malformed header field"},
    [ERR_HTTP_HOST - ERR_HTTP] = {400, "missing, repeated or malformed Host"},
    [ERR_HTTP_FRAMING - ERR_HTTP] = {400, "ambiguous message length"},
    [ERR_HTTP_CODING - ERR_HTTP] = {501, "transfer coding not supported"},
    [ERR_HTTP_CHUNK - ERR_HTTP] = {400, "malformed chunk"},
    [ERR_HTTP_METHOD - ERR_HTTP] = {501, "method not supported"},
    [ERR_HTTP_CONNECTION - ERR_HTTP] = {400, "Connection names a field that is not hop-by-hop"},
    [ERR_HTTP_UPGRADE - ERR_HTTP] = {400, "upgrade to a protocol that is not forwarded"},
    [ERR_HTTP_BODY_LARGE - ERR_HTTP] = {413, "body larger than `max_body`"},
    [ERR_HTTP_MISDIRECTED - ERR_HTTP] = {421, "this host name is not served on this connection"},
    [ERR_HTTP_BACKEND - ERR_HTTP] = {502, "the backend's answer is not valid HTTP"},
    [ERR_HTTP_TLS_NEEDED - ERR_HTTP] = {400, "plain HTTP was sent to the HTTPS port"},
    [ERR_HTTP_UNAVAILABLE - ERR_HTTP] = {503, "no backend is available"},
};
_Static_assert(nitems(http_rows) == ERR_HTTP_END - ERR_HTTP, "a row for every HTTP error");

static const struct err_row tls_rows[] = {
    [ERR_TLS_BACKEND - ERR_TLS_BACKEND] = {502, "TLS with the backend failed"},
    [ERR_TLS_UNTRUSTED - ERR_TLS_BACKEND] =
        {502,
         "the backend's certificate is not signed by a trusted authority: name its own by `tls CA-FILE`"},
    [ERR_TLS_SELF_SIGNED - ERR_TLS_BACKEND] =
        {502, "the backend's certificate is self-signed: trust it by `tls CA-FILE` with that certificate"},
    [ERR_TLS_NAME - ERR_TLS_BACKEND] =
        {502, "the backend's certificate is for another name: `tls name NAME` says which to expect"},
    [ERR_TLS_EXPIRED -
        ERR_TLS_BACKEND] = {502, "the backend's certificate, or one that it depends on, has expired"},
    [ERR_TLS_NOT_YET -
        ERR_TLS_BACKEND] = {502, "the backend's certificate is not valid yet: is the clock right?"},
    [ERR_TLS_CERT_BROKEN -
        ERR_TLS_BACKEND] = {502, "the backend's certificate is malformed or wrongly signed"},
    [ERR_TLS_CERT_KIND - ERR_TLS_BACKEND] =
        {502, "the backend's certificate has a key or signature of a kind that is not supported"},
    [ERR_TLS_CERT_WEAK - ERR_TLS_BACKEND] = {502, "the key in the backend's certificate is too short"},
    [ERR_TLS_CERT_USE - ERR_TLS_BACKEND] = {502, "the backend's certificate may not be used for this"},
    [ERR_TLS_TOO_OLD - ERR_TLS_BACKEND] = {502, "the backend speaks only old TLS versions, below 1.2"},
    [ERR_TLS_TOO_NEW -
        ERR_TLS_BACKEND] = {502,
                            "the backend refuses TLS 1.2: edge cannot speak only TLS 1.3 to a backend yet"},
    [ERR_TLS_NO_COMMON - ERR_TLS_BACKEND] =
        {502,
         "the backend has nothing in common with edge: TLS 1.2, ECDHE with AES-GCM or ChaCha20-Poly1305, "
         "a certificate with RSA, P-256 or P-384"},
    [ERR_TLS_WANTS_CERT - ERR_TLS_BACKEND] =
        {502, "the backend refused the handshake at its end: does it want a client's certificate?"},
    [ERR_TLS_PLAIN - ERR_TLS_BACKEND] = {502, "the backend does not speak TLS on this port: is it http://?"},
    [ERR_TRUST_NONE - ERR_TLS_BACKEND] =
        {502, "no usable certificate in the PEM of trusted ones (RSA of 1024 to 4096 bits, P-256 or P-384)"},
    [ERR_TRUST_BROKEN - ERR_TLS_BACKEND] = {502, "the PEM of trusted certificates is cut or damaged"},
};
_Static_assert(nitems(tls_rows) == ERR_TLS_BACKEND_END - ERR_TLS_BACKEND,
               "a row for every TLS error of backends");

/* The alerts a person meets in a log; RFC 5246 section 7.2.2, RFC 8446 section 6.2, RFC 7301 section 3.2. */
static const char *const alert_text[128] = {
    [0] = "close_notify",
    [10] = "unexpected_message",
    [20] = "bad_record_mac",
    [22] = "record_overflow",
    [40] = "handshake_failure",
    [42] = "bad_certificate",
    [43] = "unsupported_certificate",
    [44] = "certificate_revoked",
    [45] = "certificate_expired",
    [46] = "certificate_unknown",
    [47] = "illegal_parameter",
    [48] = "unknown_ca",
    [49] = "access_denied",
    [50] = "decode_error",
    [51] = "decrypt_error",
    [70] = "protocol_version",
    [71] = "insufficient_security",
    [80] = "internal_error",
    [86] = "inappropriate_fallback",
    [90] = "user_canceled",
    [100] = "no_renegotiation",
    [109] = "missing_extension",
    [110] = "unsupported_extension",
    [112] = "unrecognized_name",
    [116] = "certificate_required",
    [120] = "no_application_protocol",
};

static const struct err_row *find_row(int err)
{
    if (err >= ERR_SYS && err < ERR_SYS_END)
        return &sys_rows[err - ERR_SYS];
    if (err >= ERR_HTTP && err < ERR_HTTP_END)
        return &http_rows[err - ERR_HTTP];
    if (err >= ERR_TLS_BACKEND && err < ERR_TLS_BACKEND_END)
        return &tls_rows[err - ERR_TLS_BACKEND];
    return NULL;
}

const char *err_text(int err)
{
    const struct err_row *row = find_row(err);
    if (row)
        return row->text;
    if (err >= ERR_TLS && err < ERR_HTTP) {
        const char *text = alert_text[err & 0x7f];
        return text ? text : "TLS error";
    }
    return err == ERR_NONE ? "no error" : "unknown error";
}

int err_status(int err)
{
    const struct err_row *row = find_row(err);
    return row ? row->status : 502;
}

int err_alert(int err)
{
    return err >= ERR_TLS && err < ERR_TLS_PEER ? err - ERR_TLS : -1;
}

int err_from_errno(int number)
{
    switch (number) {
    case ECONNREFUSED:
    case ENOENT: /* a unix socket that is not there */ return ERR_REFUSED;
    case ECONNRESET:
    case EPIPE: return ERR_RESET;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: return ERR_UNREACHABLE;
    case EACCES:
    case EPERM: return ERR_DENIED;
    case ETIMEDOUT: return ERR_TIMEOUT_CONNECT;
    case ENOMEM:
    case ENOBUFS: return ERR_NOMEM;
    case ENOKEY: return ERR_TRUST_NONE;
    default: return ERR_SYS;
    }
}
