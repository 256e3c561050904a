#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/parse.h"
#include "server/image.h"
#include "server/snapshot_build.h"
#include "tls/certs.h"

#define DATA "tests/tls/data/"

static const char text[] = "https 127.0.0.1:8443\n"
                           "one.test, two.test { proxy 127.0.0.1:3001\n tls " DATA "ec.pem " DATA
                           "ec.key\n}\n"
                           "three.test { proxy unix:/run/x.sock\n tls " DATA "rsa.pem " DATA "rsa.key\n}\n"
                           "four.test { proxy 127.0.0.1:3000\n tls " DATA "ec.pem " DATA "ec.key\n}\n"
                           "five.test { proxy 127.0.0.1:3002\n tls off\n}\n"
                           "* { respond 404\n tls " DATA "ec2.pem " DATA "ec2.key\n}\n";

static struct snapshot *parse(const char *configuration)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("test.conf", str_of(configuration), &errors);
    if (!s)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s;
}

static struct image build(const char *configuration)
{
    struct snapshot *s = parse(configuration);
    struct image image;
    int fd = snapshot_build(s, "test.conf", str_of(configuration));
    assert_true(fd >= 0);
    assert_int_equal(image_map(fd, &image), 0);
    close(fd);
    snapshot_free(s);
    return image;
}

static int id_of(const struct snapshot *s, const char *name)
{
    const struct site *site = snapshot_site(s, str_of(name));
    assert_non_null(site);
    return site->cert_id;
}

static void round_trip(void **state)
{
    struct image image = build(text);
    struct certs *certs = certs_new();
    struct snapshot *s = snapshot_open(&image);
    snapshot_certs(&image, s, certs);
    image_unmap(&image);
    assert_int_equal(s->n_sites, 5);
    int one = id_of(s, "one.test"), three = id_of(s, "three.test");
    assert_true(one >= 0 && three >= 0 && one != three);
    assert_int_equal(id_of(s, "two.test"), one);
    assert_int_equal(id_of(s, "four.test"), one);
    assert_int_equal(id_of(s, "five.test"), -1);
    /* Sites that share files share a certificate. */
    int first = certs_find(certs, STR("one.test")), other = certs_find(certs, STR("three.test"));
    assert_true(first >= 0 && other >= 0 && first != other);
    assert_int_equal(certs_find(certs, STR("two.test")), first);
    assert_int_equal(certs_find(certs, STR("four.test")), first);
    /* The `*` site's certificate is for clients that name nobody we know. */
    int any = certs_find(certs, STR(""));
    assert_true(s->any->cert_id >= 0 && s->any->cert_id != one && s->any->cert_id != three);
    assert_true(any >= 0 && any != first && any != other);
    assert_int_equal(certs_find(certs, STR("unknown.test")), any);
    snapshot_free(s);
    certs_free(certs);
}

static void no_default_without_a_certificate(void **state)
{
    struct image image = build("a.test { proxy 127.0.0.1:1\n tls " DATA "ec.pem " DATA "ec.key\n}\n");
    struct certs *certs = certs_new();
    struct snapshot *s = snapshot_open(&image);
    snapshot_certs(&image, s, certs);
    image_unmap(&image);
    assert_int_equal(s->any->cert_id, -1);
    assert_int_equal(certs_find(certs, STR("")), -1);
    assert_int_equal(certs_find(certs, STR("b.test")), -1);
    snapshot_free(s);
    certs_free(certs);
}

static bool has_port(const uint16_t *ports, size_t n, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        if (ports[i] == port)
            return true;
    return false;
}

static void ports_of_backends(void **state)
{
    struct image image = build(text);
    struct buf memory = {0};
    const uint16_t *ports = NULL;
    size_t n = snapshot_ports(&image, &ports, &memory);
    assert_true(n >= 3);
    assert_true(has_port(ports, n, 3000) && has_port(ports, n, 3001) && has_port(ports, n, 3002));
    assert_false(has_port(ports, n, 0));
    buf_done(&memory);
    image_unmap(&image);
    image = build("a.test { proxy https://nas.lan https://app.lan:444 {\n tls insecure\n}\n tls off\n}\n"
                  "b.test { passthrough b.lan:8443 }\n");
    n = snapshot_ports(&image, &ports, &memory);
    assert_int_equal(n, 3);
    assert_true(has_port(ports, n, 443) && has_port(ports, n, 444) && has_port(ports, n, 8443));
    buf_done(&memory);
    image_unmap(&image);
    image = build("a.test { proxy unix:/run/x.sock\n tls off\n}\n");
    assert_int_equal(snapshot_ports(&image, &ports, &memory), 0);
    buf_done(&memory);
    image_unmap(&image);
}

/* The roots of https backends travel in the image, each file once; those of the system if somebody is checked with them. */
static void roots_of_backends(void **state)
{
    struct image_section section;
    struct image image = build("a.test { proxy https://nas.lan { tls " DATA "ec.pem }\n tls off\n}\n"
                               "b.test { proxy https://127.0.0.1 { tls insecure }\n tls off\n}\n"
                               "c.test { passthrough c.lan:443 }\n");
    assert_true(image_find(&image, IMAGE_FILE, STR(DATA "ec.pem"), &section));
    assert_false(image_find(&image, IMAGE_FILE, STR(SNAPSHOT_SYSTEM_ROOTS), &section));
    image_unmap(&image);
    image = build("a.test { proxy https://nas.lan\n tls off\n}\n");
    if (access(SNAPSHOT_SYSTEM_ROOTS, R_OK) == 0)
        assert_true(image_find(&image, IMAGE_FILE, STR(SNAPSHOT_SYSTEM_ROOTS), &section));
    image_unmap(&image);
}

