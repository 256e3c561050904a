/*
 * An intrusive doubly linked list. A link lies inside the object; LIST_OWNER() leads back to it.
 * A head is initialised with list_init(); a link that is in no list is all-zero, and list_remove() leaves it so.
 */
#ifndef EDGE_BASE_LIST_H
#define EDGE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

// clang-format off: its versions differ on the blank before a minus
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
// clang-format on

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_append(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* Does nothing to a link that is in no list. */
static inline void list_remove(struct list *link)
{
    if (!list_linked(link))
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

/* Takes the first one out; NULL from an empty list. */
static inline struct list *list_shift(struct list *head)
{
    struct list *first = head->next;
    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}

#endif
