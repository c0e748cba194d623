/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate status --watch`: the text on a screen of its own, new every two seconds. Plain ANSI; what is too wide is cut, what is too long
 * scrolls; the terminal is given back as it was, however it ends. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "status.h"
#include "verbs.h"

#define EVERY_MS 2000

static volatile sig_atomic_t over, resized;

static void on_signal(int sig)
{
    if (sig == SIGWINCH)
        resized = 1;
    else
        over = 1;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct screen { json_t *now, *before; int64_t at, before_at; size_t top, lines; const char *trouble; };

static void fetch(struct screen *s, const struct gw_conf *c)
{
    json_t *root = NULL;
    s->trouble = status_fetch(c, NULL, &root) == CTL_YES ? NULL : "no gateway answers; this is what was known last";
    if (s->trouble) {
        json_decref(root);
        return;
    }
    json_decref(s->before);
    s->before = s->now;
    s->before_at = s->at;
    s->now = root;
    s->at = now_ms();
}

/* One line, cut to the width. Bytes that continue a character of UTF-8 take no column. */
static void put_line(const char *p, size_t n, unsigned width)
{
    unsigned column = 0;
    for (size_t i = 0; i < n; i++) {
        column += ((unsigned char)p[i] & 0xc0) != 0x80;
        if (column > width)
            break;
        putchar(p[i]);
    }
    fputs("\033[K\n", stdout);
}

static void draw(struct screen *s)
{
    struct winsize w = { .ws_row = 24, .ws_col = 80 };
    char *text = NULL;
    size_t n = 0, line = 0;
    if (ioctl(1, TIOCGWINSZ, &w) != 0 || w.ws_row < 3 || w.ws_col < 10)
        w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    if (s->now)
        status_text(f, s->now, s->before, (double)(s->at - s->before_at) / 1000, false);
    fclose(f);
    s->lines = 0;
    for (size_t i = 0; i < n; i++)
        s->lines += text[i] == '\n';
    size_t rows = w.ws_row - 1u, last = s->lines > rows ? s->lines - rows : 0;
    s->top = s->top > last ? last : s->top;
    fputs("\033[H", stdout);
    for (char *p = text, *end; p && *p && line < s->top + rows; p = end + 1, line++) {
        end = strchr(p, '\n');
        if (!end)
            break;
        if (line >= s->top)
            put_line(p, (size_t)(end - p), w.ws_col);
    }
    for (size_t shown = line - s->top; line >= s->top && shown < rows; shown++)
        fputs("\033[K\n", stdout);
    char foot[200];
    snprintf(foot, sizeof foot, "\033[7m%.*s\033[0m\033[K", (int)w.ws_col, s->trouble ? s->trouble : last ? "q ends  arrows, space: more below" : "q ends");
    fputs(foot, stdout);
    fflush(stdout);
    free(text);
}

/* A key, or an arrow as its last letter with the high bit. False: end. */
static bool keys(struct screen *s)
{
    char b[32];
    ssize_t n = read(0, b, sizeof b);
    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++) {
        bool arrow = b[i] == 27 && i + 2 < n && b[i + 1] == '[';
        char key = arrow ? b[i + 2] : b[i];
        if (!arrow && (key == 'q' || key == 'Q' || key == 3 || key == 4))
            return false;
        if (key == (arrow ? 'B' : 'j'))
            s->top++;
        else if (key == (arrow ? 'A' : 'k'))
            s->top -= s->top > 0;
        else if (!arrow && key == ' ')
            s->top += 10;
        else if (!arrow && key == 'b')
            s->top -= s->top > 10 ? 10 : s->top;
        i += arrow ? 2 : 0;
    }
    return true;
}

static void loop(struct screen *s, const struct gw_conf *c)
{
    int64_t due = 0;
    while (!over) {
        if (now_ms() >= due) {
            fetch(s, c);
            due = now_ms() + EVERY_MS;
        }
        resized = 0;
        draw(s);
        struct pollfd p = { .fd = 0, .events = POLLIN };
        int64_t wait = due - now_ms();
        if (!resized && poll(&p, 1, wait > 0 ? (int)wait : 0) > 0 && !keys(s))
            return;
    }
}

int status_watch(const struct gw_conf *c)
{
    struct termios was, raw;
    struct screen s = { 0 };
    struct sigaction a = { .sa_handler = on_signal };
    if (!isatty(1) || tcgetattr(0, &was) != 0)
        return fputs("lockgate status: --watch needs a terminal; --json is for programs\n", stderr), CTL_USAGE;
    int status = status_fetch(c, stderr, &s.now);
    if (status != CTL_YES) {
        json_decref(s.now);
        return status;
    }
    s.at = now_ms();
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &a, NULL);
    raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(0, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l", stdout);
    loop(&s, c);
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(0, TCSANOW, &was);
    json_decref(s.now);
    json_decref(s.before);
    return CTL_YES;
}
