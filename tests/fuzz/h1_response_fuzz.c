/*
 * Any bytes as a backend's connection; the first byte says whether HEAD was asked, and in how large pieces
 * the rest comes.
 */
#include "http/h1_round_trip.h"
#include "http/h1_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct head *h)
{
    round_trip_response(h, h->no_body && h->status >= 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct transcript t = {.exact = true, .each = round_trip, .response = true, .to_head = data[0] & 1};
    size_t step = (data[0] >> 1) + 1u;
    transcript_run(&t, str_from(data + 1, size - 1), step == 128 ? size : step, step);
    transcript_done(&t);
    return 0;
}
