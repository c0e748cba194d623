/* SPDX-License-Identifier: GPL-3.0-or-later
 * The vendor's module: loaded by name, logged in to, asked (PKCS#11 version 2.40). Nothing that it returns is believed: lengths are
 * checked here, signatures by who asked for them. */
#define CRYPTOKI_GNU 1
#include <dlfcn.h>
#include <p11-kit-1/p11-kit/pkcs11.h>
#include <stdlib.h>
#include <sys/time.h>

#include "log.h"
#include "pkcs11_uri.h"
#include "token.h"

#define SLOTS_MAX 64
#define SIGN_SECONDS 3

struct module {
    void *library;
    struct ck_function_list *f;
    ck_session_handle_t session;
    bool initialized;
};

static const char *rv_text(ck_rv_t rv)
{
    static char number[32];
    switch (rv) {
    case CKR_PIN_INCORRECT: return "the PIN is wrong";
    case CKR_PIN_LEN_RANGE: return "the PIN is too short or too long";
    case CKR_PIN_LOCKED: return "the PIN is locked";
    case CKR_USER_PIN_NOT_INITIALIZED: return "the token has no user PIN yet";
    case CKR_TOKEN_NOT_PRESENT: return "no token is there";
    case CKR_DEVICE_REMOVED: return "the token was removed";
    case CKR_DEVICE_ERROR: return "the device failed";
    case CKR_USER_NOT_LOGGED_IN: return "nobody is logged in";
    case CKR_MECHANISM_INVALID: return "the token does not sign in this way";
    case CKR_KEY_FUNCTION_NOT_PERMITTED: return "the key may not sign (CKA_SIGN)";
    default: snprintf(number, sizeof number, "error 0x%lx", (unsigned long)rv); return number;
    }
}

static bool label_is(const unsigned char label[32], const char *name)
{
    char padded[33];
    snprintf(padded, sizeof padded, "%-32s", name);
    return memcmp(label, padded, 32) == 0;
}

static int find_slot(struct module *m, const char *token, ck_slot_id_t *ret)
{
    ck_slot_id_t slots[SLOTS_MAX];
    unsigned long n = SLOTS_MAX, found = 0;
    ck_rv_t rv = m->f->C_GetSlotList(1, slots, &n);

    for (unsigned long i = 0; rv == CKR_OK && i < n && n <= SLOTS_MAX; i++) {
        struct ck_token_info info;
        if (m->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && label_is(info.label, token)) {
            *ret = slots[i];
            found++;
        }
    }
    if (found == 1)
        return 0;
    if (rv != CKR_OK)
        log_error("the token \"%s\" cannot be looked for: %s", token, rv_text(rv));
    else
        log_error("%s \"%s\"", found ? "more than one token has the label" : "the module knows no token with the label", token);
    return GW_ERR(CONF);
}

static int load(struct module *m, const char *path)
{
    ck_rv_t (*list)(struct ck_function_list **) = NULL;

    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!m->library) {
        log_error("pkcs11.module: %s", dlerror());
        return GW_ERR(CONF);
    }
    *(void **)&list = dlsym(m->library, "C_GetFunctionList");
    if (!list || list(&m->f) != CKR_OK || !m->f) {
        log_error("pkcs11.module: %s is no PKCS#11 module", path);
        return GW_ERR(CONF);
    }
    return 0;
}

static int log_in(struct module *m, const char *path, const char *token, const char *pin)
{
    unsigned char secret[PIN_MAX];
    size_t n = strlen(pin);
    ck_slot_id_t slot = 0;
    /* one thread, here and in the module: the sandbox would not hold for another (main.c looks) */
    struct ck_c_initialize_args alone = { .flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS };
    ck_rv_t rv = m->f->C_Initialize(&alone);

    if (rv != CKR_OK) {
        log_error("pkcs11.module: %s does not start: %s", path, rv_text(rv));
        return GW_ERR(CONF);
    }
    m->initialized = true;
    if (find_slot(m, token, &slot) != 0)
        return GW_ERR(CONF);
    rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &m->session);
    if (rv == CKR_OK) {
        memcpy(secret, pin, n);
        rv = m->f->C_Login(m->session, CKU_USER, secret, n);
        explicit_bzero(secret, sizeof secret);
    }
    if (rv == CKR_OK)
        return 0;
    log_error("token \"%s\": no login: %s", token, rv_text(rv));
    return GW_ERR(CONF);
}

int module_open(const char *path, const char *token, const char *pin, struct module **ret)
{
    struct module *m = calloc(1, sizeof *m);
    int err = !m ? GW_ERR(NOMEM) : strlen(pin) >= PIN_MAX ? GW_ERR(CONF) : load(m, path);

    if (!err)
        err = log_in(m, path, token, pin);
    if (err) {
        module_close(m);
        return err;
    }
    *ret = m;
    return 0;
}

