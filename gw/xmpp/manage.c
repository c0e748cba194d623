/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stream management, receiving (XEP-0198): acknowledgements, no resumption. What `h` counts is the caller's matter. */
#include <stdio.h>

#include "table.h"

enum xs_input manage_classify(const struct xs *s)
{
    return s->managed != MANAGED_NOT && str_eq(s->el.part[0].ns, STR(NS_SM)) ? IN_MANAGE : IN_OTHER;
}

#define REFUSED_MAX 8

static int write_failed(struct xs *s, const char *condition)
{
    struct xw w;
    if (++s->unmanaged > REFUSED_MAX)
        return xs_refuse(s, "policy-violation", GW_R_STREAM_LIMIT, "too many requests for stream management", NULL);
    xw_begin(&w, &s->out);
    xw_raw(&w, "<failed xmlns='" NS_SM "'><");
    xw_raw(&w, condition);
    xw_raw(&w, " xmlns='" NS_STANZA_ERRORS "'/></failed>");
    return xw_end(&w);
}

static int enable(struct xs *s, struct xs_event *ev)
{
    struct xw w;
    if (s->managed == MANAGED_ON)
        return write_failed(s, "unexpected-request");
    s->managed = MANAGED_ON;
    ev->type = XS_MANAGED;
    xw_begin(&w, &s->out);
    xw_raw(&w, "<enabled xmlns='" NS_SM "'/>");
    return xw_end(&w);
}

/* Nothing that could be acknowledged is ever written on a stream that the peer opened. */
static int acknowledged(struct xs *s)
{
    if (str_eq(s->el.h, STR("0")))
        return 0;
    return xs_refuse(s, "undefined-condition", GW_R_STREAM_PROTOCOL, "more stanzas acknowledged than were sent", "handled-count-too-high");
}

int act_manage(struct xs *s, struct xs_event *ev)
{
    const struct nonza *z = &s->el;
    bool on = s->managed == MANAGED_ON;
    if (nonza_is(z, 0, NS_SM, "enable"))
        return enable(s, ev);
    if (nonza_is(z, 0, NS_SM, "resume"))
        return write_failed(s, "feature-not-implemented");
    if (on && nonza_is(z, 0, NS_SM, "a"))
        return acknowledged(s);
    if (!on || !nonza_is(z, 0, NS_SM, "r"))
        return xs_refuse(s, "unsupported-stanza-type", GW_R_STREAM_PROTOCOL, "an element that is neither stanza nor known", NULL);
    ev->type = XS_HANDLED;
    return 0;
}

int xs_handled(struct xs *s, uint32_t h)
{
    char number[16];
    struct xw w;
    if (s->managed != MANAGED_ON || s->state != ST_READY)
        return 0;
    snprintf(number, sizeof number, "%u", (unsigned)h);
    xw_begin(&w, &s->out);
    xw_raw(&w, "<a xmlns='" NS_SM "' h='");
    xw_raw(&w, number);
    xw_raw(&w, "'/>");
    return xw_end(&w);
}
