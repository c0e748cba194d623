/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each part is prepared twice: as PRECIS says (RFC 8264, 8265; domains UTS 46) and as stringprep said (RFC 3920, 3490).
 * Two readings of one address are an attack, so a difference refuses it. */
#include "jid_unicode.h"

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include "jid.h"
#include "log.h"

#define UNITS (JID_PART_MAX + 1) /* UTF-16 units never outnumber UTF-8 bytes; expansions past this are refused */

static struct {
    UStringPrepProfile *node, *resource;
    UIDNA *uts46;
    const UNormalizer2 *nfc, *nfkc;
} icu;

int jid_init(void)
{
    UErrorCode e = U_ZERO_ERROR;
    if (icu.node)
        return 0;
    icu.node = usprep_openByType(USPREP_RFC3920_NODEPREP, &e);
    icu.resource = usprep_openByType(USPREP_RFC3920_RESOURCEPREP, &e);
    icu.uts46 = uidna_openUTS46(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_CHECK_CONTEXTO |
                                    UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &e);
    icu.nfc = unorm2_getNFCInstance(&e);
    icu.nfkc = unorm2_getNFKCInstance(&e);
    if (U_FAILURE(e)) {
        log_error("ICU: %s; is libicu72 with its data installed?", u_errorName(e));
        jid_finish();
        return GW_ERR(UNSUPPORTED);
    }
    /* one non-ASCII address through everything: ICU reads no file later, behind the sandbox */
    struct jid warm;
    if (jid_prepare(STR("j\303\274rg@b\303\274cher.example/b\303\274ro"), &warm)) {
        log_error("ICU does not prepare a plain address; its data are damaged");
        jid_finish();
        return GW_ERR(UNSUPPORTED);
    }
    return 0;
}

void jid_finish(void)
{
    if (icu.node)
        usprep_close(icu.node);
    if (icu.resource)
        usprep_close(icu.resource);
    if (icu.uts46)
        uidna_close(icu.uts46);
    memset(&icu, 0, sizeof icu);
}

/* ---- UTF-8 and UTF-16 ---- */

static int to16(struct str s, UChar *out, int32_t *ret_n)
{
    UErrorCode e = U_ZERO_ERROR;
    u_strFromUTF8(out, UNITS, ret_n, s.p, (int32_t)s.n, &e);
    return U_SUCCESS(e) && *ret_n < UNITS ? 0 : GW_ERR(SYNTAX);
}

static int to8(const UChar *s, int32_t n, char *out, size_t *ret_n)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t len = 0;
    u_strToUTF8(out, JID_PART_MAX + 1, &len, s, n, &e);
    if (e == U_BUFFER_OVERFLOW_ERROR || len > JID_PART_MAX)
        return GW_ERR(LIMIT);
    if (U_FAILURE(e))
        return GW_ERR(SYNTAX);
    *ret_n = (size_t)len;
    return 0;
}

static int normal(const UNormalizer2 *form, const UChar *s, int32_t n, UChar *out, int32_t *ret_n)
{
    UErrorCode e = U_ZERO_ERROR;
    *ret_n = unorm2_normalize(form, s, n, out, UNITS, &e);
    return U_SUCCESS(e) ? 0 : GW_ERR(LIMIT);
}

/* ---- PRECIS string classes (RFC 8264 section 8) ---- */

static bool has_compat(UChar32 c)
{
    UChar in[2], out[32];
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = 0;
    U16_APPEND_UNSAFE(in, n, c);
    int32_t m = unorm2_normalize(icu.nfkc, in, n, out, 32, &e);
    return U_FAILURE(e) || m != n || u_memcmp(in, out, n) != 0;
}

static bool arabic_digit(UChar32 c) { return (c >= 0x660 && c <= 0x669) || (c >= 0x6F0 && c <= 0x6F9); }

/* RFC 5892 appendix A, category CONTEXTO: good where contexts_ok says so. The joiners (CONTEXTJ) are never: nobody sees them. */
static bool in_context(UChar32 c) { return c == 0xB7 || c == 0x375 || c == 0x5F3 || c == 0x5F4 || c == 0x30FB || arabic_digit(c); }

static bool exception_valid(UChar32 c) { return c == 0xDF || c == 0x3C2 || c == 0x6FD || c == 0x6FE || c == 0xF0B || c == 0x3007; }

static bool exception_disallowed(UChar32 c)
{
    return c == 0x640 || c == 0x7FA || c == 0x302E || c == 0x302F || (c >= 0x3031 && c <= 0x3035) || c == 0x303B;
}

