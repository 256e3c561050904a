#include "server/renew.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acme/acme.h"
#include "acme/x509.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "build_info.h"
#include "config/parse.h"
#include "server/challenge_server.h"
#include "server/data_lock.h"
#include "server/data_open.h"
#include "server/jail.h"
#include "server/plan.h"
#include "server/port_owner.h"
#include "server/read_file.h"
#include "store/account_row.h"
#include "store/order_row.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2 };

struct renewal {
    const struct renew_options *options;
    struct snapshot *snapshot;
    char *dir;
    struct store *store;
    struct challenge_server *answers; /* NULL: the daemon answers */
    struct arena mem;                 /* of the certificate at hand; holds keys */
    struct order_row order;           /* of the certificate at hand */
    struct acme *acme;                /* opened for the first certificate that needs it, well or not */
    enum acme_end opened;             /* how that ended */
    struct buf open_why;
    struct acme_account account; /* lives as long as acme */
    bool failed;
};

/* Told to the person who watches; the daemon has it in its log. */
static void tell(struct str who, const char *what)
{
    (void)printf("%.*s: %s\n", STR_ARG(who), what);
    (void)fflush(stdout);
}

/* Hooks of acme/ */

static int save_account(void *context, const struct acme_account *account)
{
    struct renewal *r = context;
    struct account_row row = {.directory = r->snapshot->acme_directory,
                              .key_pem = account->key_pem,
                              .url = account->url,
                              .contact = account->contact};
    return account_row_save(r->store, &row);
}

static int save_order(void *context, const struct acme_order *order)
{
    struct renewal *r = context;
    r->order.key_pem = order->key_pem;
    r->order.url = order->url;
    r->order.finalize_url = order->finalize_url;
    r->order.certificate_url = order->certificate_url;
    r->order.state = order->state;
    return order_row_save(r->store, &r->order);
}

static int publish(void *context, struct str name, struct str token, struct str key_authorization)
{
    struct renewal *r = context;
    (void)name;
    return challenge_row_put(r->store, r->order.id, token, key_authorization, clock_wall());
}

static void progress(void *context, const char *what)
{
    struct renewal *r = context;
    tell(r->order.names, what);
}

static const struct acme_hooks hooks = {
    .save_account = save_account, .save_order = save_order, .publish = publish, .progress = progress};

/* The account and the CA */

static enum acme_end open_acme(struct renewal *r, struct buf *why)
{
    struct account_row row;
    struct str directory = r->snapshot->acme_directory, ca_file = r->snapshot->acme_ca_file;
    int found = account_row_find(r->store, directory, &r->mem, &row);
    if (found < 0) {
        (void)buf_printf(why, "database: %s", store_error(r->store));
        return ACME_BROKEN;
    }
    r->account = (struct acme_account){.contact = r->snapshot->email};
    if (found == 1) {
        r->account.key_pem = row.key_pem;
        r->account.url = row.url;
    }
    struct acme_config config = {
        .directory = arena_cstr(&r->mem, directory),
        .ca_file = ca_file.n > 0 ? arena_cstr(&r->mem, ca_file) : NULL,
        .user_agent = "edge/" EDGE_VERSION,
        .mem = &r->mem,
        .hooks = &hooks,
        .context = r,
    };
    return acme_open(&r->acme, &config, &r->account, why);
}

/* A CA that cannot be reached is not waited for once per certificate: all of a run share the first one's experience. */
static enum acme_end need_acme(struct renewal *r, struct buf *why)
{
    if (!r->acme)
        r->opened = open_acme(r, &r->open_why);
    if (r->opened != ACME_DONE)
        (void)buf_add_str(why, buf_str(&r->open_why));
    return r->opened;
}

/* One certificate */

static void note_failure(struct renewal *r, struct plan_item *item, enum acme_end end, struct str why)
{
    struct attempt_row *a = &item->attempt;
    int64_t now = clock_wall();
    int64_t asked = r->acme ? acme_retry_after(r->acme) : 0;
    r->failed = true;
    a->names = item->key;
    a->failures++;
    a->last_try = now;
    a->next_try = now + plan_back_off(a->failures, rand_below(1000));
    if (a->next_try < now + asked)
        a->next_try = now + asked;
    a->last_error = why;
    (void)fprintf(stderr, "edge: %.*s: %.*s\n", STR_ARG(item->key), STR_ARG(why));
    if (attempt_row_save(r->store, a) < 0)
        (void)fprintf(stderr, "edge: database: %s\n", store_error(r->store));
    /* A refused order is dead (Let's Encrypt never revives it); any other one goes on next time. */
    if (end == ACME_REFUSED && r->order.id > 0)
        (void)order_row_drop(r->store, r->order.id);
}

