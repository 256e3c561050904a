/*
 * Any split of the input gives the same messages, fields, bodies and the same error as no split. Three bytes
 * choose: response and HEAD, where the first cut is, and the size of the pieces after it.
 */
#include "http/h1_transcript.h"

enum { CHOICE = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct transcript start(uint8_t choice)
{
    return (struct transcript){.response = choice & 1, .to_head = choice & 2, .exact = true};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICE)
        return 0;
    struct str in = str_from(data + CHOICE, size - CHOICE);
    struct transcript whole = start(data[0]), split = start(data[0]);
    size_t step = data[2] > 0 ? data[2] : in.n + 1;
    transcript_run(&whole, in, in.n, 1);
    transcript_run(&split, in, data[1], step);
    if (whole.err != split.err || whole.messages != split.messages ||
        !str_eq(buf_str(&whole.full), buf_str(&split.full)))
        abort();
    transcript_done(&whole);
    transcript_done(&split);
    return 0;
}
