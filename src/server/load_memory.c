#include "server/load_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/image.h"

static int map_view(int fd, struct load_shape shape, struct load *out)
{
    void *memory = mmap(NULL, load_size(shape), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -1;
    *out = load_view(memory, shape);
    return 0;
}

int load_memory_new(struct load_shape shape, struct load *out)
{
    int fd = image_memfd("edge-load");
    if (fd < 0)
        return -1;
    /* The size is sealed: a worker that shrinks it would kill the others. */
    if (ftruncate(fd, (off_t)load_size(shape)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) == 0 &&
        map_view(fd, shape, out) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int load_memory_map(int fd, struct load_shape shape, struct load *out)
{
    off_t size = lseek(fd, 0, SEEK_END); /* what a jail allows */
    int rc = size > 0 && (size_t)size == load_size(shape) ? map_view(fd, shape, out) : -1;
    close(fd);
    return rc;
}
