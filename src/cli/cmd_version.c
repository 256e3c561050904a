#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "build_info.h"
#include "cli/commands.h"
#include "versions.h"

struct part {
    const char *key, *name, *version;
};

static const struct part parts[] = {
    {"bearssl", "BearSSL", EDGE_DEP_BEARSSL},
    {"libsodium", "libsodium", EDGE_DEP_LIBSODIUM},
    {"sqlite", "SQLite", EDGE_DEP_SQLITE},
    {"libcurl", "libcurl", EDGE_DEP_CURL},
};

int cmd_version(const struct options *o)
{
    char date[16] = "";
    time_t when = (time_t)EDGE_BUILD_DATE;
    struct tm utc;
    if (gmtime_r(&when, &utc))
        (void)strftime(date, sizeof date, "%Y-%m-%d", &utc);
    printf(o->json ? "{\"edge\":\"%s\",\"date\":\"%s\"" : "edge %s (%s)\n", EDGE_VERSION, date);
    for (size_t i = 0; i < nitems(parts); i++) {
        if (o->json)
            printf(",\"%s\":\"%s\"", parts[i].key, parts[i].version);
        else
            printf("%s %s\n", parts[i].name, parts[i].version);
    }
    if (o->json)
        puts("}");
    return EXIT_DONE;
}
