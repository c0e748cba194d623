// link:
// libs: -lssl -lcrypto -lpthread
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A load generator that speaks s2s itself: `source` opens streams and writes numbered messages, `sink` plays the other
 * server, checks that every message came once, in order and whole, and measures the delay. One thread for each stream.
 *
 *   s2sload sink   --listen ADDR --port N --domain low.example --cert F --key F --ca F --count N [--streams N] [--seconds N]
 *   s2sload source --connect ADDR --port N --from high.example --to low.example --cert F --key F --ca F --count N
 *                  [--streams N] [--size BYTES] [--rate PER_SECOND] [--bind ADDR]
 *                  [--open WORKERS [--domains N] [--hold SECONDS]]
 *
 * With --open so many workers open the streams side by side, one message goes over each, and all stand for --hold seconds. With
 * --domains stream i speaks for dK.FROM, K = i modulo N, so that each domain has an onward stream of its own.
 *
 * With --rate a message carries the time at which it was due, not the time at which it got its turn, so a stall counts for all
 * that it delayed (no coordinated omission). The last line is one JSON object. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *address, *from, *to, *cert, *key, *ca, *bind;
    int port, streams, seconds, open, domains, hold;
    long count, rate;
    size_t size;
    bool sink;
} opt = { .port = 5269, .streams = 1, .count = 10000, .size = 300, .seconds = 60 };

struct stream {
    int fd;
    SSL *ssl;
    char in[1 << 17];
    size_t n;
    int index;
    char from[300]; /* the domain that it speaks for; a sink's: its own */
    long first; /* the number of its first message */
    long done;
};

static SSL_CTX *ctx;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "s2sload %s: %s: %s\n", opt.sink ? "sink" : "source", what, errno ? strerror(errno) : "");
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* ---- bytes ---- */

static void put(struct stream *s, const char *p, size_t n)
{
    while (n) {
        ssize_t k = s->ssl ? SSL_write(s->ssl, p, (int)n) : write(s->fd, p, n);
        if (k <= 0)
            die("write");
        p += k;
        n -= (size_t)k;
    }
}

static void puts_(struct stream *s, const char *z) { put(s, z, strlen(z)); }

/* Reads more; false at the end. */
static bool more(struct stream *s)
{
    if (s->n >= sizeof s->in - 1)
        die("a stanza larger than the buffer");
    ssize_t k = s->ssl ? SSL_read(s->ssl, s->in + s->n, (int)(sizeof s->in - 1 - s->n)) : read(s->fd, s->in + s->n, sizeof s->in - 1 - s->n);
    if (k <= 0)
        return false;
    s->n += (size_t)k;
    s->in[s->n] = 0;
    return true;
}

static void drop(struct stream *s, size_t n)
{
    memmove(s->in, s->in + n, s->n - n + 1);
    s->n -= n;
}

/* Waits for text, and takes everything up to the '>' that ends its tag. */
static void expect(struct stream *s, const char *text)
{
    char *p, *end;
    s->in[s->n] = 0;
    while (!(p = strstr(s->in, text)) || !(end = strchr(p, '>'))) {
        char *error = strstr(s->in, "<stream:error");
        if (error || strstr(s->in, "<failure"))
            fprintf(stderr, "s2sload: peer says: %s\n", s->in);
        if (error || !more(s)) {
            errno = 0;
            die(text);
        }
    }
    drop(s, (size_t)(end + 1 - s->in));
}

/* ---- streams ---- */

static void header(struct stream *s, const char *from, const char *to)
{
    char b[1024];
    snprintf(b, sizeof b, "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
                          "from='%s' to='%s' version='1.0'%s>", from, to, opt.sink ? " id='s2sload'" : "");
    puts_(s, b);
}

static void tls(struct stream *s, bool server, const char *name)
{
    s->ssl = SSL_new(ctx);
    SSL_set_fd(s->ssl, s->fd);
    if (!server)
        SSL_set_tlsext_host_name(s->ssl, name);
    if ((server ? SSL_accept(s->ssl) : SSL_connect(s->ssl)) != 1)
        die("TLS");
    s->n = 0;
}

