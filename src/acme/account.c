#include "acme/account.h"

#include "acme/request.h"
#include "acme/x509.h"
#include "base/json_write.h"

static enum acme_end save(struct acme *a)
{
    if (a->config.hooks->save_account(a->config.context, &a->account) < 0)
        return acme_fail(a, ACME_BROKEN, "the account could not be stored");
    return ACME_DONE;
}

static bool write_payload(struct buf *out, struct str contact)
{
    bool good = buf_add_str(out, STR("{\"termsOfServiceAgreed\":true"));
    if (contact.n > 0) {
        struct buf url = {0};
        good = good && (str_istarts(contact, STR("mailto:")) || buf_add_str(&url, STR("mailto:"))) &&
               buf_add_str(&url, contact) && buf_add_str(out, STR(",\"contact\":[")) &&
               json_write_text(out, buf_str(&url)) && buf_add_str(out, STR("]"));
        buf_done(&url);
    }
    return good && buf_add_str(out, STR("}"));
}

enum acme_end account_register(struct acme *a)
{
    struct client_reply reply = {0};
    struct buf payload = {0};
    enum acme_end end;
    if (a->directory.external_account)
        return acme_fail(a, ACME_REFUSED, "this CA wants accounts bound to one made at its site (eab)");
    a->account.url = STR("");
    end = save(a);
    if (end != ACME_DONE)
        return end;
    if (!write_payload(&payload, a->account.contact)) {
        end = acme_nomem(a);
        goto out;
    }
    /* Asking again for the same key gives the same account (RFC 8555 section 7.3). */
    const struct request r = {.url = a->directory.new_account, .payload = buf_str(&payload), .by_key = true};
    end = request_post(a, &r, &reply);
    if (end != ACME_DONE)
        goto out;
    if (!client_is_url(str_of(reply.location)))
        end = acme_fail(a, ACME_LATER, "the CA did not say where the account is");
    else if (!acme_keep(a, &a->account.url, str_of(reply.location)))
        end = acme_nomem(a);
    else
        end = save(a);
out:
    buf_done(&payload);
    client_reply_done(&reply);
    return end;
}

static enum acme_end fetch_directory(struct acme *a)
{
    struct client_reply reply = {0};
    enum acme_end end = request_directory(a, &reply);
    if (end == ACME_DONE && !directory_read(&a->directory, buf_str(&reply.body), a->config.mem))
        end = acme_fail(a, ACME_LATER, "%s is no ACME directory", a->config.directory);
    client_reply_done(&reply);
    return end;
}

enum acme_end account_open(struct acme *a)
{
    enum acme_end end = fetch_directory(a);
    if (end != ACME_DONE)
        return end;
    if (a->account.key_pem.n == 0) {
        a->account.key_pem = x509_new_key(a->config.mem);
        a->account.url = STR("");
        if (!a->account.key_pem.p)
            return acme_nomem(a);
    }
    if (!key_read(&a->key, a->account.key_pem))
        return acme_fail(a, ACME_BROKEN, "the stored account key cannot be read");
    if (a->account.url.n > 0)
        return ACME_DONE;
    acme_progress(a, "registering at %s%s%.*s", a->config.directory,
                  a->directory.terms.n > 0 ? ", terms of service: " : "", STR_ARG(a->directory.terms));
    return account_register(a);
}
