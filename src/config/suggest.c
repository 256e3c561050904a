#include "config/suggest.h"

#include <stdint.h>

enum { WORD_MAX = 32, FAR = 3 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t edit_distance(struct str a, struct str b)
{
    if (a.n > WORD_MAX || b.n > WORD_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a.p[i - 1] != b.p[j - 1]));
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

void suggest_offer(struct suggest *s, const char *candidate)
{
    struct str name = str_of(candidate);
    size_t distance = edit_distance(s->word, name);
    /* Of a short word nothing would be left. */
    if (distance >= FAR || distance * 2 > name.n || (s->best && distance >= s->distance))
        return;
    s->best = candidate;
    s->distance = distance;
}
