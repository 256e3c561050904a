/* A host name as people give it to a command. */
#ifndef EDGE_CLI_HOST_WORD_H
#define EDGE_CLI_HOST_WORD_H

#include <stdbool.h>

enum { HOST_WORD = 256 };

/*
 * The name in lower case into out. False after telling on standard error why the word is none, and which one
 * may be meant. `command` is for the message.
 */
bool host_word(const char *command, const char *word, char out[HOST_WORD]);

#endif
