/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which time a journal is about: said where a search found nothing, so that "nobody was refused yesterday" is not read out of a copy that was
 * made the day before. */
#include "log_search.h"

/* Times of the first and the last record of a segment; false: there is none in it. */
static bool segment_times(const struct log_search *s, size_t i, uint64_t *ret_first, uint64_t *ret_last)
{
    struct led_lines l;
    struct led_head h;
    struct str line;
    bool some = false;
    int got;

    if (led_lines_open(&l, s->dir.fd, s->dir.v[i].name) < 0)
        return false;
    while ((got = led_lines_next(&l, &line)) != 0 && got != GW_ERR(SYS))
        if (got == 1 && led_head_read(line, &h) == 0) {
            if (!some)
                *ret_first = h.time_us;
            *ret_last = h.time_us;
            some = true;
        }
    led_lines_close(&l);
    return some;
}

void log_say_nothing(const struct log_search *s)
{
    uint64_t first, last, other;
    char from[LED_TIME_TEXT], to[LED_TIME_TEXT];
    size_t newest = s->dir.n;

    while (newest > 0 && !segment_times(s, newest - 1, &first, &last))
        newest--;
    if (newest == 0) {
        fprintf(stderr, "lockgate log: nothing fits; there is no record in %s\n", s->folder);
        return;
    }
    if (newest > 1)
        (void)!segment_times(s, 0, &first, &other);
    led_time_text(first, from);
    led_time_text(last, to);
    from[10] = to[10] = ' ';
    fprintf(stderr, "lockgate log: nothing fits; the records in %s are of %.19s to %.19s UTC\n", s->folder, from, to);
}