static size_t count(const struct image *image, enum image_kind kind)
{
    struct image_section section;
    size_t n = 0;
    for (size_t at = 0; image_next(image, &at, &section);)
        n += section.kind == kind;
    return n;
}

static void each_file_once(void **state)
{
    struct image image = build(text);
    struct image_section section;
    assert_int_equal(count(&image, IMAGE_CONFIG), 1);
    assert_int_equal(count(&image, IMAGE_FILE), 6);
    assert_true(image_find(&image, IMAGE_CONFIG, STR("test.conf"), &section));
    assert_true(str_eq(section.data, str_of(text)));
    assert_false(image_find(&image, IMAGE_FILE, STR("none"), &section));
    image_unmap(&image);
}

/* Nobody can change it under the readers, not even who has the descriptor. */
static void sealed(void **state)
{
    struct snapshot *s = parse(text);
    int fd = snapshot_build(s, "test.conf", str_of(text));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
    snapshot_free(s);
}

static void only_sealed_and_whole_images_are_read(void **state)
{
    struct image image;
    struct buf b = {0};
    struct image_section section = {.kind = IMAGE_FILE, .name = STR("name"), .data = STR("data")};
    int fd = image_memfd("edge-test");
    assert_int_equal(image_map(fd, &image), -1);
    assert_int_equal(write(fd, "12345678", 8), 8);
    assert_int_equal(image_map(fd, &image), -1);
    close(fd);
    assert_true(image_add(&b, &section));
    for (size_t cut = 1; cut < b.len; cut++) {
        struct buf shorter = {.mem = b.mem, .len = b.len - cut, .cap = b.cap};
        fd = image_seal(&shorter);
        assert_true(fd >= 0);
        assert_int_equal(image_map(fd, &image), -1);
        close(fd);
    }
    fd = image_seal(&b);
    assert_int_equal(image_map(fd, &image), 0);
    image_unmap(&image);
    close(fd);
    buf_done(&b);
}

static void empty_image(void **state)
{
    struct image image;
    struct image_section section;
    size_t at = 0;
    int fd = image_seal(&(struct buf){0});
    assert_int_equal(image_map(fd, &image), 0);
    assert_false(image_next(&image, &at, &section));
    image_unmap(&image);
    close(fd);
}

struct verified {
    const char *what, *configuration, *complaint; /* NULL: fine */
};

#define HTTPS(file) \
    "a.test { tls off\n respond 200\n route /x proxy https://b.lan {\n tls " file "\n tls name c.lan }\n}\n"

static const struct verified verified[] = {
    {"all is well", text, NULL},
    {"no such certificate", "\na.test { proxy 127.0.0.1:1\n tls " DATA "none.pem " DATA "ec.key\n}\n",
     "test.conf:2: certificate of a.test: " DATA "none.pem: No such file or directory\n"},
    {"no such key", "a.test { proxy 127.0.0.1:1\n tls " DATA "ec.pem " DATA "none.key\n}\n",
     "test.conf:1: certificate of a.test: " DATA "none.key: No such file or directory\n"},
    {"the key of another", "a.test { proxy 127.0.0.1:1\n tls " DATA "ec.pem " DATA "ec2.key\n}\n",
     "test.conf:1: certificate of a.test: " DATA "ec.pem: "},
    {"one file with both", "a.test { proxy 127.0.0.1:1\n tls " DATA "ec_all.pem\n}\n", NULL},
    {"roots for backends", HTTPS(DATA "root.pem"), NULL},
    {"no such roots", HTTPS(DATA "none.pem"),
     "test.conf:3: backends of a.test: " DATA "none.pem: No such file or directory\n"},
    {"a key for roots", HTTPS(DATA "ec.key"), "test.conf:3: backends of a.test: " DATA "ec.key: "},
    {"no file of PEM", HTTPS("tests/packages.txt"), "test.conf:3: backends of a.test: tests/packages.txt: "},
    {"an empty file", HTTPS("/dev/null"), "test.conf:3: backends of a.test: /dev/null: "},
};

static void verify(void **state)
{
    for (size_t i = 0; i < nitems(verified); i++) {
        const struct verified *v = &verified[i];
        struct snapshot *s = parse(v->configuration);
        struct buf errors = {0};
        int rc = snapshot_verify(s, "test.conf", &errors);
        if (rc != (v->complaint ? -1 : 0))
            fail_msg("%s: %d", v->what, rc);
        if (v->complaint && !str_starts(buf_str(&errors), str_of(v->complaint)))
            fail_msg("%s: %.*s", v->what, STR_ARG(buf_str(&errors)));
        buf_done(&errors);
        snapshot_free(s);
    }
}

/* A file that went away between check and start costs its own site only. */
static void unreadable_file_costs_its_site(void **state)
{
    struct image image = build("a.test { proxy 127.0.0.1:1\n tls " DATA "none.pem " DATA "ec.key\n}\n"
                               "b.test { proxy 127.0.0.1:1\n tls " DATA "ec.pem " DATA "ec.key\n}\n");
    struct certs *certs = certs_new();
    struct snapshot *s = snapshot_open(&image);
    snapshot_certs(&image, s, certs);
    assert_int_equal(certs_find(certs, STR("a.test")), -1);
    assert_true(certs_find(certs, STR("b.test")) >= 0);
    image_unmap(&image);
    snapshot_free(s);
    certs_free(certs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(no_default_without_a_certificate),
        cmocka_unit_test(ports_of_backends),
        cmocka_unit_test(roots_of_backends),
        cmocka_unit_test(each_file_once),
        cmocka_unit_test(sealed),
        cmocka_unit_test(only_sealed_and_whole_images_are_read),
        cmocka_unit_test(empty_image),
        cmocka_unit_test(verify),
        cmocka_unit_test(unreadable_file_costs_its_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
