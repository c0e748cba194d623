// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The file of compiled patterns: made, used, and never believed when it is damaged, others may write it, or patterns have changed. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "content_help.h"

static char path[400];

/* "x" fires on the text with whatever the file holds now. */
static bool finds(const char *dir, const char *text)
{
    struct content *c = NULL;
    struct conf_errors e;
    struct arena a;
    struct scan_segment s = { .group = 1, .attr = UINT32_MAX, .text = str_c(text) };
    struct scan_request r = { .segments = &s, .n_segments = 1 };
    struct scan_result result = { .n_matches = 0 };
    conf_errors_init(&e);
    arena_init(&a, 1u << 20);
    bool good = content_load_cached(dir, path, &c, &e) == 0 && content_scan(c, &r, &a, &result) == 0 && result.n_matches == 1;
    content_free(c);
    conf_errors_clear(&e);
    arena_clear(&a);
    return good;
}

static void put_rules(const char *dir, const char *prefix)
{
    char text[400];
    snprintf(text, sizeof text, "detectors = ( { id = \"x\"; about = \"x\"; patterns = [ \"%s[0-9]{3}\" ]; words = [ \"top secret\" ]; } );\n", prefix);
    scratch_put(dir, "dlp/a.conf", text);
}

static ino_t made(void)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 ? st.st_ino : 0;
}

/* Who finds another at work waits for what that one writes. */
static void together(const char *dir)
{
    char aside[420], lock[420];
    int status = 0;
    snprintf(aside, sizeof aside, "%s.aside", path);
    snprintf(lock, sizeof lock, "%s.lock", path);
    ino_t now = made();
    int fd = open(lock, O_RDWR | O_CLOEXEC);
    bool ready = fd >= 0 && flock(fd, LOCK_EX) == 0 && rename(path, aside) == 0;
    pid_t other = ready ? fork() : -1;
    if (other == 0)
        _exit(!close(fd) && finds(dir, "see cd123") ? 0 : 1);
    usleep(100000);
    ready = ready && access(path, F_OK) != 0 && rename(aside, path) == 0;
    close(fd);
    ok(ready && other > 0 && waitpid(other, &status, 0) == other && status == 0 && made() == now, "another is making it: its result is waited for and used");
}

int main(void)
{
    char *dir = scratch_rules();
    snprintf(path, sizeof path, "%s/patterns", dir);
    put_rules(dir, "ab");
    ok(finds(dir, "see ab123") && made(), "the file is made, for its owner alone");
    ino_t first = made();
    ok(finds(dir, "see ab123") && finds(dir, "TOP SECRET") && made() == first, "and used as it is");
    put_rules(dir, "cd");
    ok(finds(dir, "see cd123") && made() != first, "other patterns: made anew");
    ino_t second = made();
    FILE *f = fopen(path, "r+");
    ok(f && fseek(f, 200, SEEK_SET) == 0 && fputs("damage", f) >= 0 && fclose(f) == 0 && finds(dir, "see cd123") && made() != second, "damaged: made anew");
    ino_t third = made();
    ok(chmod(path, 0666) == 0 && finds(dir, "see cd123") && made() && made() != third, "others may write it: made anew");
    ok(truncate(path, 10) == 0 && finds(dir, "see cd123"), "cut off: no matter");
    together(dir);
    snprintf(path, sizeof path, "%s/nowhere/patterns", dir);
    ok(finds(dir, "see cd123"), "cannot be written: no matter");
    scratch_remove(dir);
    return done_testing();
}
