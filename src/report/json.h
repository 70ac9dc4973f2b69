/* The report as one JSON object (RFC 8259). fb-report(1) lists its keys. */
#ifndef JSON_H
#define JSON_H

#include "counts.h"
#include "groups.h"
#include "lib/out.h"
#include "run.h"

/* What was counted: records, the unfilled rows of --check, or nothing, if a run stopped before that. */
enum json_kind { JSON_RECORDS, JSON_WAITING, JSON_NOTHING };

/* Prints the object and a newline: the run (may be NULL), the counts, and the groups (may be NULL). */
void json_put(struct out *, const struct run *, const struct counts *, const struct groups *, enum json_kind);

#endif
