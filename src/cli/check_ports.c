#include "cli/check_ports.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/ports.h"

/* Returns false when edge cannot serve there. */
static bool tell(const struct listen *l, int result, const struct port_owner *owner)
{
    char at[ENDPOINT_TEXT], text[PORTS_WHY];
    const char *protocol = l->tls ? "https" : "http";
    endpoint_format(l->at, at);
    if (result == 0) {
        printf("%s %s: free\n", protocol, at);
    } else if (port_owner_is_edge(owner)) {
        port_owner_name(owner, text, sizeof text);
        printf("%s %s: in use by %s, which is edge itself\n", protocol, at, text);
    } else {
        ports_why(l, -result, "sudo systemctl restart edge", text, sizeof text);
        fprintf(stderr, "%s %s: %s\n", protocol, at, text);
        return false;
    }
    return true;
}

bool check_ports(const struct snapshot *s)
{
    struct port_owner *owners = calloc(s->n_listens + 1, sizeof *owners);
    int *results = calloc(s->n_listens + 1, sizeof *results);
    bool good = owners && results;
    for (size_t i = 0; owners && results && i < s->n_listens; i++)
        results[i] = ports_try(&s->listens[i], &owners[i]);
    for (size_t i = 0; owners && results && i < s->n_listens; i++)
        if (results[i] == 0 || ports_worth_a_line(s, results, i))
            good = tell(&s->listens[i], results[i], &owners[i]) && good;
    free(owners);
    free(results);
    return good;
}
