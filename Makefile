# Lockgate. `make run` shows it at work, `make test` tests it; both install what they need. `make help` lists the rest.
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= gcc
AR      ?= ar
JOBS    ?= $(shell nproc)

WARN    = -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
          -Wconversion -Wno-sign-conversion -Wswitch-enum -Wundef -Werror=incompatible-pointer-types -Werror=int-conversion \
          -Werror=implicit-function-declaration
HARDEN  = -O2 -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-aliasing \
          -ftrivial-auto-var-init=zero $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
LINKS   = -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
SAN     =
ifdef SANITIZE
HARDEN  = -O1 -g -fno-omit-frame-pointer -fPIE -DLOCKGATE_SANITIZE
SAN     = -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifdef COVERAGE
HARDEN  = -O0 -g -fPIE -DLOCKGATE_COVERAGE
SAN     = --coverage -fprofile-abs-path
LINKS  += -Wl,--wrap=_exit $(BUILD)/gcov_end.o
endif
# Builds that watch themselves have a weaker sandbox: they have folders of their own, and are never installed. tests/links looks for the same name.
ifneq ($(SANITIZE)$(COVERAGE),)
ifneq ($(filter build install deb,$(BUILD) $(MAKECMDGOALS)),)
$(error SANITIZE=1 and COVERAGE=1 are for tests alone, with a BUILD folder of their own, as in `make sanitize` and `make coverage`)
endif
endif
ifneq ($(filter install deb,$(MAKECMDGOALS)),)
ifneq ($(shell nm $(BUILD)/bin/lockgate-edge 2>/dev/null | grep ' sandbox_weakened$$'),)
$(error $(BUILD) holds a build that watches itself, with a weaker sandbox: it is not installed)
endif
endif
CFLAGS  = -std=gnu11 -g -D_GNU_SOURCE -Iinclude -I$(BUILD)/gen $(WARN) $(HARDEN) $(SAN) $(EXTRA_CFLAGS)
LDFLAGS = $(LINKS) $(SAN)

# ---- rooms: a folder is one library or one program -----------------------------------------------------------------
LIBRARIES = base ipc record sandbox xmpp policy content ledger replay
PROGRAMS  = parent admission edge guard scanner journal keeper reader courier decoy token responder

# ---- the walls: what each program links, from the top down; tests/links holds the results against tests/links.txt ----
link_parent    = parent ipc base
libs_parent    = -lconfig -lcap-ng
link_admission = admission sandbox ipc base
libs_admission = -lnetfilter_queue -lmnl -lconfig -lseccomp -lcap-ng
link_edge      = edge xmpp record sandbox ipc base
libs_edge      = -luv -lssl -lcrypto -lexpat -lcares -licuuc -licudata -lconfig -lseccomp -lcap-ng
link_guard     = guard policy record sandbox ipc base
libs_guard     = -lcrypto -licuuc -licudata -lconfig -lseccomp -lcap-ng
link_scanner   = scanner content sandbox ipc base
libs_scanner   = -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lseccomp -lcap-ng -lm
link_journal   = journal ledger sandbox ipc base
libs_journal   = -lcrypto -lconfig -lseccomp -lcap-ng
link_keeper    = keeper sandbox ipc base
libs_keeper    = -lcrypto -lconfig -lseccomp -lcap-ng
# the vendor's module comes by dlopen, in this program alone
link_token     = token ledger sandbox ipc base
libs_token     = -lcrypto -lconfig -lseccomp -lcap-ng
link_decoy     = decoy sandbox ipc base
libs_decoy     = -lconfig -lseccomp -lcap-ng
link_responder = responder sandbox ipc base
libs_responder = -lconfig -lseccomp -lcap-ng
link_courier   = courier sandbox ipc base
libs_courier   = -lconfig -lseccomp -lcap-ng
link_reader    = reader record sandbox ipc base
libs_reader    = -lcrypto -licuuc -licudata -lconfig -lseccomp -lcap-ng
link_ctl       = ctl replay policy content ledger xmpp record ipc base
libs_ctl       = -lexpat -lpcap -lyara -lhs -licui18n -licuuc -licudata -lsqlite3 -ljansson -lcrypto -lconfig -lm

