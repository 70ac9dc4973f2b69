# make            build the programs into bin/
# make demo       see them work, on a throwaway PostgreSQL
# make check      build them and run the tests; tests/README.md says what else there is to run
# make prerequisites   install what that needs and this machine lacks (as root, on Debian), or name it
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

# As Debian's packages are built; an overflow ends the program instead of being exploitable.
HARDENING = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
HARDENED_LINK = -pie -Wl,-z,relro,-z,now
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wpedantic
# Files of 2 GiB and more, and times after 2038, on 32-bit systems too.
LARGE = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
ALL_CFLAGS = -std=c17 -D_POSIX_C_SOURCE=200809L $(LARGE) $(WARNINGS) -Isrc -I$(BUILD)/sql $(HARDENING) $(CPPFLAGS) $(CFLAGS)
LIBS = -lcsv

PROGRAMS = fb-extract fb-resolve fb-apply fb-report
LIBRARY = $(patsubst src/%.c,%,$(wildcard src/lib/*.c))
REPORT = $(patsubst src/%.c,%,$(wildcard src/report/*.c))
SQL = $(wildcard src/sql/*.sql)
MANUALS = $(wildcard man/*.[157])

all: $(PROGRAMS:%=$(BIN)/%) $(BIN)/fb-backfill

$(PROGRAMS:%=$(BIN)/%): $(BIN)/%: $(BUILD)/%.o $(BUILD)/libfb.a
	@mkdir -p $(BIN)
	$(CC) $(ALL_CFLAGS) $(HARDENED_LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BIN)/fb-report: $(REPORT:%=$(BUILD)/%.o)

# What the programs share.
$(BUILD)/libfb.a: $(LIBRARY:%=$(BUILD)/%.o)
	rm -f $@
	$(AR) -rcs $@ $^

$(BUILD)/%.o: src/%.c $(SQL:src/sql/%=$(BUILD)/sql/%.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A .sql file as the elements of a C array of char.
$(BUILD)/sql/%.sql.h: src/sql/%.sql
	@mkdir -p $(BUILD)/sql
	{ od -An -v -to1 $< | sed 's/ *\([0-7][0-7]*\)/0\1,/g'; echo 0; } > $@

$(BIN)/fb-backfill: src/fb-backfill.sh
	@mkdir -p $(BIN)
	install -m 755 $< $@

demo:
	@tests/prerequisites.sh demo
	$(MAKE) all
	PATH="$(CURDIR)/bin:$$PATH" examples/demo.sh

# The README's first picture.
picture:
	@tests/prerequisites.sh demo
	$(MAKE) all
	PATH="$(CURDIR)/bin:$$PATH" examples/with-server.sh sh -c \
	    'psql -Xqf tests/original/sample.sql && examples/picture.sh > examples/picture.svg'

prerequisites:
	@tests/prerequisites.sh

# ---- installing ----

# In quotes, since a folder's name may have blanks.
MAN = "$(DESTDIR)$(PREFIX)/share/man"
DOC = "$(DESTDIR)$(PREFIX)/share/doc/fb"
BASH_COMPLETIONS = "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
ZSH = "$(DESTDIR)$(ZSH_COMPLETIONS)"
PROGRAMS_FOLDER = "$(DESTDIR)$(PREFIX)/bin"
# These by name: whatever else lies in examples/ is somebody's own.
DOCUMENTS = README.md CHANGELOG.md LICENSE $(addprefix examples/,README.md container/Dockerfile \
    container/Dockerfile.dockerignore container/README.md container/cronjob.yaml csv/answers.csv csv/cohorts.csv csv/reviews.csv \
    csv-replay.sh data.sql demo.sh django/README.md django/backfill_feedback_syllabus.py fb-backfill.cron \
    fb-backfill.service fb-backfill.timer least-privilege.sql picture.sh picture.svg pipeline.sh schema.sql \
    several-databases.sh terminal-svg.py with-server.sh)

# bash looks for a completion by the name of the program.
install: all
	install -d $(PROGRAMS_FOLDER) $(MAN)/man1 $(MAN)/man5 $(MAN)/man7 $(BASH_COMPLETIONS) $(ZSH)
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(BIN)/fb-backfill $(PROGRAMS_FOLDER)
	for page in $(MANUALS); do \
	    install -m 644 $$page $(MAN)/man$${page##*.} || exit; done
	for program in $(PROGRAMS) fb-backfill; do \
	    install -m 644 completions/fb.bash $(BASH_COMPLETIONS)/$$program || exit; done
	install -m 644 completions/_fb $(ZSH)
	for file in $(DOCUMENTS); do \
	    mode=644; [ ! -x $$file ] || mode=755; \
	    install -d "$$(dirname $(DOC)/$$file)" && install -m $$mode $$file $(DOC)/$$file || exit; done

# Folders that others use as well stay.
uninstall:
	rm -f $(foreach program,$(PROGRAMS) fb-backfill,$(PROGRAMS_FOLDER)/$(program) $(BASH_COMPLETIONS)/$(program))
	for page in $(MANUALS:man/%=%); do \
	    rm -f $(MAN)/man$${page##*.}/$$page; done
	rm -f $(ZSH)/_fb $(DOCUMENTS:%=$(DOC)/%)
	[ ! -d $(DOC) ] || find $(DOC) -type d -empty -delete

# ---- packages: what they hold is the same at each build, to the byte ----

VERSION = $(shell sed -n 's/.*FB_VERSION "\(.*\)"/\1/p' src/lib/version.h)
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

# Built from the tarball, in a folder of its own. tests/prerequisites.sh has checked the build dependencies, hence -d.
deb:
	@tests/prerequisites.sh deb
	$(MAKE) dist
	rm -rf build/deb
	mkdir build/deb
	tar -xzf $(TARBALL) -C build/deb
	cd build/deb/fb-$(VERSION) && debian/make-changelog '$(VERSION)' '$(RELEASED)' > debian/changelog && \
	    DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -d -b -us -uc
	@echo build/deb/*.deb

clean:
	rm -rf bin build

# ---- tests, lint, fuzzing and benchmarks ----

include tests/Makefile

.PHONY: all demo picture prerequisites install uninstall clean dist deb
.SECONDARY:

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d)
