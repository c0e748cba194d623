// link:
// libs: -lssl -lcrypto -lpthread
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A load generator that speaks s2s itself: `source` opens streams and writes numbered messages, `sink` plays the other
 * server, checks that every message came once, in order and whole, and measures the delay. One thread for each stream.
 *
 *   s2sload sink   --listen ADDR --port N --domain low.example --cert F --key F --ca F --count N [--streams N] [--seconds N]
 *                  [--size BYTES] [--direct-tls]
 *   s2sload source --connect ADDR --port N --from high.example --to low.example --cert F --key F --ca F --count N
 *                  [--streams N] [--size BYTES] [--rate PER_SECOND] [--bind ADDR] [--direct-tls]
 *                  [--open WORKERS] [--domains N] [--hold SECONDS]
 *   s2sload opens  as source: opens and closes streams for --seconds on --streams threads; [--resume]: with the session of the stream before
 *
 * With --rate a message carries the time at which it was due, not the time at which it got its turn, so a stall counts for all
 * that it delayed (no coordinated omission). The sink holds every byte of the text against what the source of that --size writes. With
 * --open so many workers open the streams side by side, one message goes over each, and all stand for --hold seconds. With --domains
 * stream i speaks for dK.FROM, K = i modulo N, so that each domain has an onward stream of its own. The last line is one JSON object. */
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *address, *from, *to, *cert, *key, *ca, *bind;
    int port, streams, seconds, open, domains, hold;
    long count, rate;
    size_t size;
    bool sink, direct, resume;
} opt = { .port = 5269, .streams = 1, .count = 10000, .size = 300, .seconds = 60 };

struct stream {
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* of the stream before, with --resume */
    char *in;
    size_t n, room;
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
    if (s->n >= s->room - 1)
        die("a stanza larger than the buffer");
    ssize_t k = s->ssl ? SSL_read(s->ssl, s->in + s->n, (int)(s->room - 1 - s->n)) : read(s->fd, s->in + s->n, s->room - 1 - s->n);
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

static struct stream *stream_new(int index)
{
    struct stream *s = calloc(1, sizeof *s);
    s->room = 65536 + opt.size;
    s->in = malloc(s->room);
    s->index = index;
    if (opt.domains)
        snprintf(s->from, sizeof s->from, "d%d.%s", index % opt.domains, opt.from);
    else
        snprintf(s->from, sizeof s->from, "%s", opt.from);
    return s;
}

static void stream_close(struct stream *s)
{
    SSL_free(s->ssl);
    s->ssl = NULL;
    close(s->fd);
    s->n = 0;
}

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
    if (!server && opt.direct)
        SSL_set_alpn_protos(s->ssl, (const unsigned char *)"\x0bxmpp-server", 12);
    if (s->session)
        SSL_set_session(s->ssl, s->session);
    if ((server ? SSL_accept(s->ssl) : SSL_connect(s->ssl)) != 1)
        die("TLS");
    s->n = 0;
}

