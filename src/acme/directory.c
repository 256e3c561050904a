#include "acme/directory.h"

#include "acme/client.h"
#include "base/json.h"

bool directory_read(struct directory *d, struct str body, struct arena *mem)
{
    struct json *j = json_open(body);
    if (!j)
        return false;
    d->new_nonce = json_text(j, mem, "$.newNonce");
    d->new_account = json_text(j, mem, "$.newAccount");
    d->new_order = json_text(j, mem, "$.newOrder");
    d->terms = json_text(j, mem, "$.meta.termsOfService");
    d->external_account = json_is_true(j, "$.meta.externalAccountRequired");
    json_close(j);
    return client_is_url(d->new_nonce) && client_is_url(d->new_account) && client_is_url(d->new_order);
}