static bool never_allowed(UChar32 c)
{
    int8_t t = u_charType(c);
    UHangulSyllableType h = (UHangulSyllableType)u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);
    return exception_disallowed(c) || t == U_UNASSIGNED || t == U_CONTROL_CHAR || t == U_SURROGATE ||
           t == U_PRIVATE_USE_CHAR || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
           u_hasBinaryProperty(c, UCHAR_NONCHARACTER_CODE_POINT) || h == U_HST_LEADING_JAMO || h == U_HST_VOWEL_JAMO ||
           h == U_HST_TRAILING_JAMO || t == U_FORMAT_CHAR || t == U_LINE_SEPARATOR || t == U_PARAGRAPH_SEPARATOR;
}

static bool of_script(UChar32 c, UScriptCode wanted)
{
    UErrorCode e = U_ZERO_ERROR;
    return uscript_getScript(c, &e) == wanted && U_SUCCESS(e);
}

/* RFC 5892 appendices A.3 to A.9: the middle dot between two l, the Greek numeral sign before Greek, geresh and gershayim behind Hebrew, the
 * Katakana middle dot where there is something Japanese, and Arabic-Indic digits of one kind. */
static bool contexts_ok(const UChar *s, int32_t n)
{
    bool arabic = false, extended = false, dot = false, japanese = false;
    for (int32_t i = 0; i < n;) {
        UChar32 c, before = 0, after = 0;
        int32_t back = i;
        U16_NEXT(s, i, n, c);
        if (back > 0)
            U16_PREV(s, 0, back, before);
        if (i < n)
            U16_GET(s, 0, i, n, after);
        arabic |= c >= 0x660 && c <= 0x669;
        extended |= c >= 0x6F0 && c <= 0x6F9;
        dot |= c == 0x30FB;
        japanese |= of_script(c, USCRIPT_HIRAGANA) || of_script(c, USCRIPT_KATAKANA) || of_script(c, USCRIPT_HAN);
        if ((c == 0xB7 && (before != 'l' || after != 'l')) || (c == 0x375 && !of_script(after, USCRIPT_GREEK)) ||
            ((c == 0x5F3 || c == 0x5F4) && !of_script(before, USCRIPT_HEBREW)))
            return false;
    }
    return !(arabic && extended) && (!dot || japanese);
}

static bool identifier_char(UChar32 c)
{
    if (c >= 0x21 && c <= 0x7E)
        return true;
    if (exception_valid(c) || in_context(c))
        return true;
    if (never_allowed(c) || has_compat(c))
        return false;
    int8_t t = u_charType(c);
    return t == U_LOWERCASE_LETTER || t == U_UPPERCASE_LETTER || t == U_OTHER_LETTER || t == U_DECIMAL_DIGIT_NUMBER ||
           t == U_MODIFIER_LETTER || t == U_NON_SPACING_MARK || t == U_COMBINING_SPACING_MARK;
}

static bool freeform_char(UChar32 c)
{
    if (c >= 0x20 && c <= 0x7E)
        return true;
    return exception_valid(c) || in_context(c) || !never_allowed(c);
}

static bool all_chars(const UChar *s, int32_t n, bool (*allowed)(UChar32))
{
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(s, i, n, c);
        if (!allowed(c))
            return false;
    }
    return true;
}

/* ---- the two readings ---- */

static int stringprep(UStringPrepProfile *profile, const UChar *s, int32_t n, UChar *out, int32_t *ret_n)
{
    UErrorCode e = U_ZERO_ERROR;
    /* characters younger than Unicode 3.2 pass unchanged: most of today's names in rooms hold one */
    *ret_n = usprep_prepare(profile, s, n, out, UNITS, USPREP_ALLOW_UNASSIGNED, NULL, &e);
    return U_SUCCESS(e) ? 0 : GW_ERR(SYNTAX);
}

