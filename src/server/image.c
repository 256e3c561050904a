#include "server/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct section_head {
    uint32_t kind;
    uint32_t name_len;
    uint64_t data_len;
};

bool image_add(struct buf *b, const struct image_section *section)
{
    struct section_head head = {
        .kind = (uint32_t)section->kind,
        .name_len = (uint32_t)section->name.n,
        .data_len = section->data.n,
    };
    return section->name.n <= UINT32_MAX && buf_add(b, &head, sizeof head) && buf_add_str(b, section->name) &&
           buf_add_str(b, section->data);
}

int image_memfd(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static int write_all(int fd, const struct buf *b)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = write(fd, buf_data(b) + done, b->len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

int image_seal(const struct buf *b)
{
    int fd = image_memfd("edge-image");
    if (fd < 0)
        return -1;
    if (write_all(fd, b) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* The section at `at`, or false if there is no whole one; *next is where the following one begins. */
static bool section_at(const struct image *i, size_t at, struct image_section *out, size_t *next)
{
    struct section_head head;
    if (at > i->n || i->n - at < sizeof head)
        return false;
    memcpy(&head, i->mem + at, sizeof head);
    size_t left = i->n - at - sizeof head;
    if (head.name_len > left || head.data_len > left - head.name_len)
        return false;
    const uint8_t *name = i->mem + at + sizeof head;
    out->kind = (enum image_kind)head.kind;
    out->name = str_from(name, head.name_len);
    out->data = str_from(name + head.name_len, (size_t)head.data_len);
    *next = at + sizeof head + head.name_len + (size_t)head.data_len;
    return true;
}

static bool whole(const struct image *i)
{
    struct image_section section;
    size_t at = 0;
    while (at < i->n)
        if (!section_at(i, at, &section, &at))
            return false;
    return true;
}

int image_map(int fd, struct image *out)
{
    *out = (struct image){0};
    int seals = fcntl(fd, F_GET_SEALS);
    off_t size = lseek(
        fd, 0, SEEK_END); /* what fstat() becomes differs between libcs, and a jail allows only this */
    if (seals < 0 || (seals & SEALS) != SEALS || size < 0)
        return -1;
    if (size == 0) /* no section, and nothing that could be mapped */
        return 0;
    out->n = (size_t)size;
    void *mem = mmap(NULL, out->n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mem == MAP_FAILED)
        return -1;
    out->mem = mem;
    if (whole(out))
        return 0;
    image_unmap(out);
    return -1;
}

void image_unmap(struct image *i)
{
    if (i->mem)
        munmap((void *)(uintptr_t)i->mem, i->n);
    *i = (struct image){0};
}

bool image_next(const struct image *i, size_t *at, struct image_section *out)
{
    return section_at(i, *at, out, at);
}

bool image_find(const struct image *i, enum image_kind kind, struct str name, struct image_section *out)
{
    for (size_t at = 0; image_next(i, &at, out);)
        if (out->kind == kind && (!name.p || str_eq(out->name, name)))
            return true;
    return false;
}