static void negotiate_source(struct stream *s)
{
    header(s, s->from, opt.to);
    expect(s, "<starttls");
    puts_(s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    expect(s, "<proceed");
    tls(s, false, opt.to);
    header(s, s->from, opt.to);
    expect(s, "EXTERNAL");
    expect(s, "</stream:features");
    puts_(s, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    expect(s, "<success");
    s->n = 0;
    header(s, s->from, opt.to);
    expect(s, "<stream:stream");
}

static void negotiate_sink(struct stream *s)
{
    expect(s, "<stream:stream");
    header(s, s->from, opt.to);
    puts_(s, "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>");
    expect(s, "<starttls");
    puts_(s, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    tls(s, true, NULL);
    expect(s, "<stream:stream");
    header(s, s->from, opt.to);
    puts_(s, "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
             "</stream:features>");
    expect(s, "<auth");
    puts_(s, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    expect(s, "<stream:stream");
    header(s, s->from, opt.to);
    puts_(s, "<stream:features/>");
}

/* ---- source ---- */

static char *padding;

static size_t message(char *b, size_t size, const struct stream *s, long number, double due)
{
    int n = snprintf(b, size, "<message from='load%d@%s/a' to='sink@%s' type='chat' id='m%ld'><body>L stream %d message %ld due %.6f text %s</body></message>",
        s->index, s->from, opt.to, number, s->index, number, due, padding);
    return (size_t)n;
}

static void *source(void *arg)
{
    struct stream *s = arg;
    enum { BATCH = 16384 };
    size_t room = BATCH + opt.size + 1024;
    char *b = malloc(room);
    long total = opt.count / opt.streams, sent = 0;
    double begin = now(), gap = opt.rate ? (double)opt.streams / (double)opt.rate : 0;
    while (sent < total) {
        size_t n = 0;
        double t = now();
        while (sent < total && n < BATCH && (!gap || begin + gap * (double)sent <= t)) {
            n += message(b + n, room - n, s, sent, gap ? begin + gap * (double)sent : t);
            sent++;
        }
        if (n) {
            put(s, b, n);
        } else {
            struct timespec nap = { 0, 50000 };
            nanosleep(&nap, NULL);
        }
    }
    s->done = sent;
    free(b);
    return NULL;
}

static int dial(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (opt.bind) {
        struct sockaddr_in own = { .sin_family = AF_INET };
        inet_pton(AF_INET, opt.bind, &own.sin_addr);
        if (bind(fd, (void *)&own, sizeof own))
            die(opt.bind);
    }
    if (inet_pton(AF_INET, opt.address, &a.sin_addr) != 1 || connect(fd, (void *)&a, sizeof a))
        die(opt.address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* ---- many streams that stand ---- */

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int opened;
static struct stream *make_stream(int i)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        die("memory");
    s->index = i;
    if (opt.domains)
        snprintf(s->from, sizeof s->from, "d%d.%s", i % opt.domains, opt.from);
    else
        snprintf(s->from, sizeof s->from, "%s", opt.from);
    return s;
}

static void *opener(void *arg)
{
    size_t room = opt.size + 1024;
    char *b = malloc(room);
    for (;;) {
        pthread_mutex_lock(&turn);
        int i = opened < opt.streams ? opened++ : -1;
        pthread_mutex_unlock(&turn);
        if (i < 0)
            break;
        struct stream *s = make_stream(i);
        s->fd = dial();
        negotiate_source(s);
        put(s, b, message(b, room, s, 0, now()));
    }
    free(b);
    return arg;
}

static int open_many(void)
{
    pthread_t *t = calloc((size_t)opt.open, sizeof *t);
    double t0 = now();
    for (int i = 0; i < opt.open; i++)
        pthread_create(&t[i], NULL, opener, NULL);
    for (int i = 0; i < opt.open; i++)
        pthread_join(t[i], NULL);
    printf("{\"role\":\"source\",\"streams\":%d,\"setup_s\":%.4f}\n", opt.streams, now() - t0);
    fflush(stdout);
    sleep((unsigned)opt.hold);
    return 0;
}

static int run_source(void)
{
    struct stream **v = calloc((size_t)opt.streams, sizeof *v);
    pthread_t *t = calloc((size_t)opt.streams, sizeof *t);
    padding = calloc(1, opt.size + 1);
    for (size_t i = 0; i < opt.size; i++)
        padding[i] = "lorem ipsum dolor sit amet "[i % 27];
    if (opt.open)
        return open_many();
    double t0 = now();
    for (int i = 0; i < opt.streams; i++) {
        v[i] = make_stream(i);
        v[i]->fd = dial();
        negotiate_source(v[i]);
    }
    double t1 = now();
    for (int i = 0; i < opt.streams; i++)
        pthread_create(&t[i], NULL, source, v[i]);
    long sent = 0;
    for (int i = 0; i < opt.streams; i++) {
        pthread_join(t[i], NULL);
        sent += v[i]->done;
    }
    double t2 = now();
    printf("{\"role\":\"source\",\"streams\":%d,\"setup_s\":%.4f,\"sent\":%ld,\"send_s\":%.4f}\n", opt.streams, t1 - t0, sent, t2 - t1);
    fflush(stdout);
    /* leave the streams open until the sink had its time: an orderly close ends them */
    for (int i = 0; i < opt.streams; i++) {
        puts_(v[i], "</stream:stream>");
        while (more(v[i]))
            v[i]->n = 0;
    }
    return 0;
}

/* ---- sink ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long received, disorder, damaged;
static long next_of[65536]; /* by the source's stream index */
static float *delays;
static double first_at, last_at;

/* Takes all whole messages in the buffer. */
static void take(struct stream *s)
{
    char *p = s->in, *body;
    double t = now();
    s->in[s->n] = 0;
    while ((body = strstr(p, "<body>L stream "))) {
        char *end = strstr(body, "</message>");
        int index;
        long number;
        double due;
        if (!end)
            break;
        if (sscanf(body + 6, "L stream %d message %ld due %lf", &index, &number, &due) != 3 || index < 0 || index > 65535) {
            damaged++;
        } else {
            char *close = strstr(body, "</body>");
            if (!close || close > end)
                damaged++;
            if (next_of[index] != number)
                disorder++;
            next_of[index] = number + 1;
            if (received < opt.count)
                delays[received] = (float)((t - due) * 1e3);
            received++;
        }
        p = end + 10;
    }
    last_at = t;
    drop(s, (size_t)(p - s->in));
}

static void *sink(void *arg)
{
    struct stream *s = arg;
    negotiate_sink(s);
    while (more(s)) {
        pthread_mutex_lock(&lock);
        if (!received)
            first_at = now();
        take(s);
        pthread_mutex_unlock(&lock);
        if (strstr(s->in, "</stream:stream>")) {
            puts_(s, "</stream:stream>");
            break;
        }
    }
    SSL_shutdown(s->ssl);
    close(s->fd);
    SSL_free(s->ssl);
    free(s);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void *acceptor(void *arg)
{
    int l = *(int *)arg, one = 1;
    for (;;) {
        struct stream *s = calloc(1, sizeof *s);
        pthread_t t;
        snprintf(s->from, sizeof s->from, "%s", opt.from);
        s->fd = accept(l, NULL, NULL);
        if (s->fd < 0)
            die("accept");
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_create(&t, NULL, sink, s);
        pthread_detach(t);
    }
    return NULL;
}

static int run_sink(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    pthread_t t;
    delays = calloc((size_t)opt.count, sizeof *delays);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (inet_pton(AF_INET, opt.address, &a.sin_addr) != 1 || bind(l, (void *)&a, sizeof a) || listen(l, 4096))
        die(opt.address);
    printf("ready\n");
    fflush(stdout);
    pthread_create(&t, NULL, acceptor, &l);
    long had = -1;
    double quiet = now();
    for (;;) {
        struct timespec nap = { 0, 20000000 };
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&lock);
        long r = received;
        pthread_mutex_unlock(&lock);
        if (r != had) {
            had = r;
            quiet = now();
        }
        if (r >= opt.count / opt.streams * opt.streams || now() - quiet > opt.seconds)
            break;
    }
    pthread_mutex_lock(&lock);
    long n = received < opt.count ? received : opt.count;
    double took = last_at - first_at;
    qsort(delays, (size_t)n, sizeof *delays, by_value);
#define AT(q) (n ? delays[(size_t)((double)(n - 1) * (q))] : 0)
    printf("{\"role\":\"sink\",\"received\":%ld,\"expected\":%ld,\"disorder\":%ld,\"damaged\":%ld,\"seconds\":%.4f,\"per_second\":%.0f,"
           "\"p50_ms\":%.4f,\"p95_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n",
        received, opt.count / opt.streams * opt.streams, disorder, damaged, took, took > 0 ? (double)received / took : 0, (double)AT(0.5),
        (double)AT(0.95), (double)AT(0.99), (double)AT(1.0));
    fflush(stdout);
    _exit(received == opt.count / opt.streams * opt.streams && !disorder && !damaged ? 0 : 1);
}

static void options(int argc, char **argv)
{
    static const struct option v[] = { { "listen", 1, 0, 'l' }, { "connect", 1, 0, 'l' }, { "port", 1, 0, 'p' }, { "domain", 1, 0, 'f' },
        { "from", 1, 0, 'f' }, { "to", 1, 0, 't' }, { "cert", 1, 0, 'c' }, { "key", 1, 0, 'k' }, { "ca", 1, 0, 'a' }, { "count", 1, 0, 'n' },
        { "streams", 1, 0, 's' }, { "size", 1, 0, 'z' }, { "rate", 1, 0, 'r' }, { "seconds", 1, 0, 'S' }, { "bind", 1, 0, 'b' },
        { "open", 1, 0, 'o' }, { "domains", 1, 0, 'd' }, { "hold", 1, 0, 'h' }, { 0 } };
    for (int o; (o = getopt_long(argc, argv, "", v, NULL)) != -1;) {
        switch (o) {
        case 'l': opt.address = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'f': opt.from = optarg; break;
        case 't': opt.to = optarg; break;
        case 'c': opt.cert = optarg; break;
        case 'k': opt.key = optarg; break;
        case 'a': opt.ca = optarg; break;
        case 'n': opt.count = atol(optarg); break;
        case 's': opt.streams = atoi(optarg); break;
        case 'z': opt.size = (size_t)atol(optarg); break;
        case 'r': opt.rate = atol(optarg); break;
        case 'S': opt.seconds = atoi(optarg); break;
        case 'b': opt.bind = optarg; break;
        case 'o': opt.open = atoi(optarg); break;
        case 'd': opt.domains = atoi(optarg); break;
        case 'h': opt.hold = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (!opt.to)
        opt.to = "high.example";
    if (!opt.address || !opt.from || !opt.cert || !opt.key || !opt.ca || opt.streams < 1 || opt.count < 1 || opt.size > 60000) {
        fprintf(stderr, "usage: the comment at the head of s2sload.c\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || (strcmp(argv[1], "sink") && strcmp(argv[1], "source"))) {
        fprintf(stderr, "usage: s2sload sink|source OPTIONS\n");
        return 2;
    }
    opt.sink = !strcmp(argv[1], "sink");
    options(argc - 1, argv + 1);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = { 0, 0 };
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    ctx = SSL_CTX_new(TLS_method());
    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 || SSL_CTX_use_PrivateKey_file(ctx, opt.key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1)
        die("certificate files");
    /* a real server asks for the peer's certificate; the name is not checked here, the gateway's own tests do that */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(ctx), X509_PURPOSE_ANY);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    return opt.sink ? run_sink() : run_source();
}