/* RFC 8265 section 3.3 (UsernameCaseMapped): width, case, NFC. */
static int precis_local(const UChar *s, int32_t n, UChar *out, int32_t *ret_n)
{
    UChar wide[UNITS], lower[UNITS];
    UErrorCode e = U_ZERO_ERROR;
    int32_t m = 0;
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        UChar one[2], mapped[8];
        int32_t k = 0;
        U16_NEXT(s, i, n, c);
        U16_APPEND_UNSAFE(one, k, c);
        UEastAsianWidth w = (UEastAsianWidth)u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
        if (w == U_EA_FULLWIDTH || w == U_EA_HALFWIDTH) {
            k = unorm2_getRawDecomposition(icu.nfkc, c, mapped, 8, &e);
            if (k < 0) {
                mapped[0] = one[0];
                k = 1;
                if (c > 0xFFFF)
                    mapped[k++] = one[1];
            }
        } else {
            u_memcpy(mapped, one, k);
        }
        if (U_FAILURE(e) || m + k >= UNITS)
            return GW_ERR(LIMIT);
        u_memcpy(wide + m, mapped, k);
        m += k;
    }
    m = u_strToLower(lower, UNITS, wide, m, "", &e);
    if (U_FAILURE(e))
        return GW_ERR(LIMIT);
    int rc = normal(icu.nfc, lower, m, out, ret_n);
    if (!rc && (!all_chars(out, *ret_n, identifier_char) || !contexts_ok(out, *ret_n)))
        rc = GW_ERR(SYNTAX);
    return rc;
}

/* RFC 8265 section 4.2 (OpaqueString): other spaces become a space, NFC. */
static int precis_resource(const UChar *s, int32_t n, UChar *out, int32_t *ret_n)
{
    UChar spaced[UNITS];
    for (int32_t i = 0; i < n; i++)
        spaced[i] = u_charType(s[i]) == U_SPACE_SEPARATOR ? 0x20 : s[i];
    int rc = normal(icu.nfc, spaced, n, out, ret_n);
    if (!rc && (!all_chars(out, *ret_n, freeform_char) || !contexts_ok(out, *ret_n)))
        rc = GW_ERR(SYNTAX);
    return rc;
}

static int both(struct str raw, UStringPrepProfile *old, int (*precis)(const UChar *, int32_t, UChar *, int32_t *), char *out,
    size_t *ret_n)
{
    UChar in[UNITS], a[UNITS], b[UNITS];
    int32_t n, na, nb;
    if (!icu.node)
        return GW_ERR(UNSUPPORTED);
    int rc = to16(raw, in, &n);
    if (!rc)
        rc = precis(in, n, a, &na);
    if (!rc)
        rc = stringprep(old, in, n, b, &nb);
    if (rc)
        return rc;
    if (na != nb || u_memcmp(a, b, na) != 0)
        return GW_ERR(MISMATCH);
    return to8(a, na, out, ret_n);
}

int jid_unicode_local(struct str raw, char *out, size_t *ret_n) { return both(raw, icu.node, precis_local, out, ret_n); }

int jid_unicode_resource(struct str raw, char *out, size_t *ret_n)
{
    return both(raw, icu.resource, precis_resource, out, ret_n);
}

/* nameprep deletes them, IDNA2008 forbids them: two readings. */
static bool has_ignorable(const UChar *s, int32_t n)
{
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(s, i, n, c);
        if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
            return true;
    }
    return false;
}

/* The same A-labels by IDNA2003 and by UTS 46; the U-labels of the latter are written (RFC 7622 section 3.2). */
int jid_unicode_domain(struct str raw, char *out, size_t *ret_n)
{
    UChar in[UNITS], u[UNITS], a[UNITS], old[UNITS];
    int32_t n;
    UErrorCode e = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    if (!icu.uts46)
        return GW_ERR(UNSUPPORTED);
    int rc = to16(raw, in, &n);
    if (!rc && has_ignorable(in, n))
        rc = GW_ERR(SYNTAX);
    if (rc)
        return rc;
    int32_t nu = uidna_nameToUnicode(icu.uts46, in, n, u, UNITS, &info, &e);
    if (U_FAILURE(e) || info.errors)
        return GW_ERR(SYNTAX);
    int32_t na = uidna_nameToASCII(icu.uts46, u, nu, a, UNITS, &info, &e);
    if (U_FAILURE(e) || info.errors)
        return GW_ERR(SYNTAX);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* IDNA2003 is asked on purpose: it is the other reading */
    int32_t no = uidna_IDNToASCII(in, n, old, UNITS, UIDNA_USE_STD3_RULES | UIDNA_ALLOW_UNASSIGNED, NULL, &e);
#pragma GCC diagnostic pop
    if (U_FAILURE(e))
        return GW_ERR(SYNTAX);
    for (int32_t i = 0; i < no; i++)
        if (old[i] >= 'A' && old[i] <= 'Z')
            old[i] = (UChar)(old[i] + 32);
    if (na != no || u_memcmp(a, old, na) != 0)
        return GW_ERR(MISMATCH);
    return to8(u, nu, out, ret_n);
}
