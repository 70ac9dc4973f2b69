# make            build the programs into bin/
# make demo       see them work, on a throwaway PostgreSQL
# make check      build and run all tests
# make install    PREFIX=/usr/local, DESTDIR=
CC = cc
CFLAGS = -O2 -g
PREFIX = /usr/local
DESTDIR =

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wpedantic
ALL_CFLAGS = -std=c17 -D_POSIX_C_SOURCE=200809L $(WARNINGS) -Ibuild/sql $(CPPFLAGS) $(CFLAGS)
LIBS = -lcsv

PROGRAMS = fb-extract fb-resolve fb-apply fb-report
SHARED = buffer cohorts copytext csvtext error lines marks model options out script table text
SQL = $(wildcard src/sql/*.sql)
MANUALS = $(wildcard man/*.[157])

all: $(PROGRAMS:%=bin/%) bin/fb-backfill

$(PROGRAMS:%=bin/%): bin/%: build/%.o $(SHARED:%=build/%.o)
	@mkdir -p bin
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

build/%.o: src/%.c $(SQL:src/sql/%=build/sql/%.h)
	@mkdir -p build
	$(CC) $(ALL_CFLAGS) -MMD -c -o $@ $<

# A .sql file as the elements of a C array of char.
build/sql/%.sql.h: src/sql/%.sql
	@mkdir -p build/sql
	{ od -An -v -to1 $< | sed 's/ *\([0-7][0-7]*\)/0\1,/g'; echo 0; } > $@

bin/fb-backfill: src/fb-backfill.sh
	@mkdir -p bin
	install -m 755 $< $@

# What is missing is installed before anything is built, also under make -j.
check: prerequisites
	$(MAKE) all
	tests/run tests

demo: prerequisites
	$(MAKE) all
	PATH="$(CURDIR)/bin:$$PATH" examples/demo.sh

prerequisites:
	@tests/prerequisites.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 755 $(PROGRAMS:%=bin/%) bin/fb-backfill $(DESTDIR)$(PREFIX)/bin
	for page in $(MANUALS); do \
	    install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} || exit; done

uninstall:
	cd $(DESTDIR)$(PREFIX)/bin && rm -f $(PROGRAMS) fb-backfill
	for page in $(MANUALS:man/%=%); do \
	    rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page; done

# Preloaded into the programs, it makes their calls of the C library fail.
build/faults.so: tests/faults/faults.c
	@mkdir -p build
	$(CC) -std=c17 $(WARNINGS) -O2 -shared -fPIC -o $@ $< -ldl

clean:
	rm -rf bin build

.PHONY: all check demo prerequisites install uninstall clean
.SECONDARY:

-include $(wildcard build/*.d)
