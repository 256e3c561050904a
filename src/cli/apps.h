/* What edge knows of applications: `edge add --app NAME`. docs/NAME.md tells users the rest. */
#ifndef EDGE_CLI_APPS_H
#define EDGE_CLI_APPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct app {
    const char *name;
    uint16_t port;      /* where it listens when nobody changed that */
    const char *limits; /* further lines of its block, each with its line end; "": the defaults fit */
    const char *tell;   /* what it must be told itself; `@` stands for the host name */
};

const struct app *app_rows(size_t *n);
const struct app *app_find(const char *name);
/* Tells on standard error that there is no such application, and which ones there are. */
void app_unknown(const char *name);
/* The words of `tell` on standard output. */
void app_tell(const struct app *app, struct str host);

#endif
