#include "cli/apps.h"

#include <stdio.h>
#include <string.h>

#include "config/suggest.h"

static const struct app rows[] = {
    {"immich", 2283, "",
     "In Immich, set Administration > Settings > Server > External Domain to https://@\n"
     "so that shared links name it.\n"},
    {"photoprism", 2342, "",
     "PhotoPrism needs these in its environment:\n"
     "    PHOTOPRISM_SITE_URL: \"https://@/\"\n"
     "    PHOTOPRISM_DISABLE_TLS: \"true\"\n"},
    {"owncast", 8080, "    timeout tunnel 6h\n",
     "In Owncast's admin, set Configuration > General > Server URL to https://@\n"
     "Port 1935, where your streaming software sends to (RTMP), stays Owncast's own.\n"},
    {"homeassistant", 8123, "    timeout tunnel 6h\n",
     "Home Assistant answers 400 until its configuration.yaml trusts edge, by the address it comes from:\n"
     "    http:\n"
     "      use_x_forwarded_for: true\n"
     "      trusted_proxies:\n"
     "        - 127.0.0.1\n"},
    {"jellyfin", 8096, "    timeout send 1h\n",
     "In Jellyfin, set Dashboard > Networking > Known proxies to edge's address, 127.0.0.1 on this machine.\n"},
    {"nextcloud", 11000, "",
     "Nextcloud's config.php needs, where the all-in-one does not set them itself:\n"
     "    'trusted_proxies' => ['127.0.0.1'],\n"
     "    'overwriteprotocol' => 'https',\n"
     "    'overwritehost' => '@',\n"},
};

const struct app *app_rows(size_t *n)
{
    *n = nitems(rows);
    return rows;
}

const struct app *app_find(const char *name)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

void app_unknown(const char *name)
{
    struct suggest near = {.word = str_of(name)};
    for (size_t i = 0; i < nitems(rows); i++)
        suggest_offer(&near, rows[i].name);
    fprintf(stderr, "edge: `add` knows no application `%s`; ", name);
    if (near.best) {
        fprintf(stderr, "did you mean `%s`?\n", near.best);
        return;
    }
    fputs("without `--app` it serves any, with it", stderr);
    for (size_t i = 0; i < nitems(rows); i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", rows[i].name);
    fputs("\n", stderr);
}

void app_tell(const struct app *app, struct str host)
{
    for (const char *c = app->tell; *c; c++)
        if (*c == '@')
            printf("%.*s", STR_ARG(host));
        else
            (void)putchar(*c);
}