/* The certificate, the end of the order and the success, all or nothing. */
static int keep_certificate(struct renewal *r, struct plan_item *item, struct str chain)
{
    struct x509_facts facts;
    struct cert_row row = {.names = item->key, .directory = r->snapshot->acme_directory, .chain_pem = chain};
    struct attempt_row success = {.names = item->key, .last_try = clock_wall()};
    if (!x509_read(&r->mem, chain, &facts))
        return -1;
    row.key_pem = r->order.key_pem;
    row.issuer = facts.issuer;
    row.serial = facts.serial;
    row.not_before = facts.not_before;
    row.not_after = facts.not_after;
    row.obtained = clock_wall();
    row.renew_at = plan_renewal(facts.not_before, facts.not_after);
    if (store_begin(r->store) < 0)
        return -1;
    if (cert_row_put(r->store, &row) < 0 || attempt_row_save(r->store, &success) < 0 ||
        order_row_drop(r->store, r->order.id) < 0) {
        store_rollback(r->store);
        return -1;
    }
    return store_commit(r->store);
}

static void tell_success(struct renewal *r, const struct plan_item *item)
{
    struct arena mem = {0};
    struct cert_row row;
    char until[32];
    if (cert_row_find(r->store, item->key, &mem, &row) == 1) {
        time_t t = (time_t)row.not_after;
        struct tm tm;
        (void)strftime(until, sizeof until, "%Y-%m-%d %H:%M UTC", gmtime_r(&t, &tm));
        (void)printf("%.*s: certificate of %.*s, good until %s\n", STR_ARG(item->key), STR_ARG(row.issuer),
                     until);
        (void)fflush(stdout);
    }
    arena_wipe(&mem);
}

static enum acme_end obtain(struct renewal *r, struct plan_item *item, struct buf *why)
{
    enum acme_end end = need_acme(r, why);
    if (end != ACME_DONE)
        return end;
    struct str directory = r->snapshot->acme_directory;
    r->order = (struct order_row){.created = clock_wall()};
    if (order_row_find(r->store, item->key, directory, &r->mem, &r->order) < 0) {
        (void)buf_printf(why, "database: %s", store_error(r->store));
        return ACME_BROKEN;
    }
    r->order.names = item->key;
    r->order.directory = directory;
    struct acme_order order = {
        .names = item->site->names,
        .n_names = item->site->n_names,
        .key_pem = r->order.key_pem,
        .url = r->order.url,
        .finalize_url = r->order.finalize_url,
        .certificate_url = r->order.certificate_url,
        .state = r->order.state,
    };
    end = acme_obtain(r->acme, &order, why);
    r->order.key_pem = order.key_pem;
    if (end == ACME_DONE && keep_certificate(r, item, order.chain_pem) < 0) {
        (void)buf_printf(why, "the certificate cannot be stored: %s", store_error(r->store));
        return ACME_BROKEN;
    }
    return end;
}

static void renew_one(struct renewal *r, struct plan_item *item)
{
    struct buf why = {0};
    r->order = (struct order_row){.names = item->key};
    enum acme_end end = obtain(r, item, &why);
    if (end == ACME_DONE)
        tell_success(r, item);
    else
        note_failure(r, item, end, buf_str(&why));
    buf_done(&why);
}

/* Which ones */

static bool site_has(const struct site *site, const char *host)
{
    for (size_t i = 0; i < site->n_names; i++)
        if (str_ieq(site->names[i], str_of(host)))
            return true;
    return false;
}

static bool is_asked_for(const struct renew_options *o, const struct site *site)
{
    for (size_t i = 0; i < o->n_hosts; i++)
        if (site_has(site, o->hosts[i]))
            return true;
    return o->n_hosts == 0;
}

/* Every host that was named must have a site with `tls auto`. */
static int check_hosts(const struct renewal *r)
{
    const struct renew_options *o = r->options;
    for (size_t i = 0; i < o->n_hosts; i++) {
        bool found = false;
        for (size_t n = 0; n < r->snapshot->n_sites && !found; n++)
            found = plan_wants_cert(&r->snapshot->sites[n]) && site_has(&r->snapshot->sites[n], o->hosts[i]);
        if (found)
            continue;
        (void)fprintf(stderr, "edge: %s: no site with `tls auto` has this name in %s\n", o->hosts[i],
                      o->config_file);
        return EXIT_CONFIG;
    }
    return EXIT_DONE;
}

static int renew_plan(struct renewal *r, const struct plan *plan)
{
    int64_t now = clock_wall();
    size_t tried = 0;
    for (size_t i = 0; i < plan->n; i++) {
        struct plan_item *item = &plan->items[i];
        if (!is_asked_for(r->options, item->site) || (!r->options->force && item->due > now))
            continue;
        tried++;
        renew_one(r, item);
    }
    if (tried == 0)
        (void)printf("nothing is due\n");
    return r->failed ? EXIT_FAILED : EXIT_DONE;
}

/* Opening */