static void negotiate_source(struct stream *s)
{
    if (!opt.direct) {
        header(s, s->from, opt.to);
        expect(s, "<starttls");
        puts_(s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        expect(s, "<proceed");
    }
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
    if (!opt.direct) {
        expect(s, "<stream:stream");
        header(s, s->from, opt.to);
        puts_(s, "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>");
        expect(s, "<starttls");
        puts_(s, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    }
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

/* ---- opening streams ---- */

#define OPENERS 8 /* unless --open says otherwise */
static struct stream **streams;
static int opened;

static void *opener(void *arg)
{
    size_t room = opt.size + 1024;
    char *b = malloc(room);
    for (int i; (i = __atomic_fetch_add(&opened, 1, __ATOMIC_RELAXED)) < opt.streams;) {
        struct stream *s = streams[i] = stream_new(i);
        s->fd = dial();
        negotiate_source(s);
        if (opt.open)
            put(s, b, message(b, room, s, 0, now()));
    }
    free(b);
    return arg;
}

static void open_all(void)
{
    int n = opt.open ? opt.open : OPENERS;
    pthread_t *t = calloc((size_t)n, sizeof *t);
    streams = calloc((size_t)opt.streams, sizeof *streams);
    for (int i = 0; i < n; i++)
        pthread_create(&t[i], NULL, opener, NULL);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    free(t);
}

/* One stream after the other, each to the end of its negotiation, then closed. */
static long resumed;
static void *open_again(void *arg)
{
    struct stream *s = arg;
    for (double end = now() + opt.seconds; now() < end; s->done++) {
        s->fd = dial();
        negotiate_source(s);
        if (SSL_session_reused(s->ssl))
            __atomic_add_fetch(&resumed, 1, __ATOMIC_RELAXED);
        if (opt.resume) {
            SSL_SESSION_free(s->session);
            s->session = SSL_get1_session(s->ssl);
        }
        puts_(s, "</stream:stream>");
        while (more(s))
            s->n = 0;
        (void)SSL_shutdown(s->ssl);
        stream_close(s);
    }
    return NULL;
}

static int run_opens(void)
{
    pthread_t *t = calloc((size_t)opt.streams, sizeof *t);
    struct stream **v = calloc((size_t)opt.streams, sizeof *v);
    double t0 = now();
    long n = 0;
    for (int i = 0; i < opt.streams; i++)
        pthread_create(&t[i], NULL, open_again, v[i] = stream_new(i));
    for (int i = 0; i < opt.streams; i++) {
        pthread_join(t[i], NULL);
        n += v[i]->done;
    }
    printf("{\"role\":\"opens\",\"opened\":%ld,\"resumed\":%ld,\"per_second\":%.1f}\n", n, resumed, (double)n / (now() - t0));
    fflush(stdout);
    _exit(0);
}

static void make_padding(void)
{
    padding = calloc(1, opt.size + 1);
    for (size_t i = 0; i < opt.size; i++)
        padding[i] = "lorem ipsum dolor sit amet "[i % 27];
}

static int run_source(void)
{
    pthread_t *t = calloc((size_t)opt.streams, sizeof *t);
    double t0 = now();
    open_all();
    struct stream **v = streams;
    double t1 = now();
    if (opt.open) {
        printf("{\"role\":\"source\",\"streams\":%d,\"setup_s\":%.4f}\n", opt.streams, t1 - t0);
        fflush(stdout);
        sleep((unsigned)opt.hold);
        _exit(0);
    }
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
            char *text = strstr(body, " text ");
            if (!text || text > end || (size_t)(end - text) != 6 + opt.size + 7 || memcmp(text + 6, padding, opt.size) != 0 ||
                memcmp(end - 7, "</body>", 7) != 0)
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
    (void)SSL_shutdown(s->ssl);
    stream_close(s);
    free(s->in);
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
        struct stream *s = stream_new(0);
        pthread_t t;
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
        { "direct-tls", 0, 0, 'D' }, { "resume", 0, 0, 'R' }, { "open", 1, 0, 'o' }, { "domains", 1, 0, 'd' }, { "hold", 1, 0, 'h' }, { 0 } };
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
        case 'D': opt.direct = true; break;
        case 'o': opt.open = atoi(optarg); break;
        case 'd': opt.domains = atoi(optarg); break;
        case 'R': opt.resume = true; break;
        case 'h': opt.hold = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (!opt.to)
        opt.to = "high.example";
    if (!opt.address || !opt.from || !opt.cert || !opt.key || !opt.ca || opt.streams < 1 || opt.count < 1 || opt.size > 1000000) {
        fprintf(stderr, "usage: the comment at the head of s2sload.c\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || (strcmp(argv[1], "sink") && strcmp(argv[1], "source") && strcmp(argv[1], "opens"))) {
        fprintf(stderr, "usage: s2sload sink|source|opens OPTIONS\n");
        return 2;
    }
    opt.sink = !strcmp(argv[1], "sink");
    options(argc - 1, argv + 1);
    signal(SIGPIPE, SIG_IGN);
    ctx = SSL_CTX_new(TLS_method());
    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 || SSL_CTX_use_PrivateKey_file(ctx, opt.key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1)
        die("certificate files");
    /* a real server asks for the peer's certificate; the name is not checked here, the gateway's own tests do that */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(ctx), X509_PURPOSE_ANY);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"s2sload", 7) != 1)
        die("session context");
    make_padding();
    return opt.sink ? run_sink() : !strcmp(argv[1], "opens") ? run_opens() : run_source();
}
