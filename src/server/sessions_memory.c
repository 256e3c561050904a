#include "server/sessions_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/image.h"
#include "tls/sessions.h"

enum { SESSIONS = 16384 }; /* pages that were never written to cost nothing */

static void *map_shared(int fd, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int format(int fd, size_t size)
{
    struct sessions view;
    /* The size is sealed: a worker that shrinks it would kill the others. */
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        return -1;
    void *memory = map_shared(fd, size);
    if (!memory)
        return -1;
    int rc = sessions_init(&view, memory, size);
    munmap(memory, size);
    return rc;
}

int sessions_memory_new(void)
{
    int fd = image_memfd("edge-sessions");
    if (fd < 0)
        return -1;
    if (format(fd, sessions_size(SESSIONS)) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int sessions_memory_map(int fd, struct sessions *out)
{
    struct stat st;
    void *memory = fstat(fd, &st) == 0 && st.st_size > 0 ? map_shared(fd, (size_t)st.st_size) : NULL;
    close(fd);
    return memory ? sessions_init(out, memory, (size_t)st.st_size) : -1;
}