static int read_configuration(struct renewal *r)
{
    struct buf text = {0}, errors = {0};
    if (read_file(r->options->config_file, READ_FILE_CONFIG, &text) < 0) {
        (void)fprintf(stderr, "edge: %s: %s\n", r->options->config_file, strerror(errno));
        return EXIT_CONFIG;
    }
    r->snapshot = config_parse(r->options->config_file, buf_str(&text), &errors);
    if (!r->snapshot)
        (void)fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&text);
    buf_done(&errors);
    if (!r->snapshot)
        return EXIT_CONFIG;
    r->dir = arena_cstr(&r->snapshot->mem, r->snapshot->data_dir);
    data_make(r->snapshot);
    return r->dir ? check_hosts(r) : EXIT_FAILED;
}

/* Nobody could answer the CA: who is in the way, and what to do. */
static void tell_no_answerer(const struct renewal *r)
{
    char text[PORT_OWNER_TEXT], at[ENDPOINT_TEXT];
    struct port_owner owner;
    (void)fprintf(stderr, "edge: no daemon is running, and no HTTP port can be opened to answer the CA\n");
    for (size_t i = 0; i < r->snapshot->n_listens; i++) {
        const struct listen *l = &r->snapshot->listens[i];
        if (l->tls)
            continue;
        port_owner_find(l->at, &owner);
        (void)fprintf(stderr, "edge: %s %s%s\n", endpoint_format(l->at, at),
                      owner.found ? "is in use by " : "cannot be opened by this user",
                      owner.found ? port_owner_text(&owner, NULL, text, sizeof text) : "");
    }
    (void)fprintf(
        stderr,
        "edge: start the daemon with `systemctl start edge` (or `edge serve -c %s`), or free the port\n",
        r->options->config_file);
}

/* A daemon holds its lock: it answers challenges. Without one we do, if the HTTP port is free. */
static int find_answerer(struct renewal *r)
{
    int fd = data_lock(r->dir, DATA_LOCK_DAEMON, DATA_LOCK_TRY);
    if (fd < 0 && errno == EWOULDBLOCK)
        return EXIT_DONE;
    if (fd >= 0)
        close(fd);
    r->answers = challenge_server_new(
        r->snapshot); /* binds while we may, and forks before the database is open */
    if (r->answers)
        return EXIT_DONE;
    tell_no_answerer(r);
    return EXIT_FAILED;
}

static int open_store(struct renewal *r)
{
    struct buf why = {0};
    r->store = data_open(r->snapshot, STORE_WRITE, &why);
    if (!r->store)
        (void)fprintf(stderr, "edge: %.*s\n", STR_ARG(buf_str(&why)));
    buf_done(&why);
    /* From here on it talks to the network. What the kernel lacks of this the daemon has told. */
    static const char *const everything[] = {"/", NULL};
    struct jail_openings openings = {.any_port = true, .directory = r->dir, .readable = everything};
    (void)jail_enter(JAIL_RENEW, &openings);
    return r->store ? EXIT_DONE : EXIT_FAILED;
}

/* Two runs do not meet: the second one waits, and finds what the first one left. */
static int take_turn(const struct renewal *r)
{
    if (data_lock(r->dir, DATA_LOCK_RENEW, DATA_LOCK_TRY) >= 0)
        return EXIT_DONE;
    if (errno == EWOULDBLOCK)
        (void)printf("another edge renew is at work; waiting for it\n");
    (void)fflush(stdout);
    if (data_lock(r->dir, DATA_LOCK_RENEW, DATA_LOCK_WAIT) >= 0)
        return EXIT_DONE;
    (void)fprintf(stderr, "edge: %s: cannot lock: %s\n", r->dir, strerror(errno));
    return EXIT_FAILED;
}

static int renew_all(struct renewal *r)
{
    struct arena mem = {0};
    struct plan plan;
    int status = EXIT_FAILED;
    if (plan_make(r->snapshot, r->store, &mem, clock_wall(), &plan) < 0)
        (void)fprintf(stderr, "edge: database: %s\n", store_error(r->store));
    else
        status = renew_plan(r, &plan);
    arena_wipe(&mem);
    return status;
}

int renew_main(const struct renew_options *options)
{
    struct renewal r = {.options = options};
    if (rand_init() < 0) {
        (void)fprintf(stderr, "edge: no random source\n");
        return EXIT_FAILED;
    }
    int status = read_configuration(&r);
    if (status == EXIT_DONE)
        status = take_turn(&r);
    if (status == EXIT_DONE)
        status = find_answerer(&r);
    if (status == EXIT_DONE)
        status = open_store(&r);
    if (status == EXIT_DONE)
        status = renew_all(&r);
    challenge_server_free(r.answers);
    acme_close(r.acme);
    buf_done(&r.open_why);
    store_close(r.store);
    arena_wipe(&r.mem);
    snapshot_free(r.snapshot);
    return status;
}