void module_close(struct module *m)
{
    if (!m)
        return;
    if (m->initialized)
        (void)m->f->C_Finalize(NULL);
    if (m->library)
        dlclose(m->library);
    free(m);
}

/* The one object of a class that a name stands for. */
static int find(struct module *m, const struct pkcs11_uri *u, ck_object_class_t class, const char *what, const char *as_written, ck_object_handle_t *ret)
{
    char label[sizeof u->object];
    unsigned char id[sizeof u->id];
    struct ck_attribute want[3] = { { CKA_CLASS, &class, sizeof class } };
    unsigned long n = 1, found = 0;
    ck_object_handle_t v[2];
    ck_rv_t rv;

    memcpy(label, u->object, sizeof label);
    memcpy(id, u->id, sizeof id);
    if (label[0])
        want[n++] = (struct ck_attribute){ CKA_LABEL, label, strlen(label) };
    if (u->id_n)
        want[n++] = (struct ck_attribute){ CKA_ID, id, u->id_n };
    rv = m->f->C_FindObjectsInit(m->session, want, n);
    if (rv == CKR_OK) {
        rv = m->f->C_FindObjects(m->session, v, 2, &found);
        (void)m->f->C_FindObjectsFinal(m->session);
    }
    if (rv == CKR_OK && found == 1) {
        *ret = v[0];
        return 0;
    }
    if (rv != CKR_OK)
        log_error("%s: cannot be looked for: %s", as_written, rv_text(rv));
    else
        log_error("%s: the token holds %s %s of that name%s", as_written, found ? "more than one" : "no", what, found ? "; add id=%xx" : "");
    return GW_ERR(CONF);
}

int module_find(struct module *m, const struct pkcs11_uri *u, const char *as_written, unsigned long *ret_key)
{
    return find(m, u, CKO_PRIVATE_KEY, "private key", as_written, ret_key);
}

int module_public(struct module *m, const struct pkcs11_uri *u, const char *as_written, unsigned char ret[32])
{
    unsigned char point[64];
    struct ck_attribute a = { CKA_EC_POINT, point, sizeof point };
    ck_object_handle_t h;
    int err = find(m, u, CKO_PUBLIC_KEY, "public key", as_written, &h);

    if (err)
        return err;
    /* PKCS#11 wants the point inside a DER OCTET STRING; some tokens give it bare */
    bool good = m->f->C_GetAttributeValue(m->session, h, &a, 1) == CKR_OK;
    if (good && a.value_len == 34 && point[0] == 0x04 && point[1] == 32)
        memcpy(ret, point + 2, 32);
    else if (good && a.value_len == 32)
        memcpy(ret, point, 32);
    else {
        log_error("%s: is no Ed25519 key", as_written);
        return GW_ERR(CONF);
    }
    return 0;
}

static void watch(int seconds)
{
    struct itimerval t = { .it_value = { .tv_sec = seconds } };
    (void)setitimer(ITIMER_REAL, &t, NULL); /* SIGALRM ends the process */
}

int module_sign(struct module *m, unsigned long key, enum module_way way, const unsigned char *p, size_t n, unsigned char *sig, size_t *ret_n)
{
    static const struct { ck_mechanism_type_t id; struct ck_rsa_pkcs_pss_params pss; } ways[] = {
        [WAY_RSA] = { CKM_RSA_PKCS, { 0, 0, 0 } }, [WAY_ECDSA] = { CKM_ECDSA, { 0, 0, 0 } }, [WAY_EDDSA] = { CKM_EDDSA, { 0, 0, 0 } },
        [WAY_PSS_256] = { CKM_RSA_PKCS_PSS, { CKM_SHA256, CKG_MGF1_SHA256, 32 } },
        [WAY_PSS_384] = { CKM_RSA_PKCS_PSS, { CKM_SHA384, CKG_MGF1_SHA384, 48 } },
        [WAY_PSS_512] = { CKM_RSA_PKCS_PSS, { CKM_SHA512, CKG_MGF1_SHA512, 64 } },
    };
    struct ck_rsa_pkcs_pss_params pss = ways[way].pss;
    struct ck_mechanism how = { ways[way].id, pss.s_len ? &pss : NULL, pss.s_len ? sizeof pss : 0 };
    unsigned char *input = malloc(n + 1); /* the module takes no const, and could write there */
    unsigned long len = SIGNATURE_MAX;
    ck_rv_t rv;

    if (!input)
        return GW_ERR(NOMEM);
    memcpy(input, p, n);
    watch(SIGN_SECONDS);
    rv = m->f->C_SignInit(m->session, &how, key);
    if (rv == CKR_OK)
        rv = m->f->C_Sign(m->session, input, n, sig, &len);
    watch(0);
    free(input);
    if (rv == CKR_OK && len > 0 && len <= SIGNATURE_MAX) {
        *ret_n = len;
        return 0;
    }
    log_error("the token does not sign: %s", rv == CKR_OK ? "a signature of a wrong length" : rv_text(rv));
    return GW_ERR(IO);
}
