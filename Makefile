# make            build the programs into bin/
# make demo       see them work, on a throwaway PostgreSQL
# make check      build and run all tests
# make lint       read it with cppcheck, clang-tidy, clang's analyzer, shellcheck and mandoc
# make format     bring the C source near to its style, by clang-format; read what it did
# make fuzz       feed it what a fuzzer comes up with; FUZZ_SECONDS=60 for each harness
# make install    PREFIX=/usr/local, DESTDIR=
# make dist       build/fb-VERSION.tar.gz, all of the source
# make deb        build/deb/fb_VERSION_ARCHITECTURE.deb, a Debian package
CC = cc
CFLAGS = -O3 -g
PREFIX = /usr/local
DESTDIR =
# Debian has another folder for what packages bring.
ZSH_COMPLETIONS = $(PREFIX)/share/zsh/site-functions
BIN = bin
BUILD = build

# Files of 2 GiB and more, and times after 2038, on 32-bit systems too.
LARGE = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wpedantic
ALL_CFLAGS = -std=c17 -D_POSIX_C_SOURCE=200809L $(LARGE) $(WARNINGS) -I$(BUILD)/sql $(CPPFLAGS) $(CFLAGS)
LIBS = -lcsv

PROGRAMS = fb-extract fb-resolve fb-apply fb-report
SHARED = buffer cohorts copytext csvtext error lines marks model options out script table text
SQL = $(wildcard src/sql/*.sql)
MANUALS = $(wildcard man/*.[157])

all: $(PROGRAMS:%=$(BIN)/%) $(BIN)/fb-backfill

$(PROGRAMS:%=$(BIN)/%): $(BIN)/%: $(BUILD)/%.o $(SHARED:%=$(BUILD)/%.o)
	@mkdir -p $(BIN)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: src/%.c $(SQL:src/sql/%=$(BUILD)/sql/%.h)
	@mkdir -p $(BUILD)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A .sql file as the elements of a C array of char.
$(BUILD)/sql/%.sql.h: src/sql/%.sql
	@mkdir -p $(BUILD)/sql
	{ od -An -v -to1 $< | sed 's/ *\([0-7][0-7]*\)/0\1,/g'; echo 0; } > $@

$(BIN)/fb-backfill: src/fb-backfill.sh
	@mkdir -p $(BIN)
	install -m 755 $< $@

# What is missing is installed before anything is built, also under make -j.
check: prerequisites
	$(MAKE) all
	tests/run tests

demo:
	@tests/prerequisites.sh demo
	$(MAKE) all
	PATH="$(CURDIR)/bin:$$PATH" examples/demo.sh

# The README's first picture.
picture:
	@tests/prerequisites.sh demo
	$(MAKE) all
	PATH="$(CURDIR)/bin:$$PATH" pg_virtualenv -t sh -c \
	    'psql -Xqf tests/original/sample.sql && examples/picture.sh > examples/picture.svg'

prerequisites:
	@tests/prerequisites.sh

# ---- installing ----

MAN = $(DESTDIR)$(PREFIX)/share/man
DOC = $(DESTDIR)$(PREFIX)/share/doc/fb
BASH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DOCUMENTS = README.md CHANGELOG.md $(shell find examples -type f)

# bash looks for a completion by the name of the program.
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(MAN)/man1 $(MAN)/man5 $(MAN)/man7 \
	    $(BASH_COMPLETIONS) $(DESTDIR)$(ZSH_COMPLETIONS)
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(BIN)/fb-backfill $(DESTDIR)$(PREFIX)/bin
	for page in $(MANUALS); do \
	    install -m 644 $$page $(MAN)/man$${page##*.} || exit; done
	for program in $(PROGRAMS) fb-backfill; do \
	    install -m 644 completions/fb.bash $(BASH_COMPLETIONS)/$$program || exit; done
	install -m 644 completions/_fb $(DESTDIR)$(ZSH_COMPLETIONS)
	for file in $(DOCUMENTS); do \
	    mode=644; [ ! -x $$file ] || mode=755; \
	    install -d $$(dirname $(DOC)/$$file) && install -m $$mode $$file $(DOC)/$$file || exit; done

# Folders that others use as well stay.
uninstall:
	rm -f $(foreach program,$(PROGRAMS) fb-backfill,$(DESTDIR)$(PREFIX)/bin/$(program) $(BASH_COMPLETIONS)/$(program))
	for page in $(MANUALS:man/%=%); do \
	    rm -f $(MAN)/man$${page##*.}/$$page; done
	rm -f $(DESTDIR)$(ZSH_COMPLETIONS)/_fb $(DOCUMENTS:%=$(DOC)/%)
	[ ! -d $(DOC) ] || find $(DOC) -type d -empty -delete

# ---- packages: what they hold is the same at each build, to the byte ----

VERSION = $(shell sed -n 's/.*FB_VERSION "\(.*\)"/\1/p' src/version.h)
RELEASED = $(shell sed -n 's/^.. \[$(VERSION)\] - //p' CHANGELOG.md)
TARBALL = build/fb-$(VERSION).tar.gz

# All that git has, or, where the source came without git, as from a tarball, all that is there; with the
# date of the version, and nobody's.
dist:
	@[ "$(RELEASED)" ] || { echo 'CHANGELOG.md has no line ## [$(VERSION)] - DATE' >&2; exit 2; }
	@mkdir -p build
	if [ -e .git ]; then git ls-files; else find . -type f ! -path './bin/*' ! -path './build/*' | cut -c 3- | \
	    LC_ALL=C sort; fi > build/files
	tar --create --file=$(TARBALL:.gz=) --format=ustar --files-from=build/files --transform='s,^,fb-$(VERSION)/,' \
	    --owner=root:0 --group=root:0 --mode=u=rwX,go=rX --mtime='$(RELEASED) UTC'
	gzip -9nf $(TARBALL:.gz=)
	@echo $(TARBALL)

# Built from the tarball, in a folder of its own. What it takes was seen to by tests/prerequisites.sh, hence -d.
deb:
	@tests/prerequisites.sh deb
	$(MAKE) dist
	rm -rf build/deb
	mkdir build/deb
	tar -xzf $(TARBALL) -C build/deb
	cd build/deb/fb-$(VERSION) && debian/make-changelog '$(VERSION)' '$(RELEASED)' > debian/changelog && \
	    DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -d -b -us -uc
	@echo build/deb/*.deb

.PHONY: dist deb

# Preloaded into the programs, it makes their calls of the C library fail.
build/faults.so: tests/faults/faults.c
	@mkdir -p build
	$(CC) -std=c17 $(WARNINGS) -O2 -shared -fPIC -o $@ $< -ldl

clean:
	rm -rf bin build

# ---- the suite with other builds of the programs, or under other tools ----
#
# make sanitize  all tests, with AddressSanitizer and UndefinedBehaviorSanitizer
# make valgrind  the programs' own tests, under memcheck
# make coverage  the tests of the four programs must reach every line and branch of src/*.c, or
#                tests/coverage-exceptions says why not
# make check-ports
#                the programs' own tests on i386, arm64, s390x and musl; PORTS='i386 s390x' chooses

SANITIZE_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,local-bounds,nullability \
    -fno-sanitize-recover=all -shared-libasan

sanitize:
	@tests/prerequisites.sh sanitize
	$(MAKE) all
	$(MAKE) all BUILD=build/sanitize BIN=build/sanitize/bin CC=clang CFLAGS='$(SANITIZE_CFLAGS)' \
	    LDFLAGS="-Wl,-rpath,$$(clang -print-resource-dir)/lib/linux"
	tests/sanitize

valgrind:
	@tests/prerequisites.sh valgrind
	$(MAKE) all
	tests/valgrind

coverage:
	@tests/prerequisites.sh coverage
	$(MAKE) all
	$(MAKE) all BUILD=build/coverage BIN=build/coverage/bin CC=clang \
	    CFLAGS='-O0 -g -fprofile-instr-generate -fcoverage-mapping'
	tests/coverage

check-ports:
	@tests/prerequisites.sh ports
	tests/ports

.PHONY: sanitize valgrind coverage check-ports

# ---- lint: what can be seen of the source without running it; src/ includes what is built from src/sql ----

lint: $(SQL:src/sql/%=build/sql/%.h)
	@tests/prerequisites.sh lint
	tests/lint

format:
	@tests/prerequisites.sh format
	clang-format -i src/*.[ch] tests/fuzz/*.[ch] tests/faults/*.c

.PHONY: lint format

# ---- fuzzing: the modules under libFuzzer and the sanitizers, on a system of memory (tests/fuzz) ----
#
# make fuzz        each harness for FUZZ_SECONDS
# make fuzz-seeds  the kept inputs, once

FUZZ_SECONDS = 60
FUZZERS = text-records csv-records cohorts script report
FUZZ_CC = clang
FUZZ_CFLAGS = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

fuzz fuzz-seeds:
	@tests/prerequisites.sh fuzz
	$(MAKE) fuzzers
	@for fuzzer in $(FUZZERS); do \
	    tests/fuzz/run $$fuzzer $(if $(filter fuzz,$@),-max_total_time=$(FUZZ_SECONDS),-runs=0) || exit; done

fuzzers: $(FUZZERS:%=build/fuzz/%)

$(FUZZERS:%=build/fuzz/%): build/fuzz/%: build/fuzz/harness/%.o build/fuzz/system.o build/fuzz/naive.o $(SHARED:%=build/fuzz/src/%.o)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

build/fuzz/src/%.o: src/%.c $(SQL:src/sql/%=build/sql/%.h)
	@mkdir -p build/fuzz/src
	$(FUZZ_CC) $(ALL_CFLAGS) $(FUZZ_CFLAGS) -DUNDER_TEST -include tests/fuzz/system.h -MMD -c -o $@ $<

build/fuzz/harness/%.o: tests/fuzz/%.c $(SQL:src/sql/%=build/sql/%.h)
	@mkdir -p build/fuzz/harness
	$(FUZZ_CC) $(ALL_CFLAGS) $(FUZZ_CFLAGS) -Isrc -DUNDER_TEST -include tests/fuzz/system.h -MMD -c -o $@ $<

build/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p build/fuzz
	$(FUZZ_CC) $(ALL_CFLAGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -MMD -c -o $@ $<

.PHONY: fuzz fuzz-seeds fuzzers

-include $(wildcard build/fuzz/*.d build/fuzz/*/*.d)

# ---- benchmarks: beside other programs, and beside one plain UPDATE (tests/bench) ----

bench:
	@tests/prerequisites.sh >&2
	@$(MAKE) all >&2
	@tests/bench/filters.sh build/bench
	@tests/bench/growth.sh build/bench
	@tests/bench/database.sh

# What does not depend on the machine's load: instructions a record.
instructions:
	@tests/prerequisites.sh valgrind
	$(MAKE) all
	tests/bench/instructions

.PHONY: bench instructions

.PHONY: all check demo picture prerequisites install uninstall clean
.SECONDARY:

-include $(wildcard $(BUILD)/*.d)
