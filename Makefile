# make            build the programs into bin/
# make demo       see them work, on a throwaway PostgreSQL
# make check      build them and run the tests; see tests/README.md for other targets
# make prerequisites   install what they need and this machine lacks (as root, on Debian), or name it
# make install    PREFIX=/usr/local, DESTDIR=
# make dist       build/fb-VERSION.tar.gz, the whole source
# make deb        build/deb/fb_VERSION_ARCHITECTURE.deb, a Debian package
CC = cc
CFLAGS = -O3 -g
PREFIX = /usr/local
DESTDIR =
# Debian's packages use another folder.
ZSH_COMPLETIONS = $(PREFIX)/share/zsh/site-functions
BIN = bin
BUILD = build

# The flags of Debian's packages: a buffer overflow ends the program instead of being exploitable.
HARDENING = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
HARDENED_LINK = -pie -Wl,-z,relro,-z,now
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wpedantic
# Files of 2 GiB and more, and times after 2038, even on 32-bit systems.
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

# The library that the programs share.
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

# Quoted, since names of folders may contain blanks.
MAN = "$(DESTDIR)$(PREFIX)/share/man"
DOC = "$(DESTDIR)$(PREFIX)/share/doc/fb"
BASH_COMPLETIONS = "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
ZSH = "$(DESTDIR)$(ZSH_COMPLETIONS)"
PROGRAMS_FOLDER = "$(DESTDIR)$(PREFIX)/bin"
# Listed by name: anything else in examples/ is somebody's own.
DOCUMENTS = README.md CHANGELOG.md $(addprefix examples/,README.md csv/answers.csv csv/cohorts.csv csv/reviews.csv \
    csv-replay.sh data.sql demo.sh fb-backfill.cron fb-backfill.service fb-backfill.timer least-privilege.sql picture.sh \
    picture.svg pipeline.sh schema.sql several-databases.sh terminal-svg.py with-server.sh)

# bash finds a completion by the name of the program.
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

# Folders that others use as well are kept.
uninstall:
	rm -f $(foreach program,$(PROGRAMS) fb-backfill,$(PROGRAMS_FOLDER)/$(program) $(BASH_COMPLETIONS)/$(program))
	for page in $(MANUALS:man/%=%); do \
	    rm -f $(MAN)/man$${page##*.}/$$page; done
	rm -f $(ZSH)/_fb $(DOCUMENTS:%=$(DOC)/%)
	[ ! -d $(DOC) ] || find $(DOC) -type d -empty -delete

# ---- packages: each build is the same, byte for byte ----

VERSION = $(shell sed -n 's/.*FB_VERSION "\(.*\)"/\1/p' src/lib/version.h)
RELEASED = $(shell sed -n 's/^.. \[$(VERSION)\] - //p' CHANGELOG.md)
TARBALL = build/fb-$(VERSION).tar.gz

# All files in git or, without git (from a tarball), all files; with the date of the version, and no
# owner's name.
dist:
	@[ "$(RELEASED)" ] || { echo 'CHANGELOG.md has no line ## [$(VERSION)] - DATE' >&2; exit 2; }
	@mkdir -p build
	if [ -e .git ]; then git ls-files; else find . -type f ! -path './bin/*' ! -path './build/*' | cut -c 3- | \
	    LC_ALL=C sort; fi > build/files
	tar --create --file=$(TARBALL:.gz=) --format=ustar --files-from=build/files --transform='s,^,fb-$(VERSION)/,' \
	    --owner=root:0 --group=root:0 --mode=u=rwX,go=rX --mtime='$(RELEASED) UTC'
	gzip -9nf $(TARBALL:.gz=)
	@echo $(TARBALL)

# Built from the tarball, in its own folder. -d: tests/prerequisites.sh has checked the build dependencies.
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
