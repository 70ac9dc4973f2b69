/* The report for machines: one JSON object (RFC 8259). fb-report(1) has its keys. */
#ifndef JSON_H
#define JSON_H

#include "counts.h"
#include "groups.h"
#include "lib/out.h"
#include "run.h"

/* What the counts are of: records, the rows that wait, which --check counts, or nothing, where a run did not come that far. */
enum json_kind { JSON_RECORDS, JSON_WAITING, JSON_NOTHING };

/* Prints the object and a newline: what is known of the run (NULL: nothing is), the counts, and the groups (NULL: they are not asked for). */
void json_put(struct out *, const struct run *, const struct counts *, const struct groups *, enum json_kind);

#endif
