/*
 * Sites put into the text of a configuration and taken out of it. What is not the site's own stays as it is,
 * byte for byte: comments, blanks, line ends, a last line without one. A text that a site was added to is the
 * old one again when that is removed. All texts are such that config_parse() accepts.
 */
#ifndef EDGE_CONFIG_EDIT_H
#define EDGE_CONFIG_EDIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/site.h"

/*
 * Appends to `out` the text with the block, whose lines end with `\n`, behind its last line, and a blank line
 * between them. False when memory is out.
 */
bool edit_add(struct str text, struct str block, struct buf *out);
/*
 * Appends to `out` the text without the name, one of site's; with its last one the whole block goes. `site`
 * was parsed from that text. False when memory is out.
 */
bool edit_remove(struct str text, const struct site *site, struct str name, struct buf *out);

/* Appends a word so that the parser reads it as it is, in quotes if needed. False when memory is out. */
bool edit_word(struct str word, struct buf *out);
/* The name as it stands before a block: quoted where a directive is spelled like it. */
bool edit_name(struct str name, struct buf *out);
/* The site of that name, any case; NULL if there is none. `*` finds the one that was written only. */
const struct site *edit_find(const struct snapshot *s, struct str name);
/* The configuration asks an authority for certificates, and none issues for this name. */
bool edit_wants_internal(const struct snapshot *s, struct str name);

#endif
