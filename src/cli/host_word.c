#include "cli/host_word.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/value.h"

/* The host name in what was pasted from somewhere, and why it is not all of it. NULL: it is. */
static const char *find_host(struct str *word)
{
    const char *why = NULL, *scheme = word->n > 0 ? memmem(word->p, word->n, "://", 3) : NULL;
    struct str s = scheme ? str_skip(*word, (size_t)(scheme - word->p) + 3) : *word;
    size_t end = 0;
    while (end < s.n && !strchr("/?#", s.p[end]))
        end++;
    if (scheme || end < s.n)
        why = "is the address of a page, of which a site is named by the host alone";
    s = str_take(s, end);
    size_t comma = str_find(s, ',');
    if (comma > 0 && comma < s.n && !why)
        why = "is more than one name, and each is added by a command of its own";
    s = str_take(s, comma);
    size_t colon = str_find(s, ':');
    if (colon < s.n && !why)
        why = "has a port; those that edge listens on are set by `http` and `https` in the configuration";
    s = str_take(s, colon);
    if (str_ends(s, STR(".")) && s.n > 1) {
        if (!why)
            why = "ends with a dot";
        s.n--;
    }
    *word = s;
    return why;
}

bool host_word(const char *command, const char *word, char out[HOST_WORD])
{
    struct str whole = str_of(word), host = whole;
    const char *problem = host_problem(whole), *why = find_host(&host);
    if (why && !host_problem(host)) {
        fprintf(stderr, "edge: `%s` %s; write `edge %s %.*s%s`\n", word, why, command, STR_ARG(host),
                strcmp(command, "add") == 0 ? " BACKEND" : "");
        return false;
    }
    if (problem) {
        fprintf(stderr, "edge: `%s`: %s\n", word, problem);
        return false;
    }
    for (size_t i = 0; i <= whole.n; i++)
        out[i] = ascii_lower(word[i]);
    return true;
}
