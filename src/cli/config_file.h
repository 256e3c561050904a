/* The configuration file as commands use it. */
#ifndef EDGE_CLI_CONFIG_FILE_H
#define EDGE_CLI_CONFIG_FILE_H

#include "config/site.h"

/*
 * Reads and parses the file. NULL after telling on standard error what is wrong and what to do; the exit
 * status is EXIT_MISUSE then. Warnings are told as well. To be freed with snapshot_free().
 */
struct snapshot *config_file_load(const char *path);
/* Tells why the file cannot be read: the errno of the attempt. */
void config_file_trouble(const char *path, int number);

#endif
