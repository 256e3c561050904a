/*
 * Any bytes as a connection of a client: no crash, and every accepted head survives being written and read
 * again.
 */
#include "http/h1_round_trip.h"
#include "http/h1_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transcript t = {.exact = true, .each = round_trip_request};
    transcript_run(&t, str_from(data, size), size, 1);
    transcript_done(&t);
    return 0;
}
