/*
 * One int tells what went wrong; 0 is success. Its class is the high part. The first error of a connection wins; the owner
 * of the connection logs it once. err_text() is for logs, err_status() for an HTTP answer, err_alert() for a TLS alert.
 */
#ifndef EDGE_BASE_ERR_H
#define EDGE_BASE_ERR_H

enum err {
    ERR_NONE = 0,

    ERR_SYS = 0x100, /* an unexpected errno; whoever meets it logs errno */
    ERR_NOMEM,
    ERR_CLOSED, /* the peer closed in the middle of something */
    ERR_RESET,  /* the peer reset the connection */
    ERR_REFUSED,
    ERR_UNREACHABLE,
    ERR_DENIED, /* by the file's mode (a unix socket) or a packet filter */
    ERR_TIMEOUT_CONNECT,
    ERR_TIMEOUT_HANDSHAKE,
    ERR_TIMEOUT_HEAD,
    ERR_TIMEOUT_IDLE,
    ERR_TIMEOUT_SEND,
    ERR_TIMEOUT_SEND_BACKEND,
    ERR_TIMEOUT_RESPONSE,
    ERR_TIMEOUT_TUNNEL,
    ERR_TIMEOUT_QUEUE,
    ERR_NO_ADDRESS, /* the backend's name leads nowhere */
    ERR_SHUTDOWN,   /* edge itself is ending */
    ERR_SYS_END,

    ERR_TLS = 0x200,      /* + the alert we send (RFC 5246 section 7.2, RFC 8446 section 6) */
    ERR_TLS_PEER = 0x280, /* + the fatal alert the peer sent */

    ERR_HTTP = 0x300,
    ERR_HTTP_SYNTAX,  /* not HTTP/1.x grammar */
    ERR_HTTP_VERSION, /* HTTP/0.9, HTTP/2 preface, HTTP/3.7 … */
    ERR_HTTP_TARGET,  /* request target of no allowed form, or a path of two readings */
    ERR_HTTP_TARGET_LONG,
    ERR_HTTP_FIELDS_LARGE, /* head too large or too many fields */
    ERR_HTTP_FIELD,        /* bad field name or value, obs-fold, bare CR or LF, NUL */
    ERR_HTTP_HOST,         /* none, several or malformed */
    ERR_HTTP_FRAMING,      /* Content-Length and Transfer-Encoding that disagree or are malformed */
    ERR_HTTP_CODING,       /* a transfer coding other than chunked */
    ERR_HTTP_CHUNK,        /* bad chunk size, extension or trailer */
    ERR_HTTP_METHOD,       /* a method edge does not pass: CONNECT */
    ERR_HTTP_CONNECTION,   /* Connection names a field that must not be hop-by-hop */
    ERR_HTTP_UPGRADE,      /* an upgrade token that is never forwarded */
    ERR_HTTP_BODY_LARGE,
    ERR_HTTP_MISDIRECTED, /* this host belongs to another certificate (RFC 9110 section 15.5.20) */
    ERR_HTTP_BACKEND,     /* the backend did not answer in valid HTTP */
    ERR_HTTP_TLS_NEEDED,  /* plain HTTP on the TLS port */
    ERR_HTTP_UNAVAILABLE, /* no backend can be used at the moment */
    ERR_HTTP_END,

    ERR_ACME = 0x400,

    ERR_CONFIG = 0x500,

    ERR_TLS_BACKEND = 0x600, /* TLS toward a backend failed */
    ERR_TLS_UNTRUSTED,       /* its certificate's chain does not end at an anchor */
    ERR_TLS_SELF_SIGNED,     /* the same of a certificate that signed itself */
    ERR_TLS_NAME,
    ERR_TLS_EXPIRED,
    ERR_TLS_NOT_YET,
    ERR_TLS_CERT_BROKEN, /* no certificate, malformed, too large or wrongly signed */
    ERR_TLS_CERT_KIND,   /* a key or signature algorithm that edge does not know */
    ERR_TLS_CERT_WEAK,
    ERR_TLS_CERT_USE, /* its extensions forbid this use, or say something that must be understood and is not */
    ERR_TLS_TOO_OLD,  /* the backend speaks TLS 1.1 at most */
    ERR_TLS_TOO_NEW,  /* it refuses TLS 1.2 */
    ERR_TLS_NO_COMMON,  /* it refuses all that edge offers */
    ERR_TLS_WANTS_CERT, /* it refuses edge at the end, which shows no certificate */
    ERR_TLS_PLAIN,      /* it does not speak TLS */
    ERR_TRUST_NONE,     /* no usable certificate in a file of trusted ones */
    ERR_TRUST_BROKEN,   /* its PEM is cut or damaged */
    ERR_TLS_BACKEND_END,
};

/* A short English phrase without a full stop, never NULL. */
const char *err_text(int err);
/* The status of the answer to a client whose request failed so: 4xx, or 502, 503, 504 for the backend's side. */
int err_status(int err);
/* The alert to send, or -1 if none is due. */
int err_alert(int err);
/* Maps errno of a socket call to an error. */
int err_from_errno(int number);

#endif