bins = $(PROGRAMS:%=$(BUILD)/bin/lockgate-%) $(BUILD)/bin/lockgate
all: $(bins)

sources = $(wildcard gw/$(1)/*.c)
objects = $(patsubst gw/%.c,$(BUILD)/obj/%.o,$(call sources,$(1)))

$(BUILD)/obj/%.o: gw/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

define library
$(BUILD)/lib$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBRARIES),$(eval $(call library,$(l))))

# $(1) name in link_/libs_, $(2) output
define program
$(2): $(call objects,$(firstword $(link_$(1)))) $(patsubst %,$(BUILD)/lib%.a,$(wordlist 2,99,$(link_$(1))))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(libs_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p),$(BUILD)/bin/lockgate-$(p))))
$(eval $(call program,ctl,$(BUILD)/bin/lockgate))

# ---- tests: each names its libraries in its first lines ("// link: xmpp record base", "// libs: -lexpat") -------------
unit_tests = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*.c))
fuzz_replays = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(filter-out tests/fuzz/main.c,$(wildcard tests/fuzz/*.c)))
linked = $(shell sed -n 's,^// link: ,,p' $(1))
libs_of = $(shell sed -n 's,^// libs: ,,p' $(1))

define unit
$(BUILD)/tests/$(1): tests/unit/$(1).c tests/unit/tap.h $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/unit/$(1).c))
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) -MMD -MP -Itests/unit -o $$@ $$< $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/unit/$(1).c)) $(LDFLAGS) $(call libs_of,tests/unit/$(1).c)
endef
$(foreach t,$(notdir $(unit_tests)),$(eval $(call unit,$(t))))

define fuzzreplay
$(BUILD)/fuzz/$(1): tests/fuzz/$(1).c tests/fuzz/main.c $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/fuzz/$(1).c))
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) -MMD -MP -o $$@ tests/fuzz/$(1).c tests/fuzz/main.c $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/fuzz/$(1).c)) $(LDFLAGS) $(call libs_of,tests/fuzz/$(1).c)
endef
$(foreach t,$(notdir $(fuzz_replays)),$(eval $(call fuzzreplay,$(t))))

# the tool behind the table of XEPs (tests/xeps)
define xepstool
$(BUILD)/xeps/$(1): tests/xeps/$(1).c $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/xeps/$(1).c))
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) -MMD -MP -o $$@ $$< $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/xeps/$(1).c)) $(LDFLAGS) $(call libs_of,tests/xeps/$(1).c)
endef
$(eval $(call xepstool,judge))

unit: $(unit_tests) $(BUILD)/xeps/judge
fuzz-replay: $(fuzz_replays)

# ---- programs gone mad, for tests that put one in the place of a real one (tests/e2e) ----------------------------------
mad_programs = $(patsubst tests/mad/%.c,$(BUILD)/mad/lockgate-%,$(wildcard tests/mad/*.c))
define madprogram
$(BUILD)/mad/lockgate-$(1): tests/mad/$(1).c $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/mad/$(1).c))
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) -o $$@ $$< $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/mad/$(1).c)) $(LDFLAGS) $(call libs_of,tests/mad/$(1).c)
endef
$(foreach t,$(patsubst tests/mad/%.c,%,$(wildcard tests/mad/*.c)),$(eval $(call madprogram,$(t))))
mad: $(mad_programs)

# ---- fuzzing: one minute for each target, or FUZZ_SECONDS; what is found lies in $(BUILD)/fuzzing --------------------
FUZZ_SECONDS ?= 60
# RECORD=1 writes tests/fuzz/totals.txt
fuzz:
	tests/lab/packages fuzz
	BUILD=$(BUILD) tests/fuzz/run $(if $(RECORD),--record) $(FUZZ_SECONDS)
fuzz-long:
	$(MAKE) fuzz FUZZ_SECONDS=3600

# ---- static analysis; what the tests reach ---------------------------------------------------------------------------
lint:
	tests/lab/packages build lint
	BUILD=$(BUILD) tests/tools/lint
# memcheck over the unit tests and the replays of the fuzz targets
valgrind:
	tests/lab/packages build test
	$(MAKE) -j$(JOBS) unit fuzz-replay
	BUILD=$(BUILD) tests/tools/valgrind
# address, undefined and leak sanitizers; a lab ends with an error when one of its programs has reported something (tests/lab/faults.py)
SANITIZE_TESTS ?= unit fuzz tools replay xeps e2e/lab e2e/xml e2e/delivery e2e/federation/routed e2e/reload e2e/limits e2e/mad_edge attack
sanitize:
	tests/lab/packages
	$(MAKE) -j$(JOBS) SANITIZE=1 BUILD=$(BUILD)/san all unit fuzz-replay bench-tools mad
	if LAB_PATIENCE=4 ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=print_stacktrace=1:exitcode=99 BUILD=$(BUILD)/san tests/run $(SANITIZE_TESTS); \
		then echo "sanitize: clean: no sanitizer has reported anything"; \
		else echo "sanitize: FAILED: reports stand in $(BUILD)/san/test-logs and lab-logs" >&2; exit 1; fi
# lines and branches of each folder; COVERAGE_TESTS: the groups that are run, as a rule all that tests/tools/coverage does not leave out.
# RECORD=1 writes tests/coverage.txt
COVERAGE_TESTS ?=
coverage:
	tests/lab/packages
	$(MAKE) -j$(JOBS) COVERAGE=1 BUILD=$(BUILD)/cov all unit fuzz-replay bench-tools mad
	BUILD=$(BUILD)/cov tests/tools/coverage $(if $(RECORD),--record) $(COVERAGE_TESTS)

# ---- benches --------------------------------------------------------------------------------------------------------
bench_tools = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
define benchtool
$(BUILD)/bench/$(1): tests/bench/$(1).c $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/bench/$(1).c))
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) -MMD -MP -o $$@ $$< $(patsubst %,$(BUILD)/lib%.a,$(call linked,tests/bench/$(1).c)) $(LDFLAGS) $(call libs_of,tests/bench/$(1).c)
endef
$(foreach t,$(notdir $(bench_tools)),$(eval $(call benchtool,$(t))))
# the journal without its sync, for the bench alone: what the rest of the way costs
nosync = $(BUILD)/nosync/lockgate-journal
$(nosync): tests/bench/nosync/fdatasync.c $(call objects,journal) $(patsubst %,$(BUILD)/lib%.a,$(wordlist 2,99,$(link_journal)))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(libs_journal)
bench-tools: $(bench_tools) $(nosync)
ifdef COVERAGE
$(bins) $(unit_tests) $(fuzz_replays) $(BUILD)/xeps/judge $(mad_programs) $(bench_tools) $(nosync): | $(BUILD)/gcov_end.o
$(BUILD)/gcov_end.o: tests/tools/gcov_end.c
	@mkdir -p $(@D)
	$(CC) -O2 -fPIE -c -o $@ $<
endif
# RECORD=1 adds a line to tests/bench/history.tsv
bench:
	tests/lab/packages build runtime lab test bench
	$(MAKE) -j$(JOBS) all bench-tools
	BUILD=$(BUILD) tests/bench/run $(if $(RECORD),--record)
bench-search: all bench-tools
	BUILD=$(BUILD) tests/bench/search 10000000

# ---- the lab, the tests ---------------------------------------------------------------------------------------------
run:
	tests/lab/run
lab-up:
	tests/lab/up
lab-down:
	tests/lab/down
test:
	tests/lab/packages
	$(MAKE) -j$(JOBS) all unit fuzz-replay bench-tools mad
	tests/run
test-long:
	tests/lab/packages
	tests/lab/packages long
	$(MAKE) -j$(JOBS) all unit fuzz-replay bench-tools mad
	tests/run --long
	tests/long/soak $(SOAK_MINUTES)
	$(MAKE) sanitize
	BUILD=$(BUILD) tests/tools/valgrind
	tests/long/clean-root run test
	tests/long/clean-root package

SOAK_MINUTES ?= 30
soak:
	tests/lab/packages
	$(MAKE) -j$(JOBS) all
	tests/long/soak $(SOAK_MINUTES)

# ---- installing -----------------------------------------------------------------------------------------------------
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/lockgate $(DESTDIR)/etc/lockgate
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/lockgate
	install -d -m 0750 $(DESTDIR)/etc/lockgate/tls
	install $(BUILD)/bin/lockgate $(DESTDIR)$(PREFIX)/bin/
	install $(PROGRAMS:%=$(BUILD)/bin/lockgate-%) $(DESTDIR)$(PREFIX)/libexec/lockgate/
	install -d $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/doc/lockgate/examples
	for u in conf/systemd/*.service conf/systemd/*.timer; do \
		sed 's,/usr/local/bin/lockgate,$(PREFIX)/bin/lockgate,g' $$u > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}; done
	install -m 0644 conf/journal.schema.json $(DESTDIR)$(PREFIX)/share/lockgate/
	install -d $(DESTDIR)$(PREFIX)/share/lockgate/standby
	install conf/standby/lockgate-standby $(DESTDIR)$(PREFIX)/share/lockgate/standby/
	install -m 0644 conf/standby/keepalived.conf conf/standby/standby.conf conf/standby/sharing $(DESTDIR)$(PREFIX)/share/lockgate/standby/
	conf/man/make $(BUILD)/bin/lockgate $(BUILD)/man
	install -m 0644 $(BUILD)/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 0644 $(BUILD)/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 0644 conf/completion/lockgate $(DESTDIR)$(PREFIX)/share/bash-completion/completions/
	install -m 0644 conf/examples/*.conf $(DESTDIR)$(PREFIX)/share/doc/lockgate/examples/
	test -e $(DESTDIR)/etc/lockgate/lockgate.conf || \
		sed 's,^\( *rules = \)"../rules",\1"rules",' conf/lockgate.conf > $(DESTDIR)/etc/lockgate/lockgate.conf
	test -e $(DESTDIR)/etc/lockgate/rules || cp -r rules $(DESTDIR)/etc/lockgate/

# The Debian package: $(BUILD)/lockgate_VERSION_ARCH.deb; VERSION=... names another version
deb:
	tests/lab/packages build deb
	$(MAKE) -j$(JOBS) all
	conf/debian/build $(BUILD) $(VERSION)

help:
	@echo "run        the lab: two servers, the gateway between them, a scripted exchange (root)"
	@echo "test       everything that is tested in about ten minutes (root)"
	@echo "test-long  what takes longer: kill runs, sanitizers, soaks"
	@echo "lab-up     the lab, left standing; lab-down takes it away"
	@echo "lint       static analysis: cppcheck, clang-tidy, gcc -fanalyzer; coverage: what the tests reach, by folder"
	@echo "sanitize   address, undefined and leak sanitizers over unit tests, fuzz replays and labs; valgrind: memcheck over the first two"
	@echo "soak       good and hostile load for SOAK_MINUTES (30): memory, descriptors, delay"
	@echo "bench      figures beside their references; bench-search: ten million records (7 GB); fuzz, fuzz-long: fuzzers"
	@echo "all        builds into $(BUILD)/; install honours DESTDIR and PREFIX; deb: a Debian package; clean"

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/tests/*.d $(BUILD)/fuzz/*.d $(BUILD)/bench/*.d $(BUILD)/xeps/*.d)

clean:
	rm -rf $(BUILD)
.PHONY: deb bench-search all unit mad fuzz-replay fuzz fuzz-long lint valgrind sanitize coverage soak bench-tools bench run lab-up lab-down test test-long install help clean
