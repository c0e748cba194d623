/* SPDX-License-Identifier: GPL-3.0-or-later
 * stub */
#include "log_search.h"
int log_index_build(const char *folder, bool progress) { (void)folder; (void)progress; return 0; }
int log_index_ask(const char *folder, const struct log_filter *f, struct log_place **p, size_t *n, uint64_t *u) { (void)folder; (void)f; (void)p; (void)n; (void)u; return 0; }
void log_index_background(const char *folder, uint64_t bytes) { (void)folder; (void)bytes; }
